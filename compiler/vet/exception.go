package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// exception checks a PolicyException of kyverno.io
// (api/kyverno/v2/policy_exception_types.go).
func (c *checker) exception() {
	s := c.root.get("spec")
	exceptions := s.get("exceptions")
	if exceptions.exists() && len(exceptions.items()) == 0 {
		c.error(diag.Exception, exceptions, "the list is empty: the exception is from nothing", "such as exceptions: [{policyName: \"disallow-host-path\", ruleNames: [\"host-path\"]}]")
	}
	for _, e := range exceptions.items() {
		c.exceptedRules(e)
	}
	match := s.get("match")
	c.clause(match, filterUse{})
	for _, f := range c.filters(match) {
		if !isFalse(s.get("background")) {
			c.noUserInfo(f, "which a background scan does not have: Kyverno refuses the exception", "set background: false")
		}
		c.ignoredOperations(f, "an exception")
	}
	c.conditions(s.get("conditions"))
	for _, e := range s.get("podSecurity").items() {
		c.exclusion(e, "")
	}
}

// exceptedRules checks the policy and the rules that an exception is from.
// Rules take wildcards, and the policy does not (Exception.Contains).
func (c *checker) exceptedRules(e value) {
	c.exceptedPolicy(e.get("policyName"), "no policy is named: expected the name of a ClusterPolicy, or namespace/name", "")
	if rules := e.get("ruleNames"); rules.exists() && len(rules.items()) == 0 {
		c.error(diag.Exception, rules, "no rules are named, so that the exception is from none", `such as ruleNames: ["host-path"]`)
	}
}

// exceptedPolicy checks the name of the policy that an exception is from.
func (c *checker) exceptedPolicy(name value, unnamed, hint string) {
	switch {
	case name.exists() && name.Kind == spec.String && name.Text == "":
		c.error(diag.Exception, name, unnamed, hint)
	case isWildcard(name.Str()):
		c.error(diag.Exception, name, fmt.Sprintf("%q has a wildcard, and Kyverno compares the whole name: no policy has it", name.Text), "write an entry for each policy")
	}
}

// celPolicyKinds lists the kinds of policies.kyverno.io that an exception can be
// from.
var celPolicyKinds = []string{
	"ValidatingPolicy", "MutatingPolicy", "GeneratingPolicy", "ImageValidatingPolicy", "DeletingPolicy",
	"NamespacedValidatingPolicy", "NamespacedMutatingPolicy", "NamespacedGeneratingPolicy", "NamespacedImageValidatingPolicy", "NamespacedDeletingPolicy",
}

// celExceptionRefs checks what a PolicyException of policies.kyverno.io is from
// (api/policies.kyverno.io/v1alpha1/policy_exception.go PolicyRef.Validate, of
// Kyverno's API module).
func (c *checker) celExceptionRefs() {
	refs := c.root.down("spec", "policyRefs")
	const example = `such as policyRefs: [{name: "disallow-host-path", kind: "ValidatingPolicy"}]`
	if refs.exists() && len(refs.items()) == 0 {
		c.error(diag.Exception, refs, "the list is empty: the exception is from nothing", example)
	}
	for _, ref := range refs.items() {
		c.exceptedPolicy(ref.get("name"), "no policy is named", example)
		kind := ref.get("kind")
		if kind.exists() && kind.Kind == spec.String && !slices.Contains(celPolicyKinds, kind.Text) {
			c.error(diag.Exception, kind, fmt.Sprintf("%q is no kind of policy: expected one of %s", kind.Text, strings.Join(celPolicyKinds[:5], ", ")+", or one of them with Namespaced before it"), didYouMean(kind.Text, celPolicyKinds))
		}
	}
}
