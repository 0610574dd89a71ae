package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

// Comments are found at the value that they stand beside: a field's, an item's,
// or the document's.
func TestParseYAMLComments(t *testing.T) {
	text := `# of the document

# above a
a: 1 # behind a
# above b
b:
  # above c
  c: |
    # no comment
  list:
  # above the item
  - x # behind the item
  # below the item

anchor: &x {k: v}
# above the alias
alias: *x # behind the alias
again: *x
`
	docs, comments, err := spec.ParseYAMLComments("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	root := docs[0]
	list := root.Get("b").Get("list")
	got := map[string]spec.Comment{}
	for name, n := range map[string]*spec.Node{
		"document": root, "a": root.Get("a"), "b": root.Get("b"), "c": root.Get("b").Get("c"), "item": list.Items[0],
		"anchor": root.Get("anchor"), "alias": root.Get("alias"), "again": root.Get("again"),
	} {
		if c, ok := comments[n]; ok {
			got[name] = c
		}
	}
	want := map[string]spec.Comment{
		"document": {Head: "# of the document"},
		"a":        {Head: "# above a", Line: "# behind a"},
		"b":        {Head: "# above b"},
		"c":        {Head: "# above c"},
		"item":     {Head: "# above the item", Line: "# behind the item", Foot: "# below the item"},
		"alias":    {Head: "# above the alias", Line: "# behind the alias"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(comments) != len(want) {
		t.Errorf("%d values have comments, want %d", len(comments), len(want))
	}
	plain, err := spec.ParseYAML("a.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if !spec.Equal(plain[0], root) {
		t.Error("with comments, the document is another")
	}
}
