package admission

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	kyvernov2beta1 "github.com/kyverno/kyverno/api/kyverno/v2beta1"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	"github.com/kyverno/kyverno/pkg/cel/policies/dpol"
	"github.com/kyverno/kyverno/pkg/cel/policies/gpol"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol"
	"github.com/kyverno/kyverno/pkg/cel/policies/vpol"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	imageevaluator "github.com/kyverno/kyverno/pkg/image/verification/evaluator"
	admissionutils "github.com/kyverno/kyverno/pkg/utils/admission"
	policyvalidation "github.com/kyverno/kyverno/pkg/validation/policy"

	"kcue.dev/evaluator/celcontext"
)

// clusterScopedKinds lists the kinds that have no namespace, as "Kind" and as
// "group/version/Kind", the two forms that Kyverno's validation asks for
// (pkg/validation/policy/validate.go, getClusteredResources).
func clusterScopedKinds(crds crdSet, scheme *runtime.Scheme) (sets.Set[string], error) {
	groups, err := data.APIGroupResources()
	if err != nil {
		return nil, fmt.Errorf("reading the kinds that Kyverno embeds: %w", err)
	}
	kinds := sets.New[string]()
	for _, group := range groups {
		for version, resources := range group.VersionedResources {
			prefix := version
			if group.Group.Name != "" {
				prefix = group.Group.Name + "/" + version
			}
			for _, r := range resources {
				if !r.Namespaced {
					kinds.Insert(r.Kind, prefix+"/"+r.Kind)
				}
			}
		}
	}
	for gk, c := range crds {
		if c.namespaced() {
			continue
		}
		for _, gv := range scheme.VersionsForGroupKind(gk) {
			kinds.Insert(gk.Kind, gv.String()+"/"+gk.Kind)
		}
	}
	return kinds, nil
}

// validatePolicy does what Kyverno's webhooks do for the object's kind
// (pkg/webhooks/policy, pkg/webhooks/exception, pkg/webhooks/celexception,
// pkg/validation/cleanuppolicy). A kind that has no webhook is accepted. Compiles
// is as for AcceptCompiled.
func (t *tables) validatePolicy(data []byte, object *unstructured.Unstructured, compiles func() bool) ([]string, []error) {
	gvk := object.GroupVersionKind()
	request := admissionv1.AdmissionRequest{
		Kind:      metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
		Name:      object.GetName(),
		Namespace: object.GetNamespace(),
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: data},
	}
	switch gvk.Group {
	case kyvernov1.GroupVersion.Group:
		switch gvk.Kind {
		case "ClusterPolicy", "Policy":
			policy, _, err := admissionutils.GetPolicies(request)
			if err != nil {
				return nil, []error{err}
			}
			return validateKyvernoPolicy(policy.AsKyvernoPolicy(), t.clusterKinds)
		case "PolicyException":
			return nil, validateAs[kyvernov2.PolicyException](data, (*kyvernov2.PolicyException).Validate)
		case "CleanupPolicy":
			return nil, validateAs(data, func(p *kyvernov2.CleanupPolicy) field.ErrorList { return p.Validate(t.clusterKinds) })
		case "ClusterCleanupPolicy":
			return nil, validateAs(data, func(p *kyvernov2.ClusterCleanupPolicy) field.ErrorList { return p.Validate(t.clusterKinds) })
		case "GlobalContextEntry":
			return nil, validateAs(data, (*kyvernov2beta1.GlobalContextEntry).Validate)
		}
	case "policies.kyverno.io":
		if gvk.Kind == "PolicyException" {
			exception, _, err := admissionutils.GetCELPolicyExceptions(request)
			if err != nil {
				return nil, []error{err}
			}
			errs := append(exception.Validate(), celcompiler.CompilePolicyExceptionMatchConditions(exception.Spec.MatchConditions, nil)...)
			return nil, flatten(errs.ToAggregate())
		}
		return validateCEL(request, compiles)
	}
	return nil, nil
}

// validateCEL validates a policy of policies.kyverno.io.
func validateCEL(request admissionv1.AdmissionRequest, compiles func() bool) (warnings []string, errs []error) {
	policy, _, err := admissionutils.GetPolicies(request)
	if err != nil {
		return nil, []error{err}
	}
	if compiles != nil && onlyCompiled(policy) && compiles() {
		return nil, nil
	}
	if err := celcontext.Compile(nil, celcontext.All, func() error {
		warnings, errs = validateCELPolicy(policy)
		return nil // whatever is wrong with the policy
	}); err != nil {
		return nil, []error{err}
	}
	return warnings, errs
}

// onlyCompiled tells that Kyverno's webhook refuses a policy only where it does
// not compile (vpol.Validate, mpol.Validate, gpol.Validate): it has a rule to
// match resources by, is evaluated at all, and has no namespace, in which some
// functions are forbidden. It is false where that is not certain.
func onlyCompiled(policy engineapi.GenericPolicy) bool {
	var constraints *admissionregistrationv1.MatchResources
	if p := policy.AsValidatingPolicyLike(); p != nil {
		constraints = p.GetValidatingPolicySpec().MatchConstraints
	} else if p := policy.AsMutatingPolicyLike(); p != nil && (p.GetSpec().AdmissionEnabled() || p.GetSpec().MutateExistingEnabled()) {
		constraints = p.GetSpec().MatchConstraints
	} else if p := policy.AsGeneratingPolicyLike(); p != nil {
		constraints = p.GetSpec().MatchConstraints
	}
	return constraints != nil && len(constraints.ResourceRules) > 0 && policy.GetNamespace() == ""
}

