package evaluator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/kyverno/kyverno/api/kyverno"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	"github.com/kyverno/kyverno/pkg/autogen"
	autogenv1 "github.com/kyverno/kyverno/pkg/autogen/v1"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"
)

// policy is a policy, prepared: what follows ref is of a ClusterPolicy or Policy.
//
// Kyverno computes the autogen rules anew for each evaluation, by writing every
// rule to JSON and back. Here they are computed once for each kind of resource
// that comes up, and the engine is given a copy that holds the computed rules
// and is annotated so that it computes none of its own.
type policy struct {
	ref    PolicyRef
	broken error
	// family has the policy where it is of another kind; nothing but ref and
	// scored is set beside it.
	family family

	source kyvernov1.PolicyInterface
	// rules are the names that the author wrote; authored finds them by the
	// name of a computed rule.
	rules    []string
	authored map[string]string
	// scored is false where a failure is only a warning.
	scored bool

	// all is the policy with every autogen rule, as mutate and generate rules
	// see it; byKind is as validate rules see it (pkg/engine/validation.go
	// asks for the rules of the resource's kind).
	// existing has only the rules with mutate.targets; it is nil without any.
	all, plain, existing kyvernov1.PolicyInterface

	byKind map[string]func() kyvernov1.PolicyInterface
	// pinned has, by name, the rules that look at the labels of a namespace,
	// in copies that tell whether those labels matter (see pinSelectors).
	pinned map[string][]kyvernov1.Rule

	// actions has the failure actions of the rules that have the same one in
	// every namespace.
	actions map[string]string

	// written tells that the engine writes to the policy as it validates, so
	// that each evaluation needs a copy of its own.
	written bool

	// wildcards tells that a pattern may have a name of labels or annotations that
	// stands for several (wildcards.go).
	wildcards bool

	// inert has the rules that Kyverno accepts and never evaluates.
	inert map[string]string

	mutates, verifies, validates, generates bool
}

// newPolicy decodes a policy strictly and prepares it.
func newPolicy(object *unstructured.Unstructured) (*policy, error) {
	object = withDefaults(object)
	var source kyvernov1.PolicyInterface
	switch object.GetKind() {
	case "ClusterPolicy":
		typed := &kyvernov1.ClusterPolicy{}
		if err := decodeStrict(object, typed); err != nil {
			return nil, err
		}
		source = typed
	case "Policy":
		typed := &kyvernov1.Policy{}
		if err := decodeStrict(object, typed); err != nil {
			return nil, err
		}
		source = typed
	}
	spec := source.GetSpec()
	// A fake client cannot apply on the server's side; what is generated is
	// the same either way (Kyverno's command line does so too,
	// cmd/cli/kubectl-kyverno/policy/load.go).
	spec.UseServerSideApply = false

	p := &policy{
		ref:       PolicyRef{APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName()},
		source:    source,
		scored:    source.GetAnnotations()[kyverno.AnnotationPolicyScored] != "false",
		authored:  map[string]string{},
		byKind:    map[string]func() kyvernov1.PolicyInterface{},
		pinned:    map[string][]kyvernov1.Rule{},
		inert:     map[string]string{},
		actions:   map[string]string{},
		mutates:   spec.HasMutate(),
		verifies:  spec.HasVerifyImages(),
		generates: spec.HasGenerate(),
	}
	for _, rule := range spec.Rules {
		p.rules = append(p.rules, rule.Name)
		p.authored[rule.Name] = rule.Name
		p.validates = p.validates || rule.HasValidate() || rule.HasVerifyImageChecks()
		if v := rule.Validation; v != nil {
			p.wildcards = p.wildcards || hasWildcardNames(v.GetPattern()) || hasWildcardNames(v.GetAnyPattern())
		}
		if rule.HasValidate() && rule.Validation.DeprecatedAssert != nil {
			// No code of Kyverno 1.19 reads it (api/kyverno/v1/common_types.go).
			p.inert[rule.Name] = "Kyverno 1.19 does not evaluate validate.assert"
		}
	}
	for _, rule := range spec.Rules {
		for _, prefix := range []string{"autogen-", "autogen-cronjob-"} {
			// As pkg/autogen/v1/rule.go names them.
			name := prefix + rule.Name
			if len(name) > 63 {
				name = name[:63]
			}
			if _, taken := p.authored[name]; !taken {
				p.authored[name] = rule.Name
			}
		}
	}
	for i := range spec.Rules {
		p.written = fillMessages(&spec.Rules[i]) || p.written
	}

	computed := autogen.Default.ComputeRules(source, "")
	p.all = withRules(source, computed)
	var existing []kyvernov1.Rule
	for _, rule := range computed {
		if rule.HasMutateExisting() {
			existing = append(existing, rule)
		}
		if pinned, ok := pinSelectors(rule); ok {
			p.pinned[rule.Name] = pinned
		}
		if !overridden(spec, rule) {
			p.actions[rule.Name] = failureActionOf(source, rule, unstructured.Unstructured{}, nil)
		}
	}
	if len(existing) > 0 {
		p.existing = withRules(source, existing)
	}
	p.plain = withRules(source, spec.Rules)
	for controller := range autogenv1.PodControllers {
		p.byKind[controller] = sync.OnceValue(func() kyvernov1.PolicyInterface {
			return withRules(source, autogen.Default.ComputeRules(source, controller))
		})
	}
	return p, nil
}

