package jmespath

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		expression string
		want       []Problem
	}{
		// What Kyverno's own policies hold.
		{"request.object.metadata.labels.app || ''", nil},
		{"request.object.spec.[initContainers, containers][].image", nil},
		{"regex_match('^[0-9]+%$', 'null')", nil},
		{`keys(request.object.spec) | contains(@, 'tls')`, nil},
		{"sort_by(items[?a > `1`], &name)[0].length(@)", nil},
		{"not_null(a, b, 'c')", nil},
		{"merge(a, b, {c: 'd'})", nil},
		{"time_now()", nil},
		{"map(&to_upper(@), list)", nil},
		{`"app.kubernetes.io/name"`, nil},
		{"to_string(`5`)", nil},
		// Kyverno's parser does not ask for the comma, nor mind one too many.
		{"split('a' ',')", nil},
		{"split('a', ',',)", nil},
		// Kyverno does not count what these two are given.
		{"time_now_utc('x')", nil},

		{"", []Problem{{0, "the expression is empty", ""}}},
		{" \t\n", []Problem{{0, "the expression is empty", ""}}},
		{strings.Repeat("a", MaxExpression+1), []Problem{{0, "the expression has 65537 bytes, and at most 65536 are read", ""}}},

		// Functions.
		{"to_uper(a)", []Problem{{0, `calls "to_uper", which is no function of JMESPath or Kyverno`, `did you mean "to_upper"?`}}},
		{"a | b.nonsense(@)", []Problem{{6, `calls "nonsense", which is no function of JMESPath or Kyverno`, ""}}},
		{"spilt(to_lowr(a), ',') || lenght(b)", []Problem{
			{0, `calls "spilt", which is no function of JMESPath or Kyverno`, `did you mean "split"?`},
			{6, `calls "to_lowr", which is no function of JMESPath or Kyverno`, `did you mean "to_lower"?`},
			{26, `calls "lenght", which is no function of JMESPath or Kyverno`, `did you mean "length"?`},
		}},
		{"a[?starts_wit(b, 'c')].to_uper(d)", []Problem{
			{3, `calls "starts_wit", which is no function of JMESPath or Kyverno`, `did you mean "starts_with"?`},
			{23, `calls "to_uper", which is no function of JMESPath or Kyverno`, `did you mean "to_upper"?`},
		}},
		{"'lenght(' || lenght(a)", []Problem{{13, `calls "lenght", which is no function of JMESPath or Kyverno`, `did you mean "length"?`}}},
		{`'it\'s lenght(' || lenght(a)`, []Problem{{19, `calls "lenght", which is no function of JMESPath or Kyverno`, `did you mean "length"?`}}},
		{"a[?split(b)].split(c, d, e)", []Problem{
			{3, "split(string, string) takes 2 arguments, and is called with 1", ""},
			{13, "split(string, string) takes 2 arguments, and is called with 3", ""},
		}},
		{"(a.b)(c)", []Problem{{0, `calls what is no function: expected a function's name before "("`, ""}}},

		// Numbers of arguments.
		{"split(a)", []Problem{{0, "split(string, string) takes 2 arguments, and is called with 1", ""}}},
		{"a | length()", []Problem{{4, "length(string|array|object) takes 1 argument, and is called with none", ""}}},
		{"not_null()", []Problem{{0, "not_null(any, …) takes at least 1 argument, and is called with none", ""}}},
		{"truncate(a, `3`, 'x')", []Problem{{0, "truncate(string, number) takes 2 arguments, and is called with 3", ""}}},

		// Types of arguments.
		{"truncate(a, '9')", []Problem{{0, "argument 2 of truncate is a string: expected a number", "a number stands in backticks: `9`"}}},
		{"split(a, `5`)", []Problem{{0, "argument 2 of split is a number: expected a string", "a string is written '5'"}}},
		{"length(`true`)", []Problem{{0, "argument 1 of length is a boolean: expected a string or an array or an object", ""}}},
		{"length(a == b)", []Problem{{0, "argument 1 of length is a boolean: expected a string or an array or an object", ""}}},
		{"sort_by(a, name == 'x')", []Problem{{0, "argument 2 of sort_by is a boolean: expected an expression (&)", "an expression is passed with & before it, such as &name"}}},
		{"to_upper(a[].b)", []Problem{{0, "argument 1 of to_upper is an array: expected a string", ""}}},
		{"to_upper(regex_match('a', b))", []Problem{{0, "argument 1 of to_upper is a boolean: expected a string", ""}}},
		{"join(',', `[1, 2]`)", []Problem{{0, "argument 2 of join is an array of numbers: expected an array of strings", ""}}},
		{"max(`[1, \"a\"]`)", []Problem{{0, "argument 1 of max is an array of neither strings nor numbers alone: expected an array of numbers or an array of strings", ""}}},
		{"max(`[]`)", nil},
		{"merge(a, 'b')", []Problem{{0, "argument 2 of merge is a string: expected an object", ""}}},
		{"to_upper(a || 'x')", nil},
		{"to_upper(a && `1`)", nil},
		{"to_upper(`1` || `2`)", []Problem{{0, "argument 1 of to_upper is a number: expected a string", ""}}},
		{"to_upper(a | [0])", nil},
		{"to_upper(lookup(a, 'b'))", nil},
		{"length(keys(a))", nil},

		// Syntax.
		{"request.object.spec[", []Problem{{20, `expected a whole number, ":" or "*" in the brackets, and the expression ends`, `close "[" with "]"`}}},
		{"length(a", []Problem{{8, "the expression ends where a value is expected", `close "(" with ")"`}}},
		{"a b", []Problem{{2, `a name cannot stand here, at "b"`, ""}}},
		{"a ||", []Problem{{4, "the expression ends where a value is expected", ""}}},
		{"a.", []Problem{{2, `expected a name, "[" or "{" after ".", and the expression ends`, ""}}},
		{"metadata.labels.my-label", []Problem{{18, `a number cannot stand here, at "-label"`, `a name with other characters than letters, digits and _ stands in double quotes: "my-label"`}}},
		{"labels.app/name", []Problem{{10, `the character '/' cannot stand outside of quotes`, `a name with other characters than letters, digits and _ stands in double quotes: "app/name"`}}},
		{"labels['a/b']", []Problem{{8, `expected a whole number, ":" or "*" in the brackets, at "a/b']"`, `a field is named after a dot, in double quotes where it has to be: labels."a/b"`}}},
		{"(a || b", []Problem{{7, `expected ")", and the expression ends`, `close "(" with ")"`}}},
		{"a = 'b'", []Problem{{2, `"=" cannot stand here, at "= 'b'"`, "values are compared with =="}}},
		{"a > 5", []Problem{{4, `a number cannot stand here, at "5"`, "a number stands in backticks: `5`"}}},
		{"'abc", []Problem{{4, "a quoted text does not end: expected ' at its end", ""}}},
		{"{a b}", []Problem{{3, `expected ":", at "b}"`, ""}}},
		{"{: a}", []Problem{{1, `expected a key, as in {key: value}, at ": a}"`, ""}}},
		{`"length"(a)`, []Problem{{0, "a function's name stands without quotes", ""}}},
		{"a || `foo`", []Problem{{5, "`foo` is no JSON, which is what stands in backticks", "a string is written 'foo'"}}},
		{"[0", []Problem{{0, "an index is a whole number in brackets, which close after it", "such as [0], or [0:2] for a slice"}}},
		{"to_uper(lenght(a)", []Problem{
			{0, `calls "to_uper", which is no function of JMESPath or Kyverno`, `did you mean "to_upper"?`},
			{8, `calls "lenght", which is no function of JMESPath or Kyverno`, `did you mean "length"?`},
			{17, "the expression ends where a value is expected", `close "(" with ")"`},
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Check(tt.expression)); diff != "" {
			t.Errorf("Check(%.80q) (-want +got):\n%s", tt.expression, diff)
		}
	}
}

