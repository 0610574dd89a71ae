package evaluator

import (
	"context"

	"github.com/go-logr/logr"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	kyvernov2beta1 "github.com/kyverno/kyverno/api/kyverno/v2beta1"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	enginecontext "github.com/kyverno/kyverno/pkg/engine/context"
	"github.com/kyverno/kyverno/pkg/utils/conditions"
	"github.com/kyverno/kyverno/pkg/utils/match"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// cleanup is a CleanupPolicy or ClusterCleanupPolicy.
type cleanup struct {
	source kyvernov2.CleanupPolicyInterface
}

func newCleanup(object *unstructured.Unstructured) (*cleanup, error) {
	c := &cleanup{source: &kyvernov2.ClusterCleanupPolicy{}}
	if object.GetKind() == "CleanupPolicy" {
		c.source = &kyvernov2.CleanupPolicy{}
	}
	return c, decodeStrict(object, c.source)
}

func (c *cleanup) stage() stage { return stageDelete }

func (c *cleanup) needs() need { return need{} }

func (c *cleanup) compile(*library) error { return nil }

// evaluate says whether the policy would delete the resource, by the steps of
// the cleanup controller (pkg/controllers/cleanup/controller.go) and in the
// statuses of a DeletingPolicy. When it would, the schedule says.
func (c *cleanup) evaluate(ctx context.Context, r *run) []Result {
	spec := c.source.GetSpec()
	resource := *r.request.subject().DeepCopy()
	if match.CheckNamespace(c.source.GetNamespace(), resource) != nil {
		return nil
	}
	selects := func(statement kyvernov2beta1.MatchResources) bool {
		return match.CheckMatchesResources(resource, statement, r.labels, kyvernov2.RequestInfo{}, resource.GroupVersionKind(), "") == nil
	}
	if missing := c.needsLabels(r, selects); missing != nil {
		return missing
	}
	if !selects(spec.MatchResources) || spec.ExcludeResources != nil && selects(*spec.ExcludeResources) {
		return nil
	}
	holds, err := c.conditions(ctx, r, resource)
	if err != nil {
		return []Result{{Type: string(engineapi.Deletion), Status: StatusError, Message: err.Error()}}
	}
	return []Result{deletion(holds)}
}

// conditions reports whether the conditions hold of the resource.
func (c *cleanup) conditions(ctx context.Context, r *run, resource unstructured.Unstructured) (bool, error) {
	spec := c.source.GetSpec()
	jsonContext := enginecontext.NewContext(r.jmespath)
	loader := r.lookups.contextLoaders()(nil, kyvernov1.Rule{})
	if err := loader.Load(ctx, r.jmespath, nil, nil, spec.Context, jsonContext); err != nil {
		return false, err
	}
	if spec.Conditions == nil {
		return true, nil
	}
	if err := jsonContext.SetTargetResource(resource.Object); err != nil {
		return false, err
	}
	if err := jsonContext.AddNamespace(resource.GetNamespace()); err != nil {
		return false, err
	}
	if err := jsonContext.AddImageInfos(&resource, r.config); err != nil {
		return false, err
	}
	return conditions.CheckAnyAllConditions(logr.Discard(), jsonContext, *spec.Conditions)
}

// needsLabels gives an error result where labels of the resource's namespace,
// which are not given, decide whether the policy selects it.
func (c *cleanup) needsLabels(r *run, selects func(kyvernov2beta1.MatchResources) bool) []Result {
	if !r.unknown {
		return nil
	}
	spec := c.source.GetSpec()
	rule := kyvernov1.Rule{MatchResources: v1Match(spec.MatchResources)}
	if spec.ExcludeResources != nil {
		exclude := v1Match(*spec.ExcludeResources)
		rule.ExcludeResources = &exclude
	}
	pinned, ok := pinSelectors(rule)
	if !ok {
		return nil
	}
	selected := 0
	for _, p := range pinned {
		if selects(kyvernov2beta1.MatchResources{Any: p.MatchResources.Any, All: p.MatchResources.All}) &&
			(p.ExcludeResources == nil || !selects(kyvernov2beta1.MatchResources{Any: p.ExcludeResources.Any, All: p.ExcludeResources.All})) {
			selected++
		}
	}
	if selected == 0 || selected == len(pinned) {
		return nil
	}
	return []Result{{Type: string(engineapi.Deletion), Status: StatusError, Message: r.labelsMissing()}}
}

// v1Match is a match of v2beta1 in the type of v1, which has more fields.
func v1Match(m kyvernov2beta1.MatchResources) kyvernov1.MatchResources {
	return kyvernov1.MatchResources{Any: m.Any, All: m.All}
}
