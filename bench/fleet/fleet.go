// Package fleet writes the specs that benchmarks compile: the shape of a large
// organisation's repository, with all patterns in equal parts.
package fleet

import (
	"bytes"
	"fmt"
)

// rules are uses of the patterns, by a policy's number: it is of one of 50
// teams, takes its images from one of 17 registries, and has labels of its own.
var rules = []struct {
	pattern string
	params  func(i int) string
}{
	{"RequireImageRegistry", func(i int) string {
		return fmt.Sprintf(`{"registry": "registry-%d.example.com", "namespace": "team-%d"}`, i%17, i%50)
	}},
	{"RequireResourceLimits", ofTeam},
	{"RequireSecurityContext", func(i int) string { return fmt.Sprintf(`{"runAsNonRoot": true, "namespace": "team-%d"}`, i%50) }},
	{"BlockPrivilegedContainers", ofTeam},
	{"EnforcePodSecurityStandard", ofTeam},
	{"AddImagePullPolicy", func(i int) string {
		return fmt.Sprintf(`{"policy": %q}`, []string{"Always", "IfNotPresent", "Never"}[i%3])
	}},
	{"AddDefaultLabels", func(i int) string {
		return fmt.Sprintf(`{"labels": {"app.kubernetes.io/part-of": "team-%d", "owner": "o%d", "cost-center": "cc%d"}}`, i%50, i, i%9)
	}},
	{"GenerateNetworkPolicy", ofTeam},
	{"GenerateRBACResources", ofTeam},
}

func ofTeam(i int) string { return fmt.Sprintf(`{"namespace": "team-%d"}`, i%50) }

// CUE gives a package of n cluster policies with five rules each.
func CUE(n int) []byte { return Part(n, 0, 1) }

// Part gives every one of n such policies whose number leaves the remainder
// part when divided by parts: a team's package, where there are 50 parts.
func Part(n, part, parts int) []byte {
	var b bytes.Buffer
	b.WriteString("package fleet\n\nimport \"kcue.dev/patterns\"\n\n")
	for i := part; i < n; i += parts {
		action := "Audit"
		if i%2 == 1 {
			action = "Enforce"
		}
		fmt.Fprintf(&b, "clusterPolicies: \"policy-%05d\": {\n\tdescription:   \"Fleet policy %[1]d\"\n\tfailureAction: %q\n\trules: {\n", i, action)
		for j := range 5 {
			rule := rules[(i+j)%len(rules)]
			fmt.Fprintf(&b, "\t\t\"r%d\": patterns.#%s & {params: %s}\n", j, rule.pattern, rule.params(i))
		}
		b.WriteString("\t}\n}\n")
	}
	return b.Bytes()
}
