package vet

import (
	"fmt"
	"slices"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// exceptionPractices looks at a PolicyException of kyverno.io.
func (c *checker) exceptionPractices() {
	s := c.root.get("spec")
	for _, e := range s.get("exceptions").items() {
		for _, rule := range e.get("ruleNames").items() {
			if rule.Str() == "*" {
				c.warn(diag.ExceptedRules, rule, fmt.Sprintf("excepts from every rule of %s, those that it will have tomorrow among them", e.get("policyName").Str()),
					"name the rules")
				break
			}
		}
	}
	if s.Has("conditions") || s.Has("podSecurity") {
		return // these limit it too
	}
	match := s.get("match")
	filters := c.filters(match)
	if match.Has("all") && slices.ContainsFunc(filters, narrowed) {
		return
	}
	for _, f := range filters {
		if f.Kind == spec.Struct && !narrowed(f) {
			c.warn(diag.WideException, f, "excepts every resource of its kinds, in every namespace: expected names, namespaces or a selector", "name what the exception is for")
			return
		}
	}
}

// narrowed tells whether a filter has more than kinds and operations.
func narrowed(f value) bool {
	resources := f.get("resources")
	if len(f.having("subjects", "roles", "clusterRoles")) > 0 || len(resources.having("name", "annotations", "selector", "namespaceSelector")) > 0 {
		return true
	}
	for _, list := range []string{"names", "namespaces"} {
		if l := resources.get(list); l.exists() && !slices.Contains(l.Strings(), "*") {
			return true
		}
	}
	return false
}

// cleanupPractices looks at a cleanup policy of kyverno.io.
func (c *checker) cleanupPractices() {
	s := c.root.get("spec")
	if s.Has("conditions") || s.Has("exclude") {
		return
	}
	match := s.get("match")
	filters := c.filters(match)
	if match.Has("all") && slices.ContainsFunc(filters, narrowed) {
		return
	}
	for _, f := range filters {
		if f.Kind != spec.Struct || narrowed(f) {
			continue
		}
		where := "in every namespace"
		if c.namespace != "" {
			where = "in " + c.namespace
		}
		var names []string
		for _, text := range f.down("resources", "kinds").Strings() {
			names = append(names, kinds.Parse(text).Kind)
		}
		c.warn(diag.DeletesAll, f, fmt.Sprintf("deletes every %s %s, on each run: expected names, a selector or conditions", orList(names, "and"), where),
			"add conditions, such as an age by {{ time_since('', '{{ target.metadata.creationTimestamp }}', '') }}")
		return
	}
}
