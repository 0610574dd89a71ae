package diag

import (
	"fmt"
	"io"
)

// Format names a form in which diagnostics are written.
type Format string

const (
	// Text is for a person: see WriteText.
	Text Format = "text"
	// JSON is one object with all diagnostics, for scripts: see json.go.
	JSON Format = "json"
	// SARIF is the Static Analysis Results Interchange Format 2.1.0, which
	// GitHub code scanning and editors read: see sarif.go.
	SARIF Format = "sarif"
	// GitHub is workflow commands, which GitHub Actions turns into annotations
	// of the changed lines: see github.go.
	GitHub Format = "github"
)

// Formats lists the formats, the default first.
func Formats() []Format { return []Format{Text, JSON, SARIF, GitHub} }

// ParseFormat gives the format of a name. The error lists the formats, and
// suggests the one that is near.
func ParseFormat(name string) (Format, error) {
	names := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		if string(f) == name {
			return f, nil
		}
		names = append(names, string(f))
	}
	if near := Nearest(name, names); near != "" {
		return "", fmt.Errorf("unknown format %q: did you mean %q?", name, near)
	}
	return "", fmt.Errorf("unknown format %q: expected text, json, sarif or github", name)
}

// Options says what the writers need besides the diagnostics. The zero Options
// do for every format.
type Options struct {
	// Color has Text written for a terminal: with colours, and under each
	// diagnostic the line that it is about.
	Color bool
	// Width is how many columns the terminal has; 80 where it is zero.
	Width int
	// Source gives the lines that Text shows, and turns columns into those of
	// SARIF and GitHub. Without it there are neither.
	Source Source
	// Version is kcue's own, for SARIF.
	Version string
	// Prefix is the directory that file names are relative to, itself relative
	// to the root of the repository and with slashes: SARIF and GitHub name
	// files from there. It is empty where the command runs at the root.
	Prefix string
}

// Write writes diagnostics in a format. The order is the list's, and the same
// list and sources give the same bytes. An error is the writer's, or that of a
// format that ParseFormat does not know.
func Write(w io.Writer, format Format, list List, options Options) error {
	var data []byte
	var err error
	switch format {
	case Text:
		data = text(list, options)
	case JSON:
		data, err = jsonText(list)
	case SARIF:
		data, err = sarifText(list, options)
	case GitHub:
		data = githubText(list, options)
	default:
		_, err = ParseFormat(string(format))
	}
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// WriteText writes diagnostics for a person, as Write does in the format Text,
// without excerpts of the sources.
func WriteText(w io.Writer, list List, color bool) error {
	return Write(w, Text, list, Options{Color: color})
}
