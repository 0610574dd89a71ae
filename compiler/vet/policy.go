package vet

import (
	"fmt"
	"strings"

	"kcue.dev/diag"
)

// policy checks a ClusterPolicy or Policy.
func (c *checker) policy() {
	s := c.root.get("spec")
	first := map[string]value{}
	for _, r := range c.rules {
		c.ruleName(r.value, first)
	}
	c.eachRule(c.rule)
	c.settings(s)
	c.autogenControllers(s)
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
	c.conditions(r.get("preconditions"))
	if v := r.get("validate"); v.exists() {
		c.validate(v)
	}
	if m := r.get("mutate"); m.exists() {
		c.mutate(r, m)
	}
	for _, f := range r.down("generate", "foreach").items() {
		c.conditions(f.get("preconditions"))
	}
	c.verifyImages(r)
	c.background(r)
}
