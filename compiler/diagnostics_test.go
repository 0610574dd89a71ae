package compiler_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler"
	"kcue.dev/diag"
)

// TestDiagnosticExamples compiles the manual's examples: a bad one has its
// code and no other, a good one has nothing wrong.
func TestDiagnosticExamples(t *testing.T) {
	seen := map[diag.Code]bool{}
	for _, e := range diag.Table() {
		if seen[e.Code] {
			t.Errorf("%s is explained twice", e.Code)
		}
		seen[e.Code] = true
		if e.Bad == "" || e.IsCommand() {
			continue
		}
		t.Run(string(e.Code), func(t *testing.T) {
			if got := codesOf(t, e.Code, e.Bad); !slices.Equal(got, []diag.Code{e.Code}) {
				t.Errorf("the bad example has %v, want %s\n%s", got, e.Code, e.Bad)
			}
			if got := codesOf(t, e.Code, e.Good); len(got) > 0 {
				t.Errorf("the good example has %v\n%s", got, e.Good)
			}
			if formatted, err := format.Source([]byte(e.Good)); err != nil {
				t.Errorf("the good example: %v", err)
			} else if d := cmp.Diff(string(formatted), e.Good); d != "" {
				t.Errorf("the good example is not formatted (-want +got):\n%s", d)
			}
		})
	}
}

// codesOf gives the codes, each once, of vetting a package for the sake of one
// code: best practices are asked for where that is one.
func codesOf(t *testing.T, code diag.Code, source string) []diag.Code {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policies.cue"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	result, err := compiler.Vet(compiler.Config{Dir: dir, BestPractices: strings.HasPrefix(string(code), "KC5")})
	if err != nil {
		t.Fatal(err)
	}
	diags := result.Diagnostics
	var codes []diag.Code
	for _, d := range diags {
		if !slices.Contains(codes, d.Code) {
			codes = append(codes, d.Code)
		}
		if d.Pos.File != "policies.cue" && d.Code != diag.EmptyPackage {
			t.Errorf("%s is at %s, which is no place in the user's file", d.Code, d.Pos)
		}
	}
	return codes
}

// TestManual holds docs/diagnostics.md to the table.
func TestManual(t *testing.T) {
	const path = "../docs/diagnostics.md"
	want := diag.Manual()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("docs/diagnostics.md is out of date: run go test ./compiler -update (-want +got):\n%s", d)
	}
}
