// Package compiler turns packages of specs into Kubernetes objects.
//
// It reads top to bottom: load the packages, check each against the authoring
// model, resolve inheritance, lower to the target's objects, and hold these
// against Kyverno's own schemas. A phase takes what the one before gives and
// never reaches back. Package emit then writes the objects.
package compiler

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"kcue.dev/compiler/cache"
	"kcue.dev/compiler/check"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
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
	// BestPractices asks for the warnings of KC5xx.
	BestPractices bool
	// CRDs are files and directories of CustomResourceDefinitions, whose kinds
	// policies may name.
	CRDs []string
	// Disable lists codes of warnings that are not wanted, separated by commas.
	Disable []string
	// Cache keeps what packages compile to, and gives it back; nil keeps
	// nothing.
	Cache *cache.Store
}

// Result is what a compilation gives.
type Result struct {
	// Objects are in the order of emission: by kind, namespace and name.
	Objects []lower.Object
	// Bundles are the packages that were compiled, in the order of the
	// arguments, without those whose objects came from the cache.
	Bundles []Bundle
	// Packages is how many were looked at, those with mistakes included.
	Packages int
	// Warnings are diagnostics that do not fail the compilation.
	Warnings diag.List
}

// Bundle is one compiled package.
type Bundle struct {
	*spec.Bundle
	Files    *load.Files
	Policies []*resolve.Policy
	Objects  []lower.Object // in source order

	pkg *load.Package
}

// Compile compiles the packages that cfg names. Its error is a diag.List where
// the specs have mistakes: every one of them, in the order of the files. No
// objects are given then.
func Compile(cfg Config) (*Result, error) {
	c, diags, err := newCompilation(cfg)
	if err != nil {
		return nil, err
	}
	result, found, err := c.compile(cfg)
	if err != nil {
		return nil, err
	}
	diags = oncePerPlace(c.off.filter(append(diags, found...), false).Sorted())
	if diags.HasErrors() {
		return nil, diags
	}
	result.Warnings = diags
	return result, nil
}

// compile compiles the packages that cfg names: it gives what it can, and every
// diagnostic.
func (c *compilation) compile(cfg Config) (*Result, diag.List, error) {
	plan, diags := load.NewPlan(load.Config{Dir: cfg.Dir, Args: cfg.Args, Tags: cfg.Tags, Stdin: cfg.Stdin, Parallel: c.parallel})
	defer plan.Close()
	kept := c.kept(cfg, plan)
	compiled := kept.packages
	var found diag.List
	anew := slices.Contains(compiled, nil)
	parallel.Each(2, c.parallel, func(i int) {
		switch {
		case i == 0:
			found = c.packages(cfg, plan, kept)
		case anew:
			c.tables() // which are not needed before packages are evaluated
		}
	})
	diags = append(diags, found...)
	if anew {
		t := c.tables()
		if t.err != nil {
			return nil, nil, t.err
		}
		diags = append(diags, t.diags...)
	}
	kept.trim()
	result := &Result{}
	for _, p := range compiled {
		if p == nil {
			continue
		}
		result.Packages++
		diags = append(diags, p.diags...)
		if p.bundle == nil && !p.kept || p.diags.HasErrors() {
			continue
		}
		if p.bundle != nil {
			result.Bundles = append(result.Bundles, *p.bundle)
		}
		for _, o := range p.objects {
			result.Objects = append(result.Objects, o.Object)
		}
	}
	diags = append(diags, duplicates(compiled)...)
	for _, p := range compiled {
		if p == nil {
			continue
		}
		c.off.attributes = append(c.off.attributes, p.attributes...)
		for _, o := range p.objects {
			if o.Node != nil {
				diags = append(diags, c.off.saw(o.Node, reference(o.Node), o.place)...)
			}
		}
	}
	slices.SortStableFunc(result.Objects, lower.Compare)
	return result, diags, nil
}

// packages loads and compiles the packages that are not kept. The diagnostics are
// of loading; those of a package stand with it.
func (c *compilation) packages(cfg Config, plan *load.Plan, kept *kept) diag.List {
	packages, found := plan.Load(func(i int) bool { return kept.packages[i] == nil })
	parallel.Each(len(packages), c.parallel, func(i int) {
		if packages[i] == nil || kept.packages[i] != nil {
			return
		}
		kept.packages[i] = c.pkg(packages[i])
		// A value that a tag cannot have is taken out of the package.
		if len(cfg.Tags) == 0 || !found.HasErrors() {
			kept.put(i)
		}
	})
	return found
}

// compiledPackage is what a package compiles to.
type compiledPackage struct {
	bundle     *Bundle // nil where nothing of the package can be read, or it is kept
	kept       bool    // it comes from the cache
	objects    []placedObject
	attributes []*attribute
	diags      diag.List
}

