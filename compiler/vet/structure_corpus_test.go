package vet_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// isStructureCode reports whether a code is of the checks of structure.
func isStructureCode(code diag.Code) bool {
	return code < "KC420" || code >= "KC460" && code < "KC490"
}

// refusedInCorpus are the published policies that Kyverno 1.19.1 refuses for
// their structure, with the code that says why.
var refusedInCorpus = map[string]diag.Code{
	"verify-image-cve-2022-42889.yaml": diag.DigestInAudit,
	"verify-sbom-cyclonedx.yaml":       diag.DigestInAudit,
}

// TestStructureCorpus holds the published policies to the checks: none that
// Kyverno accepts has an error.
func TestStructureCorpus(t *testing.T) {
	const dir = "../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: no published policies at %s", dir)
	}
	policies, refused := 0, map[string]bool{}
	warnings := map[diag.Code]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		docs, err := spec.ParseYAML(path, data)
		if err != nil {
			t.Error(err)
			return nil
		}
		for _, doc := range docs {
			kind := doc.Get("kind").Str()
			if !strings.HasPrefix(doc.Get("apiVersion").Str(), "kyverno.io/") || !slices.Contains([]string{"ClusterPolicy", "Policy", "CleanupPolicy", "ClusterCleanupPolicy", "PolicyException"}, kind) {
				continue
			}
			policies++
			name := filepath.Base(path)
			for _, f := range structureFindings(doc) {
				switch {
				case f.Severity == diag.Warning:
					warnings[f.Code]++
				case f.Code == refusedInCorpus[name]:
					refused[name] = true
				default:
					t.Errorf("%s: %s: %s: %s (%s)", strings.TrimPrefix(path, dir), f.Code, f.Place(), f.Message, f.Hint)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if policies == 0 {
		t.Fatal("no policies")
	}
	for name := range refusedInCorpus {
		if !refused[name] {
			t.Errorf("%s has no %s", name, refusedInCorpus[name])
		}
	}
	t.Logf("%d policies, warnings %v", policies, warnings)
}
