// Package diag holds kcue's one diagnostic type: what is wrong with a spec,
// where the author wrote it, what was expected there, and the likely fix.
//
// Every phase of the compiler reports through it; a command renders it. The
// table of codes in this package is also what docs/diagnostics.md is made of.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a diagnostic fails the command.
type Severity int

const (
	// Error fails the command: nothing is emitted.
	Error Severity = iota
	// Warning is reported and leaves the exit status alone, except under
	// kcue vet --strict.
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Position is a place in a user's file. Line and Column count from one, in
// lines and bytes; a zero Line means that only the file is known.
type Position struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// IsValid reports whether p names a file.
func (p Position) IsValid() bool { return p.File != "" }

// String gives file:line:col, or as much of it as is known.
func (p Position) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Related is a second place that a diagnostic speaks of, such as the other of
// two values in conflict.
type Related struct {
	Pos     Position `json:"position"`
	Message string   `json:"message"`
}

// Diagnostic is one mistake.
type Diagnostic struct {
	Code     Code      `json:"code"`
	Severity Severity  `json:"-"`
	Pos      Position  `json:"position"`
	Path     string    `json:"path,omitempty"` // as CUE writes paths: clusterPolicies."x".rules."y"
	Message  string    `json:"message"`        // one sentence: what is wrong and what was expected
	Hint     string    `json:"hint,omitempty"` // the likely fix; may have several lines
	Related  []Related `json:"related,omitempty"`
}

// Error gives the diagnostic's text form without its hint.
func (d Diagnostic) Error() string {
	var b strings.Builder
	if d.Pos.IsValid() {
		b.WriteString(d.Pos.String())
		b.WriteString(": ")
	}
	b.WriteString(string(d.Code))
	if d.Severity == Warning {
		b.WriteString(": warning")
	}
	b.WriteString(": ")
	if d.Path != "" {
		b.WriteString(d.Path)
		b.WriteString(": ")
	}
	b.WriteString(d.Message)
	return b.String()
}

// List is the diagnostics of a run. As an error it prints all of them.
type List []Diagnostic

// Error gives every diagnostic, a line each.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether any diagnostic is an Error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Sorted gives the diagnostics ordered by file, line, column, path and code,
// without exact repetitions, so that a run's report does not depend on the
// order in which its parts finished.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.CompactFunc(out, func(a, b Diagnostic) bool {
		return a.Pos == b.Pos && a.Code == b.Code && a.Path == b.Path && a.Message == b.Message
	})
}
