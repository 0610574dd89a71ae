package resolve

import (
	"fmt"
	"slices"

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

// entry is one setting, rule or member of a keyed setting that a policy has,
// with the decisions that made it what it is. What a base decided stands in the
// base's own entry.
type entry struct {
	key   key
	value *spec.Node // nil where the policy's overrides drop it

	from  *merged    // the base that brought it; nil where it did not come by extends
	also  []also     // others that brought it, whose value is the same or was decided against
	own   *spec.Node // the policy's own words in place of the inherited
	patch *spec.Node // what the policy's overrides say of it
	// origin is OwnWords, BundleDefaults or KcueDefaults. Where from is set, it
	// is the base that knows.
	origin Origin
}

// also is a further bringer of an entry.
type also struct {
	from  *merged // nil for the policy itself
	value *spec.Node
}

// entriesOf gives what a spec says itself, or what a bundle's defaults say.
func entriesOf(n *spec.Node, origin Origin) []entry {
	var out []entry
	for _, f := range n.Fields {
		switch {
		case slices.Contains(notInherited, f.Name):
		case slices.Contains(keyed, f.Name):
			for _, m := range f.Value.Fields {
				out = append(out, entry{key: memberOf(f.Name, m.Name), value: m.Value, origin: origin})
			}
		default:
			out = append(out, entry{key: setting(f.Name), value: f.Value, origin: origin})
		}
	}
	return out
}

// merged is a policy's spec as inheritance and overrides make it.
type merged struct {
	policy *spec.Policy
	bases  []base
	// list is what the policy has, in order of arrival, and dropped what its
	// overrides removed.
	list    []entry
	dropped []entry
}

func find(list []entry, k key) *entry {
	for i := range list {
		if list[i].key == k {
			return &list[i]
		}
	}
	return nil
}

func (m *merged) add(e entry) { m.list = append(m.list, e) }

// members lists the names that a keyed setting has.
func members(list []entry, field string) []string {
	var names []string
	for _, e := range list {
		if e.key.field == field {
			names = append(names, e.key.member)
		}
	}
	return names
}

// fields lists the settings that are present.
func fields(list []entry) []string {
	var names []string
	for _, e := range list {
		if !slices.Contains(names, e.key.field) {
			names = append(names, e.key.field)
		}
	}
	return names
}

// node gives the entries as a spec.
func (m *merged) node() *spec.Node {
	n := spec.NewStruct(m.policy.Spec.Pos)
	groups := map[string]*spec.Node{}
	for _, e := range m.list {
		if !e.key.isMember {
			n.Fields = append(n.Fields, spec.Field{Name: e.key.field, Value: e.value})
			continue
		}
		group := groups[e.key.field]
		if group == nil {
			group = spec.NewStruct(e.value.Pos)
			groups[e.key.field] = group
			n.Fields = append(n.Fields, spec.Field{Name: e.key.field, Value: group})
		}
		group.Fields = append(group.Fields, spec.Field{Name: e.key.member, Value: e.value})
	}
	return n
}
