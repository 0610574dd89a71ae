package kyvernotest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator/admission"
	"kcue.dev/protocol"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestSuites runs each suite of testdata: its comment says what it is about,
// its last file, want, what comes of it. The files compiled/*.yaml are the
// compiled objects. A suite in a directory of its own has the whole archive as
// its tree.
func TestSuites(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Comment) == 0 {
				t.Error("the archive does not say what it is about")
			}
			root := t.TempDir()
			options := Options{Root: root, Reviewer: reviewer}
			var want *txtar.File
			for i := range archive.Files {
				file := &archive.Files[i]
				if file.Name == "want" {
					want = file
					continue
				}
				if strings.HasPrefix(file.Name, "compiled/") {
					objects, err := decodeObjects(file.Data, file.Name)
					if err != nil {
						t.Fatal(err)
					}
					for _, object := range objects {
						options.Objects = append(options.Objects, *object)
					}
					continue
				}
				write(t, filepath.Join(root, file.Name), string(file.Data))
			}
			if want == nil {
				t.Fatal("the archive has no want")
			}
			suites, err := Find(root)
			if err != nil {
				t.Fatal(err)
			}
			checks, err := RunAll(context.Background(), suites, options)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(render(checks), root+string(filepath.Separator), "")
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), got); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
		})
	}
}

