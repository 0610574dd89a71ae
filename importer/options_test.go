package importer_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

var update = flag.Bool("update", false, "rewrite docs/import-corpus.md")

func schemas(t testing.TB) *crd.Schemas {
	t.Helper()
	s, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// vetter gives a function that tells what Kyverno refuses in an object, as
// `kcue vet` does.
func vetter(t testing.TB) func(manifest.Object) diag.List {
	t.Helper()
	v, err := compiler.NewVetter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.Object
}

// builder gives a function that compiles a package of one file.
func builder(t testing.TB) func([]byte) ([]*spec.Node, diag.List) {
	t.Helper()
	dir := t.TempDir()
	return func(source []byte) ([]*spec.Node, diag.List) {
		result, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"-"}, Stdin: bytes.NewReader(source)})
		var diags diag.List
		if errors.As(err, &diags) {
			return nil, diags
		}
		if err != nil {
			return nil, diag.List{{Code: diag.Evaluation, Message: err.Error()}}
		}
		var out []*spec.Node
		for _, o := range result.Objects {
			out = append(out, o.Node)
		}
		return out, nil
	}
}

// options are those of `kcue import`.
func options(t testing.TB) importer.Options {
	s := schemas(t)
	return importer.Options{
		Schemas: s,
		Single:  true,
		Vet:     vetter(t),
		Build:   builder(t),
	}
}

// imported imports a text.
func imported(t testing.TB, text string, o importer.Options) (*importer.Sources, *importer.Result) {
	t.Helper()
	sources := importer.Read([]string{"-"}, strings.NewReader(text))
	result, err := importer.Import(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return sources, result
}

func cueOf(r *importer.Result) string {
	var b strings.Builder
	for _, f := range r.Files {
		b.Write(f.Data)
	}
	return b.String()
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
