package vet

import (
	"fmt"
	"strconv"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// settings checks what a policy says apart from its rules
// (api/kyverno/v1/spec_types.go Validate, pkg/validation/policy/validate.go).
func (c *checker) settings(s value) {
	webhook := s.get("webhookConfiguration")
	for _, at := range []value{s.get("webhookTimeoutSeconds"), webhook.get("timeoutSeconds")} {
		if !at.exists() || at.Kind != spec.Number {
			continue
		}
		if n, err := strconv.ParseFloat(at.Text, 64); err == nil && (n < 1 || n > 30) {
			c.error(diag.Processing, at, fmt.Sprintf("%s seconds is no timeout of a webhook: expected 1 to 30", at.Text), "")
		}
	}
	for _, field := range []struct{ old, now string }{{"webhookTimeoutSeconds", "timeoutSeconds"}, {"failurePolicy", "failurePolicy"}} {
		if s.get(field.old).exists() && webhook.get(field.now).exists() {
			c.error(diag.Processing, s.get(field.old), "stands beside webhookConfiguration."+field.now+", which replaces it: Kyverno refuses both", "leave it out")
		}
	}
	if old := s.get("generateExistingOnPolicyUpdate"); old.exists() {
		c.error(diag.Processing, old, "is gone: Kyverno refuses it", "set generateExisting in the generate rules")
	}
	c.processing(s)
	overrides := s.get("validationFailureActionOverrides")
	if c.namespaced() && len(overrides.items()) > 0 {
		c.error(diag.ActionOverrides, overrides, "has failure actions by namespace, and a namespaced policy applies in one only: Kyverno refuses it", "set failureAction in the rules")
	} else {
		c.actionOverrides(overrides)
	}
	c.deprecatedSettings(s)
}

// namespaced reports whether the object is a Policy rather than a
// ClusterPolicy.
func (c *checker) namespaced() bool { return c.root.get("kind").Str() == "Policy" }

// isFalse reports whether something is said to be false.
func isFalse(v value) bool { return v.exists() && v.Kind == spec.Bool && !v.IsTrue() }

// processing checks that a policy runs at all.
func (c *checker) processing(s value) {
	admission := s.get("admission")
	if !isFalse(admission) {
		return
	}
	if isFalse(s.get("background")) {
		c.error(diag.Processing, admission, "neither admission nor background is on: the policy would never run, and Kyverno refuses it", "")
	}
	for _, r := range s.get("rules").items() {
		for _, body := range r.having("mutate", "generate", "verifyImages") {
			c.error(diag.Processing, admission, fmt.Sprintf("admission is off, and the rule %q has %s: Kyverno takes that of validate rules only", r.get("name").Str(), body), "set admission: true, or move the rule into a policy of its own")
		}
	}
}

// deprecatedSettings warns of the fields of a policy that Kyverno has
// replaced, by their documentation in api/kyverno/v1/spec_types.go.
func (c *checker) deprecatedSettings(s value) {
	const inRules = "set it in each rule"
	for _, d := range []struct{ name, instead string }{
		{"validationFailureAction", "set validate.failureAction in each rule"},
		{"validationFailureActionOverrides", "set validate.failureActionOverrides in each rule"},
		{"webhookTimeoutSeconds", "use webhookConfiguration.timeoutSeconds"},
		{"failurePolicy", "use webhookConfiguration.failurePolicy"},
		{"schemaValidation", "leave it out: Kyverno does not read it"},
		{"generateExisting", inRules + ": generate.generateExisting"},
		{"mutateExistingOnPolicyUpdate", inRules + ": mutate.mutateExistingOnPolicyUpdate"},
	} {
		if at := s.get(d.name); at.exists() {
			c.warn(diag.Deprecated, at, "is deprecated", d.instead)
		}
	}
	c.oldAction(s.get("validationFailureAction"))
	for _, o := range s.get("validationFailureActionOverrides").items() {
		c.oldAction(o.get("action"))
	}
	for _, r := range s.get("rules").items() {
		for _, o := range r.down("validate", "failureActionOverrides").items() {
			c.oldAction(o.get("action"))
		}
		c.deprecatedInRule(r)
	}
}

// oldAction warns of a failure action spelt as it once was
// (pkg/deprecations).
func (c *checker) oldAction(at value) {
	if now, ok := map[string]string{"enforce": "Enforce", "audit": "Audit"}[at.Str()]; ok {
		c.warn(diag.Deprecated, at, fmt.Sprintf("the spelling %q is deprecated", at.Text), fmt.Sprintf("write %q", now))
	}
}

// deprecatedInRule warns of the fields of a rule that Kyverno has replaced, by
// their documentation in api/kyverno/v1.
func (c *checker) deprecatedInRule(r value) {
	for _, clause := range []string{"match", "exclude"} {
		m := r.get(clause)
		for _, name := range m.having("resources", "subjects", "roles", "clusterRoles") {
			c.warn(diag.Deprecated, m.get(name), fmt.Sprintf("stands in %s itself, which is deprecated", clause), "write it as a filter under any or all")
		}
		for _, f := range c.filters(m) {
			if name := f.down("resources", "name"); name.exists() {
				c.warn(diag.Deprecated, name, "is deprecated", "use names, which is a list")
			}
		}
	}
	for _, v := range r.get("verifyImages").items() {
		for _, d := range []struct{ name, instead string }{
			{"image", "use imageReferences"}, {"key", "use attestors, with keys"},
			{"roots", "use attestors, with keyless"}, {"subject", "use attestors, with keyless"}, {"issuer", "use attestors, with keyless"},
			{"additionalExtensions", "use attestors, with keyless"}, {"annotations", "use the annotations of an attestor"},
		} {
			if at := v.get(d.name); at.exists() {
				c.warn(diag.Deprecated, at, "is deprecated", d.instead)
			}
		}
		for _, a := range v.get("attestations").items() {
			if at := a.get("predicateType"); at.exists() {
				c.warn(diag.Deprecated, at, "is deprecated", "use type")
			}
		}
	}
}
