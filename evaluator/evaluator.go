// Package evaluator says what policies do to a resource, by running Kyverno's
// own engine (github.com/kyverno/kyverno v1.19.1, pkg/engine, pkg/autogen and
// pkg/background/generate) in process.
//
// New takes policies and exceptions as objects and prepares them once; Evaluate
// takes a request for a resource and gives a result for each policy and rule,
// the resource as the policies leave it and the resources that they generate.
// Whatever the engine would ask a cluster, a registry or a service is answered
// from given Values; what has no value is an error result that names it. There
// is no network.
package evaluator

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"

	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	"github.com/kyverno/kyverno/pkg/config"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator/admission"
)

// Options says how policies are prepared and look-ups answered.
type Options struct {
	// Values answers the look-ups of every request; what a request brings of
	// its own comes first.
	Values Values
	// Reviewer, where given, refuses the policies and exceptions that a
	// cluster would refuse. Without it a policy only has to decode strictly.
	Reviewer *admission.Reviewer
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
	problems   []Problem
	kinds      *kinds
	config     config.Configuration
	jmespath   jmespath.Interface
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
	kinds, err := readKinds()
	if err != nil {
		return nil, err
	}
	// Kyverno's resource filters are a cluster's own configuration; here
	// every resource is looked at.
	cfg := config.NewDefaultConfiguration(true)
	e := &Evaluator{options: options, kinds: kinds, config: cfg, jmespath: jmespath.New(cfg)}
	if e.options.Parallel <= 0 {
		e.options.Parallel = runtime.GOMAXPROCS(0)
	}
	for i := range objects {
		e.prepare(&objects[i])
	}
	return e, nil
}

// prepare files one object under what it is.
func (e *Evaluator) prepare(object *unstructured.Unstructured) {
	gvk := object.GroupVersionKind()
	isPolicy := false
	var err error
	if e.options.Reviewer != nil && isKyverno(gvk.Group) {
		err = e.options.Reviewer.Accept(object)
	}
	switch {
	case !isKyverno(gvk.Group):
		return
	case gvk.Group == "kyverno.io" && (gvk.Kind == "ClusterPolicy" || gvk.Kind == "Policy"):
		isPolicy = true
		if err == nil {
			var p *policy
			if p, err = newPolicy(object); err == nil {
				e.policies = append(e.policies, p)
				return
			}
		}
	case gvk.Group == "kyverno.io" && gvk.Kind == "PolicyException":
		if err == nil {
			exception := &kyvernov2.PolicyException{}
			if err = decodeStrict(object, exception); err == nil {
				e.exceptions = append(e.exceptions, exception)
				return
			}
		}
	default:
		isPolicy = gvk.Kind != "PolicyException" && gvk.Kind != "GlobalContextEntry"
		if err == nil {
			err = fmt.Errorf("%s of %s is not evaluated", gvk.Kind, gvk.GroupVersion())
		}
	}
	ref := PolicyRef{APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName()}
	e.problems = append(e.problems, Problem{Object: ref.Kind + " " + ref.Key(), Err: err})
	if isPolicy {
		e.policies = append(e.policies, &policy{ref: ref, broken: err})
	}
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
// a policy that is not there or has a problem. Autogen rules are not among
// them: their results carry the name of the rule that they come from.
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
