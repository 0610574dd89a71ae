package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// policy checks a ClusterPolicy or Policy.
func (c *checker) policy() {
	s := c.root.get("spec")
	rules := s.get("rules").items()
	first := map[string]value{}
	for _, r := range rules {
		if r.Kind != spec.Struct {
			continue
		}
		c.ruleName(r, first)
		c.rule(r)
	}
	c.autogen(s)
}

// ruleName checks that a rule has a name of its own (api/kyverno/v1
// Spec.ValidateRuleNames).
func (c *checker) ruleName(r value, first map[string]value) {
	name := r.get("name")
	if name.Str() == "" {
		return // the schema's business
	}
	if earlier, twice := first[name.Text]; twice {
		c.error(diag.RuleName, name, fmt.Sprintf("the rule %s is named %q too: expected a name of its own", Place(earlier.path()), name.Text), "")
		return
	}
	first[name.Text] = r
}

// bodies lists what a rule may do; it does exactly one
// (api/kyverno/v1/rule_types.go ValidateRuleType).
var bodies = []string{"validate", "mutate", "generate", "verifyImages"}

func (c *checker) rule(r value) {
	switch present := r.having(bodies...); len(present) {
	case 1:
	case 0:
		c.error(diag.NoRuleBody, r, "the rule does nothing: expected one of "+strings.Join(bodies, ", "), "")
	default:
		c.error(diag.RuleBodies, r.get(present[1]),
			fmt.Sprintf("a rule has one of %s, this one has %s", strings.Join(bodies, ", "), strings.Join(present, " and ")),
			"make a rule of each")
	}
	c.match(r)
	if v := r.get("validate"); v.exists() {
		c.validate(v)
	}
	for _, v := range r.get("verifyImages").items() {
		c.attestors(v)
	}
	c.background(r)
}

// validateForms lists the ways to validate; a rule has exactly one
// (pkg/validation/policy/validate/validate.go).
var validateForms = []string{"pattern", "anyPattern", "deny", "foreach", "podSecurity", "cel", "manifests"}

func (c *checker) validate(v value) {
	forms := validateForms
	if v.Has("assert") {
		forms = append(slices.Clone(forms), "assert")
	}
	switch present := v.having(forms...); len(present) {
	case 1:
	case 0:
		c.error(diag.ValidateForms, v, "checks nothing: expected one of "+strings.Join(validateForms, ", "), "")
	default:
		c.error(diag.ValidateForms, v.get(present[1]),
			fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(validateForms, ", ")), "make a rule of each")
	}
}
