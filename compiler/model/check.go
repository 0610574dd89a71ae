package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// maxDepth bounds recursion: definitions such as foreach within foreach admit
// any depth, and input is not trusted. Kyverno's own deepest use is below ten.
const maxDepth = 200

// Check holds a value against a definition, named with its "#", and gives
// every mistake once, in the order of the document: what a struct lacks stands
// where the struct begins. The path says where the value itself stands and
// begins every problem's Path. A node of kind Invalid satisfies everything.
//
//	m.Check(model.Bundle, n, nil)
//	m.Check("#PolicySpec", merged, policy.Path())
func (m *Model) Check(definition string, n *spec.Node, path spec.Path) []Problem {
	c := checker{path: make([]step, 0, 32)}
	for _, label := range path {
		c.path = append(c.path, step{label: label})
	}
	s := m.definitions[definition]
	if s == nil {
		return []Problem{{
			Kind: NoDefinition, Node: n, Path: pathOf(c.path), Definition: definition,
			Expected: m.Definitions(), Suggestion: diag.Nearest(definition, m.names),
			Message: fmt.Sprintf("the model has no definition %s", definition),
		}}
	}
	c.root = len(c.path)
	c.check(s, n)
	return c.problems
}

// checker walks one value.
type checker struct {
	path     []step
	root     int // how much of path stands above the value
	problems []Problem
}

func (c *checker) report(p Problem) {
	p.Path = pathOf(c.path)
	p.Field = lastField(c.path)
	c.problems = append(c.problems, p)
}

// subject names the value at hand in messages.
func (c *checker) subject(s *shape) string {
	if len(c.path) == 0 {
		return s.definition
	}
	return lastText(c.path)
}

func (c *checker) check(s *shape, n *spec.Node) {
	if s.any || n == nil || n.Kind == spec.Invalid {
		return
	}
	if len(c.path)-c.root > maxDepth {
		c.report(Problem{Kind: TooDeep, Node: n, Definition: s.definition,
			Message: fmt.Sprintf("%s is nested more than %d levels deep", c.subject(s), maxDepth)})
		return
	}
	switch {
	case n.Kind == spec.Struct && s.fields != nil:
		c.checkStruct(s, n)
	case n.Kind == spec.List && s.list != nil:
		c.checkList(s, n)
	case n.Kind == spec.String && s.text != nil:
		c.checkText(s, n)
	case n.Kind == spec.Number && s.number != nil:
		c.checkNumber(s, n)
	case n.Kind == spec.Bool && s.boolean, n.Kind == spec.Null && s.null:
	default:
		c.wrongType(s, n)
	}
}

func (c *checker) checkStruct(s *shape, n *spec.Node) {
	st := s.fields
	before := len(c.problems)
	var meant []string // the fields that unknown ones are likely to stand for
	for _, f := range n.Fields {
		c.path = append(c.path, step{label: f.Name})
		i, known := st.index[f.Name]
		if known {
			c.check(st.fields[i].shape, f.Value)
		}
		for _, p := range st.patterns {
			if p.matches(f.Name) {
				known = true
				c.check(p.shape, f.Value)
			}
		}
		if !known && !st.open {
			meant = append(meant, c.unknownField(s, f))
		}
		c.path = c.path[:len(c.path)-1]
	}
	at := before
	for _, i := range st.required {
		f := &st.fields[i]
		// A misspelt required field is one mistake, not two.
		if n.Has(f.name) || slices.Contains(meant, f.name) {
			continue
		}
		c.problems = slices.Insert(c.problems, at, c.missingField(s, f, n))
		at++
	}
}

func (c *checker) missingField(s *shape, f *fieldShape, n *spec.Node) Problem {
	c.path = append(c.path, step{label: f.name})
	defer func() { c.path = c.path[:len(c.path)-1] }()
	return Problem{
		Kind: MissingField, Node: n, Path: pathOf(c.path), Field: f.name, Definition: s.definition,
		Expected: f.shape.alternatives(),
		Message:  fmt.Sprintf("required field %q%s is missing", f.name, of(s)),
	}
}

// unknownField reports a field and gives the name of the field it is likely to
// stand for.
func (c *checker) unknownField(s *shape, f spec.Field) string {
	p := Problem{
		Kind: UnknownField, Node: f.Value, Definition: s.definition, Expected: s.fields.names(),
		Message: fmt.Sprintf("unknown field %q%s", f.Name, of(s)),
	}
	p.Suggestion, p.Hint = s.fields.suggest(f.Name)
	c.report(p)
	return p.Suggestion
}

