package check

import (
	"strconv"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
)

// Makers finds the definitions that values of a package are made from: which
// pattern a rule is. It reads the syntax tree, since an evaluated value has
// forgotten.
type Makers struct {
	pkg    *load.Package
	values map[*build.Instance]cue.Value
}

// NewMakers gives the makers of a package.
func NewMakers(pkg *load.Package) *Makers {
	return &Makers{pkg: pkg, values: map[*build.Instance]cue.Value{}}
}

// Maker is a definition.
type Maker struct {
	Name    string // such as #RequireImageRegistry
	Package string // the name of the imported package that has it; empty for one of the package at hand
	inst    *build.Instance
}

// String gives the maker as an author refers to it.
func (m Maker) String() string {
	if m.Package == "" {
		return m.Name
	}
	return m.Package + "." + m.Name
}

// Of gives the definition that the value at a path is made from. It is false
// where there is none, or where the syntax does not say.
func (m *Makers) Of(path spec.Path) (Maker, bool) {
	s := &makerSearch{root: m.pkg.Instance, seen: map[step]bool{}}
	s.fields(m.pkg.Instance, path)
	return s.found, s.found.Name != ""
}

// Default gives the value that a parameter of the definition has where nobody
// gives one, or nil where there is none.
func (m *Makers) Default(of Maker, parameter string) *spec.Node {
	v, ok := m.values[of.inst]
	if !ok {
		v = cuecontext.New().BuildInstance(of.inst)
		m.values[of.inst] = v
	}
	v = v.LookupPath(cue.MakePath(cue.Def(of.Name), cue.Str("params"), cue.Str(parameter)))
	if !v.Exists() {
		return nil
	}
	if v, ok := v.Default(); ok || v.IsConcrete() {
		d := &decoder{files: m.pkg.Files(), diagnose: (&checker{}).diagnose}
		if n := d.decode(v, token.NoPos); len(d.diags) == 0 {
			return n
		}
	}
	return nil
}

// step is a place in the syntax tree with what is left of a path there.
type step struct {
	node ast.Node
	left int
}

// makerSearch descends to the value at a path, through references and imports,
// and ends at the first definition on which nothing of the path is left.
type makerSearch struct {
	root  *build.Instance
	seen  map[step]bool
	found Maker
}

// fields descends into the fields at the top of a package.
func (s *makerSearch) fields(in *build.Instance, path spec.Path) {
	for _, f := range in.Files {
		s.decls(in, f.Decls, path)
	}
}

func (s *makerSearch) decls(in *build.Instance, decls []ast.Decl, path spec.Path) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			if len(path) > 0 && labelled(d.Label, path[0]) {
				s.expr(in, d.Value, path[1:])
			}
		case *ast.EmbedDecl:
			s.expr(in, d.Expr, path)
		case *ast.Comprehension:
			s.expr(in, d.Value, path)
		}
	}
}

func (s *makerSearch) expr(in *build.Instance, expr ast.Expr, path spec.Path) {
	at := step{expr, len(path)}
	if s.found.Name != "" || s.seen[at] || len(path) > maxDepth {
		return
	}
	s.seen[at] = true
	switch e := expr.(type) {
	case *ast.ParenExpr:
		s.expr(in, e.X, path)
	case *ast.BinaryExpr:
		if e.Op == token.AND || e.Op == token.OR {
			s.expr(in, e.X, path)
			s.expr(in, e.Y, path)
		}
	case *ast.UnaryExpr:
		s.expr(in, e.X, path)
	case *ast.Alias:
		s.expr(in, e.Expr, path)
	case *ast.StructLit:
		s.decls(in, e.Elts, path)
	case *ast.Comprehension:
		s.expr(in, e.Value, path)
	case *ast.ListLit:
		if len(path) == 0 {
			return
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(e.Elts) {
			s.expr(in, e.Elts[i], path[1:])
		}
	case *ast.Ident:
		s.ident(in, e, path)
	case *ast.SelectorExpr:
		s.selector(in, e, path)
	}
}

func (s *makerSearch) ident(in *build.Instance, e *ast.Ident, path spec.Path) {
	if len(path) == 0 && isDefinition(e.Name) {
		// What the schema calls a rule is no pattern: whoever names
		// schema.#ClusterPolicy is led past it.
		if in.PkgName != "schema" || !load.IsEmbedded(e.Pos()) {
			s.find(in, e.Name)
		}
		return
	}
	switch n := e.Node.(type) {
	case *ast.Field:
		s.expr(in, n.Value, path)
	case *ast.LetClause:
		s.expr(in, n.Expr, path)
	case ast.Expr:
		s.expr(in, n, path)
	case nil:
		s.fields(in, append(spec.Path{e.Name}, path...))
	}
}

// selector follows a.b.c: a is a package that is imported, or a field.
func (s *makerSearch) selector(in *build.Instance, e *ast.SelectorExpr, path spec.Path) {
	name, _, err := ast.LabelName(e.Sel)
	if err != nil {
		return
	}
	if x, ok := e.X.(*ast.Ident); ok {
		if imported := importOf(in, x); imported != nil {
			if len(path) == 0 && isDefinition(name) {
				s.find(imported, name)
				return
			}
			s.fields(imported, append(spec.Path{name}, path...))
			return
		}
	}
	if len(path) == 0 && isDefinition(name) {
		s.find(in, name)
		return
	}
	s.expr(in, e.X, append(spec.Path{name}, path...))
}

func (s *makerSearch) find(in *build.Instance, name string) {
	s.found = Maker{Name: name, inst: in}
	if in != s.root {
		s.found.Package = in.PkgName
	}
}

func isDefinition(name string) bool { return len(name) > 1 && name[0] == '#' }

// importOf gives the package that an identifier names, or nil.
func importOf(in *build.Instance, id *ast.Ident) *build.Instance {
	spec, ok := id.Node.(*ast.ImportSpec)
	if !ok {
		return nil
	}
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return nil
	}
	return in.LookupImport(path)
}
