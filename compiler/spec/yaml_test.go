package spec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

func TestParseYAML(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"order is kept", "b: 1\na: 2\n", `{"b":1,"a":2}`},
		{"documents", "a: 1\n---\n# nothing\n---\n- x\n", `{"a":1} ["x"]`},
		{"nothing", "", ``},
		{"json", `{"a": [true, null, "x"]}`, `{"a":[true,null,"x"]}`},
		{"booleans of YAML 1.1", "[yes, No, on, OFF, y, true, 'yes']", `[true,false,true,false,true,true,"yes"]`},
		{"numbers", "[1, -0, 0x1F, 010, 1_000, 1.50, 1e3, .5, 18446744073709551615]", `[1,0,31,8,1000,1.5,1000,0.5,18446744073709551615]`},
		{"strings that look like numbers", "[1.2.3, 100m, 1Gi, '5', 12:30, 0x, 2024-01-02]", `["1.2.3","100m","1Gi","5","12:30","0x","2024-01-02"]`},
		{"nulls", "{a: , b: ~, c: null}", `{"a":null,"b":null,"c":null}`},
		{"keys become strings", "{1: a, yes: b, 1.5: c, 123456789.5: d}", `{"1":"a","true":"b","1.5":"c","1.2345679e+08":"d"}`},
		{"block scalars", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", `{"a":"x\ny\n","b":"x y"}`},
		{"block scalar at the file's end", "a: |\n  x", `{"a":"x\n"}`},
		{"alias", "a: &x {k: v}\nb: *x\n", `{"a":{"k":"v"},"b":{"k":"v"}}`},
		{"alias of a key", "&x a: b\nc: *x\n", `{"a":"b","c":"a"}`},
		{"merge key", "a: &x {k: v, l: w}\nb:\n  <<: *x\n  l: own\n", `{"a":{"k":"v","l":"w"},"b":{"l":"own","k":"v"}}`},
		{"merge sequence", "- &x {k: 1}\n- &y {k: 2, l: 3}\n- {<<: [*x, *y]}\n", `[{"k":1},{"k":2,"l":3},{"k":1,"l":3}]`},
		{"quoted merge key is a key", `{"<<": {a: 1}}`, `{"<<":{"a":1}}`},
		{"tags", "[!!str 5, !!int '5', !!float 1, !!binary aGk=]", `["5",5,1,"hi"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			docs, err := spec.ParseYAML("f.yaml", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]string, len(docs))
			for i, d := range docs {
				data, err := d.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				got[i] = string(data)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseYAMLErrors(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 8; i++ {
		ref := fmt.Sprintf("*a%d, ", i-1)
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(ref, 10))
	}
	deepAliases := "a0: &a0 [x]\n"
	for i := 1; i < 300; i++ {
		deepAliases += fmt.Sprintf("a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	tests := []struct {
		name, in     string
		line, column int
		message      string
	}{
		{"syntax", "a: b\nc: [\n", 2, 1, "did not find expected node content"},
		{"repeated key", "a: 1\nb: 2\na: 3\n", 3, 1, `the key "a" stands twice`},
		{"repeated key of another type", "{1: a, '1': b}", 1, 8, `the key "1" stands twice`},
		{"complex key", "? [a]\n: b\n", 1, 3, "a key must be a string"},
		{"null key", "a:\n  ~: b", 2, 3, "a key must be a string"},
		{"infinity", "a: .inf", 1, 4, "infinity"},
		{"unknown tag", "a: !Ref x", 1, 4, "!Ref"},
		{"wrong tag", "a: !!int x", 1, 4, "is no !!int"},
		{"merge of a scalar", "<<: x", 1, 5, "a merge key takes"},
		{"too deep", deep, 1, 258, "nested more than 256"},
		{"alias of itself", "&a [*a]", 1, 5, "the alias *a stands inside the value that it names"},
		{"too deep by aliases", deepAliases, 0, 0, "nested more than 256"},
		{"alias bomb", bomb, 0, 0, "holds more than 1048576 values"},
		{"no UTF-8", "a: \xff", 0, 0, "UTF-8"},
		{"too large", strings.Repeat("#", 16<<20+1), 0, 0, "bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := spec.ParseYAML("f.yaml", []byte(tt.in))
			var e *spec.YAMLError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *YAMLError", err)
			}
			if !strings.Contains(e.Message, tt.message) {
				t.Errorf("message %q lacks %q", e.Message, tt.message)
			}
			if tt.line != 0 && e.Line != tt.line || tt.column != 0 && e.Column != tt.column {
				t.Errorf("at %d:%d, want %d:%d", e.Line, e.Column, tt.line, tt.column)
			}
			if !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Errorf("%q does not begin with the file", err)
			}
		})
	}
}

func TestParseYAMLPositions(t *testing.T) {
	docs, err := spec.ParseYAML("f.yaml", []byte("é: {a: 1}\n---\nb:\n  - \"é\": x\n---\n{<<: {m: 1}, long: 2}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range []*spec.Node{docs[0].Get("é").Get("a"), docs[1].Get("b").Items[0].Get("é"), docs[2].Get("long"), docs[2].Get("m")} {
		got = append(got, n.Pos.String())
	}
	// Columns count bytes, and a field's value stands at its key.
	if diff := cmp.Diff([]string{"f.yaml:1:6", "f.yaml:4:5", "f.yaml:6:14", "f.yaml:6:7"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, seed := range []string{"a: &x [1, *x]\n<<: *x", "- !!binary x", "? a\n: - b", "{1: 2, .inf: 3}", "\xef\xbb\xbfa: 1", "--- >\n x\n...\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		docs, err := spec.ParseYAML("f.yaml", src)
		if err != nil {
			return
		}
		for _, d := range docs {
			data, err := d.MarshalJSON()
			if err != nil {
				t.Fatalf("%q does not marshal: %v", src, err)
			}
			again, err := spec.ParseYAML("f.json", data)
			if err != nil || len(again) != 1 {
				t.Fatalf("%s: read again gives %d documents: %v", data, len(again), err)
			}
			if !spec.Equal(d, again[0]) {
				second, _ := again[0].MarshalJSON()
				t.Fatalf("%s read again is %s", data, second)
			}
		}
	})
}

func BenchmarkParseYAMLOneLine(b *testing.B) {
	src := []byte("[" + strings.Repeat("{é: é}, ", 50_000) + "é]")
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := spec.ParseYAML("f.yaml", src); err != nil {
			b.Fatal(err)
		}
	}
}
