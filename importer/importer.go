// Package importer turns Kyverno's YAML into CUE specs that a person would have
// written, and loses nothing on the way.
//
// Objects go in with the comments that stand beside them (see Read), files of
// CUE come out, with a report of what is said in other words than before, and a
// diagnostic for each object that the authoring model cannot say. It is the
// inverse of compiler/lower: what lowering makes lists of is keyed by name, a
// filter is written flat, a setting stands where it is said once. Each spec is
// compiled before it is given, and what it builds is compared with the object
// that was read (see Equal).
package importer

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Options says how objects are imported.
type Options struct {
	// Package is the name of the package; "policies" where empty.
	Package string
	// Single makes one file of all, instead of one for each file that is read.
	Single bool
	// Patterns writes a rule that is one of kcue's patterns as that pattern.
	Patterns bool
	// Tests makes tests of the suites of Kyverno's command line.
	Tests bool
	// Schemas are those of Kyverno's CRDs.
	Schemas *crd.Schemas
	// Vet gives what is wrong with an object; one with an error is left out. Nil
	// takes all for valid.
	Vet func(manifest.Object) diag.List
	// Build compiles a package of one file, and gives its objects. An error of
	// the specs is a diagnostic at its line. With nil, nothing is compiled and
	// compared, and Patterns has no effect.
	Build func(source []byte) ([]*spec.Node, diag.List)
}

// File is a file of CUE.
type File struct {
	Name   string // slash path below the output directory; empty with Options.Single
	Source string // the file that it is made of; empty with Options.Single
	Data   []byte
}

// Result is what an import gives.
type Result struct {
	Files       []File
	Differences []Difference
	// Diagnostics speak of what was left out, in the order of the files.
	Diagnostics diag.List
	// Objects counts what was imported, Read what was there to import, Tests
	// the tests that suites became.
	Objects, Read, Tests int
}

// Import imports what was read. Each object is imported or has a diagnostic
// that is an error.
func Import(sources *Sources, options Options) (*Result, error) {
	if options.Package == "" {
		options.Package = "policies"
	}
	if !IsPackageName(options.Package) {
		return nil, fmt.Errorf("%q is no name for a package: expected letters, digits and _, beginning with a letter", options.Package)
	}
	result := &Result{Diagnostics: slices.Clone(sources.Diagnostics)}
	items := make([][]*item, len(sources.Files))
	for i, source := range sources.Files {
		result.Read += len(source.Objects)
		for _, o := range source.Objects {
			if options.Vet != nil {
				if found := options.Vet(o); found.HasErrors() {
					result.Diagnostics = append(result.Diagnostics, errorsOf(found)...)
					continue
				}
			}
			one, found := convert(o)
			result.Diagnostics = append(result.Diagnostics, found...)
			if one != nil {
				items[i] = append(items[i], one)
			}
		}
	}
	files := layOut(sources.Files, items, options.Package, options.Single)
	for _, pkg := range packagesOf(files) {
		result.Diagnostics = append(result.Diagnostics, keep(pkg)...)
		keyResources(pkg)
	}
	if options.Patterns {
		usePatterns(files, options)
	}
	result.Diagnostics = append(result.Diagnostics, verify(files, options)...)
	if options.Tests {
		var found diag.List
		files, result.Tests, found = addTests(files, sources.Suites, options)
		result.Diagnostics = append(result.Diagnostics, found...)
	}
	for _, f := range files {
		if len(f.items) == 0 {
			continue
		}
		data, err := f.render()
		if err != nil {
			return nil, err
		}
		result.Files = append(result.Files, File{Name: f.name, Source: f.source, Data: data})
		for _, i := range f.items {
			if i.field == "tests" {
				continue
			}
			result.Objects++
			result.Differences = append(result.Differences, i.differences...)
		}
	}
	result.Diagnostics = result.Diagnostics.Sorted()
	return result, nil
}

// errorsOf leaves out warnings, which `kcue vet` gives of the specs.
func errorsOf(found diag.List) diag.List {
	return slices.DeleteFunc(slices.Clone(found), func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
}

var packageNameForm = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_]*$`)

// IsPackageName reports whether a name may stand in a package clause.
func IsPackageName(name string) bool {
	return packageNameForm.MatchString(name) && ast.IsValidIdent(name) && !keywords[name]
}

// place is what stands on a line of a file of CUE.
type place struct {
	item  *item
	value *spec.Node
}

// render gives the file, formatted as cue fmt does.
func (o *output) render() ([]byte, error) {
	text, _ := o.text()
	data, err := format.Source([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("cannot format what was made of %s: %w", o.source, err)
	}
	return data, nil
}

// text gives the file before it is formatted, and what each line is about.
func (o *output) text() (string, []place) {
	var b strings.Builder
	var lines []place
	add := func(text string, about []place) {
		b.WriteString(text)
		lines = append(lines, about...)
	}
	blank := func(text string) { add(text, make([]place, strings.Count(text, "\n"))) }
	if len(o.items) > 0 {
		if header := commentLines(o.items[0].header); len(header) > 0 {
			blank(strings.Join(header, "\n") + "\n\n")
		}
	}
	blank("package " + o.pkg + "\n")
	if slices.ContainsFunc(o.items, func(i *item) bool { return len(i.uses) > 0 }) {
		blank("\nimport \"kcue.dev/patterns\"\n")
	}
	for n, i := range o.items {
		text, about := i.text(n == 0)
		blank("\n")
		add(text+"\n", about)
	}
	return b.String(), lines
}

// text gives the item's declaration, and the value on each of its lines. The
// header of the first of a file stands at the file's top.
func (i *item) text(first bool) (string, []place) {
	comments := spec.Comments{}
	for n, c := range i.comments {
		comments[n] = c
	}
	own := comments[i.node]
	if !first {
		own.Head = joined(i.header, own.Head)
	}
	comments[i.node] = own
	w := &writer{comments: comments, uses: i.uses, names: map[*spec.Node]bool{}}
	inner := spec.Field{Name: i.name, Value: i.node}
	if i.namespace != "" {
		inner = spec.Field{Name: i.namespace, Value: spec.NewStruct(i.node.Pos, inner)}
		w.names[inner.Value] = true
	}
	top := spec.Field{Name: i.field, Value: spec.NewStruct(i.node.Pos, inner)}
	w.names[top.Value] = true
	if rules := i.node.Get("rules"); rules != nil && (i.field == "clusterPolicies" || i.field == "policies") {
		w.names[rules] = true
	}
	// The object's comment stands above its declaration, not inside the chain
	// of its keys.
	delete(comments, i.node)
	if own != (spec.Comment{}) {
		comments[top.Value] = own
	}
	w.field(top, false)
	lines := make([]place, len(w.lines))
	for n, v := range w.lines {
		lines[n] = place{i, v}
	}
	return w.b.String(), lines
}
