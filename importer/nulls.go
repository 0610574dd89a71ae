package importer

import (
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
)

// free lists the fields of Kyverno's kinds in which any value may stand
// (x-kubernetes-preserve-unknown-fields in its CRDs): there, null is data.
var free = map[string]bool{
	"pattern": true, "anyPattern": true, "patchStrategicMerge": true, "assert": true,
	"key": true, "value": true, "default": true,
}

// isFree reports whether null is data in a field of a struct. A data field is a
// resource to generate, except in an API call, where it is a list of keys and
// values; a struct with a path is an image extractor, whose fields are names.
func isFree(in *spec.Node, name string, v *spec.Node) bool {
	if name == "data" {
		return v.Kind != spec.List && !in.Has("urlPath") && !in.Has("service")
	}
	return free[name] && !in.Has("path")
}

// nulls drops the fields of a Kyverno object that are null where the API
// server drops them: everywhere but in the free fields
// (k8s.io/apiextensions-apiserver pkg/apiserver/schema/defaulting/prune.go).
func (c *converter) nulls(root *spec.Node) {
	dropNulls(root, root, func(gone, from *spec.Node) { c.passAll(gone, from) })
}

// dropNulls drops fields of a part of an object. The kinds of
// policies.kyverno.io have no free fields.
func dropNulls(root, n *spec.Node, dropped func(gone, from *spec.Node)) {
	typed := strings.HasPrefix(root.Get("apiVersion").Str(), "policies.kyverno.io/")
	n.Fields = slices.DeleteFunc(n.Fields, func(f spec.Field) bool {
		if f.Value.Kind == spec.Null && (typed || !isFree(n, f.Name, f.Value)) {
			dropped(f.Value, n)
			return true
		}
		return false
	})
	for _, f := range n.Fields {
		if typed || !isFree(n, f.Name, f.Value) {
			dropNulls(root, f.Value, dropped)
		}
	}
	for _, item := range n.Items {
		dropNulls(root, item, dropped)
	}
}
