package crd

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"kcue.dev/compiler/spec"
)

// Kind says which constraint a Violation breaks.
type Kind string

// The kinds of violation.
const (
	UnknownKind  Kind = "unknown-kind"  // no CRD of Kyverno serves the object's apiVersion and kind
	UnknownField Kind = "unknown-field" // a field that the API server would drop
	WrongType    Kind = "type"
	Missing      Kind = "required"
	NotAllowed   Kind = "enum"
	BadFormat    Kind = "format"    // a time, a duration, or an integer out of its format's range
	BadPattern   Kind = "pattern"   // a string that does not match its regular expression
	OutOfRange   Kind = "range"     // a number below its minimum or above its maximum
	BadLength    Kind = "length"    // a string or list too short or too long
	NotExclusive Kind = "exclusive" // fields that go together where they may not, or none where one must be set
	Duplicate    Kind = "duplicate" // an item repeated in a list that is a set, or keyed as a map
	BadMetadata  Kind = "metadata"  // a name, namespace, label or annotation that Kubernetes or Kyverno's webhook refuses
)

// Violation is one thing that the API server would refuse or drop.
type Violation struct {
	Path    string     // from the object's root: spec.rules[0].validate.message
	Node    *spec.Node // the offending value, or for a missing field the struct that lacks it
	Kind    Kind
	Message string   // one sentence: what is wrong and what was expected
	Allowed []string // for UnknownField and NotAllowed, what could stand there, for a "did you mean"
}

// Error gives the path and the message.
func (v Violation) Error() string {
	if v.Path == "" {
		return v.Message
	}
	return v.Path + ": " + v.Message
}

// step is a part of a path: a field, or where the name is empty a list's item.
type step struct {
	name  string
	index int
	field bool
}

func pathString(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		switch {
		case !s.field:
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			if isIdentifier(s.name) {
				b.WriteString(s.name)
			} else {
				b.WriteString(quote(s.name))
			}
		}
	}
	return b.String()
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && c != '$' && (c < '0' || c > '9' || i == 0) && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

// quote keeps a message readable whatever an author's string holds.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}

// found describes a value by its type, with its content where that is short.
func found(n *spec.Node) string {
	switch n.Kind {
	case spec.Null:
		return "null"
	case spec.Bool:
		return "the boolean " + n.Text
	case spec.Number:
		return "the number " + n.Text
	case spec.String:
		return "the string " + quote(n.Text)
	case spec.List:
		return "a list"
	}
	return "a struct"
}

// expected describes the values that a schema's type admits.
func expected(s *schema) string {
	if s.intOrString {
		return "an integer or a string"
	}
	switch s.typ {
	case "object":
		return "a struct"
	case "array":
		return "a list"
	case "integer":
		return "an integer"
	case "":
		return "any value but null"
	}
	return "a " + s.typ
}

// list writes alternatives as "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
