package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// match checks a rule's match and exclude.
func (c *checker) match(r value) {
	m := r.get("match")
	if !m.exists() {
		c.error(diag.NoMatch, m, "the rule has no match: expected the resources that it applies to", `such as match: kinds: ["Pod"]`)
	} else {
		c.clause(m, filterUse{kinds: true, namespaced: c.namespaced()})
	}
	if e := r.get("exclude"); e.exists() {
		c.clause(e, filterUse{namespaced: c.namespaced()})
	}
}

// filterUse says what Kyverno asks of the filters of a match or exclude.
type filterUse struct {
	kinds      bool // those that describe resources name kinds
	namespaced bool // they are of a policy that sees its own namespace only
}

// clause checks match or exclude (api/kyverno/v1/match_resources_types.go).
func (c *checker) clause(m value, use filterUse) {
	forms := m.having("any", "all", "resources", "subjects", "roles", "clusterRoles")
	lists := slices.DeleteFunc(slices.Clone(forms), func(f string) bool { return f != "any" && f != "all" })
	switch {
	case len(lists) == 2:
		c.error(diag.MatchForms, m.get("all"), "has any and all: expected one of them", "move the filters into one list, under any or under all")
		return
	case len(lists) == 1 && len(forms) > 1:
		c.error(diag.MatchForms, m, fmt.Sprintf("has %s beside %s: expected every filter under %[2]s", forms[1], lists[0]), "move it into the list")
		return
	}
	for _, f := range c.filters(m) {
		c.filter(f, use)
	}
	for _, form := range lists {
		if list := m.get(form); len(list.Items) == 0 {
			c.error(diag.NoMatch, list, "the list is empty: expected at least one filter", "")
		}
	}
}

// filters gives the filters of match or exclude: those under any or all, or
// the clause itself, which is the deprecated form of one.
func (c *checker) filters(m value) []value {
	if !m.exists() {
		return nil
	}
	if m.Has("any") || m.Has("all") {
		return append(m.get("any").items(), m.get("all").items()...)
	}
	return []value{m}
}

// describing lists what of a filter describes resources.
var describing = []string{"kinds", "names", "name", "namespaces", "annotations", "selector", "namespaceSelector", "operations"}

func (c *checker) filter(f value, use filterUse) {
	resources := f.get("resources")
	described := resources.having(describing...)
	if len(described) == 0 && len(f.having("subjects", "roles", "clusterRoles")) == 0 {
		c.error(diag.NoMatch, f, "the filter is empty: expected what it selects", `such as kinds: ["Pod"]`)
		return
	}
	kinds := resources.get("kinds")
	if use.kinds && len(described) > 0 && (!kinds.exists() || len(kinds.Items) == 0) {
		message := fmt.Sprintf("the filter has %s but no kinds, which Kyverno asks for", described[0])
		if kinds.exists() {
			message = "the filter's kinds are empty, and Kyverno asks for at least one"
		}
		c.error(diag.NoMatch, f, message, `such as kinds: ["Pod"]`)
	}
	if use.namespaced {
		c.namespacedFilter(resources)
	}
	c.userInfo(f)
	c.resourceSelector(resources.get("selector"))
	c.selector(resources.get("namespaceSelector"))
	for _, ns := range resources.get("namespaces").items() {
		c.namespaceName(ns)
	}
	if s := resources.get("namespaceSelector"); s.exists() && slices.Equal(kinds.Strings(), []string{"Namespace"}) {
		c.error(diag.DeadFilter, s, "Kyverno applies a namespaceSelector to nothing of the kind Namespace: the filter selects nothing", "use selector, which is about the Namespace's own labels")
	}
}

// namespacePattern is a namespace's name with Kyverno's wildcards in it.
var namespacePattern = lazyregexp.New(`^[a-z0-9*?]([-a-z0-9*?]*[a-z0-9*?])?$`)

// namespaceName reports what no namespace is named.
func (c *checker) namespaceName(at value) {
	text := at.Str()
	if isVariable(text) || namespacePattern.MatchString(text) || !at.exists() || at.Kind != spec.String {
		return
	}
	hint := ""
	switch lower := strings.ToLower(text); {
	case strings.HasPrefix(text, "!"):
		hint = "name the namespaces to leave out under exclude"
	case namespacePattern.MatchString(lower):
		hint = fmt.Sprintf("did you mean %q?", lower)
	}
	c.error(diag.DeadFilter, at, fmt.Sprintf("no namespace can be named %q: expected lower-case letters, digits and '-', with * and ? for others", text), hint)
}

// namespacedFilter checks a filter of a namespaced Policy.
func (c *checker) namespacedFilter(resources value) {
	for _, name := range resources.having("namespaces", "namespaceSelector") {
		c.error(diag.NamespacedPolicy, resources.get(name),
			fmt.Sprintf("a namespaced policy applies in its own namespace%s and takes no %s", c.named(" "), name),
			"leave it out, or make it a cluster policy; of a pattern, leave out params.namespace")
	}
}

// named gives the object's namespace in quotes, after something, or "" where
// the object does not say it.
func (c *checker) named(after string) string {
	if c.namespace == "" {
		return ""
	}
	return after + strconv.Quote(c.namespace)
}
