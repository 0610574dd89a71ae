package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

const twoMaps = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  x: \"2\"\n"

// What a spec builds is compared with what was read. An object of which another
// is built, or none, is left out; what a build refuses is reported at the line of
// the file that was read.
func TestVerify(t *testing.T) {
	real := builder(t)
	change := func(objects []*spec.Node, with func(*spec.Node) *spec.Node) []*spec.Node {
		var out []*spec.Node
		for _, o := range objects {
			if o.Get("metadata").Get("name").Str() == "b" {
				if o = with(o); o == nil {
					continue
				}
			}
			out = append(out, o)
		}
		return out
	}
	cases := []struct {
		name  string
		build func([]byte) ([]*spec.Node, diag.List)
		want  []string
		left  int
	}{
		{"the same", real, nil, 2},
		{"another value", func(source []byte) ([]*spec.Node, diag.List) {
			objects, diags := real(source)
			return change(objects, func(o *spec.Node) *spec.Node {
				return o.With("data", spec.NewStruct(o.Pos, spec.Field{Name: "x", Value: spec.NewString("3", o.Pos)}))
			}), diags
		}, []string{`-:6:1: KC701: ConfigMap/b: the spec would build another object than this: data.x: "2", built as "3"`}, 1},
		{"a field more", func(source []byte) ([]*spec.Node, diag.List) {
			objects, diags := real(source)
			return change(objects, func(o *spec.Node) *spec.Node { return o.With("immutable", spec.NewBool(true, o.Pos)) }), diags
		}, []string{`-:6:1: KC701: ConfigMap/b: the spec would build another object than this: immutable: nothing, built as true`}, 1},
		{"nothing", func(source []byte) ([]*spec.Node, diag.List) {
			objects, diags := real(source)
			return change(objects, func(*spec.Node) *spec.Node { return nil }), diags
		}, []string{`-:6:1: KC701: ConfigMap/b: the spec would not build this object`}, 1},
		{"a mistake at a line", func(source []byte) ([]*spec.Node, diag.List) {
			for n, line := range strings.Split(string(source), "\n") {
				if strings.Contains(line, `"2"`) {
					return nil, diag.List{{Code: diag.WrongType, Pos: diag.Position{File: "-", Line: n + 1}, Path: "resources.b.data.x", Message: "no 2 here"}}
				}
			}
			return real(source)
		}, []string{`-:10:3: KC202: ConfigMap/b: resources.b.data.x: no 2 here`}, 1},
		{"a mistake nowhere", func([]byte) ([]*spec.Node, diag.List) {
			return nil, diag.List{{Code: diag.Evaluation, Message: "no idea"}}
		}, []string{"KC209: no idea"}, 0},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			o.Build = tt.build
			_, result := imported(t, twoMaps, o)
			var got []string
			for _, d := range result.Diagnostics {
				got = append(got, d.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if result.Objects != tt.left || strings.Count(cueOf(result), "resources:") != tt.left {
				t.Errorf("%d objects are imported, want %d:\n%s", result.Objects, tt.left, cueOf(result))
			}
		})
	}
}

// An object that CUE would take too long over is a diagnostic.
func TestTooManyMembers(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n")
	for n := range 20_001 {
		fmt.Fprintf(&text, "  k%d: v\n", n)
	}
	_, result := imported(t, text.String(), options(t))
	want := "-:4:1: KC208: ConfigMap/a: a mapping or sequence has 20001 members, and CUE takes too long over more than 20000"
	if result.Objects != 0 || len(result.Diagnostics) != 1 || result.Diagnostics[0].Error() != want {
		t.Errorf("%d objects are imported: %v", result.Objects, result.Diagnostics)
	}
}

// A suite is read no further than the directory that was named, by whatever way
// it leads out.
func TestSuiteOutside(t *testing.T) {
	base := t.TempDir()
	write(t, base, map[string]string{
		"secret.yaml": "{apiVersion: v1, kind: Pod, metadata: {name: secret}, spec: {containers: [{name: a, image: a}]}}",
		"in/policy.yaml": `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  rules:
  - name: r
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: "m", pattern: {metadata: {labels: {a: "?*"}}}}
`,
	})
	if err := os.Symlink(filepath.Join(base, "secret.yaml"), filepath.Join(base, "in", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret.yaml", "link.yaml"} {
		write(t, base, map[string]string{"in/kyverno-test.yaml": "policies: [policy.yaml]\nresources: [" + name + "]\nresults: [{policy: p, rule: r, kind: Pod, resources: [secret], result: fail}]\n"})
		o := options(t)
		o.Tests = true
		result, err := importer.Import(importer.Read([]string{filepath.Join(base, "in")}, nil), o)
		if err != nil {
			t.Fatal(err)
		}
		if result.Tests != 0 || len(result.Diagnostics) != 1 || !strings.Contains(result.Diagnostics[0].Message, "is outside of") || result.Diagnostics[0].Code != diag.UnsayableRow {
			t.Errorf("%s: %d tests, %v", name, result.Tests, result.Diagnostics)
		}
		if strings.Contains(cueOf(result), "secret") {
			t.Errorf("%s was read:\n%s", name, cueOf(result))
		}
	}
}
