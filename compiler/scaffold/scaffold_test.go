package scaffold

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/load"
)

// text gives a file of the repository as it stands in the source.
func text(t *testing.T, name string) string {
	t.Helper()
	data, err := repository.ReadFile("repository/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFiles names all that a repository consists of: a file that is not
// embedded, as one with a leading dot may be, would be missed by nobody.
func TestFiles(t *testing.T) {
	files, err := repositoryFiles("")
	if err != nil {
		t.Fatal(err)
	}
	var got, root []string
	for _, f := range files {
		got = append(got, f.name)
		if isRootFile(f.name) {
			root = append(root, f.name)
		}
	}
	want := []string{
		".github/workflows/policies.yaml", ".pre-commit-config.yaml", "README.md",
		"cue.mod/module.cue", "policies/pod_security.cue", "policies/tests.cue",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the files of a repository (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want[:2], root); d != "" {
		t.Errorf("those that belong at the root of a git repository (-want +got):\n%s", d)
	}
}

// TestModuleFile holds the module file in the source, at which kcue's own
// checks build the repository, to the one that is written.
func TestModuleFile(t *testing.T) {
	want, err := moduleText("")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text(t, moduleFile)); d != "" {
		t.Errorf("%s is not what is written (-written +there):\n%s", moduleFile, d)
	}
}

// TestPins holds the versions that a repository pins to this one's.
func TestPins(t *testing.T) {
	var workflow struct {
		Env struct {
			Version string `yaml:"KCUE_VERSION"`
		}
	}
	var preCommit struct{ Repos []struct{ Repo, Rev string } }
	for name, into := range map[string]any{".github/workflows/policies.yaml": &workflow, ".pre-commit-config.yaml": &preCommit} {
		if err := yaml.Unmarshal([]byte(text(t, name)), into); err != nil {
			t.Fatal(err)
		}
	}
	if got := workflow.Env.Version; got != load.EmbeddedVersion {
		t.Errorf("the workflow pins %q, want %q", got, load.EmbeddedVersion)
	}
	if len(preCommit.Repos) != 1 || preCommit.Repos[0].Rev != load.EmbeddedVersion {
		t.Errorf("the hooks pin %+v, want one at %q", preCommit.Repos, load.EmbeddedVersion)
	}
}

func TestCheckModule(t *testing.T) {
	tests := []struct{ path, want string }{
		{"cue.example", ""},
		{"github.com/acme/policies", ""},
		{"github.com/acme/policies@v0", ""},
		{"policies", "missing dot"},
		{"github.com//policies", "double slash"},
		{"github.com/acme/../policies", "path element"},
		{"github.com/acme/policies@latest", "version"},
		{"kcue.dev", "kcue's own"},
		{"kcue.dev@v0", "kcue's own"},
		{"kcue.dev/policies", ""},
		{"example.com/a\nb", "invalid char"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			err := checkModule(tt.path)
			switch {
			case err == nil && tt.want != "":
				t.Errorf("no error, want one that says %q", tt.want)
			case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %q, want %q", err, tt.want)
			}
		})
	}
}

// TestModuleInTheWay holds that nothing is read as a module file, or written
// beside it, that can be none.
func TestModuleInTheWay(t *testing.T) {
	tests := []struct {
		name string
		lay  func(path string) error
	}{
		{"a directory", func(path string) error { return os.Mkdir(path, 0o777) }},
		{"larger than CUE takes", func(path string) error {
			if err := os.WriteFile(path, nil, 0o666); err != nil {
				return err
			}
			return os.Truncate(path, maxModuleFile+1)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "cue.mod", "module.cue")
			if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := tt.lay(path); err != nil {
				t.Fatal(err)
			}
			_, err := Init(dir, Options{})
			var conflict *ConflictError
			if !errors.As(err, &conflict) {
				t.Errorf("error %v, want a conflict", err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("%d entries, want cue.mod alone: %v", len(entries), err)
			}
		})
	}
}