// render writes a check a line.
func render(checks []protocol.Check) string {
	var b strings.Builder
	for _, c := range checks {
		verdict := "ok  "
		if !c.OK {
			verdict = "FAIL"
		}
		fmt.Fprintf(&b, "%s %s", verdict, c.Suite)
		if c.Position != "" {
			fmt.Fprintf(&b, " (%s)", strings.TrimPrefix(c.Position, c.Suite+":"))
		}
		fmt.Fprintf(&b, " policy=%s rule=%s resource=%s expected=%s actual=%s", c.Policy, c.Rule, c.Resource, c.Expected, c.Actual)
		if c.Message != "" && !c.OK {
			fmt.Fprintf(&b, "\n     %s", strings.ReplaceAll(c.Message, "\n", "\n     "))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	requireTeam = `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: require-team}
spec:
  rules:
  - name: team
    match: {any: [{resources: {kinds: [ConfigMap]}}]}
    validate: {message: a team is required, pattern: {metadata: {labels: {team: "?*"}}}}
`
	configMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: good, labels: {team: a}}
`
	oneRow = `
apiVersion: cli.kyverno.io/v1alpha1
kind: Test
metadata: {name: confined}
policies: [policy.yaml]
resources: [resource.yaml]
results:
- {policy: require-team, rule: team, kind: ConfigMap, resources: [good], result: pass}
`
)

// A suite reads nothing outside of its tree, also not through a link.
func TestRunConfined(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "policy.yaml"), requireTeam)
	for _, test := range []struct {
		name, policy, message string
	}{
		{"above", "../policy.yaml", "is outside of"},
		{"absolute", filepath.Join(outside, "policy.yaml"), "is outside of"},
		{"link", "link.yaml", "path escapes"},
		{"URL", "https://example.com/policy.yaml", "is not fetched"},
		{"git", "git@example.com:org/policies", "is not fetched"},
		{"standard input", "-", "is not fetched"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			suite := filepath.Join(dir, "kyverno-test.yaml")
			write(t, suite, strings.Replace(oneRow, "policies: [policy.yaml]", fmt.Sprintf("policies: [%q]", test.policy), 1))
			write(t, filepath.Join(dir, "resource.yaml"), configMap)
			if err := os.Symlink(filepath.Join(outside, "policy.yaml"), filepath.Join(dir, "link.yaml")); err != nil {
				t.Fatal(err)
			}
			checks, err := Run(context.Background(), suite, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(checks) == 0 || checks[0].OK || !strings.Contains(checks[0].Message, test.message) {
				t.Errorf("no check says %q: %s", test.message, render(checks))
			}
			for _, c := range checks {
				if c.OK {
					t.Errorf("a check holds: %s", render(checks))
				}
			}
		})
	}
}

func TestRunUnreadable(t *testing.T) {
	dir := t.TempDir()
	if _, err := Run(context.Background(), filepath.Join(dir, "kyverno-test.yaml"), Options{}); err == nil {
		t.Error("no error for a file that is not there")
	}
	other := filepath.Join(t.TempDir(), "kyverno-test.yaml")
	write(t, other, oneRow)
	if _, err := Run(context.Background(), other, Options{Root: dir}); err == nil || !strings.Contains(err.Error(), "is not below") {
		t.Errorf("a suite outside of its tree: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if checks, err := Run(ctx, other, Options{}); err == nil {
		t.Errorf("no error at the end of the context, but %v", checks)
	}
}

// Hostile files are failed checks, soon and without a panic.
func TestRunHostile(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name <= 'j'; name++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", name, name, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", name-1), 9), ", "))
	}
	for name, content := range map[string]string{
		"aliases":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n" + bomb,
		"depth":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\ndata: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
		"truncated": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good",
		"no object": "- 1\n- 2\n",
		"no kind":   "apiVersion: v1\nmetadata: {name: good}\n",
		"twice":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\nmetadata: {name: bad}\n",
		"binary":    "\x00\x01\xff",
		"large":     strings.Repeat("# a comment line\n", maxFile/16),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			suite := filepath.Join(dir, "kyverno-test.yaml")
			write(t, suite, oneRow)
			write(t, filepath.Join(dir, "policy.yaml"), requireTeam)
			write(t, filepath.Join(dir, "resource.yaml"), content)
			checks, err := Run(context.Background(), suite, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(checks) != 2 || checks[0].OK || checks[1].OK || !strings.Contains(checks[0].Message, "resource.yaml") {
				t.Errorf("checks:\n%s", render(checks))
			}
			write(t, suite, content)
			if checks, err = Run(context.Background(), suite, Options{}); err == nil && (len(checks) != 1 || checks[0].OK) {
				t.Errorf("as a suite:\n%s", render(checks))
			}
		})
	}
}

// A broken file is a failed check of its suite, beside which the others run.
func TestRunAll(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "kyverno-test.yaml"), "\tno YAML")
	var want []string
	for _, name := range []string{"b", "c", "d"} {
		write(t, filepath.Join(dir, name, "kyverno-test.yml"), oneRow)
		write(t, filepath.Join(dir, name, "policy.yaml"), requireTeam)
		write(t, filepath.Join(dir, name, "resource.yaml"), configMap)
		want = append(want, filepath.Join(dir, name, "kyverno-test.yml"))
	}
	write(t, filepath.Join(dir, ".git", "kyverno-test.yaml"), oneRow)
	paths, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	want = append([]string{filepath.Join(dir, "a", "kyverno-test.yaml")}, want...)
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Fatalf("found (-want +got):\n%s", diff)
	}
	missing := filepath.Join(dir, "e", "kyverno-test.yaml")
	one, err := RunAll(context.Background(), append(paths, missing), Options{Root: dir, Parallel: 1})
	if err == nil || !strings.Contains(err.Error(), "e/kyverno-test.yaml") {
		t.Errorf("error %v, want one about the missing file", err)
	}
	if len(one) != 4 || one[0].OK || !one[1].OK || !one[2].OK || !one[3].OK {
		t.Errorf("checks:\n%s", render(one))
	}
	many, _ := RunAll(context.Background(), append(paths, missing), Options{Root: dir, Parallel: 8})
	if diff := cmp.Diff(one, many); diff != "" {
		t.Errorf("one at a time and eight at a time differ:\n%s", diff)
	}
}

// What a suite does to its objects stays in the suite.
func TestRunLeavesObjects(t *testing.T) {
	dir := t.TempDir()
	suite := filepath.Join(dir, "kyverno-test.yaml")
	write(t, suite, strings.Replace(oneRow, "policies: [policy.yaml]", "policies: [require-team]\nvalues: {globalValues: {x: 1}}", 1))
	write(t, filepath.Join(dir, "resource.yaml"), configMap)
	objects, err := decodeObjects([]byte(requireTeam), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before := objects[0].DeepCopy()
	checks, err := Run(context.Background(), suite, Options{Objects: []unstructured.Unstructured{*objects[0]}})
	if err != nil || len(checks) != 1 || !checks[0].OK {
		t.Fatalf("%v\n%s", err, render(checks))
	}
	if diff := cmp.Diff(before, objects[0]); diff != "" {
		t.Errorf("the object has changed:\n%s", diff)
	}
}
