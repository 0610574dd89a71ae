package compiler_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/compiler"
	"kcue.dev/compiler/cache"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/golden")

const (
	goldenDir   = "../testdata/golden"
	wantObjects = "want.yaml" // the emitted YAML
	wantDiags   = "want.txt"  // diagnostics, warnings included
)

// TestGolden compiles each archive of testdata/golden and compares what comes
// out with what the archive says: objects, or diagnostics, or both where there
// are warnings. The archive's comment says why the case exists, and may hold
// lines "args: ..." and "tags: ...".
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join(goldenDir, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(archives) == 0 {
		t.Fatalf("no golden cases in %s", goldenDir)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(bytes.TrimSpace(archive.Comment)) == 0 {
				t.Error("the archive has no comment: say why the case exists")
			}
			dir := t.TempDir()
			want := map[string]string{}
			var inputs []txtar.File
			for _, f := range archive.Files {
				if f.Name == wantObjects || f.Name == wantDiags {
					want[f.Name] = string(f.Data)
					continue
				}
				inputs = append(inputs, f)
				name := filepath.Join(dir, f.Name)
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, f.Data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			got := compileGolden(t, dir, string(archive.Comment), nil)
			// What comes out of the cache is what a build without one gives.
			store := cache.Open(t.TempDir(), cache.DefaultSize)
			for _, run := range []string{"with an empty cache", "with a cache"} {
				if d := cmp.Diff(got, compileGolden(t, dir, string(archive.Comment), store)); d != "" {
					t.Errorf("%s, output differs from that without (-without +with):\n%s", run, d)
				}
			}
			if *update {
				archive.Files = inputs
				for _, name := range []string{wantDiags, wantObjects} {
					if got[name] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
					}
				}
				if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(want) == 0 {
				t.Fatal("the archive expects nothing: run go test ./compiler -update, and read what it wrote")
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("output differs (-want +got):\n%s", d)
			}
		})
	}
}

// compileGolden gives what a case produces, by the names that archives use.
func compileGolden(t *testing.T, dir, comment string, store *cache.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	result, err := compiler.Compile(compiler.Config{Dir: dir, Args: option(comment, "args:"), Tags: option(comment, "tags:"), Cache: store})
	var diags diag.List
	if err != nil && !errors.As(err, &diags) {
		t.Fatal(err)
	}
	if result != nil {
		diags = result.Warnings
		objects := make([]*spec.Node, len(result.Objects))
		for i, o := range result.Objects {
			objects[i] = o.Node
		}
		yaml, err := emit.YAML(objects, 2)
		if err != nil {
			t.Fatal(err)
		}
		got[wantObjects] = string(yaml)
	}
	if len(diags) > 0 {
		var b strings.Builder
		if err := diag.WriteText(&b, diags, false); err != nil {
			t.Fatal(err)
		}
		got[wantDiags] = b.String()
	}
	return got
}

// option gives the words after a key at the beginning of one of the comment's
// lines.
func option(comment, key string) []string {
	for line := range strings.Lines(comment) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(line, "# "), key); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}
