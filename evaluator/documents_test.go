package evaluator_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kcue.dev/compiler"
	"kcue.dev/evaluator/admission"
	"kcue.dev/evaluator/bundle"
)

// cueBlock is a fenced block of CUE; cmd/kcue/docs_test.go says what the words
// after the fence mean.
var cueBlock = regexp.MustCompile("(?ms)^```cue([^\n]*)\n(.*?)^```$")

// fragments says how the pieces of CUE in the manual are made a package.
var fragments = map[string]string{
	"fragment":        "%s",
	"fragment policy": "clusterPolicies: \"p\": {\n%s}\n",
	"fragment rule":   "clusterPolicies: \"p\": rules: \"r\": {\n%s}\n",
}

// TestManualIsAccepted puts all policies that the manual shows through Kyverno's
// admission, and runs the tests that it shows.
func TestManualIsAccepted(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	objects, tests := 0, 0
	for _, page := range append(pages, "../README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(page) == "diagnostics.md" {
			continue // mistakes, and what mends them
		}
		dir := ""
		for i, block := range cueBlock.FindAllStringSubmatch(string(data), -1) {
			kind, text, name := strings.TrimSpace(block[1]), block[2], "policy.cue"
			switch {
			case kind == "":
				dir = t.TempDir()
			case fragments[kind] != "":
				dir = t.TempDir()
				text = wrap(kind, text)
			case strings.HasSuffix(kind, ".cue") && !strings.HasPrefix(kind, "file ") && dir != "":
				name = kind
			default:
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(page), i), func(t *testing.T) {
				result, err := compiler.Compile(compiler.Config{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				objects += accept(t, reviewer, result)
				for _, b := range result.Bundles {
					suite, err := b.Suite()
					if err != nil {
						t.Fatal(err)
					}
					if len(suite.Tests) == 0 {
						continue
					}
					checks, err := bundle.Run(context.Background(), suite, bundle.Options{Reviewer: reviewer})
					if err != nil {
						t.Fatal(err)
					}
					for _, c := range checks {
						tests++
						if !c.OK {
							t.Errorf("%q: expected %s, got %s\n%s", c.Test, c.Expected, c.Actual, c.Message)
						}
					}
				}
			})
		}
	}
	if objects < 50 || tests < 6 {
		t.Errorf("found %d objects and %d tests, expected at least 50 and 6", objects, tests)
	}
}

// wrap makes a package of a fragment.
func wrap(kind, text string) string {
	var b strings.Builder
	b.WriteString("package fragment\n")
	for _, pkg := range []string{"schema", "patterns", "libraries"} {
		if strings.Contains(text, pkg+".#") {
			fmt.Fprintf(&b, "import %q\n", "kcue.dev/"+pkg)
		}
	}
	fmt.Fprintf(&b, fragments[kind], text)
	return b.String()
}
