package importer

import (
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
)

// The patterns that mutate and generate.

func imagePullPolicy(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	params, rest, ok := scope(rule, "Pod", "namespaces")
	list := rule.Get("mutate").Get("foreach")
	if !ok || list == nil || len(list.Items) != 3 {
		return "", nil, nil
	}
	text := container(list.Items[2].Get("patchStrategicMerge")).Get("imagePullPolicy").Str()
	before, policy, ok := strings.Cut(text, "|| '")
	policy, closed := strings.CutSuffix(policy, "' }}")
	if !ok || !closed || before == "" {
		return "", nil, nil
	}
	if policy != "IfNotPresent" {
		first(params, "policy", spec.NewString(policy, rule.Pos))
	}
	return "patterns.#AddImagePullPolicy", params, without(rest, "mutate", "foreach")
}

func defaultLabels(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	added := rule.Get("mutate").Get("patchStrategicMerge").Get("metadata").Get("labels")
	if added == nil || len(added.Fields) == 0 {
		return "", nil, nil
	}
	labels := spec.NewStruct(added.Pos)
	for _, f := range added.Fields {
		name, ok := strings.CutPrefix(f.Name, "+(")
		name, closed := strings.CutSuffix(name, ")")
		if !ok || !closed || f.Value.Kind != spec.String {
			return "", nil, nil
		}
		set(labels, name, f.Value)
	}
	params := spec.NewStruct(rule.Pos, spec.Field{Name: "labels", Value: labels})
	rest := without(rule, "mutate", "patchStrategicMerge")
	filters := []*spec.Node{rule.Get("match")}
	if list := filters[0].Get("any"); list != nil {
		// Pods stand in a filter of their own, and a precondition beside it.
		filters = list.Items
		rest = rest.Without("match", "preconditions")
	}
	kinds := spec.NewList(rule.Pos)
	var namespace *spec.Node
	for _, f := range filters {
		list := f.Get("kinds")
		if list == nil {
			return "", nil, nil
		}
		kinds.Items = append(kinds.Items, list.Items...)
		if v := f.Get("namespaces"); v != nil && len(v.Items) == 1 {
			namespace = v.Items[0]
		}
	}
	if !slices.Equal(kinds.Strings(), []string{"Pod"}) {
		set(params, "kinds", kinds)
	}
	if namespace != nil {
		set(params, "namespace", namespace)
	}
	if m := rest.Get("match"); m != nil {
		m = m.Without("kinds")
		if namespace != nil {
			m = m.Without("namespaces")
		}
		rest = rest.With("match", m)
	}
	return "patterns.#AddDefaultLabels", params, rest
}

func networkPolicy(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	g := rule.Get("generate")
	params, rest, ok := scope(rule, "Namespace", "names")
	if !ok || g.Get("kind").Str() != "NetworkPolicy" {
		return "", nil, nil
	}
	types := g.Get("data").Get("spec").Get("policyTypes")
	if types == nil {
		return "", nil, nil
	}
	if !slices.Equal(types.Strings(), []string{"Ingress", "Egress"}) {
		first(params, "policyTypes", types)
	}
	if name := g.Get("name"); name.Str() != "default-deny-all" {
		first(params, "name", name)
	}
	return "patterns.#GenerateNetworkPolicy", params, without(rest, "generate", generated...)
}

// generated are the fields of generate that the patterns set.
var generated = []string{"apiVersion", "kind", "name", "namespace", "synchronize", "data", "foreach"}

func rbacResources(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	g := rule.Get("generate")
	params, rest, ok := scope(rule, "Namespace", "names")
	if !ok || g == nil {
		return "", nil, nil
	}
	role := g
	if list := g.Get("foreach"); list != nil && len(list.Items) == 2 {
		role = list.Items[0]
		subjects := list.Items[1].Get("data").Get("subjects")
		if subjects == nil {
			return "", nil, nil
		}
		first(params, "subjects", plainSubjects(subjects, list.Items[1].Get("namespace").Str()))
	}
	rules := role.Get("data").Get("rules")
	if role.Get("kind").Str() != "Role" || rules == nil {
		return "", nil, nil
	}
	if !isPodReader(rules) {
		first(params, "rules", rules)
	}
	if name := role.Get("name"); name.Str() != "pod-reader" {
		first(params, "name", name)
	}
	return "patterns.#GenerateRBACResources", params, without(rest, "generate", generated...)
}

// plainSubjects gives subjects without what the pattern fills in.
func plainSubjects(list *spec.Node, created string) *spec.Node {
	out := spec.NewList(list.Pos)
	for _, s := range list.Items {
		s = s.Without("apiGroup")
		if s.Get("namespace").Str() == created {
			s = s.Without("namespace")
		}
		out.Items = append(out.Items, s)
	}
	return out
}

// isPodReader reports whether rules are what the pattern permits by default.
func isPodReader(rules *spec.Node) bool {
	if len(rules.Items) != 1 || len(rules.Items[0].Fields) != 3 {
		return false
	}
	r := rules.Items[0]
	return slices.Equal(r.Get("apiGroups").Strings(), []string{""}) && slices.Equal(r.Get("resources").Strings(), []string{"pods"}) &&
		slices.Equal(r.Get("verbs").Strings(), []string{"get", "list", "watch"})
}
