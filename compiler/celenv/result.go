package celenv

import (
	"fmt"
	"regexp"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// resultWords says what a place expects.
var resultWords = map[Result]string{
	Bool:         "a bool",
	String:       "a string",
	StringOrNull: "a string or null",
	Images:       "a list of strings",
	Patches:      "a list of JSONPatch{}",
	Object:       "an Object{}",
	Map:          "a map(string, any), such as a resource that resource.Get() gives",
}

// wrongResult describes an expression whose type does not fit its place.
func (s *Scope) wrongResult(checked *cel.Ast, text string, result Result) Problem {
	t := checked.OutputType()
	p := Problem{
		Reason:  WrongResult,
		Message: fmt.Sprintf("the expression is of type %s, and must be %s", typeWords(cel.FormatCELType(t)), resultWords[result]),
	}
	switch dynamic := t.Kind() == types.DynKind || t.Kind() == types.AnyKind; {
	case dynamic && result == Bool:
		p.Hint = "compare it with true, or wrap it in bool()"
	case dynamic && (result == String || result == StringOrNull):
		p.Hint = "wrap it in string()"
	case result == String && (t.Kind() == types.IntKind || t.Kind() == types.DoubleKind || t.Kind() == types.BoolKind || t.Kind() == types.UintKind):
		p.Hint = "wrap it in string()"
	case result == Patches && t.Kind() == types.StructKind && t.TypeName() == jsonPatchType:
		p.Hint = "put it into a list: [JSONPatch{...}]"
	case result == Object && t.Kind() == types.MapKind:
		p.Hint = "write Object{...}, and Object.spec{...} inside it, instead of a map"
	}
	return p.at(text, 0)
}

// conversions lists the functions whose constants are converted in planning
// (cel-go's common/overloads, IsTypeConversionFunction).
var conversions = map[string]*types.Type{
	"bool":      types.BoolType,
	"bytes":     types.BytesType,
	"double":    types.DoubleType,
	"duration":  types.DurationType,
	"int":       types.IntType,
	"string":    types.StringType,
	"timestamp": types.TimestampType,
	"uint":      types.UintType,
}

// literalProblem describes a constant that Kyverno cannot convert or compile
// when it plans the expression.
func literalProblem(checked *ast.AST, text string, err error) Problem {
	p := Problem{Reason: WrongLiteral, Message: "a constant cannot be converted: " + err.Error()}
	offset := 0
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if offset > 0 || e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		args := call.Args()
		if len(args) == 0 || args[0].Kind() != ast.LiteralKind {
			return
		}
		literal := args[0].AsLiteral()
		switch name := call.FunctionName(); name {
		case "find", "findAll", "matches":
			pattern, ok := literal.Value().(string)
			if !ok {
				return
			}
			if _, bad := regexp.Compile(pattern); bad == nil {
				return
			}
			p.Message = literalMessages["matches"]
		default:
			target, ok := conversions[name]
			if !ok || !types.IsError(literal.ConvertToType(target)) {
				return
			}
			p.Message = literalMessages[name]
			if p.Message == "" {
				p.Message = fmt.Sprintf("%#v cannot be converted with %s()", literal.Value(), name)
			}
		}
		if r, found := checked.SourceInfo().GetOffsetRange(args[0].ID()); found {
			offset = runeOffset(text, int(r.Start))
		}
	}))
	return p.at(text, offset)
}
