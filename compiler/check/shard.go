package check

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"

	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/spec"
)

// shardSize is how many specs are evaluated in one CUE context. A context's
// memory is freed when its shard is decoded, so the size bounds what a build
// holds; each one evaluates the patterns anew (about 4 ms), so it is not
// smaller. It does not depend on the machine, and so neither does the result.
const shardSize = 128

// sharded evaluates a large package in parts that know nothing of each other,
// each in a context of its own, and puts the decoded parts together. CUE
// evaluates in one goroutine; this is how a package uses every core.
//
// It is false where the package cannot be parted, or where a part fails: the
// whole then says what is wrong.
func (c *checker) sharded(limit, size int) (*spec.Node, bool) {
	shards, repeated := split(c.pkg.Instance, size)
	if len(shards) == 0 {
		return nil, false
	}
	parts := make([]*spec.Node, len(shards))
	parallel.Each(len(shards), limit, func(i int) { parts[i] = c.evaluatePart(shards[i]) })
	if slices.Contains(parts, nil) {
		return nil, false
	}
	root := join(parts)
	return root, repeated.restore(root, limit)
}

// evaluatePart gives a part's decoded value, or nil where anything is wrong
// with it. CUE's evaluator may panic on what it does not expect; the whole
// package then says why.
func (c *checker) evaluatePart(part *build.Instance) (root *spec.Node) {
	defer func() {
		if recover() != nil {
			root = nil
		}
	}()
	value := cuecontext.New().BuildInstance(part)
	if value.Err() != nil {
		return nil
	}
	d := c.decoder()
	root = d.root(value)
	if len(d.diags) > 0 {
		return nil
	}
	return root
}

// join puts the decoded parts of a package together: what several of them hold
// is the same in each.
func join(parts []*spec.Node) *spec.Node {
	whole := *parts[0]
	whole.Fields = slices.Clone(whole.Fields)
	own := map[string]int{}                 // the fields of the whole, by their names
	members := map[string]map[string]bool{} // of fields that several parts have
	for i, f := range whole.Fields {
		own[f.Name] = i
	}
	for _, part := range parts[1:] {
		for _, f := range part.Fields {
			i, ok := own[f.Name]
			if !ok {
				own[f.Name] = len(whole.Fields)
				whole.Fields = append(whole.Fields, f)
				continue
			}
			known := members[f.Name]
			if known == nil {
				known = map[string]bool{}
				members[f.Name] = known
				merged := *whole.Fields[i].Value
				merged.Fields = slices.Clone(merged.Fields)
				whole.Fields[i].Value = &merged
				for _, entry := range merged.Fields {
					known[entry.Name] = true
				}
			}
			merged := whole.Fields[i].Value
			for _, entry := range f.Value.Fields {
				if !known[entry.Name] {
					known[entry.Name] = true
					merged.Fields = append(merged.Fields, entry)
				}
			}
		}
	}
	return &whole
}

// partedFields are the bundle's fields whose entries may be evaluated apart:
// maps of many specs, none of which CUE lets see another unless by name.
var partedFields = []string{"clusterPolicies", "policies", "tests", "resources"}

// entryKey names an entry of a parted field. Everything that the package says
// of one entry stays in one part.
type entryKey struct{ field, name string }

// splitter finds out whether and how a package can be parted.
type splitter struct {
	order   []entryKey // in source order
	members map[entryKey]bool
	// labels are names that a reference inside of a field could mean.
	labels map[string]bool
	unsafe bool
}

// split gives instances of some size entries each, which together say what the
// package says without the rules that are repeated; nil where it has few entries
// and repeats none, or where an entry might refer to another, as only references
// by identifier can.
func split(inst *build.Instance, size int) ([]*build.Instance, *repeats) {
	s := &splitter{members: map[entryKey]bool{}, labels: map[string]bool{}}
	for _, f := range partedFields {
		s.labels[f] = true
	}
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			s.survey(d)
		}
	}
	if s.unsafe || len(s.order) == 0 || s.refersToParts(inst.Files) {
		return nil, nil
	}
	repeated := findRepeats(inst.Files)
	if len(s.order) < 2*size {
		if len(repeated.leftOut) == 0 {
			return nil, nil
		}
		size = len(s.order)
	}
	unlinkFiles(inst.Files)
	var shards []*build.Instance
	for i, keys := range slices.Collect(slices.Chunk(s.order, size)) {
		keep := make(map[entryKey]bool, len(keys))
		for _, k := range keys {
			keep[k] = true
		}
		shard := *inst
		shard.Files = make([]*ast.File, len(inst.Files))
		for j, f := range inst.Files {
			shard.Files[j] = part(f, keep, repeated, i == 0)
		}
		shards = append(shards, &shard)
	}
	return shards, repeated
}

