package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// mistake is what CUE's evaluator says of one path, gathered from the several
// errors that it gives for one mistake (one a disjunct, one a use).
type mistake struct {
	path   spec.Path
	errors []errors.Error
}

// mistakes groups errors by path, in order of first appearance. An error
// below another's path, or at the same place by another route, is its echo.
func mistakes(err error) []mistake {
	var out []mistake
	for _, e := range errors.Errors(err) {
		path := spec.Path(unquoted(e.Path()))
		i := slices.IndexFunc(out, func(m mistake) bool { return slices.Equal(m.path, path) })
		if i < 0 {
			out = append(out, mistake{path: path})
			i = len(out) - 1
		}
		out[i].errors = append(out[i].errors, e)
	}
	return out
}

// unquoted gives the path's labels without CUE's quotes.
func unquoted(path []string) []string {
	out := make([]string, len(path))
	for i, p := range path {
		out[i] = cue.ParsePath(p).String()
		if sel := cue.ParsePath(p).Selectors(); len(sel) == 1 && sel[0].IsString() {
			out[i] = sel[0].Unquoted()
		} else {
			out[i] = p
		}
	}
	return out
}

// The words of CUE's evaluator that diagnostics depend on (cuelang.org/go
// v0.17 internal/core/adt). A change of them costs a good sentence, not a
// diagnostic: the fallback prints CUE's own.
const (
	cueConflict      = "conflicting values"
	cueMismatch      = "mismatched types"
	cueNotAllowed    = "field not allowed"
	cueDisjunction   = "errors in empty disjunction"
	cueOutOfBound    = "out of bound"
	cueNotResolved   = "reference"
	cueInterpolation = "invalid interpolation"
)

// diagnose turns one mistake into one diagnostic.
func (c *checker) diagnose(m mistake) diag.Diagnostic {
	d := diag.Diagnostic{Code: diag.Evaluation, Path: m.path.String(), Pos: c.position(m)}
	first := m.errors[0]
	for _, e := range m.errors {
		if !strings.Contains(load.Message(e), cueInterpolation) {
			first = e
			break
		}
	}
	d.Message = load.Message(first)

	name := ""
	if len(m.path) > 0 {
		name = m.path[len(m.path)-1]
	}
	switch {
	case c.says(m, cueNotAllowed):
		c.notAllowed(&d, m.path, name)
	case c.says(m, cueDisjunction):
		c.notInEnumeration(&d, m)
	case strings.Contains(d.Message, cueMismatch):
		d.Code = diag.WrongType
		d.Message = c.mismatch(first)
	case strings.Contains(d.Message, cueConflict):
		d.Code = diag.Conflict
		places := c.userPositions(first)
		a, b := c.sides(first)
		d.Message = fmt.Sprintf("cannot be both %s and %s: CUE unifies, it never overrides", a, b)
		if len(places) > 1 {
			d.Pos = places[0]
			d.Related = append(d.Related, diag.Related{Pos: places[1], Message: "the other value"})
		}
		if inherited := c.source.patternOf(m.path[:max(0, len(m.path)-1)]); len(places) < 2 && inherited != "" {
			d.Message = fmt.Sprintf("%s has %s here, which %s cannot replace: CUE unifies, it never overrides", inherited, a, b)
		}
	case strings.Contains(d.Message, cueOutOfBound):
		d.Code = diag.OutOfBounds
	case strings.HasPrefix(d.Message, cueNotResolved) && strings.Contains(d.Message, "not found"):
		d.Code = diag.Reference
	}
	return d
}

func (c *checker) says(m mistake, words string) bool {
	return slices.ContainsFunc(m.errors, func(e errors.Error) bool { return strings.Contains(load.Message(e), words) })
}

func (c *checker) notAllowed(d *diag.Diagnostic, path spec.Path, name string) {
	d.Code = diag.UnknownField
	d.Message = fmt.Sprintf("unknown field %q", name)
	if i := slices.Index(path, "params"); i > 0 && i < len(path)-1 {
		d.Code = diag.UnknownParameter
		d.Message = fmt.Sprintf("unknown parameter %q", name)
		if def := c.source.patternOf(path[:i]); def != "" {
			d.Message += " of " + def
			if known := c.parameters(def); len(known) > 0 {
				if near := diag.Nearest(name, known); near != "" {
					d.Hint = fmt.Sprintf("did you mean %q?", near)
				} else {
					d.Hint = "its parameters are " + strings.Join(known, ", ")
				}
			}
		}
	}
}

