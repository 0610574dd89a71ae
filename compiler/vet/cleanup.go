package vet

import "kcue.dev/diag"

// cleanupPolicy checks a CleanupPolicy or ClusterCleanupPolicy
// (api/kyverno/v2/cleanup_policy_types.go).
func (c *checker) cleanupPolicy() {
	s := c.root.get("spec")
	c.schedule(s.get("schedule"))
	for _, entry := range s.get("context").items() {
		for _, source := range entry.having("imageRegistry", "configMap") {
			c.error(diag.CleanupPolicy, entry.get(source), "a cleanup policy takes no "+source+" in its context: Kyverno refuses it", "use apiCall, variable or globalReference")
		}
	}
	use := filterUse{kinds: true, namespaced: c.root.get("kind").Str() == "CleanupPolicy"}
	match, exclude := s.get("match"), s.get("exclude")
	c.clause(match, use)
	use.kinds = false
	if exclude.exists() {
		c.clause(exclude, use)
	}
	for _, m := range []value{match, exclude} {
		for _, f := range c.filters(m) {
			c.noUserInfo(f, "and nobody asks for what a cleanup policy deletes: Kyverno refuses it", "leave it out")
			c.ignoredOperations(f, "a cleanup policy")
		}
	}
	c.conditions(s.get("conditions"))
}

// ignoredOperations warns of operations where Kyverno does not look at them
// (pkg/utils/match CheckMatchesResources, pkg/engine/utils/exceptions.go).
func (c *checker) ignoredOperations(f value, what string) {
	if operations := f.down("resources", "operations"); operations.exists() {
		c.warn(diag.Ignored, operations, "operations have no effect in "+what, "leave it out")
	}
}
