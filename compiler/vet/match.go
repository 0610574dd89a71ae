package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// match checks a rule's match and exclude.
func (c *checker) match(r value) {
	m := r.get("match")
	if !m.exists() {
		c.error(diag.NoMatch, m, "the rule has no match: expected the resources that it applies to", `such as match: kinds: ["Pod"]`)
	} else {
		c.clause(m, true)
	}
	if e := r.get("exclude"); e.exists() {
		c.clause(e, false)
	}
}

// clause checks match or exclude (api/kyverno/v1/match_resources_types.go).
func (c *checker) clause(m value, isMatch bool) {
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
		c.filter(f, isMatch)
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

func (c *checker) filter(f value, isMatch bool) {
	resources := f.get("resources")
	described := resources.having(describing...)
	if len(described) == 0 && len(f.having("subjects", "roles", "clusterRoles")) == 0 {
		c.error(diag.NoMatch, f, "the filter is empty: expected what it selects", `such as kinds: ["Pod"]`)
		return
	}
	kinds := resources.get("kinds")
	if isMatch && len(described) > 0 && (!kinds.exists() || len(kinds.Items) == 0) {
		message := fmt.Sprintf("the filter has %s but no kinds, which Kyverno asks for", described[0])
		if kinds.exists() {
			message = "the filter's kinds are empty, and Kyverno asks for at least one"
		}
		c.error(diag.NoMatch, f, message, `such as kinds: ["Pod"]`)
	}
	if c.namespace != "" {
		c.namespacedFilter(resources)
	}
}

// clusterScoped lists the kinds of Kubernetes' own API that live in no
// namespace: a namespaced Policy never sees them, and Kyverno refuses it
// (api/kyverno/v1/resource_description_types.go).
var clusterScoped = []string{
	"APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode",
	"CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node",
	"PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment",
}

// namespacedFilter checks a filter of a namespaced Policy.
func (c *checker) namespacedFilter(resources value) {
	for _, name := range resources.having("namespaces", "namespaceSelector") {
		c.error(diag.NamespacedPolicy, resources.get(name),
			fmt.Sprintf("a namespaced policy applies in its own namespace %q and takes no %s", c.namespace, name),
			"leave it out, or make it a cluster policy; of a pattern, leave out params.namespace")
	}
	for _, kind := range resources.get("kinds").items() {
		name := kind.Str()[strings.LastIndex(kind.Str(), "/")+1:]
		if slices.Contains(clusterScoped, name) {
			c.error(diag.NamespacedPolicy, kind,
				fmt.Sprintf("%s is in no namespace, and a namespaced policy sees only those of %q", kind.Str(), c.namespace),
				"make it a cluster policy")
		}
	}
}