// withDefaults fills in what the CRD says of each verifyImages entry: the fields
// that the API type, in which absent and false are the same, cannot default
// (api/kyverno/v1/image_verification_types.go).
func withDefaults(object *unstructured.Unstructured) *unstructured.Unstructured {
	rules, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "rules")
	verifies := func(rule any) bool {
		fields, _ := rule.(map[string]any)
		return fields["verifyImages"] != nil
	}
	if list, ok := rules.([]any); !ok || !slices.ContainsFunc(list, verifies) {
		return object
	}
	object = object.DeepCopy()
	rules, _, _ = unstructured.NestedFieldNoCopy(object.Object, "spec", "rules")
	for _, rule := range rules.([]any) {
		fields, _ := rule.(map[string]any)
		entries, _ := fields["verifyImages"].([]any)
		for _, entry := range entries {
			fields, ok := entry.(map[string]any)
			if !ok {
				continue
			}
			for _, name := range []string{"mutateDigest", "verifyDigest", "required", "useCache"} {
				if _, given := fields[name]; !given {
					fields[name] = true
				}
			}
		}
	}
	return object
}

// forKind is the policy as its validate rules apply to a kind of resource.
func (p *policy) forKind(kind string) kyvernov1.PolicyInterface {
	prepared := p.plain
	if of, ok := p.byKind[kind]; ok {
		prepared = of()
	}
	if p.written {
		return prepared.CreateDeepCopy()
	}
	return prepared
}

// rule finds a computed rule by its name.
func (p *policy) rule(name string) (kyvernov1.Rule, bool) {
	for _, rule := range p.all.GetSpec().Rules {
		if rule.Name == name {
			return rule, true
		}
	}
	return kyvernov1.Rule{}, false
}

// withRules copies a policy with rules that are already computed.
func withRules(source kyvernov1.PolicyInterface, rules []kyvernov1.Rule) kyvernov1.PolicyInterface {
	c := source.CreateDeepCopy()
	annotations := c.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[kyverno.AnnotationAutogenControllers] = "none"
	c.SetAnnotations(annotations)
	c.GetSpec().SetRules(slices.Clone(rules))
	return c
}

// fillMessages gives each CEL expression without a message that of its rule, as
// the engine does on every evaluation (pkg/engine/handlers/validation/
// validate_cel.go): done here, the engine only reads the shared policy. It
// reports whether there is still an expression without a message, to which the
// engine writes.
func fillMessages(rule *kyvernov1.Rule) (writes bool) {
	if !rule.HasValidateCEL() {
		return false
	}
	for i := range rule.Validation.CEL.Expressions {
		if rule.Validation.CEL.Expressions[i].Message == "" {
			rule.Validation.CEL.Expressions[i].Message = rule.Validation.Message
			writes = writes || rule.Validation.Message == ""
		}
	}
	return writes
}

