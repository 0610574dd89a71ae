// Package scaffold lays down repositories of specs.
//
// In goes a directory; out come the files of a repository that builds, vets and
// tests at once, and a copy of the module kcue.dev where cue and editors look
// for it. The repository stands as plain files under repository, where kcue's
// own checks run over it.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/tree"
)

//go:embed all:repository
var repository embed.FS

const (
	moduleFile = "cue.mod/module.cue"
	// DefaultModule is the module path of cue mod init where it is given none.
	DefaultModule = "cue.example"
	// maxModuleFile is what CUE takes: modzip.MaxCUEMod of cuelang.org/go.
	maxModuleFile = 16 << 20
)

// rootFiles are the files that GitHub and pre-commit look for at the root of a
// git repository, and nowhere else.
var rootFiles = []string{".github/", ".pre-commit-config.yaml"}

// Options say what to lay down.
type Options struct {
	// Module is the path of the CUE module, as cue mod init takes it:
	// DefaultModule where it is empty, and in a directory that is a module
	// already that module's.
	Module string
	// Vendor lays the module kcue.dev under cue.mod/pkg too. In a directory
	// that is a CUE module already nothing else is then done.
	Vendor bool
}

// Result says what was done. Names have slashes and are relative to the
// directory.
type Result struct {
	Written []string // made, or brought up to date
	Kept    []string // were there, as they should be
	Removed []string // of a vendored copy: what this version no longer has
	// GitRoot is the root of the git repository that the directory lies in,
	// where it is not its root: RootFiles were left out then.
	GitRoot   string
	RootFiles []string
}

// ModuleError says that a module path is none.
type ModuleError struct {
	Path string
	Err  error
}

func (e *ModuleError) Error() string {
	return fmt.Sprintf("%q is no path for a module: %v; expected one such as example.com/policies", e.Path, e.Err)
}

func (e *ModuleError) Unwrap() error { return e.Err }

// ModuleFileError says why a module file that is there cannot be understood.
type ModuleFileError struct{ Err error }

func (e *ModuleFileError) Error() string {
	return fmt.Sprintf("cannot understand %s: %v", moduleFile, e.Err)
}

func (e *ModuleFileError) Unwrap() error { return e.Err }

// ConflictError lists files that are there and hold something else than what
// would be written.
type ConflictError struct{ Files []string }

func (e *ConflictError) Error() string {
	verb := "is"
	if len(e.Files) > 1 {
		verb = "are"
	}
	return fmt.Sprintf("%s %s there already, with something else inside: nothing is written", strings.Join(e.Files, ", "), verb)
}

// NestedError says that a directory lies inside of a CUE module, given by its
// root: packages of specs go there, and a module inside of another is not seen
// by it.
type NestedError struct{ Dir, Root string }

func (e *NestedError) Error() string {
	return fmt.Sprintf("%s is inside of the CUE module at %s", e.Dir, e.Root)
}

// NotDirectoryError says that something else has the name of a directory.
type NotDirectoryError struct{ Path string }

func (e *NotDirectoryError) Error() string {
	return e.Path + " is there, and is no directory"
}

