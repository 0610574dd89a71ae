// Package crd holds Kyverno objects against the schemas of Kyverno's own
// CustomResourceDefinitions, as an API server would when they are applied:
// what goes in is a spec.Node, what comes out is everything that the API
// server would refuse, or silently drop.
//
// The schemas are a table made from the CRDs by ./gen. They are small (CRDs
// repeat themselves), and checking against them costs a map lookup a field,
// where the API server's own validator allocates one validator a value.
// Deviations from the API server are all on the strict side: an unknown field
// is an error, as with kubectl's --validate=strict, and times and durations
// must be what Kyverno's Go types decode.
package crd

import (
	_ "embed"
	"sync"

	"kcue.dev/compiler/spec"
)

//go:generate sh -c "go run ./gen -module $(cd ../../evaluator && go list -m -f '{{.Dir}}' github.com/kyverno/kyverno)"

//go:embed schemas.json
var schemasJSON []byte

// Schemas are the CRD schemas of one version of Kyverno. They are read-only
// and safe for concurrent use.
type Schemas struct {
	version string
	kinds   map[kindKey]*kindSchema
}

type kindKey struct{ apiVersion, kind string }

type kindSchema struct {
	root       *schema
	namespaced bool
}

var load = sync.OnceValues(func() (*Schemas, error) { return decode(schemasJSON) })

// Load gives the embedded schemas, decoded on first use.
func Load() (*Schemas, error) { return load() }

// Version gives the Kyverno release that the schemas come from, as v1.19.1.
func (s *Schemas) Version() string { return s.version }

// Known reports whether there is a schema for the kind: whether Kyverno's CRDs
// serve it at that version.
func (s *Schemas) Known(apiVersion, kind string) bool {
	return s.kinds[kindKey{apiVersion, kind}] != nil
}

// Namespaced reports whether objects of a known kind live in a namespace.
func (s *Schemas) Namespaced(apiVersion, kind string) bool {
	k := s.kinds[kindKey{apiVersion, kind}]
	return k != nil && k.namespaced
}

func (s *Schemas) kindOf(obj *spec.Node) *kindSchema {
	return s.kinds[kindKey{obj.Get("apiVersion").Str(), obj.Get("kind").Str()}]
}
