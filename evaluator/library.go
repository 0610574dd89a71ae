package evaluator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/kyverno/kyverno/pkg/cel/libs"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// library is what the functions of Kyverno's CEL libraries call (libs.Context).
// A policy is compiled with one, for good: for each evaluation it is bound to
// the look-ups of that evaluation, so one goroutine at a time may use it.
type library struct {
	*lookups
	// answers are those of http.*, in the one map that the compiled policy
	// keeps hold of, by "METHOD:url".
	answers   map[string]any
	generated []*unstructured.Unstructured
	// namespace is that of the policy that generates.
	namespace string
}

var _ libs.Context = &library{}

// bind makes a library answer from the given look-ups.
func (c *library) bind(l *lookups) {
	c.lookups = l
	c.generated = nil
	clear(c.answers)
	if l == nil {
		return
	}
	for _, v := range slices.Backward(l.values) {
		// A plain URL stands for GET, and "GET url" comes before it, as for
		// the API calls of a context entry.
		for _, key := range slices.Sorted(maps.Keys(v.APICalls)) {
			if method, target, ok := strings.Cut(key, " "); ok {
				c.answers[method+":"+target] = httpAnswer(v.APICalls[key])
			} else if _, given := v.APICalls["GET "+key]; !given {
				c.answers["GET:"+key] = httpAnswer(v.APICalls[key])
			}
		}
	}
}

// httpAnswer gives the body of an answer the shape in which Kyverno's http
// library passes it on (extensions/cel/libs/http/http.go): all numbers are
// floating, and the status stands among the fields of an object, beside any
// other body.
func httpAnswer(body any) any {
	if data, err := json.Marshal(body); err == nil {
		var decoded any
		if json.Unmarshal(data, &decoded) == nil {
			body = decoded
		}
	}
	object, ok := body.(map[string]any)
	if !ok {
		return map[string]any{"body": body, "statusCode": 200}
	}
	if _, ok := object["statusCode"]; !ok {
		object["statusCode"] = 200
	}
	return object
}

// refused finds the URL in what Kyverno says of an http.* call that no answer
// is given for.
var refused = regexp.MustCompile(`URL "([^"]*)" is not permitted: no matching allowlist entry`)

// missHTTP records the http.* calls that failed for want of an answer.
func (l *lookups) missHTTP(message string) {
	for _, match := range refused.FindAllStringSubmatch(message, -1) {
		_ = l.miss("the answer to the HTTP request of "+match[1], fmt.Sprintf("context.apiCalls[%q], or [%q]", match[1], "POST "+match[1]))
	}
}

// GetHTTPMocks implements libs.Context.
func (c *library) GetHTTPMocks() map[string]any { return c.answers }

// GetGlobalReference implements globalcontext.ContextInterface. As in Kyverno's
// own stand-in for a cluster, a projection may be a field of the entry's data.
func (c *library) GetGlobalReference(name, projection string) (any, error) {
	for _, v := range c.values {
		if data, ok := v.GlobalReferences[name]; ok {
			if projection == "" {
				return data, nil
			}
			if fields, ok := data.(map[string]any); ok {
				if field, ok := fields[projection]; ok {
					return field, nil
				}
			}
		}
		if data, ok := v.GlobalReferences[name+"."+projection]; ok && projection != "" {
			return data, nil
		}
	}
	key := name
	if projection != "" {
		key += "." + projection
	}
	return nil, c.miss("global context entry "+key, fmt.Sprintf("context.globalReferences[%q]", key))
}

// GetImageData implements imagedata.ContextInterface.
func (c *library) GetImageData(image string, _ []remote.Option) (map[string]any, error) {
	data, err := c.image(image)
	if err != nil {
		return nil, err
	}
	return data.descriptor(image), nil
}

