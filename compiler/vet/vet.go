// Package vet finds what the schemas cannot see in Kyverno's objects: what
// Kyverno's admission webhook would refuse, what it would take and never do,
// and what platform teams have learned to avoid.
//
// In goes an object in Kyverno's own form, whether lowered from a spec or read
// from YAML; out come findings, each at the value that it speaks of. The checks
// that the webhook makes are those of Kyverno 1.19.1 (pkg/validation/policy,
// the Validate methods of its API types, pkg/cel/policies), made without a
// cluster and without stopping at the first.
package vet

import (
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Finding is one thing wrong with an object.
type Finding struct {
	Code     diag.Code
	Severity diag.Severity
	// Path leads from the object's root to what is wrong, with list indices in
	// decimal. What is missing counts as a member of what lacks it.
	Path spec.Path
	// Node is the value that is wrong, or the nearest above it that exists. It
	// is never nil.
	Node *spec.Node
	// Message is a sentence without a subject where the path says it: what is
	// wrong, and what was expected.
	Message string
	// Hint is the likely fix, or empty.
	Hint string
}

// Place writes the path as Kyverno's messages do: spec.rules[0].validate.
func (f Finding) Place() string { return Place(f.Path) }

// Place writes an object's path as Kubernetes' messages do.
func Place(path spec.Path) string {
	var b strings.Builder
	for i, name := range path {
		if _, err := strconv.ParseUint(name, 10, 32); err == nil && i > 0 {
			b.WriteString("[" + name + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(spec.Label(name))
	}
	return b.String()
}

// Options says what is looked for.
type Options struct {
	// BestPractices asks for the findings of KC5xx too, which no cluster
	// refuses.
	BestPractices bool
	// Kinds are those of the cluster. Without them nothing is said of kinds.
	Kinds *kinds.Table
	// Repeats, where it is given, remembers rules from one object to the next.
	// What is found is the same with it.
	Repeats *Repeats
}

// Object gives the findings in an object, in the order of the checks. An object
// of another group than Kyverno's has none. The object may break the CRD's
// schema: what has the wrong type is passed over, since compiler/crd reports it.
func Object(object *spec.Node, options Options) []Finding {
	c := newChecker(object, options)
	group, kind := groupKind(object)
	switch group {
	case "kyverno.io":
		switch kind {
		case "ClusterPolicy", "Policy":
			c.policy()
		case "CleanupPolicy", "ClusterCleanupPolicy":
			c.cleanupPolicy()
		case "PolicyException":
			c.exception()
		}
		c.variables(kind)
	case "policies.kyverno.io":
		if kind == "PolicyException" {
			c.celExceptionRefs()
		}
	}
	c.cel(group, kind)
	if options.Kinds != nil {
		c.kinds(options.Kinds)
	}
	c.remember()
	if options.BestPractices {
		c.practices(group, kind)
	}
	return c.findings
}

// checker is one object while it is checked.
type checker struct {
	root      value
	namespace string // of the object; empty for a cluster-scoped one
	options   Options
	rules     []*policyRule // of a ClusterPolicy or Policy
	findings  []Finding
}

func newChecker(object *spec.Node, options Options) *checker {
	c := &checker{root: root(object), options: options, namespace: object.Get("metadata").Get("namespace").Str()}
	if group, kind := groupKind(object); group == "kyverno.io" && (kind == "ClusterPolicy" || kind == "Policy") {
		c.rules = c.policyRules()
	}
	return c
}

// groupKind gives the API group and the kind of an object.
func groupKind(object *spec.Node) (group, kind string) {
	group, _, _ = strings.Cut(object.Get("apiVersion").Str(), "/")
	return group, object.Get("kind").Str()
}

// error reports what Kyverno refuses, or what cannot do what it says.
func (c *checker) error(code diag.Code, at value, message, hint string) {
	c.report(code, diag.Error, at, message, hint)
}

// warn reports what Kyverno takes.
func (c *checker) warn(code diag.Code, at value, message, hint string) {
	c.report(code, diag.Warning, at, message, hint)
}

func (c *checker) report(code diag.Code, severity diag.Severity, at value, message, hint string) {
	c.findings = append(c.findings, Finding{Code: code, Severity: severity, Path: at.path(), Node: at.nearest(), Message: message, Hint: hint})
}

// value is a place in an object: what stands there, if anything, and the way
// to it.
type value struct {
	*spec.Node // nil where nothing stands there
	parent     *value
	name       string // in the parent: a field, or a list's index in decimal
}

func root(object *spec.Node) value { return value{Node: object} }

// get gives a field, whether or not it is there.
func (v value) get(name string) value {
	return value{Node: v.Get(name), parent: &v, name: name}
}

// down gives the value below a sequence of fields, whether or not it is there.
func (v value) down(names ...string) value {
	for _, name := range names {
		v = v.get(name)
	}
	return v
}

// exists reports whether anything but null stands there.
func (v value) exists() bool { return v.Node != nil && v.Kind != spec.Null }

// items gives the elements of a list, and none of anything else.
func (v value) items() []value {
	if v.Node == nil {
		return nil
	}
	out := make([]value, len(v.Items))
	for i, item := range v.Items {
		out[i] = value{Node: item, parent: &v, name: strconv.Itoa(i)}
	}
	return out
}

// members gives the fields of a struct, and none of anything else.
func (v value) members() []value {
	if v.Node == nil {
		return nil
	}
	out := make([]value, len(v.Fields))
	for i, f := range v.Fields {
		out[i] = value{Node: f.Value, parent: &v, name: f.Name}
	}
	return out
}

// having gives those of the named fields that exist.
func (v value) having(names ...string) []string {
	var out []string
	for _, name := range names {
		if v.get(name).exists() {
			out = append(out, name)
		}
	}
	return out
}

func (v value) path() spec.Path {
	var path spec.Path
	for at := &v; at.parent != nil; at = at.parent {
		path = append(path, at.name)
	}
	slices.Reverse(path)
	return path
}

// nearest gives what stands there, or the nearest above.
func (v value) nearest() *spec.Node {
	at := &v
	for at.Node == nil && at.parent != nil {
		at = at.parent
	}
	return at.Node
}

// walk visits the strings below a value, and the names of fields: Kyverno
// substitutes variables in both. It stops where visit is false.
func (v value) walk(visit func(at value, text string) bool) bool { return v.walkHaving("", visit) }

// walkHaving is walk over the texts that hold a word, and perhaps others beside
// them. Most of a policy holds no word that is looked for, and costs nothing.
func (v value) walkHaving(word string, visit func(at value, text string) bool) bool {
	if !mentions(v, word) {
		return true
	}
	if v.Kind == spec.String {
		return visit(v, v.Text)
	}
	for _, f := range v.Fields {
		if !strings.Contains(f.Name, word) && !says(f.Value, word) {
			continue
		}
		m := value{Node: f.Value, parent: &v, name: f.Name}
		if !visit(m, m.name) || !m.walkHaving(word, visit) {
			return false
		}
	}
	for i, item := range v.Items {
		if !says(item, word) {
			continue
		}
		m := value{Node: item, parent: &v, name: strconv.Itoa(i)}
		if !m.walkHaving(word, visit) {
			return false
		}
	}
	return true
}
