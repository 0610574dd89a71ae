package celenv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"

	"kcue.dev/diag"
)

// describer turns the errors of cel-go's checker into problems. They hold the
// number of an expression and a text; what is beside the expression says more.
type describer struct {
	scope *Scope
	env   *environment
	text  string
	ast   *ast.AST

	nodes   map[int64]ast.Expr
	parents map[int64]ast.Expr
}

// The messages of cel-go's checker (checker/errors.go) and validators
// (cel/validator.go), parted where a name or a type stands.
var (
	undeclared    = message{"undeclared reference to '", "' (in container '", "')"}
	undefined     = message{"undefined field '", "'"}
	noOverload    = message{"found no matching overload for '", "' applied to '", "'"}
	fieldMismatch = message{"expected type of field '", "' is '", "' but provided type is '", "'"}
	mismatch      = message{"expected type '", "' but found '", "'"}
	noFields      = message{"type '", "' does not support field selection"}
	noRange       = message{"expression of type '", "' cannot be range of a comprehension (must be list, map, or dynamic)"}
	notType       = message{"'", "' is not a type"}
	notMessage    = message{"'", "' is not a message type"}
	badLiteral    = message{"invalid ", " argument"}
)

// message is the text of an error around what it says of the expression.
type message []string

// match gives what stands between the parts of the message, and nil where the
// text is another message.
func (m message) match(text string) []string {
	rest, ok := strings.CutPrefix(text, m[0])
	if !ok {
		return nil
	}
	var out []string
	for i, part := range m[1:] {
		at := strings.Index(rest, part)
		if i == len(m)-2 {
			at = len(rest) - len(part)
		}
		if at < 0 || rest[at:at+len(part)] != part {
			return nil
		}
		out = append(out, rest[:at])
		rest = rest[at+len(part):]
	}
	return out
}

// problems describes the errors, in the order in which they stand in the text.
func (d *describer) problems(errs []*common.Error) []Problem {
	d.index()
	silent := d.lambdas(errs)
	called := map[int64]bool{}
	for _, err := range errs {
		if undeclared.match(err.Message) != nil && d.library(d.nodes[err.ExprID]) != "" {
			called[d.parents[err.ExprID].ID()] = true
		}
	}
	var problems []Problem
	for _, err := range errs {
		m := undeclared.match(err.Message)
		if m != nil && (d.inside(err.ExprID, silent[m[0]]) || called[err.ExprID]) {
			continue
		}
		problems = append(problems, d.problem(err))
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return slices.Compact(problems)
}

// index remembers each expression and what it stands in.
func (d *describer) index() {
	d.nodes, d.parents = map[int64]ast.Expr{}, map[int64]ast.Expr{}
	ast.PreOrderVisit(d.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		d.nodes[e.ID()] = e
		for _, child := range children(e) {
			d.parents[child.ID()] = e
		}
		if e.Kind() == ast.StructKind {
			for _, f := range e.AsStruct().Fields() {
				d.nodes[f.ID()] = e
			}
		}
	}))
}

