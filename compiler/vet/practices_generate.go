package vet

import (
	"slices"

	"kcue.dev/diag"
)

// idleBackground warns of background: true where a background scan has nothing
// to do. Scans evaluate rules that validate or verify images
// (pkg/controllers/report/utils/utils.go RemoveNonValidationPolicies), as if
// what they find were just made (scanner.go, operation CREATE). What stands at
// the policy's own place was written by the compiler, which says defaults
// aloud.
func (c *checker) idleBackground(s value, rules []value) {
	background := s.get("background")
	if !background.IsTrue() || background.Pos == c.root.Pos || len(rules) == 0 {
		return
	}
	switch {
	case !slices.ContainsFunc(rules, reports):
		c.warn(diag.IdleBackground, background, "no rule validates or verifies images, and background scans look at no others: true changes nothing",
			"set background: false, which also allows variables of the request's user; mutateExistingOnPolicyUpdate and generateExisting are what reach existing resources")
	case !slices.ContainsFunc(rules, func(r value) bool { return reports(r) && c.scanned(r) }):
		c.warn(diag.IdleBackground, background, "every rule is for requests that a background scan never makes: it evaluates resources as if they were created",
			"set background: false")
	}
}

// scanned tells whether a rule can match in a background scan.
func (c *checker) scanned(r value) bool {
	filters := c.filters(r.get("match"))
	never := func(f value) bool {
		operations := f.down("resources", "operations").Strings()
		return len(operations) > 0 && !slices.Contains(operations, "CREATE")
	}
	if r.get("match").Has("all") {
		return !slices.ContainsFunc(filters, never)
	}
	return slices.ContainsFunc(filters, func(f value) bool { return !never(f) })
}

const notSynchronized = "does not say whether to synchronize, and Kyverno then does not: what is generated stays as it is when the policy or the source changes, and is not made again where someone deletes it"

// generates looks at what a generate rule makes.
func (c *checker) generates(r value) {
	g := r.get("generate")
	if !g.exists() {
		return
	}
	if !g.Has("synchronize") {
		c.warn(diag.NotSynchronized, g.get("synchronize"), notSynchronized,
			"set synchronize: true; or false, if what is generated belongs to those who get it")
	}
	if c.namespace != "" {
		return // it clones from its own
	}
	for _, part := range append([]value{g}, g.get("foreach").items()...) {
		for _, source := range []value{part.down("clone", "namespace"), part.down("cloneList", "namespace")} {
			if source.Str() == "default" {
				c.warn(diag.OpenCloneSource, source, "clones from the namespace default, where what has no namespace of its own lands: whoever may write there writes into every target",
					"keep the source in a namespace of the platform's own")
				return
			}
		}
	}
}
