package evaluator

import (
	"fmt"

	"github.com/go-logr/logr"
	openapiv2 "github.com/google/gnostic-models/openapiv2"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/pkg/background/generate"
	"github.com/kyverno/kyverno/pkg/clients/dclient"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	"github.com/kyverno/kyverno/pkg/engine/policycontext"
	kubeutils "github.com/kyverno/kyverno/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	dynamicfake "k8s.io/client-go/dynamic/fake"
)

// generateResources runs a generate rule, which applies, with the controller
// that does it on a cluster (pkg/background/generate), against a fake of one
// that holds the trigger and the given resources.
func (e *Evaluator) generateResources(engine engineapi.Engine, pc *policycontext.PolicyContext, l *lookups, rule kyvernov1.Rule) (generated []*unstructured.Unstructured, err error) {
	listKinds := map[schema.GroupVersionResource]string{}
	var objects []runtime.Object
	seen := map[string]bool{}
	add := func(o *unstructured.Unstructured) {
		key := o.GetAPIVersion() + "|" + o.GetKind() + "|" + o.GetNamespace() + "|" + o.GetName()
		if o.Object == nil || seen[key] {
			return
		}
		seen[key] = true
		objects = append(objects, o.DeepCopy())
		listKinds[guess(o.GroupVersionKind())] = o.GetKind() + "List"
	}
	trigger := pc.NewResource()
	add(&trigger)
	for _, v := range l.values {
		for i := range v.Resources {
			add(&v.Resources[i])
		}
	}
	patterns := []kyvernov1.GeneratePattern{rule.Generation.GeneratePattern}
	for _, foreach := range rule.Generation.ForEachGeneration {
		patterns = append(patterns, foreach.GeneratePattern)
	}
	for _, pattern := range patterns {
		for _, selector := range pattern.CloneList.Kinds {
			apiVersion, kind := kubeutils.GetKindFromGVK(selector)
			gv, err := schema.ParseGroupVersion(apiVersion)
			if err != nil {
				return nil, fmt.Errorf("cloneList kind %q: %w", selector, err)
			}
			listKinds[guess(gv.WithKind(kind))] = kind + "List"
		}
	}
	client := dclient.NewFakeClientWithDisco(
		dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), listKinds, objects...),
		nil,
		guessed{e.kinds},
	)
	controller := generate.NewGenerateControllerWithOnlyClient(client, engine)
	specs, err := controller.ApplyGeneratePolicy(logr.Discard(), pc, []string{rule.Name})
	if err != nil {
		return nil, err
	}
	return controller.GetUnstrResources(specs[rule.Name])
}

// guess names a kind's resource as the fake client's tracker does.
func guess(gvk schema.GroupVersionKind) schema.GroupVersionResource {
	gvr, _ := meta.UnsafeGuessKindToResource(gvk)
	return gvr
}

// guessed is a discovery client (dclient.IDiscovery) for the fake cluster: any
// kind exists there.
type guessed struct{ kinds *kinds }

// FindResources implements dclient.IDiscovery.
func (g guessed) FindResources(group, version, kind, subresource string) (map[dclient.TopLevelApiDescription]metav1.APIResource, error) {
	gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
	gvr := guess(gvk)
	known, ok := g.kinds.byKind[gvk]
	return map[dclient.TopLevelApiDescription]metav1.APIResource{
		{GroupVersion: gvk.GroupVersion(), Kind: kind, Resource: gvr.Resource, SubResource: subresource}: {
			Name: gvr.Resource, Kind: kind, Group: group, Version: version, Namespaced: !ok || known.namespaced,
		},
	}, nil
}

// GetGVRFromGVK implements dclient.IDiscovery.
func (guessed) GetGVRFromGVK(gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	return guess(gvk), nil
}

// GetGVKFromGVR implements dclient.IDiscovery.
func (g guessed) GetGVKFromGVR(gvr schema.GroupVersionResource) (schema.GroupVersionKind, error) {
	for gvk := range g.kinds.byKind {
		if g.kinds.resource(gvk) == gvr {
			return gvk, nil
		}
	}
	return schema.GroupVersionKind{}, fmt.Errorf("no kind has the resource %s", gvr)
}

// OpenAPISchema implements dclient.IDiscovery.
func (guessed) OpenAPISchema() (*openapiv2.Document, error) { return nil, nil }

// CachedDiscoveryInterface implements dclient.IDiscovery.
func (guessed) CachedDiscoveryInterface() discovery.CachedDiscoveryInterface { return nil }

// OnChanged implements dclient.IDiscovery: nothing ever changes.
func (guessed) OnChanged(func()) {}
