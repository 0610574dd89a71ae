package compiler

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

// Vetted is what a vet found, and in how much.
type Vetted struct {
	// Diagnostics are all that was found, warnings included, in the order of
	// the files.
	Diagnostics diag.List
	// Packages, Files and Objects count what was looked at: packages of specs,
	// files of YAML, and the Kyverno objects of both.
	Packages, Files, Objects int

	accepted []Accepted
}

// Accepted is an object of Kyverno's in which no error was found.
type Accepted struct {
	Node *spec.Node
	Pos  diag.Position
	Path string // as diagnostics about the object write it
}

// Accepted lists the objects in which no error was found: those of the specs,
// where these have no mistake, and then those of the files.
func (v *Vetted) Accepted() []Accepted { return v.accepted }

// Vet checks packages of specs, and YAML files of Kyverno's objects beside
// them: an argument that ends in .yaml, .yml or .json, or a directory of such
// files without CUE. Mistakes are diagnostics and no error; the error is a
// diag.List where cfg itself is wrong.
func Vet(cfg Config) (*Vetted, error) {
	c, diags, err := newCompilation(cfg)
	if err != nil {
		return nil, err
	}
	c, mistaken, err := c.prepared()
	if err != nil {
		return nil, err
	}
	out := &Vetted{Diagnostics: append(diags, mistaken...)}
	packages, manifests := vetArguments(cfg.Dir, cfg.Args)
	if len(packages) > 0 || len(manifests) == 0 {
		cfg.Args = packages
		result, diags, err := c.compile(cfg)
		if err != nil {
			return nil, err
		}
		out.Diagnostics = append(out.Diagnostics, diags...)
		out.Packages = result.Packages
		out.Objects = len(result.Objects)
		for _, b := range result.Bundles {
			for _, o := range b.Objects {
				if isKyverno(o.Node) {
					out.accepted = append(out.accepted, Accepted{o.Node, b.Files.Position(o.Pos), o.Path.String()})
				}
			}
		}
	}
	c.manifests(cfg.Dir, manifests, out)
	unused := cfg.BestPractices && !out.Diagnostics.HasErrors()
	out.Diagnostics = oncePerPlace(c.off.filter(out.Diagnostics, unused).Sorted())
	return out, nil
}

// Vetter vets objects of YAML one by one.
type Vetter struct{ c *compilation }

// NewVetter gives a Vetter for a cluster that has the kinds of the
// CustomResourceDefinitions among the objects. One that is wrong declares
// nothing.
func NewVetter(objects []*spec.Node) (*Vetter, error) {
	c, _, err := newCompilation(Config{})
	if err != nil {
		return nil, err
	}
	if c, _, err = c.prepared(); err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.Get("kind").Str() != "CustomResourceDefinition" {
			continue
		}
		if with, err := c.options.Kinds.With(o); err == nil {
			c.options.Kinds = with
		}
	}
	return &Vetter{c}, nil
}

// Object gives what is wrong with an object that manifest.Located read, at its
// place in its file, without best practices. Of an object that is not Kyverno's
// nothing is wrong.
func (v *Vetter) Object(o manifest.Object) diag.List {
	if !isKyverno(o.Node) {
		return nil
	}
	return v.c.manifest(o)
}

