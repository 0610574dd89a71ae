package importer_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"
	gocmp "github.com/google/go-cmp/cmp"

	"kcue.dev/compiler"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

const (
	corpusDir = "../../shared/corpus"
	corpusDoc = "../docs/import-corpus.md"
)

// folder counts what became of a folder of the corpus.
type folder struct {
	policies, imported, same, words int
}

// TestCorpus imports every policy that Kyverno publishes, one file of CUE each,
// vets what comes out, builds it and compares the objects. The counts and the
// reason of each policy that is left out stand in docs/import-corpus.md.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: no corpus of published policies at %s, so nothing was imported", corpusDir)
	}
	entries, err := os.ReadDir(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]*folder{}
	var left []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		f, without := corpusFolder(t, e.Name())
		if f.policies > 0 {
			folders[e.Name()] = f
		}
		left = append(left, without...)
	}
	var total folder
	for _, f := range folders {
		total.policies += f.policies
		total.imported += f.imported
		total.same += f.same
		total.words += f.words
	}
	if total.policies == 0 {
		t.Fatalf("%s holds no policies", corpusDir)
	}
	t.Logf("%d policies, %d imported, %d build the same object, %d of them in other words", total.policies, total.imported, total.same, total.words)
	if total.same != total.imported {
		t.Errorf("%d of %d imported policies build another object", total.imported-total.same, total.imported)
	}
	doc := readFile(t, corpusDoc)
	want := doc
	want = replaceTable(t, want, "## Counts", []string{"folder", "policies", "imported", "the same object", "in other words"}, counts(folders, total))
	want = replaceTable(t, want, "## What is left out", []string{"policy", "why"}, left)
	if want == doc {
		return
	}
	if *update {
		if err := os.WriteFile(corpusDoc, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not what is measured (-doc +measured):\n%s", filepath.Base(corpusDoc), gocmp.Diff(doc, want))
}

func counts(folders map[string]*folder, total folder) []string {
	row := func(name string, f folder) string {
		return fmt.Sprintf("%s | %d | %d | %d | %d", name, f.policies, f.imported, f.same, f.words)
	}
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		rows = append(rows, row("`"+name+"`", *folders[name]))
	}
	return append(rows, row("all", total))
}

// replaceTable gives a document with the table below a heading made anew.
func replaceTable(t *testing.T, doc, heading string, columns, rows []string) string {
	t.Helper()
	before, rest, ok := strings.Cut(doc, heading+"\n")
	if !ok {
		t.Fatalf("no heading %q", heading)
	}
	section, after, more := strings.Cut(rest, "\n## ")
	text, _, _ := strings.Cut(section, "\n| ")
	var b strings.Builder
	if text = strings.Trim(text, "\n"); text != "" {
		text = "\n" + text + "\n"
	}
	b.WriteString(before + heading + "\n" + text + "\n| " + strings.Join(columns, " | ") + " |\n|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, r := range rows {
		b.WriteString("| " + r + " |\n")
	}
	if more {
		b.WriteString("\n## " + after)
	}
	return b.String()
}

// corpusFolder imports a folder and builds it again. It gives what is left out
// as rows of a table.
func corpusFolder(t *testing.T, name string) (*folder, []string) {
	t.Helper()
	sources := importer.Read([]string{filepath.Join(corpusDir, name)}, nil)
	o := options(t)
	o.Single, o.Build = false, nil // what is built is compared here
	result, err := importer.Import(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	f := &folder{imported: result.Objects}
	objects := map[string]*spec.Node{}
	var comments []string
	for _, s := range sources.Files {
		for _, object := range s.Objects {
			f.policies++
			objects[key(object.Node)] = object.Node
		}
	}
	reasons := map[string]string{}
	for _, d := range result.Diagnostics {
		rel, err := filepath.Rel(corpusDir, d.Pos.File)
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.ToSlash(rel)
		if reasons[at] == "" {
			_, path, _ := strings.Cut(d.Path, ": ")
			reasons[at] = strings.TrimPrefix(cmp.Or(path, d.Path)+": "+d.Message, ": ")
		}
	}
	var left []string
	for _, at := range slices.Sorted(maps.Keys(reasons)) {
		left = append(left, fmt.Sprintf("`%s` | %s", at, strings.ReplaceAll(reasons[at], "|", `\|`)))
	}
	if len(result.Files) == 0 {
		return f, left
	}

	dir := t.TempDir()
	if _, err := importer.Write(dir, result.Files, false); err != nil {
		t.Fatal(err)
	}
	for _, file := range result.Files {
		again, err := format.Source(file.Data)
		if err != nil || string(again) != string(file.Data) {
			t.Errorf("%s is not as cue fmt writes it: %v\n%s", file.Source, err, gocmp.Diff(string(file.Data), string(again)))
		}
		comments = append(comments, lostComments(t, file)...)
	}
	for _, c := range comments {
		t.Error(c)
	}
	vetted, err := compiler.Vet(compiler.Config{Dir: dir, Args: []string{"./..."}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range vetted.Diagnostics {
		if d.Severity == diag.Error {
			t.Errorf("%s does not vet: %v", name, d)
		}
	}
	built, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}})
	if err != nil {
		t.Fatalf("%s does not build: %v", name, err)
	}
	said := map[string][]importer.Difference{}
	for _, d := range result.Differences {
		said[d.Object] = append(said[d.Object], d)
	}
	for _, b := range built.Objects {
		read := objects[key(b.Node)]
		if read == nil {
			t.Errorf("%s: %s is built, and was not read", name, key(b.Node))
			continue
		}
		if differences := importer.Equal(read, b.Node, o.Schemas); len(differences) > 0 {
			t.Errorf("%s: %s builds another object:\n%s", name, key(b.Node), strings.Join(differences, "\n"))
			continue
		}
		f.same++
		if words := said[key(b.Node)]; len(words) > 0 {
			f.words++
		}
		for _, d := range unsaid(read, b.Node, said[key(b.Node)], o.Schemas) {
			t.Errorf("%s: %s is in other words than before, and the report does not say so: %s", name, key(b.Node), d)
		}
	}
	return f, left
}

// key is how reports name an object.
func key(o *spec.Node) string {
	m := o.Get("metadata")
	name := m.Get("name").Str()
	if ns := m.Get("namespace").Str(); ns != "" {
		name = ns + "/" + name
	}
	return o.Get("kind").Str() + "/" + name
}

// lostComments gives the comments of a file of YAML that its file of CUE lacks.
func lostComments(t *testing.T, file importer.File) []string {
	t.Helper()
	have := map[string]int{}
	for line := range strings.Lines(string(file.Data)) {
		if _, comment, ok := strings.Cut(line, "//"); ok {
			have[strings.TrimSpace(comment)]++
		}
	}
	var lost []string
	for line := range strings.Lines(readFile(t, file.Source)) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if comment = strings.TrimSpace(comment); !ok || comment == "" {
			continue
		}
		if strings.Contains(string(file.Data), "#"+comment) || strings.Contains(string(file.Data), "# "+comment) {
			continue // in a block of text, where it is no comment
		}
		if have[comment]--; have[comment] < 0 {
			lost = append(lost, fmt.Sprintf("%s: the comment %q is lost:\n%s", file.Source, comment, file.Data))
		}
	}
	return lost
}
