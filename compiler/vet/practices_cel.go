package vet

import (
	"slices"
	"strings"

	"kcue.dev/diag"
)

// celPractices looks at an object of policies.kyverno.io, or its namespaced
// form.
func (c *checker) celPractices(kind string) {
	s := c.root.get("spec")
	if kind == "PolicyException" {
		c.celException(s)
		return
	}
	c.documented()
	c.celAllResources(s)
	denies := false
	switch kind {
	case "ValidatingPolicy", "ImageValidatingPolicy":
		denies = celDenies(s)
		c.celAction(s)
		c.celMessages(s)
		c.celSystemNamespaces(kind, s)
		c.celInitContainers(s)
	case "GeneratingPolicy":
		if enabled := s.down("evaluation", "synchronize", "enabled"); !enabled.exists() {
			c.warn(diag.NotSynchronized, enabled, notSynchronized, "set evaluation: synchronize: enabled: true; or false, if what is generated belongs to those who get it")
		}
	case "DeletingPolicy":
		c.celDeletes(s)
	}
	c.webhook(s, denies, kind == "ImageValidatingPolicy" || slices.ContainsFunc([]string{"http.", "resource.", "image("}, func(call string) bool { return mentions(s, call) }))
}

// celException warns of a PolicyException that leaves nothing to its policies.
func (c *checker) celException(s value) {
	if len(s.having("matchConditions", "images", "allowedValues")) == 0 {
		c.warn(diag.WideException, s, "excepts every resource from its policies: expected matchConditions, or images", "say by matchConditions what the exception is for")
	}
}

// celDenies tells whether a policy refuses what fails; it does where it does
// not say (ValidatingPolicySpec.ValidationActions).
func celDenies(s value) bool {
	if admission := s.down("evaluation", "admission", "enabled"); admission.exists() && !admission.IsTrue() {
		return false
	}
	actions := s.get("validationActions").Strings()
	return len(actions) == 0 || slices.Contains(actions, "Deny")
}

// celAction is criticalAudit for the CEL kinds.
func (c *checker) celAction(s value) {
	if actions := s.get("validationActions"); actions.exists() && !celDenies(s) {
		c.criticalAudit(orList(actions.Strings(), "and"), actions)
	}
}

// celMessages looks at what the validations say.
func (c *checker) celMessages(s value) {
	for _, v := range s.get("validations").items() {
		switch message := v.get("message"); {
		case message.Str() != "":
			c.message(message, c.root.down("metadata", "name").Str())
		case !v.Has("messageExpression"):
			c.warn(diag.UnhelpfulMessage, message, "there is no message: whoever is refused reads the expression that failed, and not what to do", messageHint)
		}
	}
}

// constrained gives the resourceRules of a policy's matchConstraints.
func constrained(s value) []value { return s.down("matchConstraints", "resourceRules").items() }

// celAllResources warns of a policy for every resource of every group.
func (c *checker) celAllResources(s value) {
	if s.down("matchConstraints", "objectSelector").exists() || s.down("matchConstraints", "namespaceSelector").exists() {
		return
	}
	for _, r := range constrained(s) {
		operations := r.get("operations").Strings()
		if r.Has("resourceNames") || len(operations) == 1 && operations[0] != "*" || !slices.Contains(r.get("apiGroups").Strings(), "*") {
			continue
		}
		for _, resource := range r.get("resources").items() {
			if resource.Str() == "*" || resource.Str() == "*/*" {
				c.warn(diag.AllKinds, resource, quoted(resource.Str())+" of every group is every kind: each request to the API server then waits for Kyverno, Leases and Events too",
					"name the resources that the policy is for")
				return
			}
		}
	}
}

// systemResources are those of systemKinds, and wildcards.
var systemResources = []string{"pods", "daemonsets", "deployments", "replicasets", "statefulsets", "*", "*/*"}

// celSystemNamespaces is systemNamespaces for the CEL kinds.
func (c *checker) celSystemNamespaces(kind string, s value) {
	constraints := s.get("matchConstraints")
	if !celDenies(s) || c.root.get("kind").Str() != kind || constraints.Has("namespaceSelector") || constraints.Has("objectSelector") || s.Has("matchImageReferences") {
		return
	}
	for _, part := range []value{s.get("matchConditions"), s.get("variables"), s.get("validations")} {
		if mentions(part, "amespace") {
			return
		}
	}
	for _, r := range constrained(s) {
		operations := r.get("operations").Strings()
		made := slices.Contains(operations, "CREATE") || slices.Contains(operations, "UPDATE") || slices.Contains(operations, "*")
		pods := slices.ContainsFunc(r.get("resources").Strings(), func(name string) bool { return slices.Contains(systemResources, name) })
		if made && pods && !r.Has("resourceNames") {
			c.warn(diag.SystemNamespaces, constraints,
				"refuses Pods in every namespace, those of the cluster itself ("+systemNamespace+", Kyverno's own) among them: expected a namespaceSelector",
				`leave them out by matchConstraints: namespaceSelector: matchExpressions: [{key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["kube-system", "kube-public", "kube-node-lease", "kyverno"]}]`)
			return
		}
	}
}

// celInitContainers is initContainers for a ValidatingPolicy.
func (c *checker) celInitContainers(s value) {
	if mentions(s, "initContainers") {
		return
	}
	shared := false
	for _, list := range []string{"validations", "variables"} {
		for _, v := range s.get(list).items() {
			shared = shared || sharedExpression.MatchString(v.get("expression").Str())
		}
	}
	if !shared {
		return
	}
	for _, list := range []string{"variables", "validations"} {
		for _, v := range s.get(list).items() {
			if e := v.get("expression"); containerExpression.MatchString(e.Str()) {
				c.warn(diag.InitContainers, e, "looks at containers and not at initContainers and ephemeralContainers: what is refused here still runs there",
					"check object.spec.containers + object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])")
				return
			}
		}
	}
}

// celDeletes warns of a DeletingPolicy that deletes all that it matches.
func (c *checker) celDeletes(s value) {
	constraints := s.get("matchConstraints")
	if s.Has("conditions") || len(constraints.having("namespaceSelector", "objectSelector", "excludeResourceRules")) > 0 {
		return
	}
	for _, r := range constrained(s) {
		if r.Has("resourceNames") {
			continue
		}
		c.warn(diag.DeletesAll, r, "deletes all "+orList(r.get("resources").Strings(), "and")+strings.TrimSuffix(" of the namespace "+c.namespace, " of the namespace ")+", on each run: expected conditions, a selector or resourceNames",
			"add conditions, such as an age by object.metadata.creationTimestamp")
		return
	}
}
