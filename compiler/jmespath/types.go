package jmespath

import (
	"strings"

	gojmespath "github.com/kyverno/go-jmespath"
)

// typesOf gives the types that an expression's value can have, and none where
// that is not certain. A list whose elements are known is array[string],
// array[number], array[] where it has none, and array[mixed].
func typesOf(n gojmespath.ASTNode) []string {
	switch n.NodeType {
	case gojmespath.ASTLiteral:
		return []string{literalType(n.Value)}
	case gojmespath.ASTExpRef:
		return []string{"expref"}
	case gojmespath.ASTNotExpression:
		return []string{"boolean"}
	case gojmespath.ASTComparator:
		return []string{"boolean", "null"}
	case gojmespath.ASTMultiSelectHash:
		return []string{"object", "null"}
	case gojmespath.ASTMultiSelectList, gojmespath.ASTProjection, gojmespath.ASTFilterProjection, gojmespath.ASTValueProjection, gojmespath.ASTFlatten, gojmespath.ASTSlice:
		return []string{"array", "null"}
	case gojmespath.ASTPipe:
		return typesOf(n.Children[1])
	case gojmespath.ASTOrExpression, gojmespath.ASTAndExpression:
		left, right := typesOf(n.Children[0]), typesOf(n.Children[1])
		if len(left) == 0 || len(right) == 0 {
			return nil
		}
		return append(left, right...)
	case gojmespath.ASTFunctionExpression:
		name, _ := n.Value.(string)
		return returnTypes(functions()[name])
	}
	return nil
}

func literalType(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		element := ""
		for _, item := range v {
			switch t := literalType(item); {
			case element == "":
				element = t
			case element != t:
				element = "mixed"
			}
		}
		if element != "" && element != "string" && element != "number" {
			element = "mixed"
		}
		return "array[" + element + "]"
	}
	return "object"
}

func returnTypes(f Function) []string {
	var out []string
	for _, t := range f.Returns {
		switch t {
		case "any":
			return nil
		case "bool":
			t = "boolean"
		case "array[string]": // as far as go-jmespath's own type check is concerned
			t = "array"
		}
		out = append(out, t)
	}
	return out
}

// accepts reports whether a value of the type passes for an argument
// (go-jmespath functions.go ArgSpec.typeCheck).
func accepts(want []string, got string) bool {
	for _, t := range want {
		switch {
		case t == "any" || t == got:
			return true
		case t == "array" && strings.HasPrefix(got, "array"):
			return true
		case strings.HasPrefix(t, "array[") && (got == "array" || got == "array[]"):
			return true
		}
	}
	return false
}

// article writes a type in a sentence.
func article(t string) string {
	switch {
	case t == "null":
		return "null"
	case t == "expref":
		return "an expression (&)"
	case t == "array[mixed]":
		return "an array of neither strings nor numbers alone"
	case t == "array[]":
		return "an empty array"
	case strings.HasPrefix(t, "array["):
		return "an array of " + strings.TrimSuffix(strings.TrimPrefix(t, "array["), "]") + "s"
	case t == "array" || t == "object":
		return "an " + t
	}
	return "a " + t
}

func wanted(types []string) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = article(t)
	}
	return strings.Join(out, " or ")
}