// validateCELPolicy compiles every expression of a policy of policies.kyverno.io.
// Kyverno repeats each error as a warning, so warnings count only where there
// is no error.
func validateCELPolicy(policy engineapi.GenericPolicy) ([]string, []error) {
	var err error
	var warnings []string
	if p := policy.AsValidatingPolicyLike(); p != nil {
		warnings, err = vpol.Validate(p)
	} else if p := policy.AsImageValidatingPolicyLike(); p != nil {
		warnings, err = imageevaluator.Validate(p, nil)
	} else if p := policy.AsMutatingPolicyLike(); p != nil {
		warnings, err = mpol.Validate(p)
	} else if p := policy.AsGeneratingPolicyLike(); p != nil {
		warnings, err = gpol.Validate(p)
	} else if p := policy.AsDeletingPolicy(); p != nil {
		warnings, err = dpol.Validate(p)
	} else {
		err = errors.New("is no policy that Kyverno knows")
	}
	if err == nil {
		return warnings, nil
	}
	errs := flatten(err)
	// Each compiler adds an error at no path that only says it failed.
	specific := slices.DeleteFunc(slices.Clone(errs), func(err error) bool {
		var e *field.Error
		return errors.As(err, &e) && e.Type == field.ErrorTypeInternal && (e.Field == "" || e.Field == "<nil>")
	})
	if len(specific) > 0 {
		errs = specific
	}
	return nil, errs
}

// validateAs decodes into an API type and calls its Validate.
func validateAs[T any](data []byte, validate func(*T) field.ErrorList) []error {
	typed := new(T)
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, typed); err != nil {
		return []error{err}
	}
	return flatten(validate(typed).ToAggregate())
}

// validateKyvernoPolicy runs both halves of Kyverno's validation: the API
// type's own, which reports all of its findings, and pkg/validation/policy,
// which stops at its first. So that one bad rule hides no other, a policy that
// fails is validated again one rule at a time.
func validateKyvernoPolicy(policy kyvernov1.PolicyInterface, clusterKinds sets.Set[string]) ([]string, []error) {
	warnings, errs := validateWhole(policy, clusterKinds)
	rules := policy.GetSpec().Rules
	if len(errs) == 0 || len(rules) < 2 {
		return warnings, errs
	}
	byRule := make([]error, 0, len(errs))
	for i := range rules {
		single := policy.CreateDeepCopy()
		single.GetSpec().SetRules([]kyvernov1.Rule{rules[i]})
		_, ruleErrs := validateWhole(single, clusterKinds)
		for _, err := range ruleErrs {
			// Alone, every rule is number 0.
			message := strings.ReplaceAll(err.Error(), "rules[0]", fmt.Sprintf("rules[%d]", i))
			byRule = append(byRule, fmt.Errorf("rule %q: %s", rules[i].Name, message))
		}
	}
	if len(byRule) > 0 {
		// What the single rules do not show, such as a name used twice,
		// only the whole policy's own validation tells.
		if _, typed := policy.Validate(clusterKinds); len(typed) > len(byRule) {
			return warnings, append(flatten(typed.ToAggregate()), byRule...)
		}
		return warnings, byRule
	}
	return warnings, errs
}

// validateWhole is Kyverno's validation of a policy without a cluster.
func validateWhole(policy kyvernov1.PolicyInterface, clusterKinds sets.Set[string]) ([]string, []error) {
	spec := policy.GetSpec()
	var errs []error
	if conditions := spec.GetMatchConditions(); len(conditions) > 0 {
		// With conditions there, Validate asks a live cluster for its version
		// before it compiles them; so they are compiled here and left out there.
		if err := policyvalidation.ValidateCustomWebhookMatchConditions(conditions); err != nil {
			errs = append(errs, flatten(err)...)
		}
		policy = policy.CreateDeepCopy()
		policy.GetSpec().WebhookConfiguration.MatchConditions = nil
	}
	// The names of the service accounts only decide that the checks are made:
	// without a client, no permission is asked for.
	warnings, err := policyvalidation.Validate(scopedPolicy{policy, clusterKinds}, nil, nil, true, "background", "reports")
	return warnings, append(errs, flatten(err)...)
}

// scopedPolicy knows which kinds are cluster-scoped. Kyverno's offline
// validation assumes that none is and so refuses to generate, for instance, a
// ClusterRole.
type scopedPolicy struct {
	kyvernov1.PolicyInterface
	clusterKinds sets.Set[string]
}

// Validate ignores the set that the offline validation passes, which is empty.
func (p scopedPolicy) Validate(sets.Set[string]) ([]string, field.ErrorList) {
	return p.PolicyInterface.Validate(p.clusterKinds)
}
