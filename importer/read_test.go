package importer_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/importer"
)

const configMap = `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1"}}`

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// What is passed over in a directory is counted, by what it is.
func TestReadPassedOver(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a.yaml":                      configMap,
		"notes.txt":                   "no manifest by its name",
		"kustomization.yaml":          "resources: [a.yaml]",
		"artifacthub-pkg.yml":         "version: 1",
		"Chart.yaml":                  "apiVersion: v2",
		"values.yaml":                 "image: nginx",
		"other-name.yaml":             "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}",
		"tests/kyverno-test.yaml":     "policies: [../a.yaml]\nresources: [pod.yaml]\nvariables: values.yaml\nresults: [{patchedResources: patched.yaml, policy: p, result: pass}]",
		"tests/pod.yaml":              configMap,
		"tests/values.yaml":           "x: 1",
		"tests/patched.yaml":          configMap,
		"tests/b.yaml":                configMap,
		"chainsaw/chainsaw-test.yaml": "x: 1",
		"chainsaw/step.yaml":          configMap,
		".github/workflow.yaml":       "on: push",
		".git/config.yaml":            "on: push",
	})
	sources := importer.Read([]string{dir}, nil)
	got := map[string][]string{}
	for _, s := range sources.Files {
		got["read"] = append(got["read"], s.Name)
	}
	for _, p := range sources.PassedOver {
		rel, err := filepath.Rel(dir, p.File)
		if err != nil {
			t.Fatal(err)
		}
		got[p.Why] = append(got[p.Why], filepath.ToSlash(rel))
	}
	want := map[string][]string{
		"read":                               {"a.yaml", "tests/b.yaml"},
		"of tests":                           {"chainsaw/chainsaw-test.yaml", "chainsaw/step.yaml", "tests/kyverno-test.yaml", "tests/patched.yaml", "tests/pod.yaml", "tests/values.yaml"},
		"of Kustomize, Helm or Artifact Hub": {"Chart.yaml", "artifacthub-pkg.yml", "kustomization.yaml"},
		"without a Kubernetes object":        {"other-name.yaml", "values.yaml"},
		"in hidden directories":              {".github/workflow.yaml"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(sources.Diagnostics) > 0 {
		t.Error(sources.Diagnostics)
	}
	if len(sources.Suites) != 1 || sources.Suites[0].Root != dir {
		t.Errorf("suites %v", sources.Suites)
	}
}

// What is named by itself must hold an object, and what is not there is an
// error; the rest is read.
func TestReadMistakes(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, dir, map[string]string{"values.yaml": "a: 1", "a.yaml": configMap, "empty.yaml": "# nothing\n"})
	sources := importer.Read([]string{"values.yaml", "missing.yaml", "empty.yaml", "a.yaml", "-"}, strings.NewReader("a: {{- if .Values.x }}\n"))
	var got []string
	for _, d := range sources.Diagnostics {
		got = append(got, d.Error())
	}
	want := []string{
		"values.yaml:1:1: KC101: is no Kubernetes object: it has no apiVersion",
		"missing.yaml: KC102: no such file or directory",
		"empty.yaml: KC104: holds no Kubernetes object",
		"-:1:1: KC101: a Helm template, and no YAML (did not find expected node content)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(sources.Files) != 1 {
		t.Errorf("read %v", sources.Files)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	files := []importer.File{{Name: "a.cue", Data: []byte("package a\n")}, {Name: "b/c.cue", Data: []byte("package b\n")}}
	written, err := importer.Write(dir, files, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "a.cue"), filepath.Join(dir, "b", "c.cue")}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := importer.Write(dir, files, false); err != nil {
		t.Errorf("the same files again: %v", err)
	}
	// One file that differs, and nothing is written.
	files[0].Data, files[1].Data = []byte("package changed\n"), []byte("package b // mine\n")
	write(t, dir, map[string]string{"b/c.cue": "package b // theirs\n"})
	var conflict *importer.Overwrites
	if _, err := importer.Write(dir, append(files, importer.File{Name: "new.cue"}), false); !errors.As(err, &conflict) || len(conflict.Files) != 2 {
		t.Errorf("a file of theirs gives %v", err)
	}
	if got := readFile(t, filepath.Join(dir, "a.cue")); got != "package a\n" {
		t.Errorf("a.cue holds %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "new.cue")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("new.cue was written: %v", err)
	}
	if _, err := importer.Write(dir, files, true); err != nil {
		t.Error(err)
	}
	if got := readFile(t, filepath.Join(dir, "b", "c.cue")); got != "package b // mine\n" {
		t.Errorf("with force, c.cue holds %q", got)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "*", ".kcue-*"))
	if err != nil || len(entries) > 0 {
		t.Errorf("temporary files are left: %v %v", entries, err)
	}
}

// Nothing is written outside of the directory, whatever stands in a name or
// where a link leads.
func TestWriteOutside(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "out"), filepath.Join(base, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x.cue", "link/x.cue", "a/../../x.cue"} {
		if _, err := importer.Write(dir, []importer.File{{Name: name, Data: []byte("package x\n")}}, true); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	var found []string
	err := filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(path) != "link" {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) > 0 {
		t.Errorf("written: %v %v", found, err)
	}
}

// Names of inputs become names below the output directory that CUE reads, and
// that differ in more than their case.
func TestOutputNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "A.yml", "x_test.yaml", "_y.yaml", "testdata/z.yaml", "a b/c:d.yaml", "tool_tool.json"} {
		write(t, dir, map[string]string{name: configMap})
	}
	o := options(t)
	o.Single = false
	// Objects of one package must differ.
	sources := importer.Read([]string{dir}, nil)
	for n := range sources.Files {
		sources.Files[n].Objects[0].Node.Get("metadata").Get("name").Text = "a" + string(rune('a'+n))
	}
	result, err := importer.Import(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Diagnostics) > 0 {
		t.Error(result.Diagnostics)
	}
	var got []string
	for _, f := range result.Files {
		got = append(got, f.Name)
	}
	slices.Sort(got)
	want := []string{"A.cue", "a b/c-d.cue", "a-2.cue", "testdata-/z.cue", "tool-tool.cue", "x-test.cue", "y.cue"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPackageName(t *testing.T) {
	for name, want := range map[string]bool{"policies": true, "Team2_x": true, "": false, "2x": false, "_x": false, "#x": false, "a-b": false, "for": false, "ä": false} {
		if got := importer.IsPackageName(name); got != want {
			t.Errorf("IsPackageName(%q) = %v", name, got)
		}
	}
}

func TestReportJSON(t *testing.T) {
	var out bytes.Buffer
	if err := importer.WriteJSON(&out, nil); err != nil {
		t.Fatal(err)
	}
	if err := importer.WriteJSON(&out, []importer.Difference{{File: "a.yaml", Line: 3, Object: "ClusterPolicy/a", Path: "spec.x", From: "y", Why: "z"}}); err != nil {
		t.Fatal(err)
	}
	want := `{
  "differences": []
}
{
  "differences": [
    {
      "file": "a.yaml",
      "line": 3,
      "object": "ClusterPolicy/a",
      "path": "spec.x",
      "from": "y",
      "why": "z"
    }
  ]
}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
