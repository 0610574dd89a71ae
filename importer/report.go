package importer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"kcue.dev/compiler/spec"
)

// Difference is a place where the object that a spec builds says the same as
// the object that it was imported from, in other words: a spelling that Kyverno
// has deprecated, or a setting that moved.
type Difference struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Object string `json:"object"`         // as Kind/name or Kind/namespace/name
	Path   string `json:"path"`           // in the object that was read
	From   string `json:"from,omitempty"` // what stands there
	To     string `json:"to,omitempty"`   // what is built in its place; empty where it is left out
	Why    string `json:"why"`
}

// maxShown bounds how much of a value a report shows.
const maxShown = 80

// shown writes a value for a report.
func shown(n *spec.Node) string {
	if n == nil {
		return ""
	}
	if n.Kind == spec.String {
		return shorten(n.Text)
	}
	data, err := n.MarshalJSON()
	if err != nil {
		return n.Kind.String()
	}
	return shorten(string(data))
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

// WriteText writes differences for people: an object a paragraph.
func WriteText(w io.Writer, differences []Difference) error {
	var b strings.Builder
	for i, d := range differences {
		if i == 0 || d.File != differences[i-1].File || d.Object != differences[i-1].Object {
			fmt.Fprintf(&b, "%s: %s\n", d.File, d.Object)
		}
		fmt.Fprintf(&b, "  %s: ", d.Path)
		switch {
		case d.To == "":
			fmt.Fprintf(&b, "%s is left out", d.From)
		case d.From == "":
			fmt.Fprintf(&b, "becomes %s", d.To)
		default:
			fmt.Fprintf(&b, "%s becomes %s", d.From, d.To)
		}
		fmt.Fprintf(&b, " (%s)\n", d.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes differences for programs: an object with a list of them.
func WriteJSON(w io.Writer, differences []Difference) error {
	if differences == nil {
		differences = []Difference{}
	}
	data, err := json.MarshalIndent(struct {
		Differences []Difference `json:"differences"`
	}{differences}, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}
