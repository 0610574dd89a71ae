package spec_test

import (
	"testing"

	"kcue.dev/compiler/spec"
)

func TestIdentityOf(t *testing.T) {
	for text, want := range map[string]spec.Identity{
		`{"apiVersion": "kyverno.io/v1", "kind": "Policy", "metadata": {"namespace": "shop", "name": "p"}}`: {Group: "kyverno.io", Kind: "Policy", Namespace: "shop", Name: "p"},
		`{"apiVersion": "kyverno.io/v2", "kind": "Policy", "metadata": {"namespace": "shop", "name": "p"}}`: {Group: "kyverno.io", Kind: "Policy", Namespace: "shop", Name: "p"},
		`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}`:                              {Kind: "Namespace", Name: "n"},
		`{}`: {},
	} {
		if got := spec.IdentityOf(parse(t, text)); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}
