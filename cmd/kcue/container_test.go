package main

import (
	goversion "go/version"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var goDirective = regexp.MustCompile(`(?m)^go (\S+)$`)

// TestContainerfile holds the images to what a cluster's own policies ask of
// them: bases that are pinned, nothing in them but what is needed, and no root.
func TestContainerfile(t *testing.T) {
	type stage struct {
		from, user, entrypoint string
	}
	stages := map[string]stage{}
	last, release := "", ""
	for line := range strings.Lines(strings.ReplaceAll(readDocument(t, "Containerfile"), "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s := stages[last]
		switch words[0] {
		case "ARG":
			if value, ok := strings.CutPrefix(words[1], "GO_VERSION="); ok {
				release = value
			}
			continue
		case "FROM":
			words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") })
			if len(words) != 4 || words[2] != "AS" {
				t.Fatalf("a stage without a name: %s", line)
			}
			last = words[3]
			s = stages[words[1]] // a stage has what its base has
			s.from = words[1]
		case "USER":
			s.user = words[1]
		case "ENTRYPOINT":
			s.entrypoint = strings.TrimSpace(strings.TrimPrefix(line, "ENTRYPOINT"))
		default:
			continue
		}
		stages[last] = s
	}

	for name, s := range stages {
		if _, ours := stages[s.from]; !ours && s.from != "scratch" && s.from != "docker.io/library/golang:${GO_VERSION}" {
			t.Errorf("the stage %s is from %s, which is not pinned here", name, s.from)
		}
	}
	for _, file := range []string{"go.mod", "go.work", "evaluator/go.mod"} {
		m := goDirective.FindStringSubmatch(readDocument(t, file))
		if m == nil {
			t.Fatalf("%s names no version of Go", file)
		}
		if goversion.Compare("go"+release, "go"+m[1]) < 0 {
			t.Errorf("the images are built with Go %s, and %s asks for %s", release, file, m[1])
		}
	}
	want := map[string]stage{
		"kcue":      {"base", "65532:65532", `["/kcue"]`},
		"kcue-full": {"base", "65532:65532", `["/kcue"]`},
		"krm":       {"base", "65532:65532", `["/kcue", "krm"]`},
	}
	got := maps.Clone(stages)
	maps.DeleteFunc(got, func(name string, _ stage) bool { return want[name] == stage{} })
	if d := cmp.Diff(want, got, cmp.AllowUnexported(stage{})); d != "" {
		t.Errorf("the images: %s", d)
	}
	if stages["base"].from != "scratch" {
		t.Errorf("the images are made from %s", stages["base"].from)
	}
	if last != "kcue" {
		t.Errorf("a build without --target makes %s", last)
	}
}

// TestDockerignore holds that a build of an image sees all that git knows: Go
// calls a binary +dirty where a file is missing.
func TestDockerignore(t *testing.T) {
	patterns := 0
	for line := range strings.Lines(readDocument(t, ".dockerignore")) {
		pattern := strings.TrimSpace(line)
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		patterns++
		if known := gitFiles(t, "ls-files", "--", ":(glob)"+pattern, ":(glob)"+pattern+"/**"); len(known) > 0 {
			t.Errorf("%s hides %q, which git knows", pattern, known)
		}
	}
	if patterns == 0 {
		t.Error("nothing is kept out of the images' build")
	}
}
