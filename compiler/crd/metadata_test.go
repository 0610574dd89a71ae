package crd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetadata(t *testing.T) {
	long := strings.Repeat("a", 64)
	key := func(path, shown string) string {
		return `metadata: metadata.` + path + `: "` + shown + `" is no key, expected a name of at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, after an optional DNS name and '/'`
	}
	name := func(shown string) string {
		return `metadata: metadata.name: "` + shown + `" is no name for an object, expected at most 253 lowercase letters, digits, '-' and '.', with a letter or digit at both ends of each part`
	}
	value := func(shown string) string {
		return `metadata: metadata.labels.a: "` + shown + `" is no label value, expected at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends`
	}
	tests := []struct {
		name, kind, metadata string
		want                 []string
	}{
		{"a good one", "kyverno.io/v1 Policy", "{name: a.b-c.9, namespace: n-1, labels: {a: B_1.c, x.y/Z: '', b: null}, annotations: {X.Y/z: 'é ?'}, finalizers: [a.b/c], creationTimestamp: null}", nil},
		{"none", "kyverno.io/v1 ClusterPolicy", "null", []string{"required: metadata: metadata is missing, expected at least a name"}},
		{"no struct", "kyverno.io/v1 ClusterPolicy", "[]", []string{"type: metadata: expected a struct, found a list"}},
		{"no name", "kyverno.io/v1 ClusterPolicy", "{generateName: a-}", []string{"required: metadata.name: the object has no name"}},
		{"an empty name", "kyverno.io/v1 ClusterPolicy", "{name: ''}", []string{"required: metadata.name: the object has no name"}},
		{"a number for a name", "kyverno.io/v1 ClusterPolicy", "{name: 5}", []string{"type: metadata.name: expected a string, found the number 5"}},
		{"capitals", "kyverno.io/v1 ClusterPolicy", "{name: Abc}", []string{name("Abc")}},
		{"an empty part", "kyverno.io/v1 ClusterPolicy", "{name: a..b}", []string{name("a..b")}},
		{"a hyphen at a part's end", "kyverno.io/v1 ClusterPolicy", "{name: a-.b}", []string{name("a-.b")}},
		{"Kyverno's limit on policies' names", "kyverno.io/v1 ClusterPolicy", "{name: " + long + "}", []string{"metadata: metadata.name: the name has 64 characters, and Kyverno admits at most 63 for a ClusterPolicy"}},
		{"a long name of another kind", "policies.kyverno.io/v1 MutatingPolicy", "{name: " + long + "}", nil},
		{"Kubernetes' limit on names", "policies.kyverno.io/v1 MutatingPolicy", "{name: " + strings.Repeat("a", 254) + "}", []string{name(strings.Repeat("a", 80) + "…")}},
		{"a namespace on a cluster-scoped kind", "kyverno.io/v1 ClusterPolicy", "{name: a, namespace: ns}", []string{"metadata: metadata.namespace: the kind is cluster-scoped, expected no namespace"}},
		{"a namespace with a dot", "kyverno.io/v1 Policy", "{name: a, namespace: n.m}", []string{`metadata: metadata.namespace: "n.m" is no namespace, expected at most 63 lowercase letters, digits and '-', with a letter or digit at both ends`}},
		{"a long namespace", "kyverno.io/v1 Policy", "{name: a, namespace: " + long + "}", []string{`metadata: metadata.namespace: "` + long + `" is no namespace, expected at most 63 lowercase letters, digits and '-', with a letter or digit at both ends`}},
		{"a label's key", "kyverno.io/v1 Policy", "{name: a, labels: {'a b': c}}", []string{key(`labels."a b"`, "a b")}},
		{"a label's prefix", "kyverno.io/v1 Policy", "{name: a, labels: {A/b: c}}", []string{key(`labels."A/b"`, "A/b")}},
		{"an empty prefix", "kyverno.io/v1 Policy", "{name: a, labels: {/b: c}}", []string{key(`labels."/b"`, "/b")}},
		{"two slashes", "kyverno.io/v1 Policy", "{name: a, labels: {a/b/c: d}}", []string{key(`labels."a/b/c"`, "a/b/c")}},
		{"a long key", "kyverno.io/v1 Policy", "{name: a, labels: {" + long + ": d}}", []string{key("labels."+long, long)}},
		{"a label's value", "kyverno.io/v1 Policy", "{name: a, labels: {a: 'b c'}}", []string{value("b c")}},
		{"a long value", "kyverno.io/v1 Policy", "{name: a, labels: {a: " + long + "}}", []string{value(long)}},
		{"a boolean for a label", "kyverno.io/v1 Policy", "{name: a, labels: {a: true}}", []string{"type: metadata.labels.a: expected a string, found the boolean true"}},
		{"an annotation's key", "kyverno.io/v1 Policy", "{name: a, annotations: {-a: b}}", []string{key(`annotations."-a"`, "-a")}},
		{"large annotations", "kyverno.io/v1 Policy", "{name: a, annotations: {a: " + strings.Repeat("x", 256<<10) + "}}", []string{"metadata: metadata.annotations: the annotations have 262145 bytes, and Kubernetes admits at most 262144"}},
		{"a finalizer", "kyverno.io/v1 Policy", "{name: a, finalizers: [a_, 5]}", []string{"type: metadata.finalizers[1]: expected a string, found the number 5", key("finalizers[0]", "a_")}},
		{"an unknown field", "kyverno.io/v1 Policy", "{name: a, label: {}}", []string{`unknown-field: metadata.label: unknown field "label"`}},
	}
	s := schemas(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			apiVersion, kind, _ := strings.Cut(tt.kind, " ")
			got := describe(s.Check(parse(t, "apiVersion: "+apiVersion+"\nkind: "+kind+"\nmetadata: "+tt.metadata+"\nspec: {}\n")))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