// notInEnumeration speaks of a value that is none of a disjunction's.
func (c *checker) notInEnumeration(d *diag.Diagnostic, m mistake) {
	d.Code = diag.NotInEnumeration
	var found string
	var allowed []string
	for _, e := range m.errors {
		text := load.Message(e)
		if !strings.HasPrefix(text, cueConflict) {
			continue
		}
		value, expected := c.sides(e)
		found = value
		if !slices.Contains(allowed, expected) {
			allowed = append(allowed, expected)
		}
	}
	if len(allowed) == 0 {
		return
	}
	d.Message = fmt.Sprintf("%s is not allowed: expected %s", found, strings.Join(allowed, " or "))
	bare := make([]string, len(allowed))
	for i, a := range allowed {
		bare[i] = strings.Trim(a, `"`)
	}
	if near := diag.Nearest(strings.Trim(found, `"`), bare); near != "" {
		d.Hint = fmt.Sprintf("did you mean %q?", near)
	}
}

// mismatch speaks of a value of the wrong type. CUE names both values and then
// both types.
func (c *checker) mismatch(e errors.Error) string {
	found, expected := c.sides(e)
	_, args := e.Msg()
	if len(args) < 4 {
		return fmt.Sprintf("found %s, expected %s", found, expected)
	}
	foundType, expectedType := fmt.Sprint(args[2]), fmt.Sprint(args[3])
	if found != fmt.Sprint(args[0]) {
		foundType, expectedType = expectedType, foundType
	}
	return fmt.Sprintf("expected a %s, not the %s %s", expectedType, foundType, found)
}

// sides tells the author's value of a conflict from the other, by which of the
// error's positions the author wrote.
func (c *checker) sides(e errors.Error) (found, expected string) {
	_, args := e.Msg()
	if len(args) < 2 {
		return "this", "another value"
	}
	a, b := fmt.Sprint(args[0]), fmt.Sprint(args[1])
	// A type or bound is what was expected, whoever wrote it.
	if isConstraint(a) && !isConstraint(b) {
		return b, a
	}
	if isConstraint(b) {
		return a, b
	}
	positions := e.InputPositions()
	if len(positions) > 1 && load.IsEmbedded(positions[0]) && !load.IsEmbedded(positions[1]) {
		return b, a
	}
	return a, b
}

var constraint = regexp.MustCompile(`^(string|int|bool|number|float|bytes|null|\[\.\.\..*|\{.*|[<>=!].*|.* \| .*)$`)

func isConstraint(s string) bool { return constraint.MatchString(s) }

// position gives the place of a mistake: the label that the author wrote, or
// the nearest enclosing one.
func (c *checker) position(m mistake) diag.Position {
	if matches := c.source.find(m.path); len(matches) > 0 && matches[0].depth > 0 {
		// Of several places that wrote the field, the one that CUE names is
		// the one with the mistake.
		for _, e := range m.errors {
			for _, p := range append([]token.Pos{e.Position()}, e.InputPositions()...) {
				for _, match := range matches {
					if p.IsValid() && match.node.Pos().Filename() == p.Filename() &&
						match.node.Pos().Offset() <= p.Offset() && p.Offset() < match.node.End().Offset() {
						return c.files.Position(match.pos)
					}
				}
			}
		}
		return c.files.Position(matches[0].pos)
	}
	for _, e := range m.errors {
		if places := c.userPositions(e); len(places) > 0 {
			return places[0]
		}
	}
	return diag.Position{File: c.pkg.Name()}
}

// userPositions gives an error's positions in the author's files.
func (c *checker) userPositions(e errors.Error) []diag.Position {
	var out []diag.Position
	for _, p := range append([]token.Pos{e.Position()}, e.InputPositions()...) {
		if load.IsEmbedded(p) {
			continue
		}
		if pos := c.files.Position(p); !slices.Contains(out, pos) {
			out = append(out, pos)
		}
	}
	return out
}
