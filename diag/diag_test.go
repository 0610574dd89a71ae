package diag_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

func TestNearest(t *testing.T) {
	tests := []struct {
		name       string
		candidates []string
		want       string
	}{
		{"regisry", []string{"namespace", "registry", "registries"}, "registry"},
		{"failurAction", []string{"failureAction", "failurePolicy"}, "failureAction"},
		{"kind", []string{"names", "kinds"}, "kinds"},
		{"teir", []string{"tier"}, "tier"},
		{"enforce", []string{"Audit", "Enforce"}, "Enforce"},
		{"KINDS", []string{"kinds"}, "kinds"},
		{"ab", []string{"ba"}, "ba"},
		{"a", []string{"b"}, "b"},
		{"network", []string{"pod-security", "limits"}, ""},
		{"abc", []string{"abc"}, ""},
		{"abcdef", []string{"abcxyz"}, ""},
		{"abcd", []string{"abcx", "abcy"}, "abcx"},
		{"", []string{"abc"}, ""},
		{"x", nil, ""},
		{strings.Repeat("a", 300), []string{strings.Repeat("a", 299)}, ""},
	}
	for _, tt := range tests {
		if got := diag.Nearest(tt.name, tt.candidates); got != tt.want {
			t.Errorf("Nearest(%.20q, %.40q) is %q, want %q", tt.name, tt.candidates, got, tt.want)
		}
	}
}

func at(file string, line, column int) diag.Position {
	return diag.Position{File: file, Line: line, Column: column}
}

func TestSorted(t *testing.T) {
	first := diag.Diagnostic{Code: "KC201", Pos: at("a.cue", 2, 1), Path: "a", Message: "m", Hint: "h"}
	list := diag.List{
		{Code: "KC201", Pos: at("b.cue", 1, 1), Message: "m"},
		{Code: "KC202", Pos: at("a.cue", 10, 1), Message: "m"},
		first,
		{Code: "KC201", Pos: at("a.cue", 2, 1), Path: "b", Message: "m"},
		{Code: "KC201", Pos: at("a.cue", 2, 3), Path: "a", Message: "m"},
		{Code: "KC102", Message: "no place"},
		{Code: "KC201", Pos: at("a.cue", 2, 1), Path: "a", Message: "another"},
		{Code: "KC110", Pos: at("a.cue", 2, 1), Path: "a", Message: "m"},
		first,
	}
	before := append(diag.List(nil), list...)
	var got []string
	for _, d := range list.Sorted() {
		got = append(got, d.Error())
	}
	want := []string{
		"KC102: no place",
		"a.cue:2:1: KC110: a: m",
		"a.cue:2:1: KC201: a: another",
		"a.cue:2:1: KC201: a: m",
		"a.cue:2:1: KC201: b: m",
		"a.cue:2:3: KC201: a: m",
		"a.cue:10:1: KC202: m",
		"b.cue:1:1: KC201: m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(before, list); diff != "" {
		t.Errorf("the list itself changed (-before +after)\n%s", diff)
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		d    diag.Diagnostic
		want string
	}{
		{diag.Diagnostic{Code: "KC203", Pos: at("p/a.cue", 14, 65), Path: `a."b"`, Message: "wrong", Hint: "hint"}, `p/a.cue:14:65: KC203: a."b": wrong`},
		{diag.Diagnostic{Code: "KC409", Severity: diag.Warning, Pos: at("a.cue", 1, 2), Message: "odd"}, "a.cue:1:2: KC409: warning: odd"},
		{diag.Diagnostic{Code: "KC103", Pos: diag.Position{File: "a.cue"}, Message: "unreadable"}, "a.cue: KC103: unreadable"},
		{diag.Diagnostic{Code: "KC601", Message: "unknown target"}, "KC601: unknown target"},
	}
	var list diag.List
	var lines []string
	for _, tt := range tests {
		if got := tt.d.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		list = append(list, tt.d)
		lines = append(lines, tt.want)
	}
	var err error = list
	var diags diag.List
	if !errors.As(err, &diags) || err.Error() != strings.Join(lines, "\n") {
		t.Errorf("the list as an error is %q", err)
	}
}

func TestHasErrors(t *testing.T) {
	warning := diag.Diagnostic{Severity: diag.Warning}
	for _, tt := range []struct {
		list diag.List
		want bool
	}{
		{nil, false},
		{diag.List{warning}, false},
		{diag.List{warning, {}}, true},
	} {
		if got := tt.list.HasErrors(); got != tt.want {
			t.Errorf("%v has errors: %v", tt.list, got)
		}
	}
}

func TestWriteText(t *testing.T) {
	list := diag.List{
		{
			Code: "KC304", Pos: at("a.cue", 7, 38), Path: "p.extends", Message: "KC304 is the code of this",
			Related: []diag.Related{{Pos: at("a.cue", 4, 14), Message: `from "one"`}, {Message: "nowhere"}},
			Hint:    "decide in overrides:\n\toverrides: x: 1",
		},
		{Code: "KC409", Severity: diag.Warning, Message: "odd"},
	}
	const plain = `a.cue:7:38: KC304: p.extends: KC304 is the code of this
    a.cue:4:14: from "one"
    -: nowhere
    decide in overrides:
    	overrides: x: 1
KC409: warning: odd
`
	var b bytes.Buffer
	if err := diag.WriteText(&b, list, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := diag.WriteText(failing{}, list, false); err == nil {
		t.Error("a writer that fails is no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }
