package check

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// mistake is what CUE's evaluator says of one path, gathered from the several
// errors that it gives for one mistake (one a disjunct, one a use).
type mistake struct {
	path   spec.Path
	errors []errors.Error
}

// mistakes groups errors by path, in order of first appearance. A disjunction
// that fails only because a member of its value does is that member's mistake.
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
	return slices.DeleteFunc(out, func(m mistake) bool {
		return m.says(cueDisjunction) && !m.says(cueConflict) && slices.ContainsFunc(out, func(inner mistake) bool {
			return len(inner.path) > len(m.path) && slices.Equal(inner.path[:len(m.path)], m.path)
		})
	})
}

// says reports whether CUE used the words.
func (m mistake) says(words string) bool {
	return slices.ContainsFunc(m.errors, func(e errors.Error) bool { return strings.Contains(load.Message(e), words) })
}

// having gives the errors in which CUE used the words.
func (m mistake) having(words string) []errors.Error {
	var out []errors.Error
	for _, e := range m.errors {
		if strings.Contains(load.Message(e), words) {
			out = append(out, e)
		}
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
	cueNotFound      = "not found"
	cueUndefined     = "undefined field: "
	cueRequired      = "field is required but not present"
	cueNeedsRequired = "required field missing"
	cueInterpolation = "invalid interpolation"
	cueUnused        = "imported and not used"
	cueUnresolved    = "unresolved disjunction"
)

// diagnose turns one mistake into one diagnostic.
func (c *checker) diagnose(m mistake) diag.Diagnostic {
	d := diag.Diagnostic{Code: diag.Evaluation, Path: m.path.String(), Pos: c.position(m), Message: load.Message(m.errors[0])}
	conflicts, bounds := m.having(cueConflict), m.having(cueOutOfBound)
	switch {
	case m.says(cueNotAllowed):
		c.notAllowed(&d, m.path)
	case len(conflicts) > 0 && len(conflicts) == len(m.having(cueMismatch)) && len(bounds) == 0:
		d.Code = diag.WrongType
		d.Message = c.mismatch(conflicts)
		d.Hint = c.parameterDoc(m.path)
	case m.says(cueDisjunction):
		c.notInEnumeration(&d, m)
	case len(conflicts) > 0:
		c.conflict(&d, m.path, conflicts[0])
	case len(bounds) > 0:
		d.Code = diag.OutOfBounds
		d.Message = outOfBound(bounds[0])
		d.Hint = c.parameterDoc(m.path)
	case m.says(cueRequired):
		c.required(&d, m.path)
	case m.says(cueUndefined):
		d.Code = diag.Reference
		_, name, _ := strings.Cut(load.Message(m.having(cueUndefined)[0]), cueUndefined)
		d.Message = fmt.Sprintf("a reference to %s, which is not there", name)
		if near := diag.Nearest(name, c.names()); near != "" {
			d.Hint = fmt.Sprintf("did you mean %s?", near)
		}
		c.atExpression(&d, m)
	case m.says(cueNotFound):
		d.Code = diag.Reference
		if _, name, ok := strings.Cut(d.Message, `reference "`); ok {
			name, _, _ = strings.Cut(name, `"`)
			if near := diag.Nearest(name, c.names()); near != "" {
				d.Hint = fmt.Sprintf("did you mean %s?", near)
			}
		}
		c.atExpression(&d, m)
	case m.says(cueUnused):
		d.Code = diag.Reference
		d.Hint = "drop the import; or, where a field of that name stands before its use, quote the field's label: bases: \"org\": org.bases.baseline"
	case m.says(cueInterpolation):
		d.Message = "the text cannot be made: a value in it fails to evaluate"
		c.atExpression(&d, m)
	default:
		c.atExpression(&d, m)
	}
	return d
}

// atExpression puts a diagnostic at the expression that CUE speaks of, where
// the author wrote it: a value may have many lines.
func (c *checker) atExpression(d *diag.Diagnostic, m mistake) {
	if pos := m.errors[0].Position(); !load.IsEmbedded(pos) {
		d.Pos = c.files.Position(pos)
	} else if places := c.userPositions(m.errors[0]); len(places) > 0 {
		d.Pos = places[0]
	}
}

// notAllowed speaks of a field that a closed struct does not have: a
// pattern's parameter, where the path says so.
func (c *checker) notAllowed(d *diag.Diagnostic, path spec.Path) {
	name := last(path)
	d.Code = diag.UnknownField
	d.Message = fmt.Sprintf("unknown field %q", name)
	def := c.patternAbove(path)
	if def == "" {
		if p, ok := c.model().UnknownField(model.Bundle, path...); ok {
			said := p.Diagnostic(c.files)
			d.Message, d.Hint = said.Message, said.Hint
		}
		return
	}
	d.Code = diag.UnknownParameter
	d.Message = fmt.Sprintf("unknown parameter %q of %s", name, def)
	known := c.parameters(def)
	switch near := diag.Nearest(name, known); {
	case slices.Contains(known, name):
		d.Message = fmt.Sprintf("the parameter %q of %s does not go with the others that are given", name, def)
		d.Hint = c.parameterDoc(path)
	case near != "":
		d.Hint = fmt.Sprintf("did you mean %q?", near)
	case len(known) > 0:
		d.Hint = "its parameters are " + strings.Join(known, ", ")
	}
}

// required speaks of a field that must be given and is not.
func (c *checker) required(d *diag.Diagnostic, path spec.Path) {
	d.Code = diag.MissingField
	d.Message = fmt.Sprintf("the field %q is required", last(path))
	if def := c.patternAbove(path); def != "" {
		d.Message = fmt.Sprintf("%s needs the parameter %q", def, last(path))
	}
	d.Hint = c.parameterDoc(path)
}

// notInEnumeration speaks of a value that is none of a disjunction's.
func (c *checker) notInEnumeration(d *diag.Diagnostic, m mistake) {
	d.Code = diag.NotInEnumeration
	d.Hint = c.parameterDoc(m.path)
	if bounds := m.having(cueOutOfBound); len(bounds) > 0 {
		// The other disjuncts are defaults, and the bound is what they are
		// defaults of.
		d.Code = diag.OutOfBounds
		d.Message = outOfBound(bounds[0])
		return
	}
	var found string
	var allowed, bare []string
	for _, e := range m.having(cueConflict) {
		value, expected := c.sides(e)
		found = value
		if !slices.Contains(allowed, expected) {
			allowed = append(allowed, expected)
			bare = append(bare, strings.Trim(expected, `"`))
		}
	}
	if len(allowed) == 0 {
		return
	}
	d.Message = fmt.Sprintf("%s is not allowed: expected %s", found, strings.Join(allowed, " or "))
	if near := diag.Nearest(strings.Trim(found, `"`), bare); near != "" {
		d.Hint = fmt.Sprintf("did you mean %q?", near)
	}
}

// conflict speaks of two values for one field.
func (c *checker) conflict(d *diag.Diagnostic, path spec.Path, e errors.Error) {
	d.Code = diag.Conflict
	found, other := c.sides(e)
	if slices.ContainsFunc(e.InputPositions(), isInEmbedded) {
		by := "what it is unified with"
		for i := len(path) - 1; i > 0; i-- {
			if def := c.source.patternOf(path[:i]); def != "" {
				by = def
				break
			}
		}
		d.Message = fmt.Sprintf("%s has %s here, which %s cannot replace: CUE unifies, it never overrides", by, other, found)
		return
	}
	d.Message = fmt.Sprintf("cannot be both %s and %s: CUE unifies, it never overrides", found, other)
	if places := c.userPositions(e); len(places) > 1 {
		d.Pos = places[0]
		d.Related = append(d.Related, diag.Related{Pos: places[1], Message: "the other value"})
	}
}

func isInEmbedded(p token.Pos) bool { return p.IsValid() && load.IsEmbedded(p) }

// outOfBound speaks of a value that a bound refuses. CUE names the value and
// the bound.
func outOfBound(e errors.Error) string {
	_, args := e.Msg()
	if len(args) < 2 {
		return load.Message(e)
	}
	bound := fmt.Sprint(args[1])
	switch {
	case bound == `!=""`:
		return "must not be empty"
	case strings.HasPrefix(bound, "=~"):
		return fmt.Sprintf("%v does not match %s", args[0], strings.TrimPrefix(bound, "=~"))
	}
	return fmt.Sprintf("%v is out of bounds: expected %s", args[0], bound)
}

func last(path spec.Path) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}

// patternAbove gives the definition whose parameters the path leads into, or
// "".
func (c *checker) patternAbove(path spec.Path) string {
	i := slices.Index(path, "params")
	if i <= 0 || i == len(path)-1 {
		return ""
	}
	return c.source.patternOf(path[:i])
}

// mismatch speaks of a value of the wrong type. CUE names both values and then
// both types, for each type that would have been right.
func (c *checker) mismatch(conflicts []errors.Error) string {
	var found string
	var expected []string
	for _, e := range conflicts {
		value, _ := c.sides(e)
		_, args := e.Msg()
		if len(args) < 4 {
			return load.Message(e)
		}
		foundType, expectedType := fmt.Sprint(args[2]), fmt.Sprint(args[3])
		if value != fmt.Sprint(args[0]) {
			foundType, expectedType = expectedType, foundType
		}
		found = foundType + " " + value
		if !slices.Contains(expected, expectedType) {
			expected = append(expected, expectedType)
		}
	}
	return fmt.Sprintf("expected a %s, not the %s", strings.Join(expected, " or a "), found)
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

var constraint = lazyregexp.New(`^(string|int|bool|number|float|bytes|null|\[\.\.\..*|\{.*|[<>=!].*|.* \| .*)$`)

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
