package diag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

func TestGitHub(t *testing.T) {
	o := diag.Options{Prefix: "deploy/k8s", Source: sources(map[string]string{
		"p/a.cue": "package p\np: \"x\": extends: [\"a\"]\n",
	})}
	list := append(sample(), diag.Diagnostic{
		Code: "KC103", Pos: diag.Position{File: "../a,b:c%.cue"}, Message: "100%\r\nunreadable: no, thanks",
	})
	const want = `::error file=deploy/k8s/p/a.cue,line=2,col=10,endColumn=16,title=KC304::p."x".extends: two values of a <setting>%0Ap/a.cue:1:1: one%0A-: nowhere%0Adecide in overrides:%0A	overrides: x: 1
::warning file=deploy/k8s/b.yaml,line=1,col=1,title=KC409::odd
::error title=KC601::unknown target
::error file=deploy/a%2Cb%3Ac%25.cue,title=KC103::100%25%0D%0Aunreadable: no, thanks
`
	if diff := cmp.Diff(want, write(t, diag.GitHub, list, o)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// command is a workflow command as the runner reads it.
type command struct {
	name       string
	properties map[string]string
	data       string
}

// parseCommand reads a line as GitHub's runner does (actions/runner,
// src/Runner.Common/ActionCommand.cs, TryParseV2).
func parseCommand(t *testing.T, line string) command {
	t.Helper()
	rest, ok := strings.CutPrefix(line, "::")
	head, data, ok2 := strings.Cut(rest, "::")
	if !ok || !ok2 {
		t.Fatalf("no workflow command: %q", line)
	}
	name, properties, _ := strings.Cut(head, " ")
	c := command{name, map[string]string{}, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(data)}
	for p := range strings.SplitSeq(properties, ",") {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			t.Fatalf("no property: %q in %q", p, line)
		}
		c.properties[key] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
	}
	return c
}

// TestGitHubRoundTrip reads commands back, with every character that they
// escape and some that look like escapes.
func TestGitHubRoundTrip(t *testing.T) {
	const odd = "%25:,\r\n::error file=x::y%0A==%"
	list := diag.List{{
		Code: "KC201", Severity: diag.Warning, Pos: at(odd, 3, 4), Path: odd, Message: odd, Hint: odd,
	}}
	got := write(t, diag.GitHub, list, diag.Options{})
	if strings.Count(got, "\n") != 1 || strings.Contains(got, "\r") {
		t.Fatalf("not one line: %q", got)
	}
	want := command{"warning", map[string]string{"file": odd, "line": "3", "col": "4", "title": "KC201"}, odd + ": " + odd + "\n" + odd}
	if diff := cmp.Diff(want, parseCommand(t, strings.TrimSuffix(got, "\n")), cmp.AllowUnexported(command{})); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
}
