package jmespath

import (
	"fmt"
	"slices"
	"strings"

	gojmespath "github.com/kyverno/go-jmespath"

	"kcue.dev/diag"
)

// calls checks the calls of an expression.
type calls struct {
	expression string
	called     []word
	problems   []Problem
}

func newCalls(expression string) *calls {
	c := &calls{expression: expression}
	for _, w := range words(expression) {
		if w.called {
			c.called = append(c.called, w)
		}
	}
	return c
}

func (c *calls) report(offset int, message, hint string) {
	c.problems = append(c.problems, Problem{Offset: offset, Message: message, Hint: hint})
}

// names checks the names alone, where the syntax is broken.
func (c *calls) names() {
	for _, w := range c.called {
		if _, known := functions()[w.text]; !known {
			c.unknown(w.text, w.offset)
		}
	}
}

// next gives the place of the next call of a function. Calls are visited in the
// order in which they are written.
func (c *calls) next(name string) int {
	for i, w := range c.called {
		if w.text == name {
			c.called = slices.Delete(c.called, i, i+1)
			return w.offset
		}
	}
	return 0
}

func (c *calls) node(n gojmespath.ASTNode) {
	switch n.NodeType {
	case gojmespath.ASTEmpty:
		// The parser drops the error of an index at the beginning of an
		// expression (parser.go nud), and the interpreter knows no empty node.
		c.report(max(strings.IndexByte(c.expression, '['), 0), "an index is a whole number in brackets, which close after it", `such as [0], or [0:2] for a slice`)
	case gojmespath.ASTFunctionExpression:
		c.call(n)
	}
	for _, child := range inOrder(n) {
		c.node(child)
	}
}

// inOrder gives a node's children as they are written: a filter's condition
// stands before what is taken of the elements.
func inOrder(n gojmespath.ASTNode) []gojmespath.ASTNode {
	if n.NodeType == gojmespath.ASTFilterProjection {
		return []gojmespath.ASTNode{n.Children[0], n.Children[2], n.Children[1]}
	}
	return n.Children
}

// call checks a call as go-jmespath does when it is evaluated (functions.go
// FunctionCaller.CallFunction, resolveArgs).
func (c *calls) call(n gojmespath.ASTNode) {
	name, ok := n.Value.(string)
	if !ok {
		c.report(0, "calls what is no function: expected a function's name before \"(\"", "")
		return
	}
	offset := c.next(name)
	f, known := functions()[name]
	switch {
	case !known:
		c.unknown(name, offset)
	case len(f.Arguments) == 0:
	case f.Variadic && len(n.Children) < len(f.Arguments):
		c.report(offset, fmt.Sprintf("%s takes at least %s, and is called with %s", f.signature(), count(len(f.Arguments)), number0(len(n.Children))), "")
	case !f.Variadic && len(n.Children) != len(f.Arguments):
		c.report(offset, fmt.Sprintf("%s takes %s, and is called with %s", f.signature(), count(len(f.Arguments)), number0(len(n.Children))), "")
	default:
		c.arguments(f, n.Children, offset)
	}
}

func (c *calls) unknown(name string, offset int) {
	hint := ""
	if near := diag.Nearest(name, functionNames()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	c.report(offset, fmt.Sprintf("calls %q, which is no function of JMESPath or Kyverno", name), hint)
}

// arguments checks those arguments whose type is certain.
func (c *calls) arguments(f Function, arguments []gojmespath.ASTNode, offset int) {
	for i, a := range arguments {
		want := f.Arguments[min(i, len(f.Arguments)-1)].Types
		got := typesOf(a)
		if len(got) == 0 || slices.ContainsFunc(got, func(t string) bool { return accepts(want, t) }) {
			continue
		}
		c.report(offset, fmt.Sprintf("argument %d of %s is %s: expected %s", i+1, f.Name, article(got[0]), wanted(want)), argumentHint(want, a))
	}
}

// argumentHint recognises a number that is quoted as a string, and the reverse.
func argumentHint(want []string, a gojmespath.ASTNode) string {
	if a.NodeType != gojmespath.ASTLiteral {
		if slices.Contains(want, "expref") {
			return "an expression is passed with & before it, such as &name"
		}
		return ""
	}
	switch v := a.Value.(type) {
	case float64:
		if slices.Contains(want, "string") {
			return fmt.Sprintf("a string is written '%v'", v)
		}
	case string:
		if slices.Contains(want, "number") {
			return fmt.Sprintf("a number stands in backticks: `%s`", clip(v))
		}
	}
	return ""
}

func (f Function) signature() string {
	var arguments []string
	for _, a := range f.Arguments {
		arguments = append(arguments, strings.Join(a.Types, "|"))
	}
	if f.Variadic {
		arguments = append(arguments, "…")
	}
	return f.Name + "(" + strings.Join(arguments, ", ") + ")"
}

func count(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func number0(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}
