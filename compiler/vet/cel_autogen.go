package vet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"kcue.dev/compiler/celenv"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// celControllers lists the controllers for which Kyverno's autogen rewrites a
// CEL policy about Pods (pkg/cel/autogen/data.go).
var celControllers = []string{"cronjobs", "daemonsets", "deployments", "jobs", "replicasets", "statefulsets"}

// autogenPaths gives where a controller keeps its Pod template
// (pkg/cel/autogen/data.go, ReplacementsMap), by what stands for it in messages.
var autogenPaths = map[string]string{
	"Deployments": "spec.template",
	"CronJobs":    "spec.jobTemplate.spec.template",
}

// autogen checks the forms that Kyverno makes of a policy about Pods for the
// controllers of Pods. Its webhook does not look at them, and one that does not
// compile fails the loading of the policy (pkg/cel/policies/*/engine/provider.go).
func (p *celPolicy) autogen(s value, kind string, sound []bool) {
	controllers := s.down("autogen", "podControllers", "controllers")
	if reason, at := celAutogenOff(s); reason != "" {
		p.autogenOff(s, controllers, reason, at)
		return
	}
	if !aboutPods(s) {
		return
	}
	names := celControllers
	if controllers.exists() && controllers.Kind == spec.List {
		names = controllers.Strings()
		p.controllers(controllers)
	}
	targets := map[string]bool{}
	for _, name := range names {
		switch {
		case name == "cronjobs":
			targets["CronJobs"] = true
		case slices.Contains(celControllers, name):
			targets["Deployments"] = true
		}
	}
	if len(targets) == 0 {
		return
	}
	reported := make([]bool, len(p.slots))
	for _, target := range []string{"Deployments", "CronJobs"} {
		if targets[target] {
			p.variant(kind, target, sound, reported)
		}
	}
	p.unrewritten(kind, sound)
}

// controllers reports names that Kyverno passes over: what is no controller that
// it knows and no resource.version.group (pkg/cel/autogen/extraction.go).
func (p *celPolicy) controllers(list value) {
	for _, item := range list.items() {
		if item.Kind != spec.String || slices.Contains(celControllers, item.Text) || strings.Count(item.Text, ".") >= 2 {
			continue
		}
		hint := didYouMean(strings.ToLower(item.Text), celControllers)
		if plural := strings.ToLower(item.Text) + "s"; slices.Contains(celControllers, plural) {
			hint = fmt.Sprintf("did you mean %q?", plural)
		} else if slices.Contains(celControllers, strings.ToLower(item.Text)) {
			hint = fmt.Sprintf("did you mean %q?", strings.ToLower(item.Text))
		}
		p.warn(diag.CELControllers, item, fmt.Sprintf("%q is no controller that Kyverno knows, and is passed over unless the cluster has such a resource: expected %s, or <resource>.<version>.<group>", item.Text, strings.Join(celControllers, ", ")), hint)
	}
}

// aboutPods reports whether a policy matches Pods alone, so that autogen applies
// to it (pkg/cel/autogen/support.go, CanAutoGen).
func aboutPods(s value) bool {
	rules := constrained(s)
	return len(rules) == 1 && isCorePods(rules[0])
}

// isCorePods reports whether a rule is about Pods as autogen wants it.
func isCorePods(rule value) bool {
	only := func(field, want string) bool {
		got := rule.get(field).Strings()
		return len(got) == 1 && got[0] == want
	}
	return only("apiGroups", "") && only("apiVersions", "v1") && only("resources", "pods")
}

