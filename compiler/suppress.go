package compiler

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"kcue.dev/compiler/config"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// attributeName is the attribute by which an author turns off a warning where
// it stands: @kcue(disable=KC501).
const attributeName = "kcue"

// attribute is one such attribute, and the part of a file that it is about:
// the field that it stands behind or in, or the whole file. It goes by the
// place of a warning and not by its path: a rule's warnings stand where the
// rule is written, whichever policies inherit it.
type attribute struct {
	off       []config.Suppression
	wholeFile bool
	from, to  diag.Position
	used      bool
}

// covers reports whether a warning is turned off.
func (a *attribute) covers(d diag.Diagnostic) bool {
	if d.Pos.File != a.from.File || !a.wholeFile && (d.Pos.Line == 0 || before(d.Pos, a.from) || before(a.to, d.Pos)) {
		return false
	}
	return slices.ContainsFunc(a.off, func(s config.Suppression) bool { return s.Covers(d, "") })
}

func before(a, b diag.Position) bool {
	return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
}

// attributes gives the attributes of a package, and what is wrong with them.
func attributes(pkg *load.Package) ([]*attribute, diag.List) {
	w := &attributeWalk{files: pkg.Files()}
	for _, f := range pkg.Instance.Files {
		for _, decl := range f.Decls {
			if a, ok := decl.(*ast.Attribute); ok {
				w.add(a, f, true)
			}
		}
		ast.Walk(f, w.enter, nil)
	}
	return w.found, w.diags
}

type attributeWalk struct {
	files *load.Files
	found []*attribute
	diags diag.List
}

func (w *attributeWalk) enter(n ast.Node) bool {
	field, ok := n.(*ast.Field)
	if !ok {
		return true
	}
	for _, a := range field.Attrs {
		w.add(a, field, false)
	}
	if s, ok := field.Value.(*ast.StructLit); ok {
		for _, e := range s.Elts {
			if a, ok := e.(*ast.Attribute); ok {
				w.add(a, field, false)
			}
		}
	}
	return true
}

// add reads an attribute that is about a node, if it is kcue's.
func (w *attributeWalk) add(a *ast.Attribute, about ast.Node, wholeFile bool) {
	key, body := a.Split()
	if key != attributeName {
		return
	}
	at := w.files.Position(a.Pos())
	list, ok := strings.CutPrefix(strings.TrimSpace(body), "disable=")
	if !ok {
		w.diags = append(w.diags, diag.Diagnostic{
			Code: diag.Suppression, Pos: at, Hint: "such as @kcue(disable=KC503)",
			Message: fmt.Sprintf("@kcue(%s) says nothing that kcue knows: expected disable=, with the codes of warnings", body),
		})
		return
	}
	list = strings.ReplaceAll(strings.ReplaceAll(list, `"`, ""), "disable=", "")
	off, mistakes := config.ParseCodes(list, at)
	w.diags = append(w.diags, mistakes...)
	if len(off) > 0 {
		w.found = append(w.found, &attribute{off: off, wholeFile: wholeFile, from: w.files.Position(about.Pos()), to: w.files.Position(about.End())})
	}
}

// suppressions is all that turns warnings off in a run.
type suppressions struct {
	attributes []*attribute
	// listed are those of .kcue.yaml, of annotations and of flags.
	listed []config.Suppression
	run    config.Run
	files  map[string]bool // those of run
}

// suppressions reads what a configuration's directory and flags turn off.
func (cfg Config) suppressions() (*suppressions, diag.List) {
	s := &suppressions{files: map[string]bool{}}
	var diags diag.List
	if file, ok := config.Find(cfg.Dir); ok {
		read, mistakes := config.Load(file, cfg.Dir)
		diags = append(diags, mistakes...)
		if read != nil {
			s.listed = append(s.listed, read.Suppressions...)
		}
		dir, err := filepath.Abs(cfg.Dir)
		s.run.Complete = err == nil && dir == filepath.Dir(file) && slices.Contains(cfg.Args, "./...")
	}
	for _, list := range cfg.Disable {
		off, mistakes := config.ParseCodes(list, diag.Position{})
		s.listed, diags = append(s.listed, off...), append(diags, mistakes...)
	}
	return s, diags
}

// saw notes an object that the run looked at, and what its annotation turns
// off.
func (s *suppressions) saw(object *spec.Node, ref string, pos diag.Position) diag.List {
	s.run.Policies = append(s.run.Policies, ref)
	if !s.files[pos.File] {
		s.files[pos.File] = true
		s.run.Files = append(s.run.Files, pos.File)
	}
	list := object.Get("metadata").Get("annotations").Get(config.Annotation)
	if list == nil {
		return nil
	}
	off, mistakes := config.ParseCodes(list.Str(), pos)
	for i := range off {
		off[i].File, off[i].Policy = pos.File, ref
	}
	s.listed = append(s.listed, off...)
	return mistakes
}

// filter leaves out the warnings that are turned off. With unused, what turns
// off nothing is a warning itself, so that nothing outlives its reason.
func (s *suppressions) filter(diags diag.List, unused bool) diag.List {
	var kept diag.List
	for _, d := range diags {
		covered := false
		for _, a := range s.attributes {
			if a.covers(d) {
				a.used, covered = true, true
			}
		}
		if !covered {
			kept = append(kept, d)
		}
	}
	kept, idle := config.Filter(s.listed, kept, s.run)
	if !unused {
		return kept
	}
	for _, a := range s.attributes {
		if !a.used {
			idle = append(idle, diag.Diagnostic{
				Code: diag.UnusedSuppression, Severity: diag.Warning, Pos: a.off[0].Pos,
				Message: fmt.Sprintf("nothing here has %s: the attribute can go", a.off[0].Code),
			})
		}
	}
	return append(kept, idle...)
}
