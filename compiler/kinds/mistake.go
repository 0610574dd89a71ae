package kinds

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// Reason says in what way a selector stands for nothing.
type Reason int

const (
	// Misspelt is what no cluster has, and is likely a slip.
	Misspelt Reason = iota + 1
	// Unknown is what the table does not have; a cluster may.
	Unknown
	// NotServed is a known kind at a version, or in a group, that has never
	// served it.
	NotServed
	// Removed is a known kind at a version that is no longer served.
	Removed
	// NoSubresource is a known kind without such a subresource.
	NoSubresource
)

// Part is a part of a selector.
type Part int

const (
	PartKind Part = iota // the kind, or the resource
	PartGroup
	PartVersion
	PartSubresource
)

// Mistake says why a selector stands for no kind that is served.
type Mistake struct {
	Reason Reason
	// Part is what is wrong, where the rest is not.
	Part Part
	// Certain is set where no cluster has it. Otherwise a custom resource, or a
	// release that the table does not know, may.
	Certain bool
	Message string // what is wrong, and what was expected
	// Meant is the likely kind, or nil; MeantSubresource that of it, or empty.
	Meant            *Kind
	MeantSubresource string
	// qualified is set where the likely kind is to be written with its group.
	qualified bool
}

// Selector gives the selector that was likely meant by another, with no more
// in it than that has; or nothing, where there is no likely kind.
func (m *Mistake) Selector(written string) string {
	if m.Meant == nil {
		return ""
	}
	text := m.Meant.Name
	if s := Parse(written); m.qualified || s != (Selector{}) && (s.Group != "*" || s.Version != "*") {
		text = m.Meant.APIVersion() + "/" + text
	}
	if m.MeantSubresource != "" {
		text += "/" + m.MeantSubresource
	}
	return text
}

// Resource gives the resource that was likely meant in an admission rule, or
// nothing.
func (m *Mistake) Resource() string {
	if m.Meant == nil {
		return ""
	}
	if m.MeantSubresource != "" {
		return m.Meant.Plural + "/" + m.MeantSubresource
	}
	return m.Meant.Plural
}

// Check gives the kinds that a selector stands for, or what is wrong with it.
func (t *Table) Check(selector string) ([]*Kind, *Mistake) {
	s := Parse(selector)
	if s == (Selector{}) {
		return nil, &Mistake{Reason: Misspelt, Certain: true,
			Message: fmt.Sprintf("%q selects nothing: expected a kind, or group/version/kind, or either with a subresource", selector)}
	}
	if m := t.otherNotation(selector, s); m != nil {
		return nil, m
	}
	return t.check(s)
}

// CheckObject gives the kind of an object's apiVersion and kind, or what is
// wrong with them.
func (t *Table) CheckObject(apiVersion, kind string) ([]*Kind, *Mistake) {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	kind, sub, _ := strings.Cut(kind, "/")
	return t.check(Selector{group, version, kind, sub})
}

func (t *Table) check(s Selector) ([]*Kind, *Mistake) {
	if found := t.Find(s); len(found) > 0 {
		return found, nil
	}
	named := t.named(s.Kind)
	if len(named) == 0 {
		return nil, t.unknown(s)
	}
	grouped := only(named, func(k *Kind) bool { return Match(s.Group, k.Group) })
	if len(grouped) == 0 {
		return nil, t.wrongGroup(s.Group, s.Kind, named)
	}
	served := only(grouped, func(k *Kind) bool { return k.serves(s.Version) })
	if len(served) == 0 {
		return nil, t.wrongVersion([]string{s.Version}, grouped)
	}
	return nil, noSubresource(s.Subresource, served)
}

// otherNotation finds what Kyverno reads as something else than was meant:
// a group without a version, which reads as a kind with a subresource, and
// kubectl's kind.group.
func (t *Table) otherNotation(selector string, s Selector) *Mistake {
	if name, group, ok := strings.Cut(selector, "."); ok && !strings.Contains(selector, "/") {
		for _, k := range t.kinds {
			if k.Group == group && (k.Name == name || strings.EqualFold(k.Plural, name) || strings.EqualFold(k.Singular, name)) {
				return &Mistake{Reason: Misspelt, Certain: true, Meant: k, qualified: true,
					Message: fmt.Sprintf("%q is kubectl's way to name a kind of a group: Kyverno expects group/version/kind", selector)}
			}
		}
	}
	before, after, ok := strings.Cut(selector, "/")
	if !ok || s.Group != "*" || s.Version != "*" || len(t.named(before)) > 0 || strings.Contains(after, "/") {
		return nil
	}
	list := t.byName[after]
	if len(list) == 0 {
		return nil
	}
	meant := list[0]
	if i := slices.IndexFunc(list, func(k *Kind) bool { return k.Group == before }); i >= 0 {
		meant = list[i]
	}
	return &Mistake{Reason: Misspelt, Certain: true, Meant: meant, qualified: true,
		Message: fmt.Sprintf("%q reads as the subresource %q of a kind %q: expected group/version/kind", selector, after, before)}
}

