package evaluator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celengine "github.com/kyverno/kyverno/pkg/cel/engine"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	"github.com/kyverno/kyverno/pkg/cel/policies/ivpol/autogen"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	imageevaluator "github.com/kyverno/kyverno/pkg/image/verification/evaluator"
	"github.com/kyverno/sdk/extensions/imagedataloader"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"

	"kcue.dev/evaluator/celcontext"
)

// imageValidating is an ImageValidatingPolicy or its namespaced form.
//
// Kyverno compiles such a policy for each request, because what it has verified
// is kept in the compiled policy; so it is done here. In the place of
// pkg/cel/policies/ivpol/engine, which always asks the registry for each image,
// what is below calls the same compiler and the policy that it gives
// (pkg/image/verification/evaluator) with the given images.
type imageValidating struct {
	variants   []imageVariant
	exceptions []*policiesv1beta1.PolicyException
}

type imageVariant struct {
	name       string
	policy     policiesv1beta1.ImageValidatingPolicyLike
	extraction bool
}

func newImageValidating(object *unstructured.Unstructured, exceptions celExceptions) (*imageValidating, error) {
	var source policiesv1beta1.ImageValidatingPolicyLike = &policiesv1beta1.ImageValidatingPolicy{}
	if object.GetKind() == policieskyvernoio.NamespacedImageValidatingPolicyKind {
		source = &policiesv1beta1.NamespacedImageValidatingPolicy{}
	}
	if err := decodeStrict(object, source); err != nil {
		return nil, err
	}
	matched, err := exceptions.of(object.GetKind(), object.GetName())
	if err != nil {
		return nil, err
	}
	v := &imageValidating{exceptions: matched, variants: []imageVariant{{policy: source}}}
	generated, err := autogen.Autogen(source)
	if err != nil {
		return nil, fmt.Errorf("autogen: %w", err)
	}
	for _, config := range slices.Sorted(maps.Keys(generated)) {
		variant := source.DeepCopyObject().(policiesv1beta1.ImageValidatingPolicyLike)
		*variant.GetSpec() = *generated[config].Spec
		v.variants = append(v.variants, imageVariant{variantName(config), variant, config == autogen.ExtractionReplacementsRef})
	}
	return v, nil
}

func (v *imageValidating) stage() stage { return stageValidate }

func (v *imageValidating) needs() need { return need{celcontext.All, true} }

// compile only looks for mistakes, those of the attestors among them.
func (v *imageValidating) compile(*library) error {
	for _, variant := range v.variants {
		policy := variant.policy.DeepCopyObject().(policiesv1beta1.ImageValidatingPolicyLike)
		policy.GetSpec().Credentials = nil
		_, errs := imageevaluator.NewCompiler(givenImages{}, nil, nil, verifications{}).Compile(policy, v.exceptions, nil)
		if len(errs) > 0 {
			return compileError(variant.name, errs)
		}
	}
	return nil
}

// base is the policy as its author wrote it.
func (v *imageValidating) base() policiesv1beta1.ImageValidatingPolicyLike {
	return v.variants[0].policy
}

// compiledImagePolicy is a variant that concerns the request, compiled for it.
type compiledImagePolicy struct {
	imageVariant
	imageevaluator.CompiledPolicy
	request celengine.EngineRequest
	images  imagedataloader.ImageContext
}