// overridden reports whether the failure action of a rule hangs on the
// namespace.
func overridden(spec *kyvernov1.Spec, rule kyvernov1.Rule) bool {
	return len(spec.ValidationFailureActionOverrides) > 0 || rule.Validation != nil && len(rule.Validation.FailureActionOverrides) > 0
}

// failureActionOf asks Kyverno what a rule's failure means for a resource. It
// answers for a whole policy, so it is asked about one with that rule only.
func failureActionOf(policy kyvernov1.PolicyInterface, rule kyvernov1.Rule, resource unstructured.Unstructured, labels map[string]string) string {
	single := &kyvernov1.ClusterPolicy{}
	spec := policy.GetSpec()
	single.Spec.Rules = []kyvernov1.Rule{rule}
	single.Spec.ValidationFailureAction = spec.ValidationFailureAction
	single.Spec.ValidationFailureActionOverrides = spec.ValidationFailureActionOverrides
	response := engineapi.NewEngineResponse(resource, engineapi.NewKyvernoPolicy(single), labels)
	if response.GetValidationFailureAction().Enforce() {
		return string(kyvernov1.Enforce)
	}
	return string(kyvernov1.Audit)
}

// pinSelectors makes copies of a rule in which the namespace selectors of its
// match, and those of its exclude, always or never hold; ok is false for a rule
// that has none.
func pinSelectors(rule kyvernov1.Rule) (pinned []kyvernov1.Rule, ok bool) {
	const label = "kcue.dev/namespace"
	always := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: label, Operator: metav1.LabelSelectorOpDoesNotExist}}}
	never := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: label, Operator: metav1.LabelSelectorOpExists}}}
	found := false
	pin := func(m *kyvernov1.MatchResources, selector *metav1.LabelSelector) {
		descriptions := []*kyvernov1.ResourceDescription{&m.ResourceDescription}
		for i := range m.Any {
			descriptions = append(descriptions, &m.Any[i].ResourceDescription)
		}
		for i := range m.All {
			descriptions = append(descriptions, &m.All[i].ResourceDescription)
		}
		for _, d := range descriptions {
			if d.NamespaceSelector != nil && asksForLabels(d.NamespaceSelector) {
				d.NamespaceSelector = selector
				found = true
			}
		}
	}
	for _, match := range []*metav1.LabelSelector{always, never} {
		for _, exclude := range []*metav1.LabelSelector{always, never} {
			c := kyvernov1.Rule{Name: rule.Name, MatchResources: *rule.MatchResources.DeepCopy(), ExcludeResources: rule.ExcludeResources.DeepCopy()}
			pin(&c.MatchResources, match)
			if c.ExcludeResources != nil {
				pin(c.ExcludeResources, exclude)
			}
			pinned = append(pinned, c)
		}
	}
	return pinned, found
}

// decodeStrict decodes an object into its API type, refusing fields that the
// type does not have.
func decodeStrict(object *unstructured.Unstructured, into any) error {
	data, err := json.Marshal(object.Object)
	if err != nil {
		return fmt.Errorf("cannot be written as JSON: %w", err)
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	return errors.Join(append(strict, err)...)
}

// exceptions answers the engine's question for the exceptions of a rule, in
// the order in which they were given.
type exceptions []*kyvernov2.PolicyException

// Find implements Kyverno's PolicyExceptionSelector as pkg/exceptions does.
func (e exceptions) Find(policyKey, rule string) ([]*kyvernov2.PolicyException, error) {
	var found []*kyvernov2.PolicyException
	for _, exception := range e {
		if exception.Contains(policyKey, rule) {
			found = append(found, exception)
		}
	}
	return found, nil
}
