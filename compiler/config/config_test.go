package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/config"
	"kcue.dev/diag"
)

// tree writes files below a directory; names that end in / are directories.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		dir := path
		if !strings.HasSuffix(name, "/") {
			dir = filepath.Dir(path)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if dir != path {
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		files []string
		dir   string
		want  string
	}{
		{"in the directory", []string{".kcue.yaml"}, ".", ".kcue.yaml"},
		{"above, within the repository", []string{".git/", ".kcue.yaml", "a/b/"}, "a/b", ".kcue.yaml"},
		{"above, within a work tree", []string{".git", ".kcue.yaml", "a/b/"}, "a/b", ".kcue.yaml"},
		{"the nearest", []string{".git/", ".kcue.yaml", "a/.kcue.yaml", "a/b/"}, "a/b", "a/.kcue.yaml"},
		{"above a module, within the repository", []string{".git/", ".kcue.yaml", "a/cue.mod/"}, "a", ".kcue.yaml"},
		{"above the repository", []string{".kcue.yaml", "a/.git/", "a/b/"}, "a/b", ""},
		{"above, within the module", []string{"cue.mod/", ".kcue.yaml", "a/b/"}, "a/b", ".kcue.yaml"},
		{"above the module", []string{".kcue.yaml", "a/cue.mod/", "a/b/"}, "a/b", ""},
		{"above the inner module", []string{"cue.mod/", ".kcue.yaml", "a/cue.mod/"}, "a", ""},
		{"above, in neither", []string{".kcue.yaml", "a/"}, "a", ""},
		{"a neighbour", []string{".git/", "a/", "b/.kcue.yaml"}, "a", ""},
		{"none", []string{".git/"}, ".", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for _, f := range tt.files {
				files[f] = ""
			}
			root := tree(t, files)
			got, ok := config.Find(filepath.Join(root, tt.dir))
			if got != "" {
				rel, err := filepath.Rel(root, got)
				if err != nil {
					t.Fatal(err)
				}
				got = filepath.ToSlash(rel)
			}
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("found %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	root := tree(t, map[string]string{
		"a/.kcue.yaml":  "disable: [KC409]\npaths: {\"old/*.yaml\": {disable: [KC5]}}\nmore: 1\n",
		"large.yaml":    strings.Repeat("#", 1<<20+1),
		"secret":        "password",
		"directory/x/y": "",
	})
	if err := os.Symlink(filepath.Join(root, "secret"), filepath.Join(root, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	// The positions are relative to the directory that the command ran in.
	c, mistakes := config.Load(filepath.Join(root, "a", config.Name), filepath.Join(root, "b"))
	want := diag.List{{
		Code: diag.Suppression, Pos: diag.Position{File: "../a/.kcue.yaml", Line: 3, Column: 1},
		Message: `unknown field "more": expected disable, policies, paths`,
	}}
	if diff := cmp.Diff(want, mistakes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, tt := range []struct {
		code         diag.Code
		policy, file string
		want         bool
	}{
		{"KC409", "", "x.cue", true},
		{"KC410", "", "x.cue", false},
		{"KC501", "p", "../a/old/x.yaml", true},
		{"KC501", "p", filepath.Join(root, "a", "old", "x.yaml"), true},
		{"KC501", "p", "old/x.yaml", false},
		{"KC501", "p", "../a/old/y/x.yaml", false},
		{"KC501", "p", "../a/old/y/../x.yaml", true},
	} {
		if got := c.Disabled(tt.code, tt.policy, tt.file); got != tt.want {
			t.Errorf("%s of %q in %s is disabled: %v", tt.code, tt.policy, tt.file, got)
		}
	}
	for name, want := range map[string]string{
		"none.yaml":  "no such file or directory",
		"large.yaml": "the file has more than 1048576 bytes",
		"link.yaml":  "expected a regular file",
		"directory":  "expected a regular file",
	} {
		c, got := config.Load(filepath.Join(root, name), root)
		if diff := cmp.Diff(diag.List{{Code: diag.Unreadable, Pos: diag.Position{File: name}, Message: want}}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if c.Disabled("KC409", "", name) {
			t.Errorf("%s disables something", name)
		}
	}
}
