package importer_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"
	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/compiler/manifest"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

// FuzzImport imports any bytes: each object is imported or has a diagnostic, the
// specs are as cue fmt writes them, and their strings are those of the objects.
func FuzzImport(f *testing.F) {
	archives, err := filepath.Glob("../testdata/import/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, "in/") {
				f.Add(file.Data)
			}
		}
	}
	f.Add([]byte("&a [*a]"))
	f.Add([]byte("apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: x}\nspec: {rules: [{name: a, match: [], validate: 1}, 2, null]}\n"))
	f.Add([]byte("apiVersion: kyverno.io/v1\nkind: Policy\nmetadata: {name: x, labels: null}\nspec: [1]\n"))
	f.Add([]byte("apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: x}\nspec: {rules: [{name: a, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {message: m, podSecurity: {version: latest}}}]}\n"))
	o := options(f)
	f.Fuzz(func(t *testing.T, data []byte) { importAny(t, string(data), o) })
}

// importAny imports a text that may be anything: as users do, and, without
// compiling what comes out, as if every object were valid.
func importAny(t *testing.T, text string, o importer.Options) (objects int) {
	t.Helper()
	vet, build := o.Vet, o.Build
	for _, how := range []struct{ patterns, vetted bool }{{false, false}, {false, true}, {true, true}} {
		o.Patterns, o.Vet, o.Build = how.patterns, vet, build
		if !how.vetted {
			o.Vet, o.Build = func(manifest.Object) diag.List { return nil }, nil
		}
		result, err := importer.Import(importer.Read([]string{"-"}, strings.NewReader(text)), o)
		if err != nil {
			t.Fatal(err)
		}
		if result.Objects < result.Read && !result.Diagnostics.HasErrors() {
			t.Errorf("%d of %d objects were imported, without a diagnostic", result.Objects, result.Read)
		}
		for _, d := range result.Diagnostics {
			if d.Code == diag.RoundTrip {
				t.Error(d)
			}
		}
		for _, file := range result.Files {
			again, err := format.Source(file.Data)
			if err != nil || string(again) != string(file.Data) {
				t.Errorf("not as cue fmt writes it: %v\n%s\n%s", err, file.Data, again)
			}
		}
		objects = result.Objects
	}
	return objects
}

// mutations is how many texts TestMutated makes.
const mutations = 500

// TestMutated imports policies in which lines are lost, moved, indented and
// replaced. KCUE_SEED repeats a run.
func TestMutated(t *testing.T) {
	var texts []string
	archives, err := filepath.Glob("../testdata/import/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasPrefix(file.Name, "in/") {
				texts = append(texts, string(file.Data))
			}
		}
	}
	r, number := seeded(t)
	o := options(t)
	imported := 0
	for range mutations {
		text := mutated(r, texts[r.IntN(len(texts))])
		imported += importAny(t, text, o)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", number, text)
		}
	}
	if imported < mutations/4 {
		t.Errorf("seed %d: only %d objects of %d texts were imported", number, imported, mutations)
	}
}

// tokens are what may take the place of a value, or of a line.
var tokens = []string{
	"null", "[]", "{}", "- ", "- null", "- - a", "any:", "all:", "name: x", `"`, "#", "# c", "true", "1", "&a", "*a", "{{", "}}", "|", "? a", "<<: {a: b}",
	"context: [null, 1, {name: 3}]", "rules: [1]", "match: [1]", "exclude: 3", "operator: In", "foreach: [1, {foreach: [2]}]", "key: [1]", "conditions: [1]",
	"verifyImages: [1, {attestors: [1, {entries: [2]}]}]", "annotations: {a: b}", "labels: 3", "preconditions: 3", "deny: 3", "validate: 3",
}

func mutated(r *rand.Rand, text string) string {
	lines := strings.Split(text, "\n")
	for range 1 + r.IntN(4) {
		if len(lines) < 2 {
			break
		}
		i := r.IntN(len(lines))
		line, token := lines[i], tokens[r.IntN(len(tokens))]
		switch r.IntN(6) {
		case 0:
			lines = slices.Delete(lines, i, i+1)
		case 1:
			blanks := len(line) - len(strings.TrimLeft(line, " "))
			lines = slices.Insert(lines, i, strings.Repeat(" ", blanks)+token)
		case 2:
			if name, _, ok := strings.Cut(line, ":"); ok {
				lines[i] = name + ": " + token
			}
		case 3:
			j := r.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
		case 4:
			lines[i] += " # behind"
		case 5:
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
