package model

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/diag"
)

// Positioner tells where in a user's files a token stands.
type Positioner interface {
	Position(token.Pos) diag.Position
}

// Diagnostic gives the problem as the user reads it.
func (p Problem) Diagnostic(files Positioner) diag.Diagnostic {
	d := diag.Diagnostic{Code: p.Kind.code(), Path: p.Path.String(), Message: p.Message, Hint: p.hint()}
	if p.Node != nil {
		d.Pos = files.Position(p.Node.Pos)
	}
	return d
}

func (k Kind) code() diag.Code {
	switch k {
	case UnknownField:
		return diag.UnknownField
	case MissingField:
		return diag.MissingField
	case NotInEnumeration:
		return diag.NotInEnumeration
	case OutOfBounds, Malformed:
		return diag.OutOfBounds
	case TooDeep:
		return diag.TooDeep
	}
	return diag.WrongType
}

// hint words the suggestion and the explanation, or else lists the fields that
// there are.
func (p Problem) hint() string {
	said := ""
	switch {
	case p.Suggestion == "":
		said = p.Hint
		if said == "" && p.Kind == UnknownField && len(p.Expected) > 0 {
			said = "expected one of " + strings.Join(p.Expected, ", ")
		}
		return said
	case p.Kind == UnknownField:
		said = "did you mean " + strconv.Quote(p.Suggestion) + "?"
	case p.Kind == WrongType:
		said = "write " + p.Suggestion
	default:
		said = "did you mean " + p.Suggestion + "?"
	}
	if p.Hint != "" {
		said += " (" + p.Hint + ")"
	}
	return said
}