// celAutogenOff says what turns autogen off in a policy that is about Pods and
// not about their controllers, and where; or gives "".
func celAutogenOff(s value) (reason string, at value) {
	constraints := s.get("matchConstraints")
	rules := constrained(s)
	pods := slices.IndexFunc(rules, func(r value) bool { return slices.Contains(r.get("resources").Strings(), "pods") })
	if pods < 0 {
		return "", value{}
	}
	for _, r := range rules {
		for _, resource := range r.get("resources").Strings() {
			if slices.Contains(celControllers, resource) || strings.Contains(resource, "*") {
				return "", value{}
			}
		}
	}
	selector := constraints.get("objectSelector")
	rule := rules[pods]
	switch {
	case len(selector.get("matchLabels").members()) > 0 || len(selector.get("matchExpressions").items()) > 0:
		return "the objectSelector", selector
	case len(constraints.get("excludeResourceRules").items()) > 0:
		return "excludeResourceRules", constraints.get("excludeResourceRules")
	case len(rules) > 1:
		return "a second resource rule", rules[1-min(pods, 1)]
	case len(rule.get("resourceNames").items()) > 0:
		return "resourceNames", rule.get("resourceNames")
	case len(rule.get("resources").Strings()) > 1:
		return "a second resource beside pods", rule.get("resources")
	case !slices.Equal(rule.get("apiGroups").Strings(), []string{""}):
		return `apiGroups other than [""]`, rule.get("apiGroups")
	case !slices.Equal(rule.get("apiVersions").Strings(), []string{"v1"}):
		return `apiVersions other than ["v1"]`, rule.get("apiVersions")
	}
	return "", value{}
}

// autogenOff warns where matchConstraints turn autogen off in silence. A policy
// that says it wants none, by an empty list, is left alone.
func (p *celPolicy) autogenOff(s, controllers value, reason string, at value) {
	if controllers.exists() && len(controllers.items()) == 0 || s.down("evaluation", "mode").Str() == "JSON" {
		return
	}
	p.warn(diag.AutogenOff, at, reason+" turns off Kyverno's autogen: the policy sees Pods only, not the Deployments, Jobs and CronJobs that make them",
		"leave it out, or say by autogen: podControllers: controllers: [] that Pods alone are meant")
}

// variant compiles the form of a policy for one sort of controllers, and reports
// each expression that fails in none before.
func (p *celPolicy) variant(kind, target string, sound, reported []bool) {
	path := autogenPaths[target]
	rewrite := func(_ celSlot, text string) string { return rewriteFields(text, path) }
	if kind == "MutatingPolicy" {
		rewrite = func(slot celSlot, text string) string {
			if slot.kept {
				return text
			}
			return rewriteMutation(text, path)
		}
	}
	risky := false
	for i, s := range p.slots {
		if text, ok := s.expression(); ok && sound[i] && (kind == "MutatingPolicy" && s.result == celenv.Object || foreignField().MatchString(text)) {
			risky = true
		}
	}
	// Fields of object are dynamic, whatever they are called, so that an
	// expression about nothing else compiles in every form.
	if !risky {
		return
	}
	for i, problems := range p.problems(rewrite) {
		if sound[i] && len(problems) > 0 && !reported[i] {
			reported[i] = true
			p.error(diag.CELAutogen, p.slots[i].at, fmt.Sprintf("does not compile in the form that Kyverno's autogen makes of it for %s: %s", target, problems[0].Message),
				"have Kyverno make none, by autogen: podControllers: controllers: []")
		}
	}
}

