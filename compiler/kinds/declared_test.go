package kinds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

const gizmos = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gizmos.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Gizmo, plural: gizmos}
  versions:
  - {name: v1alpha1, served: false, storage: false, subresources: {old: {}}}
  - {name: v1, served: true, storage: true, subresources: {status: {}, scale: {}}}
`

func TestWithFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", "# a chart's values, and an object of another kind\nreplicas: 1\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"+gizmos)
	write("b.json", `{"apiVersion": "v1", "kind": "List", "items": []}`)
	tab, mistakes := table(t).WithFiles([]string{dir})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	found, m := tab.Check("Gizmo")
	if m != nil {
		t.Fatal(m.Message)
	}
	want := []*Kind{{
		Group: "example.com", Name: "Gizmo", Plural: "gizmos", Singular: "gizmo", Origin: Declared,
		Versions:     []Version{{Name: "v1", Served: true}, {Name: "v1alpha1"}},
		Subresources: []Subresource{{"scale", "Scale"}, {"status", "Gizmo"}},
	}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for selector, want := range map[string]string{
		"Gizmo/scale":                "",
		"example.com/v1/Gizmo":       "",
		"example.com/v2/Gizmo":       "! the definition of example.com/Gizmo has no version v2: expected v1 -> example.com/v1/Gizmo",
		"example.com/v1alpha1/Gizmo": "? example.com/Gizmo at v1alpha1 is not served -> example.com/v1/Gizmo",
		"gizmos":                     `! "gizmos" is a resource's plural, and no kind -> Gizmo`,
		"Gizmo/sttus":                `! Gizmo has no subresource "sttus": expected scale or status -> Gizmo/status`,
	} {
		_, m := tab.Check(selector)
		meant := ""
		if m != nil {
			meant = m.Selector(selector)
		}
		if got := described(m, meant); got != want {
			t.Errorf("%s: %q, want %q", selector, got, want)
		}
	}
	if _, m := tab.CheckResource([]string{"example.com"}, []string{"v1"}, "gizmos/status"); m != nil {
		t.Error(m.Message)
	}
	if _, m := table(t).Check("Gizmo"); m == nil {
		t.Error("the embedded table has changed")
	}
}

// TestDeclaredStandsFor has a definition that says less than the table.
func TestDeclaredStandsFor(t *testing.T) {
	text := strings.NewReplacer("example.com", "cert-manager.io", "gizmos", "certificates", "Gizmo", "Certificate").Replace(gizmos)
	nodes, err := spec.ParseYAML("crd.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := table(t).With(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	found := tab.Find(Parse("Certificate"))
	if len(found) != 1 || found[0].Namespaced {
		t.Errorf("found %v, want the declared one alone", found)
	}
}

func TestMalformedCRD(t *testing.T) {
	const is = "the CustomResourceDefinition's "
	replaced := func(old, new string) string { return strings.Replace(gizmos, old, new, 1) }
	tests := []struct{ name, text, want string }{
		{"no group", replaced("  group: example.com\n", ""), "7: document 2: " + is + "spec.group is missing"},
		{"no names", replaced("  names: {kind: Gizmo, plural: gizmos}\n", ""), "7: document 2: " + is + "spec.names is missing"},
		{"number", replaced("kind: Gizmo,", "kind: 1,"), "10: document 2: " + is + "spec.names.kind is empty, or no string"},
		{"scope", replaced("Cluster", "Clustered"), "9: document 2: " + is + `spec.scope is "Clustered": expected Namespaced or Cluster`},
		{"name", replaced("gizmos.example", "gizmo.example"), "6: document 2: " + is + `metadata.name is "gizmo.example.com": expected "gizmos.example.com", its plural and its group`},
		{"no versions", gizmos[:strings.Index(gizmos, "  versions")], "7: document 2: " + is + "spec.versions has no version"},
		{"no served", replaced("served: true, ", ""), "13: document 2: " + is + "spec.versions[1].served is missing: expected true or false"},
		{"old", replaced("k8s.io/v1", "k8s.io/v1beta1"), "4: document 2: " + is + `apiVersion "apiextensions.k8s.io/v1beta1" is not served since Kubernetes 1.22: expected "apiextensions.k8s.io/v1"`},
		{"syntax", "a: [", "4: document 2: "},
		{"none", "a: 1\n", " holds no CustomResourceDefinition"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "crd.yaml")
			if err := os.WriteFile(file, []byte("# one\na: 1\n---\n"+tt.text), 0o666); err != nil {
				t.Fatal(err)
			}
			_, mistakes := table(t).WithFiles([]string{file})
			if len(mistakes) != 1 || !strings.HasPrefix(mistakes[0].Error(), file+":"+tt.want) {
				t.Errorf("%v, want %s:%s", mistakes, file, tt.want)
			}
		})
	}
	if _, mistakes := table(t).WithFiles([]string{"nowhere"}); len(mistakes) != 1 || mistakes[0].File != "nowhere" {
		t.Errorf("%v, want one of the path", mistakes)
	}
	nodes, err := spec.ParseYAML("crd.yaml", []byte(replaced("kind: Gizmo,", "")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table(t).With(nodes...); err == nil || !strings.Contains(err.Error(), "spec.names.kind is missing") {
		t.Errorf("error %v", err)
	}
}
