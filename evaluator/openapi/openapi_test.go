package openapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	kustomize "sigs.k8s.io/kustomize/kyaml/openapi"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write the tables anew")

// withoutWords leaves out descriptions. A property of that name is no text.
func withoutWords(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["description"].(string); ok {
			delete(v, "description")
		}
		for key := range v {
			v[key] = withoutWords(v[key])
		}
	case []any:
		for i := range v {
			v[i] = withoutWords(v[i])
		}
	}
	return v
}

// Kustomize knows the same schemas by the table as by itself.
func TestForKustomize(t *testing.T) {
	kustomize.ResetOpenAPI()
	t.Cleanup(kustomize.ResetOpenAPI)
	if kustomize.SchemaForResourceType(pod()) == nil {
		t.Fatal("kustomize knows of no Pods by itself")
	}
	own := definitions(t)
	if *update {
		// What kustomize has besides is its own kinds, which it reads anyway.
		kustomize.ResetOpenAPI()
		kustomize.SuppressBuiltInSchemaUse()
		table := maps.Clone(own)
		for name := range definitions(t) {
			delete(table, name)
		}
		write(t, "kustomize.json", "{\"definitions\":", table, "}")
		return
	}
	kustomize.ResetOpenAPI()
	if err := ForKustomize(); err != nil {
		t.Fatal(err)
	}
	if kustomize.SchemaForResourceType(pod()) == nil {
		t.Error("kustomize knows of no Pods by the table")
	}
	if diff := cmp.Diff(own, definitions(t)); diff != "" {
		t.Errorf("(-kustomize +table)\n%s", diff)
	}
}

func pod() kyaml.TypeMeta { return kyaml.TypeMeta{APIVersion: "v1", Kind: "Pod"} }

// definitions are those that kustomize has, without their descriptions.
func definitions(t *testing.T) map[string]any {
	t.Helper()
	content, err := json.Marshal(kustomize.Schema().Definitions)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	return withoutWords(all).(map[string]any)
}

// write writes a table, one schema a line.
func write(t *testing.T, file, before string, schemas map[string]any, after string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(before + "{")
	for i, name := range slices.Sorted(maps.Keys(schemas)) {
		schema, err := json.Marshal(schemas[name])
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n%q:%s", name, schema)
	}
	b.WriteString("\n}" + after + "\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}
