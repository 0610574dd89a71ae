package kinds

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is a version of those that Kubernetes orders by age: v, a number, and
// perhaps alpha or beta with another (k8s.io/apimachinery/pkg/version/helpers.go).
// The table has some 600, so it is read without a regular expression.
type version struct {
	number int
	stage  string // "", alpha or beta
	of     int    // the number of the stage
}

// parseVersion reads a version. It is false for what has another form.
func parseVersion(s string) (version, bool) {
	rest, ok := strings.CutPrefix(s, "v")
	if !ok {
		return version{}, false
	}
	var v version
	v.number, rest, ok = leadingNumber(rest)
	if !ok || rest == "" {
		return v, ok
	}
	for _, stage := range []string{"alpha", "beta"} {
		if after, ok := strings.CutPrefix(rest, stage); ok {
			v.stage = stage
			v.of, rest, ok = leadingNumber(after)
			return v, ok && rest == ""
		}
	}
	return v, false
}

// leadingNumber reads the number at the beginning of a text: one without zeros
// before it, and 0 where it is too large.
func leadingNumber(s string) (n int, rest string, ok bool) {
	end := 0
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	if end == 0 || s[0] == '0' {
		return 0, s, false
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		n = 0
	}
	return n, s[end:], true
}

func isVersion(s string) bool {
	_, ok := parseVersion(s)
	return ok
}

// isStable reports whether a version is neither alpha nor beta.
func isStable(s string) bool {
	v, ok := parseVersion(s)
	return ok && v.stage == ""
}

// compareVersions orders versions as Kubernetes prefers them: stable before
// beta before alpha, newer before older; what is of another form comes last,
// in lexical order.
func compareVersions(a, b string) int {
	x, xOK := parseVersion(a)
	y, yOK := parseVersion(b)
	switch {
	case !xOK && !yOK:
		return cmp.Compare(a, b)
	case !xOK:
		return 1
	case !yOK:
		return -1
	}
	rank := func(stage string) int { return slices.Index([]string{"", "beta", "alpha"}, stage) }
	return cmp.Or(
		cmp.Compare(rank(x.stage), rank(y.stage)),
		cmp.Compare(y.number, x.number),
		cmp.Compare(y.of, x.of),
	)
}

// compareReleases orders releases such as 1.9 and 1.22; the empty one, which
// nobody knows, is the oldest.
func compareReleases(a, b string) int {
	parse := func(s string) (major, minor int) {
		fmt.Sscanf(s, "%d.%d", &major, &minor) // what is no number counts as zero
		return major, minor
	}
	aMajor, aMinor := parse(a)
	bMajor, bMinor := parse(b)
	return cmp.Or(cmp.Compare(aMajor, bMajor), cmp.Compare(aMinor, bMinor))
}
