// Package spec holds what authors wrote once CUE has evaluated it: concrete,
// ordered values that know where in the user's files they stand.
//
// CUE evaluates and forgets its order-preserving source; resolving inheritance
// and emitting Kyverno's objects need both the order and the positions, so the
// compiler decodes every package once into this form and drops the CUE values.
package spec

import (
	"slices"

	"cuelang.org/go/cue/token"
)

// Kind is the type of a Node.
type Kind uint8

// The kinds are JSON's, and Invalid.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Struct
	// Invalid stands where a value has a mistake that is already reported. It
	// satisfies every check, so that one mistake is not reported twice, and
	// never reaches the phases after check.
	Invalid
)

func (k Kind) String() string {
	return [...]string{"null", "bool", "number", "string", "list", "struct", "invalid"}[k]
}

// Node is one value. Nodes are immutable once they are shared: a phase that
// changes one copies the structs on the way to it (see With and Without).
type Node struct {
	Kind   Kind
	Text   string  // String: its content; Number: a JSON literal; Bool: "true" or "false"
	Fields []Field // Struct: in source order, names unique
	Items  []*Node // List
	Pos    token.Pos
}

// Field is a named member of a Struct.
type Field struct {
	Name  string
	Value *Node
}

// NewString gives a string at pos.
func NewString(s string, pos token.Pos) *Node { return &Node{Kind: String, Text: s, Pos: pos} }

// NewBool gives a boolean at pos.
func NewBool(b bool, pos token.Pos) *Node {
	text := "false"
	if b {
		text = "true"
	}
	return &Node{Kind: Bool, Text: text, Pos: pos}
}

// NewStruct gives a struct of the fields at pos.
func NewStruct(pos token.Pos, fields ...Field) *Node {
	return &Node{Kind: Struct, Fields: fields, Pos: pos}
}

// NewList gives a list of the items at pos.
func NewList(pos token.Pos, items ...*Node) *Node { return &Node{Kind: List, Items: items, Pos: pos} }

// Get gives the value of a struct's field, or nil where n is nil, is no
// struct, or has no such field.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return n.Fields[i].Value
		}
	}
	return nil
}

// Has reports whether a struct has the field.
func (n *Node) Has(name string) bool { return n.Get(name) != nil }

// Str gives the content of a string, and "" for nil or any other kind.
func (n *Node) Str() string {
	if n == nil || n.Kind != String {
		return ""
	}
	return n.Text
}

// IsTrue reports whether n is the boolean true.
func (n *Node) IsTrue() bool { return n != nil && n.Kind == Bool && n.Text == "true" }

// Strings gives the contents of a list's strings.
func (n *Node) Strings() []string {
	if n == nil {
		return nil
	}
	out := make([]string, 0, len(n.Items))
	for _, item := range n.Items {
		out = append(out, item.Str())
	}
	return out
}

// With gives a copy of the struct in which name holds value: in the place of
// an earlier field of that name, otherwise at the end.
func (n *Node) With(name string, value *Node) *Node {
	c := *n
	c.Fields = slices.Clone(n.Fields)
	for i := range c.Fields {
		if c.Fields[i].Name == name {
			c.Fields[i].Value = value
			return &c
		}
	}
	c.Fields = append(c.Fields, Field{name, value})
	return &c
}

// Without gives a copy of the struct that lacks the named fields.
func (n *Node) Without(names ...string) *Node {
	c := *n
	c.Fields = make([]Field, 0, len(n.Fields))
	for _, f := range n.Fields {
		if !slices.Contains(names, f.Name) {
			c.Fields = append(c.Fields, f)
		}
	}
	return &c
}

// Equal reports whether two values are the same data. The order of a struct's
// fields and the positions do not count.
func Equal(a, b *Node) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Text != b.Text ||
		len(a.Fields) != len(b.Fields) || len(a.Items) != len(b.Items) {
		return false
	}
	for _, f := range a.Fields {
		other := b.Get(f.Name)
		if other == nil || !Equal(f.Value, other) {
			return false
		}
	}
	for i := range a.Items {
		if !Equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

// Members gives a struct's fields, and none for nil.
func (n *Node) Members() []Field {
	if n == nil {
		return nil
	}
	return n.Fields
}

// IsValid reports whether no Invalid stands in the value.
func (n *Node) IsValid() bool {
	if n.Kind == Invalid {
		return false
	}
	for _, f := range n.Fields {
		if !f.Value.IsValid() {
			return false
		}
	}
	for _, item := range n.Items {
		if !item.IsValid() {
			return false
		}
	}
	return true
}
