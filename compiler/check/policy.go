package check

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Policy reports what the schema cannot see in a resolved policy: Kyverno would
// refuse it, or take it and not do what it says. It is checked after
// resolution, since a base may leave open what its heirs fill.
func Policy(p *resolve.Policy, files *load.Files) diag.List {
	c := &policyChecker{policy: p, files: files}
	c.name()
	c.rules()
	c.autogen()
	return c.diags
}

type policyChecker struct {
	policy *resolve.Policy
	files  *load.Files
	diags  diag.List
}

func (c *policyChecker) report(code diag.Code, at *spec.Node, path spec.Path, message, hint string) {
	c.diags = append(c.diags, resolve.Diagnostic(code, c.policy.Policy, path, at, c.files, message, hint))
}

var (
	// subdomain is the form of an object's name and label that of a
	// namespace's (RFC 1123, k8s.io/apimachinery/pkg/util/validation).
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	label     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
)

const (
	// maxName is less than Kubernetes' 253: Kyverno puts policies' names into
	// labels (api/kyverno/v1 ValidatePolicyName).
	maxName      = 63
	maxNamespace = 63
	maxRuleName  = 63 // rules[].name in Kyverno's CRD
)

// name checks what becomes metadata.name and metadata.namespace.
func (c *policyChecker) name() {
	name, namespace := c.policy.Name, c.policy.Namespace
	switch {
	case len(name) > maxName:
		c.report(diag.ObjectName, nil, nil, fmt.Sprintf("a policy's name has at most %d characters, this one %d: Kyverno puts it into labels", maxName, len(name)), "shorten it")
	case !subdomain.MatchString(name):
		c.report(diag.ObjectName, nil, nil,
			fmt.Sprintf("%q is no name for a Kubernetes object: expected lower-case letters, digits, '-' and '.', with a letter or digit at both ends", name),
			suggestName(name))
	}
	if namespace != "" && (len(namespace) > maxNamespace || !label.MatchString(namespace)) {
		c.report(diag.ObjectName, nil, nil,
			fmt.Sprintf("%q is no name for a namespace: expected at most %d lower-case letters, digits and '-', with a letter or digit at both ends", namespace, maxNamespace),
			suggestName(strings.ReplaceAll(namespace, ".", "-")))
	}
}

func suggestName(name string) string {
	fixed := regexp.MustCompile(`[^a-z0-9.-]+`).ReplaceAllString(strings.ToLower(name), "-")
	fixed = strings.Trim(fixed, "-.")
	if !subdomain.MatchString(fixed) || len(fixed) > maxNamespace {
		return ""
	}
	return fmt.Sprintf("such as %q", fixed)
}

func (c *policyChecker) rules() {
	rules := c.policy.Resolved.Get("rules").Members()
	if len(rules) == 0 {
		c.report(diag.NoRules, nil, nil, "the policy has no rules: expected at least one under rules, or from a base in extends", "")
	}
	for _, r := range rules {
		c.rule(r.Name, r.Value, spec.Path{"rules", r.Name})
	}
}

// bodies lists what a rule may do; it does exactly one
// (api/kyverno/v1/rule_types.go ValidateRuleType).
var bodies = []string{"validate", "mutate", "generate", "verifyImages"}

func (c *policyChecker) rule(name string, r *spec.Node, path spec.Path) {
	switch {
	case name == "":
		c.report(diag.RuleName, r, path, "a rule's name is empty", "")
	case len(name) > maxRuleName:
		c.report(diag.RuleName, r, path, fmt.Sprintf("a rule's name has at most %d characters, this one %d", maxRuleName, len(name)), "shorten it")
	}
	present := having(r, bodies)
	switch len(present) {
	case 1:
	case 0:
		c.report(diag.NoRuleBody, r, path, "the rule does nothing: expected one of "+strings.Join(bodies, ", "), "")
	default:
		c.report(diag.RuleBodies, r.Get(present[1]), path,
			fmt.Sprintf("a rule has one of %s, this one has %s", strings.Join(bodies, ", "), strings.Join(present, " and ")),
			"make a rule of each")
	}
	c.match(r, path)
	if v := r.Get("validate"); v != nil {
		c.validate(v, path.Child("validate"))
	}
	for i, v := range items(r.Get("verifyImages")) {
		c.attestors(v, path.Child("verifyImages", strconv.Itoa(i)))
	}
	c.background(r, path)
}

func having(n *spec.Node, names []string) []string {
	var out []string
	for _, name := range names {
		if n.Has(name) {
			out = append(out, name)
		}
	}
	return out
}

// match checks the forms of match and exclude, whether the rule's own or the
// policy's.
func (c *policyChecker) match(r *spec.Node, path spec.Path) {
	m, at := r.Get("match"), path.Child("match")
	if m == nil {
		m, at = c.policy.Resolved.Get("match"), spec.Path{"match"}
	}
	if m == nil {
		c.report(diag.NoMatch, r, path, "the rule has no match, and the policy has none for it: expected the resources that it applies to",
			`such as match: kinds: ["Pod"]`)
	} else {
		c.matchForm(m, at, true)
	}
	e, at := r.Get("exclude"), path.Child("exclude")
	if e == nil {
		e, at = c.policy.Resolved.Get("exclude"), spec.Path{"exclude"}
	}
	if e != nil {
		c.matchForm(e, at, false)
	}
}

