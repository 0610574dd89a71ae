package importer

import (
	"strings"

	"kcue.dev/compiler/spec"
)

// writer writes values as CUE source, which cue/format then aligns. Text and
// not a syntax tree is built, because text alone says where comments stand: in
// the tree they hang on nodes, and the formatter moves them.
type writer struct {
	b        strings.Builder
	comments spec.Comments
	// uses has the definition that a struct adds to: it is written as
	// DEFINITION & {…}.
	uses   map[*spec.Node]string
	names  map[*spec.Node]bool // structs whose fields are named by authors
	indent int
	// lines has the value that begins on each line written so far.
	lines []*spec.Node
}

// maxInline is how long a list or struct may be that is written on one line.
const maxInline = 72

func (w *writer) line(about *spec.Node) {
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
	}
	w.lines = append(w.lines, about)
	for range w.indent {
		w.b.WriteByte('\t')
	}
}

// comment writes the lines of a YAML comment as one of CUE's.
func (w *writer) comment(text string, about *spec.Node) {
	for _, c := range commentLines(text) {
		w.line(about)
		w.b.WriteString(c)
	}
}

// gap leaves a line empty.
func (w *writer) gap() {
	w.b.WriteByte('\n')
	w.lines = append(w.lines, nil)
}

// commentLines gives the lines of a YAML comment in CUE's form. Empty lines
// part a comment in two, and are left out at its ends.
func commentLines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		body, ok := strings.CutPrefix(line, "#")
		switch {
		case !ok && line == "":
			out = append(out, "//")
		case body == "":
			out = append(out, "//")
		case strings.HasPrefix(body, " ") || strings.HasPrefix(body, "\t"):
			out = append(out, "//"+body)
		default:
			out = append(out, "// "+body)
		}
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return out
}

// fields writes the fields of a struct, each on lines of its own.
func (w *writer) fields(n *spec.Node) {
	named := w.names[n]
	foot := false
	for i, f := range n.Fields {
		c := w.comments[f.Value]
		if i > 0 && foot && c.Head != "" {
			w.gap() // or the two comments would be one
		}
		w.field(f, named)
		foot = c.Foot != ""
	}
}

// field writes a field and its comments. Structs of one field are written as a
// chain of labels, unless a comment stands inside.
func (w *writer) field(f spec.Field, named bool) {
	c := w.comments[f.Value]
	head := c.Head
	behind := c.Line
	chain := []spec.Field{f}
	names := []bool{named}
	for v := f.Value; w.uses[v] == "" && v.Kind == spec.Struct && len(v.Fields) == 1; {
		next := v.Fields[0]
		inner := w.comments[next.Value]
		if inner.Head != "" || inner.Foot != "" || inner.Line != "" && behind != "" {
			break
		}
		if inner.Line != "" {
			behind = inner.Line
		}
		chain, names = append(chain, next), append(names, w.names[v])
		v = next.Value
	}
	last := chain[len(chain)-1].Value
	if behind != "" && !w.fitsOneLine(last) {
		head = joined(head, behind)
		behind = ""
	}
	if strings.Contains(strings.TrimSpace(behind), "\n") {
		head, behind = joined(head, behind), ""
	}
	w.comment(head, f.Value)
	w.line(last)
	for i, part := range chain {
		if i > 0 {
			w.b.WriteByte(' ')
		}
		if names[i] {
			w.b.WriteString(nameLabel(part.Name))
		} else {
			w.b.WriteString(label(part.Name))
		}
		w.b.WriteByte(':')
	}
	w.b.WriteByte(' ')
	w.value(last)
	if behind != "" {
		w.b.WriteByte(' ')
		w.b.WriteString(commentLines(behind)[0])
	}
	if w.indent == 0 && c.Foot != "" {
		w.gap() // or it would seem to be about the next object
	}
	w.comment(c.Foot, f.Value)
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// fitsOneLine reports whether a value is written on the line of its field, so
// that a comment may stand behind it.
func (w *writer) fitsOneLine(n *spec.Node) bool {
	switch n.Kind {
	case spec.Struct:
		return len(n.Fields) == 0
	case spec.List:
		_, ok := w.inline(n)
		return ok
	case spec.String:
		return !isText(n.Text)
	}
	return true
}

// value writes a value whose first line is begun.
func (w *writer) value(n *spec.Node) {
	if definition := w.uses[n]; definition != "" {
		w.b.WriteString(definition)
		if len(n.Fields) == 0 {
			return
		}
		w.b.WriteString(" & ")
	}
	switch n.Kind {
	case spec.Struct:
		w.structure(n)
	case spec.List:
		w.list(n)
	default:
		text := scalar(n, w.indent)
		w.b.WriteString(text)
		for range strings.Count(text, "\n") {
			w.lines = append(w.lines, n)
		}
	}
}

func (w *writer) structure(n *spec.Node) {
	if len(n.Fields) == 0 {
		w.b.WriteString("{}")
		return
	}
	if text, ok := w.inlineStruct(n); ok && w.uses[n] != "" && len(n.Fields) == 1 {
		w.b.WriteString(text)
		return
	}
	w.b.WriteByte('{')
	w.indent++
	w.fields(n)
	w.indent--
	w.line(nil)
	w.b.WriteByte('}')
}

func (w *writer) list(n *spec.Node) {
	if text, ok := w.inline(n); ok {
		w.b.WriteString(text)
		return
	}
	if w.isListOfStructs(n) {
		w.b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.structure(item)
		}
		w.b.WriteByte(']')
		return
	}
	w.b.WriteByte('[')
	w.indent++
	for _, item := range n.Items {
		c := w.comments[item]
		behind := c.Line
		if behind != "" && (!w.fitsOneLine(item) || strings.Contains(strings.TrimSpace(behind), "\n")) {
			c.Head, behind = joined(c.Head, behind), ""
		}
		w.comment(c.Head, item)
		w.line(item)
		if text, ok := w.inlineItem(item); ok {
			w.b.WriteString(text)
		} else {
			w.value(item)
		}
		w.b.WriteByte(',')
		if behind != "" {
			w.b.WriteByte(' ')
			w.b.WriteString(commentLines(behind)[0])
		}
		w.comment(c.Foot, item)
	}
	w.indent--
	w.line(nil)
	w.b.WriteByte(']')
}

