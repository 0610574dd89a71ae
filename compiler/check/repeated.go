package check

import (
	"encoding/binary"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/spec"
)

// repeats are the rules of a package that are written as another of its rules
// is: a fleet's policies use a few patterns, with few parameters. Such a rule
// is evaluated where it stands first and copied to where it stands again, with
// positions of its own.
//
// Two rules are the same where their expressions are, byte for byte but for
// comments, and refer to nothing but imports and what stands at the top of the
// package, and where nothing else can say anything of either: no constraint of
// the package's, no second declaration of the policy, no embedding.
type repeats struct {
	policies []*ruledPolicy
	leftOut  map[*ast.Field]bool // rules that are copies
}

// ruledPolicy is a policy that holds copies.
type ruledPolicy struct {
	path  spec.Path
	rules []*writtenRule // in the order in which they are written
}

// writtenRule is a rule as an author wrote it.
type writtenRule struct {
	policy spec.Path
	entry  *ast.Field // the policy's field
	field  *ast.Field
	name   string
	first  *writtenRule // the rule that this one is written as; nil for the first
}

// ruleFields are the parted fields whose entries are policies with rules, and
// how many names lead from each to a policy.
var ruleFields = map[string]int{"clusterPolicies": 1, "policies": 2}

// findRepeats looks through the files of a package that can be parted.
func findRepeats(files []*ast.File) *repeats {
	f := &repeatFinder{declared: map[string]int{}, constrained: map[string]bool{}}
	for _, file := range files {
		for _, d := range file.Decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			if name, _ := partedField(field); ruleFields[name] > 0 {
				f.survey(field, spec.Path{name}, ruleFields[name])
			}
		}
	}
	found := &repeats{leftOut: map[*ast.Field]bool{}}
	first := map[string]*writtenRule{}
	for _, p := range f.policies {
		if f.declared[p.path.String()] > 1 || f.constrained[p.path[0]] {
			continue
		}
		copies := false
		for _, r := range p.rules {
			key, ok := fingerprint(r.field.Value)
			if !ok || len(r.field.Attrs) > 0 {
				continue
			}
			key = p.definition + key
			if r.first = first[key]; r.first == nil {
				first[key] = r
				continue
			}
			found.leftOut[r.field] = true
			copies = true
		}
		if copies {
			found.policies = append(found.policies, &ruledPolicy{p.path, p.rules})
		}
	}
	return found
}

// repeatFinder collects the policies of a package.
type repeatFinder struct {
	policies    []*literalPolicy
	declared    map[string]int  // how often a policy is, by its path
	constrained map[string]bool // fields of policies that have a pattern constraint
}

// literalPolicy is a policy that a single struct literal makes, or that of a
// definition of the schema's and a literal.
type literalPolicy struct {
	path       spec.Path
	definition string
	rules      []*writtenRule
}

func (f *repeatFinder) survey(field *ast.Field, path spec.Path, levels int) {
	lit, ok := field.Value.(*ast.StructLit)
	if !ok {
		f.constrained[path[0]] = true // it may say anything of what is below
		return
	}
	for _, elt := range lit.Elts {
		entry, ok := elt.(*ast.Field)
		if !ok || !isPlainLabel(entry.Label) || entry.Alias != nil {
			f.constrained[path[0]] = true
			continue
		}
		name, _, err := ast.LabelName(entry.Label)
		if err != nil {
			f.constrained[path[0]] = true
			continue
		}
		below := path.Child(name)
		if levels > 1 {
			f.survey(entry, below, levels-1)
			continue
		}
		f.declared[below.String()]++
		if p := policyOf(entry, below); p != nil {
			f.policies = append(f.policies, p)
		}
	}
}

// policyOf gives a policy whose rules nothing but its own literal makes, or nil.
func policyOf(entry *ast.Field, path spec.Path) *literalPolicy {
	p := &literalPolicy{path: path}
	value := entry.Value
	if both, ok := value.(*ast.BinaryExpr); ok && both.Op == token.AND {
		p.definition = schemaDefinition(both.X)
		if p.definition == "" {
			return nil
		}
		value = both.Y
	}
	policy, ok := value.(*ast.StructLit)
	if !ok {
		return nil
	}
	fields := plainFields(policy)
	rules, ok := fields.literal("rules")
	if !ok {
		return nil
	}
	named := plainFields(rules)
	if named == nil || refersInto(policy, rules) {
		return nil
	}
	for _, r := range named {
		p.rules = append(p.rules, &writtenRule{policy: path, entry: entry, field: r.field, name: r.name})
	}
	return p
}

