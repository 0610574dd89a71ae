package model

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// compileSource compiles definitions given as text.
func compileSource(src string) (*Model, error) {
	return compile(fstest.MapFS{"s.cue": {Data: []byte("package schema\n" + src)}})
}

func TestCompileRefusesWhatItWouldSkip(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"syntax error", `#A: {`, "expected"},
		{"regular top-level field", `a: string`, "a top-level field that is no definition"},
		{"hidden top-level field", `_a: string`, "a top-level field that is no definition"},
		{"definition in two parts", "#A: {a?: string}\n#A: {b?: string}", "a definition in two parts"},
		{"top-level let", `let x = 1`, "a top-level declaration that is no definition"},
		{"import", "import \"list\"\n#A: list.MaxItems(1)", "an import other than"},
		{"default", `#A: {a?: *"x" | string}`, "the operator *"},
		{"regular field", `#A: {a: string}`, "a field marked neither ? nor !"},
		{"alias", `#A: {a?: B={}}`, "an expression of this form"},
		{"let", "#A: {let x = 1}", "a declaration of this form"},
		{"comprehension", `#A: {if true {a?: string}}`, "a declaration of this form"},
		{"attribute", `#A: {@x(y)}`, "a declaration of this form"},
		{"hidden field", `#A: {_a?: string}`, "a hidden, defined or computed label"},
		{"inner definition", `#A: {#b?: string}`, "a hidden, defined or computed label"},
		{"typed ellipsis", `#A: {...string}`, "struct"},
		{"field twice", `#A: {a?: string, a?: string}`, "two declarations of the field a"},
		{"field twice by embedding", "#A: {a?: string}\n#B: {#A, a?: string}", "two declarations of the field a"},
		{"embedding of a map", "#A: [string]: string\n#B: {#A}", "an embedding of anything but a definition"},
		{"embedding of an open struct", "#A: {...}\n#B: {#A}", "an embedding of anything but a definition"},
		{"embedding of a scalar", `#A: {string}`, "an embedding of anything but a definition"},
		{"pattern on a definition", "#N: string\n#A: [#N]: string", "a pattern constraint other than"},
		{"pattern with !=", `#A: [!="x"]: string`, "a pattern constraint other than"},
		{"unknown reference", `#A: #B`, "a reference to #B"},
		{"unknown type", `#A: float`, "a reference to float"},
		{"cycle", "#A: {#B}\n#B: {#A}", "a definition that holds itself"},
		{"cycle through a disjunction", `#A: string | #A`, "a definition that holds itself"},
		{"two structs", `#A: {a?: string} | {b?: string}`, "a disjunction of two numbers, two lists or two structs"},
		{"two lists", `#A: [string] | [int]`, "a disjunction of two numbers, two lists or two structs"},
		{"two numbers", `#A: (int & >1) | (int & <0)`, "a disjunction of two numbers, two lists or two structs"},
		{"conjunction of structs", `#A: {a?: string} & {b?: string}`, "a constraint on anything but one string or number"},
		{"conjunction of types", `#A: string & int`, "a constraint on anything but one string or number"},
		{"bound on a string", `#A: string & >=1`, "constraints on both strings and numbers"},
		{"length of a number", `#A: int & strings.MinRunes(1)`, "constraints on both strings and numbers"},
		{"other call", `#A: string & strings.HasPrefix("a")`, "a call other than"},
		{"bound by a reference", "#N: int\n#A: >=#N", "a comparison with anything but a literal"},
		{"bad expression", `#A: =~"("`, "an invalid regular expression"},
		{"number literal", `#A: 1 | 2`, "a literal other than a string or null"},
		{"interpolation", `#A: "\(1)"`, "an expression of this form"},
		{"arithmetic", `#A: 1 + 2`, "an expression of this form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compileSource(tt.src)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := compile(fstest.MapFS{}); err == nil {
		t.Error("no files compile")
	}
}

