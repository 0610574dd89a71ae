package importer

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// What a suite gives beside its resources: values of variables, who asks, the
// answers to look-ups.

// given reads what a suite gives to all of its rows.
func (file *suiteFile) given(doc *spec.Node) error {
	file.namespace = map[string]*spec.Node{}
	file.values = doc.Get("values")
	if name := doc.Get("variables").Str(); name != "" {
		values, err := file.document(name)
		if err != nil {
			return err
		}
		file.values = values
	}
	for _, n := range itemsOf(file.values.Get("namespaceSelector")) {
		file.namespace[n.Get("name").Str()] = n.Get("labels")
	}
	for _, n := range itemsOf(file.values.Get("namespaces")) {
		m := n.Get("metadata")
		file.namespace[m.Get("name").Str()] = m.Get("labels")
		file.others = append(file.others, n.With("apiVersion", spec.NewString("v1", n.Pos)).With("kind", spec.NewString("Namespace", n.Pos)))
	}
	if !isEmpty(file.values.Get("subresources")) {
		return fmt.Errorf("a test cannot say the subresources of values")
	}
	for _, field := range []string{"userinfo", "userInfo"} {
		if name := doc.Get(field).Str(); name != "" {
			user, err := file.document(name)
			if err != nil {
				return err
			}
			file.user = userInfo(user)
		}
	}
	file.context = spec.NewStruct(doc.Pos)
	if name := doc.Get("context").Str(); name != "" {
		given, err := file.document(name)
		if err != nil {
			return err
		}
		if !isEmpty(given.Get("spec").Get("images")) {
			set(file.context, "images", images(given.Get("spec").Get("images")))
		}
		file.others = append(file.others, itemsOf(given.Get("spec").Get("resources"))...)
	}
	for _, entry := range itemsOf(doc.Get("apiCallResponses")) {
		url := entry.Get("urlPath").Str() + entry.Get("url").Str()
		body := entry.Get("response").Get("body")
		if method := entry.Get("method").Str(); url == "" || body == nil || method != "" && !strings.EqualFold(method, "GET") || entry.Get("response").Has("statusCode") {
			return fmt.Errorf("a test cannot say all of apiCallResponses")
		}
		fill(file.context, "apiCalls", spec.NewStruct(entry.Pos))
		set(file.context.Get("apiCalls"), url, body)
	}
	for _, entry := range itemsOf(doc.Get("globalContextEntries")) {
		if !entry.Has("data") || entry.Has("fieldPath") || entry.Has("projections") {
			return fmt.Errorf("a test cannot say all of globalContextEntries")
		}
		fill(file.context, "globalReferences", spec.NewStruct(entry.Pos))
		set(file.context.Get("globalReferences"), entry.Get("name").Str(), entry.Get("data"))
	}
	return nil
}

func itemsOf(list *spec.Node) []*spec.Node {
	if list == nil {
		return nil
	}
	return list.Items
}

// document reads a file of one document.
func (file *suiteFile) document(name string) (*spec.Node, error) {
	path, err := file.named(name)
	if err != nil {
		return nil, err
	}
	data, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, diag.Reason(err))
	}
	docs, err := spec.ParseYAML(path, data)
	if err != nil || len(docs) != 1 {
		return nil, fmt.Errorf("%s is no file of one document", name)
	}
	return docs[0], nil
}

// userInfo gives who asks, in the form of a test.
func userInfo(from *spec.Node) *spec.Node {
	out := spec.NewStruct(from.Pos)
	for _, name := range []string{"username", "uid", "groups"} {
		fill(out, name, from.Get("userInfo").Get(name))
	}
	for _, name := range []string{"roles", "clusterRoles"} {
		fill(out, name, from.Get(name))
	}
	return out
}

