package load

import (
	"path/filepath"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/diag"
)

// Files names source files as a user knows them: relative to the directory
// that the command ran in, so that no path of the machine reaches the output.
type Files struct {
	Dir string // absolute
}

// Display gives the name of an absolute path, or of one inside the embedded
// module.
func (f *Files) Display(path string) string {
	if rel, ok := strings.CutPrefix(filepath.ToSlash(path), embeddedRoot+"/"); ok {
		return embeddedPath + "/" + rel
	}
	if path == "-" {
		return "-"
	}
	rel, err := filepath.Rel(f.Dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// Position gives the place of a token. It is invalid for tokens without one.
func (f *Files) Position(pos token.Pos) diag.Position {
	if !pos.IsValid() {
		return diag.Position{}
	}
	p := pos.Position()
	return diag.Position{File: f.Display(p.Filename), Line: p.Line, Column: p.Column}
}

// IsEmbedded reports whether a token stands in the embedded module, or
// nowhere: a diagnostic must not send an author there.
func IsEmbedded(pos token.Pos) bool {
	return !pos.IsValid() || strings.HasPrefix(pos.Filename(), embeddedRoot+"/")
}

// fromTree gives the operating system's path for a path of the tree.
func (f *Files) fromTree(path string) string {
	if strings.HasPrefix(path, embeddedRoot+"/") {
		return path
	}
	return volume(f.Dir) + filepath.FromSlash(path)
}

// slashPath gives an absolute path as the tree names it: with slashes, rooted
// at its volume.
func slashPath(path string) string {
	return filepath.ToSlash(strings.TrimPrefix(path, volume(path)))
}

func volume(path string) string { return filepath.VolumeName(path) }
