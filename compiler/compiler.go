// Package compiler turns packages of specs into Kubernetes objects.
//
// It reads top to bottom: load the packages, check each against the authoring
// model, resolve inheritance, lower to the target's objects, and hold these
// against Kyverno's own schemas. A phase takes what the one before gives and
// never reaches back. Package emit then writes the objects.
package compiler

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"kcue.dev/compiler/check"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Config says what to compile.
type Config struct {
	Dir      string    // directory that Args are relative to; the working directory where empty
	Args     []string  // packages and files as cue takes them; "." where empty
	Tags     []string  // key=value or key, as cue's -t
	Stdin    io.Reader // read for the argument "-"
	Target   string    // one of lower.Targets; kyverno.io/v1 where empty
	Parallel int       // how many packages and policies to work on at once; one a processor where 0
}

// Result is what a compilation gives.
type Result struct {
	// Objects are in the order of emission: by kind, namespace and name.
	Objects []lower.Object
	// Bundles are the packages that were compiled, in the order of the
	// arguments.
	Bundles []Bundle
	// Warnings are diagnostics that do not fail the compilation.
	Warnings diag.List
}

// Bundle is one compiled package.
type Bundle struct {
	*spec.Bundle
	Files    *load.Files
	Policies []*resolve.Policy
	Objects  []lower.Object // in source order
}

// Compile compiles the packages that cfg names. Its error is a diag.List where
// the specs have mistakes: every one of them, in the order of the files. No
// objects are given then.
func Compile(cfg Config) (*Result, error) {
	if cfg.Target != "" && !slices.Contains(lower.Targets(), cfg.Target) {
		return nil, diag.List{{
			Code:    diag.UnknownTarget,
			Message: fmt.Sprintf("unknown target %q: expected %s", cfg.Target, strings.Join(lower.Targets(), " or ")),
		}}
	}
	packages, diags := load.Packages(load.Config{Dir: cfg.Dir, Args: cfg.Args, Tags: cfg.Tags, Stdin: cfg.Stdin})
	m, err := model.Load()
	if err != nil {
		return nil, err
	}
	schemas, err := crd.Load()
	if err != nil {
		return nil, err
	}

	parallel := cmp.Or(cfg.Parallel, runtime.GOMAXPROCS(0))
	bundles := make([]Bundle, len(packages))
	found := make([]diag.List, len(packages))
	forEach(len(packages), parallel, func(i int) {
		bundles[i], found[i] = compilePackage(packages[i], m, schemas, parallel)
	})
	result := &Result{}
	for i, b := range bundles {
		diags = append(diags, found[i]...)
		if b.Bundle == nil {
			continue
		}
		result.Bundles = append(result.Bundles, b)
		result.Objects = append(result.Objects, b.Objects...)
	}
	diags = append(diags, duplicates(result.Bundles)...)
	if diags.HasErrors() {
		return nil, diags.Sorted()
	}
	slices.SortStableFunc(result.Objects, lower.Compare)
	result.Warnings = diags.Sorted()
	return result, nil
}

// compilePackage takes one package through the phases. Its Bundle is nil where
// the package has mistakes.
func compilePackage(pkg *load.Package, m *model.Model, schemas *crd.Schemas, parallel int) (Bundle, diag.List) {
	bundle, diags := check.Package(pkg, m, parallel)
	if bundle == nil {
		return Bundle{}, diags
	}
	files := pkg.Files()
	policies, resolved := resolve.Bundle(bundle, m, files)
	diags = append(diags, resolved...)
	natives := slices.DeleteFunc(slices.Clone(bundle.Natives), func(n *spec.Native) bool { return n.Broken })

	objects := make([]lower.Object, len(policies)+len(natives))
	found := make([]diag.List, len(objects))
	forEach(len(objects), parallel, func(i int) {
		if i < len(policies) {
			// What Kyverno's schema says of a policy that is refused already
			// would be an echo.
			if found[i] = check.Policy(policies[i], files); found[i].HasErrors() {
				return
			}
			var lowered diag.List
			objects[i], lowered = lower.Policy(policies[i], files)
			found[i] = append(found[i], lowered...)
		} else {
			objects[i], found[i] = lower.Native(natives[i-len(policies)], files)
		}
		if !found[i].HasErrors() {
			found[i] = append(found[i], accept(&objects[i], schemas, files)...)
		}
	})
	for _, ds := range found {
		diags = append(diags, ds...)
	}
	if diags.HasErrors() {
		return Bundle{}, diags
	}
	return Bundle{Bundle: bundle, Files: files, Policies: policies, Objects: objects}, diags
}

// accept holds an object against Kyverno's schemas and writes out the defaults
// inside its lists. A kind that is not Kyverno's is left as it is.
func accept(o *lower.Object, schemas *crd.Schemas, files *load.Files) diag.List {
	if !schemas.Known(o.APIVersion(), o.Kind()) {
		return nil
	}
	var diags diag.List
	for _, v := range schemas.Check(o.Node) {
		pos := o.Pos
		if v.Node != nil && v.Node.Pos.IsValid() {
			pos = v.Node.Pos
		}
		diags = append(diags, diag.Diagnostic{
			Code:    diag.CRDSchema,
			Pos:     files.Position(pos),
			Path:    o.Path.String(),
			Message: fmt.Sprintf("Kyverno refuses the %s: %s", o.Kind(), v.Error()),
		})
	}
	if len(diags) == 0 {
		o.Node = schemas.DefaultLists(o.Node)
	}
	return diags
}

// duplicates reports objects that two specs both make.
func duplicates(bundles []Bundle) diag.List {
	// An object is the same in every version of its group.
	type id struct{ group, kind, namespace, name string }
	type place struct {
		files *load.Files
		obj   lower.Object
	}
	first := map[id]place{}
	var diags diag.List
	for _, b := range bundles {
		for _, o := range b.Objects {
			key := id{o.Group(), o.Kind(), o.Namespace(), o.Name()}
			earlier, ok := first[key]
			if !ok {
				first[key] = place{b.Files, o}
				continue
			}
			diags = append(diags, diag.Diagnostic{
				Code:    diag.DuplicateObject,
				Pos:     b.Files.Position(o.Pos),
				Path:    o.Path.String(),
				Message: fmt.Sprintf("%s %q is made twice in this build", o.Kind(), o.Name()),
				Hint:    "give one of them another name, or build the packages apart",
				Related: []diag.Related{{Pos: earlier.files.Position(earlier.obj.Pos), Message: "the other"}},
			})
		}
	}
	return diags
}

// forEach calls f for 0 to n-1, at most parallel at a time.
func forEach(n, parallel int, f func(int)) {
	var wg sync.WaitGroup
	work := make(chan int)
	for range min(parallel, n) {
		wg.Go(func() {
			for i := range work {
				f(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
}
