package config

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// Annotation turns codes off for a policy written in YAML, where it stands in
// metadata.annotations; ParseCodes reads its value.
const Annotation = "kcue.dev/disable"

// ParseCodes reads a list of codes as it stands in an annotation, an attribute
// or a flag: "KC501,KC503". A mistake is at the list's position, which is also
// that of the suppressions; where they apply is the caller's to add. Spaces
// around a code do not count.
func ParseCodes(list string, pos diag.Position) ([]Suppression, diag.List) {
	known := newCodes(diag.Table())
	var out []Suppression
	var mistakes diag.List
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if d, ok := known.check(item, pos); !ok {
			mistakes = append(mistakes, d)
			continue
		}
		out = append(out, Suppression{Code: diag.Code(item), Pos: pos})
	}
	return out, mistakes
}

// practices is the family of best practices: every code of it can be turned
// off. That a suppression is unused is in the family by its number alone: who
// wants no best practices has not said that the list may rot.
const practices = "KC5"

// codes are the codes that there are.
type codes struct {
	all      []string
	warnings []string // those that can be turned off
	families []string
}

func newCodes(table []diag.Explanation) codes {
	c := codes{families: []string{practices}}
	for _, e := range table {
		code := string(e.Code)
		c.all = append(c.all, code)
		if e.Warning || strings.HasPrefix(code, practices) {
			c.warnings = append(c.warnings, code)
		}
		if family := code[:len(practices)]; !slices.Contains(c.families, family) {
			c.families = append(c.families, family)
		}
	}
	return c
}

// check says why a code cannot be turned off.
func (c codes) check(code string, pos diag.Position) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{Code: diag.Suppression, Pos: pos}
	switch {
	case code == practices || slices.Contains(c.warnings, code):
		return d, true
	case code == "":
		d.Message = "expected a code, such as KC503"
	case slices.Contains(c.families, code):
		d.Message = fmt.Sprintf("%s holds errors, which cannot be turned off: expected single codes, or %s for all best practices", code, practices)
		if warnings := c.startingWith(code); len(warnings) > 0 {
			d.Hint = "its warnings are " + strings.Join(warnings, ", ")
		}
	case slices.Contains(c.all, code):
		d.Message = fmt.Sprintf("%s is an error, which cannot be turned off: only warnings can", code)
	default:
		d.Message = fmt.Sprintf("unknown code %q", code)
		if near := c.nearest(code); near != "" {
			d.Hint = fmt.Sprintf("did you mean %s?", near)
		}
	}
	return d, false
}

// nearest gives the code that was likely meant. Codes differ in digits alone,
// so that one is near any other: only another case or spelling of KC counts.
func (c codes) nearest(code string) string {
	digits := strings.TrimLeft(strings.ToUpper(code), "KC- _")
	if near := "KC" + digits; digits != "" && (near == practices || slices.Contains(c.warnings, near)) {
		return near
	}
	return ""
}

func (c codes) startingWith(family string) []string {
	var out []string
	for _, w := range c.warnings {
		if strings.HasPrefix(w, family) {
			out = append(out, w)
		}
	}
	return out
}
