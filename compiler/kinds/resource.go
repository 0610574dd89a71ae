package kinds

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// CheckResource gives the kinds that a resource of an admission rule stands
// for at its groups and versions (matchConstraints.resourceRules of Kyverno's
// CEL policies, which have the form of a ValidatingAdmissionPolicy's), or what
// is wrong with it.
func (t *Table) CheckResource(groups, versions []string, resource string) ([]*Kind, *Mistake) {
	if found := t.FindResource(groups, versions, resource); len(found) > 0 {
		return found, nil
	}
	plural, sub, _ := strings.Cut(resource, "/")
	named := t.byPlural[plural]
	if plural == "*" {
		named = t.kinds
	}
	if len(named) == 0 {
		return nil, t.unknownResource(groups, plural, sub)
	}
	grouped := only(named, func(k *Kind) bool { return anyOf(groups, k.Group) })
	if len(grouped) == 0 {
		if plural == "*" {
			return nil, &Mistake{Reason: Unknown, Part: PartGroup, Message: fmt.Sprintf("no resource is known in the %s", groupNames(groups))}
		}
		return nil, t.wrongGroups(groups, plural, named)
	}
	if served := only(grouped, func(k *Kind) bool { return anyServed(versions, k) }); len(served) > 0 {
		return nil, noSubresource(sub, served)
	}
	if plural == "*" {
		return nil, &Mistake{Reason: Unknown, Part: PartVersion, Message: fmt.Sprintf("no resource of the %s is known to be served at %s", groupNames(groups), orList(versions))}
	}
	return nil, t.wrongVersion(versions, grouped)
}

// unknownResource speaks of a plural that is not in the table.
func (t *Table) unknownResource(groups []string, plural, sub string) *Mistake {
	var candidates []*Kind
	for _, k := range t.kinds {
		if !anyOf(groups, k.Group) {
			continue
		}
		candidates = append(candidates, k)
		if strings.EqualFold(k.Name, plural) || strings.EqualFold(k.Singular, plural) || strings.EqualFold(k.Plural, plural) {
			return &Mistake{Reason: Misspelt, Certain: true, Meant: k, MeantSubresource: sub,
				Message: fmt.Sprintf("there is no resource %q: expected the plural in lower case", plural)}
		}
	}
	near := nearest(plural, candidates, func(k *Kind) string { return k.Plural })
	m := &Mistake{Reason: Misspelt, Certain: true, Meant: near, MeantSubresource: sub}
	switch {
	case plural != strings.ToLower(plural):
		m.Message = fmt.Sprintf("there is no resource %q: expected a plural in lower case", plural)
		return m
	case !slices.ContainsFunc(groups, func(g string) bool { return g == "*" || !t.complete(g) }):
		m.Message = fmt.Sprintf("the %s has no resource %q", groupNames(groups), plural)
		if near == nil {
			m.Meant = first(t.byName, plural)
		}
		return m
	case near != nil && len(plural) > 6 && near.Origin == Kubernetes && oneSlip(plural, near.Plural):
		m.Message = fmt.Sprintf("there is no resource %q", plural)
		return m
	}
	m.Reason, m.Certain = Unknown, false
	m.Message = fmt.Sprintf("no resource %q is known in the %s", plural, groupNames(groups))
	return m
}

// first gives the first kind by a name in whatever case, or nil.
func first(byName map[string][]*Kind, name string) *Kind {
	var found *Kind
	for n, list := range byName {
		if strings.EqualFold(n, name) && (found == nil || n < found.Name) {
			found = list[0]
		}
	}
	return found
}

// wrongGroups speaks of a known resource in groups that are not known to have
// it.
func (t *Table) wrongGroups(groups []string, plural string, named []*Kind) *Mistake {
	if len(groups) == 1 {
		return t.wrongGroup(groups[0], plural, named)
	}
	meant := t.successor(named[0])
	m := &Mistake{Reason: NotServed, Part: PartGroup, Certain: true, Meant: meant}
	m.Message = fmt.Sprintf("the %s have no %s: it is in the %s", groupNames(groups), plural, groupName(meant.Group))
	for _, group := range groups {
		if !t.complete(group) && !noGroup(group) && diag.Nearest(group, []string{meant.Group}) == "" {
			m.Reason, m.Certain = Unknown, false
		}
	}
	return m
}

// groupNames writes groups in a sentence.
func groupNames(groups []string) string {
	if len(groups) == 1 {
		return groupName(groups[0])
	}
	quoted := make([]string, len(groups))
	for i, g := range groups {
		quoted[i] = fmt.Sprintf("%q", g)
	}
	return "groups " + strings.Join(quoted, ", ")
}
