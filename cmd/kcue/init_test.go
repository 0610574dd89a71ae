package main

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestInitCommands has kcue say whether the commands exist that a repository of
// kcue init runs or tells its users to run. testdata/script/init_fresh.txtar
// and testdata/script-engine/init.txtar run those that check.
func TestInitCommands(t *testing.T) {
	const dir = "compiler/scaffold/repository/"
	var lines []string
	var workflow struct {
		Jobs map[string]struct{ Steps []struct{ Run string } }
	}
	if err := yaml.Unmarshal([]byte(readDocument(t, dir+".github/workflows/policies.yaml")), &workflow); err != nil {
		t.Fatal(err)
	}
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Run, "kcue ") {
				lines = append(lines, step.Run)
			}
		}
	}
	var preCommit struct {
		Repos []struct {
			Hooks []struct {
				ID   string
				Args []string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readDocument(t, dir+".pre-commit-config.yaml")), &preCommit); err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{}
	for _, h := range hooks(t) {
		entries[h.ID] = h.Entry
	}
	for _, h := range preCommit.Repos[0].Hooks {
		if entries[h.ID] == "" {
			t.Errorf("there is no hook %q", h.ID)
		}
		lines = append(lines, strings.Join(append([]string{entries[h.ID]}, h.Args...), " "))
	}
	for _, m := range shellBlock.FindAllStringSubmatch(readDocument(t, dir+"README.md"), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(m[1]), "\n")...)
	}
	if len(lines) < 8 {
		t.Fatalf("found only the commands %q", lines)
	}
	known := map[string]bool{}
	for _, c := range commands(t) {
		known[c.Name()] = true
	}
	for _, c := range lines {
		args := append(strings.Fields(c)[1:], "--help")
		if args[0] == "diff" && !known["diff"] {
			t.Logf("%s: kcue diff is to come: its flags are not checked", c)
			continue
		}
		var out strings.Builder
		if status := execute(args, streams{in: strings.NewReader(""), out: &out, err: &out}); status != exitOK || !strings.Contains(out.String(), "Usage:\n  kcue "+args[0]) {
			t.Errorf("%s: status %d\n%s", c, status, out.String())
		}
	}
}
