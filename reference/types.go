package reference

import (
	"fmt"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
)

// typeOf says in words what values an expression of the schema allows, and what
// its default is, as CUE; empty where there is none.
func (p *page) typeOf(e ast.Expr) (words, dflt string, err error) {
	parts, dflt, err := p.disjuncts(e)
	if err != nil {
		return "", "", err
	}
	return strings.Join(parts, " or "), dflt, nil
}

// disjuncts gives the words of each alternative. Literals stand together,
// parted by commas.
func (p *page) disjuncts(e ast.Expr) (parts []string, dflt string, err error) {
	var literals []string
	all := operands(e, token.OR)
	for _, d := range all {
		if u, ok := d.(*ast.UnaryExpr); ok && u.Op == token.MUL {
			if dflt, err = sourceOf(u.X); err != nil {
				return nil, "", err
			}
			if !enumerated(all) {
				continue
			}
			d = u.X
		}
		if lit, ok := d.(*ast.BasicLit); ok {
			literals = append(literals, code(lit.Value))
			continue
		}
		words, err := p.conjuncts(d)
		if err != nil {
			return nil, "", err
		}
		parts = append(parts, words)
	}
	if n := len(literals); n > 0 {
		list := literals[n-1]
		if n > 1 {
			list = strings.Join(literals[:n-1], ", ") + " or " + list
		}
		parts = append([]string{list}, parts...)
	}
	return parts, dflt, nil
}

// enumerated reports whether the default of a disjunction is a value of its
// own, and not one of those that the other alternatives allow: whether these
// are literals, or a regular expression beside it.
func enumerated(disjuncts []ast.Expr) bool {
	for _, d := range disjuncts {
		switch d := d.(type) {
		case *ast.BasicLit:
		case *ast.UnaryExpr:
			if d.Op != token.MUL && d.Op != token.MAT {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// operands parts a chain of one operator, in the order of the source.
func operands(e ast.Expr, op token.Token) []ast.Expr {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return operands(x.X, op)
	case *ast.BinaryExpr:
		if x.Op == op {
			return append(operands(x.X, op), operands(x.Y, op)...)
		}
	}
	return []ast.Expr{e}
}

func (p *page) conjuncts(e ast.Expr) (string, error) {
	var parts []string
	for _, c := range operands(e, token.AND) {
		words, err := p.simple(c)
		if err != nil {
			return "", err
		}
		parts = append(parts, words)
	}
	if len(parts) > 1 && strings.HasPrefix(parts[0], "at least") {
		// A constraint written before what it constrains.
		parts = append(parts[1:], parts[0])
	}
	if len(parts) > 1 && parts[0] == "string" {
		// What follows says of what sort.
		parts = parts[1:]
	}
	return strings.Join(parts, ", "), nil
}

// simple says what an expression without & and | allows.
func (p *page) simple(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return code(e.Value), nil
	case *ast.Ident:
		switch {
		case e.Name == "_":
			return "any value", nil
		case strings.HasPrefix(e.Name, "#"):
			return p.link(e.Name), nil
		default:
			return e.Name, nil
		}
	case *ast.UnaryExpr:
		text, err := sourceOf(e)
		switch {
		case err != nil:
			return "", err
		case text == `!=""`:
			return "non-empty string", nil
		case e.Op == token.MAT:
			lit, ok := e.X.(*ast.BasicLit)
			if !ok {
				break
			}
			return "string that matches " + code(strings.Trim(lit.Value, `#"`)), nil
		case e.Op == token.GEQ || e.Op == token.LEQ || e.Op == token.GTR || e.Op == token.LSS:
			return code(text), nil
		}
	case *ast.CallExpr:
		if text, err := sourceOf(e.Fun); err == nil && text == "struct.MinFields" && len(e.Args) == 1 {
			n, err := sourceOf(e.Args[0])
			return "at least " + n, err
		}
	case *ast.ListLit:
		return p.list(e)
	case *ast.StructLit:
		return p.structure(e)
	}
	text, err := sourceOf(e)
	if err != nil {
		return "", err
	}
	return "", fmt.Errorf("%s: the reference has no words for the type %s", e.Pos().Position(), text)
}

func (p *page) list(l *ast.ListLit) (string, error) {
	least := ""
	for i, elt := range l.Elts {
		ellipsis, ok := elt.(*ast.Ellipsis)
		if !ok {
			continue
		}
		if i > 0 {
			least = ", at least " + strconv.Itoa(i)
		}
		if ellipsis.Type == nil {
			return "list" + least, nil
		}
		words, _, err := p.typeOf(ellipsis.Type)
		return "list of " + words + least, err
	}
	return "", fmt.Errorf("%s: the reference has no words for a list of a fixed length", l.Pos().Position())
}

func (p *page) structure(st *ast.StructLit) (string, error) {
	if value, ok := mapOf(st); ok {
		words, _, err := p.typeOf(value)
		if rest, ok := strings.CutPrefix(words, "map of "); ok {
			words = "maps of " + rest
		}
		return "map of " + words, err
	}
	words := "struct"
	if names := embedded(st); len(names) > 0 {
		words += " with the fields of " + p.links(names)
	}
	return words, nil
}

func sourceOf(e ast.Expr) (string, error) {
	b, err := format.Node(e)
	return strings.TrimSpace(string(b)), err
}

func code(text string) string { return "`" + text + "`" }
