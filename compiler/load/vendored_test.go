package load

import (
	"io/fs"
	"path"
	"testing"
	"testing/fstest"
)

// TestEmbeddedFiles looks for a file of each package, and the module file: what
// it does not name is not vendored.
func TestEmbeddedFiles(t *testing.T) {
	files := EmbeddedFiles()
	for _, name := range []string{"cue.mod/module.cue", "schema/bundle.cue", "patterns/patterns.cue", "libraries/libraries.cue"} {
		if len(files[name]) == 0 {
			t.Errorf("no %s, or an empty one", name)
		}
	}
	for name := range files {
		if path.Ext(name) != ".cue" {
			t.Errorf("%s is no CUE", name)
		}
	}
}

func TestCheckVendored(t *testing.T) {
	const in = VendoredDir + "/"
	tests := []struct {
		name   string
		change func(fstest.MapFS)
		warns  bool
	}{
		{"the embedded module", func(fstest.MapFS) {}, false},
		{"a file of another sort", func(f fstest.MapFS) { f[in+"schema/README.md"] = &fstest.MapFile{} }, false},
		{"no copy", func(f fstest.MapFS) { clear(f) }, false},
		{"a file in its place", func(f fstest.MapFS) { clear(f); f[VendoredDir] = &fstest.MapFile{} }, false},
		{"a file less", func(f fstest.MapFS) { delete(f, in+"schema/rule.cue") }, true},
		{"a package less", func(f fstest.MapFS) {
			for name := range f {
				if path.Dir(name) == in+"libraries" {
					delete(f, name)
				}
			}
		}, true},
		{"no module file", func(f fstest.MapFS) { delete(f, in+"cue.mod/module.cue") }, true},
		{"a file more", func(f fstest.MapFS) { f[in+"schema/more.cue"] = &fstest.MapFile{Data: []byte("package schema\n")} }, true},
		{"a changed file", func(f fstest.MapFS) {
			data := append([]byte(nil), f[in+"schema/rule.cue"].Data...)
			data[len(data)/2]++
			f[in+"schema/rule.cue"] = &fstest.MapFile{Data: data}
		}, true},
		{"a shorter file", func(f fstest.MapFS) { f[in+"schema/rule.cue"] = &fstest.MapFile{} }, true},
		{"a device for a file", func(f fstest.MapFS) {
			f[in+"schema/rule.cue"] = &fstest.MapFile{Mode: fs.ModeDevice, Data: f[in+"schema/rule.cue"].Data}
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, data := range EmbeddedFiles() {
				root[in+name] = &fstest.MapFile{Data: data}
			}
			tt.change(root)
			if got := len(checkVendored(root, "copy")) > 0; got != tt.warns {
				t.Errorf("warns: %v, want %v", got, tt.warns)
			}
		})
	}
}
