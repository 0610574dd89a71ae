package evaluator

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Kyverno says of a name that stands for several keys hangs on the order of
// a map: here it is the same each time, or an error where it could be another.
func TestEvaluateWildcardNames(t *testing.T) {
	rule := func(pattern string) string {
		return clusterPolicy(matching("Pod", "    validate:\n      failureAction: Enforce\n      message: never\n      "+pattern))
	}
	annotated := func(annotations string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: team, annotations: {" + annotations + "}}\nspec: {containers: []}"
	}
	many := make([]string, maxKeys+1)
	for i := range many {
		many[i] = fmt.Sprintf("k%03d-x: v", i)
	}
	const errors = "error *-x stands for a-x, b-x, of which Kyverno looks at one, whichever it comes upon first: by a-x the rule is %s, by b-x %s. Name the keys, or compare them all in validate.deny"
	for name, tt := range map[string]struct{ policy, resource, old, want string }{
		"one that is not to be": {rule(`pattern: {metadata: {=(annotations): {X(*-x): "?*"}}}`), annotated("c-x: 1s, b-x: 1s, a-x: 1s"), "",
			"fail validation error: never. rule r failed at path /metadata/annotations/a-x/"},
		"all as they are to be":  {rule(`pattern: {metadata: {annotations: {"*-x": "1s"}}}`), annotated("b-x: 1s, a-x: 1s"), "", "pass"},
		"none as it is to be":    {rule(`pattern: {metadata: {annotations: {"*-x": "2s"}}}`), annotated("b-x: 1s, a-x: 1s"), "", "fail validation error: never. rule r failed at path /metadata/annotations/a-x/"},
		"the first is not":       {rule(`pattern: {metadata: {annotations: {"*-x": "1s"}}}`), annotated("b-x: 1s, a-x: 2s"), "", fmt.Sprintf(errors, "fail", "pass")},
		"the second is not":      {rule(`pattern: {metadata: {annotations: {"*-x": "1s"}}}`), annotated("b-x: 2s, a-x: 1s"), "", fmt.Sprintf(errors, "pass", "fail")},
		"one key":                {rule(`pattern: {metadata: {annotations: {"*-x": "1s"}}}`), annotated("b-x: 1s, a-y: 2s"), "", "pass"},
		"no key":                 {rule(`pattern: {metadata: {=(annotations): {=(*-x): "1s"}}}`), annotated("b-y: 1s, a-y: 2s"), "", "pass"},
		"another name beside it": {rule(`pattern: {metadata: {annotations: {"*-x": "1s", "?-y": "?s", "c": "1"}}}`), annotated("b-x: 1s, a-x: 1s, a-y: 2s, b-y: 1s, c: '1'"), "", "pass"},
		"the second of two names": {rule(`pattern: {metadata: {annotations: {"*-a": "1s", "*-x": "1s"}}}`), annotated("b-x: 2s, a-x: 1s, a-a: 1s, b-a: 1s"), "",
			fmt.Sprintf(errors, "pass", "fail")},
		"labels": {rule(`pattern: {metadata: {labels: {"*-x": "1s"}}}`),
			strings.Replace(annotated("b-x: 2s, a-x: 1s"), "annotations", "labels", 1), "", fmt.Sprintf(errors, "pass", "fail")},
		"one of several patterns": {rule(`anyPattern: [{metadata: {annotations: {"*-x": "1s"}}}, {metadata: {annotations: {"*-x": "2s"}}}]`),
			annotated("b-x: 3s, a-x: 2s"), "", fmt.Sprintf(errors, "pass", "fail")},
		"more than are tried": {rule(`pattern: {metadata: {annotations: {"*-x": "v"}}}`), annotated(strings.Join(many, ", ")), "",
			"error *-x stands for 101 keys of the resource, of which Kyverno looks at one: more than 100 are not tried"},
		"as it was, with the same keys": {rule(`pattern: {metadata: {annotations: {"*-x": "1s"}}}`), annotated("b-x: 1s, a-x: 2s"), annotated("b-x: 1s, a-x: 1s"),
			fmt.Sprintf(errors, "fail", "pass")},
	} {
		t.Run(name, func(t *testing.T) {
			request := Request{Object: object(t, tt.resource)}
			if tt.old != "" {
				request.OldObject, request.Operation = object(t, tt.old), "UPDATE"
			}
			e := evaluator(t, Options{}, tt.policy)
			for range 20 {
				var got []string
				for _, r := range e.Evaluate(context.Background(), request).Results {
					line := string(r.Status)
					if r.Status != StatusPass {
						line += " " + r.Message
					}
					got = append(got, line)
				}
				if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
					t.Fatalf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}

// The Pods of a controller have labels of their own.
func TestEvaluateWildcardNamesOfAutogen(t *testing.T) {
	policy := clusterPolicy(matching("Pod", `    validate:
      failureAction: Enforce
      message: never
      pattern: {metadata: {labels: {"*-x": "1s"}}}
`))
	deployment := object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: team}, spec: {template: {metadata: {labels: {a-x: 1s, b-x: 2s}}, spec: {containers: []}}}}`)
	e := evaluator(t, Options{}, policy)
	for range 20 {
		results := e.Evaluate(context.Background(), Request{Object: deployment}).Results
		if len(results) != 1 || results[0].Status != StatusError || results[0].Variant != "autogen-r" {
			t.Fatalf("got %+v", results)
		}
	}
}
