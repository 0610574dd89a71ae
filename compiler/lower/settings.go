package lower

import (
	"slices"

	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
)

// RuleSettings lists the settings of a policy that act on one of its rules:
// what the rule does not say itself, and what is added to what it says. They
// are in the order in which they act.
func RuleSettings(p *resolve.Policy, rule *spec.Node) []string {
	var out []string
	s := p.Resolved
	open := func(body *spec.Node, names ...string) {
		for _, name := range names {
			if body != nil && !body.Has(name) && s.Has(name) {
				out = append(out, name)
			}
		}
	}
	open(rule, "match", "exclude")
	if s.Get("excludeSystemNamespaces").IsTrue() && p.Namespace == "" && len(p.SystemNamespaces) > 0 {
		out = append(out, "excludeSystemNamespaces")
	}
	open(rule.Get("validate"), "failureAction", "failureActionOverrides")
	if m := rule.Get("mutate"); m.Has("targets") {
		open(m, "mutateExistingOnPolicyUpdate")
	}
	open(rule.Get("generate"), "generateExisting")
	if v := rule.Get("verifyImages"); v != nil && slices.ContainsFunc(v.Items, func(item *spec.Node) bool { return !item.Has("failureAction") }) {
		open(spec.NewStruct(v.Pos), "failureAction")
	}
	return out
}
