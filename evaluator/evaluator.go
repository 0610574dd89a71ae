// Package evaluator says what policies do to a resource, by running Kyverno's
// own engines (github.com/kyverno/kyverno v1.19.1, pkg/engine, pkg/autogen,
// pkg/background/generate and pkg/cel/policies) in process.
//
// New takes policies and exceptions as objects and prepares them once; Evaluate
// takes a request for a resource and gives a result for each policy and rule,
// the resource as the policies leave it and the resources that they generate.
// Whatever the engine would ask a cluster, a registry or a service is answered
// from given Values; what has no value is an error result that names it. There
// is no network.
//
// Kyverno logs through sigs.k8s.io/controller-runtime/pkg/log, which keeps each
// logger that is made before one is set: a program that evaluates much sets one.
package evaluator

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"

	"github.com/kyverno/kyverno/api/kyverno"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	"github.com/kyverno/kyverno/pkg/config"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator/admission"
	"kcue.dev/evaluator/celcontext"
	"kcue.dev/evaluator/openapi"
)

// Options says how policies are prepared and look-ups answered.
type Options struct {
	// Values answers the look-ups of every request; what a request brings of
	// its own comes first.
	Values Values
	// Reviewer, where given, refuses the policies and exceptions that a
	// cluster would refuse. Without it a policy only has to decode strictly.
	Reviewer *admission.Reviewer
	// Cache, where given, has what other evaluators have prepared and keeps
	// what this one does.
	Cache *Cache
	// Parallel is how many requests EvaluateAll evaluates at once; 0 is a
	// request for each core.
	Parallel int
}

// Evaluator holds prepared policies. It is safe for use from many goroutines
// at once.
type Evaluator struct {
	options    Options
	policies   []*policy
	exceptions exceptions
	// celExceptions are those from the policies of policies.kyverno.io.
	celExceptions celExceptions
	problems      []Problem
	cache         *Cache
	kinds         *kinds
	config        config.Configuration
	jmespath      jmespath.Interface
}

// Problem is an object that could not be prepared. A policy with a problem also
// gives an error result for each request, so that it is never taken for one
// that has nothing to say.
type Problem struct {
	// Object is the object's "Kind namespace/name".
	Object string
	// Err says what is wrong with it.
	Err error
}

