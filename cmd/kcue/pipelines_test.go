package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/config"
)

func readDocument(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

type hook struct {
	ID, Name, Description, Entry, Language, Files string
	Args                                          []string
	PassFilenames                                 *bool `yaml:"pass_filenames"`
}

func hooks(t *testing.T) []hook {
	t.Helper()
	dec := yaml.NewDecoder(strings.NewReader(readDocument(t, ".pre-commit-hooks.yaml")))
	dec.KnownFields(true)
	var out []hook
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHooks holds .pre-commit-hooks.yaml to what pre-commit asks for, and to
// the files that its hooks are for.
func TestHooks(t *testing.T) {
	var ids []string
	for _, h := range hooks(t) {
		ids = append(ids, h.ID)
		if h.Name == "" || h.Description == "" || h.Language != "golang" {
			t.Errorf("%s lacks a name, a description or the language: %+v", h.ID, h)
		}
		if h.PassFilenames == nil || *h.PassFilenames {
			t.Errorf("%s is passed file names, and would take each for a package of its own", h.ID)
		}
		files, err := regexp.Compile(h.Files)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]bool{
			"a.cue": true, "p/a.cue": true, "a.cue.txt": false, "README.md": false, "values.yaml": false,
			".kcue.yaml": h.ID == "kcue-vet", "p/.kcue.yaml": h.ID == "kcue-vet", "x.kcue.yaml": false,
			"p/kyverno-test.yaml": h.ID == "kcue-test", "my-kyverno-test.yaml": false,
		} {
			if files.MatchString(name) != want {
				t.Errorf("%s runs for %s: %v", h.ID, name, !want)
			}
		}
	}
	if !slices.Equal(ids, []string{"kcue-vet", "kcue-test"}) {
		t.Errorf("the hooks are %v", ids)
	}
}

var (
	yamlBlock   = regexp.MustCompile("(?ms)^```yaml other\n(.*?)^```$")
	commandLine = regexp.MustCompile(`\bkcue (vet|test|build|eval)((?: [^\s#>]+)*)`)
)

// TestPipelines parses the snippets of docs/ci.md and, as a pipeline would run
// them, has kcue itself say whether the commands there and in the hooks exist.
func TestPipelines(t *testing.T) {
	doc := readDocument(t, "docs/ci.md")
	var commands []string
	for _, h := range hooks(t) {
		commands = append(commands, strings.Join(append([]string{h.Entry}, h.Args...), " "))
	}
	used := map[string]bool{}
	suppressions := 0
	for _, m := range yamlBlock.FindAllStringSubmatch(doc, -1) {
		var block struct {
			Disable []string
			Repos   []struct {
				Hooks []struct {
					ID   string
					Args []string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(m[1]), &block); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
		if block.Disable != nil {
			c, mistakes := config.Parse(config.Name, []byte(m[1]))
			if len(mistakes) > 0 {
				t.Errorf("%s: %v", config.Name, mistakes)
			}
			suppressions = len(c.Suppressions)
		}
		for _, r := range block.Repos {
			for _, h := range r.Hooks {
				used[h.ID] = true
				if len(h.Args) > 0 {
					commands = append(commands, strings.Replace(h.ID, "-", " ", 1)+" "+strings.Join(h.Args, " "))
				}
			}
		}
		commands = append(commands, commandLine.FindAllString(m[1], -1)...)
	}
	if suppressions == 0 {
		t.Errorf("docs/ci.md shows no %s", config.Name)
	}
	for _, h := range hooks(t) {
		if !used[h.ID] {
			t.Errorf("docs/ci.md does not show the hook %s", h.ID)
		}
	}
	if len(commands) < 6 {
		t.Fatalf("found only the commands %q", commands)
	}

	for _, c := range commands {
		args := append(strings.Fields(c)[1:], "--help")
		var out, errs strings.Builder
		if status := execute(args, streams{in: strings.NewReader(""), out: &out, err: &errs}); status != exitOK || !strings.Contains(out.String(), "Usage:\n  kcue "+args[0]) {
			t.Errorf("%s: status %d\n%s%s", c, status, out.String(), errs.String())
		}
	}
}
