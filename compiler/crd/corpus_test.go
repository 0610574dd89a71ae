package crd

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

// corpusDir holds Kyverno's published policies, where there is a copy beside
// the repository.
const corpusDir = "../../../shared/corpus"

// corpusViolations are what Kyverno's published policies get wrong: one, which
// no API server admits, was written against a form of context that Kyverno
// never had.
var corpusViolations = []string{
	`cost-optimization/schedule-based-quotas/schedule-based-quotas.yaml: spec.rules[0].context[0].configMap.key: unknown field "key", expected name or namespace`,
	`cost-optimization/schedule-based-quotas/schedule-based-quotas.yaml: spec.rules[0].context[1].variable: expected a struct, found the string "{{ mockTime || time.Now() | time.ParseInLocation('America/Los_Angeles') }}"`,
	`cost-optimization/schedule-based-quotas/schedule-based-quotas.yaml: spec.rules[0].context[2].variable: expected a struct, found the string "currentTime.Hour() >= 9 && currentTime.Hour() < 17 && (currentTime.Weekday() >= …"`,
}

// corpus gives the policies' YAML files by their path under corpusDir.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: no corpus of published policies at %s", corpusDir)
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		name, err := filepath.Rel(corpusDir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// policies gives the objects of the kinds that Kyverno's CRDs define.
func policies(t testing.TB, files map[string][]byte) map[string][]*spec.Node {
	t.Helper()
	out := map[string][]*spec.Node{}
	for name, data := range files {
		docs, err := spec.ParseYAML(name, data)
		if err != nil {
			t.Error(err)
		}
		for _, doc := range docs {
			group, _, _ := strings.Cut(doc.Get("apiVersion").Str(), "/")
			if group == "kyverno.io" || group == "policies.kyverno.io" {
				out[name] = append(out[name], doc)
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("the corpus holds no policies")
	}
	return out
}

func TestCorpus(t *testing.T) {
	s := schemas(t)
	kinds := map[string]int{}
	got := []string{}
	for name, objects := range policies(t, corpus(t)) {
		for _, obj := range objects {
			kinds[obj.Get("apiVersion").Str()+" "+obj.Get("kind").Str()]++
			for _, v := range s.Check(obj) {
				got = append(got, name+": "+v.Error())
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(corpusViolations, got); diff != "" {
		t.Errorf("violations (-want +got)\n%s", diff)
	}
	t.Logf("checked %v", kinds)
}
