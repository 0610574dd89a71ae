package evaluator

import (
	"context"
	"fmt"
	"maps"
	"slices"

	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celengine "github.com/kyverno/kyverno/pkg/cel/engine"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	"github.com/kyverno/kyverno/pkg/cel/policies/vpol/autogen"
	"github.com/kyverno/kyverno/pkg/cel/policies/vpol/compiler"
	vpolengine "github.com/kyverno/kyverno/pkg/cel/policies/vpol/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
)

// validating is a ValidatingPolicy or NamespacedValidatingPolicy.
type validating struct {
	source policiesv1beta1.ValidatingPolicyLike
	pool[validatingForm]
}

// validatingForm is the policy with the forms that autogen makes of it; names
// has that of each, empty for the policy itself.
type validatingForm struct {
	policies []vpolengine.Policy
	names    []string
}

func newValidating(object *unstructured.Unstructured, exceptions celExceptions) (*validating, error) {
	v := &validating{}
	if object.GetKind() == policieskyvernoio.NamespacedValidatingPolicyKind {
		v.source = &policiesv1beta1.NamespacedValidatingPolicy{}
	} else {
		v.source = &policiesv1beta1.ValidatingPolicy{}
	}
	if err := decodeStrict(object, v.source); err != nil {
		return nil, err
	}
	matched, err := exceptions.of(v.source.GetKind(), v.source.GetName())
	if err != nil {
		return nil, err
	}
	v.need = needOf(append(expressions(matched), object.Object["spec"])...)
	v.new = func() (validatingForm, error) { return compileValidating(v.source, matched) }
	return v, nil
}

// compileValidating does what vpolengine.NewProvider does for one policy, in an
// order that does not change, and keeps the names of the forms.
func compileValidating(source policiesv1beta1.ValidatingPolicyLike, exceptions []*policiesv1beta1.PolicyException) (form validatingForm, err error) {
	actions := sets.New(source.GetValidatingPolicySpec().ValidationActions()...)
	compile := func(policy policiesv1beta1.ValidatingPolicyLike, name string) func() (vpolengine.Policy, error) {
		return func() (vpolengine.Policy, error) {
			compiled, errs := compiler.NewCompiler().Compile(policy, exceptions)
			if len(errs) > 0 {
				return vpolengine.Policy{}, compileError(name, errs)
			}
			return vpolengine.Policy{Actions: actions, Policy: policy, CompiledPolicy: compiled}, nil
		}
	}
	form.names = []string{""}
	form.policies, err = compileForms(compile(source, ""), func() (variants []func() (vpolengine.Policy, error), err error) {
		generated, err := autogen.Autogen(source)
		if err != nil {
			return nil, fmt.Errorf("autogen: %w", err)
		}
		for _, config := range slices.Sorted(maps.Keys(generated)) {
			variant := source.DeepCopyObject().(policiesv1beta1.ValidatingPolicyLike)
			*variant.GetValidatingPolicySpec() = *generated[config].Spec
			name := variantName(config)
			form.names = append(form.names, name)
			compiled := compile(variant, name)
			variants = append(variants, func() (vpolengine.Policy, error) {
				p, err := compiled()
				p.ExtractionMode = config == autogen.ExtractionReplacementsRef
				return p, err
			})
		}
		return variants, nil
	})
	return form, err
}

func (v *validating) stage() stage { return stageValidate }

func (v *validating) evaluate(ctx context.Context, r *run) (results []Result) {
	if !r.sees(v.source.GetNamespace()) {
		return nil
	}
	json := v.source.GetValidatingPolicySpec().EvaluationMode() == policieskyvernoio.EvaluationModeJSON
	err := v.use(r.lookups, func(form validatingForm, c *library) error {
		provider := vpolengine.ProviderFunc(func(context.Context) ([]vpolengine.Policy, error) { return form.policies, nil })
		for _, p := range form.policies {
			if results = r.needsNamespaceLabels(p.CompiledPolicy.MatchConstraints()); results != nil {
				return nil
			}
		}
		var response celengine.EngineResponse
		var err error
		if json {
			// Such a policy sees the resource as it sees any other JSON
			// (cmd/cli/kubectl-kyverno/processor, ApplyPoliciesOnResource).
			response, err = vpolengine.NewEngine(provider, nil, nil).Handle(ctx, celengine.RequestFromJSON(c, r.request.subject()), nil)
		} else {
			response, err = vpolengine.NewEngine(provider, r.namespace, celmatching.NewMatcher()).Handle(ctx, r.admissionRequest(c), nil)
		}
		if err != nil {
			return err
		}
		for i, p := range response.Policies {
			for _, rule := range p.Rules {
				result := celResult(form.names[i], rule)
				result.FailureAction = failureAction(p.Actions)
				results = append(results, result)
			}
		}
		return nil
	})
	if err != nil {
		return []Result{failed(err)}
	}
	return results
}

var _ family = &validating{}
