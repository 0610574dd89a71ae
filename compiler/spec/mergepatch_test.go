package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

func TestPatchChanges(t *testing.T) {
	tests := []struct{ name, target, patch, want string }{
		{"replaced", `{a: 1}`, `{a: 2}`, "a: 1 -> 2"},
		{"added", `{a: 1}`, `{b: 2}`, "b: - -> 2"},
		{"removed", `{a: 1, b: 2}`, `{a: null}`, "a: 1 -> -"},
		{"nothing to remove", `{a: 1}`, `{b: null}`, ""},
		{"deep", `{a: {b: {c: 1, d: 2}}}`, `{a: {b: {c: 3, d: null, e: 4}}}`, "a.b.c: 1 -> 3, a.b.d: 2 -> -, a.b.e: - -> 4"},
		{"a list as a whole", `{a: [1, 2]}`, `{a: [3]}`, "a: [1,2] -> [3]"},
		{"a struct in place of a value, without its nulls", `{a: 1}`, `{a: {b: 2, c: null}}`, `a: 1 -> {"b":2}`},
		{"a value in place of a struct", `{a: {b: 1}}`, `{a: 2}`, `a: {"b":1} -> 2`},
		{"an empty patch", `{a: {b: 1}}`, `{a: {}}`, ""},
		{"all of it", `1`, `2`, ": 1 -> 2"},
	}
	show := func(n *spec.Node) string {
		if n == nil {
			return "-"
		}
		data, err := n.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	parse := func(text string) *spec.Node {
		docs, err := spec.ParseYAML("in.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return docs[0]
	}
	if got := spec.PatchChanges(parse("1"), &spec.Node{Kind: spec.Null}); len(got) != 1 || len(got[0].Path) > 0 || got[0].Now != nil {
		t.Errorf("null removes all of it, not %v", got)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range spec.PatchChanges(parse(tt.target), parse(tt.patch)) {
				got = append(got, fmt.Sprintf("%s: %s -> %s", c.Path, show(c.Was), show(c.Now)))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, ", ")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
