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
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	kustomize "sigs.k8s.io/kustomize/kyaml/openapi"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write the tables anew")

// The tables have every schema that Kyverno's command line reads, with all that
// it says but for descriptions.
func TestKubernetes(t *testing.T) {
	published, err := openapiclient.NewHardcodedBuiltins("1.32").Paths()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]any{}
	for path, version := range published {
		content, err := version.Schema(runtime.ContentTypeJSON)
		if err != nil {
			t.Fatal(err)
		}
		want[path] = withoutWords(schemas(t, content)).(map[string]any)
		if *update {
			write(t, filepath.Join(documents, path+ending), "{\"components\":{\"schemas\":", want[path], "}}")
		}
	}
	if len(want) < 30 {
		t.Fatalf("Kubernetes publishes %d documents", len(want))
	}
	if *update {
		return // what is embedded is not what is written
	}
	paths, err := Kubernetes("").Paths()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]any{}
	for path, version := range paths {
		content, err := version.Schema(runtime.ContentTypeJSON)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = schemas(t, content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-published +table)\n%s", diff)
	}
	if _, err := paths["api/v1"].Schema("application/com.github.proto-openapi.spec.v3@v1.0+protobuf"); err == nil {
		t.Error("there is a document in another form than JSON")
	}
}

// The document of a kind has its schema and all that this refers to, and nothing
// else.
func TestKubernetesOfKind(t *testing.T) {
	for _, tt := range []struct {
		path, kind  string
		least, most int
		has, hasNot string
	}{
		{"api/v1", "Pod", 100, 150, "io.k8s.api.core.v1.EphemeralContainer", "io.k8s.api.core.v1.NodeSpec"},
		{"api/v1", "ConfigMap", 4, 10, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "io.k8s.api.core.v1.Pod"},
		{"apis/apps/v1", "Deployment", 100, 150, "io.k8s.api.core.v1.PodSpec", "io.k8s.api.apps.v1.StatefulSet"},
		{"apis/apps/v1", "Nothing", 0, 0, "", "io.k8s.api.apps.v1.Deployment"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			read := func(kind string) map[string]any {
				paths, err := Kubernetes(kind).Paths()
				if err != nil {
					t.Fatal(err)
				}
				content, err := paths[tt.path].Schema(runtime.ContentTypeJSON)
				if err != nil {
					t.Fatal(err)
				}
				return decode(t, content)
			}
			all, got := read(""), read(tt.kind)
			if len(got) < tt.least || len(got) > tt.most || tt.has != "" && got[tt.has] == nil || got[tt.hasNot] != nil {
				t.Errorf("%d schemas: %v", len(got), slices.Sorted(maps.Keys(got)))
			}
			for name, schema := range got {
				if diff := cmp.Diff(all[name], schema); diff != "" {
					t.Errorf("%s (-all +kind)\n%s", name, diff)
				}
				text, err := json.Marshal(schema)
				if err != nil {
					t.Fatal(err)
				}
				for _, reference := range references.FindAllSubmatch(text, -1) {
					if got[string(reference[1])] == nil {
						t.Errorf("%s refers to %s, which is not there", name, reference[1])
					}
				}
			}
		})
	}
}

func schemas(t *testing.T, document []byte) map[string]any {
	t.Helper()
	all := decode(t, document)
	if len(all) == 0 {
		t.Fatal("a document without schemas")
	}
	return all
}

func decode(t *testing.T, document []byte) map[string]any {
	t.Helper()
	var d struct {
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	return d.Components.Schemas
}

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
