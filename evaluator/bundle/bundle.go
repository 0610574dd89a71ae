// Package bundle runs the tests of a bundle of specs: what a policy must do to
// a resource (schema/tests.cue), held against what Kyverno's engine makes of
// the objects that the bundle compiles to.
//
// A protocol.Suite goes in, a protocol.Check comes out for each of its tests.
// A test holds where all that it expects does:
//
//   - expect: the status of the rule, or, where no rule is named, that of the
//     policy: the worst of its rules', in the order error, fail, warn, pass,
//     skip, unmatched (protocol.Statuses). Kyverno's autogen rules count as
//     the rule that they are made of.
//   - patched: the resource as all mutate rules of the policy leave it, in
//     full. Where patched is another resource than the one that the test is
//     about, it is a target that a rule with mutate.targets changes.
//   - generated: all resources that the rule, or the policy, generates, in any
//     order and each in full. Only the labels that Kyverno puts on what it
//     generates may be left out.
//
// Nothing is silently green: a suite without tests, a test of an unknown policy
// or rule, and a policy that does not load are failures.
package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/diag"
	"kcue.dev/evaluator"
	"kcue.dev/evaluator/admission"
	"kcue.dev/protocol"
)

// Options says how suites are run.
type Options struct {
	// Reviewer, where given, refuses the objects that a cluster would refuse.
	Reviewer *admission.Reviewer
	// Cache, where given, has what other suites have prepared, their policies
	// aside.
	Cache *evaluator.Cache
	// Parallel is how many tests run at once; 0 is one for each core.
	Parallel int
}

// Run runs the tests of a suite and gives a check for each, in their order.
// An object that is refused, or a suite without tests, is a failed check of its
// own. The error is for what prevents all of them.
func Run(ctx context.Context, suite protocol.Suite, options Options) ([]protocol.Check, error) {
	if len(suite.Tests) == 0 {
		return []protocol.Check{{Suite: suite.Name, Message: "the suite has no tests"}}, nil
	}
	objects, err := Objects(suite.Objects)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", suite.Name, err)
	}
	cache := options.Cache
	if cache != nil {
		cache = cache.Fork()
	}
	e, err := evaluator.New(objects, evaluator.Options{Reviewer: options.Reviewer, Cache: cache, Parallel: options.Parallel})
	if err != nil {
		return nil, err
	}
	r := newRunner(suite.Name, e)
	checks := r.refused()

	// Tests that cannot be asked have their check already; the others are
	// asked in their order, and so are answered.
	of := len(checks)
	checks = slices.Grow(checks, len(suite.Tests))
	var asked []int
	var requests []evaluator.Request
	for i, test := range suite.Tests {
		request, check := r.request(test)
		checks = append(checks, check)
		if check.Message == "" {
			asked = append(asked, i)
			requests = append(requests, request)
		}
	}
	n := 0
	for response := range e.EvaluateAll(ctx, slices.Values(requests)) {
		i := asked[n]
		n++
		r.judge(suite.Tests[i], response, &checks[of+i])
	}
	return checks, ctx.Err()
}

// runner is the run of one suite.
type runner struct {
	suite     string
	evaluator *evaluator.Evaluator
	policies  map[string][]evaluator.PolicyRef // by Key
	names     []string                         // the keys, in the order of the objects
	problems  map[string]string                // by "Kind key"
}

func newRunner(suite string, e *evaluator.Evaluator) *runner {
	r := &runner{suite: suite, evaluator: e, policies: map[string][]evaluator.PolicyRef{}, problems: map[string]string{}}
	for _, ref := range e.Policies() {
		if _, ok := r.policies[ref.Key()]; !ok {
			r.names = append(r.names, ref.Key())
		}
		r.policies[ref.Key()] = append(r.policies[ref.Key()], ref)
	}
	for _, p := range e.Problems() {
		r.problems[p.Object] = Reason(p)
	}
	return r
}

// refused gives a failed check for each object that could not be prepared: its
// tests, if it has any, say nothing of what it would do.
func (r *runner) refused() []protocol.Check {
	var checks []protocol.Check
	for _, p := range r.evaluator.Problems() {
		_, name, _ := strings.Cut(p.Object, " ")
		checks = append(checks, protocol.Check{
			Suite:   r.suite,
			Policy:  name,
			Actual:  protocol.Error,
			Message: p.Object + " does not load: " + Reason(p),
		})
	}
	return checks
}

// Reason is a problem's error without the object's name, which stands before it.
func Reason(p evaluator.Problem) string { return strings.TrimPrefix(p.Err.Error(), p.Object+" ") }

// request makes the request that a test asks about. The check's Message is set
// where it cannot be asked.
func (r *runner) request(test protocol.Test) (evaluator.Request, protocol.Check) {
	check := protocol.Check{
		Suite:    r.suite,
		Test:     test.Name,
		Position: test.Position,
		Policy:   test.Policy,
		Rule:     test.Rule,
		Expected: test.Expect,
	}
	fail := func(format string, args ...any) (evaluator.Request, protocol.Check) {
		check.Message = fmt.Sprintf(format, args...)
		return evaluator.Request{}, check
	}
	resource, err := Object(test.Resource)
	if err != nil {
		return fail("resource: %v", err)
	}
	check.Resource = reference(resource).String()
	if !slices.Contains(protocol.Statuses(), test.Expect) {
		return fail("expect is %q: it is one of %s", test.Expect, strings.Join(protocol.Statuses(), ", "))
	}
	if message := r.unknown(test); message != "" {
		return fail("%s", message)
	}
	old, err := Object(test.OldResource)
	if err != nil {
		return fail("oldResource: %v", err)
	}
	values, err := Values(test.Context)
	if err != nil {
		return fail("context: %v", err)
	}
	request := evaluator.Request{
		Object:          resource,
		OldObject:       old,
		Operation:       test.Operation,
		NamespaceLabels: test.NamespaceLabels,
		Values:          values,
		Policy:          test.Policy,
	}
	SetUser(&request, test.UserInfo)
	return request, check
}

