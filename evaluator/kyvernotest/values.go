package kyvernotest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/apis/v1alpha1"
	"github.com/kyverno/kyverno/pkg/config"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"kcue.dev/evaluator"
)

// loadValues reads the values and who asks.
func (s *suite) loadValues() {
	s.values = s.test.Values
	if s.values == nil {
		s.values = &v1alpha1.ValuesSpec{}
		if s.test.Variables != "" {
			var file v1alpha1.Values
			s.problem(s.files.decodeFile(s.dir, s.test.Variables, "Values", &file))
			s.values = &file.ValuesSpec
		}
	}
	if s.test.UserInfo != "" {
		s.problem(s.files.decodeFile(s.dir, s.test.UserInfo, "UserInfo", &s.user))
	}
}

// concerns tells that a name stands for a policy: with or without its
// namespace, as in Kyverno's command line.
func concerns(name string, ref evaluator.PolicyRef) bool {
	return name == ref.Name || name == ref.Key()
}

// given is a value, by the path of the variable that it is for.
type given struct {
	path  []string
	value any
}

// splitPath splits a variable's name as Kyverno does (Context.AddVariable in
// pkg/engine/context/context.go): at dots, save those in double quotes.
func splitPath(name string) ([]string, error) {
	reader := csv.NewReader(strings.NewReader(name))
	reader.Comma = '.'
	path, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("values: the name %q: %w", name, err)
	}
	return path, nil
}

// givens sorts values by name, so that what they set does not hang on chance.
func givens(values map[string]any) ([]given, error) {
	var all []given
	for _, name := range slices.Sorted(maps.Keys(values)) {
		path, err := splitPath(name)
		if err != nil {
			return nil, err
		}
		all = append(all, given{path: path, value: values[name]})
	}
	return all, nil
}

// of gives the values for requests about a resource, as far as a policy is
// concerned: those of the request itself, and those of other variables.
func (s *suite) valuesOf(ref evaluator.PolicyRef, resource string) (request, variables []given, err error) {
	values := maps.Clone(s.values.GlobalValues)
	if values == nil {
		values = map[string]any{}
	}
	for _, p := range s.values.Policies {
		if !concerns(p.Name, ref) {
			continue
		}
		for _, r := range p.Resources {
			if r.Name == resource {
				maps.Copy(values, r.Values)
			}
		}
	}
	all, err := givens(values)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range all {
		if g.path[0] == "request" {
			request = append(request, g)
		} else {
			variables = append(variables, g)
		}
	}
	return request, variables, nil
}

// request makes the request about a resource: values for request.* variables
// are put where the variables come from.
func (s *suite) request(resource *unstructured.Unstructured, operation string, values []given) (evaluator.Request, error) {
	r := evaluator.Request{
		Object:       resource.DeepCopy(),
		UserInfo:     s.user.AdmissionUserInfo,
		Roles:        s.user.Roles,
		ClusterRoles: s.user.ClusterRoles,
	}
	var namespace string
	var old []given
	for _, g := range values {
		name := strings.Join(g.path, ".")
		var err error
		switch field := append(g.path, "", "")[1]; {
		case name == "request.operation":
			if operation == "" {
				operation, err = text(g.value)
			}
		case name == "request.namespace":
			namespace, err = text(g.value)
		case field == "object" && len(g.path) > 2:
			err = unstructured.SetNestedField(r.Object.Object, plain(g.value), g.path[2:]...)
		case field == "oldObject" && len(g.path) > 2:
			old = append(old, g)
		case field == "userInfo" && len(g.path) > 2:
			err = overlay(&r.UserInfo, g.path[2:], g.value)
		case name == "request.roles":
			r.Roles, err = texts(g.value)
		case name == "request.clusterRoles":
			r.ClusterRoles, err = texts(g.value)
		default:
			err = fmt.Errorf("a request cannot be given it")
		}
		if err != nil {
			return r, fmt.Errorf("values: %s: %w", name, err)
		}
	}
	r.Operation = operation
	switch kyvernov1.AdmissionOperation(operation) {
	case "", kyvernov1.Create, kyvernov1.Connect:
	case kyvernov1.Update, kyvernov1.Delete:
		// Kyverno's command line takes the resource for what it was before.
		r.OldObject = r.Object.DeepCopy()
	default:
		return r, fmt.Errorf("operation %q is none of CREATE, UPDATE, DELETE, CONNECT", operation)
	}
	for _, g := range old {
		if r.OldObject == nil {
			return r, fmt.Errorf("values: %s: a request to create has no old object", strings.Join(g.path, "."))
		}
		if err := unstructured.SetNestedField(r.OldObject.Object, plain(g.value), g.path[2:]...); err != nil {
			return r, fmt.Errorf("values: %s: %w", strings.Join(g.path, "."), err)
		}
	}
	return r, checkNamespace(r.Object, namespace)
}

// checkNamespace refuses a request.namespace that no request about the
// resource has.
func checkNamespace(o *unstructured.Unstructured, given string) error {
	of := o.GetNamespace()
	if o.GetKind() == "Namespace" && o.GetAPIVersion() == "v1" {
		of = o.GetName()
	}
	if given == "" || sameNamespace(of, given) {
		return nil
	}
	return fmt.Errorf("values: request.namespace is %q, and the resource is in namespace %q", given, of)
}

