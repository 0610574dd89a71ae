package vet

import (
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// practices warns of what Kyverno takes and does, and platform teams have
// learned to avoid (KC5xx; docs/best-practices.md). It runs after the other
// checks, and says nothing of a place where they have found an error.
func (c *checker) practices(group, kind string) {
	earlier := len(c.findings)
	c.deprecatedVersion(kind)
	switch group {
	case "kyverno.io":
		switch kind {
		case "ClusterPolicy", "Policy":
			c.policyPractices()
		case "PolicyException":
			c.exceptionPractices()
		case "ClusterCleanupPolicy", "CleanupPolicy":
			c.cleanupPractices()
		}
	case "policies.kyverno.io":
		c.celPractices(strings.TrimPrefix(kind, "Namespaced"))
	}
	wrong := make(map[string]bool, earlier)
	for _, f := range c.findings[:earlier] {
		if f.Severity == diag.Error {
			wrong[f.Place()] = true
		}
	}
	again := func(f Finding) bool { return wrong[f.Place()] }
	c.findings = append(c.findings[:earlier], slices.DeleteFunc(slices.Clone(c.findings[earlier:]), again)...)
}

// policyPractices looks at a ClusterPolicy or Policy.
func (c *checker) policyPractices() {
	s := c.root.get("spec")
	rules := slices.DeleteFunc(s.get("rules").items(), func(r value) bool { return r.Kind != spec.Struct })
	c.documented()
	c.idleBackground(s, rules)
	c.systemNamespaces(s, rules)
	c.initContainers(rules)
	if mentions(s, "image") {
		c.images(rules)
	}
	for _, r := range rules {
		c.allKinds(r)
		c.controllersUnchecked(r, rules)
		c.podsUnchecked(r, rules)
		c.ruleMessage(r)
		c.denies(r)
		c.loneAlternative(r)
		c.optionalParent(r)
		c.generates(r)
	}
	enforced := slices.ContainsFunc(rules, func(r value) bool { return c.enforces(r) })
	c.webhook(s, enforced, slices.ContainsFunc(rules, waits))
	if !enforced && slices.ContainsFunc(rules, reports) && !overridden(s, rules) {
		c.criticalAudit("Audit", s.get("validationFailureAction"))
	}
}

// reports tells whether a rule says pass or fail of a resource.
func reports(r value) bool { return r.Has("validate") || r.Has("verifyImages") }

// enforces tells whether a rule refuses what fails: the rule's own action, or
// the deprecated one of its policy (api/kyverno/v1 Spec.ValidationFailureAction).
func (c *checker) enforces(r value) bool {
	s := c.root.get("spec")
	if a := s.get("admission"); a.exists() && !a.IsTrue() {
		return false
	}
	of := func(v value) bool {
		action := v.get("failureAction")
		if !action.exists() {
			action = s.get("validationFailureAction")
		}
		return strings.EqualFold(action.Str(), "Enforce")
	}
	return r.get("validate").exists() && of(r.get("validate")) || slices.ContainsFunc(r.get("verifyImages").items(), of)
}

// overrides gives the failure actions that hold in some namespaces only.
func overrides(s, r value) []value {
	return append(r.down("validate", "failureActionOverrides").items(), s.get("validationFailureActionOverrides").items()...)
}

func overridden(s value, rules []value) bool {
	return slices.ContainsFunc(rules, func(r value) bool { return len(overrides(s, r)) > 0 })
}

// webhook looks at how the API server calls Kyverno. A policy that waits for
// something else, such as a registry, may need its time.
func (c *checker) webhook(s value, enforced, waits bool) {
	for _, policy := range []value{s.get("failurePolicy"), s.down("webhookConfiguration", "failurePolicy")} {
		if policy.Str() == "Ignore" && enforced {
			c.warn(diag.FailOpen, policy, "lets every request pass while Kyverno does not answer, though the policy enforces: expected Fail",
				"leave it out (Fail is the default); exclude what must never wait for Kyverno")
		}
	}
	for _, timeout := range []value{s.get("webhookTimeoutSeconds"), s.down("webhookConfiguration", "timeoutSeconds")} {
		if timeout.Node == nil || timeout.Kind != spec.Number || waits {
			continue
		}
		if seconds, err := strconv.Atoi(timeout.Text); err == nil && seconds > longTimeout {
			c.warn(diag.LongTimeout, timeout, "each request may hang for "+timeout.Text+" seconds where Kyverno is slow, and nothing in the policy waits for anything: expected at most "+strconv.Itoa(longTimeout),
				"leave it out: 10 seconds is the default")
		}
	}
}

// longTimeout is more than the ten seconds that Kyverno and Kubernetes take by
// default, and half of the thirty that Kubernetes allows.
const longTimeout = 15

// waits tells whether a rule asks something outside of Kyverno while a request
// waits: a registry, or another API.
func waits(r value) bool {
	if r.Has("verifyImages") || r.down("validate", "manifests").exists() {
		return true
	}
	return mentions(r, "apiCall") || mentions(r, "imageRegistry")
}

// criticalAudit warns of a policy that says that it is critical and refuses
// nothing. The action is where it stands, if it is written.
func (c *checker) criticalAudit(word string, action value) {
	severity := c.annotation("severity")
	if severity.Str() != "critical" {
		return
	}
	at := severity
	if action.exists() {
		at = action
	}
	c.warn(diag.CriticalAudit, at, "the policy's severity is critical, and it refuses nothing: its action is "+word,
		"enforce it once its reports are clean, at first in some namespaces only (failureActionOverrides); or give it the severity that it is treated with")
}

// annotation gives what a policy says of itself (policies.kyverno.io/…).
func (c *checker) annotation(name string) value {
	return c.root.down("metadata", "annotations", "policies.kyverno.io/"+name)
}

// documented asks that a policy says what it is for.
func (c *checker) documented() {
	description := c.annotation("description")
	if strings.TrimSpace(description.Str()) != "" {
		return
	}
	missing := []string{"description"}
	for _, name := range []string{"title", "category", "severity"} {
		if c.annotation(name).Str() == "" {
			missing = append(missing, name)
		}
	}
	c.warn(diag.Undocumented, description, "the policy has no "+orList(missing, "or")+": who finds it in a cluster or a report has its name alone",
		"say in description what it is for; in YAML, the annotation policies.kyverno.io/description")
}

// orList joins words as a sentence does.
func orList(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

// deprecatedVersion warns of an apiVersion that the CRDs of Kyverno 1.19 mark
// as deprecated while they serve a newer one of the same kind
// (config/crds, spec.versions[].deprecated).
func (c *checker) deprecatedVersion(kind string) {
	at := c.root.get("apiVersion")
	newer := ""
	switch at.Str() {
	case "kyverno.io/v2beta1":
		newer = "kyverno.io/v2"
		if kind == "ClusterPolicy" || kind == "Policy" {
			newer = "kyverno.io/v1"
		}
	case "kyverno.io/v2alpha1":
		newer = "kyverno.io/v2"
	case "policies.kyverno.io/v1alpha1":
		newer = "policies.kyverno.io/v1"
	}
	if newer != "" {
		c.warn(diag.DeprecatedVersion, at, at.Str()+" is deprecated and will be removed from Kyverno: expected "+newer, `write apiVersion: `+newer)
	}
}

// asks gives what a validate rule asks of a resource.
func asks(v value) []value {
	return slices.DeleteFunc(v.members(), func(m value) bool { return m.name == "message" || m.name == "failureActionOverrides" })
}

// mentions tells whether a word is in a string, or in a field's name, of a
// value.
func mentions(v value, word string) bool { return v.Node != nil && says(v.Node, word) }

func says(n *spec.Node, word string) bool {
	if n.Kind == spec.String {
		return strings.Contains(n.Text, word)
	}
	for i := range n.Fields {
		if f := &n.Fields[i]; strings.Contains(f.Name, word) || says(f.Value, word) {
			return true
		}
	}
	for _, item := range n.Items {
		if says(item, word) {
			return true
		}
	}
	return false
}

// podControllers are the kinds that make Pods, and for which Kyverno's autogen
// writes rules (pkg/autogen/v1/autogen.go PodControllers).
var podControllers = []string{"DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob"}

// matched gives the kinds of a rule's match, without those of subresources.
func (c *checker) matched(r value) []string {
	var out []string
	for _, f := range c.filters(r.get("match")) {
		for _, text := range f.down("resources", "kinds").Strings() {
			if s := kinds.Parse(text); s.Kind != "" && (s.Subresource == "" || s.Subresource == "*") {
				out = append(out, s.Kind)
			}
		}
	}
	return out
}
