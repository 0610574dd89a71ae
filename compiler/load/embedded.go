package load

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"kcue.dev/diag"
	"kcue.dev/libraries"
	"kcue.dev/patterns"
	"kcue.dev/schema"
)

const (
	embeddedPath = "kcue.dev"
	// EmbeddedModule is the CUE module that the binary holds.
	EmbeddedModule = embeddedPath + "@v0"
	// embeddedRoot is where the tree holds the embedded module. No directory
	// of a user has this name.
	embeddedRoot = "/" + EmbeddedModule + "+embedded"
	// EmbeddedVersion is the version of the CUE module kcue.dev@v0 that this
	// binary holds: what a user's cue.mod/module.cue should name.
	EmbeddedVersion = "v0.1.0"

	languageVersion = "v0.16.0"
)

// embedded is the module's directory tree: an embed.FS for each package, and a
// module file.
type embedded map[string]fs.FS

var (
	_ fs.ReadDirFS    = embedded{}
	_ module.OSRootFS = embedded{}
)

func embeddedFS() embedded {
	return embedded{"schema": schema.Files, "patterns": patterns.Files, "libraries": libraries.Files}
}

// OSRoot tells CUE's loader where in the tree the module stands.
func (e embedded) OSRoot() string { return embeddedRoot }

func embeddedPackages() []string {
	return []string{embeddedPath + "/libraries", embeddedPath + "/patterns", embeddedPath + "/schema"}
}

// Open opens a file, or a package's directory.
func (e embedded) Open(name string) (fs.File, error) {
	if name == moduleFileName {
		return newMemFile("module.cue", []byte(moduleFileText(EmbeddedModule))), nil
	}
	dir, rest, _ := strings.Cut(name, "/")
	fsys, ok := e[dir]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fsys.Open(cmp.Or(rest, "."))
}

// Stat describes a file or directory.
func (e embedded) Stat(name string) (fs.FileInfo, error) {
	if name == "." || name == "cue.mod" {
		return dirInfo{memInfo{name, 0}}, nil
	}
	f, err := e.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// ReadDir lists a directory.
func (e embedded) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		var entries []fs.DirEntry
		for _, dir := range slices.Sorted(maps.Keys(e)) {
			entries = append(entries, fs.FileInfoToDirEntry(dirInfo{memInfo{dir, 0}}))
		}
		return entries, nil
	}
	dir, rest, _ := strings.Cut(name, "/")
	fsys, ok := e[dir]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	return fs.ReadDir(fsys, cmp.Or(rest, "."))
}

// dirInfo describes a directory that is made up.
type dirInfo struct{ memInfo }

func (dirInfo) IsDir() bool       { return true }
func (dirInfo) Mode() fs.FileMode { return fs.ModeDir | 0o555 }

func moduleFileText(name string) string {
	return fmt.Sprintf("module: %q\nlanguage: version: %q\n", name, languageVersion)
}

// requireEmbedded gives a module file that depends on the embedded module,
// whatever version the author pinned, so that imports of kcue.dev resolve to
// the binary's own. An absent file (nil) is made up. What is no well-formed
// module file is left for CUE's loader to report.
func requireEmbedded(data []byte, name string) ([]byte, diag.List) {
	const dependency = "\ndeps: %q: v: %q\n"
	if data == nil {
		return fmt.Appendf(nil, moduleFileText("kcue.local@v0")+dependency, EmbeddedModule, EmbeddedVersion), nil
	}
	file, err := parser.ParseFile(name, data, parser.ParseComments)
	if err != nil {
		return data, nil
	}
	if own, ok := stringAt(file.Decls, "module"); !ok || strings.HasPrefix(own.value, embeddedPath+"@") || own.value == embeddedPath {
		return data, nil
	}
	pinned, ok := stringAt(file.Decls, "deps", EmbeddedModule, "v")
	if !ok {
		return fmt.Appendf(slices.Clip(data), dependency, EmbeddedModule, EmbeddedVersion), nil
	}
	if pinned.value == EmbeddedVersion {
		return data, nil
	}
	pos := pinned.lit.Pos().Position()
	warning := diag.Diagnostic{
		Code:     diag.PinnedVersion,
		Severity: diag.Warning,
		Pos:      diag.Position{File: name, Line: pos.Line, Column: pos.Column},
		Path:     `deps."kcue.dev@v0".v`,
		Message:  fmt.Sprintf("pins kcue.dev %s, but this kcue builds with the %s that it embeds", pinned.value, EmbeddedVersion),
		Hint:     fmt.Sprintf("set it to %q, or use the kcue of that version", EmbeddedVersion),
	}
	pinned.lit.Value = strconv.Quote(EmbeddedVersion)
	out, err := format.Node(file)
	if err != nil {
		return data, nil
	}
	return out, diag.List{warning}
}

type moduleString struct {
	lit   *ast.BasicLit
	value string
}

// stringAt finds the string at a path of a data-only file.
func stringAt(decls []ast.Decl, path ...string) (moduleString, bool) {
	for _, d := range decls {
		f, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		if label, _, err := ast.LabelName(f.Label); err != nil || label != path[0] {
			continue
		}
		switch v := f.Value.(type) {
		case *ast.StructLit:
			if len(path) > 1 {
				if s, ok := stringAt(v.Elts, path[1:]...); ok {
					return s, true
				}
			}
		case *ast.BasicLit:
			if len(path) == 1 && v.Kind == token.STRING {
				if s, err := strconv.Unquote(v.Value); err == nil {
					return moduleString{v, s}, true
				}
			}
		}
	}
	return moduleString{}, false
}

// registry serves kcue.dev from the binary, at any version asked for, and
// everything else from CUE's ordinary registry, which is set up only when it
// is first needed.
type registry struct {
	tree     *tree
	ordinary modconfig.Registry
}

var _ modconfig.Registry = (*registry)(nil)

func newRegistry(t *tree) *registry {
	return &registry{tree: t, ordinary: &modconfig.LazyRegistry{
		New: func() (modconfig.CachedRegistry, error) { return modconfig.NewRegistry(nil) },
	}}
}

// ModFile gives a module's own module file.
func (r *registry) ModFile(ctx context.Context, mv module.Version) (*modfile.File, error) {
	if mv.Path() == EmbeddedModule {
		// What its text says, which CUE would compile a schema to read.
		file := &modfile.File{Module: EmbeddedModule, Language: &modfile.Language{Version: languageVersion}}
		return file, file.InitNonStrict()
	}
	return r.ordinary.ModFile(ctx, mv)
}

// Fetch gives a module's files.
func (r *registry) Fetch(ctx context.Context, mv module.Version) (module.SourceLoc, error) {
	if mv.Path() == EmbeddedModule {
		return module.SourceLoc{FS: r.tree.embedded, Dir: "."}, nil
	}
	loc, err := r.ordinary.Fetch(ctx, mv)
	if err == nil {
		if rooted, ok := loc.FS.(module.OSRootFS); ok {
			r.tree.allow(path.Join(rooted.OSRoot(), loc.Dir))
		}
	}
	return loc, err
}

// ModuleVersions lists a module's versions.
func (r *registry) ModuleVersions(ctx context.Context, mpath string) ([]string, error) {
	if mpath == EmbeddedModule || mpath == embeddedPath {
		return []string{EmbeddedVersion}, nil
	}
	return r.ordinary.ModuleVersions(ctx, mpath)
}
