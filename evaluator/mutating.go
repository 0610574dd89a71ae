package evaluator

import (
	"context"
	"fmt"
	"maps"
	"slices"

	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	"github.com/kyverno/kyverno/pkg/admissionpolicy"
	celengine "github.com/kyverno/kyverno/pkg/cel/engine"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/autogen"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	mpolengine "github.com/kyverno/kyverno/pkg/cel/policies/mpol/engine"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apiserver/pkg/admission"
)

// mutating is a MutatingPolicy or NamespacedMutatingPolicy.
type mutating struct {
	source policiesv1beta1.MutatingPolicyLike
	pool[mutatingForm]
}

// mutatingForm is the policy with the forms that autogen makes of it, under
// their names. It is the engine's Provider.
type mutatingForm struct {
	policies []mpolengine.Policy
	names    []string
}

func newMutating(object *unstructured.Unstructured, exceptions celExceptions) (*mutating, error) {
	m := &mutating{}
	if object.GetKind() == "NamespacedMutatingPolicy" {
		m.source = &policiesv1beta1.NamespacedMutatingPolicy{}
	} else {
		m.source = &policiesv1beta1.MutatingPolicy{}
	}
	if err := decodeStrict(object, m.source); err != nil {
		return nil, err
	}
	matched, err := exceptions.of(m.source.GetKind(), m.source.GetName())
	if err != nil {
		return nil, err
	}
	m.need = needOf(append(expressions(matched), object.Object["spec"])...)
	m.new = func() (mutatingForm, error) { return compileMutating(m.source, matched) }
	return m, nil
}

// compileMutating does what mpolengine.NewProvider does for one policy, in an
// order that does not change, and keeps the names of the forms.
func compileMutating(source policiesv1beta1.MutatingPolicyLike, exceptions []*policiesv1beta1.PolicyException) (form mutatingForm, err error) {
	compile := func(policy policiesv1beta1.MutatingPolicyLike, name string) func() (mpolengine.Policy, error) {
		return func() (mpolengine.Policy, error) {
			compiled, errs := compiler.NewCompiler().Compile(policy, exceptions)
			if len(errs) > 0 {
				return mpolengine.Policy{}, compileError(name, errs)
			}
			return mpolengine.Policy{Policy: policy, CompiledPolicy: compiled}, nil
		}
	}
	form.names = []string{""}
	form.policies, err = compileForms(compile(source, ""), func() (variants []func() (mpolengine.Policy, error), err error) {
		generated, err := autogen.Autogen(source)
		if err != nil {
			return nil, fmt.Errorf("autogen: %w", err)
		}
		for _, config := range slices.Sorted(maps.Keys(generated)) {
			variant := source.DeepCopyObject().(policiesv1beta1.MutatingPolicyLike)
			*variant.GetSpec() = *generated[config].Spec
			name := variantName(config)
			form.names = append(form.names, name)
			compiled := compile(variant, name)
			variants = append(variants, func() (mpolengine.Policy, error) {
				p, err := compiled()
				p.ExtractionMode = config == autogen.ExtractionReplacementsRef
				return p, err
			})
		}
		return variants, nil
	})
	return form, err
}

// Fetch implements mpolengine.Provider.
func (f mutatingForm) Fetch(_ context.Context, mutateExisting bool) []mpolengine.Policy {
	if !mutateExisting {
		return f.policies
	}
	return slices.DeleteFunc(slices.Clone(f.policies), func(p mpolengine.Policy) bool { return !p.Policy.GetSpec().MutateExistingEnabled() })
}

// MatchesMutateExisting implements mpolengine.Provider, for which only that of
// a whole cluster is of use.
func (mutatingForm) MatchesMutateExisting(context.Context, admission.Attributes, *admissionv1.AdmissionRequest, *corev1.Namespace) []string {
	return nil
}

func (m *mutating) stage() stage { return stageMutate }

func (m *mutating) evaluate(ctx context.Context, r *run) (results []Result) {
	if !r.sees(m.source.GetNamespace()) {
		return nil
	}
	err := m.use(r.lookups, func(form mutatingForm, c *library) error {
		for _, p := range form.policies {
			constraints := p.Policy.GetMatchConstraints()
			if results = r.needsNamespaceLabels(&constraints); results != nil {
				return nil
			}
		}
		request := r.admissionRequest(c)
		if r.request.Object != nil {
			// One that has targets changes nothing else
			// (pkg/webhooks/resource/mpol/handler.go).
			engine := mpolengine.NewEngine(form, r.namespace, celmatching.NewMatcher(), schemas{}, c)
			response, err := engine.Handle(ctx, request, mpolengine.NoTargetMatchConstraintPolicy())
			if err != nil {
				return err
			}
			results = append(results, form.results(response.Policies, mpolengine.NoTargetMatchConstraintPolicy())...)
			if response.PatchedResource != nil {
				r.replace(*response.PatchedResource)
			}
		}
		existing, err := m.mutateExisting(ctx, r, form, c, request)
		results = append(results, existing...)
		return err
	})
	if err != nil {
		return append(results, failed(err))
	}
	return results
}

