package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// autogen warns where one rule turns off Kyverno's autogen for the others:
// CanAutoGen (pkg/autogen/v1/autogen.go) decides for the whole policy, so a
// generate rule beside a rule on Pods leaves Deployments unchecked, silently.
func (c *checker) autogen(s value) {
	if c.root.down("metadata", "annotations", spec.AutogenAnnotation).Str() == "none" {
		return
	}
	rules := s.get("rules").items()
	var pods []string
	for _, r := range rules {
		if reason := c.stopsAutogen(r); reason == "" && slices.Contains(c.soleKinds(r), "Pod") {
			pods = append(pods, r.get("name").Str())
		}
	}
	if len(pods) == 0 {
		return
	}
	for _, r := range rules {
		if reason := c.stopsAutogen(r); reason != "" {
			c.warn(diag.AutogenOff, r,
				fmt.Sprintf("%s, which turns off Kyverno's autogen for the whole policy: %s sees Pods only, not the Deployments, Jobs and CronJobs that make them", reason, quotedList(pods)),
				`give this rule a policy of its own, or set autogen: "none" if Pods alone are meant`)
		}
	}
}

// autogenKinds lists the controllers that Kyverno's autogen knows
// (pkg/autogen/v1/autogen.go), and whether Kyverno expects them in the
// annotation where it lists any (pkg/validation/policy/validate.go
// podControllerAutoGenExclusion).
var autogenKinds = []struct {
	name     string
	expected bool
}{{"CronJob", true}, {"DaemonSet", true}, {"Deployment", true}, {"Job", true}, {"StatefulSet", true}, {"ReplicaSet", false}, {"ReplicationController", false}}

// autogenControllers checks the annotation that limits autogen.
func (c *checker) autogenControllers(s value) {
	at := c.root.down("metadata", "annotations", spec.AutogenAnnotation)
	if !at.exists() || at.Kind != spec.String || at.Text == "none" {
		return
	}
	if at.Text == "all" {
		c.error(diag.AutogenControllers, at, `"all" is no longer a list of controllers: Kyverno refuses it`, "leave the annotation out for all of them")
		return
	}
	var names []string
	for _, k := range autogenKinds {
		names = append(names, k.name)
	}
	listed := strings.Split(at.Text, ",")
	for _, name := range listed {
		if slices.Contains(names, name) {
			continue
		}
		message := fmt.Sprintf("autogen knows no controller %q, and passes over it: expected none, or some of %s, with commas and no spaces", name, strings.Join(names, ", "))
		hint := didYouMean(name, names)
		for _, known := range names {
			if strings.EqualFold(strings.TrimSpace(name), known) {
				hint = fmt.Sprintf("did you mean %q?", known)
			}
		}
		c.error(diag.AutogenControllers, at, message, hint)
	}
	var missing []string
	for _, k := range autogenKinds {
		if k.expected && !slices.ContainsFunc(listed, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), k.name) }) {
			missing = append(missing, k.name)
		}
	}
	if len(missing) == 0 {
		return
	}
	for _, r := range s.get("rules").items() {
		if slices.Equal(c.soleKinds(r), []string{"Pod"}) && c.stopsAutogen(r) == "" {
			c.warn(diag.AutogenPartial, at, fmt.Sprintf("leaves out %s, whose Pods the rule %q still meets one by one", strings.Join(missing, ", "), r.get("name").Str()), "exclude those Pods by preconditions, or do not limit autogen")
			return
		}
	}
}

func quotedList(names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("rule %q", names[0])
	}
	return fmt.Sprintf("rule %q (and %d more)", names[0], len(names)-1)
}

// soleKinds gives the kinds that a rule matches in filters of one kind each.
func (c *checker) soleKinds(r value) []string {
	var out []string
	for _, f := range c.filters(r.get("match")) {
		if kinds := f.get("resources").get("kinds").Strings(); len(kinds) == 1 {
			out = append(out, kinds...)
		}
	}
	return out
}

// stopsAutogen says what in a rule turns autogen off, or "".
func (c *checker) stopsAutogen(r value) string {
	if r.Has("generate") {
		return "the rule generates"
	}
	mutate := r.get("mutate")
	if mutate.Has("patchesJson6902") || slices.ContainsFunc(mutate.get("foreach").items(), func(f value) bool { return f.Has("patchesJson6902") }) {
		return "the rule has a JSON patch"
	}
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range c.filters(r.get(clause)) {
			resources := f.get("resources")
			if by := resources.having("name", "names", "selector", "annotations"); len(by) > 0 {
				return fmt.Sprintf("the rule's %s has %s", clause, by[0])
			}
			if kinds := resources.get("kinds").Strings(); len(kinds) > 1 && slices.Contains(kinds, "Pod") {
				return fmt.Sprintf("the rule's %s lists Pod with other kinds in one filter", clause)
			}
		}
	}
	return ""
}
