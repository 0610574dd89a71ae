package compiler

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/check"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Explanation says where everything in a policy came from. Its JSON form is
// docs/composition.md's: every field is there, whether or not it says anything.
type Explanation struct {
	Name      string         `json:"name"`      // as extends has it: name or namespace/name
	Kind      string         `json:"kind"`      // of the object; "base" for a base
	Package   string         `json:"package"`   // the package that has it
	Path      string         `json:"path"`      // in the package, as CUE writes paths
	Position  *diag.Position `json:"position"`  // of its name
	AsWritten bool           `json:"asWritten"` // nothing is resolved: exceptions, CEL policies, resources
	// Definition is what the whole is made from, such as
	// libraries.#BestPractices; empty where there is none.
	Definition string          `json:"definition"`
	Extends    []ExplainedName `json:"extends"`
	// Bases is every policy and base that it is made of, each once, depth first.
	Bases []ExplainedBase `json:"bases"`
	// Settings, with Rules, are exactly the resolved spec.
	Settings []ExplainedEntry `json:"settings"`
	Rules    []ExplainedRule  `json:"rules"`
	// Dropped is what was inherited and removed by overrides.
	Dropped []ExplainedEntry `json:"dropped"`
	// SystemNamespaces are what excludeSystemNamespaces leaves out, where it is
	// on: nil otherwise.
	SystemNamespaces *ExplainedWords `json:"systemNamespaces"`
}

// ExplainedName is a name in extends.
type ExplainedName struct {
	Name     string         `json:"name"`
	Position *diag.Position `json:"position"`
}

// ExplainedBase is a policy or base that others extend.
type ExplainedBase struct {
	Name       string          `json:"name"`
	Kind       string          `json:"kind"`
	Path       string          `json:"path"`
	Position   *diag.Position  `json:"position"`
	Definition string          `json:"definition"`
	Extends    []ExplainedName `json:"extends"`
}

// The origins of words.
const (
	OriginOwn      = "own"      // what the policy itself says
	OriginBase     = "base"     // what a base or policy says that it extends
	OriginOverride = "override" // what overrides say, its own or a base's
	OriginDefaults = "defaults" // the bundle's defaults
	OriginKcue     = "kcue"     // kcue's own defaults
)

// ExplainedWords is a value and who wrote it where.
type ExplainedWords struct {
	Origin string `json:"origin"`
	// From is the policy or base whose words they are; empty for defaults.
	From string `json:"from"`
	// Via are the bases through which they came, the nearest first, without From.
	Via      []string       `json:"via"`
	Position *diag.Position `json:"position"` // null for kcue's own defaults
	Value    *spec.Node     `json:"value"`
}

// ExplainedEntry is a setting, or a label, annotation or control.
type ExplainedEntry struct {
	Path string `json:"path"` // such as failureAction and labels.team
	// ExplainedWords are the words that count for the entry as a whole, and its
	// value with all changes: null where it is dropped.
	ExplainedWords
	// Initial is what it began with.
	Initial ExplainedWords `json:"initial"`
	// Changes lead from Initial to the value, in this order.
	Changes []ExplainedChange `json:"changes"`
	// Also has others who brought it: the same value, or one that was decided
	// against.
	Also []ExplainedWords `json:"also"`
}

// ExplainedChange is one thing that later words changed.
type ExplainedChange struct {
	Path string `json:"path"` // within the entry; empty for all of it
	// ExplainedWords has the value from then on: null where it is removed.
	ExplainedWords
	// Was is the value before, and where that stands: null where there was none.
	Was *ExplainedValue `json:"was"`
}

// ExplainedValue is a value and its place.
type ExplainedValue struct {
	Position *diag.Position `json:"position"`
	Value    *spec.Node     `json:"value"`
}

// ExplainedRule is a rule.
type ExplainedRule struct {
	Name string `json:"name"`
	ExplainedEntry
	// Pattern is the definition that the rule is made from, such as
	// patterns.#RequireImageRegistry; empty where there is none.
	Pattern string               `json:"pattern"`
	Params  []ExplainedParameter `json:"params"`
	// Settings are the paths of the policy's settings that act on the rule.
	Settings []string `json:"settings"`
}

