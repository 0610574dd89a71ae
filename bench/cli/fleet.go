package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

const (
	fleetPolicies = 20
	fleetPods     = 2000
	manyPods      = 20000
)

// timeFleet measures many Pods against many policies.
func (b *bench) timeFleet() error {
	policies := filepath.Join(b.dir, "policies.yaml")
	if err := writeFile(policies, fleetPolicies, writePolicy); err != nil {
		return err
	}
	pods := filepath.Join(b.dir, "pods.yaml")
	if err := writeFile(pods, fleetPods, writePod); err != nil {
		return err
	}
	header("kyverno apply", "kcue eval")
	what := fmt.Sprintf("%d Pods, %d ClusterPolicies of 2 rules", fleetPods, fleetPolicies)
	kcue := []string{"eval", "--policy", policies, "-r", pods}
	if err := b.compare(what, []string{"apply", policies, "--resource", pods}, kcue); err != nil {
		return err
	}
	// Kyverno's command line takes minutes for these.
	if err := writeFile(pods, manyPods, writePod); err != nil {
		return err
	}
	s, err := measure(b.dir, b.kcue, kcue...)
	if err != nil {
		return err
	}
	fmt.Printf("| %d Pods, %d ClusterPolicies of 2 rules | | %s | | | %s | | | %d MB |\n", manyPods, fleetPolicies, round(s.wall), round(s.cpu), s.memory>>20)
	return nil
}

// timeOne measures one policy against one Pod: what a start costs.
func (b *bench) timeOne() error {
	policy, pod := filepath.Join(b.dir, "policy.yaml"), filepath.Join(b.dir, "pod.yaml")
	if err := writeFile(policy, 1, writePolicy); err != nil {
		return err
	}
	if err := writeFile(pod, 1, writePod); err != nil {
		return err
	}
	header("kyverno apply", "kcue eval")
	return b.compare("1 Pod, 1 ClusterPolicy of 2 rules", []string{"apply", policy, "--resource", pod}, []string{"eval", "--policy", policy, "-r", pod})
}

// writeFile writes a stream of n documents.
func writeFile(path string, n int, document func(*bufio.Writer, int)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	for i := range n {
		document(w, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// writePolicy writes a policy of a pattern and of a condition, each its own.
func writePolicy(w *bufio.Writer, i int) {
	fmt.Fprintf(w, `---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: policy-%03d
spec:
  rules:
  - name: registry
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      failureAction: Audit
      message: images come from registry %[1]d
      pattern:
        spec:
          containers:
          - image: "registry-%[1]d.example.com/* | registry-0.example.com/*"
  - name: privileged
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      failureAction: Audit
      message: no container is privileged
      deny:
        conditions:
          any:
          - key: "{{ request.object.spec.containers[?securityContext.privileged] | length(@) }}"
            operator: GreaterThan
            value: %[1]d
`, i)
}

// writePod writes a Pod of two containers; every tenth breaks the rules.
func writePod(w *bufio.Writer, i int) {
	registry := "registry-0.example.com"
	if i%10 == 9 {
		registry = "docker.io"
	}
	fmt.Fprintf(w, `---
apiVersion: v1
kind: Pod
metadata:
  name: pod-%05d
  namespace: team-%d
  labels: {app: app-%d, tier: backend}
spec:
  containers:
  - name: main
    image: %s/app:%d
    resources: {limits: {cpu: 100m, memory: 128Mi}, requests: {cpu: 10m, memory: 64Mi}}
    securityContext: {privileged: %t, runAsNonRoot: true}
  - name: sidecar
    image: %[4]s/sidecar:1
    ports: [{containerPort: 8080, name: http}]
`, i, i%50, i%100, registry, i, i%10 == 9)
}