// survey takes in one declaration at the top of a file.
func (s *splitter) survey(d ast.Decl) {
	switch d := d.(type) {
	case *ast.Field:
		name, parted := partedField(d)
		if name == "" {
			s.unsafe = s.unsafe || !isPlainLabel(d.Label)
			return
		}
		lit, ok := d.Value.(*ast.StructLit)
		if !parted || !ok {
			s.unsafe = true
			return
		}
		for _, elt := range lit.Elts {
			entry, ok := elt.(*ast.Field)
			if !ok {
				s.unsafe = true // an embedding, a comprehension, a let
				return
			}
			if _, isPattern := entry.Label.(*ast.ListLit); isPattern {
				continue
			}
			label, isIdent, err := ast.LabelName(entry.Label)
			if err != nil || !isPlainLabel(entry.Label) {
				s.unsafe = true
				return
			}
			if isIdent {
				s.labels[label] = true
			}
			if key := (entryKey{name, label}); !s.members[key] {
				s.members[key] = true
				s.order = append(s.order, key)
			}
		}
	case *ast.EmbedDecl, *ast.Comprehension, *ast.Ellipsis, *ast.Alias, *ast.LetClause:
		// A let is found by its file, of which each part has a copy.
		s.unsafe = true
	}
}

// partedField gives the name of a parted field, or "" for any other, and
// whether it is written in a form that can be parted.
func partedField(f *ast.Field) (name string, parted bool) {
	label, _, err := ast.LabelName(f.Label)
	if err != nil || !slices.Contains(partedFields, label) {
		return "", false
	}
	return label, isPlainLabel(f.Label) && f.Alias == nil
}

// isPlainLabel reports whether a label is a name, and no alias, interpolation
// or pattern.
func isPlainLabel(l ast.Label) bool {
	switch l.(type) {
	case *ast.Ident, *ast.BasicLit:
		return true
	}
	return false
}

// refersToParts reports whether an identifier of the package could mean a
// parted field or one of its entries.
func (s *splitter) refersToParts(files []*ast.File) bool {
	found := false
	for _, f := range files {
		ast.Walk(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				// A label is no reference.
				if _, ok := n.Label.(*ast.Ident); ok {
					ast.Walk(n.Value, func(inner ast.Node) bool { return s.look(inner, &found) }, nil)
					return false
				}
			}
			return s.look(n, &found)
		}, nil)
		if found {
			return true
		}
	}
	return false
}

// look visits one node below a label.
func (s *splitter) look(n ast.Node, found *bool) bool {
	if *found {
		return false
	}
	switch n := n.(type) {
	case *ast.Field:
		if _, ok := n.Label.(*ast.Ident); ok {
			ast.Walk(n.Value, func(inner ast.Node) bool { return s.look(inner, found) }, nil)
			return false
		}
	case *ast.SelectorExpr:
		// What follows the dot names a field of what precedes it.
		ast.Walk(n.X, func(inner ast.Node) bool { return s.look(inner, found) }, nil)
		return false
	case *ast.Ident:
		*found = s.labels[n.Name] || n.Name == "self"
	}
	return true
}

// unlinkFiles makes references to the package's top-level fields be looked up
// by name, as those across files are, where the loader linked them to the file
// that they stand in: each part has a file of its own.
func unlinkFiles(files []*ast.File) {
	for _, f := range files {
		ast.Walk(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if _, ok := id.Scope.(*ast.File); ok {
					id.Node, id.Scope = nil, nil
				}
			}
			return true
		}, nil)
	}
}

// part gives a file with the entries to keep, and, in the first part, all that
// is no entry and might be emitted.
func part(f *ast.File, keep map[entryKey]bool, repeated *repeats, first bool) *ast.File {
	out := *f
	out.Decls = make([]ast.Decl, 0, len(f.Decls))
	for _, d := range f.Decls {
		field, ok := d.(*ast.Field)
		if !ok {
			out.Decls = append(out.Decls, d)
			continue
		}
		name, _ := partedField(field)
		if name == "" {
			if first || !isRegular(field.Label) {
				out.Decls = append(out.Decls, d)
			}
			continue
		}
		lit := *field.Value.(*ast.StructLit)
		lit.Elts = nil
		for _, elt := range field.Value.(*ast.StructLit).Elts {
			entry := elt.(*ast.Field)
			if _, isPattern := entry.Label.(*ast.ListLit); isPattern {
				lit.Elts = append(lit.Elts, elt)
				continue
			}
			if label, _, err := ast.LabelName(entry.Label); err == nil && keep[entryKey{name, label}] {
				lit.Elts = append(lit.Elts, repeated.without(entry))
			}
		}
		if len(lit.Elts) > 0 || first {
			kept := *field
			kept.Value = &lit
			out.Decls = append(out.Decls, &kept)
		}
	}
	return &out
}

// isRegular reports whether a field is emitted: it is no definition and not
// hidden.
func isRegular(l ast.Label) bool {
	name, _, err := ast.LabelName(l)
	return err == nil && name != "" && name[0] != '_' && name[0] != '#'
}
