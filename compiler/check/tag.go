package check

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"kcue.dev/compiler/load"
	"kcue.dev/diag"
)

// wrongTag is a value of -t that CUE refuses.
type wrongTag struct {
	diagnostic diag.Diagnostic
	undo       func()
}

// wrongTag finds out whether a mistake is that of a value that -t gave a field.
// Without the value, the field is what its author made it; no place in a file is
// to be taken out.
func (c *checker) wrongTag(m mistake, matches []match) (wrongTag, bool) {
	for _, match := range matches {
		field, ok := match.node.(*ast.Field)
		if !ok || match.depth != len(m.path) {
			continue
		}
		injected, ok := load.Injected(field)
		if !ok {
			continue
		}
		d := c.diagnose(m)
		var expected, bare []string
		for _, e := range m.having(cueConflict) {
			_, args := e.Msg()
			for _, arg := range args[:min(len(args), 2)] {
				if text := fmt.Sprint(arg); text != injected.Value && !slices.Contains(expected, text) {
					expected, bare = append(expected, text), append(bare, strings.Trim(text, `"`))
				}
			}
		}
		if len(expected) > 0 && !m.says(cueOutOfBound) {
			d.Message, d.Hint = fmt.Sprintf("the tag %s cannot be %s: expected %s", injected.Tag, injected.Value, strings.Join(expected, " or ")), ""
			if near := diag.Nearest(strings.Trim(injected.Value, `"`), bare); near != "" {
				d.Hint = fmt.Sprintf("did you mean -t %s=%s?", injected.Tag, near)
			}
		} else {
			d.Message = fmt.Sprintf("the tag %s: %s", injected.Tag, d.Message)
		}
		d.Code, d.Path, d.Pos = diag.BadTag, "", c.files.Position(match.pos)
		return wrongTag{d, injected.Undo}, true
	}
	return wrongTag{}, false
}

// hintAtTags says, where values are missing, which tags would give some.
func (c *checker) hintAtTags(diags diag.List) {
	var flags []string
	for i := range diags {
		d := &diags[i]
		if isOpen := d.Code == diag.NotConcrete || d.Code == diag.Evaluation && strings.Contains(d.Message, cueUnresolved); isOpen && d.Hint == "" {
			if flags == nil {
				flags = []string{}
				for _, tag := range load.UnsetTags(c.pkg.Instance) {
					flags = append(flags, "-t "+tag+"=...")
				}
			}
			if len(flags) > 0 {
				d.Hint = "set " + strings.Join(flags, " and ") + ": nothing else gives a value"
			}
		}
	}
}
