package vet

// background reports a rule whose filters need the user of an admission request
// in a policy that is also for background scans, where there is none
// (pkg/validation/policy/background.go hasUserMatchExclude). Variables of the
// user are the business of backgroundVariables.
func (c *checker) background(r value) {
	if b := c.root.down("spec", "background"); b.exists() && !b.IsTrue() {
		return
	}
	const refused = "which a background scan does not have: Kyverno refuses the policy"
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range c.filters(r.get(clause)) {
			c.noUserInfo(f, refused, "set background: false")
		}
	}
}
