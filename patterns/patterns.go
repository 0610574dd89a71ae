// Package patterns embeds kcue's CUE package kcue.dev/patterns: rules with
// parameters, from which authors and the libraries compose policies.
//
// The CUE files beside this one are the source of truth. They are compiled into
// the binary, so an import of kcue.dev/patterns needs neither disk nor network.
package patterns

import "embed"

// Files holds the package's CUE files, at its root.
//
//go:embed *.cue
var Files embed.FS
