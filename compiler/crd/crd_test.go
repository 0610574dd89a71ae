package crd

import (
	"testing"

	"kcue.dev/compiler/spec"
)

func schemas(t testing.TB) *Schemas {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse gives the one object of a YAML text.
func parse(t testing.TB, text string) *spec.Node {
	t.Helper()
	docs, err := spec.ParseYAML("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 1 {
		t.Fatalf("%d documents, want 1", len(docs))
	}
	return docs[0]
}