// forRequest compiles the variants that concern the request. Their attestors
// are left without keys and certificates, and the policy without credentials:
// with nothing to ask, they are of no use, and Kyverno would try to use them.
func (v *imageValidating) forRequest(r *run) ([]compiledImagePolicy, error) {
	var out []compiledImagePolicy
	for _, variant := range v.variants {
		json := variant.policy.GetSpec().EvaluationMode() == policieskyvernoio.EvaluationModeJSON
		if !json {
			ok, err := celmatching.NewMatcher().Match(&celmatching.MatchCriteria{Constraints: variant.policy.GetSpec().MatchConstraints}, r.attributes(), r.namespace(r.request.requestNamespace()))
			if err != nil {
				return nil, fmt.Errorf("failed to execute matching: %w", err)
			}
			if !ok {
				continue
			}
		}
		if variant.extraction {
			return nil, errors.New("a custom resource that holds Pods is evaluated only on a cluster")
		}
		policy := variant.policy.DeepCopyObject().(policiesv1beta1.ImageValidatingPolicyLike)
		spec := policy.GetSpec()
		spec.Credentials = nil
		for i := range spec.Attestors {
			spec.Attestors[i].Cosign, spec.Attestors[i].Notary = nil, nil
		}
		c := &library{answers: map[string]any{}}
		c.bind(r.lookups)
		request := r.admissionRequest(c)
		var resource *metav1.GroupVersionResource
		if !json {
			resource = request.Request.RequestResource
		}
		p := compiledImagePolicy{imageVariant: variant, request: request, images: givenImages{r.lookups}}
		if err := celcontext.Compile(c, celcontext.All, func() error {
			compiled, errs := imageevaluator.NewCompiler(p.images, nil, resource, verifications{r.lookups}).Compile(policy, v.exceptions, r.signatures)
			if p.CompiledPolicy = compiled; len(errs) > 0 {
				return compileError(variant.name, errs)
			}
			return nil
		}); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// pin adds the digests of images, which Kyverno does before it validates
// anything; as there, only that it could not is a result.
func (v *imageValidating) pin(ctx context.Context, r *run) []Result {
	if !r.sees(v.base().GetNamespace()) || r.request.Object == nil {
		return nil
	}
	if pins := v.base().GetSpec().ValidationConfigurations.MutateDigest; pins != nil && !*pins ||
		v.base().GetSpec().EvaluationMode() == policieskyvernoio.EvaluationModeJSON || v.needsLabels(r) != nil {
		return nil
	}
	policies, err := v.forRequest(r)
	if err != nil {
		// Validation reports it.
		return nil
	}
	var results []Result
	for _, p := range policies {
		patches, err := p.MutateDigest(ctx, pinned{givenImages{r.lookups}}, r.attributes(), &p.request.Request, r.namespace(r.request.requestNamespace()), *r.request.Object, r.config)
		if len(patches) > 0 {
			patched, patchErr := patchJSON(*r.request.Object, patches)
			if patchErr == nil {
				r.replace(patched)
			}
			err = errors.Join(err, patchErr)
		}
		if err != nil {
			results = append(results, v.result(p.name, *engineapi.RuleError("mutateDigest", engineapi.ImageVerify, "failed to update digest", err, nil)))
		}
	}
	return results
}

func (v *imageValidating) needsLabels(r *run) []Result {
	for _, variant := range v.variants {
		if missing := r.needsNamespaceLabels(variant.policy.GetSpec().MatchConstraints); missing != nil {
			return missing
		}
	}
	return nil
}

// evaluate validates the images (pkg/cel/policies/ivpol/engine, HandleValidating).
func (v *imageValidating) evaluate(ctx context.Context, r *run) []Result {
	if !r.sees(v.base().GetNamespace()) {
		return nil
	}
	if missing := v.needsLabels(r); missing != nil {
		return missing
	}
	policies, err := v.forRequest(r)
	if err != nil {
		return []Result{failed(err)}
	}
	var results []Result
	for _, p := range policies {
		var request any = &p.request.Request
		inKubernetes := p.policy.GetSpec().EvaluationMode() != policieskyvernoio.EvaluationModeJSON
		if !inKubernetes {
			request = r.request.subject().DeepCopy().Object
		}
		result, err := p.Evaluate(ctx, p.images, r.attributes(), request, r.namespace(r.request.requestNamespace()), inKubernetes, p.request.Context)
		name := p.policy.GetName()
		switch {
		case err != nil:
			results = append(results, v.result(p.name, *engineapi.RuleError("evaluation", engineapi.ImageVerify, "failed to evaluate policy", err, nil)))
		case result == nil:
		case len(result.Exceptions) > 0:
			var keys []string
			var exceptions []engineapi.GenericException
			for _, e := range result.Exceptions {
				keys = append(keys, e.GetNamespace()+"/"+e.GetName())
				exceptions = append(exceptions, engineapi.NewCELPolicyException(e))
			}
			results = append(results, v.result(p.name, *engineapi.RuleSkip("exception", engineapi.Validation, "rule is skipped due to policy exception: "+strings.Join(keys, ", "), nil).WithExceptions(exceptions)))
		case result.Error != nil:
			results = append(results, v.result(p.name, *engineapi.RuleError(name, engineapi.ImageVerify, "error", result.Error, nil)))
		case !result.Result:
			results = append(results, v.result(p.name, *engineapi.RuleFail(name, engineapi.ImageVerify, result.Message, result.AuditAnnotations)))
		default:
			results = append(results, v.result(p.name, *engineapi.RulePass(name, engineapi.ImageVerify, "success", result.AuditAnnotations)))
			r.required = append(r.required, requiredImages{v, p.name, func() error { return p.EnforceRequired(result.MatchedImages) }})
		}
	}
	return results
}

// requiredImages is what is asked of a policy's images once all policies have
// been evaluated, since any of them may verify an image.
type requiredImages struct {
	policy  *imageValidating
	variant string
	enforce func() error
}

// enforceRequired fails the results of a policy one of whose images no policy
// has verified.
func (t *table) enforceRequired() {
	results := t.byRule[""]
	for _, required := range t.run.required {
		if family(required.policy) != t.policy.family {
			continue
		}
		err := required.enforce()
		if err == nil {
			continue
		}
		for i := range results {
			if results[i].Variant == required.variant && results[i].Status == StatusPass {
				results[i].Status, results[i].Message = t.failure(), err.Error()
			}
		}
	}
}

func (v *imageValidating) result(variant string, response engineapi.RuleResponse) Result {
	result := celResult(variant, response)
	result.FailureAction = failureAction(sets.New(v.base().GetSpec().ValidationActions()...))
	if strings.Contains(result.Message, "cannot be fetch before verifying") {
		// What Kyverno says of an attestation without a payload; with a
		// cluster, it would have fetched one.
		result.Message += ": give it as attestations of the image in context.images"
	}
	return result
}

// givenImages has the data of images (imagedataloader.ImageContext).
type givenImages struct{ *lookups }

// AddImages implements imagedataloader.ImageContext: nothing is fetched ahead.
func (givenImages) AddImages(context.Context, []string, []remote.Option, []name.Option) error {
	return nil
}

// Get implements imagedataloader.ImageContext. It is also where Kyverno's
// libraries go to verify an image that is not known to be verified; with
// attestors that have no keys, they then find that it is not.
func (g givenImages) Get(_ context.Context, ref string, _ []remote.Option, _ []name.Option) (*imagedataloader.ImageData, error) {
	given, err := g.image(ref)
	if err != nil {
		return nil, err
	}
	if g.verifying == ref {
		g.lookups.verifying = ""
		if _, told := g.verified(ref); !told {
			return nil, g.unverified(ref)
		}
	}
	raw, err := json.Marshal(given.descriptor(ref))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	data := &imagedataloader.ImageData{}
	if err := json.Unmarshal(raw, &data.ImageDescriptor); err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	if data.Digest == "" {
		data.Digest = given.digest()
	}
	return data, nil
}

// pinned are images whose digest is wanted.
type pinned struct{ givenImages }

// Get implements imagedataloader.ImageContext.
func (p pinned) Get(ctx context.Context, ref string, remotes []remote.Option, names []name.Option) (*imagedataloader.ImageData, error) {
	if _, err := p.digest(ref); err != nil {
		return nil, err
	}
	return p.givenImages.Get(ctx, ref, remotes, names)
}
