package vet

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/celenv"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// maxTemplateNodes bounds what is read of a template: an object of Kubernetes
// has at most 1.5 MB.
const maxTemplateNodes = 200_000

// template checks the YAML of generate[].template, and adds the expressions
// that stand in it as (( … )) where interpolate is cel
// (pkg/cel/policies/gpol/template).
func (p *celPolicy) template(t value) {
	text := t.get("value")
	if !text.exists() || text.Kind != spec.String {
		return // the schema's business
	}
	r := &templateReader{celPolicy: p, at: text, interpolate: t.get("interpolate").Str() == "cel", seen: map[*yaml.Node]bool{}, marks: map[*yaml.Node]bool{}}
	decoder := yaml.NewDecoder(strings.NewReader(text.Text))
	documents := 0
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.report("is no YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
			return
		}
		if len(document.Content) == 0 {
			continue
		}
		root := document.Content[0]
		if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
			continue
		}
		documents++
		r.document(root)
	}
	if documents == 0 {
		r.report("is empty: expected the YAML of a resource")
	}
}

// templateReader reads the documents of one template.
type templateReader struct {
	*celPolicy
	at          value
	interpolate bool
	nodes       int
	seen        map[*yaml.Node]bool // anchors that are read
	marks       map[*yaml.Node]bool // parts that are known to have a placeholder, or none
}

func (r *templateReader) report(format string, args ...any) {
	r.error(diag.CELTemplate, r.at, fmt.Sprintf(format, args...), "")
}

// document reads a document, which must be a resource, or one placeholder that
// gives one.
func (r *templateReader) document(root *yaml.Node) {
	target := root
	if target.Kind == yaml.AliasNode {
		target = target.Alias
	}
	whole := false
	if r.interpolate && target.Kind == yaml.ScalarNode {
		segments, err := placeholders(target.Value)
		whole = err != nil || len(segments) == 1 && segments[0].whole
	}
	if target.Kind != yaml.MappingNode && !whole {
		r.report("line %d is no resource: expected apiVersion, kind and metadata", root.Line)
		return
	}
	if !r.interpolate {
		r.decode(root)
		return
	}
	r.node(root)
}

// decode reads a part without placeholders as Kyverno does.
func (r *templateReader) decode(n *yaml.Node) {
	var v any
	if err := n.Decode(&v); err != nil {
		r.report("line %d: %s", n.Line, strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", ""), "yaml: "))
	}
}

// node reads a part of a document.
func (r *templateReader) node(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Anchor != "" {
		if r.seen[n] {
			return
		}
		r.seen[n] = true
	}
	if r.nodes++; r.nodes > maxTemplateNodes {
		if r.nodes == maxTemplateNodes+1 {
			r.report("is larger than any resource")
		}
		return
	}
	if !r.templated(n) {
		r.decode(n)
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Kind != yaml.ScalarNode:
				r.report("line %d: the name of a field is no text", key.Line)
			case isTemplated(strings.ReplaceAll(key.Value, `\((`, "")):
				r.error(diag.CELTemplate, r.at, fmt.Sprintf("line %d: the name of a field cannot be an expression", key.Line), "give the whole map by one, such as labels: (( variables.labels ))")
			case key.Value == "<<":
				r.report("line %d: a merge key (<<) cannot stand where there are expressions", key.Line)
			}
			r.node(n.Content[i+1])
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.node(item)
		}
	case yaml.ScalarNode:
		r.scalar(n)
	}
}

// scalar adds the expressions of a text.
func (r *templateReader) scalar(n *yaml.Node) {
	segments, err := placeholders(n.Value)
	if err != nil {
		r.report("line %d: %s", n.Line, err)
		return
	}
	for _, s := range segments {
		r.slots = append(r.slots, celSlot{at: r.at, result: celenv.Anything, text: &s.expression, where: fmt.Sprintf(", in line %d of the template", n.Line)})
	}
}

// isTemplated reports whether a text has a placeholder, or one that is escaped.
func isTemplated(text string) bool { return strings.Contains(text, "((") }

// templated reports whether a part has a placeholder. It asks each part once,
// also where an anchor is inside itself.
func (r *templateReader) templated(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if known, ok := r.marks[n]; ok {
		return known
	}
	r.marks[n] = false
	found := n.Kind == yaml.ScalarNode && isTemplated(n.Value)
	for _, child := range n.Content {
		found = r.templated(child) || found
	}
	r.marks[n] = found
	return found
}

// placeholder is an expression in a text.
type placeholder struct {
	expression string
	whole      bool // the text is nothing else
}

// placeholders finds the expressions of a text as Kyverno does
// (pkg/cel/policies/gpol/template/scanner.go).
func placeholders(text string) ([]placeholder, error) {
	var out []placeholder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], `\((`):
			i += 3
		case strings.HasPrefix(text[i:], "(("):
			end, err := placeholderEnd(text, i)
			if err != nil {
				return nil, err
			}
			expression := strings.TrimSpace(text[i+2 : end-2])
			if expression == "" {
				return nil, errors.New("(( )) has no expression in it")
			}
			out = append(out, placeholder{expression, i == 0 && end == len(text)})
			i = end
		default:
			i++
		}
	}
	return out, nil
}

// placeholderEnd gives the offset behind the placeholder that begins at start.
func placeholderEnd(text string, start int) (int, error) {
	depth := 0
	var quote byte
	for i := start + 2; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == ')' && strings.HasPrefix(text[i:], "))"):
			return i + 2, nil
		case c == ')':
			return 0, errors.New(`")" closes nothing in the expression`)
		}
	}
	if quote != 0 {
		return 0, fmt.Errorf("a string in the expression is not closed with %c", quote)
	}
	return 0, errors.New("the expression is not closed with ))")
}
