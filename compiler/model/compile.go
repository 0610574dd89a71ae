package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// compiler turns the syntax of definitions into shapes.
type compiler struct {
	sources map[string]*ast.Field // by definition
	shapes  map[string]*shape     // allocated for every definition, so that they may refer to each other
	state   map[string]compileState
}

type compileState uint8

const (
	waiting compileState = iota
	running
	finished
)

// compile reads every .cue file at the root of files.
func compile(files fs.FS) (*Model, error) {
	names, err := fs.Glob(files, "*.cue")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("model: the schema holds no CUE files")
	}
	c := &compiler{map[string]*ast.Field{}, map[string]*shape{}, map[string]compileState{}}
	var errs []error
	for _, name := range names {
		src, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile("schema/"+name, src)
		if err != nil {
			return nil, err
		}
		errs = append(errs, c.declare(f))
	}
	definitions := slices.Sorted(maps.Keys(c.sources))
	for _, name := range definitions {
		errs = append(errs, c.define(name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Model{c.shapes, definitions}, nil
}

// declare notes the definitions of a file.
func (c *compiler) declare(f *ast.File) error {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Package, *ast.CommentGroup:
		case *ast.ImportDecl:
			for _, i := range d.Specs {
				if i.Path.Value != `"strings"` || i.Name != nil {
					return outside(i, "an import other than \"strings\"")
				}
			}
		case *ast.Field:
			id, ok := d.Label.(*ast.Ident)
			if !ok || !strings.HasPrefix(id.Name, "#") || d.Constraint != token.ILLEGAL || d.Alias != nil {
				return outside(d, "a top-level field that is no definition")
			}
			if c.sources[id.Name] != nil {
				return outside(d, "a definition in two parts")
			}
			c.sources[id.Name] = d
			c.shapes[id.Name] = &shape{}
		default:
			return outside(d, "a top-level declaration that is no definition")
		}
	}
	return nil
}

// define fills in the shape of a definition, once. A definition whose shape
// depends on itself other than through a field or a list is refused.
func (c *compiler) define(name string) error {
	switch c.state[name] {
	case finished:
		return nil
	case running:
		return outside(c.sources[name], "a definition that holds itself")
	}
	c.state[name] = running
	defer func() { c.state[name] = finished }()
	source := c.sources[name]
	s, err := c.whole(source.Value)
	if err != nil {
		return err
	}
	target := c.shapes[name]
	*target = *s
	target.definition = name
	if s.fields != nil {
		own := *s.fields
		own.definitions = append([]string{name}, own.definitions...)
		target.fields = &own
	}
	return nil
}