// foreignField finds what Kyverno takes for a field of object, being text only.
var foreignField = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z0-9_.]object\.(?:spec|metadata)`)
})

// rewriteFields writes the paths of a Pod as those of its template, as Kyverno
// does in the text of the whole spec (pkg/cel/autogen/replacement.go).
func rewriteFields(text, path string) string {
	for _, field := range []string{"spec", "metadata"} {
		for _, object := range []string{"object.", "oldObject."} {
			text = replaceField(text, object+field, object+path+"."+field)
		}
	}
	return text
}

// replaceField replaces a path where .namespace does not follow.
func replaceField(text, from, to string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, from)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i+len(from):]
		rest, namespace := strings.CutPrefix(text, ".namespace")
		if namespace && (rest == "" || !isNameByte(rest[0])) {
			b.WriteString(from)
		} else {
			b.WriteString(to)
		}
	}
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// mutationFields are the paths that Kyverno rewrites in a mutation.
var mutationFields = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`\b(object|oldObject|Object)\.spec`),
		regexp.MustCompile(`\b(object|oldObject|Object)\.metadata\.(labels|annotations)`),
	}
})

// rewriteMutation writes a mutation of a Pod as one of its template, as Kyverno
// does (pkg/cel/policies/mpol/autogen/autogen.go, convertPodToTemplateExpression).
func rewriteMutation(text, path string) string {
	fields := mutationFields()
	text = fields[0].ReplaceAllString(text, "${1}."+path+".spec")
	text = fields[1].ReplaceAllString(text, "${1}."+path+".metadata.${2}")
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "Object")
	if !ok {
		return text
	}
	content, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), "{")
	if !ok {
		return text
	}
	depth, end := 1, 0
	for i, c := range content {
		if c == '{' {
			depth++
		} else if c == '}' {
			if depth--; depth == 0 {
				end = i
				break
			}
		}
	}
	if end == 0 {
		return text
	}
	wrapper, closing, object := "Object{", "}", "Object"
	for _, name := range strings.Split(path, ".") {
		object += "." + name
		wrapper += name + ": " + object + "{"
		closing += "}"
	}
	return wrapper + content[:end] + closing + content[end+1:]
}

// templateMetadata are the fields of metadata that a Pod template has, or that
// Kyverno leaves to the controller.
var templateMetadata = []string{"labels", "annotations", "namespace"}

// unrewritten warns of what the forms for controllers read where they have
// nothing: a template's own metadata beyond labels and annotations, and paths of
// a Pod that Kyverno does not rewrite.
func (p *celPolicy) unrewritten(kind string, sound []bool) {
	const forPods = "autogen: podControllers: controllers: [], if Pods alone are meant"
	scope := p.scope(p.kind)
	if scope == nil {
		return
	}
	patched := false
	for i, s := range p.slots {
		text, ok := s.expression()
		if !ok || !sound[i] || s.fallible || s.in != "" {
			continue
		}
		if kind == "MutatingPolicy" && s.result == celenv.Patches && strings.Contains(text, "/spec/") {
			if patched {
				continue
			}
			patched = true
			p.warn(diag.CELAutogenPath, s.at, "Kyverno's autogen does not rewrite the paths of a JSON patch: on Deployments and other controllers this one changes their own spec, not the template's",
				"write the change as applyConfiguration, or "+forPods)
			continue
		}
		for _, selection := range scope.Selections(text) {
			if message, hint := p.unrewrittenPath(kind, s, selection); message != "" {
				p.warn(diag.CELAutogenPath, s.at, message+celPlace(selection.Problem), hint+"; or "+forPods)
				break
			}
		}
	}
}

// unrewrittenPath says what is wrong with a path under autogen, if anything.
func (p *celPolicy) unrewrittenPath(kind string, s celSlot, selection celenv.Selection) (message, hint string) {
	names := selection.Names
	if len(names) < 2 || names[0] != "object" && names[0] != "oldObject" || selection.Tested || selection.Guarded || selection.Optional > 0 {
		return "", ""
	}
	path := strings.Join(names, ".")
	switch {
	case selection.Indexed == 1 && (names[1] == "spec" || names[1] == "metadata"):
		return fmt.Sprintf("Kyverno's autogen does not rewrite %s[%q]: on Deployments and other controllers it is their own", names[0], names[1]), "write " + names[0] + "." + names[1]
	case kind == "MutatingPolicy" && s.kept && s.declares != "" && names[1] == "spec" && len(names) > 2:
		return fmt.Sprintf("Kyverno's autogen rewrites no variables: on Deployments and other controllers %s is a field of their own spec", path), "write it out where the variable is used"
	case kind != "MutatingPolicy" && names[1] == "metadata" && len(names) > 2 && !slices.Contains(templateMetadata, names[2]):
		return fmt.Sprintf("Kyverno's autogen makes the template's metadata.%s of %s, which Deployments and other controllers do not have", names[2], path), fmt.Sprintf("read it as %s.metadata.?%s", names[0], names[2])
	}
	return "", ""
}
