package importtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/evaluator"
	"kcue.dev/evaluator/bundle"
	"kcue.dev/importer"
)

// untrue are the tests that suites became and that do not hold. Suites do not
// tell an empty value from none, nor a rule that does not match from one that
// skips; and Kyverno's command line passes what a rule does not match.
var untrue = []string{
	"karpenter: set-karpenter-non-cpu-limits/set-ephemeral-storage: test4 passes: expected pass, got pass", // limits: {}
	"other-cel: memory-requests-equal-limits: hello passes: expected pass, got unmatched",                  // batch/v1beta1
	"other: memory-requests-equal-limits: hello passes: expected pass, got unmatched",                      // batch/v1beta1
	"other: remove-hostpath-volumes/remove-hostpath-all: busybox passes: expected pass, got pass",          // volumeMounts: []
	"other: remove-serviceaccount-token/remove-vol-volmount: busybox passes: expected pass, got pass",      // volumeMounts: []
	"other: require-emptydir-requests-and-limits/check-emptydir-requests-limits: skip-pod is skipped: expected skip, got unmatched",
}

// TestSuitesBecomeTests imports the published suites as tests, and runs them in
// Kyverno's engine.
func TestSuitesBecomeTests(t *testing.T) {
	entries, err := os.ReadDir(corpusDir)
	if err != nil {
		t.Skipf("SKIPPED: no corpus of published policies at %s, so no suite was imported", corpusDir)
	}
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	cache := evaluator.NewCache()
	ran, held := 0, 0
	var got []string
	for _, e := range entries {
		result, err := importer.Import(importer.Read([]string{filepath.Join(corpusDir, e.Name())}, nil), importer.Options{
			Tests: true, Schemas: schemas,
			Vet:   func(o manifest.Object) diag.List { return refused(o, schemas) },
			Build: func(text []byte) ([]*spec.Node, diag.List) { return build(t, text) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Files) == 0 {
			continue
		}
		dir := t.TempDir()
		if _, err := importer.Write(dir, result.Files, false); err != nil {
			t.Fatal(err)
		}
		compiled, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}})
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
			continue
		}
		for _, b := range compiled.Bundles {
			suite, err := b.Suite()
			if err != nil {
				t.Fatal(err)
			}
			if len(suite.Tests) == 0 {
				continue
			}
			checks, err := bundle.Run(context.Background(), suite, bundle.Options{Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range checks {
				ran++
				if c.OK {
					held++
					continue
				}
				got = append(got, e.Name()+": "+c.Test+": expected "+c.Expected+", got "+c.Actual)
			}
		}
	}
	t.Logf("%d tests, %d hold", ran, held)
	if ran < 500 {
		t.Errorf("only %d tests ran", ran)
	}
	if doc, err := os.ReadFile(corpusDoc); err != nil || !strings.Contains(string(doc), fmt.Sprintf("become %d tests of the specs, of which %d hold", ran, held)) {
		t.Errorf("%s does not say so: %v", filepath.Base(corpusDoc), err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(untrue, got); diff != "" {
		t.Errorf("tests that do not hold (-known +got)\n%s", diff)
	}
}