// overlay sets one field of a typed value, by its JSON name.
func overlay(into any, path []string, value any) error {
	for i := len(path) - 1; i >= 0; i-- {
		value = map[string]any{path[i]: value}
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func text(value any) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("%v is no string", value)
	}
	return s, nil
}

func texts(value any) ([]string, error) {
	items, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%v is no list of strings", value)
	}
	all := make([]string, len(items))
	for i, item := range items {
		var err error
		if all[i], err = text(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// plain makes of a decoded value one that an unstructured object may hold.
func plain(value any) any {
	return runtime.DeepCopyJSONValue(value)
}

// namespaceLabels gives the labels of namespaces; namespaces in full come
// before selectors, as in cmd/cli/kubectl-kyverno/variables.
func namespaceLabels(values *v1alpha1.ValuesSpec) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, n := range values.NamespaceSelectors {
		all[n.Name] = n.Labels
	}
	for _, n := range values.Namespaces {
		all[n.Name] = n.Labels
	}
	return all
}

// namespaces gives the namespaces that values have in full: CEL policies also
// see their annotations.
func namespaces(values *v1alpha1.ValuesSpec) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for i := range values.Namespaces {
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&values.Namespaces[i])
		if err != nil {
			return nil, fmt.Errorf("values: namespace %q: %w", values.Namespaces[i].Name, err)
		}
		namespace := &unstructured.Unstructured{Object: object}
		namespace.SetAPIVersion("v1")
		namespace.SetKind("Namespace")
		all = append(all, namespace)
	}
	return all, nil
}

// images gives image data in the form of an imageRegistry context entry
// (pkg/engine/context/loaders/imagedata.go).
func images(given []v1alpha1.ImageData) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, image := range given {
		identifier := image.Tag
		if image.Digest != "" {
			identifier = image.Digest
		}
		data := map[string]any{
			"image": image.Image, "resolvedImage": image.ResolvedImage, "registry": image.Registry,
			"repository": image.Repository, "identifier": identifier, "tag": image.Tag, "digest": image.Digest,
		}
		if image.Manifest != nil {
			data["manifest"] = image.Manifest.Value
		}
		if image.ConfigData != nil {
			data["configData"] = image.ConfigData.Value
		}
		if image.ImageIndex != nil {
			data["manifestList"] = image.ImageIndex.Value
		}
		all[image.Image] = data
	}
	return all
}

// apiCalls gives the answers to API calls. An answer for any method is one for
// each of the two that Kyverno has.
func apiCalls(entries []v1alpha1.APICallResponseEntry) (map[string]any, error) {
	if err := v1alpha1.ValidateAPICallResponses(entries); err != nil {
		return nil, err
	}
	all := map[string]any{}
	for _, entry := range entries {
		if code := entry.Response.StatusCode; code != 0 && (code < 200 || code >= 300) {
			// What Kyverno makes of it is a call that failed, as one without
			// an answer does.
			continue
		}
		body, err := v1alpha1.RawExtensionToObject(entry.Response.Body)
		if err != nil {
			return nil, fmt.Errorf("apiCallResponses: %s: %w", entry.ResolvedURL(), err)
		}
		methods := []string{strings.ToUpper(strings.TrimSpace(entry.Method))}
		if methods[0] == "" {
			methods = []string{"GET", "POST"}
		}
		for _, method := range methods {
			key := method + " " + entry.ResolvedURL()
			if _, taken := all[key]; !taken || entry.Method != "" {
				all[key] = body
			}
		}
	}
	return all, nil
}

// globalReferences gives the data of global context entries, by name and by
// projection (cmd/cli/kubectl-kyverno/store/gctx_resolve.go).
func (s *suite) globalReferences() (map[string]any, error) {
	if err := v1alpha1.ValidateGlobalContextEntries(s.test.GlobalContextEntries); err != nil {
		return nil, err
	}
	all := map[string]any{}
	if len(s.test.GlobalContextEntries) == 0 {
		return all, nil
	}
	query := jmespath.New(config.NewDefaultConfiguration(false))
	for _, entry := range s.test.GlobalContextEntries {
		root, err := s.globalData(entry)
		if err == nil && entry.FieldPath != "" {
			root, err = query.Search(entry.FieldPath, root)
		}
		if err != nil {
			return nil, fmt.Errorf("globalContextEntries %q: %w", entry.Name, err)
		}
		all[entry.Name] = root
		projected := map[string]any{}
		for _, projection := range entry.Projections {
			value, err := query.Search(projection.Path, root)
			if err != nil {
				return nil, fmt.Errorf("globalContextEntries %q: projection %q: %w", entry.Name, projection.Name, err)
			}
			projected[projection.Name] = value
			all[entry.Name+"."+projection.Name] = value
		}
		if len(projected) > 0 {
			all[entry.Name] = projected
		}
	}
	return all, nil
}

// globalData reads what a global context entry holds: data as it is, or a list
// of resources.
func (s *suite) globalData(entry v1alpha1.GlobalContextEntryValue) (any, error) {
	if entry.Data != nil {
		return v1alpha1.RawExtensionToObject(*entry.Data)
	}
	resources := []any{}
	for _, raw := range entry.Resources {
		resource, err := v1alpha1.RawExtensionToObject(raw)
		if err != nil {
			return nil, err
		}
		resources = append(resources, resource)
	}
	for _, name := range entry.ResourceFiles {
		objects, err := s.files.objects(s.dir, name)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			resources = append(resources, object.Object)
		}
	}
	return resources, nil
}
