package vet

import (
	"regexp"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// userVariables matches a variable of the request's user
// (pkg/validation/policy/background.go ForbiddenUserVariables).
var userVariables = regexp.MustCompile(`\{\{[^}]*\b(serviceAccountName|serviceAccountNamespace|request\.(userInfo|roles|clusterRoles))\b`)

// background reports a rule that needs the user of an admission request in a
// policy that is also for background scans, where there is none
// (pkg/validation/policy/background.go).
func (c *checker) background(r value) {
	if b := c.root.down("spec", "background"); b.exists() && !b.IsTrue() {
		return
	}
	const refused = "which a background scan does not have: Kyverno refuses the policy"
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range c.filters(r.get(clause)) {
			if who := f.having("subjects", "roles", "clusterRoles"); len(who) > 0 {
				c.error(diag.BackgroundUser, f.get(who[0]), "uses "+who[0]+", "+refused, "set background: false")
				return
			}
		}
	}
	if r.get("mutate").Has("targets") {
		return
	}
	r.walk(func(at value, text string) bool {
		m := userVariables.FindStringSubmatch(text)
		if m == nil || at.Kind != spec.String {
			return true
		}
		c.error(diag.BackgroundUser, at, "uses "+m[1]+", "+refused, "set background: false")
		return false
	})
}
