package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// workflow is what is run of a workflow of GitHub Actions.
type workflow struct {
	Name string
	On   any
	Jobs map[string]struct {
		Steps []struct{ Run, Uses, If string }
	}
}

// pipelineBlocks gives the blocks of docs/ci.md that have a top-level field.
func pipelineBlocks(t *testing.T, field string) []string {
	t.Helper()
	var out []string
	for _, m := range yamlBlock.FindAllStringSubmatch(readDocument(t, "docs/ci.md"), -1) {
		if regexp.MustCompile(`(?m)^` + field + `:`).MatchString(m[1]) {
			out = append(out, m[1])
		}
	}
	if len(out) == 0 {
		t.Fatalf("docs/ci.md has no block with %s", field)
	}
	return out
}

var installLine = regexp.MustCompile(`^go install kcue\.dev/(cmd/[a-z-]+)@latest$`)

// runs reports whether a line of a pipeline can be run here. What is installed
// from a proxy is here already, and must be a command of this module.
func runs(t *testing.T, line string) bool {
	t.Helper()
	if m := installLine.FindStringSubmatch(line); m != nil {
		if _, err := os.Stat(filepath.Join(repository, m[1], "main.go")); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return false
	}
	if strings.Contains(line, "kcue diff ") {
		// The command is to come; where there is one, the line is run.
		return slices.ContainsFunc(commands(t), func(c *cobra.Command) bool { return c.Name() == "diff" })
	}
	return true
}

// pipelineCheckout makes a repository as a pipeline finds it: specs and what is built
// of them.
func pipelineCheckout(t *testing.T, bin string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, documentFiles(t, gitops), "policy.cue")
	if r := process(t, dir, nil, filepath.Join(bin, "kcue"), "build", "--out-dir", "deploy", "./..."); r.status != exitOK {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	return dir
}

// mistakenHere puts a mistake into a checkout that every build of it finds.
func mistakenHere(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "policy.cue")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(data), `"Audit"]`, `"Audited"]`, 1)
	if broken == string(data) {
		t.Fatalf("the package of %s audits nothing", gitops)
	}
	if err := os.WriteFile(path, []byte(broken), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestWorkflows runs the steps of the documented workflows of GitHub Actions,
// each in a shell as a runner does: bash -e on a file.
func TestWorkflows(t *testing.T) {
	ran := 0
	for i, text := range pipelineBlocks(t, "jobs") {
		var w workflow
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		if w.Name == "" || w.On == nil || len(w.Jobs) == 0 {
			t.Errorf("not a workflow:\n%s", text)
		}
		bin := bin(t)
		env := []string{"PATH=" + bin + ":/usr/bin:/bin", "CI=true", "GITHUB_ACTIONS=true"}
		for name, job := range w.Jobs {
			t.Run(fmt.Sprintf("%s %d", name, i+1), func(t *testing.T) {
				for _, broken := range []bool{false, true} {
					dir := pipelineCheckout(t, bin)
					if broken {
						mistakenHere(t, dir)
					}
					failed := false
					for _, step := range job.Steps {
						if step.Run == "" || failed || !runs(t, step.Run) {
							continue
						}
						ran++
						script := filepath.Join(t.TempDir(), "step.sh")
						if err := os.WriteFile(script, []byte(step.Run+"\n"), 0o666); err != nil {
							t.Fatal(err)
						}
						r := process(t, dir, env, "bash", "-e", script)
						if failed = r.status != 0; failed && !broken {
							t.Errorf("%s: status %d\n%s%s", step.Run, r.status, r.stdout, r.stderr)
						}
					}
					if failed != broken {
						t.Errorf("specs with a mistake: %v, and the job fails: %v", broken, failed)
					}
					checkUpload(t, dir, text, broken)
				}
			})
		}
	}
	if ran < 4 {
		t.Errorf("%d steps ran, expected at least 4", ran)
	}
}

// checkUpload holds that what a workflow uploads is there, after a failed step
// too.
func checkUpload(t *testing.T, dir, text string, broken bool) {
	t.Helper()
	m := regexp.MustCompile(`sarif_file: (\S+)`).FindStringSubmatch(text)
	if m == nil {
		return
	}
	if !strings.Contains(text, "if: ${{ !cancelled() }}\n") {
		t.Error("nothing is uploaded where there are findings")
	}
	data, err := os.ReadFile(filepath.Join(dir, m[1]))
	if err != nil {
		t.Fatal(err)
	}
	var sarif struct {
		Runs []struct{ Results []any }
	}
	if err := json.Unmarshal(data, &sarif); err != nil || len(sarif.Runs) != 1 || (len(sarif.Runs[0].Results) > 0) != broken {
		t.Errorf("%s: %v, for specs with a mistake: %v\n%s", m[1], err, broken, data)
	}
}

// TestActionlint holds the documented workflows to what GitHub takes.
func TestActionlint(t *testing.T) {
	actionlint := tool(t, "actionlint")
	dir := filepath.Join(t.TempDir(), ".github", "workflows")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	args := []string{"-shellcheck=", "-pyflakes=", "-no-color"}
	for i, text := range pipelineBlocks(t, "jobs") {
		file := filepath.Join(dir, fmt.Sprintf("%d.yml", i+1))
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if r := process(t, dir, nil, actionlint, args...); r.status != 0 {
		t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}

// TestGitLab runs the script of the documented job, as a runner does: in one
// shell that ends at the first failure.
func TestGitLab(t *testing.T) {
	text := pipelineBlocks(t, "vet")[0]
	var jobs map[string]struct {
		Image     string
		Variables map[string]string
		Cache     struct{ Paths []string }
		Script    []string
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&jobs); err != nil {
		t.Fatal(err)
	}
	for name, job := range jobs {
		if !strings.HasPrefix(job.Image, "golang:"+goVersion(t)) {
			t.Errorf("%s: the image %q has another Go than go.mod asks for", name, job.Image)
		}
		for _, broken := range []bool{false, true} {
			bin := bin(t)
			dir := pipelineCheckout(t, bin)
			if broken {
				mistakenHere(t, dir)
			}
			// What go install makes, GOPATH being .go.
			if err := os.MkdirAll(filepath.Join(dir, ".go"), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(bin, filepath.Join(dir, ".go", "bin")); err != nil {
				t.Fatal(err)
			}
			if job.Variables["GOPATH"] != "$CI_PROJECT_DIR/.go" {
				t.Errorf("%s: GOPATH is %q", name, job.Variables["GOPATH"])
			}
			lines := slices.DeleteFunc(slices.Clone(job.Script), func(line string) bool { return !runs(t, line) })
			if len(lines) == 0 {
				t.Fatalf("%s runs nothing", name)
			}
			env := []string{"PATH=/usr/bin:/bin", "CI=true", "GITLAB_CI=true", "CI_PROJECT_DIR=" + dir}
			r := process(t, dir, env, "bash", "-eo", "pipefail", "-c", strings.Join(lines, "\n"))
			if (r.status != 0) != broken {
				t.Errorf("%s: specs with a mistake: %v, status %d\n%s%s", name, broken, r.status, r.stdout, r.stderr)
			}
		}
	}
}

// goVersion gives the version of Go that the module asks for.
func goVersion(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(readDocument(t, "go.mod"))
	if m == nil {
		t.Fatal("go.mod names no version of Go")
	}
	return m[1]
}
