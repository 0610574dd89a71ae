package vet

import (
	"fmt"
	"slices"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// constraints checks the resources of a CEL policy. What Kyverno makes of them
// are the rules of an admission webhook: a resource that no group serves is
// taken and never asked about.
func (k *kindChecker) constraints(s value) {
	for _, name := range []string{"matchConstraints", "targetMatchConstraints"} {
		for _, list := range []string{"resourceRules", "excludeResourceRules"} {
			for _, rule := range s.down(name, list).items() {
				k.resourceRule(rule)
			}
		}
	}
}

// resourceRule checks one rule of matchConstraints. A group or a version that
// is wrong for all its resources is said once, where it stands.
func (k *kindChecker) resourceRule(rule value) {
	groups, versions := rule.get("apiGroups"), rule.get("apiVersions")
	if !areStrings(groups) || !areStrings(versions) {
		return // the schema's business
	}
	var found []*kinds.Kind
	known := true
	var said []value
	for _, item := range rule.get("resources").items() {
		if item.Kind != spec.String || item.Text == "" {
			known = false
			continue
		}
		of, m := k.table.CheckResource(groups.Strings(), versions.Strings(), item.Text)
		found = append(found, of...)
		if m == nil {
			continue
		}
		known = false
		at, instead := item, m.Resource()
		switch {
		case m.Part == kinds.PartGroup && m.Meant != nil:
			instead = "apiGroups: " + fmt.Sprintf("[%q]", m.Meant.Group)
		case m.Part == kinds.PartVersion && m.Meant != nil:
			instead = "apiVersions: " + fmt.Sprintf("[%q]", m.Meant.Served()[0])
			if !slices.Contains(groups.Strings(), m.Meant.Group) && !slices.Contains(groups.Strings(), "*") {
				instead = fmt.Sprintf("apiGroups: [%q], ", m.Meant.Group) + instead
			}
		}
		switch {
		case m.Part == kinds.PartGroup && len(groups.Items) == 1 && len(rule.get("resources").Items) > 1:
			at = groups.items()[0]
		case m.Part == kinds.PartVersion && len(versions.Items) == 1 && len(rule.get("resources").Items) > 1:
			at = versions.items()[0]
		}
		if !slices.ContainsFunc(said, func(v value) bool { return v.Node == at.Node }) {
			said = append(said, at)
			k.resourceMistake(at, m, instead)
		}
	}
	if known {
		k.scope(rule, found)
	}
}

func areStrings(list value) bool {
	items := list.items()
	return len(items) > 0 && !slices.ContainsFunc(items, func(v value) bool { return v.Kind != spec.String })
}

// resourceMistake reports a mistake whose mend is not always one string.
func (k *kindChecker) resourceMistake(at value, m *kinds.Mistake, instead string) {
	if m.Part == kinds.PartGroup || m.Part == kinds.PartVersion {
		copied := *m
		before := len(k.findings)
		k.mistake(at, &copied, "")
		if hint := &k.findings[before].Hint; instead != "" && (m.Certain || m.Reason == kinds.Removed) {
			*hint = "such as " + instead
		}
		return
	}
	k.mistake(at, m, instead)
}

// scope checks a rule whose resources are all known against its scope, and
// against that of the policy: a namespaced one is asked about what is in its
// namespace only (pkg/cel/policies/vpol/engine/predicate.go).
func (k *kindChecker) scope(rule value, found []*kinds.Kind) {
	if slices.ContainsFunc(rule.get("resources").Strings(), func(r string) bool { return isWildcard(r) }) || len(found) == 0 {
		return
	}
	found = meant(found)
	anyNamespaced := slices.ContainsFunc(found, func(f *kinds.Kind) bool { return f.Namespaced })
	anyCluster := slices.ContainsFunc(found, func(f *kinds.Kind) bool { return !f.Namespaced })
	scope := rule.get("scope")
	switch {
	case scope.Str() == "Cluster" && !anyCluster:
		k.error(diag.KindNotAllowed, scope, fmt.Sprintf("the scope Cluster leaves out %s, which are in namespaces", orList(rule.get("resources").Strings(), "and")), `leave it out, or set "Namespaced"`)
	case scope.Str() == "Namespaced" && !anyNamespaced:
		k.error(diag.KindNotAllowed, scope, fmt.Sprintf("the scope Namespaced leaves out %s, which are in no namespace", orList(rule.get("resources").Strings(), "and")), `leave it out, or set "Cluster"`)
	case k.namespaced() && !anyNamespaced && !slices.ContainsFunc(found, func(f *kinds.Kind) bool { return f.Name == "Namespace" && f.Group == "" }):
		// A request about a Namespace counts as one in it.
		k.error(diag.NamespacedPolicy, rule.get("resources").items()[0],
			fmt.Sprintf("%s is in no namespace, and a namespaced policy sees only those of its own", rule.get("resources").Strings()[0]), "make it a cluster policy")
	}
}

// globalContext checks the resources that a GlobalContextEntry keeps at hand.
func (k *kindChecker) globalContext(r value) {
	version, resource := r.get("version"), r.get("resource")
	if version.Str() == "" || resource.Str() == "" {
		return
	}
	group := r.get("group").Str()
	_, m := k.table.CheckResource([]string{group}, []string{version.Text}, resource.Text)
	if m == nil {
		return
	}
	at, instead := resource, m.Resource()
	switch {
	case m.Part == kinds.PartGroup && m.Meant != nil:
		at, instead = r.get("group"), m.Meant.Group
	case m.Part == kinds.PartVersion && m.Meant != nil:
		at, instead = version, m.Meant.Served()[0]
	}
	k.mistake(at, m, instead)
}
