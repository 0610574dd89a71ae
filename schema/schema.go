// Package schema embeds the authoring model: the CUE definitions, imported by
// users as kcue.dev/schema, that say what a package of specs may contain.
//
// #Bundle is the whole of a package; every other definition is reached from
// it. The same files are what an editor shows on hover, what cue vet checks
// against, and what kcue.dev/compiler/model compiles into its checker, so
// they keep to the subset of CUE which that package documents.
package schema

import "embed"

// Files holds the definitions, one file a topic, at the root.
//
//go:embed *.cue
var Files embed.FS
