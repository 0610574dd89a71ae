package kyvernotest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/apis/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/diag"
	"kcue.dev/evaluator"
	"kcue.dev/protocol"
)

// row checks one row: a check for each resource that it is about, and where it
// names no rule, for each rule that says something of the resource.
func (r *runner) row(n int) []protocol.Check {
	row := r.test.Results[n]
	base := protocol.Check{Suite: r.path, Position: r.positions[n], Policy: row.Policy, Rule: row.Rule, Expected: string(row.Result)}
	failed := func(resource string, err error) []protocol.Check {
		names := row.Resources
		if resource != "" || len(names) == 0 {
			names = []string{resource}
		}
		var checks []protocol.Check
		for _, name := range names {
			c := base
			c.Resource, c.Message = name, err.Error()
			checks = append(checks, c)
		}
		return checks
	}
	if !slices.Contains(protocol.Statuses(), base.Expected) {
		return failed("", fmt.Errorf("result %q is none of %s", base.Expected, strings.Join(protocol.Statuses(), ", ")))
	}
	if row.Operation != "" && !slices.Contains([]string{"CREATE", "UPDATE", "DELETE"}, row.Operation) {
		return failed("", fmt.Errorf("operation %q is none of CREATE, UPDATE, DELETE", row.Operation))
	}
	policies, err := r.policiesOf(row)
	if err != nil {
		return failed("", err)
	}
	base.Policy = r.policies[policies[0]].ref.Key()
	if base.Rule, err = r.ruleOf(row, policies); err != nil {
		base.Rule = row.Rule
		return failed("", err)
	}

	var checks []protocol.Check
	subjects, missing := r.subjects(row)
	for _, name := range missing.names {
		checks = append(checks, failed(name, missing.err(name))...)
	}
	for _, of := range subjects {
		results, err := r.results(row, policies, of)
		if err != nil {
			checks = append(checks, failed(resourceOf(of.object).String(), err)...)
			continue
		}
		if len(row.Resources) == 0 && len(row.ResourceSpecs) == 0 && len(results) == 0 {
			// A row about all resources is about those that the rule matches.
			continue
		}
		for _, group := range byRule(results) {
			c := base
			c.Resource = group.resource(of).String()
			if c.Rule == "" && len(group) > 0 {
				c.Rule = group[0].Rule
			}
			r.compare(&c, row, group)
			checks = append(checks, c)
		}
	}
	if len(checks) == 0 {
		c := base
		c.Actual = protocol.Unmatched
		c.Message = "no resource of the suite is matched"
		c.OK = accepts(c.Expected, c.Actual)
		checks = append(checks, c)
	}
	return checks
}

