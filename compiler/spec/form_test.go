package spec_test

import (
	"testing"

	"kcue.dev/compiler/spec"
)

// TestNamespaced holds what the table of kinds says of namespaces to how a
// bundle is read.
func TestNamespaced(t *testing.T) {
	fields := []string{
		"bases", "clusterPolicies", "policies", "exceptions", "celExceptions", "cleanupPolicies", "clusterCleanupPolicies",
		"validatingPolicies", "mutatingPolicies", "generatingPolicies", "imageValidatingPolicies", "deletingPolicies",
		"namespacedValidatingPolicies", "namespacedMutatingPolicies", "namespacedGeneratingPolicies",
		"namespacedImageValidatingPolicies", "namespacedDeletingPolicies", "resources",
	}
	known := 0
	for _, field := range fields {
		leaf := &spec.Node{Kind: spec.Struct}
		inner := &spec.Node{Kind: spec.Struct, Fields: []spec.Field{{Name: "b", Value: leaf}}}
		outer := &spec.Node{Kind: spec.Struct, Fields: []spec.Field{{Name: "a", Value: inner}}}
		b := spec.NewBundle("p", &spec.Node{Kind: spec.Struct, Fields: []spec.Field{{Name: field, Value: outer}}})
		namespace := ""
		for _, p := range b.Policies {
			namespace = p.Namespace
		}
		for _, n := range b.Natives {
			namespace = n.Namespace
		}
		k, _ := spec.ObjectKindOf(field)
		if k.Namespaced != (namespace == "a") {
			t.Errorf("%s is namespaced: %v, and in a bundle: %v", field, k.Namespaced, namespace == "a")
		}
		if k.Namespaced {
			known++
		}
	}
	if known != 9 {
		t.Errorf("%d namespaced fields, want 9", known)
	}
}