// TestCompileConstraints covers constraints that the schema may use and does
// not at present.
func TestCompileConstraints(t *testing.T) {
	m, err := compileSource(`
		import "strings"
		#Version: "latest" | =~"^v1\\.[0-9]+$"
		#Name: string & strings.MinRunes(2) & strings.MaxRunes(3) & !~"^x"
		#Ratio: number & >0 & <1.5
		#Short: #Name & !="abc"
		#Pair: [string, int]
		#Maybe: null | bool | [...string]
		#Map: {
			plain?: int
			[=~"^x-"]: string
		}
		#All: [string]: _
		#Open: {a!: _, ...}
	`)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ definition, value, want string }{
		{"#Version", `"latest"`, ""},
		{"#Version", `"v1.24"`, ""},
		{"#Version", `"v2"`, "not in enumeration : #Version must be \"latest\" or a string that must match ^v1\\.[0-9]+$, not \"v2\"\n"},
		{"#Name", `"äö"`, ""},
		{"#Name", `"a"`, "malformed : #Name must have at least 2 characters, not be \"a\"\n"},
		{"#Name", `"abcd"`, "malformed : #Name must have at most 3 characters, not be \"abcd\"\n"},
		{"#Name", `"xy"`, "malformed : #Name must not match ^x, not be \"xy\"\n"},
		{"#Ratio", `1.25`, ""},
		{"#Ratio", `0`, "out of bounds : #Ratio must be more than 0 and less than 1.5, not 0\n"},
		{"#Ratio", `1e10`, "out of bounds : #Ratio must be more than 0 and less than 1.5, not 1E+10\n"},
		{"#Short", `"ab"`, ""},
		{"#Short", `"abc"`, "malformed : #Short must not be \"abc\"\n"},
		{"#Short", `"a"`, "malformed : #Short must have at least 2 characters, not be \"a\"\n"},
		{"#Pair", `["a", 1]`, ""},
		{"#Pair", `["a", 1, 2]`, "out of bounds : #Pair must have exactly 2 items, not 3\n"},
		{"#Pair", `["a", "b"]`, "wrong type 1: [1] must be an integer, not the string \"b\"\n"},
		{"#Maybe", `null`, ""},
		{"#Maybe", `false`, ""},
		{"#Maybe", `[1]`, "wrong type 0: [0] must be a string, not the number 1\n    write \"1\"\n"},
		{"#Maybe", `1`, "wrong type : #Maybe must be a bool, a list or null, not the number 1\n"},
		{"#Map", `{plain: 1, "x-a": "b"}`, ""},
		{"#Map", `{y: 1, "x-a": 2}`, "unknown field y: unknown field \"y\" of #Map\nwrong type \"x-a\": \"x-a\" must be a string, not the number 2\n    write \"2\"\n"},
		{"#All", `{a: null, "": {}}`, ""},
		{"#Open", `{a: null, b: 1}`, ""},
		{"#Open", `{b: 1}`, "missing field a: required field \"a\" of #Open is missing\n"},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, rendered(m.Check(tt.definition, parseCUE(t, tt.value), nil))); d != "" {
			t.Errorf("%s of %s: -want +got\n%s", tt.value, tt.definition, d)
		}
	}
}

func TestFields(t *testing.T) {
	m := load(t)
	names := func(infos []FieldInfo) []string {
		var out []string
		for _, i := range infos {
			out = append(out, i.Name)
		}
		return out
	}
	tests := []struct {
		path []string
		want []string
	}{
		{[]string{"exceptions", "ns", "e", "exceptions", "0"}, []string{"policyName", "ruleNames"}},
		{[]string{"clusterPolicies", "p", "rules", "r", "context", "c", "configMap"}, []string{"name", "namespace"}},
		{[]string{"clusterPolicies", "p", "autogen", "0"}, nil},
		{[]string{"clusterPolicies", "p", "bogus", "x"}, nil},
		{[]string{"clusterPolicies", "p", "title"}, nil},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, names(m.Fields(Bundle, tt.path...))); d != "" {
			t.Errorf("%v: -want +got\n%s", tt.path, d)
		}
	}
	if got := m.Fields("#Nothing"); got != nil {
		t.Errorf("an unknown definition has the fields %v", got)
	}
	got := m.Fields("#FailureActionOverride")
	want := []FieldInfo{
		{Name: "action", Type: `"Audit" | "Enforce"`, Required: true},
		{Name: "namespaces", Type: "[...string]"},
		{Name: "namespaceSelector", Type: "#LabelSelector"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestForeignNamesPointSomewhere holds each entry of the table to the schema: a
// target must exist, and a name that the schema has is not foreign.
func TestForeignNamesPointSomewhere(t *testing.T) {
	m := load(t)
	for _, f := range foreignNames() {
		found, has := false, false
		for _, s := range m.definitions {
			if s.fields == nil {
				continue
			}
			for _, d := range s.fields.definitions {
				if f.in == "" || f.in == d {
					_, ok := s.fields.index[f.to]
					found = found || ok || f.to == ""
				}
				if f.in == d {
					_, ok := s.fields.index[f.name]
					has = has || ok
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing in %q has the field %q", f.name, f.in, f.to)
		}
		if has {
			t.Errorf("%s is a field of %s", f.name, f.in)
		}
	}
}
