package crd

import (
	"slices"

	"cuelang.org/go/cue/token"
	"kcue.dev/compiler/spec"
)

// DefaultLists gives the object with the defaults of Kyverno's CRDs written
// out inside the items of its lists, at any depth below them. Elsewhere
// absent fields stay absent: GitOps tools ignore what the cluster adds to an
// object, but compare the items of a list as wholes.
//
// The rule is Kubernetes' own (apiextensions-apiserver,
// pkg/apiserver/schema/defaulting): a default applies where the field is
// absent, or null and not nullable, and then inside what was filled in. New
// fields follow the existing ones, sorted by name, at their struct's
// position. The object is not changed; parts that stay the same are shared,
// and an object of unknown kind is given back as it is.
func (s *Schemas) DefaultLists(obj *spec.Node) *spec.Node {
	k := s.kindOf(obj)
	if k == nil {
		return obj
	}
	return withDefaults(obj, k.root, false)
}

func withDefaults(n *spec.Node, s *schema, inList bool) *spec.Node {
	if n == nil || s == nil {
		return n
	}
	switch n.Kind {
	case spec.Struct:
		return structWithDefaults(n, s, inList)
	case spec.List:
		return listWithDefaults(n, s)
	}
	return n
}

func structWithDefaults(n *spec.Node, s *schema, inList bool) *spec.Node {
	fields, changed := n.Fields, false
	for i, f := range n.Fields {
		sub := s.child(f.Name)
		if sub == nil {
			continue
		}
		v := f.Value
		if inList && missing(v, sub) {
			v = copyAt(sub.def, n.Pos)
		}
		if v = withDefaults(v, sub, inList); v == f.Value {
			continue
		}
		if !changed {
			fields, changed = slices.Clone(fields), true
		}
		fields[i].Value = v
	}
	if inList {
		for _, name := range s.defaults {
			if n.Has(name) {
				continue
			}
			if !changed {
				fields, changed = slices.Clone(fields), true
			}
			sub := s.properties[name]
			fields = append(fields, spec.Field{Name: name, Value: withDefaults(copyAt(sub.def, n.Pos), sub, true)})
		}
	}
	if !changed {
		return n
	}
	c := *n
	c.Fields = fields
	return &c
}

func listWithDefaults(n *spec.Node, s *schema) *spec.Node {
	if s.items == nil {
		return n
	}
	items, changed := n.Items, false
	for i, item := range n.Items {
		v := item
		if missing(v, s.items) {
			v = copyAt(s.items.def, n.Pos)
		}
		if v = withDefaults(v, s.items, true); v == item {
			continue
		}
		if !changed {
			items, changed = slices.Clone(items), true
		}
		items[i] = v
	}
	if !changed {
		return n
	}
	c := *n
	c.Items = items
	return &c
}

// missing reports whether the API server would put the default in v's place.
func missing(v *spec.Node, s *schema) bool {
	return v != nil && v.Kind == spec.Null && !s.nullable && s.def != nil
}

func copyAt(n *spec.Node, pos token.Pos) *spec.Node {
	c := *n
	c.Pos = pos
	c.Fields = slices.Clone(n.Fields)
	for i := range c.Fields {
		c.Fields[i].Value = copyAt(c.Fields[i].Value, pos)
	}
	c.Items = slices.Clone(n.Items)
	for i := range c.Items {
		c.Items[i] = copyAt(c.Items[i], pos)
	}
	return &c
}
