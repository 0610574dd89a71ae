package evaluator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/compiler"
	"kcue.dev/diag"
	"kcue.dev/evaluator/admission"
	"kcue.dev/evaluator/bundle"
	"kcue.dev/protocol"
)

const (
	examplesDir = "../examples"
	patternsDir = "../testdata/patterns"
	goldenDir   = "../testdata/golden"
	// scaffoldDir is what kcue init lays down.
	scaffoldDir = "../compiler/scaffold/repository"
)

// packages lists the directories below root that hold CUE files, other than
// the module's own.
func packages(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "cue.mod" {
			return filepath.SkipDir
		}
		if dir := filepath.Dir(path); filepath.Ext(path) == ".cue" && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no packages below %s", root)
	}
	return found
}

// accept puts the objects of a compilation through Kyverno's admission and
// counts those of Kyverno's API groups.
func accept(t *testing.T, reviewer *admission.Reviewer, result *compiler.Result) int {
	t.Helper()
	kyverno := 0
	for _, o := range result.Objects {
		data, err := o.Node.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			t.Errorf("%s is no Kubernetes object: %v", o.Path, err)
			continue
		}
		review := reviewer.Review(object)
		for _, w := range review.Warnings {
			t.Logf("%s: warning: %s", o.Path, w)
		}
		for _, reason := range review.Reasons {
			t.Errorf("%s would be refused: %s: %s", o.Path, reason.Check, reason.Message)
		}
		if strings.HasSuffix(object.GroupVersionKind().Group, "kyverno.io") {
			kyverno++
		}
	}
	return kyverno
}

// TestSpecsBehave compiles the examples, the packages of the patterns and those
// that kcue init lays down. A cluster must accept what they emit, and their own tests must hold in
// Kyverno's engine.
func TestSpecsBehave(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{examplesDir, patternsDir, scaffoldDir} {
		t.Run(filepath.Base(root), func(t *testing.T) {
			objects, tests := 0, 0
			for _, cfg := range configurations(packages(t, root)) {
				t.Run(strings.Join(append([]string{filepath.Base(cfg.Dir)}, cfg.Tags...), " "), func(t *testing.T) {
					result, err := compiler.Compile(cfg)
					if err != nil {
						t.Fatal(err)
					}
					accepted := accept(t, reviewer, result)
					objects += accepted
					for _, b := range result.Bundles {
						suite, err := b.Suite()
						if err != nil {
							t.Fatal(err)
						}
						if len(suite.Objects) == 0 && len(b.Bases) > 0 {
							continue // for others to import, whose tests are of it too
						}
						if len(suite.Tests) == 0 {
							t.Errorf("the package has no tests: nothing shows that its %d policies do what they say", accepted)
							continue
						}
						checks, err := bundle.Run(context.Background(), suite, bundle.Options{Reviewer: reviewer})
						if err != nil {
							t.Fatal(err)
						}
						tested := map[string]bool{}
						for _, c := range checks {
							tests++
							tested[c.Policy] = true
							if !c.OK {
								t.Errorf("%s: %q: policy %s rule %q: %s: expected %s, got %s\n%s", c.Position, c.Test, c.Policy, c.Rule, c.Resource, c.Expected, c.Actual, c.Message)
							}
						}
						// A test that cannot fail shows nothing.
						for i := range suite.Tests {
							suite.Tests[i].Expect = other(suite.Tests[i].Expect)
						}
						if checks, err = bundle.Run(context.Background(), suite, bundle.Options{}); err != nil {
							t.Fatal(err)
						}
						for _, c := range checks {
							if c.OK {
								t.Errorf("%s: %q holds whatever is expected", c.Position, c.Test)
							}
						}
						for _, p := range b.Policies {
							if !tested[p.Ref()] {
								t.Errorf("no test is about policy %s", p.Ref())
							}
						}
					}
				})
			}
			t.Logf("%d objects of Kyverno's are accepted, %d tests run", objects, tests)
			if objects == 0 || tests == 0 {
				t.Errorf("%d objects and %d tests: nothing is shown", objects, tests)
			}
		})
	}
}

// configurations gives how each package is compiled: as it is, and the
// environments with each value of their tag.
func configurations(dirs []string) []compiler.Config {
	var out []compiler.Config
	for _, dir := range dirs {
		out = append(out, compiler.Config{Dir: dir})
		if dir == filepath.Join(examplesDir, "environments", "tagged") {
			out = append(out, compiler.Config{Dir: dir, Tags: []string{"env=staging"}}, compiler.Config{Dir: dir, Tags: []string{"env=prod"}})
		}
	}
	return out
}

// other gives another status.
func other(status string) string {
	if status == protocol.Pass {
		return protocol.Fail
	}
	return protocol.Pass
}

// refusedGoldens are the golden cases whose objects Kyverno refuses for a
// reason that is not theirs.
var refusedGoldens = map[string]string{}

// TestGoldensAreAccepted puts what the golden cases emit through Kyverno's
// admission.
func TestGoldensAreAccepted(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	archives, err := filepath.Glob(filepath.Join(goldenDir, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	objects, cases := 0, 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		emits := slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want.yaml" })
		if !emits {
			continue
		}
		cases++
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			if reason, ok := refusedGoldens[name]; ok {
				t.Skip(reason)
			}
			dir := t.TempDir()
			for _, f := range archive.Files {
				to := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(to, f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			result, err := compiler.Compile(compiler.Config{Dir: dir, Args: words(archive.Comment, "args:"), Tags: words(archive.Comment, "tags:")})
			var diags diag.List
			if errors.As(err, &diags) {
				t.Fatalf("the case expects objects:\n%v", diags)
			}
			if err != nil {
				t.Fatal(err)
			}
			objects += accept(t, reviewer, result)
		})
	}
	t.Logf("%d objects of Kyverno's from %d cases are accepted", objects, cases)
	if cases == 0 || objects == 0 {
		t.Errorf("%d cases and %d objects: nothing is shown", cases, objects)
	}
}

// words gives the words after a key at the beginning of a line of an archive's
// comment, which says how the case is compiled (compiler/golden_test.go).
func words(comment []byte, key string) []string {
	for line := range strings.Lines(string(comment)) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, "# "), key); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}
