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
	const dir = "../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: the published policies are not at hand: %v", err)
	}
	var policies, refused int
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
			if !strings.HasPrefix(object.Get("apiVersion").Str(), "kyverno.io/") {
				continue
			}
			policies++
			var found []string
			for _, f := range vet.Object(object, vet.Options{}) {
				if f.Code >= diag.JMESPath && f.Code <= diag.UnclosedVariable || f.Code == diag.BackgroundUser {
					found = append(found, string(f.Code)+": "+f.Place()+": "+f.Message+" ("+f.Hint+")")
				}
			}
			if len(found) == 0 {
				continue
			}
			refused++
			if !strings.Contains(filepath.ToSlash(path), variablesRefused[0]) {
				t.Errorf("%s:\n\t%s", path, strings.Join(found, "\n\t"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if policies < 200 || refused == 0 {
		t.Errorf("%d policies, %d of them refused: too few to tell", policies, refused)
	}
}