// whole gives an expression's shape with its content known, for places that
// build on it.
func (c *compiler) whole(x ast.Expr) (*shape, error) {
	s, err := c.shape(x)
	if err != nil {
		return nil, err
	}
	if id, ok := x.(*ast.Ident); ok && strings.HasPrefix(id.Name, "#") {
		if err := c.define(id.Name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// shape gives an expression's shape. That of a reference may be filled in
// later.
func (c *compiler) shape(x ast.Expr) (*shape, error) {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return c.shape(x.X)
	case *ast.Ident:
		return c.named(x)
	case *ast.BasicLit:
		return literalShape(x)
	case *ast.StructLit:
		fields, err := c.structShape(x)
		if err != nil {
			return nil, err
		}
		return &shape{fields: fields}, nil
	case *ast.ListLit:
		list, err := c.listShape(x)
		if err != nil {
			return nil, err
		}
		return &shape{list: list}, nil
	case *ast.UnaryExpr, *ast.CallExpr:
		return c.conjunction([]ast.Expr{x})
	case *ast.BinaryExpr:
		switch x.Op {
		case token.OR:
			return c.disjunction(x)
		case token.AND:
			return c.conjunction(operands(x, token.AND))
		}
	}
	return nil, outside(x, fmt.Sprintf("an expression of this form (%T)", x))
}

func (c *compiler) named(id *ast.Ident) (*shape, error) {
	switch id.Name {
	case "_":
		return &shape{any: true}, nil
	case "string":
		return &shape{text: &textShape{others: [][]textCheck{nil}}}, nil
	case "bool":
		return &shape{boolean: true}, nil
	case "int":
		return &shape{number: &numberShape{integer: true}}, nil
	case "number":
		return &shape{number: &numberShape{}}, nil
	}
	if s := c.shapes[id.Name]; s != nil {
		return s, nil
	}
	return nil, outside(id, "a reference to "+id.Name)
}

func literalShape(x *ast.BasicLit) (*shape, error) {
	switch x.Kind {
	case token.NULL:
		return &shape{null: true}, nil
	case token.STRING:
		s, err := literal.Unquote(x.Value)
		if err != nil {
			return nil, outside(x, "a string that is no plain literal")
		}
		return &shape{text: &textShape{literals: []string{s}}}, nil
	}
	return nil, outside(x, "a literal other than a string or null")
}

// operands gives the operands of a chain of one operator, left to right.
func operands(x ast.Expr, op token.Token) []ast.Expr {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return operands(x.X, op)
	case *ast.BinaryExpr:
		if x.Op == op {
			return append(operands(x.X, op), operands(x.Y, op)...)
		}
	}
	return []ast.Expr{x}
}

// disjunction merges the alternatives, at most one list and one struct among
// them.
func (c *compiler) disjunction(x *ast.BinaryExpr) (*shape, error) {
	out := &shape{}
	for _, alternative := range operands(x, token.OR) {
		s, err := c.whole(alternative)
		if err != nil {
			return nil, err
		}
		if s.number != nil && out.number != nil || s.list != nil && out.list != nil || s.fields != nil && out.fields != nil {
			return nil, outside(alternative, "a disjunction of two numbers, two lists or two structs")
		}
		out.any = out.any || s.any
		out.null = out.null || s.null
		out.boolean = out.boolean || s.boolean
		if s.number != nil {
			out.number = s.number
		}
		if s.list != nil {
			out.list = s.list
		}
		if s.fields != nil {
			out.fields = s.fields
		}
		if s.text != nil {
			merged := textShape{}
			if out.text != nil {
				merged = *out.text
			}
			merged.literals = slices.Concat(merged.literals, s.text.literals)
			merged.others = slices.Concat(merged.others, s.text.others)
			out.text = &merged
		}
	}
	return out, nil
}

// conjunction puts constraints on a scalar type, which may be left out where
// they imply it.
func (c *compiler) conjunction(parts []ast.Expr) (*shape, error) {
	var base *shape
	var checks []textCheck
	var bounds []bound
	for _, part := range parts {
		switch p := part.(type) {
		case *ast.UnaryExpr:
			check, limit, err := constraint(p)
			if err != nil {
				return nil, err
			}
			checks, bounds = append(checks, check...), append(bounds, limit...)
		case *ast.CallExpr:
			check, err := lengthConstraint(p)
			if err != nil {
				return nil, err
			}
			checks = append(checks, check)
		default:
			s, err := c.whole(part)
			if err != nil {
				return nil, err
			}
			plainText := s.text != nil && len(s.text.literals) == 0 && len(s.text.others) == 1
			if base != nil || s.any || s.null || s.boolean || s.list != nil || s.fields != nil ||
				plainText == (s.number != nil) {
				return nil, outside(part, "a constraint on anything but one string or number")
			}
			base = s
		}
	}
	if len(checks) > 0 && len(bounds) > 0 || base != nil && (base.number != nil && len(checks) > 0 || base.text != nil && len(bounds) > 0) {
		return nil, outside(parts[0], "constraints on both strings and numbers")
	}
	if len(checks) > 0 || base != nil && base.text != nil {
		if base != nil {
			checks = slices.Concat(base.text.others[0], checks)
		}
		return &shape{text: &textShape{others: [][]textCheck{checks}}}, nil
	}
	number := numberShape{bounds: bounds}
	if base != nil {
		number = numberShape{base.number.integer, slices.Concat(base.number.bounds, bounds)}
	}
	return &shape{number: &number}, nil
}

// constraint gives what a comparison such as >=1, !="" or =~"re" asks.
func constraint(x *ast.UnaryExpr) ([]textCheck, []bound, error) {
	lit, ok := x.X.(*ast.BasicLit)
	if !ok {
		return nil, nil, outside(x, "a comparison with anything but a literal")
	}
	switch x.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		limit, err := strconv.ParseFloat(lit.Value, 64)
		if err != nil {
			return nil, nil, outside(x, "a bound that is no plain number")
		}
		return nil, []bound{{x.Op.String(), limit}}, nil
	case token.NEQ, token.MAT, token.NMAT:
		s, err := literal.Unquote(lit.Value)
		if err != nil {
			return nil, nil, outside(x, "a comparison with anything but a plain string")
		}
		if x.Op == token.NEQ {
			return []textCheck{notEqual(s)}, nil, nil
		}
		re, err := regexp.Compile(s)
		if err != nil {
			return nil, nil, outside(x, "an invalid regular expression")
		}
		return []textCheck{matching(re, x.Op == token.MAT)}, nil, nil
	}
	return nil, nil, outside(x, "the operator "+x.Op.String())
}

