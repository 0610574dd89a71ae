package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

// Digest identifies all that a package is made of: two packages with the same
// digest are loaded alike, on any machine.
type Digest [sha256.Size]byte

// Digest gives the digest of a package of the plan, by its number. It covers the
// files of the package and of those above it that CUE unifies with it, the same
// of all that they import of their module, what is vendored under cue.mod where
// anything else is imported, the module file with the versions of other modules,
// the tags, the settings of CUE's in the environment, and the names by which
// diagnostics call the files. It may cover more than the package needs.
//
// It is false where that is not all: for files named on the command line and
// standard input, a file that cannot be read, a module that is replaced, and
// files that CUE embeds. What was read for it is what Load loads.
func (p *Plan) Digest(i int) (Digest, bool) {
	q := p.planned[i]
	if q.dir == "" {
		return Digest{}, false
	}
	dir, name, _ := splitName(q.dir)
	module, ok := q.group.tree.module()
	in := &inputs{tree: q.group.tree, path: module, files: map[string][]byte{}, seen: map[string]bool{}}
	if !ok || !in.packageAt(slashPath(dir)) {
		return Digest{}, false
	}
	for len(in.imports) > 0 {
		next := in.imports[0]
		in.imports = in.imports[1:]
		if !in.imported(next) {
			return Digest{}, false
		}
	}
	h := sha256.New()
	named := "found"
	if slices.Contains(q.group.literal, dir) {
		named = "named"
	}
	add(h, q.group.display.Display(q.group.root), q.group.display.Display(dir), name, named)
	add(h, p.cfg.Tags...)
	add(h, environment()...)
	add(h, string(q.group.tree.moduleFile))
	for _, file := range slices.Sorted(maps.Keys(in.files)) {
		add(h, relative(q.group.tree.rootPath, file), string(in.files[file]))
	}
	return Digest(h.Sum(nil)), true
}

// add adds texts to a hash so that no others give the same.
func add(h hash.Hash, texts ...string) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(texts)))
	h.Write(size[:])
	for _, t := range texts {
		binary.LittleEndian.PutUint64(size[:], uint64(len(t)))
		h.Write(size[:])
		h.Write([]byte(t))
	}
}

// environment gives the variables that CUE reads.
func environment() []string {
	out := slices.DeleteFunc(os.Environ(), func(v string) bool { return !strings.HasPrefix(v, "CUE_") })
	slices.Sort(out)
	return out
}

// inputs collects what a package is made of.
type inputs struct {
	tree    *tree
	path    string            // of the module, without version; empty where it has none
	files   map[string][]byte // by absolute slash path
	imports []string
	seen    map[string]bool // imports and directories
}

// ownModule gives the path of the tree's module. It is false where a module is
// replaced, since what stands in its place is not looked at.
func (t *tree) ownModule() (string, bool) {
	if _, err := fs.Stat(t.rootFS, "cue.mod/local-module.cue"); err == nil {
		return "", false
	}
	file, err := parser.ParseFile(moduleFileName, t.moduleFile)
	if err != nil || bytes.Contains(t.moduleFile, []byte("replaceWith")) {
		return "", false
	}
	own, _ := stringAt(file.Decls, "module")
	return ast.ParseImportPath(own.value).Path, true
}

// packageAt takes in a directory's files, and those above it that may belong to
// the same package.
func (in *inputs) packageAt(dir string) bool {
	if in.seen[dir] {
		return true
	}
	in.seen[dir] = true
	packages := map[string]bool{}
	ok := in.cueFiles(dir, func(name string) bool {
		packages[name] = true
		return true
	})
	if !ok {
		return false
	}
	for dir != in.tree.rootPath && within(in.tree.rootPath, dir) {
		dir = path.Dir(dir)
		if !in.cueFiles(dir, func(name string) bool { return packages[name] }) {
			return false
		}
	}
	return true
}

// cueFiles takes in those CUE files of a directory whose package is wanted, and
// what they import. A file that cannot be parsed may be of any package.
func (in *inputs) cueFiles(dir string, wanted func(pkg string) bool) bool {
	entries, err := in.tree.keepDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), ".cue") {
			continue
		}
		file := path.Join(dir, entry.Name())
		data, err := in.tree.keepFile(file)
		if err != nil || bytes.Contains(data, []byte("@extern")) {
			return false
		}
		head := in.tree.keepHead(file, data)
		if head.parsed && !wanted(head.pkg) {
			continue
		}
		in.files[file] = data
		in.imports = append(in.imports, head.imports...)
	}
	return true
}

// maxVendored bounds the files under cue.mod that are looked at.
const maxVendored = 10_000

// imported takes in what an import of the user's may mean.
func (in *inputs) imported(name string) bool {
	imported := ast.ParseImportPath(name).Path
	first, _, _ := strings.Cut(imported, "/")
	own := in.path != "" && (imported == in.path || strings.HasPrefix(imported, in.path+"/"))
	switch {
	case in.seen["import "+imported]:
		return true
	case !own && (imported == embeddedPath || strings.HasPrefix(imported, embeddedPath+"/")):
		return true // the binary's own
	case !strings.Contains(first, "."):
		return true // CUE's own
	}
	in.seen["import "+imported] = true
	if own {
		dir := path.Join(in.tree.rootPath, strings.TrimPrefix(imported, in.path))
		if _, err := in.tree.Stat(dir); err == nil && !in.packageAt(dir) {
			return false
		}
	}
	// A module of a registry is what its version says, which the module file
	// pins; a vendored package may be anything.
	for _, vendored := range []string{"gen", "pkg", "usr"} {
		if !in.vendored(path.Join(in.tree.rootPath, "cue.mod", vendored)) {
			return false
		}
	}
	return true
}

// vendored takes in all CUE files at and below a directory of cue.mod.
func (in *inputs) vendored(dir string) bool {
	if in.seen[dir] {
		return true
	}
	in.seen[dir] = true
	entries, err := in.tree.keepDir(dir)
	if err != nil {
		_, err = in.tree.Stat(dir)
		return err != nil // there is none
	}
	if !in.cueFiles(dir, func(string) bool { return true }) || len(in.files) > maxVendored {
		return false
	}
	for _, entry := range entries {
		if entry.IsDir() && !in.vendored(path.Join(dir, entry.Name())) {
			return false
		}
	}
	return true
}