// schemaDefinition gives the text of a reference to a definition of kcue's own
// schema, or "".
func schemaDefinition(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	imported, ok := pkg.Node.(*ast.ImportSpec)
	name, isIdent := s.Sel.(*ast.Ident)
	if !ok || !isIdent || ast.ParseImportPath(strings.Trim(imported.Path.Value, `"`)).Path != schemaPath {
		return ""
	}
	return name.Name
}

// refersInto reports whether anything in a policy refers to its rules by name.
func refersInto(policy, rules *ast.StructLit) bool {
	found := false
	ast.Walk(policy, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			found = found || id.Scope == rules || id.Scope == policy && id.Name == "rules" || id.Name == "self"
		}
		return !found
	}, nil)
	return found
}

// fingerprint gives a text that two expressions share where they are written
// alike and mean the same wherever they stand. It is false for one that refers
// to what is around it, and for what is seldom in a rule.
func fingerprint(e ast.Expr) (text string, ok bool) {
	base := e.Pos().Offset()
	within := func(n ast.Node) bool {
		return n.Pos().Offset() >= base && n.End().Offset() <= e.End().Offset() && n.Pos().File() == e.Pos().File()
	}
	var b []byte
	begin := func(sort byte, n ast.Node, texts ...string) {
		b = binary.AppendVarint(append(b, '(', sort), int64(n.Pos().Offset()-base))
		for _, t := range texts {
			b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
		}
	}
	ok = true
	ast.Walk(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CommentGroup:
			return false
		case *ast.Ident:
			imported := ""
			if i, isImport := n.Node.(*ast.ImportSpec); isImport {
				imported = i.Path.Value
			} else if n.Scope != nil {
				_, top := n.Scope.(*ast.File)
				ok = ok && (top || within(n.Scope))
			}
			begin('i', n, imported, n.Name)
		case *ast.BasicLit:
			begin('l', n, n.Value)
		case *ast.BinaryExpr:
			begin('b', n, n.Op.String())
		case *ast.UnaryExpr:
			begin('u', n, n.Op.String())
		case *ast.Field:
			begin('f', n, n.Constraint.String())
			ok = ok && len(n.Attrs) == 0 && n.Alias == nil
		case *ast.StructLit:
			begin('{', n)
		case *ast.ListLit:
			begin('[', n)
		case *ast.SelectorExpr:
			begin('.', n)
		case *ast.CallExpr:
			begin('c', n)
		case *ast.ParenExpr:
			begin('p', n)
		case *ast.Interpolation:
			begin('"', n)
		default:
			ok = false
		}
		return ok
	}, func(ast.Node) { b = append(b, ')') })
	return string(b), ok
}

// without gives a policy's field with the rules that are not left out.
func (r *repeats) without(entry *ast.Field) *ast.Field {
	lit, ok := entry.Value.(*ast.StructLit)
	both, isBoth := entry.Value.(*ast.BinaryExpr)
	if isBoth {
		lit, ok = both.Y.(*ast.StructLit)
	}
	if !ok {
		return entry
	}
	kept := r.keep(lit)
	if kept == lit {
		return entry
	}
	changed := *entry
	changed.Value = kept
	if isBoth {
		and := *both
		and.Y = kept
		changed.Value = &and
	}
	return &changed
}

// keep gives a literal without the fields that are left out, at any depth; the
// same literal where there are none.
func (r *repeats) keep(lit *ast.StructLit) *ast.StructLit {
	var elts []ast.Decl
	changed := false
	for _, elt := range lit.Elts {
		field, ok := elt.(*ast.Field)
		switch {
		case !ok:
			elts = append(elts, elt)
			continue
		case r.leftOut[field]:
			changed = true
			continue
		}
		without := r.without(field)
		changed = changed || without != field
		elts = append(elts, without)
	}
	if !changed {
		return lit
	}
	out := *lit
	out.Elts = elts
	return &out
}