// placedObject is an object, and where its author wrote what it is made of.
type placedObject struct {
	lower.Object
	place diag.Position
}

// pkg compiles a package.
func (c *compilation) pkg(pkg *load.Package) *compiledPackage {
	out := &compiledPackage{}
	bundle, diags := c.bundle(pkg)
	out.diags = diags
	if bundle.Bundle != nil {
		out.bundle = &bundle
		for _, o := range bundle.Objects {
			out.objects = append(out.objects, placedObject{o, bundle.Files.Position(o.Pos)})
		}
	}
	found, mistaken := attributes(pkg)
	out.attributes = found
	out.diags = append(out.diags, mistaken...)
	return out
}

// reference is how policies are named: name, or namespace/name.
func reference(object *spec.Node) string {
	metadata := object.Get("metadata")
	if namespace := metadata.Get("namespace").Str(); namespace != "" {
		return namespace + "/" + metadata.Get("name").Str()
	}
	return metadata.Get("name").Str()
}

// compilation is what the packages of a run share.
type compilation struct {
	off      *suppressions
	parallel int
	tables   func() *tables // reads them, once
	*tablesRead
}

// tables are what the binary brings along, and the kinds that the configuration
// names.
type tables struct {
	tablesRead
	diags diag.List // of the user's files
	err   error
}

// tablesRead is what checks need.
type tablesRead struct {
	model   *model.Model
	schemas *crd.Schemas
	options vet.Options
}

// newCompilation begins a run: it checks the configuration, and reads what turns
// warnings off. The diagnostics are of the user's files; the error is not.
func newCompilation(cfg Config) (*compilation, diag.List, error) {
	if cfg.Target != "" && !slices.Contains(lower.Targets(), cfg.Target) {
		return nil, nil, diag.List{{
			Code:    diag.UnknownTarget,
			Message: fmt.Sprintf("unknown target %q: expected %s", cfg.Target, strings.Join(lower.Targets(), " or ")),
		}}
	}
	off, diags := cfg.suppressions()
	limit := cmp.Or(cfg.Parallel, runtime.GOMAXPROCS(0))
	return &compilation{
		off:      off,
		parallel: limit,
		tables:   sync.OnceValue(func() *tables { return cfg.tables(limit) }),
	}, diags, nil
}

// tables reads the tables, with up to a limit of goroutines.
func (cfg Config) tables(limit int) *tables {
	t := &tables{}
	var known *kinds.Table
	errs := make([]error, 3)
	parallel.Each(len(errs), limit, func(i int) {
		switch i {
		case 0:
			t.model, errs[i] = model.Load()
		case 1:
			t.schemas, errs[i] = crd.Load()
		case 2:
			known, errs[i] = kinds.Load()
		}
	})
	if t.err = errors.Join(errs...); t.err != nil {
		return t
	}
	if len(cfg.CRDs) > 0 {
		paths := make([]string, len(cfg.CRDs))
		for i, path := range cfg.CRDs {
			paths[i] = inDir(cfg.Dir, path)
		}
		var mistakes []*manifest.Error
		known, mistakes = known.WithFiles(paths)
		for _, m := range mistakes {
			t.diags = append(t.diags, unreadable(cfg.Dir, m))
		}
	}
	t.options = vet.Options{BestPractices: cfg.BestPractices, Kinds: known, Repeats: &vet.Repeats{}}
	return t
}

// prepared gives the compilation with its tables read.
func (c *compilation) prepared() (*compilation, diag.List, error) {
	t := c.tables()
	if t.err != nil {
		return nil, nil, t.err
	}
	own := *c
	read := t.tablesRead
	own.tablesRead = &read
	return &own, t.diags, nil
}

// withOwnKinds gives the compilation of a bundle that ships definitions of
// kinds along with its policies.
func (c *compilation) withOwnKinds(bundle *spec.Bundle, files *load.Files) (*compilation, diag.List) {
	var definitions []*spec.Node
	for _, n := range bundle.Natives {
		if n.Field == "resources" && n.Spec.Get("kind").Str() == "CustomResourceDefinition" && !n.Broken {
			if o, diags := lower.Native(n, files); !diags.HasErrors() {
				definitions = append(definitions, o.Node)
			}
		}
	}
	if len(definitions) == 0 {
		return c, nil
	}
	known, err := c.options.Kinds.With(definitions...)
	if err != nil {
		d := diag.Diagnostic{Code: diag.CRDSchema, Message: "the CustomResourceDefinition would be refused: " + err.Error()}
		var at *kinds.CRDError
		if errors.As(err, &at) {
			d.Pos = files.Position(at.Node.Pos)
		}
		return c, diag.List{d}
	}
	own := *c
	read := *c.tablesRead
	read.options.Kinds = known
	own.tablesRead = &read
	return &own, nil
}

