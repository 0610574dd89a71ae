package emit_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
)

func str(s string) *spec.Node { return spec.NewString(s, token.NoPos) }

func fields(pairs ...any) *spec.Node {
	n := spec.NewStruct(token.NoPos)
	for i := 0; i < len(pairs); i += 2 {
		value, ok := pairs[i+1].(*spec.Node)
		if !ok {
			value = str(pairs[i+1].(string))
		}
		n = n.With(pairs[i].(string), value)
	}
	return n
}

// reread gives a document as Kubernetes reads it.
func reread(t *testing.T, doc []byte) any {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		t.Fatalf("kubectl cannot read it: %v\n%s", err, doc)
	}
	return value(t, data)
}

func value(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// TestDocumentIsReadAsWritten holds strings and keys that YAML may misread to
// what they are, as Kubernetes reads them.
func TestDocumentIsReadAsWritten(t *testing.T) {
	for _, s := range []string{
		"", " ", "  a", "a  ", "a\n", "a\n\n", "\na", "\n", " \n a", "a\n  b\n c", "a\t", "\ta", "a\n\tb", "a \nb",
		"null", "~", "true", "False", "1", "-1", "+1", "1e3", "1.5", ".5", "0x1F", "0o17", "0b1", "1_000", "1:30", ".inf", ".nan",
		"2001-01-01", "=", "- a", "? a", ": a", "a: b", "a #b", "#", "&a", "*a", "!a", "%a", "@a", "`a", "{a", "[a", "]", "}", ",", "|", ">", "'", `"`, `\`,
		"---", "...", "--- a", "\r", "a\r\nb", "\u0085", "\u2028", "\ufeff", "\x00", "\x1b", "\x7f", "é", "世界", "👩‍💻", "\U0010ffff", "\ufffd",
		strings.Repeat("long ", 100), strings.Repeat("x", 300),
	} {
		for _, n := range []*spec.Node{fields("a", s), fields(s, "a"), fields("a", spec.NewList(token.NoPos, str(s)))} {
			doc, err := emit.Document(n)
			if err != nil {
				t.Errorf("%q: %v", s, err)
				continue
			}
			data, err := n.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value(t, data), reread(t, doc)); diff != "" {
				t.Errorf("%q (-written +read)\n%s%s", s, diff, doc)
			}
		}
	}
}

// TestDocumentFoldsNothing holds long and multi-line text to what a person can
// search for in the output.
func TestDocumentFoldsNothing(t *testing.T) {
	cel := "object.spec.containers.all(c,\n  has(c.resources) &&\n  has(c.resources.limits))"
	long := strings.Repeat("one two three ", 40) + "end"
	doc, err := emit.Document(fields("expression", cel, "message", long))
	if err != nil {
		t.Fatal(err)
	}
	want := "expression: |-\n  object.spec.containers.all(c,\n    has(c.resources) &&\n    has(c.resources.limits))\nmessage: " + long + "\n"
	if diff := cmp.Diff(want, string(doc)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestYAMLIsSameAtAnyParallelism(t *testing.T) {
	var objects []*spec.Node
	for range 50 {
		objects = append(objects, fields("a", strings.Repeat("x", len(objects)), "b", "c"))
	}
	one, err := emit.YAML(objects, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, parallel := range []int{0, 2, 8, 100} {
		got, err := emit.YAML(objects, parallel)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, got) {
			t.Errorf("at %d the bytes differ", parallel)
		}
	}
	if none, err := emit.YAML(nil, 4); err != nil || len(none) != 0 {
		t.Errorf("no objects give %q, %v", none, err)
	}
}

func TestJSON(t *testing.T) {
	got, err := emit.JSON([]*spec.Node{fields("kind", "A", "x", ">1")})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "apiVersion": "v1",
  "kind": "List",
  "items": [
    {
      "kind": "A",
      "x": ">1"
    }
  ]
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	none, err := emit.JSON(nil)
	if err != nil || !json.Valid(none) || !bytes.Contains(none, []byte(`"items": []`)) {
		t.Errorf("no objects give %q, %v", none, err)
	}
}

// FuzzYAML holds the emitter to Kubernetes' reader: any JSON value comes back
// as it was.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		`{"a":"b"}`, `[1,-2.5,1e3,true,null,"x"]`, `"a\n b\n"`, `{"":{"a":[[]]}}`, `"\u0085\u2028"`, `12345678901234567890`,
		`"- a\n"`, `{"a\nb":"c"}`, `"\n  x"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		docs, err := spec.ParseYAML("f.json", []byte(text))
		if err != nil || len(docs) != 1 {
			return
		}
		data, err := docs[0].MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := emit.Document(docs[0])
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if want, got := value(t, data), reread(t, doc); !reflect.DeepEqual(want, got) {
			t.Errorf("%s is written as\n%s\nand read as %#v", data, doc, got)
		}
	})
}
