package importer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/diag"
	"kcue.dev/importer"
)

// TestGolden imports the folder "in" of each archive of testdata/import, and
// compares what comes out: the files below "out", the report (report.txt) and
// the diagnostics (diagnostics.txt). The comment says why the case exists; a line
// "options: …" of it may name single, patterns and tests.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("../testdata/import/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(archives) == 0 {
		t.Fatal("no cases in testdata/import")
	}
	for _, name := range archives {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { golden(t, path) })
	}
}

func golden(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	comment, line, _ := strings.Cut(string(archive.Comment), "options:")
	if strings.TrimSpace(comment) == "" {
		t.Error("the archive has no comment: say why the case exists")
	}
	o := options(t)
	words := strings.Fields(line)
	o.Single, o.Patterns, o.Tests = slices.Contains(words, "single"), slices.Contains(words, "patterns"), slices.Contains(words, "tests")

	t.Chdir(t.TempDir())
	want := map[string]string{}
	var inputs []txtar.File
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "in/") {
			want[f.Name] = string(f.Data)
			continue
		}
		inputs = append(inputs, f)
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	result, err := importer.Import(importer.Read([]string{"in"}, nil), o)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range result.Files {
		name := "out/" + f.Name
		if o.Single {
			name = "out.cue"
		}
		got[name] = string(f.Data)
	}
	var report, diagnostics bytes.Buffer
	if err := importer.WriteText(&report, result.Differences); err != nil {
		t.Fatal(err)
	}
	diag.WriteText(&diagnostics, result.Diagnostics, false)
	for name, text := range map[string]string{"report.txt": report.String(), "diagnostics.txt": diagnostics.String()} {
		if text != "" {
			got[name] = text
		}
	}
	if *update {
		archive.Files = inputs
		var names []string
		for name := range got {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(order(a), order(b)) })
		for _, name := range names {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
		if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if len(want) == 0 {
		t.Error("the archive expects nothing")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// order puts the files of CUE before the report and the diagnostics.
func order(name string) string {
	if strings.HasPrefix(name, "out") {
		return "0" + name
	}
	return map[string]string{"report.txt": "1", "diagnostics.txt": "2"}[name]
}
