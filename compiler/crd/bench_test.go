package crd

import (
	"fmt"
	"testing"

	"kcue.dev/compiler/spec"
)

// bundle gives n ClusterPolicies of five rules, of some 200 values each.
func bundle(t testing.TB, n int) ([]*spec.Node, int) {
	t.Helper()
	const rule = `
  - name: rule-%d
    match:
      any:
      - resources: {kinds: [Pod, apps/v1/Deployment], operations: [CREATE, UPDATE], namespaces: [a, b]}
    exclude:
      any:
      - resources: {namespaces: [kube-system, kube-public, kyverno]}
    preconditions:
      all:
      - {key: "{{ request.operation }}", operator: AnyIn, value: [CREATE]}
    validate:
      failureAction: Enforce
      message: An image must come from the registry of the organisation.
      foreach:
      - list: request.object.spec.containers
        deny:
          conditions:
            any:
            - {key: "{{ element.image }}", operator: NotEquals, value: "gcr.io/*"}
`
	text := `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: policy
  labels: {app.kubernetes.io/part-of: kcue}
  annotations: {policies.kyverno.io/title: Policy, policies.kyverno.io/severity: high}
spec:
  background: true
  rules:`
	for i := range 5 {
		text += fmt.Sprintf(rule, i)
	}
	objects := make([]*spec.Node, n)
	for i := range objects {
		objects[i] = parse(t, text)
	}
	return objects, n * size(objects[0])
}

func size(n *spec.Node) int {
	total := 1
	for _, f := range n.Fields {
		total += size(f.Value)
	}
	for _, item := range n.Items {
		total += size(item)
	}
	return total
}

func BenchmarkCheck(b *testing.B) {
	objects, nodes := bundle(b, 1000)
	s := schemas(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, obj := range objects {
			if v := s.Check(obj); v != nil {
				b.Fatal(v)
			}
		}
	}
	b.ReportMetric(float64(nodes), "nodes/op")
}

func BenchmarkDefaultLists(b *testing.B) {
	objects, _ := bundle(b, 1000)
	s := schemas(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, obj := range objects {
			s.DefaultLists(obj)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(schemasJSON); err != nil {
			b.Fatal(err)
		}
	}
}