// New prepares the policies and exceptions among the objects, in their order.
// Objects outside of Kyverno's API groups are passed over. An object that
// cannot be prepared is kept as a Problem, beside which the others work; the
// error is for what prevents all evaluation.
func New(objects []unstructured.Unstructured, options Options) (*Evaluator, error) {
	if err := errors.Join(celcontext.Prepare(), openapi.ForKustomize()); err != nil {
		return nil, err
	}
	cache := options.Cache
	if cache == nil {
		cache = NewCache()
	}
	kinds, err := cache.kinds()
	if err != nil {
		return nil, err
	}
	e := &Evaluator{options: options, cache: cache, kinds: kinds, config: cache.config, jmespath: cache.jmespath}
	if e.options.Parallel <= 0 {
		e.options.Parallel = runtime.GOMAXPROCS(0)
	}
	prepared, errs := make([]*policy, len(objects)), make([]error, len(objects))
	// A policy of policies.kyverno.io is compiled with its exceptions, wherever
	// they stand among the objects.
	for i := range objects {
		errs[i] = e.prepareException(&objects[i])
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range objects {
		g.Go(func() error {
			if errs[i] == nil {
				prepared[i], errs[i] = e.preparePolicy(&objects[i])
			}
			return nil
		})
	}
	_ = g.Wait()
	for i := range objects {
		o := &objects[i]
		gvk := o.GroupVersionKind()
		if errs[i] != nil {
			ref := PolicyRef{APIVersion: o.GetAPIVersion(), Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
			e.problems = append(e.problems, Problem{Object: ref.Kind + " " + ref.Key(), Err: errs[i]})
			if gvk.Kind != "PolicyException" && gvk.Kind != "GlobalContextEntry" {
				e.policies = append(e.policies, &policy{ref: ref, broken: errs[i]})
			}
		} else if prepared[i] != nil {
			e.policies = append(e.policies, prepared[i])
		}
	}
	return e, nil
}

// prepareException keeps an exception, unless the reviewer refuses it.
func (e *Evaluator) prepareException(object *unstructured.Unstructured) error {
	gvk := object.GroupVersionKind()
	if !isKyverno(gvk.Group) || gvk.Kind != "PolicyException" {
		return nil
	}
	if e.options.Reviewer != nil {
		if err := e.options.Reviewer.Accept(object); err != nil {
			return err
		}
	}
	if gvk.Group == "kyverno.io" {
		exception := &kyvernov2.PolicyException{}
		if err := decodeStrict(object, exception); err != nil {
			return err
		}
		e.exceptions = append(e.exceptions, exception)
		return nil
	}
	exception, err := decodeCELException(object)
	if err == nil {
		e.celExceptions = append(e.celExceptions, exception)
	}
	return err
}

// preparePolicy decodes and compiles a policy, unless the reviewer refuses it;
// nil without an error is for any other object.
func (e *Evaluator) preparePolicy(object *unstructured.Unstructured) (*policy, error) {
	gvk := object.GroupVersionKind()
	if !isKyverno(gvk.Group) || gvk.Kind == "PolicyException" {
		return nil, nil
	}
	if e.options.Reviewer != nil {
		if err := e.cache.accept(e.options.Reviewer, object, e.celExceptions); err != nil {
			return nil, err
		}
	}
	if gvk.Group == "kyverno.io" && (gvk.Kind == "ClusterPolicy" || gvk.Kind == "Policy") {
		return newPolicy(object)
	}
	f, err := e.cache.family(object, e.celExceptions)
	if err != nil {
		return nil, err
	}
	return &policy{
		ref:    PolicyRef{APIVersion: object.GetAPIVersion(), Kind: gvk.Kind, Namespace: object.GetNamespace(), Name: object.GetName()},
		family: f.family,
		scored: object.GetAnnotations()[kyverno.AnnotationPolicyScored] != "false",
	}, f.compile()
}

// Problems lists the objects that could not be prepared, in the order in which
// New was given them.
func (e *Evaluator) Problems() []Problem { return slices.Clone(e.problems) }

// Policies lists the policies, also those with a problem, in the order in which
// New was given them.
func (e *Evaluator) Policies() []PolicyRef {
	refs := make([]PolicyRef, len(e.policies))
	for i, p := range e.policies {
		refs[i] = p.ref
	}
	return refs
}

// Rules names the rules that a policy's author wrote, in source order; nil for
// a policy that is not there or has a problem, and for one of a kind without
// named rules, which is any but ClusterPolicy and Policy. Autogen rules are not
// among them: their results carry the name of the rule that they come from.
func (e *Evaluator) Rules(ref PolicyRef) []string {
	for _, p := range e.policies {
		if p.ref == ref && p.broken == nil {
			return slices.Clone(p.rules)
		}
	}
	return nil
}

// EvaluateAll evaluates the requests of a sequence in parallel and yields the
// responses in the sequence's order. Only a bounded number of requests and
// responses is held at a time, so that a long sequence needs no more memory
// than a short one.
func (e *Evaluator) EvaluateAll(ctx context.Context, requests iter.Seq[Request]) iter.Seq[Response] {
	return func(yield func(Response) bool) {
		ctx, cancel := context.WithCancel(ctx)
		// Each request has a channel for its response; their order is the
		// order of the requests, whichever finishes first.
		pending := make(chan chan Response, e.options.Parallel)
		slots := make(chan struct{}, e.options.Parallel)
		go func() {
			defer close(pending)
			for request := range requests {
				done := make(chan Response, 1)
				select {
				case pending <- done:
				case <-ctx.Done():
					return
				}
				slots <- struct{}{}
				go func() {
					defer func() { <-slots }()
					done <- e.Evaluate(ctx, request)
				}()
			}
		}()
		// The sequence must not be read any more once this returns.
		defer func() {
			cancel()
			for range pending {
			}
		}()
		for done := range pending {
			if !yield(<-done) {
				return
			}
		}
	}
}
