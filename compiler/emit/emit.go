// Package emit writes Kyverno objects: in go the objects of a build, out come
// YAML or JSON. Package tree writes directories.
//
// The bytes depend on the objects alone. Keys keep the order in which people
// write them, strings that hold several lines are literal blocks, and nothing
// is folded: a CEL expression or a message is found in the output as it was
// written.
package emit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"
	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/spec"
)

// YAML gives the objects as a stream of YAML documents. Objects are rendered
// by up to the given number of goroutines; the bytes are the same for any
// number.
func YAML(objects []*spec.Node, limit int) ([]byte, error) {
	docs, err := Documents(objects, limit)
	if err != nil {
		return nil, err
	}
	return bytes.Join(docs, []byte("---\n")), nil
}

// Documents gives each object as a YAML document, in their order, rendered as
// YAML does it.
func Documents(objects []*spec.Node, limit int) ([][]byte, error) {
	docs := make([][]byte, len(objects))
	errs := make([]error, len(objects))
	workers := min(max(limit, 1), len(objects))
	parallel.Each(workers, workers, func(first int) {
		w := newWriter()
		for i := first; i < len(objects); i += workers {
			docs[i], errs[i] = w.document(objects[i])
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// Document gives one object as a YAML document.
func Document(object *spec.Node) ([]byte, error) { return newWriter().document(object) }

// libraryDocument is what the YAML library makes of an object.
func libraryDocument(object *spec.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(yamlNode(object)); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	return b.Bytes(), nil
}

func yamlNode(n *spec.Node) *yaml.Node {
	switch n.Kind {
	case spec.Struct:
		y := &yaml.Node{Kind: yaml.MappingNode, Content: make([]*yaml.Node, 0, 2*len(n.Fields))}
		for _, f := range n.Fields {
			y.Content = append(y.Content, yamlString(f.Name), yamlNode(f.Value))
		}
		if len(n.Fields) == 0 {
			y.Style = yaml.FlowStyle
		}
		return y
	case spec.List:
		y := &yaml.Node{Kind: yaml.SequenceNode, Content: make([]*yaml.Node, 0, len(n.Items))}
		for _, item := range n.Items {
			y.Content = append(y.Content, yamlNode(item))
		}
		if len(n.Items) == 0 {
			y.Style = yaml.FlowStyle
		}
		return y
	case spec.String:
		return yamlString(n.Text)
	case spec.Null:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	}
	// Numbers and booleans are written as they are; a tag would have the
	// library write it out for integers beyond 64 bits.
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Text}
}

// ambiguous lists, in lower case, the strings that the library writes plain
// and that Kubernetes reads as something else: YAML 1.1's booleans and its
// merge and value keys (https://yaml.org/type/bool.html, merge.html).
var ambiguous = []string{"y", "n", "yes", "no", "on", "off", "<<", "="}

// sexagesimal matches what YAML 1.1 reads as a number of base 60, such as 1:30
// (https://yaml.org/type/int.html). Kubernetes does not, but others who read
// the output do.
var sexagesimal = lazyregexp.New(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

func yamlString(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	// A literal block finds its indentation by its first line, and the reader
	// of Kubernetes does not take a tab or a blank there.
	blockIsUnreadable := n.Style == yaml.LiteralStyle && strings.IndexAny(s, "\t ") == 0
	if blockIsUnreadable || slices.Contains(ambiguous, strings.ToLower(s)) || sexagesimal.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// errInvalid is a mistake of ours: what is wrong with a spec is reported, and
// its objects never get here.
var errInvalid = errors.New("an object holds a value that is not valid")

// JSON gives the objects as one Kubernetes List, indented.
func JSON(objects []*spec.Node) ([]byte, error) {
	for _, o := range objects {
		if !o.IsValid() {
			return nil, errInvalid
		}
	}
	list := spec.NewStruct(token.NoPos,
		spec.Field{Name: "apiVersion", Value: spec.NewString("v1", token.NoPos)},
		spec.Field{Name: "kind", Value: spec.NewString("List", token.NoPos)},
		spec.Field{Name: "items", Value: spec.NewList(token.NoPos, objects...)},
	)
	compact, err := list.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("cannot write JSON: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("cannot write JSON: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