func TestReferences(t *testing.T) {
	tests := []struct {
		expression string
		want       []Reference
	}{
		{"request.object.metadata.name", []Reference{{[]string{"request", "object", "metadata", "name"}, 0}}},
		{"@", nil},
		{"@.a", []Reference{{[]string{"a"}, 0}}},
		{"'a'", nil},
		{"`5`", nil},
		{"a.b[0].c", []Reference{{[]string{"a", "b"}, 0}}},
		{"a.b[*].c", []Reference{{[]string{"a", "b"}, 0}}},
		{"a.b[].c.d", []Reference{{[]string{"a", "b"}, 0}}},
		{"a.b[?c].d", []Reference{{[]string{"a", "b"}, 0}}},
		{"a[].b | c", []Reference{{[]string{"a"}, 0}}},
		{"a[?b == c].d", []Reference{{[]string{"a"}, 0}}},
		{"a.*.b", []Reference{{[]string{"a"}, 0}}},
		{"a || b.c", []Reference{{[]string{"a"}, 0}, {[]string{"b", "c"}, 5}}},
		{"length(a) | to_string(@)", []Reference{{[]string{"a"}, 7}}},
		{"a.length(b)", []Reference{{[]string{"a"}, 0}}},
		{"sort_by(a, &b)", []Reference{{[]string{"a"}, 8}}},
		{"map(&a.b, c)", []Reference{{[]string{"c"}, 10}}},
		{"{x: a, y: b}", []Reference{{[]string{"a"}, 4}, {[]string{"b"}, 10}}},
		{"[a, b][]", []Reference{{[]string{"a"}, 1}, {[]string{"b"}, 4}}},
		{"request.object.spec.[a, b][]", []Reference{{[]string{"request", "object", "spec"}, 0}}},
		{`"my-map".data`, []Reference{{[]string{"my-map", "data"}, 0}}},
		{"!a", []Reference{{[]string{"a"}, 1}}},
		{"x.a || a", []Reference{{[]string{"x", "a"}, 0}, {[]string{"a"}, 7}}},
		{"length(`1`) || length", []Reference{{[]string{"length"}, 15}}},
		{"a[", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Parse(tt.expression).References()); diff != "" {
			t.Errorf("References(%q) (-want +got):\n%s", tt.expression, diff)
		}
	}
}