// unknown speaks of a kind whose name is not in the table.
func (t *Table) unknown(s Selector) *Mistake {
	if hasWildcard(s.Kind) {
		return &Mistake{Reason: Unknown, Message: fmt.Sprintf("no known kind matches %q", s.Kind)}
	}
	misspelt := func(meant *Kind, format string, args ...any) *Mistake {
		return &Mistake{Reason: Misspelt, Certain: true, Meant: meant, MeantSubresource: s.Subresource, Message: fmt.Sprintf(format, args...)}
	}
	var candidates []*Kind
	for _, k := range t.kinds {
		if !Match(s.Group, k.Group) {
			continue
		}
		candidates = append(candidates, k)
		switch {
		case strings.EqualFold(k.Name, s.Kind):
			return misspelt(k, "there is no kind %q: the case of letters counts", s.Kind)
		case strings.EqualFold(k.Plural, s.Kind):
			return misspelt(k, "%q is a resource's plural, and no kind", s.Kind)
		case s.Kind == k.Name+"List":
			return misspelt(k, "%q is the kind of a list, which is never admitted", s.Kind)
		}
		if i := slices.IndexFunc(k.Subresources, func(sub Subresource) bool { return sub.Kind == s.Kind && s.Subresource == "" }); i >= 0 {
			m := misspelt(k, "%q is what a subresource takes, and no kind of its own", s.Kind)
			m.MeantSubresource = k.Subresources[i].Name
			return m
		}
	}
	near := nearest(s.Kind, candidates, func(k *Kind) string { return k.Name })
	switch {
	case t.complete(s.Group):
		return misspelt(near, "the %s has no kind %q", groupName(s.Group), s.Kind)
	case noGroup(s.Group):
		m := misspelt(nil, "there is no group %q: a custom resource's has a dot, and Kubernetes has no such group", s.Group)
		m.Part = PartGroup
		return m
	case near != nil && isSlip(s.Kind, near):
		return misspelt(near, "there is no kind %q", s.Kind)
	}
	where := "among those of Kubernetes, Kyverno and the well-known projects"
	if t.hasGroup(s.Group) {
		where = "in the " + groupName(s.Group)
	}
	return &Mistake{Reason: Unknown, Meant: near, MeantSubresource: s.Subresource, Message: fmt.Sprintf("no kind %q is known %s", s.Kind, where)}
}

// wrongGroup speaks of a known kind, or resource, in a group that is not known
// to have it.
func (t *Table) wrongGroup(group, name string, named []*Kind) *Mistake {
	meant := t.successor(named[0])
	if near := nearest(group, named, func(k *Kind) string { return k.Group }); near != nil {
		meant = near
	}
	for _, k := range named {
		// networking/v1/Ingress
		if strings.HasPrefix(k.Group, group+".") {
			meant = k
		}
	}
	m := &Mistake{Reason: NotServed, Part: PartGroup, Certain: true, Meant: meant}
	switch {
	case group == "core" && meant.Group == "":
		m.Message = fmt.Sprintf("there is no group \"core\": the core group, which has %s, has no name", name)
	case t.complete(group):
		m.Message = fmt.Sprintf("the %s has no %s: it is in the %s", groupName(group), name, groupName(meant.Group))
	case noGroup(group), oneSlip(group, meant.Group) && meant.Origin != Ecosystem:
		m.Message = fmt.Sprintf("there is no group %q: %s is in the %s", group, name, groupName(meant.Group))
	default:
		m.Reason, m.Certain = Unknown, false
		m.Message = fmt.Sprintf("no %s is known in the %s, but in the %s", name, groupName(group), groupName(meant.Group))
	}
	return m
}

// wrongVersion speaks of known kinds that are not served at the versions.
func (t *Table) wrongVersion(patterns []string, grouped []*Kind) *Mistake {
	k := grouped[0]
	var gone *Version
	for _, candidate := range grouped {
		for _, v := range candidate.Versions {
			matches := slices.ContainsFunc(patterns, func(p string) bool { return Match(p, v.Name) })
			if matches && (gone == nil || compareReleases(gone.Removed, v.Removed) < 0) {
				k, gone = candidate, &v
			}
		}
	}
	if gone == nil {
		versions := orList(patterns)
		m := &Mistake{Reason: NotServed, Part: PartVersion, Meant: t.successor(k)}
		switch stable := slices.ContainsFunc(k.Served(), isStable); {
		case k.Origin == Declared:
			m.Certain = true
			m.Message = fmt.Sprintf("the definition of %s has no version %s: expected %s", k.qualified(), versions, orList(m.Meant.Served()))
		case k.Origin == Ecosystem:
			m.Message = fmt.Sprintf("%s is not known at %s, but at %s", k.qualified(), versions, orList(m.Meant.Served()))
		default:
			m.Certain = stable
			m.Message = fmt.Sprintf("%s %s does not serve %s at %s: expected %s", k.Project, t.releases[k.Origin], k.qualified(), versions, orList(m.Meant.Served()))
		}
		return m
	}
	message := k.qualified()
	if len(patterns) != 1 || !hasWildcard(patterns[0]) {
		message += " at " + strings.Join(patterns, ", ")
	}
	message += " is not served"
	if gone.Removed != "" {
		message += fmt.Sprintf(" since %s %s", k.Project, gone.Removed)
	}
	m := &Mistake{Reason: Removed, Part: PartVersion, Message: message, Meant: t.successor(k)}
	if len(m.Meant.Served()) == 0 {
		m.Meant = nil
	}
	return m
}

