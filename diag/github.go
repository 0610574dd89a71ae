package diag

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// The characters that a workflow command has its own meaning for, as GitHub's
// toolkit writes them (actions/toolkit, packages/core/src/command.ts).
var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// githubText writes a workflow command for each diagnostic, a line each:
//
//	::error file=policies/pod.cue,line=14,col=65,endColumn=72,title=KC203::unknown parameter …%0Adid you mean "registry"?
//
// GitHub shows the first ten errors and the first ten warnings of a step.
func githubText(list List, o Options) []byte {
	var b bytes.Buffer
	s := newSources(o.Source)
	for _, d := range list {
		b.WriteString("::" + d.Severity.String() + " ")
		if d.Pos.IsValid() {
			fmt.Fprintf(&b, "file=%s,", commandProperty.Replace(fromRoot(d.Pos.File, o.Prefix)))
		}
		if d.Pos.IsValid() && d.Pos.Line > 0 {
			fmt.Fprintf(&b, "line=%d,", d.Pos.Line)
			start, end := s.columns(d.Pos)
			if start == 0 {
				start = d.Pos.Column
			}
			if start > 0 {
				fmt.Fprintf(&b, "col=%d,", start)
			}
			if end > 0 {
				fmt.Fprintf(&b, "endColumn=%d,", end)
			}
		}
		fmt.Fprintf(&b, "title=%s::%s\n", commandProperty.Replace(string(d.Code)), commandData.Replace(d.described()))
	}
	return b.Bytes()
}

// described is the message with all that a form without a field of its own for
// them has to say there: the path, the related places and the hint, a line
// each.
func (d Diagnostic) described() string {
	var b strings.Builder
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	b.WriteString(d.Message)
	for _, r := range d.Related {
		fmt.Fprintf(&b, "\n%s: %s", r.Pos, r.Message)
	}
	if d.Hint != "" {
		b.WriteString("\n" + strings.TrimRight(d.Hint, "\n"))
	}
	return b.String()
}

// fromRoot names a file as seen from the root of the repository, with slashes.
// What lies outside of the working directory by an absolute name keeps it.
func fromRoot(file, prefix string) string {
	name := filepath.ToSlash(file)
	if prefix == "" || filepath.IsAbs(file) || file == "-" {
		return name
	}
	return path.Join(prefix, name)
}
