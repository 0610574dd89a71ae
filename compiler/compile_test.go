package compiler_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/compiler"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// render gives all that a compilation says: its objects as YAML, and its
// diagnostics.
func render(cfg compiler.Config) (string, error) {
	result, err := compiler.Compile(cfg)
	var diags diag.List
	if err != nil && !errors.As(err, &diags) {
		return "", err
	}
	var b bytes.Buffer
	if result != nil {
		diags = result.Warnings
		objects := make([]*spec.Node, len(result.Objects))
		for i, o := range result.Objects {
			objects[i] = o.Node
		}
		yaml, err := emit.YAML(objects, cfg.Parallel)
		if err != nil {
			return "", err
		}
		b.Write(yaml)
	}
	err = diag.WriteText(&b, diags, false)
	return b.String(), err
}

// extract writes the inputs of a golden case into a directory.
func extract(t testing.TB, name, dir string) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join(goldenDir, name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == wantObjects || f.Name == wantDiags {
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCompileIsDeterministic holds output and diagnostics to the same bytes at
// any parallelism, run after run.
func TestCompileIsDeterministic(t *testing.T) {
	for _, name := range []string{"emit_order", "library_one_policy_per_rule", "resolve_defaults", "diag_hides_none", "diag_duplicate_object", "error_conflict_of_settings"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			extract(t, name, dir)
			cfg := compiler.Config{Dir: dir, Args: []string{"./..."}}
			cfg.Parallel = 1
			want, err := render(cfg)
			if err != nil || want == "" {
				t.Fatalf("the case says %q, %v", want, err)
			}
			for range 20 {
				for _, cfg.Parallel = range []int{1, 8} {
					if got, err := render(cfg); got != want || err != nil {
						t.Fatalf("at %d the bytes differ (%v):\n%s\nwant\n%s", cfg.Parallel, err, got, want)
					}
				}
			}
		})
	}
}

// TestCompileNothingOnMistakes holds a compilation with mistakes to giving no
// objects at all, those of sound packages included.
func TestCompileNothingOnMistakes(t *testing.T) {
	dir := t.TempDir()
	extract(t, "diag_hides_none", dir)
	extract(t, "emit_order", dir)
	result, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}})
	if result != nil || err == nil {
		t.Errorf("got %v, %v; want an error alone", result, err)
	}
}

// maxCompile is how long a compilation of a few hundred bytes may take: CUE
// evaluates some small texts for seconds, and a loop would take for ever.
const maxCompile = 30 * time.Second

// FuzzCompile holds the compiler to any text: it gives objects or
// diagnostics, each of them of the author's text, and neither panics nor
// hangs.
func FuzzCompile(f *testing.F) {
	archives, err := filepath.Glob(filepath.Join(goldenDir, "*.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".cue") && len(file.Data) < 2000 {
				f.Add(string(file.Data))
			}
		}
	}
	for _, seed := range []string{
		"", "package p", "\x00", "package p\nx: x", "package p\nclusterPolicies: clusterPolicies",
		"package p\nclusterPolicies: a: rules: clusterPolicies.a.rules & {b: _|_}",
		"package p\nclusterPolicies: [string]: {rules: r: {}}\nclusterPolicies: a: _",
		"package p\n#A: {a: #A}\nclusterPolicies: a: #A",
		"package p\nbases: a: extends: [\"a\"]\npolicies: \"\": \"\": {}",
		"package p\nresources: a: {apiVersion: 'v1', kind: 1}\nexceptions: a: b: c: d: 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 || strings.Contains(text, "import") && !strings.Contains(text, "kcue.dev/") {
			return // no look-ups elsewhere
		}
		type outcome struct {
			text string
			err  error
		}
		cfg := compiler.Config{Dir: t.TempDir(), Args: []string{"-"}, Stdin: strings.NewReader(text), Parallel: 2}
		done := make(chan outcome, 1)
		go func() {
			text, err := render(cfg)
			done <- outcome{text, err}
		}()
		select {
		case out := <-done:
			if out.err != nil {
				t.Errorf("neither objects nor diagnostics: %v", out.err)
			}
			for line := range strings.Lines(out.text) {
				if strings.Contains(line, "+embedded") {
					t.Errorf("speaks of the inside of the binary: %s", line)
				}
			}
		case <-time.After(maxCompile):
			t.Fatalf("no end after %v:\n%s", maxCompile, text)
		}
	})
}
