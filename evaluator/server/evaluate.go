package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/evaluator/bundle"
	"kcue.dev/protocol"
)

// evaluate answers one evaluation and the inputs that follow it.
func (s *server) evaluate(ctx context.Context, evaluation protocol.Evaluation) error {
	reviewer, err := s.reviewer()
	if err != nil {
		return err
	}
	objects, err := bundle.Objects(evaluation.Objects)
	if err != nil {
		return err
	}
	values, err := bundle.Values(&evaluation.Values)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if group := o.GroupVersionKind().Group; !strings.HasSuffix(group, "kyverno.io") {
			values.Resources = append(values.Resources, o)
		}
	}
	e, err := evaluator.New(objects, evaluator.Options{Values: values, Reviewer: reviewer, Cache: s.cache})
	if err != nil {
		return err
	}
	prepared := protocol.Prepared{Policies: len(e.Policies())}
	for _, p := range e.Problems() {
		index := -1
		for i, o := range objects {
			if name(&o) == p.Object {
				index = i
				break
			}
		}
		prepared.Problems = append(prepared.Problems, protocol.Problem{Index: index, Object: p.Object, Message: bundle.Reason(p)})
	}
	if err := s.send(protocol.Reply{Prepared: &prepared}); err != nil {
		return err
	}

	var failed error // why the requests end before the stream does
	var inputs queue
	for response := range e.EvaluateAll(ctx, s.requests(evaluation, &inputs, &failed)) {
		evaluated, err := evaluated(response, inputs.next())
		if err != nil {
			return err
		}
		if err := s.out.Write(protocol.Reply{Evaluated: &evaluated}); err != nil {
			return err
		}
	}
	return failed
}

// name names an object as evaluator.Problem does.
func name(o *unstructured.Unstructured) string {
	ref := evaluator.PolicyRef{Namespace: o.GetNamespace(), Name: o.GetName()}
	return o.GetKind() + " " + ref.Key()
}

// queue holds the inputs that are being evaluated, in their order.
type queue struct {
	mutex sync.Mutex
	items []*unstructured.Unstructured
}

func (q *queue) add(o *unstructured.Unstructured) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.items = append(q.items, o)
}

func (q *queue) next() *unstructured.Unstructured {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	o := q.items[0]
	q.items = q.items[1:]
	return o
}

// requests reads inputs until they end, and files each under inputs.
func (s *server) requests(evaluation protocol.Evaluation, inputs *queue, failed *error) iter.Seq[evaluator.Request] {
	return func(yield func(evaluator.Request) bool) {
		for {
			var request protocol.Request
			err := s.in.Read(&request)
			switch {
			case err == io.EOF:
				return
			case err != nil:
				*failed = readError(err)
				return
			case request.Input == nil:
				*failed = errors.New("an evaluation takes inputs")
				return
			}
			r, err := input(evaluation, *request.Input)
			if err != nil {
				*failed = err
				return
			}
			inputs.add(r.Object)
			if !yield(r) {
				return
			}
		}
	}
}

// input makes the request for a resource.
func input(evaluation protocol.Evaluation, in protocol.Input) (evaluator.Request, error) {
	object, err := bundle.Object(in.Object)
	if err != nil {
		return evaluator.Request{}, err
	}
	old, err := bundle.Object(in.OldObject)
	if err != nil {
		return evaluator.Request{}, err
	}
	r := evaluator.Request{Object: object, OldObject: old, Operation: evaluation.Operation}
	bundle.SetUser(&r, evaluation.UserInfo)
	return r, nil
}

// evaluated gives the protocol's form of the response for an input.
func evaluated(response evaluator.Response, original *unstructured.Unstructured) (protocol.Evaluated, error) {
	ref := protocol.Resource(response.Resource)
	out := protocol.Evaluated{Resource: ref, Results: make([]protocol.Result, 0, len(response.Results))}
	if response.Err != nil {
		out.Failure = response.Err.Error()
		return out, nil
	}
	for _, r := range response.Results {
		result := protocol.Result{
			Policy:        r.Policy.Key(),
			Rule:          r.Rule,
			Resource:      ref,
			Status:        string(r.Status),
			FailureAction: r.FailureAction,
			Message:       r.Message,
			Exceptions:    r.Exceptions,
		}
		var err error
		if result.Targets, err = encode(r.Targets); err != nil {
			return out, err
		}
		if result.Generated, err = encode(r.Generated); err != nil {
			return out, err
		}
		out.Results = append(out.Results, result)
	}
	if response.Changed {
		if original.GetNamespace() != ref.Namespace {
			// The API server puts it there, and not a policy.
			original = original.DeepCopy()
			original.SetNamespace(ref.Namespace)
		}
		both, err := encode([]*unstructured.Unstructured{response.Patched, original})
		if err != nil {
			return out, err
		}
		out.Patched, out.Original = both[0], both[1]
	}
	return out, nil
}

func encode(objects []*unstructured.Unstructured) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for _, o := range objects {
		data, err := json.Marshal(o.Object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
		out = append(out, data)
	}
	return out, nil
}
