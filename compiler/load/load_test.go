package load

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"github.com/google/go-cmp/cmp"
)

func TestPackagesOrderAndNames(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"z/z.cue":                   "package z",
		"a/a.cue":                   "package a",
		"a/b/b.cue":                 "package b",
		"a/testdata/no.cue":         "package no }",
		"a/.git/no.cue":             "package no }",
		"a/_no/no.cue":              "package no }",
		"nested/cue.mod/module.cue": "module: \"example.com/n@v0\"\nlanguage: version: \"v0.16.0\"\n",
		"nested/n.cue":              "package n",
	})
	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"./..."}, []string{"a", "a/b", "z"}},
		{[]string{"./z", "./a/..."}, []string{"z", "a", "a/b"}},
		{[]string{"z", "z", "./z"}, []string{"z"}},
		{[]string{"./nested", "z"}, []string{"nested", "z"}},
		{[]string{"z/z.cue", "a"}, []string{"a", "command-line-arguments"}},
		{[]string{filepath.Join(dir, "a")}, []string{"a"}},
	}
	for _, tt := range tests {
		packages, diags := Packages(Config{Dir: dir, Args: tt.args})
		if len(diags) > 0 {
			t.Errorf("%v: %v", tt.args, diags)
		}
		var got []string
		for _, p := range packages {
			got = append(got, p.Name())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got)\n%s", tt.args, diff)
		}
	}
}

// TestPackagesBroken holds the loader to reporting each mistake, and to going
// on with what is sound.
func TestPackagesBroken(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"good/good.cue":     "package good",
		"bad/bad.cue":       "package bad\n\nx: {",
		"import/import.cue": "package p\n\nimport \"kcue.dev/nothing\"\n\nx: nothing.y",

		"vendor/cue.mod/module.cue":            "module: \"example.com/v@v0\"\nlanguage: version: \"v0.16.0\"\n",
		"vendor/cue.mod/pkg/other.com/x/x.cue": "package x\n\ny: 1",
		"vendor/v.cue":                         "package v\n\nimport \"other.com/x\"\n\nz: x.y",
		"text.txt":                             "",
	})
	if err := os.Mkdir(filepath.Join(dir, "dir.cue"), 0o777); err != nil {
		t.Fatal(err)
	}
	packages, diags := Packages(Config{Dir: dir, Args: []string{"./good", "./bad", "./import", "./missing", "missing.cue", "dir.cue", "text.txt", "./mis.../x", "./vendor"}})
	if len(packages) != 1 || packages[0].Name() != "good" {
		t.Errorf("loaded %d packages, want the one that is sound", len(packages))
	}
	var got []string
	for _, d := range diags.Sorted() {
		got = append(got, d.Pos.String()+" "+string(d.Code))
	}
	want := []string{
		"./mis.../x KC102",
		"./missing KC102",
		"bad/bad.cue:3:5 KC101",
		"dir.cue KC103",
		"import/import.cue:3:8 KC105",
		"missing.cue KC102",
		"text.txt KC107",
		"vendor/v.cue:3:8 KC105",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// endless is a standard input without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestStdin(t *testing.T) {
	packages, diags := Packages(Config{Dir: t.TempDir(), Args: []string{"-"}, Stdin: strings.NewReader("package p")})
	if len(diags) > 0 || len(packages) != 1 || !packages[0].Named {
		t.Errorf("got %d packages, %v", len(packages), diags)
	}
	if _, err := io.Copy(io.Discard, limitReader(endless{})); err == nil || !strings.Contains(err.Error(), errTooLarge.Error()) {
		t.Errorf("a standard input without end gives %v", err)
	}
	if data, err := io.ReadAll(limitReader(nil)); err != nil || len(data) > 0 {
		t.Errorf("no standard input gives %q, %v", data, err)
	}
}

func TestDisplay(t *testing.T) {
	files := &Files{Dir: filepath.FromSlash("/src/here")}
	for path, want := range map[string]string{
		"/src/here/a/b.cue":             "a/b.cue",
		"/src/here":                     ".",
		"/src/there/b.cue":              "../there/b.cue",
		"-":                             "-",
		embeddedRoot + "/schema/x.cue":  "kcue.dev/schema/x.cue",
		embeddedRoot + "x/schema/x.cue": "../.." + embeddedRoot + "x/schema/x.cue",
	} {
		if got := files.Display(filepath.FromSlash(path)); got != want {
			t.Errorf("%s is shown as %s, want %s", path, got, want)
		}
	}
}

// The embedded module is what its file says.
func TestEmbeddedModuleFile(t *testing.T) {
	want, err := modfile.Parse([]byte(moduleFileText(EmbeddedModule)), moduleFileName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := newRegistry(nil).ModFile(t.Context(), module.MustNewVersion(EmbeddedModule, EmbeddedVersion))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(modfile.File{}, module.Version{})); diff != "" {
		t.Errorf("(-file +given)\n%s", diff)
	}
}
