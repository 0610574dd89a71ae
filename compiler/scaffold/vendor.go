package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/mod/modfile"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/tree"
)

// DependencyError says that a module file names kcue.dev among its
// dependencies. A vendored copy beside it is an ambiguous import to cue.
type DependencyError struct{ Module string }

func (e *DependencyError) Error() string {
	return fmt.Sprintf("%s has %s in deps, and cue refuses a module that is vendored and a dependency too (an ambiguous import): take the entry out, kcue needs none", moduleFile, e.Module)
}

// vendored is what is to be done for a vendored copy.
type vendored struct {
	files []file
	stale []string // files, and links, that are no part of it
	empty []string // directories that are no part of it, the deepest first
}

// planVendored looks at the copy that is there and says what must become of
// it. All that stands under the copy's directory is kcue's; links are not
// followed.
func planVendored(root *os.Root, module *modfile.File) (*vendored, error) {
	if module != nil {
		if _, ok := module.Deps[load.EmbeddedModule]; ok {
			return nil, &DependencyError{load.EmbeddedModule}
		}
	}
	for _, dir := range []string{"cue.mod", path.Dir(load.VendoredDir), load.VendoredDir} {
		info, err := root.Lstat(filepath.FromSlash(dir))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, &NotDirectoryError{dir}
		}
	}
	v := &vendored{}
	dirs := map[string]bool{}
	for name, data := range load.EmbeddedFiles() {
		name = path.Join(load.VendoredDir, name)
		v.files = append(v.files, file{name, data})
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	slices.SortFunc(v.files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	err := fs.WalkDir(root.FS(), load.VendoredDir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == load.VendoredDir:
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			if !dirs[name] {
				v.empty = append(v.empty, name)
			}
		case !entry.Type().IsRegular() || !slices.ContainsFunc(v.files, func(f file) bool { return f.name == name }):
			v.stale = append(v.stale, name)
		}
		return nil
	})
	slices.Reverse(v.empty)
	return v, err
}

// apply brings the copy up to date. What is no part of it goes first, as it
// may have the name of what is.
func (v *vendored) apply(root *os.Root, r *Result) error {
	for _, name := range slices.Concat(v.stale, v.empty) {
		if err := root.Remove(filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	r.Removed = v.stale
	for _, f := range v.files {
		same, err := holds(root, f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if same {
			r.Kept = append(r.Kept, f.name)
			continue
		}
		if err := tree.WriteFile(root, f.name, f.data); err != nil {
			return err
		}
		r.Written = append(r.Written, f.name)
	}
	return nil
}
