package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBuildOnFullAndReadOnlyDisk builds into a small file system of its own, in
// namespaces where anybody may mount one.
func TestBuildOnFullAndReadOnlyDisk(t *testing.T) {
	if out, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("no file system of any size can be mounted here (unshare -rm, of util-linux): %v %s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	small, large := writePackage(t, manyObjects(1, "a")), writePackage(t, manyObjects(100, "b"))
	for _, tt := range []struct{ name, spoil, want string }{
		{"full", "true", "no space left on device"},
		{"read-only", "mount -o remount,ro deploy", "read-only file system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"deploy", "before", "after"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
					t.Fatal(err)
				}
			}
			script := `set -e
mount -t tmpfs -o size=200k none deploy
build() { (cd "$2"; exec -a kcue "$KCUE" build --out-dir "$1/deploy") }
build "$PWD" "$SMALL"
cp -a deploy/. before
` + tt.spoil + `
build "$PWD" "$LARGE" 2>stderr && echo 0 >status || echo $? >status
cp -a deploy/. after
`
			cmd := exec.Command("unshare", "-rm", "bash", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "KCUE="+self, "SMALL="+small, "LARGE="+large)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			read := func(name string) string {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				return strings.ReplaceAll(strings.TrimSpace(string(data)), dir, "DIR")
			}
			if got := read("status"); got != "1" {
				t.Errorf("exit status %s, want 1", got)
			}
			got := read("stderr")
			if !strings.HasPrefix(got, "kcue: cannot write DIR/deploy/") || !strings.HasSuffix(got, ": "+tt.want+"; nothing is changed") {
				t.Errorf("stderr is %q", got)
			}
			before := filesOf(t, filepath.Join(dir, "before"))
			if diff := cmp.Diff(before, filesOf(t, filepath.Join(dir, "after"))); diff != "" || len(before) != 6 {
				t.Errorf("%d files before, and the directory changed (-before +after)\n%s", len(before), diff)
			}
		})
	}
}
