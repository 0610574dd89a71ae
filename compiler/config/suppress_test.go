package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/config"
	"kcue.dev/diag"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, mistakes := config.Parse(config.Name, []byte(text))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return c
}

func TestDisabled(t *testing.T) {
	tests := []struct {
		text         string
		code         diag.Code
		policy, file string
		want         bool
	}{
		{"disable: [KC409]", "KC409", "", "", true},
		{"disable: [KC409]", "KC409", "any", "any.cue", true},
		{"disable: [KC409]", "KC108", "any", "any.cue", false},
		{"disable: [KC5]", "KC501", "", "", true},
		{"disable: [KC5]", "KC409", "", "", false},
		{"disable: [KC5]", diag.UnusedSuppression, "", "", false},

		{"policies: {a: {disable: [KC409]}}", "KC409", "a", "", true},
		{"policies: {a: {disable: [KC409]}}", "KC409", "ab", "", false},
		{"policies: {a: {disable: [KC409]}}", "KC409", "", "", false},
		{"policies: {a: {disable: [KC409]}}", "KC409", "ns/a", "", true},
		{"policies: {a: {disable: [KC409]}}", "KC409", "a/ns", "", false},
		{"policies: {ns/a: {disable: [KC409]}}", "KC409", "ns/a", "", true},
		{"policies: {ns/a: {disable: [KC409]}}", "KC409", "a", "", false},
		{"policies: {ns/*: {disable: [KC409]}}", "KC409", "ns/b", "", true},
		{"policies: {ns/*: {disable: [KC409]}}", "KC409", "other/b", "", false},
		{"policies: {'*': {disable: [KC409]}}", "KC409", "ns/b", "", true},
		{"policies: {'*': {disable: [KC409]}}", "KC409", "", "", false},
		{"policies: {'[ab]-?': {disable: [KC409]}}", "KC409", "b-x", "", true},

		{"paths: {a.cue: {disable: [KC409]}}", "KC409", "", "a.cue", true},
		{"paths: {a.cue: {disable: [KC409]}}", "KC409", "", "./a.cue", true},
		{"paths: {a.cue: {disable: [KC409]}}", "KC409", "", "x/a.cue", false},
		{"paths: {a: {disable: [KC409]}}", "KC409", "", "a/x.cue", false},
		{"paths: {a/*: {disable: [KC409]}}", "KC409", "", "a/x.cue", true},
		{"paths: {a/*: {disable: [KC409]}}", "KC409", "", "a/b/x.cue", false},
		{"paths: {a/**: {disable: [KC409]}}", "KC409", "", "a/x.cue", true},
		{"paths: {a/**: {disable: [KC409]}}", "KC409", "", "a/b/c/x.cue", true},
		{"paths: {a/**: {disable: [KC409]}}", "KC409", "", "b/a/x.cue", false},
		{"paths: {a/**: {disable: [KC409]}}", "KC409", "", "a", true}, // the directory itself
		{"paths: {'**': {disable: [KC409]}}", "KC409", "", "x.cue", true},
		{"paths: {'**/*.yaml': {disable: [KC409]}}", "KC409", "", "x.yaml", true},
		{"paths: {'**/*.yaml': {disable: [KC409]}}", "KC409", "", "a/b/x.yaml", true},
		{"paths: {'**/*.yaml': {disable: [KC409]}}", "KC409", "", "a/b/x.cue", false},
		{"paths: {'**/a/**/b/*': {disable: [KC409]}}", "KC409", "", "a/x/a/y/b/b/f", true},
		{"paths: {'**/a/**/b/*': {disable: [KC409]}}", "KC409", "", "b/x/b/y/a/a/f", false},
	}
	for _, tt := range tests {
		if got := parse(t, tt.text).Disabled(tt.code, tt.policy, tt.file); got != tt.want {
			t.Errorf("%s: %s of policy %q in %q is disabled: %v", tt.text, tt.code, tt.policy, tt.file, got)
		}
	}
	if (*config.Config)(nil).Disabled("KC409", "", "") {
		t.Error("without a file something is disabled")
	}
}

// TestMatchEnds matches a pattern and a path that would take for ever by trying
// every way to share the path among the **.
func TestMatchEnds(t *testing.T) {
	pattern := strings.Repeat("**/a/", 1000) + "b"
	file := strings.Repeat("a/", 5000) + "c"
	s := config.Suppression{Code: "KC409", Paths: pattern}
	if s.Covers(warning("KC409", file, ""), "") {
		t.Error("it matches")
	}
}

func warning(code diag.Code, file, path string) diag.Diagnostic {
	return diag.Diagnostic{Code: code, Severity: diag.Warning, Pos: diag.Position{File: file, Line: 1, Column: 1}, Path: path, Message: "m"}
}

