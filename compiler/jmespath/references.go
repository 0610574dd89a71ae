package jmespath

import (
	"slices"

	gojmespath "github.com/kyverno/go-jmespath"
)

// Reference is a place where an expression takes something from the value that
// it is evaluated on: of a variable, Kyverno's context.
type Reference struct {
	// Path is the field and those of its fields that are named after it:
	// request, object, spec for request.object.spec.containers[0]… It is never
	// empty.
	Path []string
	// Offset is the place of the first field in the expression, in bytes.
	Offset int
}

// References gives what the expression takes from the value that it is evaluated
// on, in the order in which it stands there, and nothing for one that has no
// syntax. What is taken of a result, such as in a filter's condition or after a
// pipe, is no reference.
func (e *Expression) References() []Reference {
	if !e.Valid() {
		return nil
	}
	r := &references{expression: e.text, words: words(e.text)}
	r.node(e.ast, true)
	return r.found
}

type references struct {
	expression string
	words      []word
	found      []Reference
}

// node collects the references below a node. It is outer where the node is
// evaluated on the whole expression's value. What it returns is where in found
// the node's value is, or -1 where the value is another.
func (r *references) node(n gojmespath.ASTNode, outer bool) int {
	switch n.NodeType {
	case gojmespath.ASTField:
		if !outer {
			return -1
		}
		name := n.Value.(string)
		r.found = append(r.found, Reference{Path: []string{name}, Offset: r.offset(name)})
		return len(r.found) - 1
	case gojmespath.ASTSubexpression, gojmespath.ASTIndexExpression:
		left, right := n.Children[0], n.Children[1]
		at := r.node(left, outer)
		r.node(right, outer && isWhole(left))
		if at >= 0 && n.NodeType == gojmespath.ASTSubexpression {
			if name, ok := leading(right); ok {
				r.found[at].Path = append(r.found[at].Path, name)
			}
			if right.NodeType == gojmespath.ASTField {
				return at
			}
		}
	case gojmespath.ASTPipe:
		r.node(n.Children[0], outer)
		r.node(n.Children[1], outer && isWhole(n.Children[0]))
	case gojmespath.ASTProjection, gojmespath.ASTValueProjection, gojmespath.ASTFilterProjection:
		r.node(n.Children[0], outer)
		// The others are evaluated on the elements, which are no business of
		// the expression's value.
	case gojmespath.ASTExpRef:
		// Evaluated on the elements of what the function is given.
	default:
		for _, child := range n.Children {
			r.node(child, outer)
		}
	}
	return -1
}

// leading gives the field that a node begins with: spec for spec[0] and spec[].
func leading(n gojmespath.ASTNode) (name string, ok bool) {
	switch n.NodeType {
	case gojmespath.ASTField:
		return n.Value.(string), true
	case gojmespath.ASTIndexExpression, gojmespath.ASTProjection, gojmespath.ASTFilterProjection, gojmespath.ASTFlatten:
		return leading(n.Children[0])
	}
	return "", false
}

// isWhole reports whether a node's value is the value that it is evaluated on.
func isWhole(n gojmespath.ASTNode) bool {
	return n.NodeType == gojmespath.ASTCurrentNode || n.NodeType == gojmespath.ASTIdentity
}

// offset gives the place of the next of an expression's words that can be the
// reference, or 0 where the field is quoted.
func (r *references) offset(name string) int {
	i := slices.IndexFunc(r.words, func(w word) bool { return w.text == name && !w.called && !w.member })
	if i < 0 {
		return 0
	}
	offset := r.words[i].offset
	r.words = r.words[i+1:]
	return offset
}
