package kyvernotest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/evaluator/admission"
)

const (
	corpusDir      = "../../../shared/corpus"
	differencesDoc = "../../docs/kyverno-cli-differences.md"
)

// TestCorpus runs every public suite of the corpus and holds the outcome
// against docs/kyverno-cli-differences.md: the counts, the checks on which kcue
// fails and Kyverno's command line does not, and the suites on which both fail.
// What the command line says is measured by bench/cli.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: no suite of the corpus is run: %v", err)
	}
	doc, err := os.ReadFile(differencesDoc)
	if err != nil {
		t.Fatal(err)
	}
	suites, err := Find(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(suites) == 0 {
		t.Fatalf("%s has no suites", corpusDir)
	}
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	checks, err := RunAll(context.Background(), suites, Options{Root: corpusDir, Reviewer: reviewer})
	if err != nil {
		t.Fatal(err)
	}

	name := func(path string) string {
		rel, err := filepath.Rel(corpusDir, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.ToSlash(rel)
	}
	var incomplete []string
	for _, c := range checks {
		if c.Policy == "" && strings.HasSuffix(c.Message, fs.ErrNotExist.Error()) && !slices.Contains(incomplete, name(c.Suite)) {
			incomplete = append(incomplete, name(c.Suite))
		}
	}
	var differ []string
	passed, failed := 0, 0
	for _, c := range checks {
		switch {
		case c.OK:
			passed++
		case slices.Contains(incomplete, name(c.Suite)):
			failed++
		default:
			differ = append(differ, fmt.Sprintf("%s | %s | %s | %s | %s", name(c.Suite),
				strings.TrimSuffix(c.Policy+"/"+c.Rule, "/"), c.Resource, c.Expected, c.Actual))
		}
	}
	counts := []string{fmt.Sprintf("%d | %d | %d | %d | %d", len(suites), len(checks), passed, failed, len(differ))}
	for _, table := range []struct {
		heading string
		columns int
		got     []string
	}{
		{"## Counts", 5, counts},
		{"## Checks that differ", 5, differ},
		{"## Suites that both fail", 1, incomplete},
	} {
		if diff := cmp.Diff(tableOf(t, string(doc), table.heading, table.columns), table.got); diff != "" {
			t.Errorf("%s (-%s +here):\n%s", table.heading, filepath.Base(differencesDoc), diff)
		}
	}
}

// tableOf reads the first columns of the table below a heading.
func tableOf(t *testing.T, doc, heading string, columns int) []string {
	t.Helper()
	_, section, ok := strings.Cut(doc, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); strings.HasPrefix(line, "|") {
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
			}
			rows = append(rows, strings.Join(cells[:min(columns, len(cells))], " | "))
		}
	}
	if len(rows) < 2 {
		t.Fatalf("%s: no table", heading)
	}
	return rows[2:] // without the header and the line below it
}
