package kinds

import (
	"strings"

	"kcue.dev/compiler/lazyregexp"
)

// Selector is how policies name kinds: each part may have the wildcards * and
// ?, and a Subresource that is empty stands for the resource itself.
type Selector struct {
	Group, Version, Kind, Subresource string
}

// selectorVersion is what Kyverno takes for a version, and not for a kind.
var selectorVersion = lazyregexp.New(`^(v\d((alpha|beta)\d)?|\*)$`)

// Parse reads a selector as Kyverno does (pkg/utils/kube/kind.go
// ParseKindSelector): Pod, v1/Pod, apps/v1/Deployment, apps/*/Deployment,
// Pod/exec, Pod.status, v1/Pod.status, */Pod.status, */*. What has more parts
// than four gives the empty Selector, which selects nothing.
func Parse(text string) Selector {
	parts := strings.Split(text, "/")
	last := len(parts) - 1
	parts = append(parts[:last:last], strings.Split(parts[last], ".")...)
	switch len(parts) {
	case 1:
		return Selector{"*", "*", parts[0], ""}
	case 2:
		switch {
		case parts[0] == "*" && parts[1] == "*":
			return Selector{"*", "*", "*", "*"}
		case parts[0] == "*" && strings.ToLower(parts[1]) == parts[1]:
			return Selector{"*", "*", parts[0], parts[1]}
		case selectorVersion.MatchString(parts[0]):
			return Selector{"*", parts[0], parts[1], ""}
		}
		return Selector{"*", "*", parts[0], parts[1]}
	case 3:
		if selectorVersion.MatchString(parts[0]) {
			return Selector{"*", parts[0], parts[1], parts[2]}
		}
		return Selector{parts[0], parts[1], parts[2], ""}
	case 4:
		return Selector{parts[0], parts[1], parts[2], parts[3]}
	}
	return Selector{}
}

// Find gives the kinds that a selector stands for, of those that are served,
// as Kyverno finds them in a cluster (pkg/clients/dclient/discovery.go
// findResources): declared ones first, then those of Kubernetes, of Kyverno
// and of other projects.
func (t *Table) Find(s Selector) []*Kind {
	var found []*Kind
	for _, k := range t.named(s.Kind) {
		if !Match(s.Group, k.Group) || !k.serves(s.Version) {
			continue
		}
		if s.Subresource != "" && !(s.Kind == "*" && s.Subresource == "*") && !k.HasSubresource(s.Subresource) {
			continue
		}
		found = append(found, k)
	}
	return found
}

// FindResource gives the kinds whose resource is served under a plural name,
// as admission rules name them, at one of the groups and versions, * among
// them. A subresource is asked for as pods/exec, pods/* or */scale.
func (t *Table) FindResource(groups, versions []string, resource string) []*Kind {
	plural, sub, hasSub := strings.Cut(resource, "/")
	candidates := t.byPlural[plural]
	if plural == "*" {
		candidates = t.kinds
	}
	var found []*Kind
	for _, k := range candidates {
		if hasSub && sub != "*" && !k.HasSubresource(sub) {
			continue
		}
		if anyOf(groups, k.Group) && anyServed(versions, k) {
			found = append(found, k)
		}
	}
	return found
}

func anyOf(patterns []string, name string) bool {
	for _, p := range patterns {
		if p == "*" || p == name {
			return true
		}
	}
	return false
}

func anyServed(versions []string, k *Kind) bool {
	for _, v := range versions {
		if have, ok := k.version(v); v == "*" && len(k.Served()) > 0 || ok && have.Served {
			return true
		}
	}
	return false
}

// named gives the kinds of a name, or all that a pattern of names matches.
func (t *Table) named(pattern string) []*Kind {
	if !hasWildcard(pattern) {
		return t.byName[pattern]
	}
	var found []*Kind
	for _, k := range t.kinds {
		if Match(pattern, k.Name) {
			found = append(found, k)
		}
	}
	return found
}

func (k *Kind) serves(pattern string) bool {
	for _, v := range k.Versions {
		if v.Served && Match(pattern, v.Name) {
			return true
		}
	}
	return false
}

func hasWildcard(s string) bool { return strings.ContainsAny(s, "*?") }

// Match reports whether a name is what a pattern says, in which * stands for
// any characters and ? for one (github.com/IGLOU-EU/go-wildcard, which Kyverno
// matches with).
func Match(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	// back is where to go on after the last *, which then takes one more.
	i, back, taken := 0, -1, 0
	for j := 0; j < len(n); {
		switch {
		case i < len(p) && p[i] == '*':
			back, taken = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case back >= 0:
			taken++
			i, j = back+1, taken
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
