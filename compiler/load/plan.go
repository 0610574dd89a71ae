package load

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/load"

	"kcue.dev/compiler/parallel"
	"kcue.dev/diag"
)

// Plan is the packages that a command line names: found, and not yet read.
type Plan struct {
	cfg    Config
	dir    string // absolute
	groups []*openGroup
	// planned are the packages in the order of the arguments and then of the
	// directories.
	planned []planned
}

// openGroup is a group of arguments and what its loader sees.
type openGroup struct {
	*moduleGroup
	tree    *tree
	display *Files
}

// planned is one package: a directory, or the files of a command line.
type planned struct {
	group *openGroup
	dir   string // absolute, perhaps with :name; empty for files
}

// NewPlan finds the packages that cfg names. The plan is never nil, and must be
// closed.
func NewPlan(cfg Config) (*Plan, diag.List) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return &Plan{}, diag.List{{Code: diag.NoSuchFile, Message: fmt.Sprintf("cannot find the working directory: %v", err)}}
	}
	p := &Plan{cfg: cfg, dir: dir}
	groups, diags := group(dir, cfg.Args)
	for _, g := range groups {
		files := &Files{Dir: dir}
		t, ds, err := openTree(g.root, g.named, files)
		diags = append(diags, ds...)
		if err != nil {
			diags = append(diags, diag.Diagnostic{
				Code:    diag.Unreadable,
				Pos:     diag.Position{File: files.Display(g.root)},
				Message: fmt.Sprintf("cannot read the directory: %v", diag.Reason(err)),
			})
			continue
		}
		open := &openGroup{g, t, files}
		p.groups = append(p.groups, open)
		for _, d := range g.dirs {
			p.planned = append(p.planned, planned{open, d})
		}
		if len(g.files) > 0 {
			p.planned = append(p.planned, planned{open, ""})
		}
	}
	return p, diags
}

// Close closes the directories of the plan. Packages that were loaded stay.
func (p *Plan) Close() {
	for _, g := range p.groups {
		g.tree.Close()
	}
}

// Len is the number of packages.
func (p *Plan) Len() int { return len(p.planned) }

// Load loads the packages that are wanted, by their numbers; with tags all of
// them, since it takes all to tell that nobody has a tag. What it gives is as
// long as the plan: nil stands for a package that is not loaded, or that cannot
// be, of which there is a diagnostic.
func (p *Plan) Load(wanted func(i int) bool) ([]*Package, diag.List) {
	if len(p.cfg.Tags) > 0 {
		wanted = func(int) bool { return true }
	}
	packages := make([]*Package, len(p.planned))
	var diags diag.List
	var known tagNames
	unknown := slices.Clone(p.cfg.Tags)
	for _, g := range p.groups {
		var numbers []int
		for i, q := range p.planned {
			if q.group == g && wanted(i) {
				numbers = append(numbers, i)
			}
		}
		if len(numbers) == 0 {
			continue
		}
		var dirs []string
		for _, i := range numbers {
			if d := p.planned[i].dir; d != "" {
				dirs = append(dirs, d)
			}
		}
		loaded, ds := g.loadBeside(p.dir, dirs, p.cfg)
		diags = append(diags, ds...)
		for k := range min(len(loaded), len(numbers)) {
			packages[numbers[k]] = loaded[k]
		}
		known.add(g.known)
		// A tag is for those who have it: one module may, and another not.
		unknown = slices.DeleteFunc(unknown, func(arg string) bool { return !slices.Contains(g.unknown, arg) })
	}
	return packages, append(diags, unknownTags(unknown, known)...)
}

// loadedTogether is the least number of packages that one call of CUE's loader
// is given where there are several: each call reads what they import anew.
const loadedTogether = 8

// loadBeside is load of parts beside each other, since CUE's loader works in one
// goroutine. With tags, all packages are loaded together.
func (g *openGroup) loadBeside(dir string, dirs []string, cfg Config) ([]*Package, diag.List) {
	parts := min(cfg.Parallel, len(dirs)/loadedTogether)
	if parts < 2 || len(cfg.Tags) > 0 || len(g.files) > 0 {
		return g.load(dir, dirs, cfg)
	}
	chunks := slices.Collect(slices.Chunk(dirs, (len(dirs)+parts-1)/parts))
	packages, diags := make([][]*Package, len(chunks)), make([]diag.List, len(chunks))
	parallel.Each(len(chunks), len(chunks), func(i int) { packages[i], diags[i] = g.load(dir, chunks[i], cfg) })
	return slices.Concat(packages...), slices.Concat(diags...)
}

// load loads directories of the group, or its files. It gives a package for
// each, nil for one that has errors; fewer where CUE's loader fails before it
// looks at any, as over a tag that none of them has.
func (g *openGroup) load(dir string, dirs []string, cfg Config) ([]*Package, diag.List) {
	base := g.root
	if len(g.files) > 0 {
		base = dir
	}
	stdin := cfg.Stdin
	if len(cfg.Tags) > 0 && slices.Contains(g.files, "-") {
		// Tags may need a second look.
		text, err := io.ReadAll(limitReader(stdin))
		if err != nil {
			return nil, diag.List{{Code: diag.Unreadable, Pos: diag.Position{File: "-"}, Message: diag.Reason(err).Error()}}
		}
		stdin = bytes.NewReader(text)
	}
	instancesWith := func(dirs, tags []string) []*build.Instance {
		if r, ok := stdin.(*bytes.Reader); ok {
			r.Seek(0, io.SeekStart)
		}
		return load.Instances(g.args(base, dirs), &load.Config{
			Dir:        slashPath(base),
			ModuleRoot: slashPath(g.root),
			FS:         g.tree,
			FromFSPath: g.display.fromTree,
			Stdin:      limitReader(stdin),
			Tags:       tags,
			Registry:   newRegistry(g.tree),
		})
	}
	instances := instancesWith(dirs, cfg.Tags)
	var diags diag.List
	if len(cfg.Tags) > 0 {
		instances, diags = g.settle(instances, dirs, cfg.Tags, g.display, instancesWith)
	}
	packages := make([]*Package, len(instances))
	for i, inst := range instances {
		if inst.Err != nil {
			if ds := g.display.loadErrors(inst); len(ds) > 0 {
				diags = append(diags, ds...)
				continue
			}
		}
		packages[i] = &Package{
			Instance: inst,
			Named:    inst.User || slices.Contains(g.literal, inst.Dir),
			files:    g.display,
		}
	}
	return packages, diags
}