// bundle takes one package through the phases. Where it has mistakes, some of
// its objects are not what they should be, or are not there.
func (c *compilation) bundle(pkg *load.Package) (Bundle, diag.List) {
	bundle, diags := check.Package(pkg, func() *model.Model { return c.tables().model }, c.parallel)
	if bundle == nil {
		return Bundle{}, diags
	}
	c, _, err := c.prepared()
	if err != nil {
		return Bundle{}, diags // which the run says
	}
	files := pkg.Files()
	c, mistaken := c.withOwnKinds(bundle, files)
	diags = append(diags, mistaken...)
	policies, resolved := resolve.Bundle(bundle, c.model, files)
	diags = append(diags, resolved...)

	objects := make([]lower.Object, len(policies)+len(bundle.Natives))
	partial := resolve.Partial(bundle, policies)
	found := make([]diag.List, len(objects)+len(partial))
	parallel.Each(len(found), c.parallel, func(i int) {
		switch native, own := i-len(policies), i-len(objects); {
		case native < 0:
			objects[i], found[i] = c.policy(policies[i], files)
		case own < 0:
			objects[i], found[i] = c.native(bundle.Natives[native], files)
		default:
			found[i] = c.partial(partial[own], files)
		}
	})
	places := errorPlaces(diags)
	for _, later := range found {
		diags = append(diags, withoutEchoes(later, places)...)
	}
	return Bundle{Bundle: bundle, Files: files, Policies: policies, Objects: objects, pkg: pkg}, diags
}

func (c *compilation) policy(p *resolve.Policy, files *load.Files) (lower.Object, diag.List) {
	diags := check.Policy(p, files)
	object, lowered := lower.Policy(p, files)
	diags = append(diags, lowered...)
	return object, append(diags, withoutEchoes(accept(&object, c.schemas, files, c.options), errorPlaces(diags))...)
}

// inherited are the codes of what a base or an heir may settle.
var inherited = []diag.Code{diag.NoRules, diag.NoMatch, diag.DigestInAudit}

// partial gives the mistakes in a policy that is no whole one, without those
// that what it inherits may mend.
func (c *compilation) partial(p *resolve.Policy, files *load.Files) diag.List {
	_, diags := c.policy(p, files)
	return slices.DeleteFunc(diags, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Warning || slices.Contains(inherited, d.Code)
	})
}

func (c *compilation) native(n *spec.Native, files *load.Files) (lower.Object, diag.List) {
	object, diags := lower.Native(n, files)
	if diags.HasErrors() {
		return lower.Object{}, diags
	}
	return object, accept(&object, c.schemas, files, c.options)
}

// oncePerPlace leaves one of several diagnostics that say the same of the same
// place: what a base has wrong, each policy that extends it has.
func oncePerPlace(sorted diag.List) diag.List {
	type saying struct {
		diag.Position
		diag.Code
		message string
	}
	said := map[saying]bool{}
	return slices.DeleteFunc(sorted, func(d diag.Diagnostic) bool {
		s := saying{d.Pos, d.Code, d.Message}
		again := d.Pos.Line > 0 && said[s]
		said[s] = true
		return again
	})
}

// duplicates reports objects that two specs both make.
func duplicates(packages []*compiledPackage) diag.List {
	// Kinds that differ in case alone are a slip, and would have one file in a
	// directory.
	first := map[spec.Identity]placedObject{}
	var diags diag.List
	for _, p := range packages {
		if p == nil {
			continue
		}
		for _, o := range p.objects {
			if o.Node == nil || o.Name() == "" {
				continue
			}
			key := spec.IdentityOf(o.Node)
			key.Kind = strings.ToLower(key.Kind)
			earlier, ok := first[key]
			if !ok {
				first[key] = o
				continue
			}
			message := fmt.Sprintf("%s %q is made twice in this build", o.Kind(), o.Name())
			if kind := earlier.Kind(); kind != o.Kind() {
				message = fmt.Sprintf("%s %q is %s %q but for the case of letters in the kind", o.Kind(), o.Name(), kind, o.Name())
			}
			diags = append(diags, diag.Diagnostic{
				Code:    diag.DuplicateObject,
				Pos:     o.place,
				Path:    o.Path.String(),
				Message: message,
				Hint:    "give one of them another name, or build the packages apart",
				Related: []diag.Related{{Pos: earlier.place, Message: "the other"}},
			})
		}
	}
	return diags
}
