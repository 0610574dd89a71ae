package diag_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

// FuzzWrite puts any bytes into a diagnostic and its source. Every form stays
// in its syntax and says the same.
func FuzzWrite(f *testing.F) {
	f.Add("KC201", "p/a.cue", "a.b", "wrong", "right", "package p\na: b\n", 2, 4, true)
	f.Add("", "\xff:,%\n", "\x1b[2J", "::error::\r\n%0A", "](1)", "\t名\xf0\x9f", 1, 3, false)
	f.Add("\n", "//x/../..", "\u2028", "", "\n\n", "", 1, 1, true)
	f.Fuzz(func(t *testing.T, code, file, path, message, hint, source string, line, column int, warning bool) {
		d := diag.Diagnostic{
			Code: diag.Code(code), Pos: at(file, line, column), Path: path, Message: message, Hint: hint,
			Related: []diag.Related{{Pos: at(file, column, line), Message: hint}},
		}
		if warning {
			d.Severity = diag.Warning
		}
		list := diag.List{d, d}
		o := diag.Options{Color: true, Version: hint, Prefix: path, Width: column % 200, Source: func(string) ([]byte, bool) { return []byte(source), true }}

		for _, r := range escapes.ReplaceAllString(write(t, diag.Text, list, o), "") {
			if r < ' ' && r != '\n' || r == 0x7f || 0x80 <= r && r < 0xa0 {
				t.Fatalf("the text has the control character %q", r)
			}
		}

		text := write(t, diag.JSON, list, o)
		if utf8.ValidString(code + file + path + message + hint) {
			if diff := cmp.Diff(list, fromJSON(t, text)); diff != "" {
				t.Fatalf("JSON (-written +read)\n%s", diff)
			}
		} else if !json.Valid([]byte(text)) {
			t.Fatalf("no JSON: %s", text)
		}

		run := fromSARIF(t, write(t, diag.SARIF, list, o)).Runs[0]
		if n := len(run.Results) + len(run.Invocations[0].ToolExecutionNotifications); n != 2 {
			t.Fatalf("%d results and notifications of 2 diagnostics", n)
		}
		for _, r := range run.Results {
			place := r.Locations[0].PhysicalLocation
			if place.Region.StartLine < 1 || place.Region.StartColumn < 0 || place.Region.EndColumn < 0 ||
				place.Region.EndColumn > 0 && place.Region.EndColumn <= place.Region.StartColumn {
				t.Fatalf("the region is %+v", place.Region)
			}
			if place.ArtifactLocation.URIBaseID != "" {
				pathOf(t, place.ArtifactLocation.URI)
			}
		}

		lines := strings.Split(strings.TrimSuffix(write(t, diag.GitHub, list, o), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d commands: %q", len(lines), lines)
		}
		for _, l := range lines {
			c := parseCommand(t, l)
			if c.name != d.Severity.String() || c.properties["title"] != code || !strings.Contains(c.data, message) {
				t.Fatalf("the command is %+v", c)
			}
		}
	})
}
