package celenv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// wrongArguments describes a call whose arguments no overload takes; signature
// is cel-go's, such as "string.(int)" or "(string, int)".
func (d *describer) wrongArguments(name, signature string, node ast.Expr) Problem {
	p := Problem{Reason: WrongArguments, Name: name}
	receiver, args := splitSignature(signature)
	if name == orValueCompat && len(args) > 0 {
		name, receiver, args = "orValue", args[0], args[1:]
	}
	if symbol, ok := operators.FindReverse(name); ok && (symbol != "" || name == operators.Conditional || name == operators.Index) {
		p.Name = symbol
		p.Message = operatorMessage(name, symbol, args)
		return p
	}
	if message, ok := hiddenOperators[name]; ok && len(args) > 0 {
		p.Message = fmt.Sprintf(message, typeWords(args[0]))
		return p
	}
	given := "(" + strings.Join(args, ", ") + ")"
	target := ""
	if node != nil && node.Kind() == ast.CallKind && node.AsCall().IsMemberFunction() && strings.HasSuffix(receiver, ".Context") {
		// The type of resource, http, … says nothing to anybody.
		target = written(node.AsCall().Target())
	}
	if target != "" {
		p.Message = fmt.Sprintf("%s.%s() does not take %s", target, name, given)
	} else if receiver != "" {
		p.Message = fmt.Sprintf("%s() does not take %s on a value of type %s", name, given, typeWords(receiver))
	} else {
		p.Message = fmt.Sprintf("%s() does not take %s", name, given)
	}
	if forms := d.forms(name, receiver); len(forms) > 0 {
		for i := range forms {
			if target != "" {
				forms[i] = strings.Replace(forms[i], receiver+".", target+".", 1)
			}
		}
		p.Hint = "it is called as " + strings.Join(forms, ", or ")
	}
	return p
}

// hiddenOperators are those for which CEL has no symbol, by what they are given.
var hiddenOperators = map[string]string{
	operators.OptSelect: "%s has no optional fields",
	operators.OptIndex:  "%s has no optional elements of this type",
}

// operatorMessage describes an operator that does not take its operands.
func operatorMessage(name, symbol string, args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = typeWords(a)
	}
	switch {
	case name == operators.Conditional && len(words) == 3 && args[0] != "bool" && args[0] != "dyn":
		return fmt.Sprintf("the condition before ? is of type %s, not bool", words[0])
	case name == operators.Conditional && len(words) == 3:
		return fmt.Sprintf("the values after ? and : have different types, %s and %s", words[1], words[2])
	case name == operators.Index && len(words) == 2:
		return fmt.Sprintf("a value of type %s is not indexed by %s", words[0], words[1])
	case name == operators.LogicalAnd || name == operators.LogicalOr:
		return fmt.Sprintf("%s takes a bool on both sides, and has %s", symbol, strings.Join(words, " and "))
	case name == operators.In && len(words) == 2:
		return fmt.Sprintf("in looks for a value of a list or a key of a map, and not for %s in %s", words[0], words[1])
	case len(words) == 1:
		return fmt.Sprintf("%s does not take a value of type %s", symbol, words[0])
	case len(words) == 2 && words[0] == words[1]:
		return fmt.Sprintf("%s does not take values of type %s", symbol, words[0])
	case slices.Contains([]string{operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals}, name):
		return fmt.Sprintf("%s cannot compare %s", symbol, strings.Join(words, " with "))
	}
	return fmt.Sprintf("%s does not take %s", symbol, strings.Join(words, " and "))
}

// forms lists how a function is called, at most three of its overloads, those
// first that are for the receiver.
func (d *describer) forms(name, receiver string) []string {
	f, ok := d.env.env.Functions()[name]
	if !ok {
		return nil
	}
	var first, others []string
	for _, o := range f.OverloadDecls() {
		args := o.ArgTypes()
		prefix := ""
		fits := receiver == ""
		if o.IsMemberFunction() && len(args) > 0 {
			prefix = cel.FormatCELType(args[0]) + "."
			fits = cel.FormatCELType(args[0]) == receiver
			args = args[1:]
		}
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = cel.FormatCELType(a)
		}
		form := prefix + name + "(" + strings.Join(words, ", ") + ")"
		if fits {
			first = append(first, form)
		} else {
			others = append(others, form)
		}
	}
	if len(first) == 0 {
		first = others
	}
	slices.Sort(first)
	first = slices.Compact(first)
	return first[:min(3, len(first))]
}

// splitSignature takes cel-go's form of a call's types apart.
func splitSignature(signature string) (receiver string, args []string) {
	depth, start := 0, 0
	open := -1
	for i, c := range signature {
		switch c {
		case '(':
			if depth == 0 && (i == 0 || signature[i-1] == '.') && open < 0 {
				receiver = strings.TrimSuffix(signature[:i], ".")
				open, start = i, i+1
			}
			depth++
		case ')':
			depth--
			if depth == 0 && open >= 0 && i > start {
				args = append(args, strings.TrimSpace(signature[start:i]))
			}
		case ',':
			if depth == 1 && open >= 0 {
				args = append(args, strings.TrimSpace(signature[start:i]))
				start = i + 1
			}
		}
	}
	return receiver, args
}
