package protocol

import (
	"encoding/json"
	"maps"
	"slices"
)

// Suite is a bundle that is tested: the objects that it compiles to, and its
// tests.
type Suite struct {
	// Name is the package of specs, as the user named it.
	Name string `json:"name"`
	// Objects are the Kubernetes objects of the bundle: the policies under
	// test, the exceptions to them, and what stands beside them.
	Objects []json.RawMessage `json:"objects"`
	// Tests are the bundle's tests in source order.
	Tests []Test `json:"tests"`
}

// Test is one test of a bundle: a #Test of the authoring model
// (schema/tests.cue), with its name and place.
type Test struct {
	Name string `json:"name"`
	// Position is where the author wrote the test, as file:line:column.
	Position string `json:"position,omitempty"`
	Policy   string `json:"policy"`
	Rule     string `json:"rule,omitempty"`
	// Resource and OldResource are Kubernetes objects.
	Resource    json.RawMessage `json:"resource"`
	OldResource json.RawMessage `json:"oldResource,omitempty"`
	Operation   string          `json:"operation,omitempty"`
	UserInfo    *UserInfo       `json:"userInfo,omitempty"`
	// NamespaceLabels is nil where the labels are not known, and empty where
	// there are none.
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Context         *Values           `json:"context,omitempty"`
	// Expect is a status.
	Expect string `json:"expect"`
	// Patched is the resource as the policy must leave it; absent where it
	// does not matter.
	Patched json.RawMessage `json:"patched,omitempty"`
	// Generated is nil where it does not matter, and empty where nothing must
	// be generated.
	Generated []json.RawMessage `json:"generated"`
}

// UserInfo says who makes a request, as the API server tells Kyverno.
type UserInfo struct {
	Username     string   `json:"username,omitempty"`
	UID          string   `json:"uid,omitempty"`
	Groups       []string `json:"groups,omitempty"`
	Roles        []string `json:"roles,omitempty"`
	ClusterRoles []string `json:"clusterRoles,omitempty"`
}

// Values answers what rules look up outside of a request. Nothing goes to a
// network: a look-up without a value is an error result that names it.
type Values struct {
	// ConfigMaps holds the data of ConfigMaps, by "namespace/name".
	ConfigMaps map[string]map[string]string `json:"configMaps,omitempty"`
	// APICalls holds the answers to API calls, by URL path or service URL; a
	// call that is no GET by "METHOD path".
	APICalls map[string]any `json:"apiCalls,omitempty"`
	// GlobalReferences holds the data of global context entries, by name.
	GlobalReferences map[string]any `json:"globalReferences,omitempty"`
	// Images holds image data by reference, in the form of Kyverno's
	// imageRegistry context.
	Images map[string]map[string]any `json:"images,omitempty"`
	// NamespaceLabels holds the labels of namespaces, by name.
	NamespaceLabels map[string]map[string]string `json:"namespaceLabels,omitempty"`
	// Resources are the other resources of the cluster, such as the targets
	// of mutate rules and the sources of generate rules that clone.
	Resources []json.RawMessage `json:"resources,omitempty"`
}

// With gives the values of both; where both have one, that of other counts.
func (v Values) With(other Values) Values {
	return Values{
		ConfigMaps:       merge(v.ConfigMaps, other.ConfigMaps),
		APICalls:         merge(v.APICalls, other.APICalls),
		GlobalReferences: merge(v.GlobalReferences, other.GlobalReferences),
		Images:           merge(v.Images, other.Images),
		NamespaceLabels:  merge(v.NamespaceLabels, other.NamespaceLabels),
		Resources:        slices.Concat(v.Resources, other.Resources),
	}
}

func merge[V any](a, b map[string]V) map[string]V {
	if len(b) == 0 {
		return a
	}
	merged := maps.Clone(b)
	for key, value := range a {
		if _, ok := merged[key]; !ok {
			merged[key] = value
		}
	}
	return merged
}
