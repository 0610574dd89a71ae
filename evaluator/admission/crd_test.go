package admission

import (
	"bytes"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// The versions that a CRD is split into are those that it has.
func TestSplitVersions(t *testing.T) {
	files, err := data.Crds()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d CRDs, %v", len(names), err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := parse(name, content)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]apiextensionsv1.CustomResourceDefinitionVersion{}
		for _, v := range whole.Spec.Versions {
			want[v.Name] = v
		}
		head, versions, _ := bytes.Cut(content, []byte(versionsKey))
		got := map[string]apiextensionsv1.CustomResourceDefinitionVersion{}
		for version, item := range splitVersions(versions) {
			part, err := parse(name, slices.Concat(head, []byte(versionsKey), item))
			if err != nil || len(part.Spec.Versions) != 1 {
				t.Fatalf("%s, %s: %d versions, %v", name, version, len(part.Spec.Versions), err)
			}
			got[version] = part.Spec.Versions[0]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-whole +split)\n%s", name, diff)
		}
	}
}
