package crd

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

var update = flag.Bool("update", false, "rewrite the goldens in testdata")

func TestDefaultLists(t *testing.T) {
	const head = `{"apiVersion":"kyverno.io/v1","kind":"ClusterPolicy","metadata":{"name":"p"},"spec":`
	tests := []struct{ name, in, want string }{
		{"nothing outside lists", head + `{"background":false}}`, head + `{"background":false}}`},
		{
			"a list's item, after its own fields",
			head + `{"rules":[{"name":"a"},{"skipBackgroundRequests":false,"name":"b"}]}}`,
			head + `{"rules":[{"name":"a","skipBackgroundRequests":true},{"skipBackgroundRequests":false,"name":"b"}]}}`,
		},
		{
			"below an item, only where there is a value",
			head + `{"rules":[{"skipBackgroundRequests":true,"validate":{},"context":[{"apiCall":{}}]}]}}`,
			head + `{"rules":[{"skipBackgroundRequests":true,"validate":{"allowExistingViolations":true},"context":[{"apiCall":{"method":"GET"}}]}]}}`,
		},
		{
			"several, by name",
			head + `{"rules":[{"skipBackgroundRequests":true,"verifyImages":[{}]}]}}`,
			head + `{"rules":[{"skipBackgroundRequests":true,"verifyImages":[{"mutateDigest":true,"required":true,"useCache":true,"verifyDigest":true}]}]}}`,
		},
		{
			"in place of a null",
			head + `{"admission":null,"rules":[{"skipBackgroundRequests":null,"name":null}]}}`,
			head + `{"admission":null,"rules":[{"skipBackgroundRequests":true,"name":null}]}}`,
		},
		{"wrong types stay", head + `{"rules":[5,null,{"skipBackgroundRequests":"x","validate":[]}]}}`, head + `{"rules":[5,null,{"skipBackgroundRequests":"x","validate":[]}]}}`},
		{"unknown kinds stay", `{"apiVersion":"v1","kind":"List","items":[{}]}`, `{"apiVersion":"v1","kind":"List","items":[{}]}`},
	}
	s := schemas(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := parse(t, tt.in)
			out := s.DefaultLists(in)
			if diff := cmp.Diff(tt.want, jsonOf(out)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.in, jsonOf(in)); diff != "" {
				t.Errorf("the argument has changed (-before +after)\n%s", diff)
			}
			if tt.in == tt.want && in != out {
				t.Error("an unchanged object was copied")
			}
			if again := s.DefaultLists(out); again != out {
				t.Error("what has its defaults was changed again")
			}
		})
	}
}

// A default may itself be an object with defaults.
func TestDefaultListsNested(t *testing.T) {
	s, err := decode([]byte(`{"kyverno": "test", "kinds": [{"apiVersion": "v1", "kind": "K", "schema": 7}], "schemas": [
		{"type": "boolean", "default": true},
		{"type": "object", "default": {"b": [1], "a": {}}, "properties": {"x": 0}},
		{"type": "object", "properties": {"o": 1}},
		{"type": "array", "items": 2},
		{"type": "object", "additional": 2},
		{"type": "array", "items": 4},
		{"type": "array", "items": 0},
		{"type": "object", "properties": {"l": 3, "m": 5, "q": 6}}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	obj := parse(t, `{apiVersion: v1, kind: K, l: [{}], m: [{any: {o: {x: false}}}, {one: {}}], q: [null, false]}`)
	got := s.DefaultLists(obj)
	want := `{"apiVersion":"v1","kind":"K","l":[{"o":{"a":{},"b":[1],"x":true}}],"m":[{"any":{"o":{"x":false}}},{"one":{"o":{"a":{},"b":[1],"x":true}}}],"q":[true,false]}`
	if diff := cmp.Diff(want, jsonOf(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	item := obj.Get("l").Items[0]
	if pos := got.Get("l").Items[0].Get("o").Get("b").Items[0].Pos; pos != item.Pos {
		t.Errorf("a default stands at %s, want its struct's place %s", pos, item.Pos)
	}
}

func TestDefaultListsGolden(t *testing.T) {
	const golden = "testdata/clusterpolicy.defaulted.json"
	obj := schemas(t).DefaultLists(parse(t, string(readFile(t, "testdata/clusterpolicy.yaml"))))
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(jsonOf(obj)), "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, golden)), b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := schemas(t).Check(obj); got != nil {
		t.Errorf("violations: %v", describe(got))
	}
}

// Every object of the corpus is admitted after defaulting as before it.
func TestDefaultListsCorpus(t *testing.T) {
	s := schemas(t)
	for name, objects := range policies(t, corpus(t)) {
		for _, obj := range objects {
			out := s.DefaultLists(obj)
			if diff := cmp.Diff(describe(s.Check(obj)), describe(s.Check(out))); diff != "" {
				t.Errorf("%s (-before +after)\n%s", name, diff)
			}
			if again := s.DefaultLists(out); !spec.Equal(out, again) {
				t.Errorf("%s: defaulting twice is not defaulting once", name)
			}
		}
	}
}
