package diag_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/diag"
)

func TestFileSource(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"a.cue":      []byte("package a\n"),
		"-":          []byte("not standard input\n"),
		"large.yaml": bytes.Repeat([]byte("#"), 16<<20+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	source := diag.FileSource(dir)
	for name, want := range map[string]bool{
		"a.cue": true, filepath.Join(dir, "a.cue"): true, "./x/../a.cue": true,
		"-": false, "large.yaml": false, "none.cue": false, ".": false, "": false,
	} {
		if data, ok := source(name); ok != want || ok && string(data) != "package a\n" {
			t.Errorf("%q: %v, %.20q", name, ok, data)
		}
	}
}

// TestSourceIsReadOnce counts how often a file is asked for.
func TestSourceIsReadOnce(t *testing.T) {
	reads := map[string]int{}
	source := func(file string) ([]byte, bool) {
		reads[file]++
		return []byte("a: b\n"), file == "a.cue"
	}
	list := diag.List{}
	for range 5 {
		for _, file := range []string{"a.cue", "gone.cue", ""} {
			list = append(list, diag.Diagnostic{Code: "KC201", Pos: at(file, 1, 1), Message: "m"})
		}
		// A place that names no line may be a directory, or a file that must
		// not be opened.
		list = append(list, diag.Diagnostic{Code: "KC103", Pos: diag.Position{File: "link.cue"}, Message: "m"})
	}
	got := write(t, diag.Text, list, diag.Options{Color: true, Source: source})
	if n := strings.Count(got, "a: b"); n != 5 {
		t.Errorf("%d excerpts, expected 5:\n%s", n, got)
	}
	if reads["a.cue"] != 1 || reads["gone.cue"] != 1 || len(reads) != 2 {
		t.Errorf("files are read this often: %v", reads)
	}
}