// vetArguments sorts arguments into packages and files of YAML.
func vetArguments(dir string, args []string) (packages, manifests []string) {
	for _, arg := range args {
		switch filepath.Ext(arg) {
		case ".yaml", ".yml", ".json":
			manifests = append(manifests, arg)
			continue
		}
		if isManifestDir(inDir(dir, arg)) {
			manifests = append(manifests, arg)
		} else {
			packages = append(packages, arg)
		}
	}
	return packages, manifests
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// isManifestDir reports whether a directory has files of YAML in it or below,
// and no CUE beside them.
func isManifestDir(path string) bool {
	if cue, err := filepath.Glob(filepath.Join(path, "*.cue")); err != nil || len(cue) > 0 {
		return false
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	files, err := manifest.Files([]string{path})
	return err == nil && len(files) > 0
}

// manifests vets files of YAML.
func (c *compilation) manifests(dir string, args []string, out *Vetted) {
	var objects []manifest.Object
	for _, arg := range args {
		files, err := manifest.Files([]string{inDir(dir, arg)})
		if err != nil {
			out.Diagnostics = append(out.Diagnostics, diag.Diagnostic{Code: diag.NoSuchFile, Pos: diag.Position{File: arg}, Message: errors.Unwrap(err).Error()})
			continue
		}
		out.Files += len(files)
		found, failed, isDir := 0, false, len(files) != 1 || files[0] != inDir(dir, arg)
		for o, err := range manifest.Located(files, nil) {
			var mistake *manifest.Error
			if errors.As(err, &mistake) && mistake.Foreign && isDir {
				continue
			}
			if err != nil {
				failed = true
				out.Diagnostics = append(out.Diagnostics, unreadable(dir, err))
				continue
			}
			if isKyverno(o.Node) {
				o.File = display(dir, o.File)
				objects = append(objects, o)
				found++
			}
		}
		if found == 0 && !failed {
			out.Diagnostics = append(out.Diagnostics, diag.Diagnostic{
				Code: diag.EmptyPackage, Pos: diag.Position{File: arg},
				Message: "holds no object of Kyverno's: expected a policy, such as one of kind ClusterPolicy",
			})
		}
	}
	found := make([]diag.List, len(objects))
	parallel.Each(len(objects), c.parallel, func(i int) { found[i] = c.manifest(objects[i]) })
	out.Objects += len(objects)
	for i, o := range objects {
		pos := diag.Position{File: o.File, Line: o.Node.Pos.Line() + o.LinesBefore, Column: o.Node.Pos.Column()}
		out.Diagnostics = append(append(out.Diagnostics, found[i]...), c.off.saw(o.Node, reference(o.Node), pos)...)
		if !found[i].HasErrors() {
			out.accepted = append(out.accepted, Accepted{o.Node, pos, manifestName(o.Node)})
		}
	}
}

// display names a file as the user does, relative to the directory.
func display(dir, file string) string {
	if rel, err := filepath.Rel(dir, file); err == nil && dir != "" && filepath.IsAbs(file) == filepath.IsAbs(dir) {
		file = rel
	}
	return filepath.ToSlash(file)
}

// unreadable speaks of a document, or of a whole file, that holds no object.
func unreadable(dir string, err error) diag.Diagnostic {
	var mistake *manifest.Error
	if !errors.As(err, &mistake) {
		return diag.Diagnostic{Code: diag.Unreadable, Message: err.Error()}
	}
	d := mistake.Diagnostic()
	d.Pos.File = display(dir, mistake.File)
	return d
}

// isKyverno tells whether an object is one of Kyverno's policies and what goes
// with them, or is meant to be: it is of their groups, or of a kind that no one
// else has.
func isKyverno(o *spec.Node) bool {
	group, _, _ := strings.Cut(o.Get("apiVersion").Str(), "/")
	return group == "kyverno.io" || group == "policies.kyverno.io" || slices.Contains(kyvernoKinds, o.Get("kind").Str())
}

// kyvernoKinds are kinds by whose name an object is Kyverno's, whatever its
// apiVersion says.
var kyvernoKinds = []string{"ClusterPolicy", "ClusterCleanupPolicy", "CleanupPolicy", "GlobalContextEntry", "ImageValidatingPolicy"}

// manifest vets an object of a YAML file.
func (c *compilation) manifest(o manifest.Object) diag.List {
	name := manifestName(o.Node)
	at := func(pos token.Pos) diag.Position {
		if !pos.IsValid() {
			pos = o.Node.Pos
		}
		return diag.Position{File: o.File, Line: pos.Line() + o.LinesBefore, Column: pos.Column()}
	}
	var diags diag.List
	violations := c.schemas.Check(o.Node)
	for _, v := range violations {
		pos := o.Node.Pos
		if v.Node != nil {
			pos = v.Node.Pos
		}
		d := diag.Diagnostic{Code: violationCode(v.Kind), Pos: at(pos), Path: name + ": " + v.Path, Message: v.Message}
		if len(v.Allowed) > 0 {
			d.Hint = suggestion(v)
		}
		diags = append(diags, d)
	}
	if !c.schemas.Known(o.Node.Get("apiVersion").Str(), o.Node.Get("kind").Str()) {
		return diags
	}
	for _, f := range vet.Object(o.Node, c.options) {
		place := []string{f.Place()}
		if !slices.ContainsFunc(violations, func(v crd.Violation) bool { return echoes(v, place) }) {
			diags = append(diags, diag.Diagnostic{Code: f.Code, Severity: f.Severity, Pos: at(f.Node.Pos), Path: name + ": " + place[0], Message: f.Message, Hint: f.Hint})
		}
	}
	return diags
}

// manifestName is how diagnostics name an object of a file.
func manifestName(o *spec.Node) string {
	return o.Get("kind").Str() + "/" + reference(o)
}

// violationCode gives the code under which the same mistake is reported in a
// spec.
func violationCode(kind crd.Kind) diag.Code {
	switch kind {
	case crd.UnknownField:
		return diag.UnknownField
	case crd.WrongType:
		return diag.WrongType
	case crd.Missing:
		return diag.MissingField
	case crd.NotAllowed:
		return diag.NotInEnumeration
	case crd.BadFormat, crd.BadPattern, crd.OutOfRange, crd.BadLength:
		return diag.OutOfBounds
	case crd.BadMetadata:
		return diag.ObjectName
	}
	return diag.CRDSchema
}

// suggestion says which of what is allowed was likely meant.
func suggestion(v crd.Violation) string {
	written := v.Path[strings.LastIndexByte(v.Path, '.')+1:]
	if v.Kind != crd.UnknownField && v.Node != nil && v.Node.Kind == spec.String {
		written = v.Node.Text
	}
	if near := diag.Nearest(written, v.Allowed); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
