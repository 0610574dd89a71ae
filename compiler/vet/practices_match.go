package vet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// systemNamespace is the one whose Pods a cluster cannot do without.
const systemNamespace = "kube-system"

const excludeSystem = `exclude kube-system, kube-public, kube-node-lease and kyverno by namespace; in specs, excludeSystemNamespaces: true`

// systemNamespaces warns of a policy that refuses Pods, or what makes them, in
// every namespace, the cluster's own among them: a new node's Pods of
// kube-system, or Kyverno's own, are then refused where they fail. Kyverno's
// Helm chart leaves these out in Kyverno's configuration (values.yaml,
// config.resourceFilters), which a policy cannot know. It is said once of a
// policy, since one setting mends it.
func (c *checker) systemNamespaces(s value, rules []value) {
	if c.root.get("kind").Str() != "ClusterPolicy" || mentions(s.down("webhookConfiguration", "matchConditions"), "amespace") {
		return
	}
	var wide []value
	for _, r := range rules {
		if c.enforces(r) && c.refusesSystemPods(s, r) {
			wide = append(wide, r)
		}
	}
	if len(wide) == 0 {
		return
	}
	names := make([]string, len(wide))
	for i, r := range wide {
		names[i] = r.get("name").Str()
	}
	c.warn(diag.SystemNamespaces, wide[0].get("match"),
		fmt.Sprintf("%s refuses Pods in every namespace, those of the cluster itself (%s, Kyverno's own) among them: expected an exclude", quotedList(names), systemNamespace),
		excludeSystem)
}

func (c *checker) refusesSystemPods(s, r value) bool {
	if !c.matchesSystemPods(r.get("match")) || c.leavesOutNamespaces(r.get("exclude")) {
		return false
	}
	for _, o := range overrides(s, r) {
		if strings.EqualFold(o.get("action").Str(), "Audit") && (includesSystem(o.get("namespaces")) || o.Has("namespaceSelector")) {
			return false
		}
	}
	if references := imageReferences(r); len(references) > 0 && !slices.Contains(references, "*") {
		return false
	}
	chooses := append(asks(r.get("validate")), r.get("preconditions"), r.get("celPreconditions"))
	return !slices.ContainsFunc(chooses, func(v value) bool { return mentions(v, "amespace") })
}

