package evaluator

import (
	"fmt"
	"strings"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kinds is what discovery would tell of a cluster without custom resources: the
// resource name and the scope of each kind.
type kinds struct {
	byKind map[schema.GroupVersionKind]kind
}

type kind struct {
	resource   string
	namespaced bool
}

// readKinds reads the list of resources that Kyverno's command line embeds.
func readKinds() (*kinds, error) {
	groups, err := data.APIGroupResources()
	if err != nil {
		return nil, fmt.Errorf("reading the kinds that Kyverno embeds: %w", err)
	}
	k := &kinds{byKind: map[schema.GroupVersionKind]kind{}}
	for _, group := range groups {
		for version, resources := range group.VersionedResources {
			for _, r := range resources {
				if strings.Contains(r.Name, "/") {
					continue
				}
				gvk := schema.GroupVersionKind{Group: group.Group.Name, Version: version, Kind: r.Kind}
				k.byKind[gvk] = kind{resource: r.Name, namespaced: r.Namespaced}
			}
		}
	}
	return k, nil
}

// namespaced reports whether a kind is known to live in namespaces. Of a custom
// resource nobody knows, so its namespace is left as it is given.
func (k *kinds) namespaced(gvk schema.GroupVersionKind) bool { return k.byKind[gvk].namespaced }

// resource gives the plural name of a kind, guessed for a custom resource.
func (k *kinds) resource(gvk schema.GroupVersionKind) schema.GroupVersionResource {
	if known, ok := k.byKind[gvk]; ok {
		return gvk.GroupVersion().WithResource(known.resource)
	}
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return plural
}

// isKyverno reports whether an API group is one of Kyverno's.
func isKyverno(group string) bool {
	return group == "kyverno.io" || group == "policies.kyverno.io"
}
