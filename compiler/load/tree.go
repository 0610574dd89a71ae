package load

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kcue.dev/diag"
)

// tree is the file system that CUE's loader sees. It holds
//
//   - the module root of what was named, through an os.Root: a link that leads
//     out of it is refused, and so is a file that is no regular file or is
//     larger than maxFileSize;
//   - single files that were named on the command line, wherever they are;
//   - the module embedded in the binary, under embeddedRoot;
//   - modules that the registry fetched into CUE's own cache;
//   - cue.mod/module.cue as the author wrote it plus a dependency on the
//     embedded module, and made up where there is none.
//
// A copy vendored under cue.mod/pkg/kcue.dev is for editors and is hidden: the
// binary's own module is what a build uses.
type tree struct {
	rootPath   string // with slashes, absolute, without volume
	root       *os.Root
	rootFS     fs.FS
	moduleFile []byte
	named      []string
	embedded   embedded
	volume     string

	mu     sync.Mutex
	caches []string // roots of fetched modules
	// kept is what was read to tell what the packages are made of: their
	// loader sees the same, whatever happens to the files meanwhile.
	kept snapshot
	// module gives the path of the module, and whether that is all of it.
	module func() (string, bool)
}

// openTree opens the tree of a module root. Its diagnostics are warnings on
// the module file.
func openTree(root string, named []string, files *Files) (*tree, diag.List, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, nil, err
	}
	t := &tree{
		rootPath: slashPath(root),
		root:     r,
		rootFS:   r.FS(),
		named:    make([]string, 0, len(named)),
		embedded: embeddedFS(),
		volume:   volume(root),
	}
	t.module = sync.OnceValues(t.ownModule)
	for _, n := range named {
		t.named = append(t.named, slashPath(n))
	}
	data, err := fs.ReadFile(t.rootFS, moduleFileName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Close()
		return nil, nil, err
	}
	var diags diag.List
	t.moduleFile, diags = requireEmbedded(data, files.Display(filepath.Join(root, moduleFileName)))
	return t, append(diags, checkVendored(t.rootFS, files.Display(filepath.Join(root, VendoredDir)))...), nil
}

const moduleFileName = "cue.mod/module.cue"

func (t *tree) Close() error { return t.root.Close() }

// allow admits the root directory of a module in CUE's cache.
func (t *tree) allow(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.caches = append(t.caches, slashPath(dir))
}

func (t *tree) isCached(abs string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.caches, func(root string) bool { return within(root, abs) })
}

// within reports whether a clean slash path is root or below it.
func within(root, p string) bool {
	return p == root || strings.HasPrefix(p, strings.TrimSuffix(root, "/")+"/")
}

// at finds the file system and the name in it that serve a path.
func (t *tree) at(name string) (fs.FS, string, error) {
	abs := path.Clean("/" + name)
	switch {
	case within(embeddedRoot, abs):
		return t.embedded, relative(embeddedRoot, abs), nil
	case slices.Contains(t.named, abs):
		return osFile(t.volume + filepath.FromSlash(abs)), ".", nil
	case t.isCached(abs):
		return os.DirFS(t.volume + filepath.FromSlash(path.Dir(abs))), path.Base(abs), nil
	case within(t.rootPath, abs):
		rel := relative(t.rootPath, abs)
		for _, vendored := range []string{"gen", "pkg", "usr"} {
			if within("cue.mod/"+vendored+"/"+embeddedPath, rel) {
				return nil, "", fs.ErrNotExist
			}
		}
		return t.rootFS, rel, nil
	}
	return nil, "", fs.ErrNotExist
}

func relative(root, abs string) string {
	rel := strings.TrimPrefix(strings.TrimPrefix(abs, strings.TrimSuffix(root, "/")), "/")
	if rel == "" {
		return "."
	}
	return rel
}

// Open opens a file or directory.
func (t *tree) Open(name string) (fs.File, error) {
	if t.isModuleFile(name) {
		return newMemFile(path.Base(name), t.moduleFile), nil
	}
	if data, ok := t.kept.file(name); ok {
		return newMemFile(path.Base(name), data), nil
	}
	info, err := t.Stat(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: diag.Reason(err)}
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
		}
		if info.Size() > maxFileSize {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errTooLarge}
		}
	}
	fsys, rel, err := t.at(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := fsys.Open(rel)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: diag.Reason(err)}
	}
	return f, nil
}

// Stat describes a file, following links inside of the tree.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	if t.isModuleFile(name) {
		return memInfo{path.Base(name), int64(len(t.moduleFile))}, nil
	}
	if data, ok := t.kept.file(name); ok {
		return memInfo{path.Base(name), int64(len(data))}, nil
	}
	fsys, rel, err := t.at(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	info, err := fs.Stat(fsys, rel)
	if err != nil && path.Clean("/"+name) == path.Join(t.rootPath, "cue.mod") {
		return fs.Stat(t.rootFS, ".")
	}
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: diag.Reason(err)}
	}
	return info, nil
}

// ReadDir lists a directory.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	if entries, ok := t.kept.dir(name); ok {
		return entries, nil
	}
	fsys, rel, err := t.at(name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return fs.ReadDir(fsys, rel)
}

func (t *tree) isModuleFile(name string) bool {
	return path.Clean("/"+name) == path.Join(t.rootPath, moduleFileName)
}

// osFile is a file system of the single file ".".
type osFile string

func (f osFile) Open(string) (fs.File, error)     { return os.Open(string(f)) }
func (f osFile) Stat(string) (fs.FileInfo, error) { return os.Stat(string(f)) }

// memFile is an open file in memory.
type memFile struct {
	memInfo
	io.Reader
}

func newMemFile(name string, data []byte) *memFile {
	return &memFile{memInfo{name, int64(len(data))}, strings.NewReader(string(data))}
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.memInfo, nil }
func (f *memFile) Close() error               { return nil }

type memInfo struct {
	name string
	size int64
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return 0o444 }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return false }
func (i memInfo) Sys() any           { return nil }
