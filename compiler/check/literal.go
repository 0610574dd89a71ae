package check

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// structLiteral is a struct literal that says which fields a value has, and in
// which order, if nothing else is unified with it.
type structLiteral struct {
	plain  bool
	fields []literalField
}

// literalField is a regular field of a literal.
type literalField struct {
	name string
	path cue.Path
}

// asWritten decodes the fields of a struct that a single literal makes, and is
// false for any other. Finding the order of fields is a third of what decoding
// costs, since CUE sorts those of several structs into one order; a single one
// has the order in which it is written.
func (d *decoder) asWritten(n *spec.Node, v cue.Value, pos token.Pos) bool {
	written := d.literal(v.Source())
	if written == nil || !written.plain {
		return false
	}
	values := make([]cue.Value, len(written.fields))
	for i, f := range written.fields {
		if values[i] = v.LookupPath(f.path); !values[i].Exists() {
			return false
		}
	}
	n.Fields = make([]spec.Field, len(written.fields))
	for i, f := range written.fields {
		n.Fields[i] = spec.Field{Name: f.name, Value: d.member(f.name, values[i], pos)}
	}
	return true
}

// literal gives what is known of the literal that is a value's whole source, or
// nil: CUE gives a source where there is one conjunct.
func (d *decoder) literal(source ast.Node) *structLiteral {
	if f, ok := source.(*ast.Field); ok {
		source = f.Value
	}
	lit, ok := source.(*ast.StructLit)
	if !ok {
		return nil
	}
	known := d.literals[lit]
	if known == nil {
		known = newStructLiteral(lit)
		if d.literals == nil {
			d.literals = map[*ast.StructLit]*structLiteral{}
		}
		d.literals[lit] = known
	}
	return known
}

// newStructLiteral reads a literal. It is plain where it holds named fields
// alone: an embedding, a comprehension, a pattern or a computed name may add
// fields, and an order.
func newStructLiteral(lit *ast.StructLit) *structLiteral {
	s := &structLiteral{plain: true}
	for _, elt := range lit.Elts {
		switch elt := elt.(type) {
		case *ast.Field:
			name, emitted, plain := literalLabel(elt)
			if !plain {
				return &structLiteral{}
			}
			if emitted && !slices.ContainsFunc(s.fields, func(f literalField) bool { return f.name == name }) {
				s.fields = append(s.fields, literalField{name, cue.MakePath(cue.Str(name))})
			}
		case *ast.LetClause, *ast.Attribute, *ast.CommentGroup:
		default:
			return &structLiteral{}
		}
	}
	return s
}

// literalLabel reads a field's label: whether it makes a field of the value,
// and whether it is a name at all. A required field may lack its value, which
// CUE tells.
func literalLabel(f *ast.Field) (name string, emitted, plain bool) {
	if f.Alias != nil || f.Constraint == token.NOT {
		return "", false, false
	}
	switch l := f.Label.(type) {
	case *ast.Ident:
		name = l.Name
		if name == "" || name[0] == '_' || name[0] == '#' {
			return "", false, true
		}
	case *ast.BasicLit:
		text, err := literal.Unquote(l.Value)
		if err != nil || l.Kind != token.STRING {
			return "", false, false
		}
		name = text
	default:
		return "", false, false
	}
	return name, f.Constraint == token.ILLEGAL, true
}
