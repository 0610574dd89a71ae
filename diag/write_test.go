package diag_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

// write gives a list in a format.
func write(t *testing.T, format diag.Format, list diag.List, o diag.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := diag.Write(&b, format, list, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sources gives files by name.
func sources(files map[string]string) diag.Source {
	return func(file string) ([]byte, bool) {
		data, ok := files[file]
		return []byte(data), ok
	}
}

// sample has what a diagnostic may hold, once with all of it and once with
// next to nothing.
func sample() diag.List {
	return diag.List{
		{
			Code: "KC304", Pos: at("p/a.cue", 2, 10), Path: `p."x".extends`, Message: "two values of a <setting>",
			Related: []diag.Related{{Pos: at("p/a.cue", 1, 1), Message: "one"}, {Message: "nowhere"}},
			Hint:    "decide in overrides:\n\toverrides: x: 1",
		},
		{Code: "KC409", Severity: diag.Warning, Pos: at("b.yaml", 1, 1), Message: "odd"},
		{Code: "KC601", Message: "unknown target"},
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range diag.Formats() {
		if got, err := diag.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s is read as %q, %v", f, got, err)
		}
	}
	for name, want := range map[string]string{
		"sarfi":  `unknown format "sarfi": did you mean "sarif"?`,
		"GitHub": `unknown format "GitHub": did you mean "github"?`,
		"junit":  `unknown format "junit": expected text, json, sarif or github`,
		"":       `unknown format "": expected text, json, sarif or github`,
	} {
		if f, err := diag.ParseFormat(name); err == nil || err.Error() != want {
			t.Errorf("%q is read as %q, %v; want %s", name, f, err, want)
		}
	}
}

func TestWriteReportsErrors(t *testing.T) {
	for _, f := range diag.Formats() {
		if err := diag.Write(failing{}, f, sample(), diag.Options{}); err == nil || err.Error() != "full" {
			t.Errorf("%s: a writer that fails gives %v", f, err)
		}
	}
	var b bytes.Buffer
	if err := diag.Write(&b, "xml", sample(), diag.Options{}); err == nil || b.Len() > 0 {
		t.Errorf("an unknown format gives %v and writes %q", err, b.String())
	}
}

// TestWriteTextIsWriteWithoutColor holds the two entries to each other, and
// the form without colours to its bytes, whatever else is asked for.
func TestWriteTextIsWriteWithoutColor(t *testing.T) {
	var b bytes.Buffer
	if err := diag.WriteText(&b, sample(), false); err != nil {
		t.Fatal(err)
	}
	o := diag.Options{Width: 10, Source: sources(map[string]string{"b.yaml": "a: b"}), Prefix: "x", Version: "1"}
	if diff := cmp.Diff(b.String(), write(t, diag.Text, sample(), o)); diff != "" {
		t.Errorf("(-WriteText +Write)\n%s", diff)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("there is an escape sequence in %q", b.String())
	}
}