// apiPath is where an API server serves a resource, or with no name the list of
// a resource.
func apiPath(gvr schema.GroupVersionResource, namespace, name string) string {
	path := "/api/" + gvr.Version
	if gvr.Group != "" {
		path = "/apis/" + gvr.Group + "/" + gvr.Version
	}
	if namespace != "" {
		path += "/namespaces/" + url.PathEscape(namespace)
	}
	path += "/" + gvr.Resource
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// missResource records that a resource was asked for that no value has.
func (c *library) missResource(path string) error {
	return c.miss("the resource "+path, fmt.Sprintf("context.apiCalls[%q] or among the resources", path))
}

// GetResource implements resource.ContextInterface. A resource is looked for
// among the given ones, then as the answer to the API call that would fetch it,
// which null makes one that does not exist. Where others of its kind are given,
// one that is not among them does not exist either.
func (c *library) GetResource(apiVersion, resource, namespace, name string) (*unstructured.Unstructured, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	gvr := gv.WithResource(resource)
	kindGiven := false
	for _, v := range c.values {
		if gvr == configMaps {
			if data, ok := v.ConfigMaps[namespace+"/"+name]; ok {
				return asUnstructured(&corev1.ConfigMap{
					TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
					ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
					Data:       data,
				})
			}
		}
		for i := range v.Resources {
			o := &v.Resources[i]
			if c.kinds.resource(o.GroupVersionKind()) != gvr {
				continue
			}
			if kindGiven = true; o.GetName() == name && o.GetNamespace() == namespace {
				return o.DeepCopy(), nil
			}
		}
	}
	path := apiPath(gvr, namespace, name)
	if data, ok, err := c.apiCall("GET", path); err != nil {
		return nil, err
	} else if ok && string(data) != "null" {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(data, &o.Object); err != nil {
			return nil, fmt.Errorf("the answer to the API call GET %s is no object: %w", path, err)
		}
		return o, nil
	} else if ok || kindGiven {
		return nil, apierrors.NewNotFound(gvr.GroupResource(), name)
	}
	if gvr == namespaces {
		if labels, known := c.namespaceLabels(name); known {
			return asUnstructured(&corev1.Namespace{
				TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
			})
		}
	}
	return nil, c.missResource(path)
}

var (
	configMaps = corev1.SchemeGroupVersion.WithResource("configmaps")
	namespaces = corev1.SchemeGroupVersion.WithResource("namespaces")
)

// ListResources implements resource.ContextInterface: the given resources of
// the kind, or the answer to the API call that would list them.
func (c *library) ListResources(apiVersion, resource, namespace string, selector map[string]string) (*unstructured.UnstructuredList, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	gvr := gv.WithResource(resource)
	path := apiPath(gvr, namespace, "")
	matches := labels.SelectorFromSet(selector)
	list := &unstructured.UnstructuredList{}
	data, given, err := c.apiCall("GET", path)
	if err != nil {
		return nil, err
	}
	if given {
		var answer struct {
			Items []map[string]any `json:"items"`
		}
		if err := json.Unmarshal(data, &answer); err != nil {
			return nil, fmt.Errorf("the answer to the API call GET %s is no list: %w", path, err)
		}
		for _, item := range answer.Items {
			list.Items = append(list.Items, unstructured.Unstructured{Object: item})
		}
	}
	for _, v := range c.values {
		for i := range v.Resources {
			o := &v.Resources[i]
			if c.kinds.resource(o.GroupVersionKind()) != gvr {
				continue
			}
			given = true
			if namespace == "" || o.GetNamespace() == namespace {
				list.Items = append(list.Items, *o.DeepCopy())
			}
		}
	}
	if !given {
		return nil, c.missResource(path)
	}
	list.Items = slices.DeleteFunc(list.Items, func(o unstructured.Unstructured) bool {
		return !matches.Matches(labels.Set(o.GetLabels()))
	})
	return list, nil
}

// PostResource implements resource.ContextInterface: the answer to the API call
// that would create the resource.
func (c *library) PostResource(apiVersion, resource, namespace string, _ map[string]any) (*unstructured.Unstructured, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	path := apiPath(gv.WithResource(resource), namespace, "")
	data, ok, err := c.apiCall("POST", path)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, c.miss("the answer to the API call POST "+path, fmt.Sprintf("context.apiCalls[%q]", "POST "+path))
	}
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &o.Object); err != nil {
		return nil, fmt.Errorf("the answer to the API call POST %s is no object: %w", path, err)
	}
	return o, nil
}

// ToGVR implements resource.ContextInterface.
func (c *library) ToGVR(apiVersion, kind string) (*schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	gvr := c.kinds.resource(gv.WithKind(kind))
	return &gvr, nil
}

// GenerateResources implements generator.ContextInterface, as Kyverno's context
// does where it only evaluates (pkg/cel/libs/context.go, cliEvaluation), but
// keeps annotations, which a cluster keeps.
func (c *library) GenerateResources(namespace string, dataList []map[string]any) error {
	for _, data := range dataList {
		object := &unstructured.Unstructured{Object: data}
		items := []*unstructured.Unstructured{object}
		if object.IsList() {
			list, err := object.ToList()
			if err != nil {
				return err
			}
			items = nil
			for i := range list.Items {
				items = append(items, &list.Items[i])
			}
		}
		for _, item := range items {
			gvk := item.GroupVersionKind()
			target := namespace
			if known, ok := c.kinds.byKind[gvk]; ok && !known.namespaced {
				if target != "" && c.namespace != "" {
					return fmt.Errorf("cross-scope generation denied: a policy scoped to namespace %q cannot generate cluster-scoped resource %s/%s", target, item.GetAPIVersion(), item.GetKind())
				}
				target = ""
			}
			if from := item.GetNamespace(); from != "" && from != target && item.GetOwnerReferences() != nil {
				item.SetOwnerReferences(nil)
			}
			item.SetUID("")
			item.SetManagedFields(nil)
			item.SetResourceVersion("")
			item.SetCreationTimestamp(metav1.Time{})
			item.SetNamespace(target)
			// CEL's numbers all are floating.
			data, err := item.MarshalJSON()
			if err != nil {
				return err
			}
			whole := &unstructured.Unstructured{}
			if err := whole.UnmarshalJSON(data); err != nil {
				return err
			}
			c.generated = append(c.generated, whole)
		}
	}
	return nil
}

// GetGeneratedResources implements libs.Context.
func (c *library) GetGeneratedResources() []*unstructured.Unstructured { return c.generated }

// ClearGeneratedResources implements libs.Context.
func (c *library) ClearGeneratedResources() { c.generated = nil }

// SetGenerateContext implements libs.Context.
func (c *library) SetGenerateContext(_, policyNamespace, _, _, _, _, _, _ string, _, _ bool) {
	c.namespace = policyNamespace
}

// Clone implements libs.Context.
func (c *library) Clone() libs.Context {
	clone := *c
	clone.generated = nil
	return &clone
}

// asUnstructured converts an object of an API type.
func asUnstructured(o runtime.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	return &unstructured.Unstructured{Object: content}, err
}
