package evaluator

import (
	"context"

	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	"github.com/kyverno/kyverno/pkg/cel/policies/gpol/compiler"
	gpolengine "github.com/kyverno/kyverno/pkg/cel/policies/gpol/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// generating is a GeneratingPolicy or NamespacedGeneratingPolicy.
type generating struct {
	source policiesv1beta1.GeneratingPolicyLike
	pool[*compiler.Policy]
}

func newGenerating(object *unstructured.Unstructured, exceptions celExceptions) (*generating, error) {
	g := &generating{}
	if object.GetKind() == policieskyvernoio.NamespacedGeneratingPolicyKind {
		g.source = &policiesv1beta1.NamespacedGeneratingPolicy{}
	} else {
		g.source = &policiesv1beta1.GeneratingPolicy{}
	}
	if err := decodeStrict(object, g.source); err != nil {
		return nil, err
	}
	matched, err := exceptions.of(g.source.GetKind(), g.source.GetName())
	if err != nil {
		return nil, err
	}
	g.need = needOf(append(expressions(matched), object.Object["spec"])...)
	g.new = func() (*compiler.Policy, error) {
		compiled, errs := compiler.NewCompiler().Compile(g.source, matched)
		if len(errs) > 0 {
			return nil, compileError("", errs)
		}
		return compiled, nil
	}
	return g, nil
}

func (g *generating) stage() stage { return stageGenerate }

// evaluate runs the policy as the background controller does. What it generates
// has the labels of its source, without those that the controller adds on a
// cluster.
func (g *generating) evaluate(_ context.Context, r *run) (results []Result) {
	if !r.sees(g.source.GetNamespace()) {
		return nil
	}
	err := g.use(r.lookups, func(compiled *compiler.Policy, c *library) error {
		if results = r.needsNamespaceLabels(g.source.GetSpec().MatchConstraints); results != nil {
			return nil
		}
		engine := gpolengine.NewEngine(r.namespace, celmatching.NewMatcher())
		response, err := engine.Handle(r.admissionRequest(c), gpolengine.Policy{Policy: g.source, CompiledPolicy: compiled}, false)
		if err != nil {
			return err
		}
		for _, p := range response.Policies {
			if p.Result != nil {
				results = append(results, celResult("", *p.Result))
			}
		}
		return nil
	})
	if err != nil {
		return []Result{failed(err)}
	}
	return results
}