// children lists the expressions directly inside another.
func children(e ast.Expr) []ast.Expr {
	var out []ast.Expr
	switch e.Kind() {
	case ast.CallKind:
		if e.AsCall().IsMemberFunction() {
			out = append(out, e.AsCall().Target())
		}
		out = append(out, e.AsCall().Args()...)
	case ast.SelectKind:
		out = append(out, e.AsSelect().Operand())
	case ast.ListKind:
		out = append(out, e.AsList().Elements()...)
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			out = append(out, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			out = append(out, f.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		out = append(out, c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result())
	}
	return out
}

// lambdas finds the calls of unknown functions that are written as macros, such
// as list.any(c, c.image == ""), by the name of their element: that name is
// undeclared only because the function is unknown.
func (d *describer) lambdas(errs []*common.Error) map[string][]ast.Expr {
	found := map[string][]ast.Expr{}
	for _, err := range errs {
		node := d.nodes[err.ExprID]
		if undeclared.match(err.Message) == nil || node == nil || node.Kind() != ast.CallKind || !node.AsCall().IsMemberFunction() {
			continue
		}
		args := node.AsCall().Args()
		if len(args) > 1 && args[0].Kind() == ast.IdentKind {
			found[args[0].AsIdent()] = append(found[args[0].AsIdent()], node)
		}
	}
	return found
}

// inside reports whether the expression of a number stands in one of the others.
func (d *describer) inside(id int64, outer []ast.Expr) bool {
	for node := d.parents[id]; node != nil; node = d.parents[node.ID()] {
		if slices.ContainsFunc(outer, func(o ast.Expr) bool { return o.ID() == node.ID() }) {
			return true
		}
	}
	return false
}

// problem describes one error.
func (d *describer) problem(err *common.Error) Problem {
	node := d.nodes[err.ExprID]
	offset := byteOffset(d.text, err.Location)
	if node == nil || node.ID() == err.ExprID {
		offset = d.offset(node, offset)
	}
	var p Problem
	if m := undeclared.match(err.Message); m != nil {
		p = d.unknown(m[0], node)
	} else if m := undefined.match(err.Message); m != nil {
		p = d.unknownField(m[0], node)
	} else if m := noOverload.match(err.Message); m != nil {
		p = d.wrongArguments(m[0], m[1], node)
	} else if m := fieldMismatch.match(err.Message); m != nil {
		p = Problem{Reason: WrongType, Name: m[0], Message: fmt.Sprintf("field %q is of type %s, and this is %s", m[0], typeWords(m[1]), typeWords(m[2]))}
	} else if m := mismatch.match(err.Message); m != nil {
		p = Problem{Reason: WrongType, Message: fmt.Sprintf("this is of type %s, where %s is expected", typeWords(m[1]), typeWords(m[0]))}
		if parent := d.parents[err.ExprID]; parent != nil && (parent.Kind() == ast.ListKind || parent.Kind() == ast.MapKind) {
			p.Message = fmt.Sprintf("this is of type %s in a literal of %s, and Kyverno allows one type only", typeWords(m[1]), typeWords(m[0]))
			p.Hint = "wrap one in dyn() to mix types"
		}
	} else if m := noFields.match(err.Message); m != nil {
		p = Problem{Reason: WrongType, Message: fmt.Sprintf("a value of type %s has no fields", typeWords(m[0]))}
	} else if m := noRange.match(err.Message); m != nil {
		p = Problem{Reason: WrongType, Message: fmt.Sprintf("this is of type %s, and only a list or a map has elements to go through", typeWords(m[0]))}
	} else if m := slices.Concat(notType.match(err.Message), notMessage.match(err.Message)); len(m) > 0 {
		p = Problem{Reason: UnknownName, Name: m[0], Message: fmt.Sprintf("%q is not a type", m[0])}
	} else if m := badLiteral.match(err.Message); m != nil {
		p = Problem{Reason: WrongLiteral, Message: literalMessages[m[0]]}
		if p.Message == "" {
			p.Message = fmt.Sprintf("this is no valid argument of %s()", m[0])
		}
	} else if rest, ok := strings.CutPrefix(err.Message, "error during formatting: "); ok {
		p = Problem{Reason: WrongType, Message: "the format does not fit what it is given: " + rest}
	} else {
		p = Problem{Reason: WrongType, Message: err.Message}
	}
	return p.at(d.text, offset)
}

// literalMessages is by the function whose literal is wrong.
var literalMessages = map[string]string{
	"matches":   "this is no regular expression of RE2",
	"duration":  `this is no duration, such as "1h30m"`,
	"timestamp": `this is no timestamp of RFC 3339, such as "2026-01-31T00:00:00Z"`,
}

// offset gives where people see an expression: a function or field at its name.
func (d *describer) offset(node ast.Expr, location int) int {
	if node == nil {
		return location
	}
	name := ""
	switch node.Kind() {
	case ast.SelectKind:
		name = node.AsSelect().FieldName()
	case ast.CallKind:
		name = node.AsCall().FunctionName()
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:]
		}
		// The location of a call is its parenthesis.
		if before := strings.TrimRight(d.text[:location], " \t\r\n"); plain(name) && strings.HasSuffix(before, name) {
			return len(before) - len(name)
		}
		return location
	case ast.StructKind:
		// The location of a literal is its brace.
		name = node.AsStruct().TypeName()
		if before := strings.TrimRight(d.text[:location], " \t\r\n"); strings.HasSuffix(before, name) {
			return len(before) - len(name)
		}
		return location
	default:
		return location
	}
	// The location of a selection is its dot.
	rest := d.text[location:]
	if i := strings.Index(rest, name); i >= 0 && strings.Trim(rest[:i], ".? \t\r\n`") == "" {
		return location + i
	}
	return location
}

