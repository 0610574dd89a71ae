// Package importtest holds what kcue imports against Kyverno's own engine:
// policies that are imported and built again do what they did.
package importtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
	"kcue.dev/evaluator/kyvernotest"
	"kcue.dev/importer"
	"kcue.dev/protocol"
)

const (
	corpusDir = "../../../shared/corpus"
	corpusDoc = "../../docs/import-corpus.md"
)

var update = flag.Bool("update", false, "rewrite the table of docs/import-corpus.md")

// TestCorpus imports every published policy, builds it again, puts the object in
// the place of the one that was read, and runs each policy's own suite over both.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpusDir); err != nil {
		t.Skipf("SKIPPED: no corpus of published policies at %s, so no suite was run", corpusDir)
	}
	suites, err := kyvernotest.Find(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(suites) == 0 {
		t.Fatalf("%s has no suites", corpusDir)
	}
	rebuilt := t.TempDir()
	if err := os.CopyFS(rebuilt, os.DirFS(corpusDir)); err != nil {
		t.Fatal(err)
	}
	policies := rewrite(t, rebuilt)
	if policies == 0 {
		t.Fatal("no policy was rebuilt")
	}
	before := run(t, corpusDir, suites)
	var moved []string
	for _, s := range suites {
		rel, err := filepath.Rel(corpusDir, s)
		if err != nil {
			t.Fatal(err)
		}
		moved = append(moved, filepath.Join(rebuilt, rel))
	}
	after := run(t, rebuilt, moved)
	same, passed := 0, 0
	for i, b := range before {
		if i >= len(after) {
			break
		}
		if a := after[i]; outcome(b) != outcome(a) {
			t.Errorf("%s: %s\nbuilt again: %s: %s", outcome(b), b.Message, outcome(a), a.Message)
			continue
		}
		same++
		if b.OK {
			passed++
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d checks, and %d of what is built again", len(before), len(after))
	}
	t.Logf("%d policies rebuilt, %d suites, %d checks, %d the same, %d of them pass", policies, len(suites), len(before), same, passed)
	table(t, fmt.Sprintf("| %d | %d | %d | %d | %d |", policies, len(suites), len(before), same, passed))
}

// outcome is what a check must give again. Suites are told apart by where they
// are below the directory.
func outcome(c protocol.Check) string {
	suite := filepath.ToSlash(c.Suite)
	parts := strings.Split(suite, "/")
	suite = strings.Join(parts[max(0, len(parts)-4):], "/")
	return fmt.Sprintf("%s: %s/%s %s: expected %s, got %s, ok %v", suite, c.Policy, c.Rule, c.Resource, c.Expected, c.Actual, c.OK)
}

func run(t *testing.T, root string, suites []string) []protocol.Check {
	t.Helper()
	checks, err := kyvernotest.RunAll(context.Background(), suites, kyvernotest.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

// rewrite imports the policies below a directory, and writes what their specs
// build into the files that they came from. What cannot be imported stays.
func rewrite(t *testing.T, dir string) int {
	t.Helper()
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	sources := importer.Read([]string{dir}, nil)
	total := 0
	for _, source := range sources.Files {
		built := map[string]*spec.Node{}
		_, err := importer.Import(&importer.Sources{Files: []importer.Source{source}}, importer.Options{
			Single: true, Schemas: schemas,
			Vet: func(o manifest.Object) diag.List { return refused(o, schemas) },
			Build: func(text []byte) ([]*spec.Node, diag.List) {
				objects, diags := build(t, text)
				for _, o := range objects {
					built[key(o)] = o
				}
				return objects, diags
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for _, o := range source.Objects {
			n := o.Node
			if again := built[key(n)]; again != nil {
				n = again
				total++
			}
			text, err := emit.Document(n)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString("---\n")
			out.Write(text)
		}
		info, err := os.Stat(source.File)
		if err != nil {
			t.Fatal(err)
		}
		// The corpus may be read-only, and so its copy.
		if err := os.Chmod(source.File, info.Mode()|fs.FileMode(0o200)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(source.File, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return total
}

// refused says what Kyverno's CRDs and its webhook refuse in an object.
func refused(o manifest.Object, schemas *crd.Schemas) diag.List {
	if !schemas.Known(o.Node.Get("apiVersion").Str(), o.Node.Get("kind").Str()) {
		return nil
	}
	var out diag.List
	for _, v := range schemas.Check(o.Node) {
		out = append(out, diag.Diagnostic{Code: diag.CRDSchema, Message: v.Message})
	}
	for _, f := range vet.Object(o.Node, vet.Options{}) {
		out = append(out, diag.Diagnostic{Code: f.Code, Severity: f.Severity, Message: f.Message})
	}
	return out
}

// key tells objects of a file apart, in whatever version of their group.
func key(o *spec.Node) string {
	group, _, _ := strings.Cut(o.Get("apiVersion").Str(), "/")
	m := o.Get("metadata")
	return strings.Join([]string{group, o.Get("kind").Str(), cmp.Or(m.Get("namespace").Str(), "default"), m.Get("name").Str()}, " ")
}

func build(t *testing.T, text []byte) ([]*spec.Node, diag.List) {
	t.Helper()
	result, err := compiler.Compile(compiler.Config{Dir: t.TempDir(), Args: []string{"-"}, Stdin: bytes.NewReader(text)})
	var diags diag.List
	if errors.As(err, &diags) {
		return nil, diags
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []*spec.Node
	for _, o := range result.Objects {
		out = append(out, o.Node)
	}
	return out, nil
}

// table holds the row of the document's table of suites.
func table(t *testing.T, row string) {
	t.Helper()
	data, err := os.ReadFile(corpusDoc)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	at := slices.Index(lines, "## Their own suites")
	for at >= 0 && at < len(lines) && !strings.HasPrefix(lines[at], "|---") {
		at++
	}
	if at < 0 || at+1 >= len(lines) {
		t.Fatalf("%s has no table of suites", corpusDoc)
	}
	if lines[at+1] == row {
		return
	}
	if !*update {
		t.Errorf("%s says %q, measured is %q", filepath.Base(corpusDoc), lines[at+1], row)
		return
	}
	lines[at+1] = row
	if err := os.WriteFile(corpusDoc, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
}