// ExplainedParameter is a parameter of a pattern.
type ExplainedParameter struct {
	Name     string         `json:"name"`
	Value    *spec.Node     `json:"value"`
	Given    bool           `json:"given"`    // false where it is the pattern's default
	Position *diag.Position `json:"position"` // null where it is the default
}

// NameError is a name that means none of a build's policies, or several.
type NameError struct {
	Message string // says which are there, or which was likely meant
}

func (e *NameError) Error() string { return e.Message }

// Explain says where everything in the policy, base or other spec of a name
// came from: name, namespace/name, or the path in its package. The error is a
// diag.List where the specs have mistakes, and a NameError where the name means
// none of them or several. Warnings are those of the compilation.
func Explain(cfg Config, name string) (*Explanation, diag.List, error) {
	c, diags, err := newCompilation(cfg)
	if err != nil {
		return nil, nil, err
	}
	result, found, err := c.compile(cfg)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range found {
		// A name that several packages have is a question here, and no mistake.
		if d.Code != diag.DuplicateObject {
			diags = append(diags, d)
		}
	}
	diags = oncePerPlace(c.off.filter(diags, false).Sorted())
	if diags.HasErrors() {
		return nil, nil, diags
	}
	at, err := specNamed(result.Bundles, name)
	if err != nil {
		return nil, nil, err
	}
	e := &explainer{bundle: at.bundle, makers: check.NewMakers(at.bundle.pkg), policy: at.policy}
	if at.native != nil {
		return e.native(at.native), diags, nil
	}
	return e.explain(c.tables().model), diags, nil
}

// candidate is a spec that a name may mean.
type candidate struct {
	bundle Bundle
	policy *spec.Policy // or native
	native *spec.Native
}

func (c candidate) path() spec.Path {
	if c.native != nil {
		return c.native.Path()
	}
	return c.policy.Path()
}

// names gives what the candidate may be called.
func (c candidate) names() []string {
	path := c.path()
	return []string{specName(path), path.String()}
}

// specName gives the name of a spec: name, or namespace/name.
func specName(path spec.Path) string { return strings.Join(path[1:], "/") }

// specNamed finds the spec of a name.
func specNamed(bundles []Bundle, name string) (candidate, error) {
	var all, found []candidate
	for _, b := range bundles {
		for _, p := range slices.Concat(b.Bases, b.Bundle.Policies) {
			all = append(all, candidate{bundle: b, policy: p})
		}
		for _, n := range b.Natives {
			all = append(all, candidate{bundle: b, native: n})
		}
	}
	var known []string
	for _, c := range all {
		names := c.names()
		if slices.Contains(names, name) {
			found = append(found, c)
		}
		known = append(known, names[0])
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		near := diag.Nearest(name, known)
		for _, k := range known {
			if strings.HasSuffix(k, "/"+name) {
				near = k // without its namespace
			}
		}
		if near != "" {
			return candidate{}, &NameError{fmt.Sprintf("no policy or base named %q: did you mean %q?", name, near)}
		}
		if len(known) == 0 {
			return candidate{}, &NameError{fmt.Sprintf("no policy or base named %q: the packages have none at all", name)}
		}
		return candidate{}, &NameError{fmt.Sprintf("no policy or base named %q in these packages; a policy of a namespace is namespace/name", name)}
	}
	var places []string
	packages := map[*load.Package]bool{}
	for _, c := range found {
		packages[c.bundle.pkg] = true
		places = append(places, fmt.Sprintf("%s in %s", c.path(), c.bundle.Package))
	}
	advice := "name its path instead"
	if len(packages) == len(found) {
		advice = "name its package, as in: kcue explain " + name + " ./" + found[0].bundle.Package
	}
	return candidate{}, &NameError{fmt.Sprintf("%q is %s: %s", name, strings.Join(places, ", and "), advice)}
}
