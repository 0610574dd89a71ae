package resolve

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// keyed lists the settings whose members are inherited one by one, as rules
// are: maps keyed by name.
var keyed = []string{"rules", "labels", "annotations", "controls"}

// notInherited lists the fields of a spec that are no settings: the words of
// inheritance itself, and a library's parameters, which CUE has used up.
var notInherited = []string{"extends", "overrides", "params"}

// key names what is inherited as one: a setting, a rule, or a member of
// another keyed setting.
type key struct {
	field    string
	isMember bool   // of a keyed setting
	member   string // its name
}

func setting(field string) key { return key{field: field} }

func memberOf(field, name string) key { return key{field: field, isMember: true, member: name} }

func (k key) path() spec.Path {
	if !k.isMember {
		return spec.Path{k.field}
	}
	return spec.Path{k.field, k.member}
}

func (k key) String() string {
	switch {
	case !k.isMember:
		return k.field
	case k.field == "rules":
		return fmt.Sprintf("rule %q", k.member)
	}
	return k.path().String()
}

// describes reports whether the key is text about the policy itself. A policy
// may say its own instead of an inherited one without an override.
func (k key) describes() bool { return k.field == "title" || k.field == "description" }

// of gives the key's value in a spec or an overrides patch, or nil.
func (k key) of(n *spec.Node) *spec.Node {
	v := n.Get(k.field)
	if !k.isMember || v == nil {
		return v
	}
	if v.Kind == spec.Null { // the patch drops all of them
		return v
	}
	return v.Get(k.member)
}

// entry is one inherited thing.
type entry struct {
	key   key
	value *spec.Node
	from  string // the reference of the policy that it came from
}

// entries keeps what a policy has, in order of arrival.
type entries struct{ list []entry }

func entriesOf(n *spec.Node, from string) []entry {
	var out []entry
	for _, f := range n.Fields {
		switch {
		case slices.Contains(notInherited, f.Name):
		case slices.Contains(keyed, f.Name):
			for _, m := range f.Value.Fields {
				out = append(out, entry{memberOf(f.Name, m.Name), m.Value, from})
			}
		default:
			out = append(out, entry{setting(f.Name), f.Value, from})
		}
	}
	return out
}

func (e *entries) find(k key) *entry {
	for i := range e.list {
		if e.list[i].key == k {
			return &e.list[i]
		}
	}
	return nil
}

func (e *entries) add(x entry) { e.list = append(e.list, x) }

func (e *entries) clone() *entries { return &entries{slices.Clone(e.list)} }

// members lists the names that a keyed setting has.
func (e *entries) members(field string) []string {
	var names []string
	for _, x := range e.list {
		if x.key.field == field {
			names = append(names, x.key.member)
		}
	}
	return names
}

// fields lists the settings that are present.
func (e *entries) fields() []string {
	var names []string
	for _, x := range e.list {
		if !slices.Contains(names, x.key.field) {
			names = append(names, x.key.field)
		}
	}
	return names
}

// node gives the entries as a spec.
func (e *entries) node(pos token.Pos) *spec.Node {
	n := &spec.Node{Kind: spec.Struct, Pos: pos}
	groups := map[string]*spec.Node{}
	for _, x := range e.list {
		if !x.key.isMember {
			n.Fields = append(n.Fields, spec.Field{Name: x.key.field, Value: x.value})
			continue
		}
		group := groups[x.key.field]
		if group == nil {
			group = &spec.Node{Kind: spec.Struct, Pos: x.value.Pos}
			groups[x.key.field] = group
			n.Fields = append(n.Fields, spec.Field{Name: x.key.field, Value: group})
		}
		group.Fields = append(group.Fields, spec.Field{Name: x.key.member, Value: x.value})
	}
	return n
}
