package check

import (
	"fmt"
	"strconv"

	"cuelang.org/go/cue"
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
}

// decode gives the node of v. A position inside the embedded module is
// replaced by the nearest enclosing one that the author wrote.
func (d *decoder) decode(v cue.Value, path spec.Path, enclosing token.Pos) *spec.Node {
	pos := v.Pos()
	if load.IsEmbedded(pos) {
		pos = enclosing
	}
	n := &spec.Node{Pos: pos}
	if len(path) > maxDepth {
		d.report(diag.TooDeep, pos, path[:20], fmt.Sprintf("nested more than %d levels deep", maxDepth))
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
			return d.invalid(n, v, path)
		}
		for i := 0; items.Next(); i++ {
			n.Items = append(n.Items, d.decode(items.Value(), path.Child(strconv.Itoa(i)), pos))
		}
	case cue.StructKind:
		n.Kind = spec.Struct
		fields, err := v.Fields()
		if err != nil {
			return d.invalid(n, v, path)
		}
		for fields.Next() {
			name := fields.Selector().Unquoted()
			n.Fields = append(n.Fields, spec.Field{Name: name, Value: d.decode(fields.Value(), path.Child(name), pos)})
		}
	case cue.BytesKind:
		d.report(diag.WrongType, pos, path, "bytes cannot be said in YAML or JSON: expected a string")
		n.Kind = spec.Invalid
	default:
		return d.invalid(n, v, path)
	}
	return n
}

// invalid reports a value that is not concrete, or failed to evaluate.
func (d *decoder) invalid(n *spec.Node, v cue.Value, path spec.Path) *spec.Node {
	n.Kind = spec.Invalid
	if d.isBroken(path) {
		return n
	}
	if err := v.Err(); err != nil && v.IncompleteKind() == cue.BottomKind {
		for _, e := range errors.Errors(err) {
			d.report(diag.Evaluation, n.Pos, path, load.Message(e))
		}
		return n
	}
	expected := fmt.Sprint(v)
	if len(expected) > 60 {
		expected = v.IncompleteKind().String()
	}
	message := fmt.Sprintf("not concrete: %s stands where a value is needed", expected)
	if ref := unresolved(v); ref != "" {
		message += ", because " + ref
	}
	d.report(diag.NotConcrete, n.Pos, path, message)
	return n
}

// unresolved says why a value is incomplete, where CUE knows.
func unresolved(v cue.Value) string {
	err := v.Validate(cue.Concrete(true))
	for _, e := range errors.Errors(err) {
		if m := load.Message(e); len(e.InputPositions()) > 0 && m != "" {
			return m
		}
	}
	return ""
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
