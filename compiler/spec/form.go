package spec

import "strings"

// ObjectKind is a field of the bundle that holds objects of one kind of
// Kyverno's.
type ObjectKind struct {
	Field      string // of the bundle
	APIVersion string // that kcue emits
	Kind       string
	Namespaced bool // whether the field is keyed by namespace and then by name, or by name alone
}

// objectKinds are the fields of the bundle that hold objects of Kyverno's, which
// are all but bases and resources.
var objectKinds = []ObjectKind{
	{"clusterPolicies", "kyverno.io/v1", "ClusterPolicy", false},
	{"policies", "kyverno.io/v1", "Policy", true},
	{"exceptions", "kyverno.io/v2", "PolicyException", true},
	{"cleanupPolicies", "kyverno.io/v2", "CleanupPolicy", true},
	{"clusterCleanupPolicies", "kyverno.io/v2", "ClusterCleanupPolicy", false},
	{"celExceptions", "policies.kyverno.io/v1", "PolicyException", true},
	{"validatingPolicies", "policies.kyverno.io/v1", "ValidatingPolicy", false},
	{"mutatingPolicies", "policies.kyverno.io/v1", "MutatingPolicy", false},
	{"generatingPolicies", "policies.kyverno.io/v1", "GeneratingPolicy", false},
	{"imageValidatingPolicies", "policies.kyverno.io/v1", "ImageValidatingPolicy", false},
	{"deletingPolicies", "policies.kyverno.io/v1", "DeletingPolicy", false},
	{"namespacedValidatingPolicies", "policies.kyverno.io/v1", "NamespacedValidatingPolicy", true},
	{"namespacedMutatingPolicies", "policies.kyverno.io/v1", "NamespacedMutatingPolicy", true},
	{"namespacedGeneratingPolicies", "policies.kyverno.io/v1", "NamespacedGeneratingPolicy", true},
	{"namespacedImageValidatingPolicies", "policies.kyverno.io/v1", "NamespacedImageValidatingPolicy", true},
	{"namespacedDeletingPolicies", "policies.kyverno.io/v1", "NamespacedDeletingPolicy", true},
}

// ObjectKindOf gives what a field of the bundle holds. It is false for bases,
// resources and what is no field.
func ObjectKindOf(field string) (ObjectKind, bool) {
	for _, k := range objectKinds {
		if k.Field == field {
			return k, true
		}
	}
	return ObjectKind{}, false
}

// FindObjectKind gives the field that holds objects of a group and kind. It is false
// where they are plain resources of the bundle.
func FindObjectKind(group, kind string) (ObjectKind, bool) {
	for _, k := range objectKinds {
		if g, _, _ := strings.Cut(k.APIVersion, "/"); g == group && k.Kind == kind {
			return k, true
		}
	}
	return ObjectKind{}, false
}

// Description is a field by which a spec describes itself, and the annotation
// that stands for it.
type Description struct{ Field, Annotation string }

// Descriptions lists them in the order in which the Kyverno policy library
// writes the annotations.
func Descriptions() []Description {
	return []Description{
		{"title", "policies.kyverno.io/title"},
		{"category", "policies.kyverno.io/category"},
		{"severity", "policies.kyverno.io/severity"},
		{"subject", "policies.kyverno.io/subject"},
		{"minVersion", "policies.kyverno.io/minversion"},
		{"description", "policies.kyverno.io/description"},
	}
}

// MetadataFields lists what becomes metadata of a spec that is written flat.
func MetadataFields() []string {
	return []string{"title", "description", "category", "severity", "subject", "minVersion", "controls", "labels", "annotations"}
}

const (
	// AutogenAnnotation limits Kyverno's autogen (pkg/autogen/v1).
	AutogenAnnotation = "pod-policies.kyverno.io/autogen-controllers"
	// ControlsAnnotation names the controls that a policy serves, as
	// "PCI-DSS: 2.2.1, 6.4; SOC2: CC6.1".
	ControlsAnnotation = "kcue.dev/controls"
)
