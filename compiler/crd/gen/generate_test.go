package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUpToDate generates schemas.json again where the Kyverno module that the
// evaluator requires is on the machine.
func TestUpToDate(t *testing.T) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kyverno/kyverno")
	cmd.Dir = "../../../evaluator"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skipf("SKIPPED: the module github.com/kyverno/kyverno is not here to generate from: %v", err)
	}
	if err := run(dir, "../schemas.json", true); err != nil {
		t.Error(err)
	}
}

func TestGenerate(t *testing.T) {
	crd := func(schema string) string {
		return `
spec:
  group: g.io
  scope: Namespaced
  names: {kind: K}
  versions:
  - name: v1
    served: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          metadata: {type: object}
          status: {type: object, properties: {x: {type: string, format: uuid}}}
          spec: ` + schema + `
  - name: v2
    served: false
    schema:
      openAPIV3Schema: {}
`
	}
	tests := []struct{ name, schema, want, err string }{
		{
			name:   "shared, sorted, without prose and status",
			schema: `{type: object, description: d, required: [b], properties: {b: {type: string, description: e}, a: {type: string}, c: {type: array, x-kubernetes-list-type: atomic, items: {type: string}, default: []}}}`,
			want:   `{"type":"object","properties":{"a":0,"b":0,"c":1},"required":["b"]}`,
		},
		{
			name:   "every keyword",
			schema: `{type: object, additionalProperties: {type: integer, format: int32, minimum: 1, maximum: 2.5, nullable: true}, oneOf: [{required: [a]}, {required: [b]}], not: {required: [c, d]}}`,
			want:   `{"type":"object","additional":0,"oneOf":["a","b"],"notAll":["c","d"]}`,
		},
		{
			name:   "a known rule in CEL",
			schema: `{type: object, x-kubernetes-validations: [{rule: "(has(self.expression) && !has(self.template)) || (!has(self.expression) && has(self.template))"}]}`,
			want:   `{"type":"object","oneOf":["expression","template"]}`,
		},
		{name: "an unknown rule", schema: `{type: object, x-kubernetes-validations: [{rule: "self.a > 1"}]}`, err: "rule that package crd does not implement: self.a > 1"},
		{name: "an unknown keyword", schema: `{type: object, properties: {a: {type: integer, multipleOf: 2}}}`, err: ".spec.a: multipleOf: keyword that package crd does not implement"},
		{name: "an unknown format", schema: `{type: string, format: email}`, err: "format that package crd does not implement: email"},
		{name: "another form of oneOf", schema: `{type: object, oneOf: [{properties: {}}]}`, err: "a form other than {required: …}"},
		{name: "an alternative of two fields", schema: `{type: object, oneOf: [{required: [a, b]}]}`, err: "only one field each"},
		{name: "an enumeration of numbers", schema: `{type: integer, enum: [1]}`, err: "enum"},
		{name: "a bad pattern", schema: `{type: string, pattern: "["}`, err: "pattern: error parsing regexp"},
		{name: "no type", schema: `{properties: {}}`, err: ".spec: no type"},
		{name: "a list map without keys", schema: `{type: array, x-kubernetes-list-type: map, items: {type: string}}`, err: "list map without keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{"kyverno", "policies.kyverno.io"} {
				if err := os.MkdirAll(filepath.Join(dir, "config/crds", sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range map[string]string{
				"kyverno/kyverno.io_ks.yaml":         crd(tt.schema),
				"policies.kyverno.io/x_skipped.yaml": "spec: {names: {kind: UpdateRequest}}",
			} {
				if err := os.WriteFile(filepath.Join(dir, "config/crds", name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Generate(dir, "v1")
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var table struct {
				Kinds   []struct{ Schema int }
				Schemas []json.RawMessage
			}
			if err := json.Unmarshal(got, &table); err != nil {
				t.Fatal(err)
			}
			if n := len(table.Kinds); n != 1 {
				t.Fatalf("%d kinds, want the one that is served", n)
			}
			var root struct{ Properties map[string]int }
			if err := json.Unmarshal(table.Schemas[table.Kinds[0].Schema], &root); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(t, tt.want), normal(t, string(table.Schemas[root.Properties["spec"]]))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(string(got), "uuid") {
				t.Error("status is in the table")
			}
			again, err := Generate(dir, "v1")
			if err != nil || string(again) != string(got) {
				t.Errorf("generated again, it differs (%v)", err)
			}
		})
	}
}

// normal numbers sub-schemas by their first appearance in a text, which has
// the shape of a schema but not the place of its parts.
func normal(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	order := map[float64]int{}
	place := func(v any) int {
		n := v.(float64)
		if _, ok := order[n]; !ok {
			order[n] = len(order)
		}
		return order[n]
	}
	for _, key := range []string{"additional", "items"} {
		if v, ok := m[key]; ok {
			m[key] = place(v)
		}
	}
	if props, ok := m["properties"].(map[string]any); ok {
		for _, name := range []string{"a", "b", "c"} {
			props[name] = place(props[name])
		}
	}
	return m
}