// unknown says why a test's policy or rule cannot be asked; it is empty where
// they can.
func (r *runner) unknown(test protocol.Test) string {
	refs, ok := r.policies[test.Policy]
	if !ok {
		return fmt.Sprintf("there is no policy %q%s", test.Policy, meant(test.Policy, r.names))
	}
	var rules []string
	for _, ref := range refs {
		if problem, ok := r.problems[ref.Kind+" "+ref.Key()]; ok {
			return fmt.Sprintf("policy %q does not load: %s", test.Policy, problem)
		}
		rules = append(rules, r.evaluator.Rules(ref)...)
	}
	if test.Rule != "" && !slices.Contains(rules, test.Rule) {
		return fmt.Sprintf("policy %q has no rule %q%s", test.Policy, test.Rule, meant(test.Rule, rules))
	}
	return ""
}

// meant suggests what a name may be a slip for.
func meant(name string, known []string) string {
	switch near := diag.Nearest(name, known); {
	case near != "":
		return fmt.Sprintf(": did you mean %q?", near)
	case len(known) == 0:
		return ": there is none"
	case len(known) > 10:
		return ""
	}
	return ": there is " + strings.Join(known, ", ")
}

// judge fills in what became of a test.
func (r *runner) judge(test protocol.Test, response evaluator.Response, check *protocol.Check) {
	if response.Err != nil {
		check.Message = response.Err.Error()
		return
	}
	// The API server puts into a namespace what names none.
	check.Resource = protocol.Resource(response.Resource).String()
	var results []evaluator.Result
	for _, result := range response.Results {
		if test.Rule == "" || result.Rule == test.Rule {
			results = append(results, result)
		}
	}
	check.Actual = Worst(results)
	var reasons []string
	if check.Actual != test.Expect {
		reasons = append(reasons, said(results, check.Actual))
	}
	if len(test.Patched) > 0 {
		if reason := patched(test.Patched, response.Patched, results); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	if test.Generated != nil {
		reasons = append(reasons, generated(test.Generated, results)...)
	}
	check.OK = len(reasons) == 0
	if check.OK {
		check.Message = said(results, check.Actual)
		return
	}
	check.Message = strings.Join(reasons, "\n")
}

// Worst gives the status of several rules as one: the first of
// protocol.Statuses that any of them has, and unmatched without any rule.
func Worst(results []evaluator.Result) string {
	for _, status := range protocol.Statuses() {
		if slices.ContainsFunc(results, func(r evaluator.Result) bool { return string(r.Status) == status }) {
			return status
		}
	}
	return protocol.Unmatched
}

// said repeats what the rules of a status said, a line each.
func said(results []evaluator.Result, status string) string {
	if status == protocol.Unmatched {
		return "no rule concerns the resource"
	}
	var lines []string
	for _, result := range results {
		if string(result.Status) != status {
			continue
		}
		line := string(result.Status)
		if result.Rule != "" {
			line = fmt.Sprintf("rule %q: ", result.Rule) + line
		}
		if result.Message != "" {
			line += ": " + result.Message
		}
		if len(result.Exceptions) > 0 {
			line += " (by exception " + strings.Join(result.Exceptions, ", ") + ")"
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// Objects decodes Kubernetes objects.
func Objects(raw []json.RawMessage) ([]unstructured.Unstructured, error) {
	objects := make([]unstructured.Unstructured, 0, len(raw))
	for i, data := range raw {
		o, err := Object(data)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", i+1, err)
		}
		objects = append(objects, *o)
	}
	return objects, nil
}

// Object decodes a Kubernetes object; no data gives nil.
func Object(data json.RawMessage) (*unstructured.Unstructured, error) {
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	o := &unstructured.Unstructured{}
	// UnmarshalJSON would take a list apart into objects; a test is about one.
	if err := json.Unmarshal(data, &o.Object); err != nil {
		return nil, err
	}
	if err := o.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return o, nil
}

func reference(o *unstructured.Unstructured) protocol.Resource {
	name := o.GetName()
	if name == "" {
		name = o.GetGenerateName()
	}
	return protocol.Resource{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: name}
}

// Values gives the engine's form of the values of a test or of a run.
func Values(v *protocol.Values) (evaluator.Values, error) {
	if v == nil {
		return evaluator.Values{}, nil
	}
	resources, err := Objects(v.Resources)
	if err != nil {
		return evaluator.Values{}, fmt.Errorf("resources: %w", err)
	}
	return evaluator.Values{
		ConfigMaps:       v.ConfigMaps,
		APICalls:         v.APICalls,
		GlobalReferences: v.GlobalReferences,
		Images:           v.Images,
		NamespaceLabels:  v.NamespaceLabels,
		Resources:        resources,
	}, nil
}

// SetUser says who makes a request; nil leaves it open.
func SetUser(request *evaluator.Request, user *protocol.UserInfo) {
	if user == nil {
		return
	}
	request.UserInfo = authenticationv1.UserInfo{Username: user.Username, UID: user.UID, Groups: user.Groups}
	request.Roles, request.ClusterRoles = user.Roles, user.ClusterRoles
}