// results names the forms that the responses are of: those of the policies that
// the predicate let through, in their order.
func (f mutatingForm) results(responses []mpolengine.MutatingPolicyResponse, selected mpolengine.Predicate) (results []Result) {
	i := 0
	for n, p := range f.policies {
		if !selected(p.Policy) {
			continue
		}
		for _, rule := range responses[i].Rules {
			results = append(results, celResult(f.names[n], rule))
		}
		i++
	}
	return results
}

// mutateExisting does what the background controller does when a request has
// triggered a policy that changes existing resources (pkg/background/mpol): it
// finds the targets among the given resources and evaluates the policy on each.
func (m *mutating) mutateExisting(ctx context.Context, r *run, form mutatingForm, c *library, request celengine.EngineRequest) ([]Result, error) {
	base := form.policies[0]
	if !base.Policy.GetSpec().MutateExistingEnabled() {
		return nil, nil
	}
	attr := r.attributes()
	namespace := r.namespace(r.request.requestNamespace())
	constraints := base.Policy.GetMatchConstraints()
	ok, err := celmatching.NewMatcher().Match(&celmatching.MatchCriteria{Constraints: &constraints}, attr, namespace)
	if err != nil || !ok {
		return nil, err
	}
	if !base.CompiledPolicy.MatchesConditions(ctx, attr, &request.Request, namespace, c) {
		return nil, nil
	}
	targets, err := m.targets(ctx, r, base, attr, request)
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		return []Result{{Type: string(engineapi.Mutation), Status: StatusSkip, Message: "none of the given resources is a target of the policy"}}, nil
	}
	// Targets are selected above; the matcher would compare the operations that
	// the policy names with the trigger's.
	engine := mpolengine.NewEngine(mutatingForm{policies: form.policies[:1], names: form.names[:1]}, r.namespace, nil, schemas{}, c)
	all := func(policiesv1beta1.MutatingPolicyLike) bool { return true }
	var results []Result
	for _, target := range targets {
		response, err := engine.Evaluate(ctx, r.targetAttributes(target), request.Request, all)
		if err != nil {
			return results, err
		}
		patched := response.PatchedResource
		for _, p := range response.Policies {
			for _, rule := range p.Rules {
				result := celResult("", rule)
				result.Targets = []*unstructured.Unstructured{target}
				if rule.Status() == engineapi.RuleStatusPass && patched != nil {
					result.Targets = []*unstructured.Unstructured{patched}
				}
				results = append(results, result)
			}
		}
	}
	return results, nil
}

// targetAttributes are a target as Kyverno's matcher and engine take it.
func (r *run) targetAttributes(target *unstructured.Unstructured) admission.Attributes {
	gvk := target.GroupVersionKind()
	return admission.NewAttributesRecord(target, nil, gvk, target.GetNamespace(), target.GetName(), r.kinds.resource(gvk),
		"", admission.Operation(r.request.Operation), nil, false, admissionpolicy.NewUser(r.request.UserInfo))
}

// targets finds the given resources that a policy changes: what the expression
// of its targetMatchConstraints gives, or what those constraints, or else its
// matchConstraints, select.
func (m *mutating) targets(ctx context.Context, r *run, p mpolengine.Policy, attr admission.Attributes, request celengine.EngineRequest) ([]*unstructured.Unstructured, error) {
	constraints := p.Policy.GetTargetMatchConstraints()
	if constraints.Expression != "" {
		found, err := p.CompiledPolicy.EvaluateTargetExpression(ctx, attr, &request.Request, nil)
		if err != nil || found == nil {
			return nil, err
		}
		return resourcesIn(found)
	}
	selected := p.Policy.GetMatchConstraints()
	if len(constraints.ResourceRules) > 0 {
		selected = constraints.MatchResources
	}
	selected = *selected.DeepCopy()
	for i := range selected.ResourceRules {
		selected.ResourceRules[i].Operations = []admissionregistrationv1.OperationType{admissionregistrationv1.OperationAll}
	}
	var targets []*unstructured.Unstructured
	for _, v := range r.lookups.values {
		for i := range v.Resources {
			target := &v.Resources[i]
			if ns := m.source.GetNamespace(); ns != "" && target.GetNamespace() != ns {
				continue
			}
			ok, err := celmatching.NewMatcher().Match(&celmatching.MatchCriteria{Constraints: &selected}, r.targetAttributes(target), r.lookups.namespace(target.GetNamespace()))
			if err != nil {
				return nil, err
			}
			if ok {
				targets = append(targets, target.DeepCopy())
			}
		}
	}
	return targets, nil
}

// resourcesIn takes apart what an expression gives: a resource or a list.
func resourcesIn(found map[string]any) ([]*unstructured.Unstructured, error) {
	items, ok := found["items"].([]any)
	if !ok {
		items = []any{found}
	}
	var targets []*unstructured.Unstructured
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("an item of the target expression is no object: %v", item)
		}
		targets = append(targets, &unstructured.Unstructured{Object: object})
	}
	return targets, nil
}
