// Package resolve applies what CUE has no word for: inheritance, overrides
// and defaults. In goes a bundle as its author wrote it, out come the policies
// that it says, each complete in itself.
//
// The rules are those of the authoring model: bases are merged left to right
// and may not disagree, a policy adds its own to them, and what changes an
// inherited thing stands in overrides, and only there.
package resolve

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Policy is a policy with all that it inherits, its overrides and the
// bundle's defaults applied.
type Policy struct {
	*spec.Policy
	// Resolved is the #PolicySpec that results: no extends, no overrides, and
	// rules in the order in which they arrived.
	Resolved *spec.Node
	// SystemNamespaces is what excludeSystemNamespaces leaves out.
	SystemNamespaces []string
	// Partial is set where Resolved lacks what the spec inherits.
	Partial bool
}

// DefaultSystemNamespaces is what excludeSystemNamespaces leaves out where the
// bundle's defaults.systemNamespaces says nothing: Kubernetes' own namespaces
// and Kyverno's.
func DefaultSystemNamespaces() []string {
	return []string{"kube-system", "kube-public", "kube-node-lease", "kyverno"}
}

// Bundle resolves the policies of a bundle, in source order. Bases are
// resolved for their mistakes too, whether or not a policy extends them. A
// policy with mistakes is not among what it gives; the others are.
func Bundle(b *spec.Bundle, m *model.Model, files *load.Files) ([]*Policy, diag.List) {
	r := newResolver(b, m, files)
	system := DefaultSystemNamespaces()
	if own := b.Defaults.Get("systemNamespaces"); own != nil {
		system = own.Strings()
	}
	for _, base := range b.Bases {
		r.resolve(base)
	}
	var out []*Policy
	for _, p := range b.Policies {
		merged, ok := r.resolve(p)
		if !ok {
			continue
		}
		out = append(out, &Policy{
			Policy:           p,
			Resolved:         merged.withDefaults(b.Defaults).node(),
			SystemNamespaces: system,
		})
	}
	return out, r.diags
}

type resolver struct {
	files *load.Files
	model *model.Model
	byRef map[string][]*spec.Policy
	refs  []string                 // in source order, for suggestions
	done  map[*spec.Policy]*merged // nil for a policy with mistakes
	chain []*spec.Policy
	diags diag.List
}

func newResolver(b *spec.Bundle, m *model.Model, files *load.Files) *resolver {
	r := &resolver{files: files, model: m, done: map[*spec.Policy]*merged{}}
	r.index(b)
	return r
}

// index finds policies by the name that extends uses.
func (r *resolver) index(b *spec.Bundle) {
	r.byRef = map[string][]*spec.Policy{}
	for _, p := range slices.Concat(b.Bases, b.Policies) {
		if len(r.byRef[p.Ref()]) == 0 {
			r.refs = append(r.refs, p.Ref())
		}
		r.byRef[p.Ref()] = append(r.byRef[p.Ref()], p)
	}
}

// resolve gives a policy's spec after inheritance and overrides, before
// defaults. It is false where the policy, or one that it extends, has
// mistakes, each of which is reported once.
func (r *resolver) resolve(p *spec.Policy) (*merged, bool) {
	if m, ok := r.done[p]; ok {
		return m, m != nil
	}
	if i := slices.Index(r.chain, p); i >= 0 {
		r.cycle(p, r.chain[i:])
		return nil, false
	}
	if p.Broken {
		r.done[p] = nil
		return nil, false
	}
	r.chain = append(r.chain, p)
	m := r.merge(p)
	r.chain = r.chain[:len(r.chain)-1]
	r.done[p] = m
	return m, m != nil
}

func (r *resolver) cycle(p *spec.Policy, chain []*spec.Policy) {
	names := make([]string, 0, len(chain)+1)
	for _, c := range chain {
		names = append(names, c.Ref())
	}
	names = append(names, p.Ref())
	last := chain[len(chain)-1]
	r.report(diag.ExtendsCycle, last, spec.Path{"extends"}, last.Spec.Get("extends"),
		"extends itself: "+strings.Join(names, " extends "), "")
}

// merge brings together what a policy extends, its own and its overrides, or
// gives nil where they do not fit.
func (r *resolver) merge(p *spec.Policy) *merged {
	before := len(r.diags)
	bases, ok := r.bases(p)
	m := &merged{policy: p, bases: bases}
	r.inherit(m)
	inherited := len(m.list)
	r.addOwn(m)
	if !ok {
		return nil // what overrides change may be what a base failed to bring
	}
	if overrides := p.Spec.Get("overrides"); overrides != nil {
		r.checkOverrides(p, overrides, m.list[:inherited])
		m.override(overrides)
		r.checkOutcome(p, m.node(), r.diags[before:])
	}
	if len(r.diags) > before {
		return nil
	}
	return m
}

// checkOutcome holds what overrides make of a policy against the model. A path
// that is reported already is not reported again.
func (r *resolver) checkOutcome(p *spec.Policy, node *spec.Node, reported diag.List) {
	for _, problem := range r.model.Check("#PolicySpec", node, p.Path().Child("overrides")) {
		d := problem.Diagnostic(r.files)
		if !slices.ContainsFunc(reported, func(o diag.Diagnostic) bool { return d.Path == o.Path || strings.HasPrefix(d.Path, o.Path+".") }) {
			r.diags = append(r.diags, d)
		}
	}
}

// base is what a policy extends.
type base struct {
	*merged
	at *spec.Node // the element of extends
}

