package vet_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

// variablesRefused are the published policies that have mistakes in their
// variables and context: Kyverno 1.19.1 does not load the one, for a field that
// its CRD does not know.
var variablesRefused = []string{"cost-optimization/schedule-based-quotas/"}

// TestVariablesCorpus holds that no published policy that Kyverno accepts has a
// mistake in its variables.
func TestVariablesCorpus(t *testing.T) {
	var policies, refused int
	publishedObjects(t, func(path string, object *spec.Node) {
		if !strings.HasPrefix(object.Get("apiVersion").Str(), "kyverno.io/") {
			return
		}
		policies++
		var found []string
		for _, f := range vet.Object(object, vet.Options{}) {
			if f.Code >= diag.JMESPath && f.Code <= diag.UnclosedVariable || f.Code == diag.BackgroundUser {
				found = append(found, string(f.Code)+": "+f.Place()+": "+f.Message+" ("+f.Hint+")")
			}
		}
		if len(found) == 0 {
			return
		}
		refused++
		if !strings.Contains(filepath.ToSlash(path), variablesRefused[0]) {
			t.Errorf("%s:\n\t%s", path, strings.Join(found, "\n\t"))
		}
	})
	if policies < 200 || refused == 0 {
		t.Errorf("%d policies, %d of them refused: too few to tell", policies, refused)
	}
}

// publishedObjects calls f with the objects of the published policies and of what
// stands beside them. It skips the test where they are not at hand.
func publishedObjects(t *testing.T, f func(path string, object *spec.Node)) {
	t.Helper()
	const dir = "../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: the published policies are not at hand: %v", err)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects, err := spec.ParseYAML(path, data)
		if err != nil {
			return nil // a file of templates
		}
		for _, object := range objects {
			f(path, object)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