// lengthConstraint gives what strings.MinRunes(n) or strings.MaxRunes(n) asks.
func lengthConstraint(x *ast.CallExpr) (textCheck, error) {
	if sel, ok := x.Fun.(*ast.SelectorExpr); ok && len(x.Args) == 1 {
		pkg, _ := sel.X.(*ast.Ident)
		name, _ := sel.Sel.(*ast.Ident)
		arg, _ := x.Args[0].(*ast.BasicLit)
		if pkg != nil && name != nil && arg != nil && pkg.Name == "strings" {
			if n, err := strconv.Atoi(arg.Value); err == nil {
				switch name.Name {
				case "MinRunes":
					return minRunes(n), nil
				case "MaxRunes":
					return maxRunes(n), nil
				}
			}
		}
	}
	return textCheck{}, outside(x, "a call other than strings.MinRunes and strings.MaxRunes of a number")
}

func (c *compiler) listShape(x *ast.ListLit) (*listShape, error) {
	out := &listShape{}
	for _, e := range x.Elts {
		if rest, ok := e.(*ast.Ellipsis); ok {
			out.rest = &shape{any: true}
			if rest.Type != nil {
				s, err := c.shape(rest.Type)
				if err != nil {
					return nil, err
				}
				out.rest = s
			}
			continue
		}
		s, err := c.shape(e)
		if err != nil {
			return nil, err
		}
		out.prefix = append(out.prefix, s)
	}
	return out, nil
}

func (c *compiler) structShape(x *ast.StructLit) (*structShape, error) {
	out := &structShape{index: map[string]int{}}
	for _, d := range x.Elts {
		switch d := d.(type) {
		case *ast.CommentGroup:
		case *ast.Ellipsis:
			if d.Type != nil {
				return nil, outside(d, "a typed ... in a struct")
			}
			out.open = true
		case *ast.EmbedDecl:
			if err := c.embed(out, d); err != nil {
				return nil, err
			}
		case *ast.Field:
			if err := c.field(out, d); err != nil {
				return nil, err
			}
		default:
			return nil, outside(d, fmt.Sprintf("a declaration of this form (%T)", d))
		}
	}
	for i, f := range out.fields {
		if f.required {
			out.required = append(out.required, i)
		}
	}
	return out, nil
}

// embed takes over the fields of an embedded definition.
func (c *compiler) embed(into *structShape, d *ast.EmbedDecl) error {
	s, err := c.whole(d.Expr)
	if err != nil {
		return err
	}
	if s.definition == "" || s.fields == nil || len(s.fields.patterns) > 0 || s.fields.open || s.number != nil || s.text != nil || s.list != nil || s.null || s.boolean || s.any {
		return outside(d, "an embedding of anything but a definition of plain fields")
	}
	into.definitions = append(into.definitions, s.fields.definitions...)
	for _, f := range s.fields.fields {
		if err := into.add(f, d); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) field(into *structShape, d *ast.Field) error {
	if d.Alias != nil {
		return outside(d, "an alias")
	}
	s, err := c.shape(d.Value)
	if err != nil {
		return err
	}
	if l, ok := d.Label.(*ast.ListLit); ok {
		p := patternShape{shape: s}
		if len(l.Elts) != 1 || d.Constraint != token.ILLEGAL {
			return outside(d, "this pattern constraint")
		}
		switch key := l.Elts[0].(type) {
		case *ast.Ident:
			if key.Name != "string" {
				return outside(d, "a pattern constraint other than [string] and [=~\"re\"]")
			}
		case *ast.UnaryExpr:
			lit, _ := key.X.(*ast.BasicLit)
			if key.Op != token.MAT || lit == nil {
				return outside(d, "a pattern constraint other than [string] and [=~\"re\"]")
			}
			text, err := literal.Unquote(lit.Value)
			if err != nil {
				return outside(d, "a pattern that is no plain string")
			}
			if p.re, err = regexp.Compile(text); err != nil {
				return outside(d, "an invalid regular expression")
			}
		default:
			return outside(d, "a pattern constraint other than [string] and [=~\"re\"]")
		}
		into.patterns = append(into.patterns, p)
		return nil
	}
	name, isIdent, err := ast.LabelName(d.Label)
	if err != nil || isIdent && (strings.HasPrefix(name, "#") || strings.HasPrefix(name, "_")) {
		return outside(d, "a hidden, defined or computed label")
	}
	if d.Constraint == token.ILLEGAL {
		return outside(d, "a field marked neither ? nor !")
	}
	return into.add(fieldShape{name, s, d.Constraint == token.NOT}, d)
}

func (s *structShape) add(f fieldShape, at ast.Node) error {
	if _, ok := s.index[f.name]; ok {
		return outside(at, "two declarations of the field "+f.name)
	}
	s.index[f.name] = len(s.fields)
	s.fields = append(s.fields, f)
	return nil
}

func outside(n ast.Node, what string) error {
	return fmt.Errorf("%s: the schema holds %s, which is outside of the subset that kcue compiles", n.Pos(), what)
}
