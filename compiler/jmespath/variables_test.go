package jmespath

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kyvernoVariable is RegexVariables of Kyverno's
// pkg/engine/variables/regex/vars.go.
var kyvernoVariable = regexp.MustCompile(`(^|[^\\])(\{\{(?:\{[^{}]*\}|[^{}])*\}\})`)

// expectAsKyverno holds the variables that are found in a text to those of
// Kyverno's expression.
func expectAsKyverno(t *testing.T, text string) (found int) {
	t.Helper()
	var got, want [][3]int
	for _, s := range allVariables(text) {
		got = append(got, [3]int{s.before, s.start, s.end})
	}
	for _, m := range kyvernoVariable.FindAllStringSubmatchIndex(text, -1) {
		want = append(want, [3]int{m[2], m[4], m[5]})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: variables differ from Kyverno's expression (-want +got):\n%s", text, diff)
	}
	return len(want)
}

// TestVariablesAreKyvernos puts together texts of what the expression looks at.
func TestVariablesAreKyvernos(t *testing.T) {
	parts := []string{"{{", "}}", "{", "}", "\\", "a", " ", "é", "\n", "{{a}}", "{{{a}}}", "{{ {b} }}", "\xe2\x82", "\x82", "{{{{a}}}}"}
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 100_000 {
		var b strings.Builder
		for range random.IntN(9) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		found += expectAsKyverno(t, b.String())
		if t.Failed() {
			return
		}
	}
	if found < 10_000 {
		t.Errorf("the texts held %d variables: too few to tell", found)
	}
}

func FuzzVariables(f *testing.F) {
	f.Add("{{ request.object.metadata.name }}")
	f.Add(`\{{ a }}{{ {{b}} }}`)
	f.Fuzz(func(t *testing.T, text string) { expectAsKyverno(t, text) })
}
