package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Policy reports what the schema cannot see in a resolved policy and lowering
// relies on, or what only the authoring model asks; what Kyverno refuses in the
// lowered object is compiler/vet's. It is checked after resolution, since a
// base may leave open what its heirs fill.
func Policy(p *resolve.Policy, files *load.Files) diag.List {
	c := &policyChecker{policy: p, files: files}
	c.name()
	c.rules()
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
	subdomain = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	label     = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
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

func (c *policyChecker) rule(name string, r *spec.Node, path spec.Path) {
	switch {
	case name == "":
		c.report(diag.RuleName, r, path, "a rule's name is empty", "")
	case len(name) > maxRuleName:
		c.report(diag.RuleName, r, path, fmt.Sprintf("a rule's name has at most %d characters, this one %d", maxRuleName, len(name)), "shorten it")
	}
	for _, clause := range []string{"match", "exclude"} {
		at := path.Child(clause)
		m := r.Get(clause)
		if m == nil {
			m, at = c.policy.Resolved.Get(clause), spec.Path{clause}
		}
		c.matchForm(m, at)
	}
	if v := r.Get("validate"); v != nil {
		c.message(v, path.Child("validate"))
	}
}

// matchForm checks that a match or exclude has one of the forms that the
// authoring model knows.
func (c *policyChecker) matchForm(m *spec.Node, path spec.Path) {
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
	}
}

// message asks that a rule says what is wrong, which Kyverno does not.
func (c *policyChecker) message(v *spec.Node, path spec.Path) {
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