func TestVariables(t *testing.T) {
	tests := []struct {
		text string
		want []Variable
	}{
		{"plain", nil},
		{"{{a}}", []Variable{{Expression: "a", Whole: true}}},
		{"x {{ a.b }} y", []Variable{{Offset: 2, Expression: "a.b"}}},
		{"{{ a }} {{ b }}", []Variable{{Offset: 0, Expression: "a"}, {Offset: 8, Expression: "b"}}},
		// The second is found once the first is substituted.
		{"{{a}}{{b}}", []Variable{{Offset: 0, Expression: "a"}, {Offset: 5, Expression: "b"}}},
		{`\{{ a }}`, nil},
		{`\{{ a }} {{ b }}`, []Variable{{Offset: 9, Expression: "b"}}},
		{"{{- a }}", []Variable{{Expression: "a", Whole: true}}},
		{"{{ a.{{- b }} }}", []Variable{{Offset: 5, Expression: "b"}}},
		{"{{ { a: b } }}", []Variable{{Expression: "{ a: b }", Whole: true}}},
		{"{{{a: b}}}", []Variable{{Expression: "{a: b}", Whole: true}}},
		{`{{ images."{{element.name}}".tag }}`, []Variable{
			{Offset: 11, Expression: "element.name"},
			{Offset: 0, Expression: `images."null".tag`, Nested: true, Whole: true},
		}},
		{"{{ a", nil},
		{"{{}}", []Variable{{Whole: true}}},
		{"é{{ a }}", []Variable{{Offset: 2, Expression: "a", AfterRune: 'é'}}},
		{"é {{ a }}", []Variable{{Offset: 3, Expression: "a"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Variables(tt.text)); diff != "" {
			t.Errorf("Variables(%q) (-want +got):\n%s", tt.text, diff)
		}
		if got := HasVariables(tt.text); got != (len(tt.want) > 0) {
			t.Errorf("HasVariables(%q) is %v", tt.text, got)
		}
	}
}

func TestUnclosed(t *testing.T) {
	tests := []struct {
		text   string
		offset int
		ok     bool
	}{
		{"plain", 0, false},
		{"{{ a }}", 0, false},
		{"{{a}}{{b}}{{c}}", 0, false},
		{"{{a}}{{b}}{{c}", 10, true},
		{"{{ {{a}}{{b}} }}", 0, false},
		{"x {{ a", 2, true},
		{"{{ a }} {{ b", 8, true},
		{"{{ a }} {{ b }", 8, true},
		{`\{{ a`, 0, false},
		{"{{ a {{ b }}", 0, true},
	}
	for _, tt := range tests {
		if offset, ok := Unclosed(tt.text); offset != tt.offset || ok != tt.ok {
			t.Errorf("Unclosed(%q) is %d, %v, want %d, %v", tt.text, offset, ok, tt.offset, tt.ok)
		}
	}
}

func TestPathReferences(t *testing.T) {
	tests := []struct {
		text string
		want []PathReference
	}{
		{"plain", nil},
		{"$(./../name)", []PathReference{{Path: "./../name"}}},
		{"x $(<=/validate/pattern/a) y", []PathReference{{Offset: 2, Operator: "<=", Path: "/validate/pattern/a"}}},
		{`\$(./name)`, nil},
		{"$(a b)", nil},
		{"é$(./a)", []PathReference{{Offset: 2, Path: "./a", AfterRune: 'é'}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, PathReferences(tt.text)); diff != "" {
			t.Errorf("PathReferences(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

// TestLarge reads texts that are as deep or as long as they get: the parser
// recurses, and variables are substituted from the inside out.
func TestLarge(t *testing.T) {
	for _, open := range []string{"(", "[", "a(", "!", "{a: ", "a.", "a[?", "&", "'", "a||"} {
		expression := strings.Repeat(open, MaxExpression/len(open))
		if len(Check(expression)) == 0 {
			t.Errorf("many %q have no problem", open)
		}
		Parse(expression).References()
	}
	deep := "a" + strings.Repeat(".a", MaxExpression/2-1)
	if got := Parse(deep).References(); len(got) != 1 || len(got[0].Path) != MaxExpression/2 {
		t.Error("a long path is not read")
	}
	const n = 10_000
	if got := len(Variables(strings.Repeat("{{ a }} ", n))); got != n {
		t.Errorf("%d of %d variables", got, n)
	}
	nested := strings.Repeat("{{ a.", n) + strings.Repeat(" }}", n)
	if got := len(Variables(nested)); got != maxNesting {
		t.Errorf("%d variables within variables are looked at, want %d", got, maxNesting)
	}
	Unclosed(nested)
	Unclosed(strings.Repeat("{{", n))
}

// FuzzText reads any text as an expression and as a text with variables: no
// panic, and every place is within the text.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a.b[0]", "{{ a }}", "{{ {{ b }} }}", "to_upper(`1`)", "[0", "a = b", "'", "\"\\", "`[", "é{{x}}", "$(./a)", "a-b", "[::", "{{{", "\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range Check(text) {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
				t.Errorf("%+v of %q", p, text)
			}
		}
		for _, r := range Parse(text).References() {
			if r.Offset < 0 || r.Offset > len(text) || len(r.Path) == 0 {
				t.Errorf("%+v of %q", r, text)
			}
		}
		for _, v := range Variables(text) {
			if v.Offset < 0 || v.Offset >= len(text) {
				t.Errorf("%+v of %q", v, text)
			}
		}
		for _, r := range PathReferences(text) {
			if r.Offset < 0 || r.Offset >= len(text) {
				t.Errorf("%+v of %q", r, text)
			}
		}
		Unclosed(text)
	})
}