// isListOfStructs reports whether a list is written as [{…}, {…}]: its items
// are structs of some length, and no comment stands between them.
func (w *writer) isListOfStructs(n *spec.Node) bool {
	for _, item := range n.Items {
		if item.Kind != spec.Struct || len(item.Fields) == 0 || w.comments[item] != (spec.Comment{}) {
			return false
		}
	}
	return len(n.Items) > 0
}

// inline gives a list on one line, where it is short enough and of scalars or
// small structs.
func (w *writer) inline(n *spec.Node) (string, bool) {
	parts := make([]string, len(n.Items))
	length := 0
	for i, item := range n.Items {
		if w.comments[item] != (spec.Comment{}) {
			return "", false
		}
		text, ok := w.inlineItem(item)
		if !ok {
			return "", false
		}
		if length += len(text) + 2; length > maxInline && len(n.Items) > 1 {
			return "", false
		}
		parts[i] = text
	}
	return "[" + strings.Join(parts, ", ") + "]", true
}

func (w *writer) inlineItem(n *spec.Node) (string, bool) {
	switch n.Kind {
	case spec.Struct:
		return w.inlineStruct(n)
	case spec.List:
		if len(n.Items) == 0 {
			return "[]", true
		}
		return "", false
	case spec.String:
		if isText(n.Text) {
			return "", false
		}
	}
	return scalar(n, 0), true
}

// inlineStruct gives a struct of one or two small fields on one line.
func (w *writer) inlineStruct(n *spec.Node) (string, bool) {
	if len(n.Fields) == 0 {
		return "{}", true
	}
	if len(n.Fields) > 2 {
		return "", false
	}
	parts := make([]string, len(n.Fields))
	for i, f := range n.Fields {
		text, ok := w.inlineField(f, w.names[n])
		if !ok {
			return "", false
		}
		parts[i] = text
	}
	text := "{" + strings.Join(parts, ", ") + "}"
	return text, len(text) <= maxInline
}

func (w *writer) inlineField(f spec.Field, named bool) (string, bool) {
	if w.comments[f.Value] != (spec.Comment{}) || w.uses[f.Value] != "" {
		return "", false
	}
	name := label(f.Name)
	if named {
		name = nameLabel(f.Name)
	}
	switch v := f.Value; {
	case v.Kind == spec.Struct && len(v.Fields) == 1:
		rest, ok := w.inlineField(v.Fields[0], w.names[v])
		return name + ": " + rest, ok
	case v.Kind == spec.Struct && len(v.Fields) > 0, v.Kind == spec.List && len(v.Items) > 1 && !isScalars(v):
		return "", false
	case v.Kind == spec.Struct:
		return name + ": {}", true
	case v.Kind == spec.List:
		text, ok := w.inline(v)
		return name + ": " + text, ok
	case v.Kind == spec.String && isText(v.Text):
		return "", false
	default:
		return name + ": " + scalar(v, 0), true
	}
}

func isScalars(n *spec.Node) bool {
	for _, item := range n.Items {
		if item.Kind == spec.Struct || item.Kind == spec.List {
			return false
		}
	}
	return true
}
