// Package jmespath finds what is wrong with JMESPath as Kyverno speaks it: in
// goes an expression, or a text that holds variables ({{ … }}); out come the
// mistakes, each with its place and the likely fix, and what the expression
// refers to.
//
// Kyverno's own parser (github.com/kyverno/go-jmespath) says what an expression
// is. Kyverno's admission webhook stops there: a call of a function that does
// not exist, or with the wrong number of arguments, is an error of every
// request that the policy sees. So calls are held against the table of
// Kyverno's functions, which is made from the linked Kyverno.
package jmespath

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	gojmespath "github.com/kyverno/go-jmespath"
)

// MaxExpression is the number of bytes up to which an expression is read: the
// parser recurses, and an expression of megabytes would exhaust its stack.
// Kyverno's largest published expression has less than a thousand.
const MaxExpression = 64 << 10

// Problem is one mistake in an expression.
type Problem struct {
	// Offset is the place in the expression, in bytes.
	Offset int
	// Message says what is wrong and what was expected, as a sentence about
	// the expression: calls "to_uper", which is no function.
	Message string
	// Hint is the likely fix, or empty.
	Hint string
}

// Expression is an expression that was parsed, once for all that is asked of it.
type Expression struct {
	text       string
	ast        gojmespath.ASTNode
	err        error    // of the parser
	unreadable *Problem // why it was not parsed at all
}

// Parse reads an expression, whatever is wrong with it.
func Parse(expression string) *Expression {
	e := &Expression{text: expression}
	if problem, bad := unreadable(expression); bad {
		e.unreadable = &problem
	} else {
		e.ast, e.err = gojmespath.NewParser().Parse(expression)
	}
	return e
}

// Text gives the expression as it is written.
func (e *Expression) Text() string { return e.text }

// Check gives the mistakes in the expression, by their places: syntax, functions
// that Kyverno does not have, and calls that can never work by the number of
// their arguments or by the type of an argument whose type is certain. Where the
// syntax is broken, the names of functions are still checked.
func (e *Expression) Check() []Problem {
	if e.unreadable != nil {
		return []Problem{*e.unreadable}
	}
	c := newCalls(e.text)
	if e.err != nil {
		c.problems = append(c.problems, syntaxProblem(e.text, e.err))
		c.names()
	} else {
		c.node(e.ast)
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return cmp.Compare(a.Offset, b.Offset) })
	return c.problems
}

// Valid reports whether the expression has the syntax of JMESPath, which is all
// that Kyverno's admission webhook asks of it.
func (e *Expression) Valid() bool { return e.unreadable == nil && e.err == nil }

// Check is the mistakes of an expression of which no more is asked.
func Check(expression string) []Problem { return Parse(expression).Check() }

// unreadable tells of an expression that is not even parsed. Kyverno refuses an
// empty one (pkg/engine/context/mock_context.go Query).
func unreadable(expression string) (Problem, bool) {
	switch {
	case strings.TrimSpace(expression) == "":
		return Problem{Message: "the expression is empty"}, true
	case len(expression) > MaxExpression:
		return Problem{Message: fmt.Sprintf("the expression has %d bytes, and at most %d are read", len(expression), MaxExpression)}, true
	}
	return Problem{}, false
}
