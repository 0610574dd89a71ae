package vet

import (
	"fmt"

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
	switch policy := e.get("policyName"); {
	case policy.exists() && policy.Str() == "":
		c.error(diag.Exception, policy, "no policy is named: expected the name of a ClusterPolicy, or namespace/name", "")
	case isWildcard(policy.Str()):
		c.error(diag.Exception, policy, fmt.Sprintf("%q has a wildcard, and Kyverno compares the whole name: no policy has it", policy.Text), "write an entry for each policy")
	}
	if rules := e.get("ruleNames"); rules.exists() && len(rules.items()) == 0 {
		c.error(diag.Exception, rules, "no rules are named, so that the exception is from none", `such as ruleNames: ["host-path"]`)
	}
}
