package diag

import (
	"slices"
	"strings"
)

// Explanation is what the manual says of a code. Bad and Good are whole
// packages of specs, or command lines where the mistake is in the command; the
// tests compile each Bad and find its code, and each Good and find nothing.
type Explanation struct {
	Code Code
	// Name says in a few words what is wrong.
	Name string
	// Warning is set for codes that do not fail a build.
	Warning bool
	// Why says what is behind it: a rule of CUE, Kubernetes or Kyverno.
	Why string
	Bad string
	// Good is the mended Bad; empty where the mend is not in the specs.
	Good string
}

// IsCommand reports whether the examples are command lines.
func (e Explanation) IsCommand() bool { return len(e.Bad) > 1 && e.Bad[:2] == "$ " }

// policy wraps rules in a package, for short examples.
func policy(rules string) string {
	return `package policies

clusterPolicies: "pod-labels": rules: ` + rules + `
`
}

// labelRule is a sound rule, for examples that are about something else.
const labelRule = `{
	match: kinds: ["Pod"]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`

// Table explains every code, in the order of the codes.
func Table() []Explanation {
	table := slices.Concat(specTable(), policyTable(), variablesTable(), celTable(), kindsTable(), structureTable(), practicesTable(), vetTable(), importTable())
	slices.SortStableFunc(table, func(a, b Explanation) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return table
}

// indent sets a nested example one level in.
func indent(s string) string {
	out := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		out = append(out, s[i])
		if s[i] == '\n' {
			out = append(out, '\t')
		}
	}
	return string(out)
}
