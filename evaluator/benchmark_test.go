package evaluator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// many makes copies of a policy called p, under names of their own.
func many(n int, policy string) string {
	var out []string
	for i := range n {
		out = append(out, strings.Replace(policy, "name: p", fmt.Sprintf("name: p%d", i), 1))
	}
	return strings.Join(out, "\n---\n")
}

// BenchmarkEvaluate is of one Pod and 20 policies of 2 rules or expressions.
func BenchmarkEvaluate(b *testing.B) {
	log.SetLogger(logr.Discard())
	const rules = `  - name: tag
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, pattern: {spec: {containers: [{image: "*:*"}]}}}
  - name: latest
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, pattern: {spec: {containers: [{image: "!*:latest"}]}}}
`
	const deny = `  - name: tag
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, deny: {conditions: {any: [{key: "{{ request.object.spec.containers[?!contains(image, ':')] | length(@) }}", operator: GreaterThan, value: 0}]}}}
  - name: latest
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, foreach: [{list: request.object.spec.containers, deny: {conditions: {any: [{key: "{{ element.image }}", operator: Equals, value: "*:latest"}]}}}]}
`
	const label = `  - name: label
    match: {any: [{resources: {kinds: [Pod]}}]}
    mutate: {patchStrategicMerge: {metadata: {labels: {+(team): a}}}}
`
	const expressions = `validations: [{expression: "object.spec.containers.all(c, c.image.contains(':'))"}, {expression: "object.spec.containers.all(c, !c.image.endsWith(':latest'))"}]`
	cases := []struct{ name, policies string }{
		{"ClusterPolicy/pattern", many(20, clusterPolicy(rules))},
		{"ClusterPolicy/deny", many(20, clusterPolicy(deny))},
		{"ClusterPolicy/mutate", many(20, clusterPolicy(label))},
		{"ValidatingPolicy", many(20, celPolicy(validates, onPods+", "+expressions))},
		{"ValidatingPolicy/lookup", many(20, celPolicy(validates, onPods+`, validations: [{expression: "resource.Get('v1', 'configmaps', 'kyverno', 'c').data.a == 'b'"}]`))},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			e := evaluator(b, Options{Values: Values{ConfigMaps: map[string]map[string]string{"kyverno/c": {"a": "b"}}}}, c.policies)
			request := Request{Object: object(b, pod(`{containers: [{name: a, image: "gcr.io/a:1", resources: {limits: {cpu: 1, memory: 1Gi}}}, {name: b, image: "gcr.io/b:2", env: [{name: A, value: b}]}]}`))}
			b.ReportAllocs()
			for b.Loop() {
				response := e.Evaluate(context.Background(), request)
				if i := slices.IndexFunc(response.Results, func(r Result) bool { return r.Status != StatusPass && r.Status != StatusSkip }); i >= 0 {
					b.Fatalf("%s: %s", response.Results[i].Status, response.Results[i].Message)
				}
			}
		})
	}
}

// BenchmarkNew is of preparing 20 policies.
func BenchmarkNew(b *testing.B) {
	cases := []struct{ name, policies string }{
		{"ClusterPolicy", many(20, clusterPolicy(matching("Pod", `validate: {message: m, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}`)))},
		{"ValidatingPolicy", many(20, celPolicy(validates, onPods+", "+fromGCR))},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			policies := objects(b, c.policies)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := New(policies, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
