package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelang.org/go/mod/modregistrytest"
	"github.com/rogpeppe/go-internal/testscript"
)

// registry begins an empty registry of modules in memory, which cue uses for the
// rest of the script: "registry".
func registry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: registry")
	}
	server, err := modregistrytest.NewServer(ocimem.New(), nil)
	ts.Check(err)
	ts.Defer(server.Close)
	ts.Setenv("CUE_REGISTRY", server.Host()+"+insecure")
}

// isCheckout reports whether the tests run in a git repository, with git.
func isCheckout() bool {
	return gitCommand(repository, "ls-files", "--error-unmatch", "go.mod").Run() == nil
}

// checkout makes a git repository of this one's files, as they are now, all
// committed: "checkout DIR".
func checkout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: checkout DIR")
	}
	dir := ts.MkAbs(args[0])
	listed, err := gitCommand(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	ts.Check(err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(repository, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		ts.Check(err)
		to := filepath.Join(dir, name)
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o777))
		ts.Check(os.WriteFile(to, data, 0o666))
	}
	for _, command := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "all of it"}} {
		if out, err := gitCommand(dir, command...).CombinedOutput(); err != nil {
			ts.Fatalf("git %s: %v\n%s", command[0], err, out)
		}
	}
}

// gitCommand is git without the user's settings.
func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=kcue", "GIT_AUTHOR_EMAIL=kcue@kcue.dev", "GIT_COMMITTER_NAME=kcue", "GIT_COMMITTER_EMAIL=kcue@kcue.dev")
	return cmd
}

// lighter demands that the files of a directory have fewer bytes together:
// "lighter DIR BYTES".
func lighter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lighter DIR BYTES")
	}
	limit, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	var size int64
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	}))
	ts.Logf("%s has %d bytes", args[0], size)
	if size == 0 || size >= limit {
		ts.Fatalf("%s has %d bytes: want some, and fewer than %d", args[0], size, limit)
	}
}
