package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/load"
)

// TestVersionOf holds what kcue version says to what the Go toolchain writes
// into a binary in each way of building it.
func TestVersionOf(t *testing.T) {
	cue := []*debug.Module{{Path: "github.com/spf13/cobra", Version: "v1.10.2"}, {Path: cuePath, Version: "v0.17.1"}}
	base := versions{
		Version: develVersion, CUE: "v0.17.1", Kyverno: "v1.19.1", Module: load.EmbeddedVersion,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	with := func(change func(*versions)) versions {
		v := base
		change(&v)
		return v
	}
	const revision = "95f824b0c1d2e3f40516273849506172839405a6"
	for _, tt := range []struct {
		name string
		info *debug.BuildInfo
		want versions
		line string
	}{
		{
			name: "go install of a version: no repository",
			info: &debug.BuildInfo{Main: debug.Module{Path: "kcue.dev", Version: "v0.1.0"}, Deps: cue},
			want: with(func(v *versions) { v.Version = "v0.1.0" }),
			line: "kcue v0.1.0\n",
		},
		{
			name: "a release, built at its tag",
			info: &debug.BuildInfo{
				Main: debug.Module{Path: "kcue.dev", Version: "v0.1.0"}, Deps: cue,
				Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "false"}},
			},
			want: with(func(v *versions) { v.Version, v.Revision = "v0.1.0", revision }),
			line: "kcue v0.1.0 " + revision + "\n",
		},
		{
			name: "go build in a checkout with changed files",
			info: &debug.BuildInfo{
				Main: debug.Module{Path: "kcue.dev", Version: "v0.1.1-0.20261123211700-95f824b0c1d2+dirty"}, Deps: cue,
				Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "true"}},
			},
			want: with(func(v *versions) {
				v.Version, v.Revision, v.Modified = "v0.1.1-0.20261123211700-95f824b0c1d2+dirty", revision, true
			}),
			line: "kcue v0.1.1-0.20261123211700-95f824b0c1d2+dirty " + revision + "\n",
		},
		{
			name: "go build without git",
			info: &debug.BuildInfo{Main: debug.Module{Path: "kcue.dev", Version: develVersion}, Deps: cue},
			want: base,
			line: "kcue (devel)\n",
		},
		{
			name: "a test binary, whose module has no version",
			info: &debug.BuildInfo{Main: debug.Module{Path: "kcue.dev"}, Deps: cue},
			want: base,
			line: "kcue (devel)\n",
		},
		{
			name: "CUE replaced in a workspace",
			info: &debug.BuildInfo{Main: debug.Module{Path: "kcue.dev"}, Deps: []*debug.Module{
				{Path: cuePath, Version: "v0.17.1", Replace: &debug.Module{Path: "../cue"}},
			}},
			want: with(func(v *versions) { v.CUE = "../cue" }),
			line: "kcue (devel)\ncue ../cue\n",
		},
		{
			name: "nothing is known",
			want: with(func(v *versions) { v.CUE = "unknown" }),
			line: "kcue (devel)\ncue unknown\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := versionOf(tt.info, "v1.19.1")
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if text := got.text(); len(text) < len(tt.line) || text[:len(tt.line)] != tt.line {
				t.Errorf("the text is\n%s\nwant it to begin with\n%s", text, tt.line)
			}
		})
	}
}
