// Package openapi holds the schemas of Kubernetes' own kinds that Kyverno's
// engine merges by: those of a server-side apply, as the types that
// structured-merge-diff makes of what an API server publishes, and those of a
// strategic merge.
//
// The libraries from which Kyverno's command line has them bring along a whole
// API server, and with every schema its documentation, its validation and its
// paths: of 11 MB and 1.9 MB, the tables here keep the 0.3 MB and 0.2 MB that a
// merge can see. They are made from those libraries by
//
//	go test ./openapi -update
package openapi

import (
	_ "embed" // the table is embedded
	"sync"

	kustomize "sigs.k8s.io/kustomize/kyaml/openapi"
)

//go:embed kustomize.json
var merges []byte

// ForKustomize has kustomize, by which Kyverno merges the patches of
// patchStrategicMerge, read its own schemas from the table, in the whole
// process. It is to be called before anything is merged.
var ForKustomize = sync.OnceValue(func() error { return kustomize.SetSchema(nil, merges, true) })