// Init lays a repository of specs under dir, which is made where it is not
// there. Every file is written to a temporary name and renamed, and none is
// overwritten but those of an earlier vendored copy. All that stands in the
// way is found before anything is written: a ModuleError, ModuleFileError,
// NotDirectoryError, NestedError, ConflictError or DependencyError; other
// errors are those of the file system.
func Init(dir string, o Options) (*Result, error) {
	if o.Module != "" {
		if err := checkModule(o.Module); err != nil {
			return nil, &ModuleError{o.Module, err}
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, &NotDirectoryError{dir}
	}
	if root := above(abs, "cue.mod"); root != "" && !exists(filepath.Join(abs, "cue.mod")) {
		return nil, &NestedError{dir, seenFrom(dir, abs, root)}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()

	r := &Result{}
	existing, err := readModule(root)
	if err != nil {
		return nil, err
	}
	if existing != nil && o.Module != "" && existing.Module != o.Module {
		return nil, &ConflictError{[]string{moduleFile}}
	}
	var files []file
	if existing == nil || !o.Vendor {
		if files, err = repositoryFiles(o.Module); err != nil {
			return nil, err
		}
		if existing != nil {
			files = without(files, moduleFile)
			r.Kept = append(r.Kept, moduleFile)
		}
		if git := above(filepath.Dir(abs), ".git"); git != "" && !exists(filepath.Join(abs, ".git")) {
			r.GitRoot = seenFrom(dir, abs, git)
			for _, f := range files {
				if isRootFile(f.name) {
					r.RootFiles = append(r.RootFiles, f.name)
				}
			}
			files = without(files, r.RootFiles...)
		}
	}
	missing, err := absent(root, files)
	if err != nil {
		return nil, err
	}
	var copied *vendored
	if o.Vendor {
		if copied, err = planVendored(root, existing); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if !missing[f.name] {
			r.Kept = append(r.Kept, f.name)
			continue
		}
		if err := tree.WriteFile(root, f.name, f.data); err != nil {
			return nil, err
		}
		r.Written = append(r.Written, f.name)
	}
	if copied != nil {
		if err := copied.apply(root, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// file is a file to write; its name has slashes.
type file struct {
	name string
	data []byte
}

func without(files []file, names ...string) []file {
	var out []file
	for _, f := range files {
		drop := false
		for _, n := range names {
			drop = drop || f.name == n
		}
		if !drop {
			out = append(out, f)
		}
	}
	return out
}

func isRootFile(name string) bool {
	for _, r := range rootFiles {
		if name == r || strings.HasSuffix(r, "/") && strings.HasPrefix(name, r) {
			return true
		}
	}
	return false
}

// repositoryFiles gives the files of a repository, in lexical order, with the
// path of its module.
func repositoryFiles(modulePath string) ([]file, error) {
	fsys, err := fs.Sub(repository, "repository")
	if err != nil {
		return nil, err
	}
	var files []file
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err == nil && name == moduleFile {
			data, err = moduleText(modulePath)
		}
		files = append(files, file{name, data})
		return err
	})
	return files, err
}

// moduleText gives a module file as cue mod init writes it: at the language
// version of the CUE that kcue is built with. It does not name kcue.dev among
// its dependencies, as kcue needs no such entry and cue refuses one beside a
// vendored copy.
func moduleText(modulePath string) ([]byte, error) {
	if modulePath == "" {
		modulePath = DefaultModule
	}
	return modfile.Format(&modfile.File{
		Module:   modulePath,
		Language: &modfile.Language{Version: cue.LanguageVersion()},
	})
}

func checkModule(modulePath string) error {
	if err := module.CheckPath(modulePath); err != nil {
		var invalid *module.InvalidPathError
		if errors.As(err, &invalid) {
			return invalid.Err // the rest repeats the path
		}
		return err
	}
	base, _, _ := strings.Cut(modulePath, "@")
	if own, _, _ := strings.Cut(load.EmbeddedModule, "@"); base == own {
		return errors.New("that is kcue's own module")
	}
	return nil
}

// readModule reads the module file, nil where there is none.
func readModule(root *os.Root) (*modfile.File, error) {
	name := filepath.FromSlash(moduleFile)
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxModuleFile:
		return nil, &ConflictError{[]string{moduleFile}}
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := modfile.ParseNonStrict(data, moduleFile)
	if err != nil {
		return nil, &ModuleFileError{err}
	}
	return file, nil
}

// absent says which files are not there. A ConflictError lists those that are
// there and hold something else.
func absent(root *os.Root, files []file) (map[string]bool, error) {
	missing := map[string]bool{}
	conflict := &ConflictError{}
	for _, f := range files {
		same, err := holds(root, f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing[f.name] = true
		case err != nil:
			return nil, err
		case !same:
			conflict.Files = append(conflict.Files, f.name)
		}
	}
	if len(conflict.Files) > 0 {
		return nil, conflict
	}
	return missing, nil
}

// holds reports whether a regular file is there with the same bytes. What is
// there and is no regular file, a link too, is something else.
func holds(root *os.Root, f file) (bool, error) {
	name := filepath.FromSlash(f.name)
	info, err := root.Lstat(name)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || info.Size() != int64(len(f.data)) {
		return false, nil
	}
	data, err := root.ReadFile(name)
	return string(data) == string(f.data), err
}

// seenFrom gives a directory above abs in the words of the user, who calls abs
// dir.
func seenFrom(dir, abs, root string) string {
	rel, err := filepath.Rel(abs, root)
	if err != nil {
		return root
	}
	return filepath.Join(dir, rel)
}

// above gives the nearest directory at or above dir that holds an entry of a
// name, and "" where there is none.
func above(dir, name string) string {
	for {
		if exists(filepath.Join(dir, name)) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
