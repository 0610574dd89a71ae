package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var fenced = regexp.MustCompile("(?ms)^```([a-z]+)([^\n]*)\n(.*?)^```$")

// TestDocuments runs the blocks "console engine" of the manual: commands that
// need kcue-engine, in the package that the blocks before them make. What the
// other words after a fence mean is said in cmd/kcue/docs_test.go, which runs
// the rest.
func TestDocuments(t *testing.T) {
	bin := buildKcue(t)
	t.Setenv("CUE_REGISTRY", "none")
	t.Setenv("NO_COLOR", "1")
	t.Setenv("KCUE_ENGINE", "")
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	pages, err := filepath.Glob(repository + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, page := range append(pages, repository+"/README.md") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		dir, scratch := "", false
		out := fenced.ReplaceAllStringFunc(string(data), func(block string) string {
			m := fenced.FindStringSubmatch(block)
			language, words, text := m[1], strings.Fields(m[2]), m[3]
			switch {
			case language == "cue" && (len(words) == 0 || words[0] == "wrong" || words[0] == "fragment"):
				dir, scratch = t.TempDir(), false
				write(t, dir, "policy.cue", text)
			case language == "sh" && slices.Equal(words, []string{"scratch"}):
				dir, scratch = t.TempDir(), true
				dir = runShell(t, dir, text)
			case language == "sh" && scratch:
				dir = runShell(t, dir, text)
			case (language == "cue" || language == "yaml") && len(words) == 2 && words[0] == "file":
				if dir == "" {
					dir = t.TempDir()
				}
				write(t, dir, words[1], text)
			case language == "cue" && len(words) == 1 && strings.HasSuffix(words[0], ".cue"):
				write(t, dir, words[0], text)
			case language == "console" && slices.Equal(words, []string{"engine"}):
				got := commands(t, dir, text)
				ran++
				if got != text && !*update {
					t.Errorf("%s shows what is not so (-shown +got):\n%s", filepath.Base(page), cmp.Diff(text, got))
				}
				return "```console engine\n" + got + "```"
			}
			return block
		})
		if *update && out != string(data) {
			write(t, filepath.Dir(page), filepath.Base(page), out)
		}
	}
	if ran < 2 {
		t.Errorf("ran %d blocks, expected at least 2", ran)
	}
}

// runShell runs the commands of kcue in a block, which must succeed, and gives the
// directory in which it ends. Others are not for a test.
func runShell(t *testing.T, dir, text string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "  #")
		if below, ok := strings.CutPrefix(command, "cd "); ok {
			dir = filepath.Join(dir, filepath.FromSlash(below))
		} else if strings.HasPrefix(command, "kcue ") {
			if out, status := runKcue(t, dir, command); status != 0 {
				t.Errorf("%s: exit status %d\n%s", command, status, out)
			}
		} else {
			t.Logf("not run: %s", command)
		}
	}
	return dir
}

// commands runs the commands of a block and gives the block with what they write.
func commands(t *testing.T, dir, text string) string {
	t.Helper()
	var b strings.Builder
	status := 0
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !ok {
			continue
		}
		b.WriteString(line)
		if command == "echo $?" {
			fmt.Fprintln(&b, status)
			continue
		}
		var out string
		out, status = runKcue(t, dir, command)
		b.WriteString(out)
	}
	return b.String()
}

// runKcue gives all that a command line of kcue writes, and its exit status.
func runKcue(t *testing.T, dir, command string) (string, int) {
	t.Helper()
	words := strings.Fields(command)
	if words[0] != "kcue" || dir == "" {
		t.Fatalf("cannot run %q in %q", command, dir)
	}
	cmd := exec.Command("kcue", words[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
