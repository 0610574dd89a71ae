// Package load finds and parses the CUE packages that a command names.
//
// In go arguments as cue takes them (package directories, ./..., files, "-"
// for standard input) and tags to inject; out come build instances, not yet
// evaluated, whose imports of kcue.dev are the module embedded in the binary.
// The loader reads only below the module root of what was named (see tree),
// and touches the network only where the user's own cue.mod/module.cue asks
// for other modules.
package load

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"

	"kcue.dev/diag"
)

// Config says what to load.
type Config struct {
	Dir   string    // directory that arguments are relative to; the working directory where empty
	Args  []string  // packages and files; "." where empty
	Tags  []string  // key=value or key, as cue's -t
	Stdin io.Reader // read for the argument "-"
	// Parallel is how many packages to load at once; one after the other where
	// it is 0.
	Parallel int
}

// Package is one parsed package.
type Package struct {
	Instance *build.Instance
	// Named is set where the package was named by itself and not found by a
	// "..." pattern: such a package must hold something.
	Named bool
	files *Files
}

// Name is how diagnostics call the package: its directory, or the files it
// was given as.
func (p *Package) Name() string {
	if p.Instance.User {
		return "command-line-arguments"
	}
	return p.files.Display(p.Instance.Dir)
}

// Files gives the naming of the package's files.
func (p *Package) Files() *Files { return p.files }

// Packages loads what cfg names, in the order of the arguments and then of
// the directories. Diagnostics may come with packages: a broken package does
// not hide the mistakes of the others.
func Packages(cfg Config) ([]*Package, diag.List) {
	plan, diags := NewPlan(cfg)
	defer plan.Close()
	packages, found := plan.Load(func(int) bool { return true })
	loaded := slices.DeleteFunc(packages, func(p *Package) bool { return p == nil })
	return loaded, append(diags, found...)
}

// maxFileSize bounds a source file. The largest hand-written packages are a
// few hundred kilobytes; a generated fleet of 10,000 policies is 11 MB.
const maxFileSize = 64 << 20

func limitReader(r io.Reader) io.Reader {
	if r == nil {
		r = strings.NewReader("")
	}
	return &limitedReader{r: r, left: maxFileSize}
}

type limitedReader struct {
	r    io.Reader
	left int
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.left -= n
	if l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

var errTooLarge = fmt.Errorf("larger than %d MiB", maxFileSize>>20)

// loadErrors turns an instance's load errors, and those of what it imports,
// into diagnostics.
func (f *Files) loadErrors(inst *build.Instance) diag.List {
	var out diag.List
	for _, e := range cueerrors.Errors(inst.Err) {
		out = append(out, f.loadError(e, inst))
	}
	for _, imported := range inst.Imports {
		for _, e := range cueerrors.Errors(imported.Err) {
			if d := f.loadError(e, imported); !slices.ContainsFunc(out, func(o diag.Diagnostic) bool { return o.Pos == d.Pos }) {
				out = append(out, d)
			}
		}
	}
	for _, d := range f.unknownEmbedded(inst) {
		if !slices.ContainsFunc(out, func(o diag.Diagnostic) bool { return o.Pos == d.Pos }) {
			out = append(out, d)
		}
	}
	return out
}

// unknownEmbedded reports each import of a package that kcue.dev does not
// hold: CUE's loader stops at the first import that fails.
func (f *Files) unknownEmbedded(inst *build.Instance) diag.List {
	var out diag.List
	for _, file := range inst.Files {
		for spec := range file.ImportSpecs() {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !strings.HasPrefix(name, embeddedPath+"/") {
				continue
			}
			if bare := ast.ParseImportPath(name).Path; !slices.Contains(embeddedPackages(), bare) {
				out = append(out, diag.Diagnostic{
					Code:    diag.ImportNotFound,
					Pos:     f.Position(spec.Pos()),
					Message: fmt.Sprintf("cannot find package %q", name),
					Hint:    embeddedHint(bare),
				})
			}
		}
	}
	return out
}

func embeddedHint(name string) string {
	if near := diag.Nearest(name, embeddedPackages()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "kcue.dev holds the packages " + strings.Join(embeddedPackages(), ", ")
}

// cueVendored is what CUE's loader says of a package under cue.mod/pkg where it
// reads a file system that it is given (cuelang.org/go v0.17,
// cue/load/import.go absPathForSourceLoc).
const cueVendored = "cannot get absolute path for FS"

func (f *Files) loadError(e cueerrors.Error, inst *build.Instance) diag.Diagnostic {
	d := diag.Diagnostic{Code: diag.Syntax, Message: Message(e), Pos: f.Position(e.Position())}
	var noFiles *load.NoFilesError
	var multiple *load.MultiplePackageError
	var pkgErr *load.PackageError
	var pathErr *fs.PathError
	switch {
	case errors.As(e, &noFiles):
		d.Code = diag.EmptyPackage
		d.Message = "no CUE files here: expected a package of kcue specs"
		d.Hint = "name a directory with .cue files, or ./... for all below"
		if len(inst.IgnoredFiles) > 0 {
			ignored := inst.IgnoredFiles[0]
			d.Pos = diag.Position{File: f.Display(ignored.Filename)}
			d.Message = "the file belongs to no package"
			d.Hint = "begin it with a package clause, such as: package policies"
			if why := ignored.ExcludeReason; why != nil && strings.Contains(why.Error(), "@if") {
				d.Message = "every file of the package is left out by its @if attribute"
				d.Hint = "set a tag with -t"
			}
		}
	case errors.As(e, &multiple):
		d.Code = diag.ManyPackages
		d.Message = fmt.Sprintf("files of different packages in one directory: %s", strings.Join(multiple.Packages, ", "))
		d.Pos = diag.Position{File: f.Display(multiple.Dir)}
		d.Hint = fmt.Sprintf("give them one package name, or name the package: %s:%s", d.Pos.File, multiple.Packages[0])
	case errors.As(e, &pkgErr):
		d.Code = diag.ImportNotFound
		d.Message = pkgErr.Message.Error()
		if _, name, ok := strings.Cut(d.Message, `"`+embeddedPath+"/"); ok {
			name, _, _ = strings.Cut(name, `"`)
			d.Message = fmt.Sprintf("cannot find package %q", embeddedPath+"/"+name)
			d.Hint = embeddedHint(embeddedPath + "/" + name)
		}
	case strings.Contains(e.Error(), cueVendored):
		d.Code = diag.ImportNotFound
		d.Message = "the package is vendored under cue.mod, and kcue reads no packages there"
		d.Hint = "name its module in deps of cue.mod/module.cue, or move the package into this module"
	case errors.As(e, &pathErr):
		d.Code = diag.Unreadable
		// The tree's names are absolute but for the leading slash, and
		// io/fs.Sub makes them relative to the module.
		name := path.Clean("/" + pathErr.Path)
		if root := slashPath(inst.Root); !within(root, name) {
			name = path.Join(root, name)
		}
		d.Pos = diag.Position{File: f.Display(volume(f.Dir) + filepath.FromSlash(name))}
		d.Message = diag.Reason(e).Error()
		if strings.Contains(d.Message, "escapes") {
			d.Message = "a link that leads out of the module, which is not followed"
		}
	}
	if !d.Pos.IsValid() {
		d.Pos = diag.Position{File: f.Display(inst.Dir)}
	}
	return d
}

// Message gives an error's own words, without position or path.
func Message(e cueerrors.Error) string {
	format, args := e.Msg()
	if text := fmt.Sprintf(format, args...); text != "" {
		return text
	}
	return e.Error()
}

// isDir reports whether the path is a directory, following links: a user may
// name a link.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
