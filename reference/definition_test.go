package reference

import (
	"strings"
	"testing"

	"cuelang.org/go/cue/parser"
)

// parsed gives the definitions of a file.
func parsed(t *testing.T, text string) ([]*definition, error) {
	t.Helper()
	f, err := parser.ParseFile("test.cue", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return definitions(f)
}

// TestUndocumented holds that nothing gets into the reference without being
// explained.
func TestUndocumented(t *testing.T) {
	tests := []struct{ name, text, wantErr string }{
		{"definition", "#A: {}", "test.cue:1:1: #A has no doc comment"},
		{"field", "// #A is one.\n#A: {\n\tb?: int\n}", "test.cue:3:2: field b has no doc comment"},
		{"field of a struct", "// #A is one.\n#A: {\n\t// B.\n\tb?: {\n\t\tc?: int\n\t}\n}", "field b.c has no doc comment"},
		{"field of a list", "// #A is one.\n#A: {\n\t// B.\n\tb?: [...{\n\t\tc?: int\n\t}]\n}", "field b[].c has no doc comment"},
		{"field under a condition", "// #A is one.\n#A: {\n\tif x {\n\t\tc?: int\n\t}\n}", "field c has no doc comment"},
		{"remark behind a field", "// #A is one.\n#A: {\n\tb?: int // no doc comment\n}", "field b has no doc comment"},
		{"all documented", "// #A is one.\n#A: {\n\t// B.\n\tb?: [string]: int\n\n\t// C.\n\tc?: {...}\n}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := parsed(t, tt.text)
			for _, d := range found {
				if _, e := d.rows(); e != nil {
					err = e
				}
			}
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("error %v, want one that says %q", err, tt.wantErr)
			}
		})
	}
}

// TestIncompletePattern holds what a pattern's section must have.
func TestIncompletePattern(t *testing.T) {
	const rest = "category: \"C\"\n\tseverity: \"low\"\n\tparams: {}\n}"
	tests := []struct{ name, text, wantErr string }{
		{"complete", "// #A is one.\n//\n//\trules: a: #A\n//\n// What it does not do: much.\n#A: {\n\t" + rest, ""},
		{"no example", "// #A is one.\n//\n// What it does not do: much.\n#A: {\n\t" + rest, "#A has no example"},
		{"no limits", "// #A is one.\n//\n//\trules: a: #A\n#A: {\n\t" + rest, "#A does not say what it does not do"},
		{"no severity", "// #A is one.\n//\n//\trules: a: #A\n//\n// What it does not do: much.\n#A: {\n\tcategory: \"C\"\n\tparams: {}\n}", "#A has no severity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := parsed(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			p := newPage("cue fragment")
			p.pattern(found[0])
			_, err = p.text()
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("error %v, want one that says %q", err, tt.wantErr)
			}
		})
	}
}

// TestTypes holds the words for types, and that what has none is an error.
func TestTypes(t *testing.T) {
	tests := []struct{ cue, want, wantDefault string }{
		{`string & !=""`, "non-empty string", ""},
		{`int & >=1 & <=30`, "int, `>=1`, `<=30`", ""},
		{`"a" | "b" | "c"`, "`\"a\"`, `\"b\"` or `\"c\"`", ""},
		{`*"a" | "b"`, "`\"a\"` or `\"b\"`", `"a"`},
		{`bool | *false`, "bool", "false"},
		{`#A | *"gcr.io"`, "[`#A`](#a)", `"gcr.io"`},
		{`*"x" | !=""`, "non-empty string", `"x"`},
		{`*"x" | =~#"^v\d$"#`, "`\"x\"` or string that matches `^v\\d$`", `"x"`},
		{`*["Pod"] | [string, ...string]`, "list of string, at least 1", `["Pod"]`},
		{`"none" | [#A, ...#A]`, "`\"none\"` or list of [`#A`](#a), at least 1", ""},
		{`[...]`, "list", ""},
		{`[...#A | "*"]`, "list of `\"*\"` or [`#A`](#a)", ""},
		{`{[string]: [string]: #A}`, "map of maps of [`#A`](#a)", ""},
		{`{[string]: [...string]}`, "map of list of string", ""},
		{`struct.MinFields(1) & {[!=""]: string}`, "map of string, at least 1", ""},
		{`{#A, b?: int}`, "struct with the fields of [`#A`](#a)", ""},
		{`{...}`, "struct", ""},
		{`_`, "any value", ""},
		{`[int, int]`, "", ""},
		{`strings.ToUpper("a")`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.cue, func(t *testing.T) {
			e, err := parser.ParseExpr("test.cue", tt.cue)
			if err != nil {
				t.Fatal(err)
			}
			p := newPage("cue other")
			p.names["#A"] = true
			got, dflt, err := p.typeOf(e)
			if (err != nil) != (tt.want == "") {
				t.Fatalf("error %v, want words %q", err, tt.want)
			}
			if got != tt.want || dflt != tt.wantDefault {
				t.Errorf("got %s, default %s; want %s, default %s", got, dflt, tt.want, tt.wantDefault)
			}
		})
	}
}

// TestInline holds that Markdown reads nothing into a comment's text.
func TestInline(t *testing.T) {
	p := newPage("cue other")
	p.names = map[string]bool{"#A": true, "#B": true}
	p.current = "#B"
	tests := []struct{ text, want string }{
		{"* and ? are wildcards, * too", `\* and ? are wildcards, \* too`},
		{"the anchors ^() and <()", `the anchors ^() and \<()`},
		{"run by `kcue test *`", "run by `kcue test *`"},
		{"see #A, schema.#A and #B", "see [`#A`](#a), [`schema.#A`](#a) and `#B`"},
		{"`#A` in quotes", "`#A` in quotes"},
		{"hidden (_x)", `hidden (\_x)`},
	}
	for _, tt := range tests {
		if got := p.inline(tt.text); got != tt.want {
			t.Errorf("inline(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
