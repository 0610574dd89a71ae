package diag

import (
	"fmt"
	"strings"
)

// Manual gives docs/diagnostics.md: every code, what is behind it, and a bad
// and a good example.
func Manual() string {
	var b strings.Builder
	b.WriteString("# Diagnostics\n\n")
	b.WriteString("<!-- Made from diag/table.go by go test ./compiler -update. Do not edit. -->\n\n")
	b.WriteString("Every mistake that kcue reports has a code. A code says what kind of mistake it is, and never changes its meaning.\n\n")
	b.WriteString("| code | what is wrong |\n|---|---|\n")
	for _, e := range Table() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", e.Code, strings.ToLower(string(e.Code)), e.title())
	}
	for _, e := range Table() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n", e.Code, capitalised(e.title()), e.Why)
		b.WriteString(e.examples())
	}
	return b.String()
}

// examples gives the bad and the good example in Markdown.
func (e Explanation) examples() string {
	var b strings.Builder
	for _, example := range []struct{ word, text string }{{"Bad", e.Bad}, {"Good", e.Good}} {
		if example.text == "" {
			continue
		}
		language := "cue"
		if e.IsCommand() {
			language = "sh"
		}
		fmt.Fprintf(&b, "\n%s:\n\n```%s\n%s\n```\n", example.word, language, strings.TrimRight(strings.TrimPrefix(example.text, "$ "), "\n"))
	}
	return b.String()
}

func (e Explanation) title() string {
	if e.Warning {
		return e.Name + " (a warning)"
	}
	return e.Name
}

func capitalised(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
