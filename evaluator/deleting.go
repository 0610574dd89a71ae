package evaluator

import (
	"context"

	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	"github.com/kyverno/kyverno/pkg/cel/policies/dpol/compiler"
	dpolengine "github.com/kyverno/kyverno/pkg/cel/policies/dpol/engine"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// deleting is a DeletingPolicy or NamespacedDeletingPolicy.
type deleting struct {
	source policiesv1beta1.DeletingPolicyLike
	pool[*compiler.Policy]
}

func newDeleting(object *unstructured.Unstructured, exceptions celExceptions) (*deleting, error) {
	d := &deleting{}
	if object.GetKind() == policieskyvernoio.NamespacedDeletingPolicyKind {
		d.source = &policiesv1beta1.NamespacedDeletingPolicy{}
	} else {
		d.source = &policiesv1beta1.DeletingPolicy{}
	}
	if err := decodeStrict(object, d.source); err != nil {
		return nil, err
	}
	matched, err := exceptions.of(d.source.GetKind(), d.source.GetName())
	if err != nil {
		return nil, err
	}
	d.need = needOf(append(expressions(matched), object.Object["spec"])...)
	d.new = func() (*compiler.Policy, error) {
		compiled, errs := compiler.NewCompiler().Compile(d.source, matched)
		if len(errs) > 0 {
			return nil, compileError("", errs)
		}
		return compiled, nil
	}
	return d, nil
}

func (d *deleting) stage() stage { return stageDelete }

// evaluate says whether the policy would delete the resource, in the statuses of
// Kyverno's command line (commands/apply, applyDeletingPolicies): pass where it
// would, fail where only its conditions do not hold.
func (d *deleting) evaluate(ctx context.Context, r *run) (results []Result) {
	if !r.sees(d.source.GetNamespace()) {
		return nil
	}
	err := d.use(r.lookups, func(compiled *compiler.Policy, c *library) error {
		if results = r.needsNamespaceLabels(d.source.GetDeletingPolicySpec().MatchConstraints); results != nil {
			return nil
		}
		engine := dpolengine.NewEngine(r.lookups.namespace, mapper{kinds: r.kinds}, c, celmatching.NewMatcher())
		response, err := engine.Handle(ctx, dpolengine.Policy{Policy: d.source, CompiledPolicy: compiled}, *r.request.subject().DeepCopy())
		switch {
		case err != nil:
			results = []Result{{Type: string(engineapi.Deletion), Status: StatusError, Message: err.Error()}}
		case response.PolicyMatched:
			results = []Result{deletion(response.Match)}
		}
		return nil
	})
	if err != nil {
		return []Result{failed(err)}
	}
	return results
}

// deletion is the result of a policy that selects a resource.
func deletion(deletes bool) Result {
	if deletes {
		return Result{Type: string(engineapi.Deletion), Status: StatusPass, Message: "resource matched"}
	}
	return Result{Type: string(engineapi.Deletion), Status: StatusFail, Message: "resource did not match"}
}

// mapper is the part of a RESTMapper that Kyverno's engine for deletion uses.
type mapper struct {
	meta.RESTMapper
	kinds *kinds
}

// RESTMapping implements meta.RESTMapper.
func (m mapper) RESTMapping(gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	version := ""
	if len(versions) > 0 {
		version = versions[0]
	}
	gvk := gk.WithVersion(version)
	scope := meta.RESTScope(meta.RESTScopeNamespace)
	if known, ok := m.kinds.byKind[gvk]; ok && !known.namespaced {
		scope = meta.RESTScopeRoot
	}
	return &meta.RESTMapping{Resource: m.kinds.resource(gvk), GroupVersionKind: gvk, Scope: scope}, nil
}
