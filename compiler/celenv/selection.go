package celenv

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Selection is a chain of fields that an expression reads: object.spec.replicas.
type Selection struct {
	// Names begins with the variable. An index that is a constant string counts
	// as a field.
	Names []string
	// Tested is set in has(object.spec.replicas), where the last field may be
	// missing.
	Tested bool
	// Optional is the place in Names of the first field that may be missing
	// because it is written with .? or [?], and 0 where there is none.
	Optional int
	// Indexed is the place in Names of the first field written as an index, and
	// 0 where there is none.
	Indexed int
	// Over is what the first name is an element of, where that is the variable of
	// a macro over another chain: ["object", "spec", "containers"] for c in
	// object.spec.containers.all(c, c.image != "").
	Over []string
	// Guarded is set in what orValue is called on.
	Guarded bool
	Problem // where it stands: Offset, Line and Column
}

// Selections lists the chains of fields that an expression reads, the longest
// of each, and single variables. It gives none where the expression is no CEL.
func (s *Scope) Selections(expression string) []Selection {
	parsed, issues := s.base.env.Parse(expression)
	if issues.Err() != nil {
		return nil
	}
	native := parsed.NativeRep()
	var out []Selection
	inner := map[int64]bool{}
	guarded := map[int64]bool{}
	over := elements(native.Expr())
	ast.PreOrderVisit(native.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == orValueCompat {
			guarded[e.AsCall().Args()[0].ID()] = true
		}
		if inner[e.ID()] {
			return
		}
		chain := Selection{Tested: e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly(), Guarded: guarded[e.ID()]}
		if !chain.follow(e, inner) {
			return
		}
		chain.Over = over[chain.Names[0]]
		root := e
		for next := operand(root); next != nil; next = operand(root) {
			root = next
		}
		if r, ok := native.SourceInfo().GetOffsetRange(root.ID()); ok {
			chain.Problem = chain.at(expression, runeOffset(expression, int(r.Start)))
		}
		out = append(out, chain)
	}))
	return out
}

// elements gives what the variables of macros go over, of those variables that
// go over one chain and nothing else.
func elements(e ast.Expr) map[string][]string {
	found := map[string][]string{}
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.ComprehensionKind {
			return
		}
		c := e.AsComprehension()
		name := c.IterVar()
		var chain Selection
		plain := chain.follow(c.IterRange(), map[int64]bool{}) && chain.Optional == 0 && !c.HasIterVar2()
		if earlier, ok := found[name]; !plain || ok && !slices.Equal(earlier, chain.Names) {
			found[name] = nil
			return
		}
		found[name] = chain.Names
	}))
	return found
}

// follow gathers the names of a chain, and marks the expressions inside it.
func (c *Selection) follow(e ast.Expr, inner map[int64]bool) bool {
	inner[e.ID()] = true
	if e.Kind() == ast.IdentKind {
		c.Names = []string{e.AsIdent()}
		return true
	}
	next := operand(e)
	if next == nil || !c.follow(next, inner) {
		return false
	}
	switch e.Kind() {
	case ast.SelectKind:
		c.Names = append(c.Names, e.AsSelect().FieldName())
	default:
		call := e.AsCall()
		c.Names = append(c.Names, call.Args()[1].AsLiteral().Value().(string))
		at := len(c.Names) - 1
		if call.FunctionName() != operators.Index && c.Optional == 0 {
			c.Optional = at
		}
		if call.FunctionName() != operators.OptSelect && c.Indexed == 0 {
			c.Indexed = at
		}
	}
	return true
}

// operand gives what a field is read of, and nil where no field is read.
func operand(e ast.Expr) ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().Operand()
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			if args := call.Args(); len(args) == 2 && args[1].Kind() == ast.LiteralKind && args[1].AsLiteral().Type() == types.StringType {
				return args[0]
			}
		}
	}
	return nil
}