// restore puts the rules that were left out into a package's decoded value, with
// up to a limit of goroutines. It is false where a copy would have a position that
// is not its own.
func (r *repeats) restore(root *spec.Node, limit int) bool {
	index := map[string]*spec.Node{}
	var collect func(n *spec.Node, path spec.Path, levels int)
	collect = func(n *spec.Node, path spec.Path, levels int) {
		if n == nil || levels == 0 {
			index[path.String()] = n
			return
		}
		for _, f := range n.Fields {
			collect(f.Value, path.Child(f.Name), levels-1)
		}
	}
	for field, levels := range ruleFields {
		collect(root.Get(field), spec.Path{field}, levels)
	}
	rulesOf := func(policy spec.Path) *spec.Node { return index[policy.String()].Get("rules") }
	// All are copied before any is put in its place: the first of a rule may
	// stand beside a copy of another.
	fields := make([][]spec.Field, len(r.policies))
	made := make([]bool, len(r.policies))
	parallel.Each(len(r.policies), limit, func(i int) { fields[i], made[i] = r.policies[i].whole(rulesOf) })
	if slices.Contains(made, false) {
		return false
	}
	for i, p := range r.policies {
		rulesOf(p.path).Fields = fields[i]
	}
	return true
}

// whole gives the policy's rules with the copies among them. It is false where
// one cannot be made.
func (p *ruledPolicy) whole(rulesOf func(spec.Path) *spec.Node) (fields []spec.Field, ok bool) {
	rules := rulesOf(p.path)
	if rules == nil {
		return nil, false
	}
	for _, w := range p.rules {
		rule := rules.Get(w.name)
		if w.first != nil {
			from := rulesOf(w.first.policy)
			source := from.Get(w.first.name)
			if source == nil {
				return nil, false
			}
			if rule, ok = newCopying(w, from.Pos, rules.Pos, source).node(source); !ok {
				return nil, false
			}
		}
		if rule != nil {
			fields = append(fields, spec.Field{Name: w.name, Value: rule})
		}
	}
	return fields, true
}

// copying makes a rule of the value of the one that it is written as.
type copying struct {
	*writtenRule
	// from and to are the places of the two policies' rules, which stand for
	// what has no place of the author's.
	from, to token.Pos
	// What the copy is made of, allocated at once.
	nodes  []spec.Node
	fields []spec.Field
	items  []*spec.Node
}

func newCopying(w *writtenRule, from, to token.Pos, source *spec.Node) *copying {
	c := &copying{writtenRule: w, from: from, to: to}
	nodes, fields, items := 0, 0, 0
	var count func(n *spec.Node)
	count = func(n *spec.Node) {
		nodes, fields, items = nodes+1, fields+len(n.Fields), items+len(n.Items)
		for _, f := range n.Fields {
			count(f.Value)
		}
		for _, item := range n.Items {
			count(item)
		}
	}
	count(source)
	c.nodes, c.fields, c.items = make([]spec.Node, nodes), make([]spec.Field, fields), make([]*spec.Node, items)
	return c
}

func (c *copying) node(n *spec.Node) (*spec.Node, bool) {
	pos, ok := c.position(n.Pos)
	if !ok {
		return nil, false
	}
	out := &c.nodes[0]
	c.nodes = c.nodes[1:]
	*out = *n
	out.Pos = pos
	if n.Fields != nil {
		out.Fields, c.fields = cut(c.fields, len(n.Fields))
		for i, f := range n.Fields {
			value, ok := c.node(f.Value)
			if !ok {
				return nil, false
			}
			out.Fields[i] = spec.Field{Name: f.Name, Value: value}
		}
	}
	if n.Items != nil {
		out.Items, c.items = cut(c.items, len(n.Items))
		for i, item := range n.Items {
			if out.Items[i], ok = c.node(item); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// cut takes n elements off a slice. What is appended to them goes elsewhere.
func cut[T any](s []T, n int) (taken, rest []T) { return s[:n:n], s[n:] }

// position gives the place in this rule of a place in the first one.
func (c *copying) position(pos token.Pos) (token.Pos, bool) {
	from, to := c.first.field, c.field
	if !pos.IsValid() || pos.File() != from.Pos().File() {
		return pos, true
	}
	switch offset := pos.Offset(); {
	case offset >= from.Value.Pos().Offset() && offset <= from.Value.End().Offset():
		start := to.Value.Pos()
		return start.File().Pos(start.Offset()+offset-from.Value.Pos().Offset(), pos.RelPos()), true
	case offset == from.Label.Pos().Offset():
		return to.Label.Pos(), true
	case c.from.IsValid() && pos.File() == c.from.File() && offset == c.from.Offset():
		return c.to, true
	case offset >= c.first.entry.Pos().Offset() && offset < c.first.entry.End().Offset():
		return token.NoPos, false // a place of the other policy's
	}
	return pos, true
}
