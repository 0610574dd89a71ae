package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// features is the predecessor's reference: its functions with their parameters
// and defaults. It is no part of the repository.
const features = repository + "/../shared/seed/FEATURES.md"

// TestComingFromNixernetes holds that every function of the predecessor, every
// parameter of it and every default stands in the page for those who know it.
func TestComingFromNixernetes(t *testing.T) {
	reference, err := os.ReadFile(features)
	if err != nil {
		t.Skipf("SKIPPED: the predecessor's reference is not here, so nothing was compared: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(repository, "docs", "coming-from-nixernetes.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	functions := 0
	for line := range strings.Lines(string(reference)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 3 || strings.HasPrefix(line, "| name |") {
			continue
		}
		params := parameters(cells[1])
		for _, name := range strings.Split(strings.TrimPrefix(cells[0], "| "), " / ") {
			name, _, _ = strings.Cut(name, " ")
			if strings.HasPrefix(name, ".") {
				name = "policyLibrary" + name
			}
			functions++
			t.Run(name, func(t *testing.T) {
				section := sectionOf(page, name)
				if section == "" {
					t.Fatalf("no heading of the page names `%s`", name)
				}
				for _, p := range params {
					row := regexp.MustCompile("(?m)^\\| `" + p.name + "`.*$").FindString(section)
					if row == "" {
						t.Errorf("no row for the parameter `%s`", p.name)
					} else if !strings.Contains(row, p.value) {
						t.Errorf("the row of `%s` does not say its default %s: %s", p.name, p.value, row)
					}
				}
			})
		}
	}
	if functions < 30 {
		t.Errorf("found %d functions in the reference, expected at least 30", functions)
	}
}

// sectionOf gives the text below the heading that names a function.
func sectionOf(page, name string) string {
	_, rest, ok := strings.Cut("\n"+page, "\n### `"+name+"`")
	if !ok {
		if _, rest, ok = strings.Cut("\n"+page, ", `"+name+"`\n"); !ok {
			return ""
		}
	}
	section, _, _ := strings.Cut("\n"+rest, "\n##")
	return section
}

// parameter is a parameter of the predecessor, with its default where it has
// one.
type parameter struct{ name, value string }

// parameters reads the reference's list of parameters: names, each with its
// default in parentheses, and groups in braces, whose members get the group's
// name before theirs.
func parameters(text string) []parameter {
	if text == "-" || text == "does not exist" {
		return nil
	}
	var out []parameter
	group := ""
	for text != "" {
		name := regexp.MustCompile(`^[A-Za-z]\w*`).FindString(text)
		if name == "" {
			if text[0] == '}' {
				group = ""
			}
			text = text[1:]
			continue
		}
		p := parameter{name: group + name}
		text = strings.TrimLeft(text[len(name):], " ")
		switch {
		case strings.HasPrefix(text, "{"):
			group = name + "."
		case strings.HasPrefix(text, "("):
			end := strings.Index(text, ")")
			p.value, text = text[1:end], text[end+1:]
			if p.value == "null" || p.value == "positional" {
				p.value = ""
			}
		}
		out = append(out, p)
	}
	return out
}

func TestParameters(t *testing.T) {
	got := parameters(`name,(namespace), deny (null), conditions([]), spec{kind,name("{a.b}"),data({})}, policy (positional)`)
	want := []parameter{
		{"name", ""}, {"namespace", ""}, {"deny", ""}, {"conditions", "[]"},
		{"spec", ""}, {"spec.kind", ""}, {"spec.name", `"{a.b}"`}, {"spec.data", "{}"},
		{"policy", ""},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(parameter{})); d != "" {
		t.Error(d)
	}
}