// imageReferences gives the images that a verifyImages rule asks for.
func imageReferences(r value) []string {
	var out []string
	for _, v := range r.get("verifyImages").items() {
		out = append(out, v.get("imageReferences").Strings()...)
		out = append(out, v.get("image").Str())
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// systemKinds are the kinds by which a cluster runs its own parts.
var systemKinds = []string{"Pod", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"}

// matchesSystemPods tells whether a match has every Pod of kube-system.
func (c *checker) matchesSystemPods(m value) bool {
	filters := c.filters(m)
	pods := func(f value) bool {
		return slices.ContainsFunc(f.down("resources", "kinds").Strings(), func(text string) bool {
			s := kinds.Parse(text)
			return (s.Subresource == "" || s.Subresource == "*") && (s.Kind == "*" || slices.Contains(systemKinds, s.Kind))
		})
	}
	if m.Has("all") {
		return slices.ContainsFunc(filters, pods) && !slices.ContainsFunc(filters, sparesSystem)
	}
	return slices.ContainsFunc(filters, func(f value) bool { return pods(f) && !sparesSystem(f) })
}

// sparesSystem tells whether a filter has only some of the Pods of kube-system,
// or not when they are made.
func sparesSystem(f value) bool {
	resources := f.get("resources")
	if len(resources.having("name", "names", "annotations", "selector", "namespaceSelector")) > 0 || len(f.having("subjects", "roles", "clusterRoles")) > 0 {
		return true
	}
	if operations := resources.get("operations").Strings(); len(operations) > 0 && !slices.Contains(operations, "CREATE") && !slices.Contains(operations, "UPDATE") {
		return true
	}
	namespaces := resources.get("namespaces")
	return namespaces.exists() && !includesSystem(namespaces)
}

func includesSystem(namespaces value) bool {
	return slices.ContainsFunc(namespaces.Strings(), func(pattern string) bool {
		ok, err := path.Match(pattern, systemNamespace)
		return ok && err == nil
	})
}

// leavesOutNamespaces tells whether an exclude has the system's namespaces, or
// chooses namespaces by label.
func (c *checker) leavesOutNamespaces(exclude value) bool {
	return slices.ContainsFunc(c.filters(exclude), func(f value) bool {
		resources := f.get("resources")
		return includesSystem(resources.get("namespaces")) || resources.Has("namespaceSelector") ||
			slices.Contains(resources.get("kinds").Strings(), "Namespace")
	})
}

// allKinds warns of a match on every kind: the API server then asks Kyverno
// about every request (pkg/controllers/webhook/utils.go). A filter that names
// the resources, or asks of one operation only, is meant so.
func (c *checker) allKinds(r value) {
	for _, f := range c.filters(r.get("match")) {
		resources := f.get("resources")
		operations := resources.get("operations").Strings()
		if len(resources.having("name", "names", "namespaces", "namespaceSelector", "selector", "annotations")) > 0 || len(operations) == 1 {
			continue
		}
		for _, kind := range resources.get("kinds").items() {
			if s := kinds.Parse(kind.Str()); s.Kind == "*" && s.Group == "*" && (s.Subresource == "" || s.Subresource == "*") {
				c.warn(diag.AllKinds, kind, fmt.Sprintf("%q is every kind: each request to the API server then waits for Kyverno, Leases and Events too", kind.Str()),
					"name the kinds that the rule is for")
				return
			}
		}
	}
}

// controllersUnchecked warns of a rule on Pods that autogen cannot extend to
// what makes them (pkg/autogen/v1/autogen.go CanAutoGen): a Deployment is taken
// then, and its Pods refused where no one looks. The autogen annotation says
// that the author knows; of a rule that turns autogen off for others,
// AutogenOff speaks.
func (c *checker) controllersUnchecked(r value, rules []value) {
	if c.root.down("metadata", "annotations", spec.AutogenAnnotation).exists() || !reports(r) {
		return
	}
	if slices.ContainsFunc(c.findings, func(f Finding) bool { return f.Code == diag.AutogenOff }) {
		return
	}
	if !slices.Contains(c.matched(r), "Pod") || !c.looksAtPodSpec(r) || c.namesPods(r) {
		return
	}
	for _, other := range rules {
		if slices.ContainsFunc(c.matched(other), func(kind string) bool { return slices.Contains(podControllers, kind) }) {
			return
		}
	}
	if reason := c.stopsAutogen(r); reason != "" {
		c.warn(diag.ControllersUnchecked, r.get("match"),
			fmt.Sprintf("%s, so Kyverno extends it to no Deployment, Job or CronJob: these are taken, and only the Pods that they make are checked", reason),
			`choose by namespace, or by preconditions, or give Pod a filter of its own; set autogen: "none" if Pods alone are meant`)
	}
}

// namesPods tells whether a rule is for Pods of given names, or on their way
// out: no controller has these.
func (c *checker) namesPods(r value) bool {
	return slices.ContainsFunc(c.filters(r.get("match")), func(f value) bool {
		operations := f.down("resources", "operations").Strings()
		return len(operations) > 0 && !slices.Contains(operations, "CREATE")
	})
}

// looksAtPodSpec tells whether a rule is about what a Pod runs, rather than its
// metadata.
func (c *checker) looksAtPodSpec(r value) bool {
	if r.Has("verifyImages") {
		return true
	}
	v := r.get("validate")
	if v.Has("podSecurity") {
		return true
	}
	return slices.ContainsFunc(asks(v), func(part value) bool {
		return mentions(part, "spec") || mentions(part, "images.")
	})
}

// podsUnchecked warns of a rule on controllers that checks the containers of
// their templates: Pods made by another controller, or by hand, have the same
// containers. A rule on Pods covers all, by autogen.
func (c *checker) podsUnchecked(r value, rules []value) {
	matched := c.matched(r)
	if len(matched) == 0 {
		return
	}
	for _, kind := range matched {
		if !slices.Contains(podControllers, kind) {
			return
		}
	}
	if !checksTemplate(r.get("validate")) {
		return
	}
	for _, other := range rules {
		if slices.Contains(c.matched(other), "Pod") {
			return
		}
	}
	c.warn(diag.PodsUnchecked, r.get("match"),
		fmt.Sprintf("checks the containers that a %s makes, and not those of Pods made otherwise: by hand, or by another controller", orList(slices.Compact(matched), "or")),
		`match Pod and write the rule for Pods: Kyverno's autogen extends it to every controller`)
}
