package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/protocol"
)

// Suites run with the largest first, and are told of in the order that they were
// given in, behind what was asked before them.
func TestLargestFirst(t *testing.T) {
	root := t.TempDir()
	var files []suiteFile
	for _, f := range []struct {
		suite          string
		beside, policy int
	}{{"small", 1, 2}, {"large", 1, 9}, {"none", 0, 0}, {"tests", 7, 1}, {"same", 2, 1}, {"alone", 1, 20}} {
		dir := filepath.Join(root, f.suite, ".kyverno-test")
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for path, size := range map[string]int{filepath.Join(dir, "kyverno-test.yaml"): f.beside, filepath.Join(root, f.suite, "policy.yaml"): f.policy} {
			if err := os.WriteFile(path, []byte(strings.Repeat("#", size)), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, suiteFile{path: filepath.Join(dir, "kyverno-test.yaml"), root: root})
	}
	files = append(files, suiteFile{path: filepath.Join(root, "missing", "kyverno-test.yaml"), root: root})
	// The policy above is none that it may name.
	alone := &files[len(files)-2]
	alone.root = filepath.Dir(alone.path)
	given := slices.Clone(files)
	suites := func(checks []protocol.Check) (names []string) {
		for _, c := range checks {
			rel, err := filepath.Rel(root, c.Suite)
			if err != nil {
				rel = c.Suite
			}
			first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
			names = append(names, first)
		}
		return names
	}
	checks := []protocol.Check{{Suite: "z"}, {Suite: "a"}}
	for _, f := range largestFirst(files) {
		checks = append(checks, protocol.Check{Suite: f.path})
	}
	if diff := cmp.Diff([]string{"z", "a", "large", "tests", "small", "same", "alone", "none", "missing"}, suites(checks)); diff != "" {
		t.Errorf("asked (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(given, files, cmp.AllowUnexported(suiteFile{})); diff != "" {
		t.Errorf("the files were changed (-before +after)\n%s", diff)
	}
	inOrder(checks, files)
	if diff := cmp.Diff([]string{"z", "a", "small", "large", "none", "tests", "same", "alone", "missing"}, suites(checks)); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}
