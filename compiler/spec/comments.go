package spec

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Comment is what stands beside a value in YAML. Each part holds whole lines
// as they were written, with their number signs, and is empty where there is
// none.
type Comment struct {
	Head string // above the value
	Line string // behind it
	Foot string // below it, before an empty line or the end
}

// Comments holds the comments of values that have any.
type Comments map[*Node]Comment

// ParseYAMLComments reads documents as ParseYAML does, and their comments. A
// field's comments are its value's; those of a document as a whole are its
// root's. A value that aliases repeat is a node of its own at each alias that
// has a comment.
func ParseYAMLComments(filename string, src []byte) ([]*Node, Comments, error) {
	comments := Comments{}
	docs, err := parseYAML(filename, src, comments)
	return docs, comments, err
}

// commented notes the comments of the YAML nodes that a value is made of.
func (d *yamlDecoder) commented(v *Node, from ...*yaml.Node) *Node {
	if d.comments == nil {
		return v
	}
	var c Comment
	for _, n := range from {
		c.Head = joinComments(c.Head, n.HeadComment)
		c.Line = joinComments(c.Line, n.LineComment)
		c.Foot = joinComments(c.Foot, n.FootComment)
	}
	if c == (Comment{}) {
		return v
	}
	if from[len(from)-1].Kind == yaml.AliasNode {
		// The value is the anchor's too, and the comment is not.
		own := *v
		v = &own
	}
	d.comments[v] = c
	return v
}

func joinComments(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return strings.TrimRight(a, "\n") + "\n" + b
}
