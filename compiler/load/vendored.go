package load

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"kcue.dev/diag"
)

// VendoredDir is where cue and editors find a copy of the embedded module,
// from the root of a user's module.
const VendoredDir = "cue.mod/pkg/" + embeddedPath

// EmbeddedFiles gives the CUE files of the embedded module, its module file
// among them, by their names in it, with slashes.
func EmbeddedFiles() map[string][]byte {
	files := map[string][]byte{moduleFileName: []byte(moduleFileText(EmbeddedModule))}
	for dir, fsys := range embeddedFS() {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			panic(err) // it is part of the binary
		}
		for _, e := range entries {
			data, err := fs.ReadFile(fsys, e.Name())
			if err != nil {
				panic(err)
			}
			files[path.Join(dir, e.Name())] = data
		}
	}
	return files
}

// checkVendored warns of a vendored copy that is not the embedded module: what
// cue and editors say would not be what kcue does.
func checkVendored(root fs.FS, display string) diag.List {
	if info, err := fs.Stat(root, VendoredDir); err != nil || !info.IsDir() || isEmbeddedCopy(root) {
		return nil
	}
	return diag.List{{
		Code:     diag.PinnedVersion,
		Severity: diag.Warning,
		Pos:      diag.Position{File: display},
		Message:  fmt.Sprintf("the copy is not the kcue.dev %s that this kcue embeds and builds with: cue and editors see something else", EmbeddedVersion),
		Hint:     "kcue init --vendor brings it up to date",
	}}
}

// isEmbeddedCopy reports whether a vendored copy has the files of the embedded
// module and no other CUE beside them. It reads files only whose size is right.
func isEmbeddedCopy(root fs.FS) bool {
	want := EmbeddedFiles()
	for _, pkg := range embeddedPackages() {
		dir := strings.TrimPrefix(pkg, embeddedPath+"/")
		entries, err := fs.ReadDir(root, path.Join(VendoredDir, dir))
		if err != nil {
			return false
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".cue") && want[path.Join(dir, e.Name())] == nil {
				return false
			}
		}
	}
	for name, data := range want {
		name = path.Join(VendoredDir, name)
		info, err := fs.Stat(root, name)
		if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
			return false
		}
		if got, err := fs.ReadFile(root, name); err != nil || !bytes.Equal(got, data) {
			return false
		}
	}
	return true
}
