package importer

import (
	"slices"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
)

// What can be told of a policy without evaluating it: a row of a suite that
// expects skip may mean that a rule does not match its resource, for which tests
// have a word of their own.

// lookUps tells which resources of the cluster, beside the one that is asked
// about, a policy may read, change or copy: ConfigMaps where it names them, any
// where it calls an API.
func lookUps(policy *spec.Node) func(*spec.Node) bool {
	all, configMaps := false, false
	var visit func(n *spec.Node)
	visit = func(n *spec.Node) {
		for _, f := range n.Fields {
			switch f.Name {
			case "apiCall", "targets", "clone", "cloneList", "globalReference", "targetMatchConstraints":
				all = true
			case "configMap":
				configMaps = true
			}
			visit(f.Value)
		}
		for _, item := range n.Items {
			visit(item)
		}
		if n.Kind == spec.String && (strings.Contains(n.Text, "resource.Get(") || strings.Contains(n.Text, "resource.List(") || strings.Contains(n.Text, "namespaceObject")) {
			all = true
		}
	}
	visit(policy.Get("spec"))
	return func(o *spec.Node) bool { return all || configMaps && o.Get("kind").Str() == "ConfigMap" }
}

// concerns tells, as far as the resource's kind, name, namespace and operation
// say, whether a policy's rule is about it.
func concerns(policy *spec.Node, rule string, resource *spec.Node, operation string) bool {
	s := policy.Get("spec")
	if constraints := s.Get("matchConstraints"); constraints != nil {
		return slices.ContainsFunc(itemsOf(constraints.Get("resourceRules")), func(r *spec.Node) bool {
			return slices.ContainsFunc(r.Get("resources").Strings(), func(plural string) bool { return isPlural(plural, resource.Get("kind").Str()) }) &&
				(operation == "" || !r.Has("operations") || slices.Contains(r.Get("operations").Strings(), operation) || slices.Contains(r.Get("operations").Strings(), "*"))
		})
	}
	for _, r := range itemsOf(s.Get("rules")) {
		if rule != "" && r.Get("name").Str() != rule {
			continue
		}
		if selects(r.Get("match"), resource, operation, true) && !selects(r.Get("exclude"), resource, operation, false) {
			return true
		}
	}
	return false
}

// isPlural reports whether a resource's name is that of a kind, by the rules of
// English that Kubernetes' names follow; a pod's is also that of its
// controllers, through autogen.
func isPlural(plural, kind string) bool {
	lower := strings.ToLower(kind)
	if plural == "*" || plural == lower+"s" || plural == lower+"es" || plural == strings.TrimSuffix(lower, "y")+"ies" {
		return true
	}
	return plural == "pods" && slices.Contains(podControllers, kind)
}

// selects evaluates match or exclude by what can be told without a request.
// Where nothing is known, a match selects and an exclude does not.
func selects(clause, resource *spec.Node, operation string, isMatch bool) bool {
	if clause == nil {
		return false
	}
	if list := clause.Get("any"); list != nil {
		return slices.ContainsFunc(list.Items, func(f *spec.Node) bool { return selectsOne(f, resource, operation, isMatch) })
	}
	if list := clause.Get("all"); list != nil {
		return !slices.ContainsFunc(list.Items, func(f *spec.Node) bool { return !selectsOne(f, resource, operation, isMatch) })
	}
	return selectsOne(clause, resource, operation, isMatch)
}

func selectsOne(f, resource *spec.Node, operation string, isMatch bool) bool {
	r := f.Get("resources")
	if !isMatch && (f.Has("subjects") || f.Has("roles") || f.Has("clusterRoles") || r.Has("selector") || r.Has("namespaceSelector") || r.Has("annotations")) {
		return false
	}
	m := resource.Get("metadata")
	kind := resource.Get("kind").Str()
	if kinds := r.Get("kinds"); kinds != nil && !slices.ContainsFunc(kinds.Strings(), func(k string) bool {
		k = k[strings.LastIndexByte(k, '/')+1:]
		return k == "*" || k == kind || k == "Pod" && slices.Contains(podControllers, kind)
	}) {
		return false
	}
	names := r.Get("names").Strings()
	if one := r.Get("name").Str(); one != "" {
		names = append(names, one)
	}
	if len(names) > 0 && !slices.ContainsFunc(names, func(p string) bool { return kinds.Match(p, m.Get("name").Str()) }) {
		return false
	}
	for _, f := range []string{"annotations", "labels"} {
		wanted := r.Get(f)
		if f == "labels" {
			wanted = r.Get("selector").Get("matchLabels")
		}
		for _, want := range wanted.Members() {
			if !slices.ContainsFunc(m.Get(f).Members(), func(have spec.Field) bool {
				return kinds.Match(want.Name, have.Name) && kinds.Match(want.Value.Str(), have.Value.Str())
			}) {
				return false
			}
		}
	}
	namespace := m.Get("namespace").Str()
	if kind == "Namespace" {
		namespace = m.Get("name").Str()
	} else if namespace == "" {
		namespace = "default"
	}
	if list := r.Get("namespaces"); list != nil && !slices.ContainsFunc(list.Strings(), func(p string) bool { return kinds.Match(p, namespace) }) {
		return false
	}
	if operation == "" {
		operation = "CREATE"
	}
	if list := r.Get("operations"); list != nil && !slices.Contains(list.Strings(), operation) {
		return false
	}
	return true
}
