package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/diag"
)

// actionOverrides checks the failure actions of some namespaces: one namespace
// must not have both (pkg/validation/policy/validate.go validateNamespaces).
func (c *checker) actionOverrides(overrides value) {
	type named struct {
		action string
		at     value
	}
	var earlier []named
	for _, o := range overrides.items() {
		action := strings.ToLower(o.get("action").Str())
		if action == "" {
			c.error(diag.ActionOverrides, o.get("action"), "the override has no action: expected Audit or Enforce", "")
			continue
		}
		c.selector(o.get("namespaceSelector"))
		var own []named
		for _, ns := range o.get("namespaces").items() {
			c.namespaceName(ns)
			for _, e := range earlier {
				if e.action == action || !overlap(e.at.Str(), ns.Str()) {
					continue
				}
				message := fmt.Sprintf("the namespace %q has another action already", ns.Str())
				if e.at.Str() != ns.Str() {
					message = fmt.Sprintf("%q and %q, which has another action, stand for the same namespaces", ns.Str(), e.at.Str())
				}
				c.error(diag.ActionOverrides, ns, message+": Kyverno refuses the policy", "give each namespace one action")
				break
			}
			own = append(own, named{action, ns})
		}
		earlier = append(earlier, own...)
	}
}

// overlap reports whether Kyverno finds that two names or patterns stand for
// the same: it matches each against the other, as text.
func overlap(a, b string) bool {
	return a == b || isWildcard(a) && kinds.Match(a, b) || isWildcard(b) && kinds.Match(b, a)
}