// of says whose field it is, where the struct has a name.
func of(s *shape) string {
	if s.definition == "" {
		return ""
	}
	return " of " + s.definition
}

func (c *checker) checkList(s *shape, n *spec.Node) {
	l := s.list
	if len(n.Items) < len(l.prefix) || l.rest == nil && len(n.Items) > len(l.prefix) {
		least := "at least "
		if l.rest == nil {
			least = "exactly "
		}
		c.report(Problem{Kind: OutOfBounds, Node: n, Definition: s.definition, Expected: []string{l.String()},
			Message: fmt.Sprintf("%s must have %s%s, not %d", c.subject(s), least, count(len(l.prefix), "item"), len(n.Items))})
	}
	for i, item := range n.Items {
		shape := l.rest
		if i < len(l.prefix) {
			shape = l.prefix[i]
		}
		if shape == nil {
			break
		}
		if shape.any {
			continue
		}
		c.path = append(c.path, step{index: i, item: true})
		c.check(shape, item)
		c.path = c.path[:len(c.path)-1]
	}
}

func (c *checker) checkText(s *shape, n *spec.Node) {
	t := s.text
	if slices.Contains(t.literals, n.Text) {
		return
	}
	var failed []string
	for _, checks := range t.others {
		i := slices.IndexFunc(checks, func(k textCheck) bool { return !k.holds(n.Text) })
		if i < 0 {
			return
		}
		failed = append(failed, checks[i].want)
	}
	p := Problem{Node: n, Definition: s.definition}
	if len(t.literals) == 0 {
		p.Kind = Malformed
		p.Expected = failed
		wanted := orList(failed)
		p.Message = c.subject(s) + " must " + wanted
		if n.Text != "" && !strings.HasPrefix(wanted, "not be ") {
			p.Message += ", not be " + clip(strconv.Quote(n.Text))
		}
		c.report(p)
		return
	}
	p.Kind = NotInEnumeration
	p.Expected = s.alternatives()
	allowed := quoted(t.literals)
	for _, want := range failed {
		allowed = append(allowed, "a string that must "+want)
	}
	p.Message = fmt.Sprintf("%s must be %s, not %s", c.subject(s), orList(allowed), clip(strconv.Quote(n.Text)))
	if near := diag.Nearest(n.Text, t.literals); near != "" {
		p.Suggestion = strconv.Quote(near)
	}
	c.report(p)
}

func (c *checker) checkNumber(s *shape, n *spec.Node) {
	if s.number.integer && strings.ContainsAny(n.Text, ".eE") {
		c.wrongType(s, n)
		return
	}
	// Beyond float64's range the result is infinite, which compares rightly.
	x, _ := strconv.ParseFloat(n.Text, 64)
	if slices.ContainsFunc(s.number.bounds, func(b bound) bool { return !b.holds(x) }) {
		limits := make([]string, len(s.number.bounds))
		for i, b := range s.number.bounds {
			limits[i] = b.String()
		}
		c.report(Problem{Kind: OutOfBounds, Node: n, Definition: s.definition, Expected: limits,
			Message: fmt.Sprintf("%s must be %s, not %s", c.subject(s), strings.Join(limits, " and "), clip(n.Text))})
	}
}

func (c *checker) wrongType(s *shape, n *spec.Node) {
	found := kindName(n.Kind)
	switch n.Kind {
	case spec.String:
		found = "the string " + clip(strconv.Quote(n.Text))
	case spec.Number, spec.Bool:
		found = "the " + n.Kind.String() + " " + clip(n.Text)
	}
	p := Problem{Kind: WrongType, Node: n, Definition: s.definition, Expected: s.alternatives()}
	allowed := s.kinds()
	if s.text != nil && len(s.text.others) == 0 {
		words := quoted(s.text.literals)
		rest := *s
		rest.text = nil
		if more := rest.kinds(); more != "" {
			words = append(words, more)
		}
		allowed = orList(words)
	}
	p.Message = fmt.Sprintf("%s must be %s, not %s", c.subject(s), allowed, found)
	p.Suggestion, p.Hint = s.convert(n, lastField(c.path))
	c.report(p)
}

func quoted(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strconv.Quote(t)
	}
	return out
}

// clip keeps a value from filling a message.
func clip(s string) string {
	const longest = 60
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}