// successor gives the kind by which another is served today: itself, or the
// one of its name in another group, or itself again where there is none.
func (t *Table) successor(k *Kind) *Kind {
	if len(k.Served()) > 0 {
		return k
	}
	for _, other := range t.byName[k.Name] {
		if other.Origin == k.Origin && len(other.Served()) > 0 {
			return other
		}
	}
	return k
}

func noSubresource(sub string, served []*Kind) *Mistake {
	k := served[0]
	if len(served) > 1 && !slices.ContainsFunc(served, func(o *Kind) bool { return o.Name != k.Name }) {
		// Of kinds of the same name, the first is the one of Kubernetes.
		served = served[:1]
	}
	if len(served) > 1 {
		return &Mistake{Reason: NoSubresource, Part: PartSubresource, Message: fmt.Sprintf("no known kind that matches has a subresource %q", sub)}
	}
	var names []string
	for _, s := range k.Subresources {
		names = append(names, s.Name)
	}
	m := &Mistake{Reason: NoSubresource, Part: PartSubresource, Certain: k.complete()}
	if len(names) == 0 {
		m.Message = fmt.Sprintf("%s has no subresources", k.Name)
		return m
	}
	m.Message = fmt.Sprintf("%s has no subresource %q: expected %s", k.Name, sub, orList(names))
	if near := diag.Nearest(sub, names); near != "" {
		m.Meant, m.MeantSubresource = k, near
	}
	return m
}

// complete reports whether the table has every kind of a group.
func (t *Table) complete(group string) bool {
	return slices.ContainsFunc(t.kinds, func(k *Kind) bool {
		return k.Group == group && (k.Origin == Kubernetes || k.Origin == Kyverno)
	})
}

func (t *Table) hasGroup(group string) bool {
	return slices.ContainsFunc(t.kinds, func(k *Kind) bool { return k.Group == group })
}

// noGroup reports whether a name can be that of no group beside those of
// Kubernetes: a custom resource's has a dot (k8s.io/apiextensions-apiserver
// pkg/apis/apiextensions/validation).
func noGroup(group string) bool {
	return group != "" && !hasWildcard(group) && !strings.Contains(group, ".")
}

// qualified names the kind with its group, as extensions/Ingress.
func (k *Kind) qualified() string {
	if k.Group == "" {
		return k.Name
	}
	return k.Group + "/" + k.Name
}

// APIVersion gives the preferred of the versions that are served, as objects
// write it: apps/v1; without one, the newest that was.
func (k *Kind) APIVersion() string {
	version := k.Versions[0].Name
	if served := k.Served(); len(served) > 0 {
		version = served[0]
	}
	if k.Group == "" {
		return version
	}
	return k.Group + "/" + version
}

// groupName writes a group in a sentence.
func groupName(group string) string {
	if group == "" {
		return "core group"
	}
	return fmt.Sprintf("group %q", group)
}

func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func only(list []*Kind, keep func(*Kind) bool) []*Kind {
	var out []*Kind
	for _, k := range list {
		if keep(k) {
			out = append(out, k)
		}
	}
	return out
}

// nearest gives the kind of which the text is most likely a slip for, or nil.
func nearest(text string, candidates []*Kind, name func(*Kind) string) *Kind {
	var names []string
	for _, k := range candidates {
		names = append(names, name(k))
	}
	i := slices.Index(names, diag.Nearest(text, names))
	if i < 0 || names[i] == "" {
		return nil
	}
	return candidates[i]
}

// isSlip reports whether a kind is all but certainly a slip for another: one
// slip away from one of Kubernetes' or Kyverno's, long enough not to be a word
// of its own, and not the singular of a kind that is a plural (Endpoint).
func isSlip(written string, k *Kind) bool {
	const shortest = 6
	return (k.Origin == Kubernetes || k.Origin == Kyverno) && len(written) >= shortest && written+"s" != k.Name && oneSlip(written, k.Name)
}

// oneSlip reports whether one insertion, deletion, substitution or swap of
// neighbours makes b of a.
func oneSlip(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a)+len(b) > 0 && len(a) <= 1 && len(b) <= 1 ||
		len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}
