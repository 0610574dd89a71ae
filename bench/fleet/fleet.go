// Package fleet writes the specs that benchmarks compile: the shape of a large
// organisation's repository, with all patterns in equal parts.
package fleet

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// rules are uses of the patterns; %d is a team's number.
var rules = []string{
	`patterns.#RequireImageRegistry & {params: {registry: "registry-%d.example.com", namespace: "team-%d"}}`,
	`patterns.#RequireResourceLimits & {params: namespace: "team-%d"}`,
	`patterns.#RequireSecurityContext & {params: {runAsNonRoot: true, namespace: "team-%d"}}`,
	`patterns.#BlockPrivilegedContainers & {params: namespace: "team-%d"}`,
	`patterns.#EnforcePodSecurityStandard & {params: namespace: "team-%d"}`,
	`patterns.#AddImagePullPolicy & {params: policy: "Always"}`,
	`patterns.#AddDefaultLabels & {params: labels: {owner: "o%d", "cost-center": "cc"}}`,
	`patterns.#GenerateNetworkPolicy & {params: namespace: "team-%d"}`,
	`patterns.#GenerateRBACResources & {params: namespace: "team-%d"}`,
}

// CUE gives a package of n cluster policies with five rules each.
func CUE(n int) []byte {
	var b bytes.Buffer
	b.WriteString("package fleet\n\nimport \"kcue.dev/patterns\"\n\n")
	for i := range n {
		fmt.Fprintf(&b, "clusterPolicies: \"policy-%05d\": {\n\tdescription: \"Fleet policy %[1]d\"\n\tfailureAction: \"Enforce\"\n\trules: {\n", i)
		for j := range 5 {
			rule := strings.ReplaceAll(rules[(i+j)%len(rules)], "%d", strconv.Itoa(i%50))
			fmt.Fprintf(&b, "\t\t\"rule-%d\": %s\n", j, rule)
		}
		b.WriteString("\t}\n}\n")
	}
	return b.Bytes()
}
