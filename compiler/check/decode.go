package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// maxDepth bounds the nesting of a value. Kubernetes' own limit on objects is
// lower than this in practice: a manifest of depth 100 is an attack.
const maxDepth = 500

// decoder turns an evaluated value into a Node.
type decoder struct {
	files *load.Files
	diags diag.List
	// broken holds paths, in spec.Path's text, whose mistakes are reported
	// already; what is incomplete there is decoded as Invalid.
	broken map[string]bool
	path   spec.Path // of the value at hand
	// needs are values that a missing field keeps from being made.
	needs []need
	// diagnose speaks of what CUE could not evaluate.
	diagnose func(mistake) diag.Diagnostic
	// schemaNamed is set where the package names definitions of the schema, which
	// then say something of every value: finding the author's place among several
	// is dear.
	schemaNamed bool
	// literals holds the fields of struct literals; nil for one that is not plain.
	literals map[*ast.StructLit][]literalField
}

// need is a value that could not be made because a required field is missing.
type need struct {
	field string
	pos   token.Pos
	path  spec.Path
}

// root decodes a whole package. What a missing field keeps from being made is
// reported where the field itself is not: in a hidden field, say.
func (d *decoder) root(v cue.Value) *spec.Node {
	n := d.decode(v, token.NoPos)
	missing := map[string]bool{}
	for _, found := range d.diags {
		if found.Code == diag.MissingField {
			missing[found.Path[strings.LastIndexByte(found.Path, '.')+1:]] = true
		}
	}
	for _, need := range d.needs {
		if !missing[spec.Path{need.field}.String()] {
			d.report(diag.MissingField, need.pos, need.path, fmt.Sprintf("the field %q is required, and the value here is made of it", need.field))
		}
	}
	return n
}

// member decodes a member of the value at hand.
func (d *decoder) member(name string, v cue.Value, enclosing token.Pos) *spec.Node {
	d.path = append(d.path, name)
	n := d.decode(v, enclosing)
	d.path = d.path[:len(d.path)-1]
	return n
}

// decode gives the node of v. A position inside the embedded module is
// replaced by the nearest enclosing one that the author wrote.
func (d *decoder) decode(v cue.Value, enclosing token.Pos) *spec.Node {
	pos := v.Pos()
	if load.IsEmbedded(pos) {
		pos = enclosing
		if d.schemaNamed {
			pos = cmp.Or(ownPos(v), enclosing)
		}
	}
	n := &spec.Node{Pos: pos}
	if len(d.path) > maxDepth {
		d.report(diag.TooDeep, pos, d.path[:20], fmt.Sprintf("nested more than %d levels deep", maxDepth))
		n.Kind = spec.Invalid
		return n
	}
	kind := v.Kind()
	if kind == cue.BottomKind {
		if def, ok := v.Default(); ok {
			v = def
			kind = v.Kind()
		}
	}
	switch kind {
	case cue.NullKind:
		n.Kind = spec.Null
	case cue.BoolKind:
		n.Kind = spec.Bool
		b, _ := v.Bool()
		n.Text = strconv.FormatBool(b)
	case cue.StringKind:
		n.Kind = spec.String
		n.Text, _ = v.String()
	case cue.IntKind, cue.FloatKind, cue.NumberKind:
		n.Kind = spec.Number
		if i, err := v.Int64(); err == nil && kind == cue.IntKind {
			n.Text = strconv.FormatInt(i, 10)
		} else if text, err := v.MarshalJSON(); err == nil {
			n.Text = string(text)
		}
	case cue.ListKind:
		n.Kind = spec.List
		items, err := v.List()
		if err != nil {
			return d.invalid(n, v)
		}
		for i := 0; items.Next(); i++ {
			n.Items = append(n.Items, d.member(strconv.Itoa(i), items.Value(), pos))
		}
	case cue.StructKind:
		n.Kind = spec.Struct
		if d.asWritten(n, v, pos) {
			return n
		}
		fields, err := v.Fields()
		if err != nil {
			return d.invalid(n, v)
		}
		for fields.Next() {
			name := fields.Selector().Unquoted()
			n.Fields = append(n.Fields, spec.Field{Name: name, Value: d.member(name, fields.Value(), pos)})
		}
	case cue.BytesKind:
		d.report(diag.WrongType, pos, d.path, "bytes cannot be said in YAML or JSON: expected a string")
		n.Kind = spec.Invalid
	default:
		return d.invalid(n, v)
	}
	return n
}

// ownPos gives the author's place among those of a value that a definition of
// the embedded module says something of too, or none.
func ownPos(v cue.Value) token.Pos {
	if v.Source() != nil {
		return token.NoPos // there is one place
	}
	op, conjuncts := v.Expr()
	if op != cue.AndOp {
		return token.NoPos
	}
	for _, c := range conjuncts {
		if pos := c.Pos(); !load.IsEmbedded(pos) {
			return pos
		}
	}
	return token.NoPos
}

// invalid reports a value that is not concrete, or failed to evaluate.
func (d *decoder) invalid(n *spec.Node, v cue.Value) *spec.Node {
	n.Kind = spec.Invalid
	path := d.path
	if d.isBroken(path) {
		return n
	}
	if err := v.Err(); err != nil && v.IncompleteKind() == cue.BottomKind {
		m := mistake{path: slices.Clone(path), errors: errors.Errors(err)}
		switch {
		case m.says(cueNeedsRequired):
			_, name, _ := strings.Cut(load.Message(m.having(cueNeedsRequired)[0]), cueNeedsRequired+": ")
			d.needs = append(d.needs, need{name, n.Pos, slices.Clone(path)})
		case m.says(cueInterpolation):
			d.report(diag.NotConcrete, n.Pos, path, d.interpolation(m.errors[0]))
		default:
			d.diags = append(d.diags, d.diagnose(m))
		}
		return n
	}
	if len(path) == 1 {
		return n // an unknown field or an empty map, which the model speaks of
	}
	expected := fmt.Sprint(v)
	if len(expected) > 60 {
		expected = v.IncompleteKind().String()
	}
	d.report(diag.NotConcrete, n.Pos, path, fmt.Sprintf("not concrete: %s stands where a value is needed", expected))
	return n
}

// interpolation says which part of an interpolated string has no value.
func (d *decoder) interpolation(e errors.Error) string {
	for _, p := range e.InputPositions() {
		if p != e.Position() && !load.IsEmbedded(p) {
			return fmt.Sprintf("not concrete: the text needs a value that has none yet, at %s", d.files.Position(p))
		}
	}
	return "not concrete: the text needs a value that has none yet"
}

func (d *decoder) isBroken(path spec.Path) bool {
	for i := range path {
		if d.broken[path[:i+1].String()] {
			return true
		}
	}
	return false
}

func (d *decoder) report(code diag.Code, pos token.Pos, path spec.Path, message string) {
	d.diags = append(d.diags, diag.Diagnostic{
		Code:    code,
		Pos:     d.files.Position(pos),
		Path:    path.String(),
		Message: message,
	})
}
