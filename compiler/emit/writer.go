package emit

import (
	"bytes"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// writer writes YAML documents. The library takes a fifth of a large build,
// most of it for a tree of its own nodes and for reading plain words again to
// see whether they need quotes. So the writer sets out mappings and sequences
// itself, writes words that are plain by any reading, and has the library write
// every other string, each once. What is beyond that is the library's whole
// document; the bytes are the library's either way.
type writer struct {
	buf []byte
	// scalars holds how the library writes strings of one line.
	scalars map[string]string
}

// maxScalars bounds the strings that a writer keeps.
const maxScalars = 1 << 14

func newWriter() *writer { return &writer{scalars: map[string]string{}} }

func (w *writer) document(object *spec.Node) ([]byte, error) {
	if !object.IsValid() {
		return nil, errInvalid
	}
	w.buf = w.buf[:0]
	if object.Kind == spec.Struct && len(object.Fields) > 0 && w.fields(object, 0) {
		return slices.Clone(w.buf), nil
	}
	return libraryDocument(object)
}

const spaces = "                                                                "

func (w *writer) indent(n int) {
	for ; n > len(spaces); n -= len(spaces) {
		w.buf = append(w.buf, spaces...)
	}
	w.buf = append(w.buf, spaces[:n]...)
}

// fields writes the fields of a struct that has some, the first where the
// buffer stands. It is false where the library has to write the document.
func (w *writer) fields(n *spec.Node, indent int) bool {
	for i, f := range n.Fields {
		if i > 0 {
			w.indent(indent)
		}
		if !w.key(f.Name) {
			return false
		}
		w.buf = append(w.buf, ':')
		value := f.Value
		switch {
		case value.Kind == spec.Struct && len(value.Fields) > 0:
			w.buf = append(w.buf, '\n')
			w.indent(indent + 2)
			if !w.fields(value, indent+2) {
				return false
			}
		case value.Kind == spec.List && len(value.Items) > 0:
			w.buf = append(w.buf, '\n')
			w.indent(indent + 2)
			if !w.items(value, indent+2) {
				return false
			}
		default:
			w.buf = append(w.buf, ' ')
			if !w.scalar(value, indent+2) {
				return false
			}
		}
	}
	return true
}

// items writes the items of a list that has some.
func (w *writer) items(n *spec.Node, indent int) bool {
	for i, item := range n.Items {
		if i > 0 {
			w.indent(indent)
		}
		w.buf = append(w.buf, "- "...)
		ok := false
		switch {
		case item.Kind == spec.Struct && len(item.Fields) > 0:
			ok = w.fields(item, indent+2)
		case item.Kind == spec.List && len(item.Items) > 0:
			ok = w.items(item, indent+2)
		default:
			ok = w.scalar(item, indent+2)
		}
		if !ok {
			return false
		}
	}
	return true
}

// scalar writes what fits behind a key or a dash, and ends the line. The lines
// of a block have the given indentation.
func (w *writer) scalar(n *spec.Node, indent int) bool {
	switch n.Kind {
	case spec.Struct:
		w.buf = append(w.buf, "{}"...)
	case spec.List:
		w.buf = append(w.buf, "[]"...)
	case spec.Null:
		w.buf = append(w.buf, "null"...)
	case spec.String:
		if strings.IndexByte(n.Text, '\n') >= 0 {
			return w.block(n.Text, indent)
		}
		if !w.line(n.Text) {
			return false
		}
	default:
		w.buf = append(w.buf, n.Text...)
	}
	w.buf = append(w.buf, '\n')
	return true
}

// block writes a string of several lines as a literal block.
func (w *writer) block(s string, indent int) bool {
	if !isLiteral(s) {
		return false
	}
	w.buf = append(w.buf, '|')
	switch {
	case !strings.HasSuffix(s, "\n"):
		w.buf = append(w.buf, '-')
	case strings.HasSuffix(s, "\n\n"):
		w.buf = append(w.buf, '+')
	}
	w.buf = append(w.buf, '\n')
	for line := range strings.Lines(s) {
		if line != "\n" {
			w.indent(indent)
		}
		w.buf = append(w.buf, line...)
	}
	if !strings.HasSuffix(s, "\n") {
		w.buf = append(w.buf, '\n')
	}
	return true
}

// isLiteral reports whether a literal block holds the string for certain:
// printable ASCII, and a first line that shows the indentation.
func isLiteral(s string) bool {
	if c := s[0]; c == ' ' || c == '\t' || c == '\n' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c > '~') {
			return false
		}
	}
	// The library quotes a string whose lines end in blanks.
	return !strings.Contains(s, " \n") && !strings.HasSuffix(s, " ")
}

// maxKey is less than the 128 bytes of a simple key.
const maxKey = 100

// key writes a field's name, where that is printable ASCII without blanks at
// its ends: the library writes others behind a question mark.
func (w *writer) key(name string) bool {
	if name == "" || len(name) > maxKey || name[0] == ' ' || name[len(name)-1] == ' ' {
		return false
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return false
		}
	}
	return w.line(name)
}

// line writes a string of one line.
func (w *writer) line(s string) bool {
	if areWords(s) {
		w.buf = append(w.buf, s...)
		return true
	}
	text, ok := w.scalars[s]
	if !ok {
		doc, err := libraryDocument(spec.NewStruct(token.NoPos, spec.Field{Name: "k", Value: &spec.Node{Kind: spec.String, Text: s}}))
		if err != nil {
			return false
		}
		rest, isLine := bytes.CutPrefix(bytes.TrimSuffix(doc, []byte("\n")), []byte("k: "))
		if !isLine || bytes.IndexByte(rest, '\n') >= 0 {
			return false
		}
		text = string(rest)
		if len(w.scalars) < maxScalars {
			w.scalars[s] = text
		}
	}
	w.buf = append(w.buf, text...)
	return true
}

// areWords reports whether every YAML reader takes a plain s for a string: it
// begins with a letter and ends in no blank, has a few harmless characters only,
// and is longer than the words that stand for something else.
func areWords(s string) bool {
	if len(s) < 6 || !isLetter(s[0]) || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !isLetter(c) && (c < '0' || c > '9') && c != ' ' && c != '-' && c != '_' && c != '/' && c != '.' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