// typeOf follows an expression of plain selections to its declared type; it is
// nil where that is not known.
func (d *describer) typeOf(e ast.Expr) *types.Type {
	switch e.Kind() {
	case ast.IdentKind:
		for _, v := range d.env.env.Variables() {
			if v.Name() == e.AsIdent() {
				return v.Type()
			}
		}
	case ast.SelectKind:
		t := d.typeOf(e.AsSelect().Operand())
		if t == nil || t.Kind() != types.StructKind {
			return nil
		}
		if f, ok := d.env.provider.FindStructFieldType(t.TypeName(), e.AsSelect().FieldName()); ok {
			return f.Type
		}
	}
	return nil
}

// unknownField describes the selection of a field that its operand's type does
// not have.
func (d *describer) unknownField(name string, node ast.Expr) Problem {
	p := Problem{Reason: UnknownField, Name: name, Message: fmt.Sprintf("unknown field %q", name)}
	if node == nil || node.Kind() != ast.SelectKind && node.Kind() != ast.StructKind && node.Kind() != ast.CallKind {
		return p
	}
	var owner, typeName string
	switch node.Kind() {
	case ast.SelectKind:
		owner = written(node.AsSelect().Operand())
		if t := d.typeOf(node.AsSelect().Operand()); t != nil {
			typeName = t.TypeName()
		}
	case ast.CallKind: // an optional selection
		if args := node.AsCall().Args(); len(args) > 0 {
			owner = written(args[0])
			if t := d.typeOf(args[0]); t != nil {
				typeName = t.TypeName()
			}
		}
	case ast.StructKind:
		typeName = node.AsStruct().TypeName()
		owner = typeName
	}
	if v := d.scope.vars; v != nil && typeName == v.typeName {
		return d.unknownVariable(name)
	}
	if owner != "" {
		p.Message = fmt.Sprintf("%s has no field %q", owner, name)
	}
	names, _ := d.env.provider.FindStructFieldNames(typeName)
	p.Hint = didYouMean("", nearest(name, names))
	return p
}

// unknownVariable describes variables.x where x is not declared before.
func (d *describer) unknownVariable(name string) Problem {
	p := Problem{Reason: UnknownVariable, Name: name}
	var declared []string
	for _, f := range d.scope.vars.fields {
		declared = append(declared, f.name)
	}
	if slices.Contains(d.scope.Names, name) && !slices.Contains(declared, name) {
		p.Message = fmt.Sprintf("variables.%s is not declared yet: an expression sees only the variables before it", name)
		return p
	}
	p.Message = fmt.Sprintf("the policy declares no variable %q", name)
	p.Hint = didYouMean("", nearest(name, declared))
	return p
}

