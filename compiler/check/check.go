// Package check evaluates a package and holds it against the authoring model:
// in goes a loaded package, out comes a Bundle of concrete specs, or every
// mistake in it, one diagnostic each.
//
// Two things find mistakes. CUE does, while it evaluates: a pattern's
// parameter that does not exist, values that do not unify. The model does, on
// what CUE made of it: unknown fields, wrong types, missing ones. CUE stops at
// mistakes, and a struct with one in it cannot be read at all; so a package
// that fails is repaired (see repair) until what is left evaluates, and the
// model then sees the rest.
package check

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// checker holds one package while it is checked.
type checker struct {
	pkg    *load.Package
	files  *load.Files
	source *source
	model  func() *model.Model // may have to be waited for
}

// Package gives the bundle of a package, or nil where nothing of it can be
// read. Specs with mistakes are in it, marked as broken. It evaluates in contexts
// of its own, up to a limit at a time, and may run beside others; where the
// package is wrong, its syntax tree is changed. The model is asked for when the
// package is evaluated.
func Package(pkg *load.Package, m func() *model.Model, limit int) (bundle *spec.Bundle, diags diag.List) {
	defer func() {
		// CUE's evaluator panics on some input that it does not expect. That
		// costs the package, not the run.
		if r := recover(); r != nil {
			bundle = nil
			diags = diag.List{{
				Code:    diag.Evaluation,
				Pos:     diag.Position{File: pkg.Name()},
				Message: fmt.Sprintf("CUE's evaluator failed on this package: %v", r),
				Hint:    "please report it with the package",
			}}
		}
	}()
	c := &checker{
		pkg:    pkg,
		files:  pkg.Files(),
		source: &source{files: pkg.Instance.Files},
		model:  m,
	}
	root, ok := c.sharded(limit, shardSize)
	declares := ok
	if !ok {
		root, declares, diags = c.whole()
		if root == nil {
			return nil, diags
		}
	}
	for _, p := range m().Check(model.Bundle, root, nil) {
		problem := p.Diagnostic(c.files)
		if p.Kind == model.UnknownField && len(p.Path) == 1 && p.Suggestion == "" {
			problem.Hint = fmt.Sprintf("a helper has a hidden name (_%s), is a definition (#%[1]s) or a let", p.Field)
		}
		diags = append(diags, problem)
	}
	c.hintAtTags(diags)
	if !declares && pkg.Named && !diags.HasErrors() {
		return nil, append(diags, diag.Diagnostic{
			Code:    diag.EmptyPackage,
			Pos:     diag.Position{File: pkg.Name()},
			Message: "the package declares nothing: expected a bundle, such as clusterPolicies: \"name\": {...}",
		})
	}
	bundle = spec.NewBundle(pkg.Name(), root)
	var paths []string
	for _, d := range diags {
		paths = append(paths, d.Path)
	}
	bundle.MarkBroken(paths)
	return bundle, diags
}

// whole evaluates the package in one context. It gives nil where nothing is
// left of it to look at, and whether the package declares anything, be it only
// for others to import.
func (c *checker) whole() (root *spec.Node, declares bool, diags diag.List) {
	value := cuecontext.New().BuildInstance(c.pkg.Instance)
	d := c.decoder()
	if value.Err() != nil {
		value, diags, d.broken = c.repair(value)
		if value.Err() != nil {
			return nil, false, diags
		}
	}
	root = d.root(value)
	return root, len(root.Fields) > 0 || c.holdsDefinitions(value), append(diags, d.diags...)
}

// decoder gives a decoder of values of the package.
func (c *checker) decoder() *decoder {
	named := slices.ContainsFunc(c.pkg.Instance.Imports, func(i *build.Instance) bool {
		return ast.ParseImportPath(i.ImportPath).Path == schemaPath
	})
	return &decoder{files: c.files, diagnose: c.diagnose, schemaNamed: named}
}

