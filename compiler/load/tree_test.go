package load

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes files below a directory, by name.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, root string, named ...string) *tree {
	t.Helper()
	tr, diags, err := openTree(root, named, &Files{Dir: root})
	if err != nil {
		t.Fatal(err)
	}
	if diags.HasErrors() {
		t.Fatalf("unexpected: %v", diags)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func read(tr *tree, path string) (string, error) {
	f, err := tr.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

// TestTreeOpen holds the loader to the module: it reads what stands in it,
// what was named, and the embedded module, and nothing else.
func TestTreeOpen(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "module")
	write(t, top, map[string]string{
		"module/a.cue":     "a",
		"module/sub/b.cue": "b",
		"module/cue.mod/pkg/kcue.dev/schema/x.cue":    "vendored",
		"module/cue.mod/pkg/example.com/own/x.cue":    "own",
		"module/cue.mod/gen/kcue.dev/patterns/x.cue":  "generated",
		"module/cue.mod/usr/kcue.dev/libraries/x.cue": "users",
		"module-beside/c.cue":                         "beside",
		"secret.cue":                                  "secret",
		"named.cue":                                   "named",
	})
	for link, target := range map[string]string{
		"module/in.cue":       "sub/b.cue",
		"module/out.cue":      "../secret.cue",
		"module/absolute.cue": filepath.Join(top, "secret.cue"),
		"module/outdir":       "..",
		"module/loop.cue":     "loop.cue",
	} {
		if err := os.Symlink(target, filepath.Join(top, link)); err != nil {
			t.Skipf("no links here: %v", err)
		}
	}
	tr := open(t, root, filepath.Join(top, "named.cue"))
	tests := []struct {
		path string
		want string // "" where it must not be read
	}{
		{root + "/a.cue", "a"},
		{root + "/sub/../sub/./b.cue", "b"},
		{root + "/in.cue", "b"},
		{root + "/cue.mod/pkg/example.com/own/x.cue", "own"},
		{top + "/named.cue", "named"},
		{root + "/out.cue", ""},
		{root + "/absolute.cue", ""},
		{root + "/outdir/secret.cue", ""},
		{root + "/loop.cue", ""},
		{root + "/../secret.cue", ""},
		{root + "/missing.cue", ""},
		{root + "-beside/c.cue", ""},
		{top + "/secret.cue", ""},
		{"/etc/hostname", ""},
		{root + "/cue.mod/pkg/kcue.dev/schema/x.cue", ""},
		{root + "/cue.mod/gen/kcue.dev/patterns/x.cue", ""},
		{root + "/cue.mod/usr/kcue.dev/libraries/x.cue", ""},
	}
	for _, tt := range tests {
		got, err := read(tr, slashPath(tt.path))
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s reads as %q, %v; want %q", strings.TrimPrefix(tt.path, top), got, err, tt.want)
		}
	}
	if entries, err := tr.ReadDir(slashPath(root + "/outdir")); err == nil {
		t.Errorf("a directory outside lists %d entries", len(entries))
	}
	if _, err := tr.Stat(slashPath(root + "/outdir/secret.cue")); err == nil {
		t.Error("a file outside can be asked about")
	}
}

func TestTreeOddFiles(t *testing.T) {
	root := t.TempDir()
	for name, size := range map[string]int64{"large.cue": maxFileSize + 1, "largest.cue": maxFileSize} {
		f, err := os.Create(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tr := open(t, root)
	if _, err := tr.Open(slashPath(root + "/large.cue")); !errors.Is(err, errTooLarge) {
		t.Errorf("a large file: got %v", err)
	}
	f, err := tr.Open(slashPath(root + "/largest.cue"))
	if err != nil {
		t.Fatalf("a file of the largest size: %v", err)
	}
	f.Close()
}

// TestTreeModuleFile holds the module file to what CUE's loader is to see.
func TestTreeModuleFile(t *testing.T) {
	root := t.TempDir()
	tr := open(t, root)
	text, err := read(tr, slashPath(root+"/cue.mod/module.cue"))
	if err != nil || !strings.Contains(text, `"kcue.dev@v0": v: "`+EmbeddedVersion+`"`) {
		t.Errorf("without a module file there is %q, %v", text, err)
	}
	info, err := tr.Stat(slashPath(root + "/cue.mod/module.cue"))
	if err != nil || info.Size() != int64(len(text)) || !info.Mode().IsRegular() {
		t.Errorf("its info is %v, %v", info, err)
	}
	if info, err := tr.Stat(slashPath(root + "/cue.mod")); err != nil || !info.IsDir() {
		t.Errorf("cue.mod is %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(root, "cue.mod")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("cue.mod was made on the disk: %v", err)
	}
}

func TestTreeEmbedded(t *testing.T) {
	tr := open(t, t.TempDir())
	for _, dir := range []string{"schema", "patterns", "libraries"} {
		entries, err := tr.ReadDir(embeddedRoot + "/" + dir)
		if err != nil || len(entries) == 0 {
			t.Errorf("%s lists %d files, %v", dir, len(entries), err)
		}
		for _, e := range entries {
			text, err := read(tr, embeddedRoot+"/"+dir+"/"+e.Name())
			if err != nil || !strings.Contains(text, "package "+dir) {
				t.Errorf("%s/%s is no file of the package: %v", dir, e.Name(), err)
			}
		}
	}
	entries, err := tr.ReadDir(embeddedRoot)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"libraries", "patterns", "schema"}, names); diff != "" || err != nil {
		t.Errorf("the module lists (-want +got)\n%s%v", diff, err)
	}
	for _, missing := range []string{"/nothing", "/schema/nothing.cue", "/../etc/hostname"} {
		if _, err := read(tr, embeddedRoot+missing); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", missing, err)
		}
	}
}

func TestRequireEmbedded(t *testing.T) {
	own := `deps: "kcue.dev@v0": v: "` + EmbeddedVersion + `"`
	tests := []struct {
		name, in string
		want     []string // what the module file must hold
		warning  string   // position of the warning
	}{
		{"no dependencies", "module: \"example.com/m@v0\"\nlanguage: version: \"v0.16.0\"\n", []string{`module: "example.com/m@v0"`, own}, ""},
		{"other dependencies", "module: \"example.com/m@v0\"\nlanguage: version: \"v0.16.0\"\ndeps: \"x.com/y@v0\": v: \"v0.1.2\"\n", []string{`"x.com/y@v0"`, own}, ""},
		{"the same version", "module: \"example.com/m@v0\"\ndeps: {\n\t\"kcue.dev@v0\": {\n\t\tv: \"" + EmbeddedVersion + "\"\n\t}\n}\n", []string{`v: "` + EmbeddedVersion + `"`}, ""},
		{"another version", "module: \"example.com/m@v0\"\ndeps: {\n\t\"kcue.dev@v0\": {\n\t\tv: \"v0.0.1\"\n\t}\n}\n", []string{`v: "` + EmbeddedVersion + `"`}, "cue.mod/module.cue:4:6"},
		{"no newline at the end", `module: "example.com/m@v0"`, []string{"\n" + own}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []byte(tt.in)
			out, diags := requireEmbedded(in, "cue.mod/module.cue")
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("lacks %q:\n%s", want, out)
				}
			}
			if strings.Contains(string(out), "v0.0.1") {
				t.Errorf("keeps the pinned version:\n%s", out)
			}
			got := ""
			if len(diags) > 0 {
				got = diags[0].Pos.String()
			}
			if got != tt.warning || diags.HasErrors() || len(diags) > 1 {
				t.Errorf("warnings are %v, want one at %q", diags, tt.warning)
			}
			if string(in) != tt.in {
				t.Errorf("the file itself became %q", in)
			}
		})
	}
	// What is no module file, or is kcue's own, is left to CUE's loader.
	for _, in := range []string{"module: ", "", "deps: {}", `module: "kcue.dev@v0"`, `module: "kcue.dev"`, "module: 5"} {
		out, diags := requireEmbedded([]byte(in), "cue.mod/module.cue")
		if string(out) != in || len(diags) > 0 {
			t.Errorf("%q became %q, %v", in, out, diags)
		}
	}
	if out, _ := requireEmbedded(nil, "cue.mod/module.cue"); !strings.Contains(string(out), own) {
		t.Errorf("no file became %q", out)
	}
}
