package model

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"kcue.dev/compiler/spec"
)

// shape is what a value may be. The alternatives of a disjunction differ in
// kind, so one member a kind holds them all, and a value picks its own: that
// is what lets a mistake be reported once, inside the alternative the author
// meant.
type shape struct {
	definition string // "#Rule" where a definition is this shape

	any     bool
	null    bool
	boolean bool
	number  *numberShape
	text    *textShape
	list    *listShape
	fields  *structShape
}

type numberShape struct {
	integer bool
	bounds  []bound
}

type bound struct {
	op    string // one of < <= > >=
	limit float64
}

func (b bound) holds(x float64) bool {
	switch b.op {
	case "<":
		return x < b.limit
	case "<=":
		return x <= b.limit
	case ">":
		return x > b.limit
	default:
		return x >= b.limit
	}
}

func (b bound) String() string {
	words := map[string]string{"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
	return words[b.op] + " " + strconv.FormatFloat(b.limit, 'g', -1, 64)
}

// textShape accepts the literals, and whatever one of the other alternatives
// accepts.
type textShape struct {
	literals []string
	others   [][]textCheck
}

// textCheck is one constraint on a string.
type textCheck struct {
	want  string // completes "must …"
	holds func(string) bool
}

func notEqual(literal string) textCheck {
	want := "not be " + strconv.Quote(literal)
	if literal == "" {
		want = "not be empty"
	}
	return textCheck{want, func(s string) bool { return s != literal }}
}

func matching(re *regexp.Regexp, want bool) textCheck {
	if want {
		return textCheck{"match " + re.String(), re.MatchString}
	}
	return textCheck{"not match " + re.String(), func(s string) bool { return !re.MatchString(s) }}
}

func minRunes(n int) textCheck {
	return textCheck{"have at least " + count(n, "character"), func(s string) bool { return utf8.RuneCountInString(s) >= n }}
}

func maxRunes(n int) textCheck {
	return textCheck{"have at most " + count(n, "character"), func(s string) bool { return utf8.RuneCountInString(s) <= n }}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

type listShape struct {
	prefix []*shape
	rest   *shape // of further items; nil where there may be none
}

type structShape struct {
	definitions []string // the definition this struct is, and those embedded in it
	fields      []fieldShape
	index       map[string]int
	required    []int
	patterns    []patternShape
	open        bool
}

type fieldShape struct {
	name     string
	shape    *shape
	required bool
}

// patternShape is what fields whose name matches must be; without re, all.
type patternShape struct {
	re    *regexp.Regexp
	shape *shape
}

func (p patternShape) matches(name string) bool { return p.re == nil || p.re.MatchString(name) }

func (s *structShape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// at gives the shape of what stands under a label, or nil.
func (s *shape) at(label string) *shape {
	if s.fields != nil {
		if i, ok := s.fields.index[label]; ok {
			return s.fields.fields[i].shape
		}
		for _, p := range s.fields.patterns {
			if p.matches(label) {
				return p.shape
			}
		}
	}
	if s.list != nil {
		if i, err := strconv.Atoi(label); err == nil && i >= 0 && i < len(s.list.prefix) {
			return s.list.prefix[i]
		}
		return s.list.rest
	}
	return nil
}

// alternatives gives the types that a value of this shape may have, in words
// of CUE: the allowed values of an enumeration one by one.
func (s *shape) alternatives() []string {
	if s.any {
		return []string{"_"}
	}
	var out []string
	if s.null {
		out = append(out, "null")
	}
	if s.boolean {
		out = append(out, "bool")
	}
	if s.number != nil {
		if s.number.integer {
			out = append(out, "int")
		} else {
			out = append(out, "number")
		}
	}
	if s.text != nil {
		for _, l := range s.text.literals {
			out = append(out, strconv.Quote(l))
		}
		if len(s.text.others) > 0 {
			out = append(out, "string")
		}
	}
	if s.list != nil {
		out = append(out, s.list.String())
	}
	if s.fields != nil {
		if s.definition != "" {
			out = append(out, s.definition)
		} else {
			out = append(out, "struct")
		}
	}
	return out
}

// String gives the shape in short, as CUE writes types.
func (s *shape) String() string { return strings.Join(s.alternatives(), " | ") }

func (l *listShape) String() string {
	item := l.rest
	if item == nil && len(l.prefix) > 0 {
		item = l.prefix[0]
	}
	switch {
	case item == nil:
		return "[]"
	case item.any:
		return "[...]"
	}
	return "[..." + item.shortName() + "]"
}

// shortName keeps the type of a list's items short: a definition's name says
// more than its values one by one.
func (s *shape) shortName() string {
	if s.definition != "" {
		return s.definition
	}
	return s.String()
}

// kinds gives what a value may be in prose: "a string", "a list or null".
func (s *shape) kinds() string {
	var out []string
	if s.text != nil {
		out = append(out, "a string")
	}
	if s.number != nil {
		if s.number.integer {
			out = append(out, "an integer")
		} else {
			out = append(out, "a number")
		}
	}
	if s.boolean {
		out = append(out, "a bool")
	}
	if s.list != nil {
		out = append(out, "a list")
	}
	if s.fields != nil {
		out = append(out, "a struct")
	}
	if s.null {
		out = append(out, "null")
	}
	return orList(out)
}

// kindName gives a node's kind with its article.
func kindName(k spec.Kind) string {
	switch k {
	case spec.Null:
		return "null"
	case spec.Bool, spec.Number, spec.String, spec.List, spec.Struct:
		return "a " + k.String()
	}
	return "a value of no known kind"
}

// orList joins alternatives: "a", "a or b", "a, b or c".
func orList(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " or " + items[last]
}
