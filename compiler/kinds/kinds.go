// Package kinds knows the kinds that a cluster serves, for checks without one:
// those of Kubernetes and of Kyverno, of which it knows all, those of
// well-known projects, and those that users declare by giving their
// CustomResourceDefinitions.
//
// A selector of a policy goes in, as Kyverno reads it, or a group, version and
// resource as the API server does; out come the kinds that it stands for, or
// what is wrong with it and what was likely meant.
package kinds

import (
	"bufio"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:generate sh -c "go run ./gen -openapi $(cd ../../evaluator && go list -m -f '{{.Dir}}' sigs.k8s.io/kubectl-validate) -api $(cd ../../evaluator && go list -m -f '{{.Dir}}' k8s.io/api) -kyverno $(cd ../../evaluator && go list -m -f '{{.Dir}}' github.com/kyverno/kyverno)"

var (
	//go:embed builtin.txt
	builtin string
	//go:embed ecosystem.txt
	ecosystem string
)

// Origin says who defines a kind.
type Origin int

const (
	// Declared kinds come from the user's CustomResourceDefinitions.
	Declared Origin = iota
	// Kubernetes kinds are those of the API server.
	Kubernetes
	// Kyverno kinds are Kyverno's own CustomResourceDefinitions.
	Kyverno
	// Ecosystem kinds are those of other projects, of which the table knows
	// neither all kinds nor all versions.
	Ecosystem
)

// Kind is a kind of a group.
type Kind struct {
	Group  string // empty for the core group
	Name   string // as in an object's kind: Pod
	Plural string // as in a path and in admission rules: pods
	// Singular is the plural's singular, in lower case: pod.
	Singular     string
	Namespaced   bool
	Versions     []Version
	Subresources []Subresource
	Origin       Origin
	// Project is who defines it, as in "Kubernetes" or "cert-manager"; empty
	// where the user declares it.
	Project string
}

// Version is a version at which a kind is, or was, served.
type Version struct {
	Name   string
	Served bool
	// Removed is the release of the project that no longer serves it; empty
	// where it is served, and where nobody says.
	Removed string
}

// Subresource is a part of a resource with a path of its own.
type Subresource struct {
	Name string // as in the path: status, exec
	Kind string // of the objects that it takes: Scale, PodExecOptions
}

// Served lists the versions that are served.
func (k *Kind) Served() []string {
	var out []string
	for _, v := range k.Versions {
		if v.Served {
			out = append(out, v.Name)
		}
	}
	return out
}

// HasSubresource reports whether the kind has a subresource that the pattern
// matches.
func (k *Kind) HasSubresource(pattern string) bool {
	return slices.ContainsFunc(k.Subresources, func(s Subresource) bool { return Match(pattern, s.Name) })
}

func (k *Kind) version(name string) (Version, bool) {
	i := slices.IndexFunc(k.Versions, func(v Version) bool { return v.Name == name })
	if i < 0 {
		return Version{}, false
	}
	return k.Versions[i], true
}

// complete reports whether the table knows all that there is of the kind.
func (k *Kind) complete() bool { return k.Origin != Ecosystem }

// Table is a set of kinds. It is read-only and safe for concurrent use.
type Table struct {
	kinds    []*Kind // by origin, group and name
	byName   map[string][]*Kind
	byPlural map[string][]*Kind
	releases map[Origin]string
}

var load = sync.OnceValues(func() (*Table, error) {
	t := newTable()
	for _, text := range []string{builtin, ecosystem} {
		if err := t.read(text); err != nil {
			return nil, err
		}
	}
	t.sort()
	return t, nil
})

// Load gives the embedded table, read on first use.
func Load() (*Table, error) { return load() }

func newTable() *Table {
	// Room for what is embedded.
	const size = 600
	return &Table{
		kinds:    make([]*Kind, 0, size),
		byName:   make(map[string][]*Kind, size),
		byPlural: make(map[string][]*Kind, size),
		releases: map[Origin]string{},
	}
}

// Release gives the release of Kubernetes or of Kyverno whose kinds the table
// has, as 1.36.
func (t *Table) Release(o Origin) string { return t.releases[o] }

// All lists every kind: the declared ones first, then those of Kubernetes, of
// Kyverno and of other projects, each by group and name.
func (t *Table) All() []*Kind { return t.kinds }

func (t *Table) add(k *Kind) {
	t.kinds = append(t.kinds, k)
	t.byName[k.Name] = append(t.byName[k.Name], k)
	t.byPlural[k.Plural] = append(t.byPlural[k.Plural], k)
}

// sort orders kinds by origin, group and name.
func (t *Table) sort() {
	order := func(a, b *Kind) int {
		if a.Origin != b.Origin {
			return int(a.Origin) - int(b.Origin)
		}
		if c := strings.Compare(a.Group, b.Group); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	}
	slices.SortStableFunc(t.kinds, order)
	for _, index := range []map[string][]*Kind{t.byName, t.byPlural} {
		for _, list := range index {
			slices.SortStableFunc(list, order)
		}
	}
}

// read adds the kinds of a text in the form of builtin.txt.
func (t *Table) read(text string) error {
	lines := bufio.NewScanner(strings.NewReader(text))
	project, origin := "", Ecosystem
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if heading, ok := strings.CutPrefix(line, "["); ok {
			project, origin = strings.TrimSuffix(heading, "]"), Ecosystem
			name, release, _ := strings.Cut(project, " ")
			switch {
			case name == "Kubernetes" && release != "" && '0' <= release[0] && release[0] <= '9':
				origin = Kubernetes
			case name == "Kyverno":
				origin = Kyverno
			default:
				continue
			}
			project, t.releases[origin] = name, release
			continue
		}
		k, err := parseKind(strings.Fields(line))
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		k.Project, k.Origin = project, origin
		t.add(k)
	}
	return lines.Err()
}

// parseKind reads the columns of a line.
func parseKind(columns []string) (*Kind, error) {
	if len(columns) != 5 && len(columns) != 6 {
		return nil, fmt.Errorf("%d columns, expected 5 or 6", len(columns))
	}
	k := &Kind{Group: columns[0], Name: columns[1], Plural: columns[2], Singular: strings.ToLower(columns[1])}
	if k.Group == "-" {
		k.Group = ""
	}
	switch columns[3] {
	case "namespaced":
		k.Namespaced = true
	case "cluster":
	default:
		return nil, fmt.Errorf("scope %q, expected namespaced or cluster", columns[3])
	}
	for v := range strings.SplitSeq(columns[4], ",") {
		name, removed, gone := strings.Cut(v, "@")
		if !isVersion(name) {
			return nil, fmt.Errorf("%q is no version", name)
		}
		k.Versions = append(k.Versions, Version{Name: name, Served: !gone, Removed: removed})
	}
	slices.SortFunc(k.Versions, func(a, b Version) int { return compareVersions(a.Name, b.Name) })
	if len(columns) == 6 {
		for s := range strings.SplitSeq(columns[5], ",") {
			name, kind, other := strings.Cut(s, "=")
			if !other {
				kind = k.Name
			}
			k.Subresources = append(k.Subresources, Subresource{Name: name, Kind: kind})
		}
	}
	return k, nil
}
