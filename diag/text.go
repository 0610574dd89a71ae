package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteText writes diagnostics for a person, a line each, then the places that
// it also speaks of and the hint, indented:
//
//	policies/pod.cue:14:65: KC203: clusterPolicies."x".rules."y".params.regisry: unknown parameter "regisry" of #RequireImageRegistry
//	    did you mean "registry"?
func WriteText(w io.Writer, list List, color bool) error {
	var b bytes.Buffer
	for _, d := range list {
		line := d.Error()
		if color {
			code := "31" // red
			if d.Severity == Warning {
				code = "33" // yellow
			}
			line = strings.Replace(line, string(d.Code), "\x1b["+code+"m"+string(d.Code)+"\x1b[0m", 1)
		}
		b.WriteString(line)
		b.WriteByte('\n')
		for _, r := range d.Related {
			fmt.Fprintf(&b, "    %s: %s\n", r.Pos, r.Message)
		}
		if d.Hint != "" {
			for h := range strings.Lines(d.Hint) {
				fmt.Fprintf(&b, "    %s\n", strings.TrimRight(h, "\n"))
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
