package evaluator

import (
	"context"
	"errors"
	"fmt"

	"github.com/kyverno/kyverno/ext/wildcard"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// cluster is the engine's client (engineapi.Client): the given resources and
// namespaces. The engine panics in places where it has no client at all.
type cluster struct{ rawClient }

var _ engineapi.Client = cluster{}

// CanI implements engineapi.AuthClient: CEL rules may ask their authorizer.
func (c cluster) CanI(_ context.Context, kind, _, verb, _, _ string) (bool, string, error) {
	return false, "", fmt.Errorf("whether the user may %s %s: only a cluster knows", verb, kind)
}

// GetNamespace implements engineapi.ResourceClient. Every namespace exists.
func (c cluster) GetNamespace(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Namespace, error) {
	labels, _ := c.namespaceLabels(name)
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, nil
}

// GetResource implements engineapi.ResourceClient.
func (c cluster) GetResource(_ context.Context, apiVersion, kind, namespace, name string, subresources ...string) (*unstructured.Unstructured, error) {
	if len(subresources) == 0 {
		for _, v := range c.values {
			if o := find(v.Resources, apiVersion, kind, namespace, name); o != nil {
				return o.DeepCopy(), nil
			}
		}
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	return nil, apierrors.NewNotFound(c.kinds.resource(gv.WithKind(kind)).GroupResource(), name)
}

// ListResource implements engineapi.ResourceClient.
func (c cluster) ListResource(_ context.Context, apiVersion, kind, namespace string, selector *metav1.LabelSelector) (*unstructured.UnstructuredList, error) {
	matches, err := matcher(selector)
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	for _, v := range c.values {
		for i := range v.Resources {
			o := &v.Resources[i]
			if o.GetAPIVersion() == apiVersion && o.GetKind() == kind && (namespace == "" || o.GetNamespace() == namespace) && matches(o) {
				list.Items = append(list.Items, *o.DeepCopy())
			}
		}
	}
	return list, nil
}

// GetResources implements engineapi.ResourceClient: group, version, kind,
// namespace and name may be wildcards (pkg/clients/dclient/helpers.go).
func (c cluster) GetResources(_ context.Context, group, version, kind, subresource, namespace, name string, selector *metav1.LabelSelector) ([]engineapi.Resource, error) {
	if subresource != "" {
		return nil, errors.New("a subresource as a target: only a cluster has it")
	}
	matches, err := matcher(selector)
	if err != nil {
		return nil, err
	}
	var found []engineapi.Resource
	for _, v := range c.values {
		for i := range v.Resources {
			o := &v.Resources[i]
			gvk := o.GroupVersionKind()
			if !wildcard.Match(group, gvk.Group) || !wildcard.Match(version, gvk.Version) || !wildcard.Match(kind, gvk.Kind) ||
				namespace != "" && !wildcard.Match(namespace, o.GetNamespace()) || name != "" && !wildcard.Match(name, o.GetName()) || !matches(o) {
				continue
			}
			gvr := c.kinds.resource(gvk)
			found = append(found, engineapi.Resource{Group: gvr.Group, Version: gvr.Version, Resource: gvr.Resource, Unstructured: *o.DeepCopy()})
		}
	}
	return found, nil
}

// IsNamespaced implements engineapi.ResourceClient. A custom resource is taken
// for what the given ones of its kind are.
func (c cluster) IsNamespaced(group, version, kind string) (bool, error) {
	gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
	if known, ok := c.kinds.byKind[gvk]; ok {
		return known.namespaced, nil
	}
	for _, v := range c.values {
		for i := range v.Resources {
			if v.Resources[i].GroupVersionKind() == gvk {
				return v.Resources[i].GetNamespace() != "", nil
			}
		}
	}
	return false, fmt.Errorf("whether %s is namespaced: give a resource of that kind", gvk)
}

// matcher makes a test of an optional label selector.
func matcher(selector *metav1.LabelSelector) (func(*unstructured.Unstructured) bool, error) {
	if selector == nil {
		return func(*unstructured.Unstructured) bool { return true }, nil
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, err
	}
	return func(o *unstructured.Unstructured) bool { return s.Matches(labels.Set(o.GetLabels())) }, nil
}
