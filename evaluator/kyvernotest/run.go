package kyvernotest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/protocol"
)

// runner evaluates the requests of a suite, each once.
type runner struct {
	*suite
	ctx context.Context
	// evaluators holds the prepared policies by the values that they have
	// for a resource, and by how many of them there are.
	evaluators map[string]*evaluator.Evaluator
	responses  map[string]evaluator.Response
}

// run checks the rows of a suite. What is wrong with the suite as a whole
// comes first, a failed check each.
func (s *suite) run(ctx context.Context) ([]protocol.Check, error) {
	var checks []protocol.Check
	for _, problem := range s.problems {
		checks = append(checks, protocol.Check{Suite: s.path, Message: problem})
	}
	for _, p := range s.policies {
		if p.refused != nil {
			checks = append(checks, protocol.Check{Suite: s.path, Policy: p.ref.Key(), Message: p.refused.Error()})
		}
	}
	r := &runner{suite: s, ctx: ctx, evaluators: map[string]*evaluator.Evaluator{}, responses: map[string]evaluator.Response{}}
	for i := range s.test.Results {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		checks = append(checks, r.row(i)...)
	}
	return checks, nil
}

// evaluate gives the response to a request about a resource, as it holds for
// the policy of an index. Policies see what those before them have changed.
// For upTo, the policies after that one are left out: the resource is then as
// that policy leaves it.
func (r *runner) evaluate(of int, resource *unstructured.Unstructured, operation string, upTo bool) (evaluator.Response, error) {
	if r.policies[of].refused != nil {
		return evaluator.Response{}, r.policies[of].refused
	}
	values, _, err := r.valuesOf(r.policies[of].ref, resource.GetName())
	if err != nil {
		return evaluator.Response{}, err
	}
	request, err := r.request(resource, operation, values)
	if err != nil {
		return evaluator.Response{}, err
	}
	if err := r.checkRuleNamespaces(r.policies[of], resource); err != nil {
		return evaluator.Response{}, err
	}
	request.Subresource, err = r.subresource(resource)
	if err != nil {
		return evaluator.Response{}, err
	}
	count := len(r.policies)
	if upTo {
		count = of + 1
	}
	prepared, key, err := r.evaluator(count, resource.GetName())
	if err != nil {
		return evaluator.Response{}, err
	}
	shape, err := json.Marshal(values)
	if err != nil {
		return evaluator.Response{}, err
	}
	key = strings.Join([]string{key, resourceOf(resource).String(), operation, string(shape)}, "\x00")
	response, done := r.responses[key]
	if !done {
		response = prepared.Evaluate(r.ctx, request)
		r.responses[key] = response
	}
	return response, response.Err
}

// evaluator prepares the first policies with the values that they have for a
// resource, and gives a key of both.
func (r *runner) evaluator(count int, resource string) (*evaluator.Evaluator, string, error) {
	variables := make([][]given, count)
	for i, p := range r.policies[:count] {
		var err error
		if _, variables[i], err = r.valuesOf(p.ref, resource); err != nil {
			return nil, "", err
		}
	}
	shape, err := json.Marshal(variables)
	if err != nil {
		return nil, "", err
	}
	key := fmt.Sprint(count, string(shape))
	if prepared, ok := r.evaluators[key]; ok {
		return prepared, key, nil
	}
	var objects []unstructured.Unstructured
	for i, p := range r.policies[:count] {
		if p.refused != nil {
			continue
		}
		object, err := r.withVariables(p, variables[i])
		if err != nil {
			return nil, "", err
		}
		objects = append(objects, *object)
	}
	prepared, err := evaluator.New(append(objects, r.exceptions...), evaluator.Options{Values: r.lookups, Cache: r.cache})
	if err != nil {
		return nil, "", err
	}
	r.evaluators[key] = prepared
	return prepared, key, nil
}

// checkRuleNamespaces refuses a request.namespace that a suite gives for a
// rule and that the request cannot have.
func (r *runner) checkRuleNamespaces(p policy, resource *unstructured.Unstructured) error {
	for _, values := range r.values.Policies {
		for _, rule := range values.Rules {
			if namespace, ok := rule.Values["request.namespace"].(string); ok && concerns(values.Name, p.ref) {
				if err := checkNamespace(resource, namespace); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// subresource finds what part of a resource its kind stands for, as the suite
// maps subresources to their parents.
func (r *runner) subresource(resource *unstructured.Unstructured) (string, error) {
	gvk := resource.GroupVersionKind()
	for _, mapped := range r.values.Subresources {
		sub, parent := mapped.Subresource, mapped.ParentResource
		if sub.Group != gvk.Group || sub.Version != gvk.Version || sub.Kind != gvk.Kind {
			continue
		}
		_, name, _ := strings.Cut(sub.Name, "/")
		if parent.Group != sub.Group || parent.Version != sub.Version || parent.Kind != sub.Kind {
			return "", fmt.Errorf("values: a request about %s, of which the object is a %s of %s, is not evaluated", sub.Name, gvk.Kind, gvk.GroupVersion())
		}
		return name, nil
	}
	return "", nil
}
