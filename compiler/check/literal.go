package check

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// literalField is a field that a struct literal gives a value, in its order if
// nothing else is unified with it.
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
	if written == nil {
		return false
	}
	values := make([]cue.Value, len(written))
	for i, f := range written {
		if values[i] = v.LookupPath(f.path); !values[i].Exists() {
			return false
		}
	}
	n.Fields = make([]spec.Field, len(written))
	for i, f := range written {
		n.Fields[i] = spec.Field{Name: f.name, Value: d.member(f.name, values[i], pos)}
	}
	return true
}

// literal gives the fields of the literal that is a value's whole source, and nil
// where there is none, or it may hold others. CUE gives a source where there is
// one conjunct.
func (d *decoder) literal(source ast.Node) []literalField {
	if f, ok := source.(*ast.Field); ok {
		source = f.Value
	}
	lit, ok := source.(*ast.StructLit)
	if !ok {
		return nil
	}
	written, known := d.literals[lit]
	if known {
		return written
	}
	if fields := plainFields(lit); fields != nil {
		written = make([]literalField, len(fields))
		for i, f := range fields {
			written[i] = literalField{f.name, cue.MakePath(cue.Str(f.name))}
		}
	}
	if d.literals == nil {
		d.literals = map[*ast.StructLit][]literalField{}
	}
	d.literals[lit] = written
	return written
}

// namedField is a field of a literal that a name alone labels.
type namedField struct {
	name  string
	field *ast.Field
}

type namedFields []namedField

// plainFields gives the fields of a literal that holds nothing but such fields,
// each once, and what makes no field; nil for any other: an embedding, a
// comprehension, a pattern or a computed name may add fields, and an order.
func plainFields(lit *ast.StructLit) namedFields {
	fields := namedFields{}
	for _, elt := range lit.Elts {
		switch elt := elt.(type) {
		case *ast.Field:
			name, emitted, plain := literalLabel(elt)
			if !plain || emitted && fields.find(name) != nil {
				return nil
			}
			if emitted {
				fields = append(fields, namedField{name, elt})
			}
		case *ast.LetClause, *ast.Attribute, *ast.CommentGroup:
		default:
			return nil
		}
	}
	return fields
}

func (n namedFields) find(name string) *ast.Field {
	if i := slices.IndexFunc(n, func(f namedField) bool { return f.name == name }); i >= 0 {
		return n[i].field
	}
	return nil
}

// literal gives the struct literal that a field holds.
func (n namedFields) literal(name string) (*ast.StructLit, bool) {
	field := n.find(name)
	if field == nil {
		return nil, false
	}
	lit, ok := field.Value.(*ast.StructLit)
	return lit, ok
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