// bases resolves the names in extends.
func (r *resolver) bases(p *spec.Policy) ([]base, bool) {
	extends := p.Spec.Get("extends")
	if extends == nil {
		return nil, true
	}
	var out []base
	ok := true
	seen := map[string]bool{}
	for i, item := range extends.Items {
		ref := item.Str()
		path := spec.Path{"extends", fmt.Sprint(i)}
		if seen[ref] {
			r.report(diag.RepeatedBase, p, path, item, fmt.Sprintf("extends %q twice", ref), "name each base once")
			ok = false
			continue
		}
		seen[ref] = true
		switch found := r.byRef[ref]; len(found) {
		case 0:
			hint := "a base is a policy of this package, or stands under bases"
			if near := diag.Nearest(ref, r.refs); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			r.report(diag.UnknownBase, p, path, item, fmt.Sprintf("extends %q, which is no base and no policy of this package", ref), hint)
			ok = false
		case 1:
			m, resolved := r.resolve(found[0])
			ok = ok && resolved
			if resolved {
				out = append(out, base{merged: m, at: item})
			}
		default:
			r.report(diag.AmbiguousBase, p, path, item,
				fmt.Sprintf("%q is both a base and a policy", ref), "rename one of them")
			d := &r.diags[len(r.diags)-1]
			for _, f := range found {
				d.Related = append(d.Related, diag.Related{Pos: r.files.Position(f.Pos), Message: f.Path().String()})
			}
			ok = false
		}
	}
	return out, ok
}

// inherit merges the bases left to right. What two of them bring with
// different values is a mistake, unless the policy decides it.
func (r *resolver) inherit(m *merged) {
	p := m.policy
	for _, b := range m.bases {
		for _, e := range b.list {
			earlier := find(m.list, e.key)
			if earlier == nil {
				m.add(entry{key: e.key, value: e.value, from: b.merged})
				continue
			}
			if spec.Equal(earlier.value, e.value) || decided(p, e.key, earlier.value, e.value) {
				earlier.also = append(earlier.also, also{b.merged, e.value})
				continue
			}
			r.report(diag.InheritedConflict, p, spec.Path{"extends"}, b.at,
				fmt.Sprintf("%q and %q bring different values for %s", earlier.from.policy.Ref(), b.policy.Ref(), e.key),
				fmt.Sprintf("decide in overrides: %s", overrideExample(e.key, e.value)))
			d := &r.diags[len(r.diags)-1]
			d.Related = []diag.Related{
				{Pos: r.files.Position(earlier.value.Pos), Message: fmt.Sprintf("from %q", earlier.from.policy.Ref())},
				{Pos: r.files.Position(e.value.Pos), Message: fmt.Sprintf("from %q", b.policy.Ref())},
			}
		}
	}
}

// decided reports whether a policy's own words settle a conflict of its bases:
// it describes itself, or its overrides make the same of both values.
func decided(p *spec.Policy, k key, a, b *spec.Node) bool {
	if k.describes() && p.Spec.Has(k.field) {
		return true
	}
	patch := k.of(p.Spec.Get("overrides"))
	if patch == nil {
		return false
	}
	a, b = spec.MergePatch(a, patch), spec.MergePatch(b, patch)
	return a == nil && b == nil || spec.Equal(a, b)
}

// addOwn adds a policy's own rules and settings to what it inherits.
func (r *resolver) addOwn(m *merged) {
	p := m.policy
	for _, e := range entriesOf(p.Spec, OwnWords) {
		earlier := find(m.list, e.key)
		switch {
		case earlier == nil:
			m.add(e)
		case spec.Equal(earlier.value, e.value):
			earlier.also = append(earlier.also, also{value: e.value})
		case e.key.describes():
			earlier.value, earlier.own = e.value, e.value
		default:
			r.report(diag.Redefined, p, e.key.path(), e.value,
				fmt.Sprintf("%s is inherited from %q with another value", e.key, earlier.from.policy.Ref()),
				fmt.Sprintf("what changes an inherited thing stands in overrides: %s", overrideExample(e.key, e.value)))
			r.diags[len(r.diags)-1].Related = []diag.Related{{Pos: r.files.Position(earlier.value.Pos), Message: "the inherited value"}}
		}
	}
}

// overrideExample writes the beginning of the override that a hint advises.
func overrideExample(k key, value *spec.Node) string {
	text := "{...}, or null to drop it"
	switch value.Kind {
	case spec.String:
		text = fmt.Sprintf("%q", value.Text)
	case spec.Bool, spec.Number:
		text = value.Text
	}
	labels := []string{"overrides"}
	for _, name := range k.path() {
		labels = append(labels, spec.Label(name))
	}
	return strings.Join(labels, ": ") + ": " + text
}

func (r *resolver) report(code diag.Code, p *spec.Policy, path spec.Path, at *spec.Node, message, hint string) {
	r.diags = append(r.diags, Diagnostic(code, p, path, at, r.files, message, hint))
}

// Diagnostic speaks of a policy's spec at a path: at the node where there is
// one, and otherwise at the policy.
func Diagnostic(code diag.Code, p *spec.Policy, path spec.Path, at *spec.Node, files *load.Files, message, hint string) diag.Diagnostic {
	pos := p.Pos
	if at != nil && at.Pos.IsValid() {
		pos = at.Pos
	}
	return diag.Diagnostic{
		Code:    code,
		Pos:     files.Position(pos),
		Path:    p.Path().Child(path...).String(),
		Message: message,
		Hint:    hint,
	}
}