// library gives the prefix, such as "math.", where a name is no variable but that
// of a library one of whose functions is called.
func (d *describer) library(node ast.Expr) string {
	if node == nil || node.Kind() != ast.IdentKind {
		return ""
	}
	call := d.parents[node.ID()]
	if call == nil || call.Kind() != ast.CallKind || !call.AsCall().IsMemberFunction() || call.AsCall().Target().ID() != node.ID() {
		return ""
	}
	prefix := node.AsIdent() + "."
	if !slices.ContainsFunc(d.env.functions, func(f string) bool { return strings.HasPrefix(f, prefix) }) {
		return ""
	}
	return prefix
}

// unknown describes a name or a function that is not declared.
func (d *describer) unknown(name string, node ast.Expr) Problem {
	if node != nil && node.Kind() == ast.CallKind {
		return d.unknownFunction(name)
	}
	if library := d.library(node); library != "" {
		return d.unknownFunction(library + d.parents[node.ID()].AsCall().FunctionName())
	}
	p := Problem{Reason: UnknownName, Name: name, Message: fmt.Sprintf("unknown name %q", name)}
	if node != nil && node.Kind() == ast.StructKind {
		p.Message = fmt.Sprintf("unknown type %q", name)
		p.Hint = didYouMean("", nearest(name, d.env.provider.names()))
		return p
	}
	candidates := slices.Clone(d.env.variables)
	if d.scope.vars != nil {
		for _, f := range d.scope.vars.fields {
			if f.name == name {
				p.Hint = didYouMean("", "variables."+name)
				return p
			}
		}
	}
	if d.scope.all.names()[name] {
		p.Message = fmt.Sprintf("%q is not available here", name)
		if name == "params" && slices.Contains([]Kind{Rule, RuleMessage}, d.env.kind) {
			p.Hint = "params is there where the rule has a paramKind"
		}
		return p
	}
	p.Hint = didYouMean("", nearest(name, candidates))
	return p
}

// unknownFunction describes a call of what is not declared.
func (d *describer) unknownFunction(name string) Problem {
	p := Problem{Reason: UnknownFunction, Name: name, Message: fmt.Sprintf("unknown function %q", name)}
	if d.scope.all.functions()[name] {
		p.Message = fmt.Sprintf("the function %q is not available here", name)
		return p
	}
	if other, ok := otherNames[name]; ok && slices.Contains(d.env.functions, other) {
		p.Hint = didYouMean("", other)
		return p
	}
	p.Hint = didYouMean("", nearest(name, d.env.functions))
	if library, function, ok := strings.Cut(name, "."); ok && p.Hint == "" {
		// A macro such as math.greatest is known without its library.
		p.Hint = didYouMean(library+".", nearest(function, d.env.functions))
	}
	return p
}

// otherNames is what functions are called in other languages.
var otherNames = map[string]string{
	"any":         "exists",
	"count":       "size",
	"each":        "all",
	"every":       "all",
	"find_all":    "findAll",
	"includes":    "contains",
	"len":         "size",
	"length":      "size",
	"lower":       "lowerAscii",
	"parseInt":    "int",
	"regex_match": "matches",
	"some":        "exists",
	"str":         "string",
	"toLower":     "lowerAscii",
	"toLowerCase": "lowerAscii",
	"toString":    "string",
	"toUpper":     "upperAscii",
	"toUpperCase": "upperAscii",
	"to_lower":    "lowerAscii",
	"to_string":   "string",
	"to_upper":    "upperAscii",
	"upper":       "upperAscii",
	"where":       "filter",
}

// typeWords says what dyn is; other types are named as CEL names them.
func typeWords(t string) string {
	if t == "dyn" || t == "any" {
		return t + " (known only at run time)"
	}
	return t
}

// written prints an expression of plain selections as people wrote it, and is
// empty for any other.
func written(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if inner := written(e.AsSelect().Operand()); inner != "" {
			return inner + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

// nearest is diag.Nearest for names that are long enough to be a slip.
func nearest(name string, candidates []string) string {
	if len(name) < 3 {
		return ""
	}
	return diag.Nearest(name, candidates)
}

// didYouMean is the hint that names a candidate, or nothing.
func didYouMean(prefix, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", prefix+name)
}
