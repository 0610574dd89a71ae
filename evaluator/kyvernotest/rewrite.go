package kyvernotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// withVariables copies a policy in which the given values stand for what its
// rules would look up: a context entry that looks a value up becomes one that
// holds it. Kyverno's command line puts the values into the JSON context
// instead, and loads no such entry (cmd/cli/kubectl-kyverno/store): what rules
// see is the same. An entry that computes its value (variable) is left alone,
// as there, where it replaces what was given.
//
// Variables are for all rules; those of the suite's values for one rule come
// before them.
func (s *suite) withVariables(p policy, variables []given) (*unstructured.Unstructured, error) {
	copied := p.object.DeepCopy()
	if p.ref.Kind != "ClusterPolicy" && p.ref.Kind != "Policy" {
		// CEL policies have no context entries.
		return copied, nil
	}
	spec, _ := copied.Object["spec"].(map[string]any)
	rules, _ := spec["rules"].([]any)
	for _, item := range rules {
		rule, ok := item.(map[string]any)
		if !ok {
			continue
		}
		name, _ := rule["name"].(string)
		of, each, err := s.ruleValues(p, name)
		if err != nil {
			return nil, err
		}
		values, err := nest(slices.Concat(variables, of))
		if err != nil {
			return nil, err
		}
		elements, err := nestEach(each)
		if err != nil {
			return nil, err
		}
		replaceEntries(rule, values, elements)
	}
	return copied, nil
}

// ruleValues gives the values for one rule, and those for each element of its
// foreach.
func (s *suite) ruleValues(p policy, rule string) (of []given, each map[string][]any, err error) {
	for _, values := range s.values.Policies {
		if !concerns(values.Name, p.ref) {
			continue
		}
		for _, r := range values.Rules {
			if r.Name != rule {
				continue
			}
			all, err := givens(r.Values)
			if err != nil {
				return nil, nil, err
			}
			of = append(of, all...)
			each = r.ForeachValues
		}
	}
	// What a request is cannot differ from rule to rule; a namespace is
	// checked with the request.
	of = slices.DeleteFunc(of, func(g given) bool { return strings.Join(g.path, ".") == "request.namespace" })
	for _, g := range of {
		if g.path[0] == "request" {
			return nil, nil, fmt.Errorf("values: rule %q: %s: give it for a resource, or for all: a request is the same to all rules", rule, strings.Join(g.path, "."))
		}
	}
	return of, each, nil
}

// nest makes one value for each variable of those that are given for its parts.
func nest(values []given) (map[string]any, error) {
	nested := map[string]any{}
	for _, g := range values {
		into := nested
		for i, key := range g.path {
			if i == len(g.path)-1 {
				into[key] = g.value
				continue
			}
			next, ok := into[key].(map[string]any)
			if !ok && into[key] != nil {
				return nil, fmt.Errorf("values: %s is given both as a whole and in parts", strings.Join(g.path[:i+1], "."))
			}
			if !ok {
				next = map[string]any{}
			} else {
				next = maps.Clone(next)
			}
			into[key] = next
			into = next
		}
	}
	return nested, nil
}

// nestEach makes, for each variable, the list of its values by element.
func nestEach(values map[string][]any) (map[string]any, error) {
	length := 0
	for _, items := range values {
		length = max(length, len(items))
	}
	elements := map[string]any{}
	for i := range length {
		var of []given
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if i >= len(values[name]) {
				continue
			}
			path, err := splitPath(name)
			if err != nil {
				return nil, err
			}
			of = append(of, given{path: path, value: values[name][i]})
		}
		nested, err := nest(of)
		if err != nil {
			return nil, err
		}
		for name, value := range nested {
			items, _ := elements[name].([]any)
			for len(items) < i {
				items = append(items, nil)
			}
			elements[name] = append(items, value)
		}
	}
	return elements, nil
}

// replaceEntries puts values into the context of a rule, and values by element
// into that of its foreach. A value for which there is no entry becomes one.
func replaceEntries(rule map[string]any, values, elements map[string]any) {
	foreach, targets := innerContexts(rule)
	known := entryNames(rule)
	for _, inner := range slices.Concat(foreach, targets) {
		known = append(known, entryNames(inner)...)
	}
	entries := map[string]any{}
	for name, value := range values {
		entries[name] = map[string]any{"value": plain(value)}
	}
	setEntries(rule, entries, known)
	for _, target := range targets {
		setEntries(target, entries, slices.Collect(maps.Keys(entries)))
	}
	for name, value := range elements {
		entries[name] = map[string]any{"value": plain(value), "jmesPath": "@[{{elementIndex}}]"}
	}
	for _, loop := range foreach {
		// What is given for the rule is an entry of the rule by now.
		own := maps.Clone(entries)
		maps.DeleteFunc(own, func(name string, _ any) bool {
			_, ofRule := values[name]
			_, ofElement := elements[name]
			return ofRule && !ofElement && !slices.Contains(entryNames(loop), name)
		})
		setEntries(loop, own, nil)
	}
}

// setEntries replaces the entries of a context that look something up, and
// puts those that are in neither the context nor elsewhere before all others.
func setEntries(owner map[string]any, values map[string]any, elsewhere []string) {
	list, _ := owner["context"].([]any)
	var added []any
	for _, name := range slices.Sorted(maps.Keys(values)) {
		found := slices.Contains(elsewhere, name)
		for i, item := range list {
			entry, _ := item.(map[string]any)
			if entry["name"] != name {
				continue
			}
			found = true
			if _, computed := entry["variable"]; !computed {
				list[i] = map[string]any{"name": name, "variable": values[name]}
			}
		}
		if !found {
			added = append(added, map[string]any{"name": name, "variable": values[name]})
		}
	}
	if list = append(added, list...); len(list) > 0 {
		owner["context"] = list
	}
}

func entryNames(owner map[string]any) []string {
	var names []string
	list, _ := owner["context"].([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		if name, ok := entry["name"].(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// innerContexts lists what in a rule has a context of its own: its loops, also
// nested ones, and the targets of its mutations.
func innerContexts(rule map[string]any) (foreach, targets []map[string]any) {
	walk := func(owner map[string]any, key string, into *[]map[string]any) {
		list, _ := owner[key].([]any)
		for _, item := range list {
			if inner, ok := item.(map[string]any); ok {
				*into = append(*into, inner)
			}
		}
	}
	for _, key := range []string{"validate", "mutate", "generate"} {
		if owner, ok := rule[key].(map[string]any); ok {
			walk(owner, "foreach", &foreach)
			walk(owner, "targets", &targets)
		}
	}
	for i := 0; i < len(foreach); i++ {
		walk(foreach[i], "foreach", &foreach)
	}
	return foreach, targets
}
