package compiler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/compiler"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
)

// fleet writes a package of n policies with five pattern rules each: the shape
// of a large organisation's repository, all patterns in equal parts.
func fleet(tb testing.TB, n int) string {
	tb.Helper()
	rules := []string{
		`patterns.#RequireImageRegistry & {params: {registry: "registry-%[1]d.example.com", namespace: "team-%[1]d"}}`,
		`patterns.#RequireResourceLimits & {params: namespace: "team-%[1]d"}`,
		`patterns.#RequireSecurityContext & {params: {runAsNonRoot: true, namespace: "team-%[1]d"}}`,
		`patterns.#BlockPrivilegedContainers & {params: namespace: "team-%[1]d"}`,
		`patterns.#EnforcePodSecurityStandard & {params: namespace: "team-%[1]d"}`,
		`patterns.#AddImagePullPolicy & {params: policy: "Always"}`,
		`patterns.#AddDefaultLabels & {params: labels: {owner: "o%[1]d", "cost-center": "cc"}}`,
		`patterns.#GenerateNetworkPolicy & {params: namespace: "team-%[1]d"}`,
		`patterns.#GenerateRBACResources & {params: namespace: "team-%[1]d"}`,
	}
	var b strings.Builder
	b.WriteString("package fleet\n\nimport \"kcue.dev/patterns\"\n\n")
	for i := range n {
		fmt.Fprintf(&b, "clusterPolicies: \"policy-%05d\": {\n\tdescription: \"Fleet policy %[1]d\"\n\tfailureAction: \"Enforce\"\n\trules: {\n", i)
		for j := range 5 {
			rule := strings.ReplaceAll(rules[(i+j)%len(rules)], "%[1]d", fmt.Sprint(i%50))
			fmt.Fprintf(&b, "\t\t\"rule-%d\": %s\n", j, rule)
		}
		b.WriteString("\t}\n}\n")
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fleet.cue"), []byte(b.String()), 0o666); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// BenchmarkBuild measures a whole build, from files to YAML, and what it costs
// per policy: the cost must not grow with their number.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			dir := fleet(b, n)
			b.ReportAllocs()
			for b.Loop() {
				result, err := compiler.Compile(compiler.Config{Dir: dir})
				if err != nil {
					b.Fatal(err)
				}
				objects := make([]*spec.Node, len(result.Objects))
				for i, o := range result.Objects {
					objects[i] = o.Node
				}
				if _, err := emit.YAML(objects, 2); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/policy")
		})
	}
}
