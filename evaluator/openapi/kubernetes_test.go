package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/openapi"
	"k8s.io/kube-openapi/pkg/spec3"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	smd "sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// embedded lets atoms be compared where they are embedded.
var embedded = gocmp.AllowUnexported(typeDef{}, typeRef{})

// An object of each kind of Kubernetes' is merged by the same types as in
// Kyverno's command line.
func TestKubernetes(t *testing.T) {
	client := openapiclient.NewHardcodedBuiltins("1.32")
	kyverno := compiler.NewStaticTypeConverterManager(client)
	table := map[string]typeDef{}
	kinds := published(t, client)
	if len(kinds) < 150 {
		t.Fatalf("Kubernetes publishes %d kinds", len(kinds))
	}
	for _, gvk := range kinds {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(gvk)
		value, err := kyverno.GetTypeConverter(gvk).ObjectToTyped(object)
		if err != nil {
			t.Fatal(err)
		}
		root, want := reached(t, value.Schema(), value.TypeRef())
		for name, w := range want {
			if known, ok := table[name]; ok {
				w.Kinds = known.Kinds // as one reaches it, a type tells no kinds
				if diff := gocmp.Diff(known, w, embedded); diff != "" {
					t.Fatalf("%s is two types (-one +other)\n%s", name, diff)
				}
			}
			if name == root {
				w.Kinds = append(w.Kinds, kind(gvk))
			}
			table[name] = w
		}
		if *update {
			continue
		}
		own, err := Kubernetes(gvk)
		if err != nil {
			t.Errorf("%s: %v", gvk, err)
			continue
		}
		ownRoot, got := reached(t, own.Schema, own.TypeRef)
		if len(got) != len(own.Schema.Types) {
			t.Errorf("%s: %d types of which %d are reached", gvk, len(own.Schema.Types), len(got))
		}
		if ownRoot != root {
			t.Errorf("%s is of the type %s, want %s", gvk, ownRoot, root)
		}
		if diff := gocmp.Diff(want, got, embedded); diff != "" {
			t.Errorf("%s (-Kyverno +table)\n%s", gvk, diff)
		}
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if err := encoder.Encode(table[name]); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile("kubernetes.jsonl", want.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return // what is embedded is not what is written
	}
	if !bytes.Equal(want.Bytes(), kubernetes) {
		t.Error("kubernetes.jsonl has more than this: write it with -update")
	}
}

// published lists the kinds of all documents.
func published(t *testing.T, client openapi.Client) (kinds []schema.GroupVersionKind) {
	t.Helper()
	paths, err := client.Paths()
	if err != nil {
		t.Fatal(err)
	}
	for path, version := range paths {
		content, err := version.Schema(runtime.ContentTypeJSON)
		if err != nil {
			t.Fatal(err)
		}
		var document spec3.OpenAPI
		if err := json.Unmarshal(content, &document); err != nil {
			t.Fatal(err)
		}
		for _, s := range document.Components.Schemas {
			if _, ok := s.Properties["apiVersion"]; !ok {
				continue // WatchEvent, which is no object
			}
			var of []kind
			if err := s.Extensions.GetObject("x-kubernetes-group-version-kind", &of); err != nil {
				t.Fatal(err)
			}
			for _, k := range of {
				// A document has kinds of other groups (DeleteOptions), which the
				// engine looks for in the documents of those.
				if "apis/"+k.Group+"/"+k.Version == path || k.Group == "" && "api/"+k.Version == path {
					kinds = append(kinds, schema.GroupVersionKind(k))
				}
			}
		}
	}
	slices.SortFunc(kinds, func(a, b schema.GroupVersionKind) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(kinds)
}

// reached gives the name of a type, and those that one gets to from it.
func reached(t *testing.T, s *smd.Schema, from smd.TypeRef) (root string, all map[string]typeDef) {
	t.Helper()
	if from.NamedType == nil {
		t.Fatal("the type has no name")
	}
	root = *from.NamedType
	all = map[string]typeDef{}
	names := []string{root}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if _, ok := all[name]; ok {
			continue
		}
		def, ok := s.FindNamedType(name)
		if !ok {
			t.Fatalf("%s is referred to, and is not there", name)
		}
		made := typeDef{Name: name, atom: written(t, def.Atom, func(name string) { names = append(names, name) })}
		all[name] = made
	}
	return root, all
}

// written is an atom in the table's form, with its fields in order.
func written(t *testing.T, a smd.Atom, refer func(string)) atom {
	t.Helper()
	ref := func(r smd.TypeRef) typeRef {
		if r.Nullable {
			t.Fatal("the table has no nullable types")
		}
		if r.NamedType != nil {
			refer(*r.NamedType)
		}
		return typeRef{NamedType: r.NamedType, atom: written(t, r.Inlined, refer), ElementRelationship: r.ElementRelationship}
	}
	out := atom{Scalar: a.Scalar}
	if l := a.List; l != nil {
		out.List = &list{ElementType: ref(l.ElementType), ElementRelationship: l.ElementRelationship, Keys: l.Keys}
	}
	if m := a.Map; m != nil {
		if len(m.Unions) > 0 {
			t.Fatal("the table has no unions")
		}
		out.Map = &object{ElementType: ref(m.ElementType), ElementRelationship: m.ElementRelationship}
		for _, f := range m.Fields {
			out.Map.Fields = append(out.Map.Fields, field{Name: f.Name, Type: ref(f.Type), Default: f.Default})
		}
		slices.SortFunc(out.Map.Fields, func(a, b field) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out
}

// A kind that is none of Kubernetes' own has no type; one that is has the same
// whenever it is asked for, also from many goroutines at once.
func TestKubernetesOfKind(t *testing.T) {
	for _, gvk := range []schema.GroupVersionKind{
		{},
		{Version: "v1"},
		{Version: "v1", Kind: "Deployment"},
		{Group: "apps", Version: "v1", Kind: "Deploy"},
		{Group: "apps", Version: "v1", Kind: `Deployment"}`},
		{Group: "example.com", Version: "v1", Kind: "Foo"},
	} {
		if _, err := Kubernetes(gvk); err == nil {
			t.Errorf("%s is known", gvk)
		}
	}
	var got [8]*typed.ParseableType
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = Kubernetes(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, one := range got {
		if one != got[0] {
			t.Error("a kind is read twice")
		}
	}
}
