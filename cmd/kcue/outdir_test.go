package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// manyObjects gives a package of plain objects, with the text in each. Some
// exist only in packages of that text.
func manyObjects(n int, text string) string {
	return fmt.Sprintf(`package policies

import "strings"

resources: {
	for i in [for n, _ in strings.Split(strings.Repeat(".", %d), ".") {n}] {
		"all-\(i)": {apiVersion: "v1", kind: "ConfigMap", data: text: strings.Repeat(%q, 1000)}
		"own-%s-\(i)": {apiVersion: "v1", kind: "ConfigMap", data: text: "own"}
	}
}
`, n, text, text)
}

// kcueProcess makes a process of the command, which is the test's own binary
// (see TestMain).
func kcueProcess(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Path: self, Args: append([]string{"kcue"}, args...), Dir: dir}
}

func writePackage(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.cue"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func buildInto(t *testing.T, pkg, dir string) {
	t.Helper()
	if out, err := kcueProcess(t, pkg, "build", "--out-dir", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}

// TestBuildKilled kills the command with SIGKILL at random moments, half of them
// after it began to write, and holds each file to what one of the builds writes.
// Package tree's tests kill at each operation.
func TestBuildKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some fifty processes")
	}
	const rounds = 24
	dir := filepath.Join(t.TempDir(), "deploy")
	packages := []string{writePackage(t, manyObjects(100, "a")), writePackage(t, manyObjects(100, "b"))}
	var whole []map[string]string
	var took time.Duration
	for _, pkg := range packages {
		fresh := filepath.Join(t.TempDir(), "fresh")
		begun := time.Now()
		buildInto(t, pkg, fresh)
		took = time.Since(begun)
		whole = append(whole, filesOf(t, fresh))
	}
	killed, writing := 0, 0
	for round := range rounds {
		cmd := kcueProcess(t, packages[round%2], "build", "--out-dir", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		begun := time.Now()
		if round%4 < 2 {
			time.Sleep(rand.N(took))
		} else {
			for time.Since(begun) < 2*took {
				if staged, _ := filepath.Glob(filepath.Join(dir, ".kcue-*.tmp")); len(staged) > 0 {
					break
				}
			}
			time.Sleep(rand.N(20 * time.Millisecond))
		}
		cmd.Process.Kill()
		if err := <-ended; err != nil {
			killed++
		}
		for name, text := range filesOf(t, dir) {
			switch {
			case strings.HasPrefix(name, ".kcue-") && strings.HasSuffix(name, ".tmp"):
				writing++
			case name == ".kcue-manifest", whole[0][name] == text, whole[1][name] == text:
			default:
				t.Fatalf("%s holds what no build writes:\n%s", name, text)
			}
		}
	}
	if killed == 0 || writing == 0 {
		t.Errorf("%d of %d builds were killed, %d files were being written: expected some of both", killed, rounds, writing)
	}
	for i, pkg := range packages {
		buildInto(t, pkg, dir)
		if diff := cmp.Diff(whole[i], filesOf(t, dir)); diff != "" {
			t.Errorf("the next build leaves (-fresh +got)\n%s", diff)
		}
	}
}

// TestBuildsBeside has two builds of different packages write into one directory
// at the same time, over and over: the tree is that of one of them.
func TestBuildsBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deploy")
	packages := []string{writePackage(t, manyObjects(30, "a")), writePackage(t, manyObjects(30, "b"))}
	var whole []map[string]string
	for _, pkg := range packages {
		fresh := filepath.Join(t.TempDir(), "fresh")
		buildInto(t, pkg, fresh)
		whole = append(whole, filesOf(t, fresh))
	}
	for range 3 {
		var started []*exec.Cmd
		for _, pkg := range packages {
			cmd := kcueProcess(t, pkg, "build", "--out-dir", dir)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			started = append(started, cmd)
		}
		for _, cmd := range started {
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if got := filesOf(t, dir); !maps.Equal(got, whole[0]) && !maps.Equal(got, whole[1]) {
			t.Fatalf("the tree is neither build's: %d files", len(got))
		}
	}
}
