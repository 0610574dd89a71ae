package admission

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the CRDs anew")

// The files are Kyverno's CRDs, with all that these say but for descriptions.
func TestCRDFiles(t *testing.T) {
	published, err := data.Crds()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(published, "*.yaml")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d CRDs, %v", len(names), err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(published, name)
		if err != nil {
			t.Fatal(err)
		}
		want := file(t, content)
		name = strings.TrimSuffix(name, ".yaml") + ".jsonl"
		if *update {
			if err := os.WriteFile(filepath.Join(crdDirectory, name), want, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := crdFiles.ReadFile(crdDirectory + "/" + name)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-Kyverno +here)\n%s", name, diff)
		}
	}
	if files, err := crdFiles.ReadDir(crdDirectory); !*update && len(files) != len(names) {
		t.Errorf("%d files for %d CRDs, %v", len(files), len(names), err)
	}
}

// file gives the file of a CRD.
func file(t *testing.T, content []byte) []byte {
	t.Helper()
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(content, &definition); err != nil {
		t.Fatal(err)
	}
	var schemas []*apiextensionsv1.JSONSchemaProps
	for i := range definition.Spec.Versions {
		version := &definition.Spec.Versions[i]
		withoutDescriptions(version.Schema.OpenAPIV3Schema)
		schemas = append(schemas, version.Schema.OpenAPIV3Schema)
		version.Schema = nil
	}
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	if err := lines.Encode(definition.Spec); err != nil {
		t.Fatal(err)
	}
	for _, s := range schemas {
		if err := lines.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func withoutDescriptions(s *apiextensionsv1.JSONSchemaProps) {
	if s == nil {
		return
	}
	s.Description = ""
	if s.Items != nil {
		withoutDescriptions(s.Items.Schema)
	}
	if s.AdditionalProperties != nil {
		withoutDescriptions(s.AdditionalProperties.Schema)
	}
	for name, property := range s.Properties {
		withoutDescriptions(&property)
		s.Properties[name] = property
	}
}
