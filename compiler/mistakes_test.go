package compiler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/compiler"
)

// mistake is one file of testdata/mistakes.txtar.
type mistake struct{ name, source string }

var mistakeMark = regexp.MustCompile(`«(KC\d+)»`)

func readMistakes(t *testing.T) []mistake {
	t.Helper()
	archive, err := txtar.ParseFile("../testdata/mistakes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var out []mistake
	for _, f := range archive.Files {
		source := strings.ReplaceAll(string(f.Data), "NAME", f.Name)
		if n := len(mistakeMark.FindAllString(source, -1)); n != 1 {
			t.Fatalf("%s has %d marks", f.Name, n)
		}
		out = append(out, mistake{f.Name, source})
	}
	if len(out) < 60 {
		t.Fatalf("only %d mistakes", len(out))
	}
	return out
}

// vetted writes a package of mistakes and gives what must be found in it and
// what is, as line:column: code.
func vetted(t *testing.T, mistakes []mistake) (want, got []string) {
	t.Helper()
	var body strings.Builder
	for _, m := range mistakes {
		body.WriteString(m.source)
	}
	head := "package policies\n\n"
	for _, name := range []string{"schema", "patterns", "libraries"} {
		if strings.Contains(body.String(), name+".#") {
			head += fmt.Sprintf("import %q\n", "kcue.dev/"+name)
		}
	}
	head += "\n_rule: {\n\tmatch: kinds: [\"ConfigMap\"]\n\tvalidate: {\n\t\tmessage: \"Everything needs an owner: set the label owner.\"\n\t\tpattern: metadata: labels: owner: \"?*\"\n\t}\n}\n"
	var source strings.Builder
	for i, line := range strings.Split(head+body.String(), "\n") {
		if mark := mistakeMark.FindStringSubmatchIndex(line); mark != nil {
			want = append(want, fmt.Sprintf("%d:%d: %s", i+1, mark[0]+1, line[mark[2]:mark[3]]))
			line = line[:mark[0]] + line[mark[1]:]
		}
		source.WriteString(line + "\n")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policies.cue"), []byte(source.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	result, err := compiler.Vet(compiler.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range result.Diagnostics {
		got = append(got, fmt.Sprintf("%d:%d: %s", d.Pos.Line, d.Pos.Column, d.Code))
		if d.Pos.File != "policies.cue" {
			t.Errorf("%v is at no place of the user's", d)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if t.Failed() || !slices.Equal(want, got) {
		t.Logf("%s\n%s", source.String(), result.Diagnostics.Error())
	}
	return want, got
}

// TestSingleMistakes holds that each mistake alone has its one diagnostic, at
// the place where the author made it.
func TestSingleMistakes(t *testing.T) {
	for _, m := range readMistakes(t) {
		t.Run(m.name, func(t *testing.T) {
			want, got := vetted(t, []mistake{m})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestManyMistakes puts ten mistakes at a time into one file, and then all of
// them: none hides another, and none is reported twice.
func TestManyMistakes(t *testing.T) {
	all := readMistakes(t)
	groups := [][]mistake{all}
	// Neighbours are alike, so a stride puts unlike ones together too.
	for _, stride := range []int{1, 7} {
		var order []mistake
		for start := range stride {
			for i := start; i < len(all); i += stride {
				order = append(order, all[i])
			}
		}
		for group := range slices.Chunk(order, 10) {
			groups = append(groups, group)
		}
	}
	for i, group := range groups {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			want, got := vetted(t, group)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