// schemaPath is the import path of the definitions that a package may name.
const schemaPath = "kcue.dev/schema"

// holdsDefinitions reports whether a package has anything for others to
// import.
func (c *checker) holdsDefinitions(v cue.Value) bool {
	fields, err := v.Fields(cue.Definitions(true), cue.Hidden(true))
	return err == nil && fields.Next()
}

// maxRepairs bounds how often a package is evaluated again. Each round takes
// out every mistake that CUE showed, so few packages need three.
const maxRepairs = 8

// repair takes the author's mistakes out of the syntax tree and evaluates what
// is left, until nothing fails: CUE hides some mistakes behind others. It
// gives the last value, a diagnostic for each mistake, and the paths that were
// taken out.
func (c *checker) repair(value cue.Value) (cue.Value, diag.List, map[string]bool) {
	var diags diag.List
	broken := map[string]bool{}
	for range maxRepairs {
		err := value.Validate(cue.All())
		if err == nil {
			err = value.Err()
		}
		if err == nil {
			break
		}
		repaired := false
		var removals []func()
		for _, m := range mistakes(err) {
			if len(m.path) == 0 {
				m.path = c.source.at(m.errors[0].Position())
			}
			text := m.path.String()
			if broken[text] {
				continue
			}
			matches := c.source.find(m.path)
			if tag, ok := c.wrongTag(m, matches); ok {
				diags = append(diags, tag.diagnostic)
				tag.undo()
				broken[text], repaired = true, true
				continue
			}
			if !isEcho(m, broken) {
				diags = append(diags, c.diagnose(m))
			}
			broken[text] = true
			if len(m.path) == 0 {
				continue
			}
			for _, match := range matches {
				broken[m.path[:match.depth].String()] = true
				removals = append(removals, match.remove)
				repaired = true
			}
		}
		for _, remove := range removals {
			remove()
		}
		if !repaired {
			break
		}
		// The loader's own errors were none; what is there is of the build.
		c.pkg.Instance.Err = nil
		value = cuecontext.New().BuildInstance(c.pkg.Instance)
	}
	if len(diags) == 0 {
		for _, e := range errors.Errors(value.Err()) {
			diags = append(diags, c.diagnose(mistake{path: spec.Path(unquoted(e.Path())), errors: []errors.Error{e}}))
		}
	}
	return value, diags, broken
}

// isEcho reports whether a mistake only says that something which is reported
// already is now missing.
func isEcho(m mistake, broken map[string]bool) bool {
	for i := range m.path {
		if broken[m.path[:i+1].String()] {
			return true
		}
	}
	return false
}

// definitions visits the files of the package and of what it imports.
func (c *checker) definitions(visit func([]ast.Decl) bool) {
	for _, inst := range append(slices.Clone(c.pkg.Instance.Imports), c.pkg.Instance) {
		for _, f := range inst.Files {
			if visit(f.Decls) {
				return
			}
		}
	}
}

// names lists what can be referred to by name: the fields and definitions at
// the top of the package and of what it imports.
func (c *checker) names() []string {
	var names []string
	c.definitions(func(decls []ast.Decl) bool {
		names = append(names, fieldNames(decls)...)
		return false
	})
	return names
}

// parameters gives the names of a pattern's parameters.
func (c *checker) parameters(definition string) []string {
	var names []string
	c.definitions(func(decls []ast.Decl) bool {
		names = fieldNames(parameterDecls(decls, definition))
		return names != nil
	})
	return names
}

// parameterDoc gives what a pattern says of the parameter that the path leads
// into, or "".
func (c *checker) parameterDoc(path spec.Path) string {
	def := c.patternAbove(path)
	if def == "" {
		return ""
	}
	name := path[slices.Index(path, "params")+1]
	doc := ""
	c.definitions(func(decls []ast.Decl) bool {
		doc = fieldDoc(parameterDecls(decls, def), name)
		return doc != ""
	})
	if doc == "" {
		return ""
	}
	return name + ": " + doc
}
