package jmespath

import (
	"strings"
	"unicode/utf8"

	"kcue.dev/compiler/lazyregexp"
)

// reference is Kyverno's own grammar of references
// (pkg/engine/variables/regex/vars.go).
var reference = lazyregexp.New(`^\$\(.[^\ ]*\)|[^\\]\$\(.[^\ ]*\)`)

// span is a variable of a text, braces included, and the character before it:
// text[before:start] is empty at the text's beginning.
type span struct{ before, start, end int }

// nextVariable finds the first variable at or after a place of the text. It is
// what Kyverno's (^|[^\\])(\{\{(?:\{[^{}]*\}|[^{}])*\}\}) finds
// (pkg/engine/variables/regex/vars.go), without the cost of a regular
// expression: every text of every policy is looked at. The character before a
// variable is a part of the match, so that two without one between them are
// not both found.
func nextVariable(text string, from int) (span, bool) {
	for at := from; ; at++ {
		i := strings.Index(text[at:], "{{")
		if i < 0 {
			return span{}, false
		}
		at += i
		before := at
		if at > 0 {
			r, size := utf8.DecodeLastRuneInString(text[from:at])
			if size == 0 || r == '\\' {
				continue
			}
			before -= size
		}
		if end, ok := closed(text, at); ok {
			return span{before, at, end}, true
		}
	}
}

// closed gives the end of the variable whose braces open at a place of the
// text. Single braces may stand within, not nested in each other.
func closed(text string, start int) (end int, ok bool) {
	for i := start + len("{{"); i < len(text); i++ {
		switch text[i] {
		case '}':
			return i + len("}}"), strings.HasPrefix(text[i:], "}}")
		case '{':
			inner := strings.IndexAny(text[i+1:], "{}")
			if inner < 0 || text[i+1+inner] == '{' {
				return 0, false
			}
			i += 1 + inner
		}
	}
	return 0, false
}

// allVariables gives the variables of a text beside each other.
func allVariables(text string) []span {
	var out []span
	for from := 0; ; {
		s, ok := nextVariable(text, from)
		if !ok {
			return out
		}
		out = append(out, s)
		from = s.end
	}
}

// maxNesting bounds the variables within variables that are looked at.
const maxNesting = 8

// Variable is a {{ … }} of a text.
type Variable struct {
	// Offset is the place of its braces in the text, in bytes.
	Offset int
	// Expression is what stands between the braces, without blanks around it
	// and without the - that asks for no further substitution. Variables
	// within it are replaced with null, as Kyverno's admission webhook does
	// (pkg/engine/context/mock_context.go).
	Expression string
	// Nested reports whether a variable stands within it, so that the real
	// Expression is known at a request only.
	Nested bool
	// Whole reports whether the variable is all of the text, so that its value
	// may be other than a string.
	Whole bool
	// AfterRune is the character before the braces where it has more than one
	// byte, and 0 elsewhere. Kyverno takes a single byte off the variable's
	// front (pkg/engine/variables/vars.go substituteVariablesIfAny), and fails
	// over the rest.
	AfterRune rune
}

// Variables gives the variables of a text: innermost first, and in their order
// beside each other. An escaped one (\{{ … }}) is none, and neither are those
// around one with a - before its expression, if it is the last beside it:
// Kyverno leaves them as text.
func Variables(text string) []Variable {
	if !strings.Contains(text, "{{") {
		return nil
	}
	var out []Variable
	origin := []int(nil) // of the bytes of the text as it is substituted; nil while it is the original
	place := func(i int) int {
		if origin == nil {
			return i
		}
		return origin[i]
	}
	for range maxNesting {
		matches := allVariables(text)
		if len(matches) == 0 {
			break
		}
		var next strings.Builder
		var nextOrigin []int
		last, shallow := 0, false
		keep := func(end int) {
			next.WriteString(text[last:end])
			for i := last; i < end; i++ {
				nextOrigin = append(nextOrigin, place(i))
			}
		}
		for _, m := range matches {
			start, end := m.start, m.end
			v := Variable{Offset: place(start), Whole: start == 0 && end == len(text)}
			v.Expression, shallow = expressionOf(text[start:end])
			// Kyverno looks at the match, whose first character may itself be
			// a brace.
			if r, size := utf8.DecodeRuneInString(text[m.before:start]); size > 1 {
				v.AfterRune = r
			}
			v.Nested = place(end-1)-place(start) != end-1-start
			out = append(out, v)
			keep(start)
			next.WriteString("null")
			for range "null" {
				nextOrigin = append(nextOrigin, place(start))
			}
			last = end
		}
		if shallow {
			break
		}
		keep(len(text))
		text, origin = next.String(), nextOrigin
	}
	return out
}

// expressionOf takes a variable's braces off, and reports whether it asks for no
// further substitution (pkg/engine/variables/vars.go
// replaceBracesAndTrimSpaces).
func expressionOf(v string) (expression string, shallow bool) {
	v = strings.ReplaceAll(v, "{{", "")
	v = strings.ReplaceAll(v, "}}", "")
	v = strings.TrimSpace(v)
	if strings.HasPrefix(v, "-") {
		return strings.TrimSpace(v[1:]), true
	}
	return v, false
}

// HasVariables reports whether a text has a variable.
func HasVariables(text string) bool {
	_, ok := nextVariable(text, 0)
	return ok
}

// Unclosed gives the place of a {{ that no }} closes, where a text has one:
// Kyverno takes it for plain text.
func Unclosed(text string) (offset int, ok bool) {
	if !strings.Contains(text, "{{") {
		return 0, false
	}
	for range maxNesting {
		matches := allVariables(text)
		if len(matches) == 0 {
			break
		}
		blanked := []byte(text)
		for _, m := range matches {
			for i := m.start; i < m.end; i++ {
				blanked[i] = ' ' // so that places stay
			}
		}
		text = string(blanked)
	}
	last := strings.LastIndex(text, "}}")
	for i := max(last, 0); ; {
		at := strings.Index(text[i:], "{{")
		if at < 0 {
			return 0, false
		}
		if i += at; i == 0 || text[i-1] != '\\' {
			return i, true
		}
		i += 2
	}
}

// PathReference is a $( … ) of a text, which Kyverno replaces with another value
// of the same rule.
type PathReference struct {
	// Offset is the place of the $ in the text, in bytes.
	Offset int
	// Operator is the pattern operator before the path, such as <=, or empty.
	Operator string
	// Path is the way to the value: absolute from the rule, or relative to the
	// text's own place.
	Path string
	// AfterRune is as in Variable.
	AfterRune rune
}

// operators are those that a string pattern can begin with, the longer before
// the shorter (pkg/engine/operator).
var operators = []string{">=", "<=", "!", ">", "<"}

// PathReferences gives the references of a text. An escaped one (\$(…)) is none.
func PathReferences(text string) []PathReference {
	if !strings.Contains(text, "$(") {
		return nil
	}
	var out []PathReference
	for _, m := range reference.FindAllStringIndex(text, -1) {
		start := m[0] + strings.Index(text[m[0]:m[1]], "$(")
		path := strings.Trim(text[start:m[1]], "$()")
		r := PathReference{Offset: start}
		if before, size := utf8.DecodeRuneInString(text[m[0]:start]); size > 1 {
			r.AfterRune = before
		}
		for _, op := range operators {
			if len(path) > 1 && strings.HasPrefix(path, op) {
				r.Operator = op
				break
			}
		}
		r.Path = path[len(r.Operator):]
		out = append(out, r)
	}
	return out
}
