package kinds

import (
	"regexp"
	"testing"
)

// TestParseVersion holds what is a version to the expression of Kubernetes
// (k8s.io/apimachinery/pkg/version/helpers.go).
func TestParseVersion(t *testing.T) {
	form := regexp.MustCompile(`^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$`)
	parts := []string{"", "v", "0", "1", "12", "alpha", "beta", "x", "1x", "99999999999999999999"}
	versions := 0
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				for _, d := range parts {
					text := a + b + c + d
					want := form.MatchString(text)
					if want {
						versions++
					}
					if got := isVersion(text); got != want {
						t.Errorf("%q is a version: %t, want %t", text, got, want)
					}
				}
			}
		}
	}
	if versions == 0 {
		t.Error("there was no version among the texts")
	}
	for _, order := range [][2]string{{"v2", "v1"}, {"v1", "v2beta1"}, {"v1beta2", "v1beta1"}, {"v1beta1", "v1alpha9"}, {"v1alpha1", "other"}, {"a", "b"}, {"v10", "v9"}} {
		if compareVersions(order[0], order[1]) >= 0 || compareVersions(order[1], order[0]) <= 0 {
			t.Errorf("%s does not come before %s", order[0], order[1])
		}
	}
}
