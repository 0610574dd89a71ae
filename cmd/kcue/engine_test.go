package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/protocol"
)

func TestEngineEnvironment(t *testing.T) {
	const noProfile = "GODEBUG=memprofilerate=0"
	for name, tt := range map[string]struct{ environ, want []string }{
		"nothing set":          {[]string{"A=b"}, []string{"A=b", noProfile, "GOGC=off", protocol.StartVariable + "=1"}},
		"the user's collector": {[]string{"GOGC=50"}, []string{"GOGC=50", noProfile}},
		"the user's limit":     {[]string{"GOMEMLIMIT=1GiB"}, []string{"GOMEMLIMIT=1GiB", noProfile}},
		"the user's profile": {[]string{"GODEBUG=memprofilerate=1", "GOGC=50"},
			[]string{"GODEBUG=memprofilerate=1", "GOGC=50", noProfile + ",memprofilerate=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, engineEnvironment(tt.environ)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