func (c *policyChecker) matchForm(m *spec.Node, path spec.Path, kindsNeeded bool) {
	var forms []string
	for _, f := range m.Members() {
		form := "a flat filter (" + f.Name + ")"
		if f.Name == "any" || f.Name == "all" {
			form = f.Name
		} else if slices.ContainsFunc(forms, func(s string) bool { return strings.HasPrefix(s, "a flat") }) {
			continue
		}
		forms = append(forms, form)
	}
	if len(forms) > 1 {
		c.report(diag.MatchForms, m, path, "has "+strings.Join(forms, " and ")+": expected a flat filter, or any, or all, and never two of them",
			"move the filters into one list, under any or under all")
		return
	}
	filters := []*spec.Node{m}
	at := func(int) spec.Path { return path }
	for _, form := range []string{"any", "all"} {
		if list := m.Get(form); list != nil {
			filters = list.Items
			at = func(i int) spec.Path { return path.Child(form, fmt.Sprint(i)) }
			if len(filters) == 0 {
				c.report(diag.NoMatch, list, path.Child(form), "the list is empty: expected at least one filter", "")
			}
		}
	}
	for i, f := range filters {
		c.filter(f, at(i), kindsNeeded)
	}
}

// clusterScoped lists the kinds of Kubernetes' own API that live in no
// namespace: a namespaced Policy never sees them, and Kyverno refuses it
// (api/kyverno/v1/resource_description_types.go).
var clusterScoped = []string{
	"APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode",
	"CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node",
	"PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment",
}

func (c *policyChecker) filter(f *spec.Node, path spec.Path, kindsNeeded bool) {
	if len(f.Members()) == 0 {
		c.report(diag.NoMatch, f, path, "the filter is empty: expected what it selects",
			`such as kinds: ["Pod"]`)
		return
	}
	kinds := f.Get("kinds")
	resources := having(f, []string{"kinds", "names", "namespaces", "annotations", "selector", "namespaceSelector", "operations"})
	if kindsNeeded && (kinds == nil || len(kinds.Items) == 0) && len(resources) > 0 {
		message := fmt.Sprintf("the filter has %s but no kinds, which Kyverno asks for", resources[0])
		if kinds != nil {
			message = "the filter's kinds are empty, and Kyverno asks for at least one"
		}
		c.report(diag.NoMatch, f, path, message, `such as kinds: ["Pod"]`)
	}
	if c.policy.Namespace == "" {
		return
	}
	for _, name := range []string{"namespaces", "namespaceSelector"} {
		if n := f.Get(name); n != nil {
			c.report(diag.NamespacedPolicy, n, path.Child(name),
				fmt.Sprintf("a namespaced policy applies in its own namespace %q and takes no %s", c.policy.Namespace, name),
				"leave it out, or make it a cluster policy; of a pattern, leave out params.namespace")
		}
	}
	for _, kind := range f.Get("kinds").Strings() {
		name := kind[strings.LastIndex(kind, "/")+1:]
		if slices.Contains(clusterScoped, name) {
			c.report(diag.NamespacedPolicy, kinds, path.Child("kinds"),
				fmt.Sprintf("%s is in no namespace, and a namespaced policy sees only those of %q", kind, c.policy.Namespace),
				"make it a cluster policy")
		}
	}
}

// validateForms lists the ways to validate; a rule has exactly one
// (pkg/validation/policy/validate/validate.go).
var validateForms = []string{"pattern", "anyPattern", "deny", "foreach", "podSecurity", "cel", "manifests"}

func (c *policyChecker) validate(v *spec.Node, path spec.Path) {
	present := having(v, validateForms)
	switch len(present) {
	case 1:
	case 0:
		c.report(diag.ValidateForms, v, path, "checks nothing: expected one of "+strings.Join(validateForms, ", "), "")
	default:
		c.report(diag.ValidateForms, v.Get(present[1]), path,
			fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(validateForms, ", ")), "make a rule of each")
	}
	if v.Get("message").Str() != "" {
		return
	}
	// Kyverno writes its own message for these, and CEL has one an expression.
	if v.Has("podSecurity") || v.Has("manifests") {
		return
	}
	if cel := v.Get("cel"); cel != nil {
		expressions := cel.Get("expressions")
		if expressions != nil && !slices.ContainsFunc(expressions.Items, func(e *spec.Node) bool {
			return !e.Has("message") && !e.Has("messageExpression")
		}) {
			return
		}
	}
	c.report(diag.NoMessage, v, path, "has no message: expected what a user whose resource fails should read", `such as message: "what is wrong, and how to mend it"`)
}

