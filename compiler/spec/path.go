package spec

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
)

// Path is a place in a bundle: field names, and list indices in decimal.
type Path []string

// Child gives the path of a member. The result shares no memory with p's
// other children.
func (p Path) Child(names ...string) Path {
	return append(p[:len(p):len(p)], names...)
}

// String writes the path as CUE does: labels are quoted where they are no
// identifiers, and list elements are plain numbers.
func (p Path) String() string {
	var b strings.Builder
	for i, name := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(Label(name))
	}
	return b.String()
}

// Label writes a field's name as CUE does: quoted where it is no identifier. A
// list index stays a plain number.
func Label(name string) string {
	if !ast.StringLabelNeedsQuoting(name) {
		return name
	}
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		return name
	}
	return strconv.Quote(name)
}
