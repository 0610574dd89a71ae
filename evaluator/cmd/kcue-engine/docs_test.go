package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var codeBlock = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

// TestDocuments runs the documents that show what kcue-engine says, in blocks
// of ```console engine, from their first block of ```sh scratch on:
// cmd/kcue/docs_test.go, which has no engine, says what a block is, and runs
// all others.
func TestDocuments(t *testing.T) {
	docs, err := filepath.Glob(repository + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", buildKcue(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("CUE_REGISTRY", "none")
	t.Setenv("KCUE_ENGINE", "")
	shown := 0
	for _, doc := range docs {
		data, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n```console engine\n"); n > 0 {
			shown += n
			t.Run(filepath.Base(doc), func(t *testing.T) { runDocument(t, string(data)) })
		}
	}
	if shown == 0 {
		t.Error("no document shows what the engine says")
	}
}

func runDocument(t *testing.T, text string) {
	dir := ""
	for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
		kind, name, _ := strings.Cut(block[1], " ")
		if block[1] == "sh scratch" {
			dir = t.TempDir()
		}
		switch {
		case dir == "" && block[1] == "console engine":
			t.Fatal("the engine is asked before there is a directory: begin with ```sh scratch")
		case dir == "":
		case kind == "cue" && strings.HasSuffix(name, ".cue"):
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(block[2]), 0o666); err != nil {
				t.Fatal(err)
			}
		case kind == "sh":
			for command := range strings.Lines(block[2]) {
				command = strings.TrimSpace(command)
				if below, ok := strings.CutPrefix(command, "cd "); ok {
					dir = filepath.Join(dir, below)
				} else if strings.HasPrefix(command, "kcue ") {
					if out, status := runKcue(t, dir, command); status != 0 {
						t.Errorf("%s: exit status %d\n%s", command, status, out)
					}
				} else {
					t.Logf("not run: %s", command)
				}
			}
		case kind == "console":
			var got strings.Builder
			for line := range strings.Lines(block[2]) {
				if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
					out, _ := runKcue(t, dir, command)
					got.WriteString(line + out)
				}
			}
			if d := cmp.Diff(block[2], got.String()); d != "" {
				t.Errorf("it shows what is not so (-shown +got):\n%s", d)
			}
		default:
			t.Errorf("a document about the engine cannot have a block of %q", block[1])
		}
	}
}

// runKcue gives all that a command line of kcue writes, and its exit status.
func runKcue(t *testing.T, dir, command string) (string, int) {
	t.Helper()
	words := strings.Fields(command)
	if words[0] != "kcue" {
		t.Fatalf("cannot run %q", command)
	}
	cmd := exec.Command("kcue", words[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