func TestFilter(t *testing.T) {
	in := func(line int) diag.Position { return diag.Position{File: config.Name, Line: line, Column: 9} }
	file := []config.Suppression{
		{Code: "KC108", Pos: in(1)},
		{Code: "KC501", Policy: "pod-security", Pos: in(3)},
		{Code: "KC5", Policy: "pod-securty", Pos: in(4)},
		{Code: "KC409", Policy: "production/*", Pos: in(5)},
		{Code: "KC502", Policy: "production/*", Pos: in(6)},
		{Code: "KC503", Paths: "legacy/**", Pos: in(7)},
		{Code: "KC503", Paths: "lagacy/**", Pos: in(8)},
	}
	beside := diag.Position{File: "a.yaml", Line: 7, Column: 5}
	suppressions := append(file,
		config.Suppression{Code: "KC504", File: "a.yaml", Policy: "x", Pos: beside},
		config.Suppression{Code: "KC505", File: "b.cue", Path: `clusterPolicies.x.rules."y"`, Pos: beside},
		config.Suppression{Code: "KC506", File: "b.cue", Path: `clusterPolicies.x`, Pos: beside},
		config.Suppression{Code: "KC519"}, // of a flag
	)
	list := diag.List{
		warning("KC501", "a.cue", `clusterPolicies."pod-security".rules`),
		warning("KC501", "a.cue", `clusterPolicies."pod-securities".rules`),
		warning("KC409", "a.cue", `policies.production."strict"`),
		warning("KC409", "a.yaml", "Policy/production/strict: spec.rules"),
		warning("KC503", "legacy/x/a.yaml", "ClusterPolicy/x: spec"),
		warning("KC503", "a.yaml", "ClusterPolicy/x: spec"),
		warning("KC504", "a.yaml", "ClusterPolicy/x: spec"),
		warning("KC504", "a.yaml", "ClusterPolicy/y: spec"),
		warning("KC504", "b.yaml", "ClusterPolicy/x: spec"),
		warning("KC505", "b.cue", `clusterPolicies.x.rules."y".match`),
		warning("KC505", "b.cue", `clusterPolicies.x.rules."y"`),
		warning("KC505", "b.cue", `clusterPolicies.x.rules."y2"`),
		warning("KC506", "b.cue", `clusterPolicies.xy`),
		{Code: "KC409", Severity: diag.Error, Path: "policies.production.strict"},
	}
	keep := []int{1, 5, 7, 8, 11, 12, 13}
	var want diag.List
	for _, i := range keep {
		want = append(want, list[i])
	}
	run := config.Run{Policies: []string{"pod-security", "pod-securities", "production/strict", "x"}, Files: []string{"a.cue", "legacy/x/a.yaml"}}

	at := func(line int, message, hint string) diag.Diagnostic {
		return diag.Diagnostic{Code: diag.UnusedSuppression, Severity: diag.Warning, Pos: in(line), Message: message, Hint: hint}
	}
	part := diag.List{
		at(6, `no policy that "production/*" matches has KC502: the suppression can go`, ""),
		{Code: diag.UnusedSuppression, Severity: diag.Warning, Pos: beside, Message: "nothing here has KC506: the suppression can go"},
	}
	whole := diag.List{
		at(1, "nothing here has KC108: the suppression can go", ""),
		at(4, `no policy is named "pod-securty"`, `did you mean "pod-security"?`),
		part[0],
		at(8, `no file of the run matches "lagacy/**"`, ""),
		part[1],
	}
	for _, tt := range []struct {
		complete bool
		unused   diag.List
	}{{false, part}, {true, whole}} {
		run.Complete = tt.complete
		kept, unused := config.Filter(suppressions, list, run)
		if diff := cmp.Diff(want, kept); diff != "" {
			t.Errorf("kept (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(tt.unused, unused); diff != "" {
			t.Errorf("unused, complete %v (-want +got)\n%s", tt.complete, diff)
		}
	}
	// A run that saw none of it has nothing to say.
	if _, unused := config.Filter(file, nil, config.Run{}); len(unused) > 0 {
		t.Errorf("of a run that saw nothing: %v", unused)
	}
	// The warnings about suppressions are turned off as others are.
	quiet := append(suppressions, config.Suppression{Code: diag.UnusedSuppression})
	if _, unused := config.Filter(quiet, list, run); len(unused) > 0 {
		t.Errorf("with %s turned off: %v", diag.UnusedSuppression, unused)
	}
}

func TestFilesOfPatterns(t *testing.T) {
	suppressions := []config.Suppression{{Code: "KC501", Paths: "legacy/*", Pos: diag.Position{File: config.Name}}}
	_, unused := config.Filter(suppressions, nil, config.Run{Files: []string{"legacy/a.yaml"}})
	if len(unused) != 1 || unused[0].Message != `no file that "legacy/*" matches has KC501: the suppression can go` {
		t.Errorf("got %v", unused)
	}
}

func TestPolicyOf(t *testing.T) {
	for path, want := range map[string]string{
		`clusterPolicies."pod-security".rules."x"`: "pod-security",
		`clusterPolicies.x`:                        "x",
		`bases.org.rules`:                          "org",
		`policies.production."strict".rules`:       "production/strict",
		`policies."a.b"."c\"d"`:                    `a.b/c"d`,
		`policies.production`:                      "",
		`validatingPolicies."a/b".spec`:            "a/b",
		`namespacedDeletingPolicies.a.b`:           "a/b",
		`defaults.background`:                      "",
		`tests."x"`:                                "",
		`ClusterPolicy/x: spec.rules.0`:            "x",
		`Policy/production/strict: spec`:           "production/strict",
		`Policy/production/strict`:                 "production/strict",
		`ClusterPolicy/: spec`:                     "",
		``:                                         "",
		`"`:                                        "",
	} {
		if got := config.PolicyOf(path); got != want {
			t.Errorf("%s is about %q, want %q", path, got, want)
		}
	}
}
