package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// subjectKinds lists what a subject of RBAC can be.
var subjectKinds = []string{"User", "Group", "ServiceAccount"}

// userInfo checks who a filter is about (api/kyverno/v1/user_info_types.go).
// Subjects take wildcards (pkg/utils/match CheckSubjects); roles do not
// (pkg/utils/data SliceContains).
func (c *checker) userInfo(f value) {
	for _, s := range f.get("subjects").items() {
		kind := s.get("kind")
		if !slices.Contains(subjectKinds, kind.Str()) {
			message := "the subject has no kind: expected one of " + strings.Join(subjectKinds, ", ")
			if kind.Str() != "" {
				message = fmt.Sprintf("%q is no kind of a subject: expected one of %s", kind.Text, strings.Join(subjectKinds, ", "))
			}
			c.error(diag.Subject, kind, message, didYouMean(kind.Str(), subjectKinds))
		}
		if s.get("name").Str() == "" {
			c.error(diag.Subject, s.get("name"), "the subject has no name", "")
		}
		if kind.Str() == "ServiceAccount" && s.get("namespace").Str() == "" {
			c.error(diag.Subject, s.get("namespace"), "the ServiceAccount has no namespace, which Kyverno asks for", "")
		}
	}
	for _, r := range f.get("roles").items() {
		if r.Str() != "" && strings.Count(r.Text, ":") != 1 {
			c.error(diag.Subject, r, fmt.Sprintf("%q is no role of a namespace: expected namespace:name", r.Text), "a ClusterRole stands under clusterRoles")
		}
	}
	for _, name := range []string{"roles", "clusterRoles"} {
		for _, r := range f.get(name).items() {
			if isWildcard(r.Str()) {
				c.error(diag.DeadFilter, r, fmt.Sprintf("%q has a wildcard, and Kyverno compares %s by their whole names: nobody has a role of that name", r.Text, name), "write each name, or select by subjects, which take wildcards")
			}
		}
	}
}

// noUserInfo reports who a filter is about where there is no request.
func (c *checker) noUserInfo(f value, why, hint string) {
	for _, name := range f.having("subjects", "roles", "clusterRoles") {
		if who := f.get(name); len(who.items()) > 0 {
			c.error(diag.BackgroundUser, who, "uses "+name+", "+why, hint)
		}
	}
}
