package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kcue.dev/compiler/config"
	"kcue.dev/diag"
)

func TestParse(t *testing.T) {
	const text = `# Legacy policies go in the third quarter.
disable: [KC409]
policies:
  "pod-*": {disable: [KC5]}
  production/strict:
    disable:
      - &a KC409
      - *a
paths: {"legacy/**": &none {disable: []}, "é/*.yaml": {disable: [ KC108, KC409 ]}, x: *none}
`
	at := func(line, column int) diag.Position {
		return diag.Position{File: ".kcue.yaml", Line: line, Column: column}
	}
	want := []config.Suppression{
		{Code: "KC409", Pos: at(2, 11)},
		{Code: "KC5", Policy: "pod-*", Pos: at(4, 23)},
		{Code: "KC409", Policy: "production/strict", Pos: at(7, 9)},
		{Code: "KC409", Policy: "production/strict", Pos: at(7, 9)},
		{Code: "KC108", Paths: "é/*.yaml", Pos: at(9, 68)},
		{Code: "KC409", Paths: "é/*.yaml", Pos: at(9, 75)},
	}
	c, mistakes := config.Parse(".kcue.yaml", []byte(text))
	if len(mistakes) > 0 {
		t.Errorf("mistakes: %v", mistakes)
	}
	if diff := cmp.Diff(want, c.Suppressions, cmpopts.IgnoreUnexported(config.Suppression{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, empty := range []string{"", "# nothing\n", "---\n", "{}", "disable: []", "null"} {
		if c, mistakes := config.Parse("f", []byte(empty)); len(mistakes) > 0 || len(c.Suppressions) > 0 {
			t.Errorf("%q has %v, %v", empty, c.Suppressions, mistakes)
		}
	}
}

func TestParseMistakes(t *testing.T) {
	tests := []struct {
		text string
		want string // the diagnostics, without the file's name and the code
	}{
		{"disabel: [KC409]", `1:1: unknown field "disabel": expected disable, policies, paths (did you mean "disable"?)`},
		{"a: 1\nb: 2", "1:1: unknown field \"a\": expected disable, policies, paths\n2:1: unknown field \"b\": expected disable, policies, paths"},
		{"disable: KC409", "1:10: expected a list of codes, such as [KC503]"},
		{"disable: [[KC409], 7, ~]", "1:11: expected a code, such as KC503\n1:20: unknown code \"7\"\n1:23: unknown code \"~\""},
		{"disable: ['']", "1:11: expected a code, such as KC503"},
		{"disable: [KC201, KC409]", "1:11: KC201 is an error, which cannot be turned off: only warnings can"},
		{"disable: [KC1]", "1:11: KC1 holds errors, which cannot be turned off: expected single codes, or KC5 for all best practices (its warnings are KC108)"},
		{"disable: [KC2]", "1:11: KC2 holds errors, which cannot be turned off: expected single codes, or KC5 for all best practices"},
		{"disable: [kc409]", `1:11: unknown code "kc409" (did you mean KC409?)`},
		{"disable: [KC-409, 409]", "1:11: unknown code \"KC-409\" (did you mean KC409?)\n1:19: unknown code \"409\" (did you mean KC409?)"},
		{"disable: [KC999, K]", "1:11: unknown code \"KC999\"\n1:18: unknown code \"K\""},
		{"disable: []\ndisable: [KC409]", `2:1: "disable" stands here twice`},
		{"[disable]", "1:1: expected a mapping of disable, policies and paths"},
		{"? [a]\n: 1", "1:3: expected a name"},
		{"<<: {disable: [KC409]}", "1:1: expected a name"},
		{"policies: [x]", "1:11: expected a mapping of patterns of policies, such as x: {disable: [KC5]}"},
		{"policies: {x: [KC5]}", "1:15: expected {disable: [KC5]}"},
		{"policies: {x: {disabled: [KC5]}}", `1:16: unknown field "disabled": expected disable (did you mean "disable"?)`},
		{"policies: {'': {disable: [KC5]}}", "1:12: an empty pattern matches nothing"},
		{"policies: {'[x': {disable: [KC5, KC201]}}", "1:12: \"[x\" is no pattern: a [ has no ], or a \\ has nothing after it\n1:34: KC201 is an error, which cannot be turned off: only warnings can"},
		{"paths: {'a/[x': {disable: [KC5]}}", `1:9: "a/[x" is no pattern: a [ has no ], or a \ has nothing after it`},
		{"paths: {/a: {disable: [KC5]}}", `1:9: "/a" matches no file: expected a path relative to the directory of .kcue.yaml`},
		{"paths: {../a: {disable: [KC5]}}", `1:9: "../a" matches no file: ".." stands in no path relative to the directory of .kcue.yaml`},
		{"paths: {a/: {disable: [KC5]}}", `1:9: "a/" matches no file: a / begins, ends or doubles`},
		{"paths: {'a/b**': {disable: [KC5]}}", `1:9: "a/b**" matches no file: ** stands between slashes, for any number of directories`},
		{"disable: [KC409]\n---\ndisable: [KC409]", "2:1: expected one document"},
		{"disable: [KC409", "1:1: not YAML: did not find expected ',' or ']'"},
		{"disable: [KC409]\n\tx: 1", "2:1: not YAML: found character that cannot start any token"},
		{"disable: *a", "not YAML: unknown anchor 'a' referenced"},
		{"\xff", "the file is no UTF-8 text"},
	}
	for _, tt := range tests {
		c, mistakes := config.Parse("f", []byte(tt.text))
		var got []string
		for _, d := range mistakes {
			if d.Code != diag.Suppression || d.Severity != diag.Error || d.Pos.File != "f" {
				t.Errorf("%q: %s of severity %s at %s", tt.text, d.Code, d.Severity, d.Pos)
			}
			line := d.Message
			if d.Hint != "" {
				line += " (" + d.Hint + ")"
			}
			if d.Pos.Line > 0 {
				line = fmt.Sprintf("%d:%d: %s", d.Pos.Line, d.Pos.Column, line)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%q (-want +got)\n%s", tt.text, diff)
		}
		for _, s := range c.Suppressions {
			if s.Code != "KC409" {
				t.Errorf("%q: %+v takes effect", tt.text, s)
			}
		}
	}
}

func TestParseCodes(t *testing.T) {
	pos := diag.Position{File: "a.yaml", Line: 2, Column: 3}
	got, mistakes := config.ParseCodes(" KC409,KC5 , KC201,,KC108", pos)
	want := []config.Suppression{{Code: "KC409", Pos: pos}, {Code: "KC5", Pos: pos}, {Code: "KC108", Pos: pos}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Suppression{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wrong := diag.List{
		{Code: diag.Suppression, Pos: pos, Message: "KC201 is an error, which cannot be turned off: only warnings can"},
		{Code: diag.Suppression, Pos: pos, Message: "expected a code, such as KC503"},
	}
	if diff := cmp.Diff(wrong, mistakes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// FuzzParse reads any text: no panic, mistakes in the file, and nothing that
// turns an error off.
func FuzzParse(f *testing.F) {
	f.Add("disable: [KC409]\npolicies: {a: {disable: [KC5]}}\n")
	f.Add("paths: {\"a/**\": &a {disable: [*b, KC2]}}\n--- \n")
	f.Add("? {a: b}\n: [&x *x]\n<<: *x")
	f.Fuzz(func(t *testing.T, text string) {
		c, mistakes := config.Parse("f", []byte(text))
		lines := 1 // YAML has more line breaks than editors do
		for _, r := range text {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
				lines++
			}
		}
		for _, d := range mistakes {
			if d.Pos.File != "f" || d.Pos.Line > lines+1 || d.Pos.Line < 0 || d.Message == "" {
				t.Errorf("%+v", d)
			}
		}
		for _, e := range diag.Table() {
			d := diag.Diagnostic{Code: e.Code, Path: "clusterPolicies.a", Pos: diag.Position{File: "a/b.cue"}}
			for _, s := range c.Suppressions {
				if s.Covers(d, "a") {
					t.Errorf("%+v turns the error %s off", s, e.Code)
				}
			}
			if !e.Warning && !strings.HasPrefix(string(e.Code), "KC5") && c.Disabled(e.Code, "a", "a/b.cue") {
				t.Errorf("%s can be turned off", e.Code)
			}
		}
	})
}
