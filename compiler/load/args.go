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

	known   tagNames // what -t may name here
	unknown []string // the arguments of -t that name none of it
}

// args gives directories of the group, and its files, in the form CUE's loader
// takes, relative to base.
func (g *moduleGroup) args(base string, dirs []string) []string {
	var args []string
	for _, d := range dirs {
		dir, name, qualified := splitName(d)
		arg := "."
		if rel, err := filepath.Rel(base, dir); err == nil && rel != "." {
			arg = "./" + filepath.ToSlash(rel)
		}
		if qualified {
			arg += ":" + name
		}
		args = append(args, arg)
	}
	for _, f := range g.files {
		if f != "-" {
			f = slashPath(f)
		}
		args = append(args, "cue:", f)
	}
	return args
}

// arguments sorts a command line's arguments into groups.
type arguments struct {
	dir    string // what relative arguments are relative to
	files  []string
	groups []*moduleGroup
	diags  diag.List
}

// group sorts arguments by module root. Files and standard input form one
// package, as with cue.
func group(dir string, args []string) ([]*moduleGroup, diag.List) {
	if len(args) == 0 {
		args = []string{"."}
	}
	a := &arguments{dir: dir}
	for _, arg := range args {
		switch {
		case arg == "-":
			a.files = append(a.files, arg)
		case strings.Contains(arg, "..."):
			a.addPattern(arg)
		case strings.HasSuffix(arg, ".cue"):
			path := a.abs(arg)
			if d, ok := checkFile(path, &Files{Dir: dir}); !ok {
				a.diags = append(a.diags, d)
				continue
			}
			a.files = append(a.files, path)
		default:
			a.addPackage(arg)
		}
	}
	if len(a.files) > 0 {
		root := dir
		if first := a.files[0]; first != "-" {
			root = filepath.Dir(first)
		}
		a.groups = append(a.groups, &moduleGroup{root: moduleRoot(root), files: a.files, named: a.files})
	}
	return a.groups, a.diags
}

func (a *arguments) abs(arg string) string {
	if filepath.IsAbs(arg) {
		return filepath.Clean(arg)
	}
	return filepath.Join(a.dir, arg)
}

func (a *arguments) refuse(code diag.Code, arg, message string) {
	a.diags = append(a.diags, diag.Diagnostic{Code: code, Pos: diag.Position{File: arg}, Message: message})
}

// in gives the group of the module that holds a directory.
func (a *arguments) in(dir string) *moduleGroup {
	root := moduleRoot(dir)
	for _, g := range a.groups {
		if g.root == root {
			return g
		}
	}
	g := &moduleGroup{root: root}
	a.groups = append(a.groups, g)
	return g
}

func (g *moduleGroup) add(dir string) {
	if !slices.Contains(g.dirs, dir) {
		g.dirs = append(g.dirs, dir)
	}
}

// addPattern adds the packages at and below the directory before "/...".
func (a *arguments) addPattern(arg string) {
	before, isPattern := strings.CutSuffix(arg, "...")
	base := a.abs(filepath.FromSlash(before))
	if !isPattern || !isDir(base) {
		a.refuse(diag.NoSuchFile, arg, "no such directory: a pattern is a directory followed by /...")
		return
	}
	found, err := packageDirs(base)
	if err != nil {
		a.refuse(diag.Unreadable, arg, diag.Reason(err).Error())
	}
	if len(found) == 0 {
		a.refuse(diag.EmptyPackage, arg, "the pattern matches no CUE package")
	}
	for _, d := range found {
		a.in(d).add(d)
	}
}

// addPackage adds a package directory, with or without :name.
func (a *arguments) addPackage(arg string) {
	dir, name, qualified := splitName(arg)
	dir = a.abs(dir)
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		a.refuse(diag.NoSuchFile, arg, fmt.Sprintf("%v: expected a package directory, a .cue file, ./... or -", diag.Reason(err)))
		return
	case !info.IsDir():
		a.refuse(diag.NotCUE, arg, "not a CUE file: expected a name that ends in .cue, or a package directory")
		return
	}
	g := a.in(dir)
	g.literal = append(g.literal, dir)
	if qualified {
		dir += ":" + name
	}
	g.add(dir)
}

// splitName parts a package's directory from the name after it, as in ./dir:name.
func splitName(arg string) (dir, name string, qualified bool) {
	if i := strings.LastIndexByte(arg, ':'); i > len(volume(arg)) {
		return arg[:i], arg[i+1:], true
	}
	return arg, "", false
}

// checkFile reports what keeps a file from being read as CUE.
func checkFile(path string, display *Files) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{Code: diag.Unreadable, Pos: diag.Position{File: display.Display(path)}}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		d.Code = diag.NoSuchFile
		d.Message = diag.Reason(err).Error()
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
		d.Message = diag.Reason(err).Error()
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
