package vet_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
)

// TestPracticeRates holds the rates of docs/best-practices.md to Kyverno's
// policy library.
func TestPracticeRates(t *testing.T) {
	const library = "../../../shared/corpus"
	if _, err := os.Stat(library); err != nil {
		t.Skipf("SKIPPED: Kyverno's policy library is not beside the repository: %v", err)
	}
	policies, flagged := 0, map[string]int{}
	err := filepath.WalkDir(library, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case filepath.Ext(path) != ".yaml" || entry.Name() == "kyverno-test.yaml":
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects, err := spec.ParseYAML(path, src)
		if err != nil {
			return nil // a template, or another program's
		}
		for _, o := range objects {
			group, _, _ := strings.Cut(o.Get("apiVersion").Str(), "/")
			if group != "kyverno.io" && group != "policies.kyverno.io" {
				continue
			}
			policies++
			seen := map[string]bool{}
			for _, f := range vet.Object(o, vet.Options{BestPractices: true}) {
				if code := string(f.Code); strings.HasPrefix(code, "KC5") && !seen[code] {
					seen[code] = true
					flagged[code]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/best-practices.md")
	if err != nil {
		t.Fatal(err)
	}
	if policies == 0 || !strings.Contains(string(document), fmt.Sprintf("| of %d |", policies)) {
		t.Errorf("the document's table is not of %d policies", policies)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (KC5\d\d) \|.*\| (\d+) \|$`).FindAllStringSubmatch(string(document), -1) {
		documented[row[1]] = row[2]
	}
	found := map[string]string{}
	for code := range documented {
		found[code] = fmt.Sprint(flagged[code])
	}
	for code, n := range flagged {
		found[code] = fmt.Sprint(n)
	}
	if len(documented) == 0 {
		t.Error("the document has no rates")
	}
	if d := cmp.Diff(found, documented); d != "" {
		t.Errorf("docs/best-practices.md (-found +documented):\n%s", d)
	}
}
