package kinds

import (
	"cmp"
	"fmt"
	"strconv"

	"kcue.dev/compiler/lazyregexp"
)

// versionForm is the form of the versions that Kubernetes orders by age
// (k8s.io/apimachinery/pkg/version/helpers.go).
var versionForm = lazyregexp.New(`^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$`)

func isVersion(s string) bool { return versionForm.MatchString(s) }

// isStable reports whether a version is neither alpha nor beta.
func isStable(s string) bool {
	m := versionForm.FindStringSubmatch(s)
	return m != nil && m[2] == ""
}

// compareVersions orders versions as Kubernetes prefers them: stable before
// beta before alpha, newer before older; what is of another form comes last,
// in lexical order.
func compareVersions(a, b string) int {
	x, y := versionForm.FindStringSubmatch(a), versionForm.FindStringSubmatch(b)
	if x == nil || y == nil {
		if (x == nil) != (y == nil) {
			if x == nil {
				return 1
			}
			return -1
		}
		return cmp.Compare(a, b)
	}
	rank := map[string]int{"": 0, "beta": 1, "alpha": 2}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	}
	return cmp.Or(
		cmp.Compare(rank[x[2]], rank[y[2]]),
		cmp.Compare(number(y[1]), number(x[1])),
		cmp.Compare(number(y[3]), number(x[3])),
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
