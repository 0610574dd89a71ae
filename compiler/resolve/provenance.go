package resolve

import (
	"slices"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/spec"
)

// Origin says by which of the rules of composition words count.
type Origin uint8

const (
	OwnWords       Origin = iota // a policy's or base's own rules and settings
	Overrides                    // a policy's or base's overrides
	BundleDefaults               // the bundle's defaults
	KcueDefaults                 // what kcue sets where nobody does
)

// Provenance says where everything that a policy has came from. It is what the
// resolver decided, told once more.
type Provenance struct {
	// Entries, put together, are the resolved spec, in its order.
	Entries []Entry
	// Dropped is what was inherited and removed by overrides, of the policy or of
	// a base. The defaults may have set it again.
	Dropped []Entry
	// Extends is what the policy names, and Bases every policy that it is made
	// of, each once, depth first.
	Extends []Extended
	Bases   []Base
}

// Base is a policy that others extend.
type Base struct {
	*spec.Policy
	Extends []Extended
}

// Extended is a name in extends.
type Extended struct {
	*spec.Policy
	At *spec.Node // the name
}

// Entry is a setting, a rule, or a label, annotation or control.
type Entry struct {
	Path  spec.Path  // of one name, or of a map's name and a key
	Value *spec.Node // nil where it is dropped
	First Words      // what it began with
	// Also has others that brought the same key: the value is the same, or it was
	// decided against.
	Also []Words
	// Changes lead from First to Value, in this order.
	Changes []Change
}

// Words is a value as somebody wrote it.
type Words struct {
	Origin Origin
	// Policy is whose words they are; nil for defaults.
	Policy *spec.Policy
	// Via are the bases through which they came, the nearest first, without
	// Policy itself: empty where Policy is the policy at hand or one that it
	// extends itself.
	Via   []*spec.Policy
	Value *spec.Node
}

// Change is one thing that later words made of an entry.
type Change struct {
	Words            // Value is the part of overrides that says so
	Path  spec.Path  // within the entry; empty for all of it
	Was   *spec.Node // nil where it is added
	Now   *spec.Node // nil where it is removed
}

// Counts gives the words that made the entry what it is as a whole: the last
// that said all of it.
func (e Entry) Counts() Words {
	for _, c := range slices.Backward(e.Changes) {
		if len(c.Path) == 0 {
			return c.Words
		}
	}
	return e.First
}

// Explain gives the provenance of a policy or base of a bundle. It is false
// where that has mistakes, which Bundle reports. A base is told without the
// bundle's defaults, which only what is emitted gets.
func Explain(b *spec.Bundle, p *spec.Policy, m *model.Model, files *load.Files) (Provenance, bool) {
	inherited, ok := newResolver(b, m, files).resolve(p)
	if !ok {
		return Provenance{}, false
	}
	whole := inherited
	if p.Field != "bases" {
		whole = inherited.withDefaults(b.Defaults)
	}
	out := Provenance{Extends: inherited.extended(), Bases: inherited.ancestors(map[*merged]bool{})}
	for _, e := range whole.list {
		out.Entries = append(out.Entries, whole.explain(e))
	}
	for _, e := range inherited.removed(map[*merged]bool{}) {
		isThere := slices.ContainsFunc(inherited.list, func(x entry) bool { return slices.Equal(x.key.path(), e.Path) })
		isTold := slices.ContainsFunc(out.Dropped, func(x Entry) bool { return slices.Equal(x.Path, e.Path) })
		if !isThere && !isTold {
			out.Dropped = append(out.Dropped, e)
		}
	}
	return out, true
}

// explain tells what made an entry of m.
func (m *merged) explain(e entry) Entry {
	out := Entry{Path: e.key.path(), Value: e.value}
	if e.from == nil {
		out.First = m.words(e)
	} else {
		before := e.from.explain(*find(e.from.list, e.key)).through(e.from)
		out.First, out.Also, out.Changes = before.First, before.Also, before.Changes
		value := before.Value
		if e.own != nil {
			own := Words{Origin: OwnWords, Policy: m.policy, Value: e.own}
			out.Changes = append(out.Changes, Change{Words: own, Was: value, Now: e.own})
			value = e.own
		}
		if e.patch != nil {
			for _, c := range spec.PatchChanges(value, e.patch) {
				patch := Words{Origin: Overrides, Policy: m.policy, Value: c.At}
				out.Changes = append(out.Changes, Change{Words: patch, Path: c.Path, Was: c.Was, Now: c.Now})
			}
		}
	}
	for _, a := range e.also {
		words := Words{Origin: OwnWords, Policy: m.policy}
		if a.from != nil {
			words = a.from.counts(*find(a.from.list, e.key)).through(a.from)
		}
		words.Value = a.value
		out.Also = append(out.Also, words)
	}
	return out
}

// words gives what an entry that did not come by extends began with.
func (m *merged) words(e entry) Words {
	w := Words{Origin: e.origin, Value: e.value}
	if e.origin == OwnWords {
		w.Policy = m.policy
	}
	return w
}

// counts gives the words that made an entry of m what it is as a whole, as
// Entry.Counts does, without the rest of what explain tells: where bases share
// bases, the ways to an entry grow with each level.
func (m *merged) counts(e entry) Words {
	before := func() *spec.Node { return find(e.from.list, e.key).value }
	switch {
	case e.from == nil:
		return m.words(e)
	case e.patch != nil && (e.patch.Kind != spec.Struct || before().Kind != spec.Struct):
		return Words{Origin: Overrides, Policy: m.policy, Value: e.patch}
	case e.own != nil:
		return Words{Origin: OwnWords, Policy: m.policy, Value: e.own}
	}
	return e.from.counts(*find(e.from.list, e.key)).through(e.from)
}

// through gives the words as an heir of the base sees them.
func (w Words) through(base *merged) Words {
	if w.Policy != base.policy {
		w.Via = slices.Concat([]*spec.Policy{base.policy}, w.Via)
	}
	return w
}

// through gives the entry as an heir of the base sees it.
func (e Entry) through(base *merged) Entry {
	e.First = e.First.through(base)
	also, changes := e.Also, e.Changes
	e.Also, e.Changes = nil, nil
	for _, w := range also {
		e.Also = append(e.Also, w.through(base))
	}
	for _, c := range changes {
		c.Words = c.Words.through(base)
		e.Changes = append(e.Changes, c)
	}
	return e
}

// removed tells what overrides dropped, of m and of what it is made of.
func (m *merged) removed(seen map[*merged]bool) []Entry {
	if seen[m] {
		return nil
	}
	seen[m] = true
	var out []Entry
	for _, e := range m.dropped {
		out = append(out, m.explain(e))
	}
	for _, b := range m.bases {
		for _, e := range b.removed(seen) {
			out = append(out, e.through(b.merged))
		}
	}
	return out
}

func (m *merged) extended() []Extended {
	var out []Extended
	for _, b := range m.bases {
		out = append(out, Extended{b.policy, b.at})
	}
	return out
}

// ancestors gives every policy that m is made of.
func (m *merged) ancestors(seen map[*merged]bool) []Base {
	var out []Base
	for _, b := range m.bases {
		if seen[b.merged] {
			continue
		}
		seen[b.merged] = true
		out = append(append(out, Base{b.policy, b.extended()}), b.ancestors(seen)...)
	}
	return out
}