// policiesOf finds the policies that a row names, by index: more than one only
// where the suite has namesakes.
func (r *runner) policiesOf(row v1alpha1.TestResult) ([]int, error) {
	var found []int
	var known []string
	for _, match := range []func(policy) bool{
		func(p policy) bool { return p.ref.Key() == row.Policy && flagged(row, p.ref.Kind) },
		func(p policy) bool { return p.ref.Key() == row.Policy },
		func(p policy) bool { return concerns(row.Policy, p.ref) },
	} {
		for i, p := range r.policies {
			if match(p) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	for _, p := range r.policies {
		known = append(known, p.ref.Key())
	}
	return nil, unknown("policy", row.Policy, known)
}

// flagged tells that a kind of policy is the one that a row's flags ask for,
// if any.
func flagged(row v1alpha1.TestResult, kind string) bool {
	kind = strings.TrimPrefix(kind, "Namespaced")
	for flag, of := range map[string]bool{
		"ValidatingPolicy":      row.IsValidatingPolicy,
		"MutatingPolicy":        row.IsMutatingPolicy,
		"GeneratingPolicy":      row.IsGeneratingPolicy,
		"DeletingPolicy":        row.IsDeletingPolicy,
		"ImageValidatingPolicy": row.IsImageValidatingPolicy,
	} {
		if of && kind != flag {
			return false
		}
	}
	return true
}

// ruleOf finds the rule that a row names, as its author wrote it. A row may
// also name the autogen rule that is made of it. The CEL kinds have no rules:
// a name is of no account.
func (r *runner) ruleOf(row v1alpha1.TestResult, policies []int) (string, error) {
	var known []string
	for _, i := range policies {
		p := r.policies[i]
		if p.ref.APIVersion != "kyverno.io/v1" && p.ref.APIVersion != "kyverno.io/v2beta1" {
			return "", nil
		}
		known = append(known, ruleNames(p.object)...)
	}
	if row.Rule == "" {
		return "", nil
	}
	for _, name := range []string{row.Rule, strings.TrimPrefix(row.Rule, "autogen-cronjob-"), strings.TrimPrefix(row.Rule, "autogen-")} {
		for _, rule := range known {
			if rule == name {
				return rule, nil
			}
		}
	}
	return "", unknown("rule", row.Rule, known)
}

func ruleNames(object *unstructured.Unstructured) []string {
	var names []string
	rules, _, _ := unstructured.NestedSlice(object.Object, "spec", "rules")
	for _, item := range rules {
		rule, _ := item.(map[string]any)
		if name, ok := rule["name"].(string); ok {
			names = append(names, name)
		}
	}
	return names
}

func unknown(what, name string, known []string) error {
	near := diag.Nearest(name, known)
	switch {
	case near != "":
		return fmt.Errorf("there is no %s %q: did you mean %q?", what, name, near)
	case len(known) == 0:
		return fmt.Errorf("there is no %s %q", what, name)
	}
	return fmt.Errorf("there is no %s %q: there is %s", what, name, strings.Join(known, ", "))
}

// subject is what a row is about: a resource of a request, or one that a rule
// with mutate.targets changes.
type subject struct {
	object *unstructured.Unstructured
	target bool
}

// missing are the resources that a row names and the suite does not have.
type missing struct {
	names []string
	known []string
	kind  string
}

func (m missing) err(name string) error {
	what := "resource"
	if m.kind != "" {
		what = m.kind
	}
	return unknown(what, name, m.known)
}

// subjects finds the resources of a row: those that it names by "name" or
// "namespace/name", and of those of the same name the ones of its kind; all
// where it names none.
func (r *runner) subjects(row v1alpha1.TestResult) ([]subject, missing) {
	var all, found []subject
	m := missing{kind: row.Kind}
	for _, o := range r.triggers {
		all = append(all, subject{object: o})
		m.known = append(m.known, o.GetName())
	}
	for _, o := range r.targets {
		all = append(all, subject{object: o, target: true})
		m.known = append(m.known, o.GetName())
	}
	add := func(name string, match func(*unstructured.Unstructured) bool) {
		before := len(found)
		for _, s := range all {
			if match(s.object) {
				found = append(found, s)
			}
		}
		if len(found) == before {
			m.names = append(m.names, name)
		}
	}
	for _, name := range row.Resources {
		add(name, func(o *unstructured.Unstructured) bool {
			namespace, plain, qualified := strings.Cut(name, "/")
			if !qualified {
				plain = namespace
			}
			return o.GetName() == plain && (!qualified || sameNamespace(o.GetNamespace(), namespace)) && ofKind(o, row.Kind)
		})
	}
	for _, spec := range row.ResourceSpecs {
		name := protocol.Resource{APIVersion: strings.TrimPrefix(spec.Group+"/"+spec.Version, "/"), Kind: spec.Kind, Namespace: spec.Namespace, Name: spec.Name}
		add(name.String(), func(o *unstructured.Unstructured) bool {
			gvk := o.GroupVersionKind()
			return gvk.Group == spec.Group && gvk.Version == spec.Version && ofKind(o, spec.Kind) &&
				o.GetName() == spec.Name && sameNamespace(o.GetNamespace(), spec.Namespace)
		})
	}
	if len(row.Resources) == 0 && len(row.ResourceSpecs) == 0 {
		for _, s := range all {
			if ofKind(s.object, row.Kind) {
				found = append(found, s)
			}
		}
	}
	return found, m
}

// ofKind tells that a resource is of the kind that a row names, which may also
// say more than the kind ("apps/v1/Deployment").
func ofKind(o *unstructured.Unstructured, kind string) bool {
	return kind == "" || kind == "*" || o.GetKind() == kind[strings.LastIndex(kind, "/")+1:]
}

// outcome is a result, with the resource as the policy leaves it.
type outcome struct {
	evaluator.Result
	of      evaluator.ResourceRef
	patched *unstructured.Unstructured
}

// results gives what the policies' rule says of a subject.
func (r *runner) results(row v1alpha1.TestResult, policies []int, of subject) ([]outcome, error) {
	var all []outcome
	for _, i := range policies {
		requests := []*unstructured.Unstructured{of.object}
		if of.target {
			requests = r.triggers
		}
		for _, resource := range requests {
			response, err := r.evaluate(i, resource, row.Operation, false)
			if err != nil {
				return nil, err
			}
			patched := response.Patched
			if row.PatchedResources != "" && r.mutatesAfter(i) {
				until, err := r.evaluate(i, resource, row.Operation, true)
				if err != nil {
					return nil, err
				}
				patched = until.Patched
			}
			for _, result := range response.Results {
				if result.Policy != r.policies[i].ref || !says(row.Rule, result) {
					continue
				}
				if of.target {
					at := slices.IndexFunc(result.Targets, func(o *unstructured.Unstructured) bool { return sameResource(o, of.object) })
					if at < 0 {
						continue
					}
					patched = result.Targets[at]
				}
				all = append(all, outcome{Result: result, of: response.Resource, patched: patched})
			}
		}
	}
	if slices.ContainsFunc(all, func(o outcome) bool { return o.Status != evaluator.StatusUnmatched }) {
		all = slices.DeleteFunc(all, func(o outcome) bool { return o.Status == evaluator.StatusUnmatched })
	} else if len(row.Resources) == 0 && len(row.ResourceSpecs) == 0 {
		return nil, nil
	} else if len(all) > 1 {
		all = all[:1]
	}
	return all, nil
}

// says tells that a result is of the rule that a row names, or of an autogen
// rule that is made of it.
func says(rule string, result evaluator.Result) bool {
	return rule == "" || result.Rule == "" || result.Rule == rule || result.Variant == rule ||
		result.Status == evaluator.StatusUnmatched && strings.HasSuffix(rule, "-"+result.Rule)
}

// mutatesAfter tells that a policy after that of an index may change resources.
func (r *runner) mutatesAfter(of int) bool {
	for _, p := range r.policies[of+1:] {
		if strings.HasSuffix(p.ref.Kind, "MutatingPolicy") {
			return true
		}
		rules, _, _ := unstructured.NestedSlice(p.object.Object, "spec", "rules")
		for _, item := range rules {
			rule, _ := item.(map[string]any)
			if rule["mutate"] != nil || rule["verifyImages"] != nil {
				return true
			}
		}
	}
	return false
}

// group are the results of one rule.
type group []outcome

// byRule puts the results of each rule together, in their order. No results at
// all are a group of their own.
func byRule(results []outcome) []group {
	var groups []group
	for _, o := range results {
		at := slices.IndexFunc(groups, func(g group) bool { return g[0].Rule == o.Rule })
		if at < 0 {
			groups = append(groups, group{o})
		} else {
			groups[at] = append(groups[at], o)
		}
	}
	if len(groups) == 0 {
		groups = append(groups, group{})
	}
	return groups
}

// resource names what a group of results is about, as the evaluator does.
func (g group) resource(of subject) protocol.Resource {
	if len(g) == 0 || of.target {
		return resourceOf(of.object)
	}
	ref := g[0].of
	return protocol.Resource{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// accepts tells that a status is what a row expects.
func accepts(expected, actual string) bool {
	return expected == actual || expected == protocol.Skip && actual == protocol.Unmatched
}