// userVariables matches a variable of the request's user
// (pkg/validation/policy/background.go ForbiddenUserVariables).
var userVariables = regexp.MustCompile(`\{\{[^}]*\b(serviceAccountName|serviceAccountNamespace|request\.(userInfo|roles|clusterRoles))\b`)

// background reports a rule that needs the user of an admission request in a
// policy that is also for background scans, where there is none
// (pkg/validation/policy/background.go).
func (c *policyChecker) background(r *spec.Node, path spec.Path) {
	if !c.policy.Resolved.Get("background").IsTrue() {
		return
	}
	const refused = "which a background scan does not have: Kyverno refuses the policy"
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range c.filters(r, clause) {
			if who := having(f, []string{"subjects", "roles", "clusterRoles"}); len(who) > 0 {
				c.report(diag.BackgroundUser, f.Get(who[0]), path.Child(clause, who[0]), "uses "+who[0]+", "+refused, "set background: false")
				return
			}
		}
	}
	if r.Get("mutate").Has("targets") {
		return
	}
	if at, variable := findVariable(r, userVariables); at != nil {
		c.report(diag.BackgroundUser, at, path, "uses "+variable+", "+refused, "set background: false")
	}
}

// findVariable gives the first string below n that the expression matches, and
// the variable that it names.
func findVariable(n *spec.Node, re *regexp.Regexp) (at *spec.Node, variable string) {
	if n.Kind == spec.String {
		if m := re.FindStringSubmatch(n.Text); m != nil {
			return n, m[1]
		}
		return nil, ""
	}
	for _, f := range n.Fields {
		if at, variable = findVariable(f.Value, re); at != nil {
			return at, variable
		}
	}
	for _, item := range n.Items {
		if at, variable = findVariable(item, re); at != nil {
			return at, variable
		}
	}
	return nil, ""
}

func items(n *spec.Node) []*spec.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// autogen warns where one rule turns off Kyverno's autogen for the others:
// CanAutoGen (pkg/autogen/v1/autogen.go) decides for the whole policy, so a
// generate rule beside a rule on Pods leaves Deployments unchecked, silently.
func (c *policyChecker) autogen() {
	if c.policy.Resolved.Get("autogen").Str() == "none" {
		return
	}
	rules := c.policy.Resolved.Get("rules").Members()
	var pods []string
	for _, r := range rules {
		if reason := c.stopsAutogen(r.Value); reason == "" && slices.Contains(c.kinds(r.Value), "Pod") {
			pods = append(pods, r.Name)
		}
	}
	if len(pods) == 0 {
		return
	}
	for _, r := range rules {
		reason := c.stopsAutogen(r.Value)
		if reason == "" {
			continue
		}
		c.report(diag.AutogenOff, r.Value, spec.Path{"rules", r.Name},
			fmt.Sprintf("%s, which turns off Kyverno's autogen for the whole policy: %s sees Pods only, not the Deployments, Jobs and CronJobs that make them", reason, quotedList(pods)),
			"give this rule a policy of its own, or set autogen: \"none\" if Pods alone are meant")
		c.diags[len(c.diags)-1].Severity = diag.Warning
	}
}

func quotedList(names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("rule %q", names[0])
	}
	return fmt.Sprintf("rule %q (and %d more)", names[0], len(names)-1)
}

// kinds gives the kinds that a rule matches in filters of one kind each.
func (c *policyChecker) kinds(r *spec.Node) []string {
	var out []string
	for _, f := range c.filters(r, "match") {
		if kinds := f.Get("kinds").Strings(); len(kinds) == 1 {
			out = append(out, kinds...)
		}
	}
	return out
}

func (c *policyChecker) filters(r *spec.Node, clause string) []*spec.Node {
	m := r.Get(clause)
	if m == nil {
		m = c.policy.Resolved.Get(clause)
	}
	if m == nil {
		return nil
	}
	if m.Has("any") || m.Has("all") {
		return append(items(m.Get("any")), items(m.Get("all"))...)
	}
	return []*spec.Node{m}
}

// stopsAutogen says what in a rule turns autogen off, or "".
func (c *policyChecker) stopsAutogen(r *spec.Node) string {
	if r.Has("generate") {
		return "the rule generates"
	}
	mutate := r.Get("mutate")
	if mutate.Has("patchesJson6902") || slices.ContainsFunc(items(mutate.Get("foreach")), func(f *spec.Node) bool { return f.Has("patchesJson6902") }) {
		return "the rule has a JSON patch"
	}
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range c.filters(r, clause) {
			if by := having(f, []string{"names", "selector", "annotations"}); len(by) > 0 {
				return fmt.Sprintf("the rule's %s has %s", clause, by[0])
			}
			if kinds := f.Get("kinds").Strings(); len(kinds) > 1 && slices.Contains(kinds, "Pod") {
				return fmt.Sprintf("the rule's %s lists Pod with other kinds in one filter", clause)
			}
		}
	}
	return ""
}
