// Package libraries embeds kcue's CUE package kcue.dev/libraries: sets of
// rules, composed of kcue.dev/patterns, that policies extend.
//
// The CUE files beside this one are the source of truth. They are compiled into
// the binary, so an import of kcue.dev/libraries needs neither disk nor network.
package libraries

import "embed"

// Files holds the package's CUE files, at its root.
//
//go:embed *.cue
var Files embed.FS