// images gives image data in the form that Kyverno's imageRegistry context has
// (pkg/engine/context/loaders/imagedata.go).
func images(list *spec.Node) *spec.Node {
	out := spec.NewStruct(list.Pos)
	for _, given := range list.Items {
		data := spec.NewStruct(given.Pos)
		for _, name := range []string{"image", "resolvedImage", "registry", "repository", "tag", "digest"} {
			set(data, name, or(given.Get(name), spec.NewString("", given.Pos)))
		}
		identifier := given.Get("digest")
		if identifier.Str() == "" {
			identifier = given.Get("tag")
		}
		set(data, "identifier", or(identifier, spec.NewString("", given.Pos)))
		for _, part := range []struct{ from, to string }{{"manifest", "manifest"}, {"config", "configData"}, {"imageIndex", "manifestList"}} {
			fill(data, part.to, given.Get(part.from))
		}
		set(out, given.Get("image").Str(), data)
	}
	return out
}

// valuesOf gives what the values of a suite say of a resource and a rule: the
// operation, and the test's context. What a test cannot say is an error.
func (file *suiteFile) valuesOf(about *item, rule string, subject *spec.Node) (operation string, context *spec.Node, err error) {
	context = file.context
	take := func(values *spec.Node) {
		for _, f := range values.Members() {
			if err != nil {
				return
			}
			switch {
			case f.Name == "request.operation":
				operation = f.Value.Str()
			case f.Name == "request.namespace":
				namespace := subject.Get("metadata").Get("namespace").Str()
				if subject.Get("kind").Str() == "Namespace" {
					namespace = subject.Get("metadata").Get("name").Str()
				}
				if !sameNamespace(namespace, f.Value.Str()) {
					err = fmt.Errorf("the values give %s, and the resource is in another namespace", f.Name)
				}
			default:
				if context, err = about.configMap(rule, f, context); err != nil {
					return
				}
			}
		}
	}
	take(file.values.Get("globalValues"))
	for _, p := range itemsOf(file.values.Get("policies")) {
		if p.Get("name").Str() != about.metadataName() {
			continue
		}
		for _, r := range itemsOf(p.Get("rules")) {
			if rule == "" || r.Get("name").Str() == rule {
				take(r.Get("values"))
				if !isEmpty(r.Get("foreachValues")) && err == nil {
					err = fmt.Errorf("the values give foreachValues, which a test cannot say")
				}
			}
		}
		for _, r := range itemsOf(p.Get("resources")) {
			if r.Get("name").Str() == subject.Get("metadata").Get("name").Str() {
				take(r.Get("values"))
			}
		}
	}
	return operation, context, err
}

// configMap puts a value for NAME.data.KEY where it comes from: the ConfigMap of
// the rule's context entry of that name. Values of other variables are what
// Kyverno computes, and a test gives what it computes them from.
func (i *item) configMap(rule string, f spec.Field, context *spec.Node) (*spec.Node, error) {
	unsaid := fmt.Errorf("the values give %s, which a test cannot say: it gives what the variable is computed from", f.Name)
	name, key, ok := strings.Cut(f.Name, ".data.")
	if !ok || f.Value.Kind != spec.String {
		return nil, unsaid
	}
	key = strings.Trim(key, `"`)
	for _, r := range i.node.Get("rules").Members() {
		source := r.Value.Get("context").Get(name).Get("configMap")
		if rule != "" && r.Name != rule || source == nil {
			continue
		}
		ref := source.Get("namespace").Str()
		if ref == "" {
			ref = "default"
		}
		ref += "/" + source.Get("name").Str()
		if strings.Contains(ref, "{{") {
			return nil, unsaid
		}
		out := (&converter{}).copied(context)
		fill(out, "configMaps", spec.NewStruct(f.Value.Pos))
		maps := out.Get("configMaps")
		fill(maps, ref, spec.NewStruct(f.Value.Pos))
		set(maps.Get(ref), key, f.Value)
		return out, nil
	}
	return nil, unsaid
}

// withResources gives a context with further resources of the cluster.
func withResources(context *spec.Node, resources []*spec.Node) *spec.Node {
	if len(resources) == 0 {
		return context
	}
	out := (&converter{}).copied(or(context, spec.NewStruct(token.NoPos)))
	fill(out, "resources", spec.NewList(token.NoPos))
	list := out.Get("resources")
	for _, o := range resources {
		if !slices.ContainsFunc(list.Items, func(other *spec.Node) bool { return sameObject(o, other) }) {
			list.Items = append(list.Items, inTest(o))
		}
	}
	return out
}
