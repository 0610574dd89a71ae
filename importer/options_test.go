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
	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
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

// vetObject gives what Kyverno refuses in an object, as `kcue vet` does.
func vetObject(o manifest.Object, schemas *crd.Schemas) diag.List {
	group, _, _ := strings.Cut(o.Node.Get("apiVersion").Str(), "/")
	if group != "kyverno.io" && group != "policies.kyverno.io" {
		return nil
	}
	pos := diag.Position{File: o.File, Line: o.Node.Pos.Line() + o.LinesBefore, Column: o.Node.Pos.Column()}
	var out diag.List
	for _, v := range schemas.Check(o.Node) {
		out = append(out, diag.Diagnostic{Code: diag.CRDSchema, Pos: pos, Path: v.Path, Message: v.Message})
	}
	known, err := kinds.Load()
	if err != nil {
		panic(err)
	}
	for _, f := range vet.Object(o.Node, vet.Options{Kinds: known}) {
		out = append(out, diag.Diagnostic{Code: f.Code, Severity: f.Severity, Pos: pos, Path: f.Place(), Message: f.Message})
	}
	return out
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
		Vet:     func(o manifest.Object) diag.List { return vetObject(o, s) },
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
