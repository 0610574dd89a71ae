package load

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// moduleGroup is the arguments that one module root serves. CUE's loader
// knows a single module per call; a GitOps repository may hold several, and a
// user may name packages of each.
type moduleGroup struct {
	root    string   // absolute module root; a package's own directory where it has no cue.mod
	dirs    []string // absolute package directories, some with :name
	literal []string // those of dirs that were named without a pattern
	files   []string // absolute file names, and "-"
	named   []string // files that may be read though they lie outside of root
}

// args gives the group's arguments in the form CUE's loader takes, relative
// to base.
func (g *moduleGroup) args(base string) []string {
	var args []string
	for _, d := range g.dirs {
		path, name, _ := strings.Cut(d, ":")
		rel, err := filepath.Rel(base, path)
		if err != nil {
			rel = path
		}
		arg := "./" + filepath.ToSlash(rel)
		if rel == "." {
			arg = "."
		}
		if name != "" {
			arg += ":" + name
		}
		args = append(args, arg)
	}
	for _, f := range g.files {
		if f != "-" {
			f = "cue:" + slashPath(f)
			args = append(args, "cue:", slashPath(strings.TrimPrefix(f, "cue:")))
			continue
		}
		args = append(args, "cue:", "-")
	}
	return args
}

// group sorts arguments by module root. Files and standard input form one
// package, as with cue.
func group(dir string, args []string) ([]*moduleGroup, diag.List) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var groups []*moduleGroup
	var files []string
	var diags diag.List
	find := func(root string) *moduleGroup {
		for _, g := range groups {
			if g.root == root && len(g.files) == 0 {
				return g
			}
		}
		g := &moduleGroup{root: root}
		groups = append(groups, g)
		return g
	}
	display := &Files{Dir: dir}
	for _, arg := range args {
		switch {
		case arg == "-":
			files = append(files, arg)
		case strings.Contains(arg, "..."):
			base, ok := strings.CutSuffix(arg, "...")
			base = filepath.Join(dir, filepath.Clean(strings.TrimSuffix(base, "/")+"/."))
			if filepath.IsAbs(arg) {
				base = filepath.Clean(strings.TrimSuffix(arg, "..."))
			}
			if !ok || !isDir(base) {
				diags = append(diags, diag.Diagnostic{
					Code:    diag.NoSuchFile,
					Pos:     diag.Position{File: arg},
					Message: "no such directory: a pattern is a directory followed by /...",
				})
				continue
			}
			found, err := packageDirs(base)
			if err != nil {
				diags = append(diags, diag.Diagnostic{Code: diag.Unreadable, Pos: diag.Position{File: display.Display(base)}, Message: reason(err).Error()})
			}
			if len(found) == 0 {
				diags = append(diags, diag.Diagnostic{
					Code:    diag.EmptyPackage,
					Pos:     diag.Position{File: arg},
					Message: "the pattern matches no CUE package",
				})
			}
			for _, d := range found {
				g := find(moduleRoot(d))
				if !slices.Contains(g.dirs, d) {
					g.dirs = append(g.dirs, d)
				}
			}
		default:
			path := arg
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			if strings.HasSuffix(arg, ".cue") {
				if d, ok := checkFile(path, display); !ok {
					diags = append(diags, d)
					continue
				}
				files = append(files, path)
				continue
			}
			path, name, _ := strings.Cut(path, ":")
			switch info, err := os.Stat(path); {
			case err != nil:
				diags = append(diags, diag.Diagnostic{
					Code:    diag.NoSuchFile,
					Pos:     diag.Position{File: arg},
					Message: fmt.Sprintf("%v: expected a package directory, a .cue file, ./... or -", reason(err)),
				})
				continue
			case !info.IsDir():
				diags = append(diags, diag.Diagnostic{
					Code:    diag.NotCUE,
					Pos:     diag.Position{File: arg},
					Message: "not a CUE file: expected a name that ends in .cue, or a package directory",
				})
				continue
			}
			g := find(moduleRoot(path))
			if !slices.Contains(g.literal, path) {
				g.literal = append(g.literal, path)
			}
			if name != "" {
				path += ":" + name
			}
			if !slices.Contains(g.dirs, path) {
				g.dirs = append(g.dirs, path)
			}
		}
	}
	if len(files) > 0 {
		root := dir
		if first := files[0]; first != "-" {
			root = filepath.Dir(first)
		}
		groups = append(groups, &moduleGroup{root: moduleRoot(root), files: files, named: files})
	}
	return groups, diags
}

// checkFile reports what keeps a file from being read as CUE.
func checkFile(path string, display *Files) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{Code: diag.Unreadable, Pos: diag.Position{File: display.Display(path)}}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		d.Code = diag.NoSuchFile
		d.Message = reason(err).Error()
		return d, false
	case info.IsDir():
		d.Message = "a directory, not a CUE file"
		d.Hint = "name the package by its directory without .cue, or a file in it"
		return d, false
	case !info.Mode().IsRegular():
		d.Message = "not a regular file"
		return d, false
	case info.Size() > maxFileSize:
		d.Message = errTooLarge.Error()
		return d, false
	}
	f, err := os.Open(path)
	if err != nil {
		d.Message = reason(err).Error()
		return d, false
	}
	f.Close()
	return d, true
}

// moduleRoot gives the nearest directory at or above dir that holds a
// cue.mod, and dir itself where there is none.
func moduleRoot(dir string) string {
	for d := dir; ; {
		if _, err := os.Stat(filepath.Join(d, "cue.mod")); err == nil {
			return d
		}
		parent := filepath.Dir(d)
		if parent == d {
			return dir
		}
		d = parent
	}
}

// packageDirs lists the directories at and below base that hold CUE files, in
// lexical order. As with cue and go, it leaves out cue.mod, testdata, names
// that begin with "." or "_", and nested modules, and follows no links.
func packageDirs(base string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if path == base {
				return nil
			}
			if name == "cue.mod" || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "cue.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		name := entry.Name()
		if strings.HasSuffix(name, ".cue") && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") {
			if d := filepath.Dir(path); !slices.Contains(dirs, d) {
				dirs = append(dirs, d)
			}
		}
		return nil
	})
	slices.Sort(dirs)
	return dirs, err
}
