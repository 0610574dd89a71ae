package check

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// source finds where in a package's files the author wrote the value at a
// path.
//
// CUE's errors carry the positions of the values that clash, which are often
// all inside the embedded module, and never the label of a field. The syntax
// tree has it: source descends by label, through unifications, parentheses,
// comprehensions and references to the package's own definitions.
type source struct {
	files []*ast.File
	// seen guards against reference cycles during one search.
	seen map[ast.Node]bool
}

// match is a place that wrote part of a path.
type match struct {
	depth  int // how many of the path's names lead here
	node   ast.Node
	value  ast.Expr  // what the node gives the field, or the list element itself
	remove func()    // takes the place, or the field around it, out of the tree
	wild   bool      // a label on the way may name other fields too
	pos    token.Pos // of the label
}

// find gives every place that wrote the value at path, or else those that
// wrote the longest beginning of it.
func (s *source) find(path spec.Path) []match {
	s.seen = map[ast.Node]bool{}
	var all []match
	for _, f := range s.files {
		s.descendDecls(&f.Decls, path, 0, &all)
	}
	deepest, named := 0, false
	for _, m := range all {
		deepest = max(deepest, m.depth)
	}
	for _, m := range all {
		named = named || m.depth == deepest && !m.wild
	}
	return slices.DeleteFunc(all, func(m match) bool { return m.depth < deepest || named && m.wild })
}

func (s *source) descendDecls(decls *[]ast.Decl, path spec.Path, depth int, all *[]match) {
	if depth == len(path) {
		return
	}
	for _, d := range *decls {
		switch d := d.(type) {
		case *ast.Field:
			if !labelled(d.Label, path[depth]) {
				continue
			}
			remove := func() {
				*decls = slices.DeleteFunc(*decls, func(other ast.Decl) bool { return other == ast.Decl(d) })
			}
			first := len(*all)
			*all = append(*all, match{depth: depth + 1, node: d, value: d.Value, pos: d.Label.Pos(), remove: remove})
			s.descend(d.Value, path, depth+1, all)
			wild := isWild(d.Label)
			for i := first; i < len(*all); i++ {
				m := &(*all)[i]
				m.wild = m.wild || wild
				// A list element goes with the field that holds the list.
				if m.remove == nil {
					m.remove = remove
				}
			}
		case *ast.EmbedDecl:
			s.descend(d.Expr, path, depth, all)
		case *ast.Comprehension:
			s.descend(d.Value, path, depth, all)
		}
	}
}

func (s *source) descend(expr ast.Expr, path spec.Path, depth int, all *[]match) {
	switch e := expr.(type) {
	case *ast.ParenExpr:
		s.descend(e.X, path, depth, all)
	case *ast.BinaryExpr:
		if e.Op == token.AND || e.Op == token.OR {
			s.descend(e.X, path, depth, all)
			s.descend(e.Y, path, depth, all)
		}
	case *ast.UnaryExpr:
		s.descend(e.X, path, depth, all)
	case *ast.Alias:
		s.descend(e.Expr, path, depth, all)
	case *ast.StructLit:
		s.descendDecls(&e.Elts, path, depth, all)
	case *ast.Comprehension:
		s.descend(e.Value, path, depth, all)
	case *ast.ListLit:
		if depth == len(path) {
			return
		}
		i, err := strconv.Atoi(path[depth])
		if err != nil || i < 0 || i >= len(e.Elts) {
			return
		}
		for _, elt := range e.Elts[:i+1] {
			if _, ok := elt.(*ast.Comprehension); ok {
				return // the index says nothing about the source
			}
		}
		elt := e.Elts[i]
		*all = append(*all, match{depth: depth + 1, node: elt, value: elt, pos: elt.Pos()})
		s.descend(elt, path, depth+1, all)
	case *ast.Ident:
		if s.seen[e] {
			return
		}
		s.seen[e] = true
		switch n := e.Node.(type) {
		case *ast.Field:
			s.descend(n.Value, path, depth, all)
		case *ast.LetClause:
			s.descend(n.Expr, path, depth, all)
		}
		if e.Node == nil {
			for _, f := range s.files {
				for _, d := range f.Decls {
					if field, ok := d.(*ast.Field); ok && labelled(field.Label, e.Name) {
						s.descend(field.Value, path, depth, all)
					}
				}
			}
		}
	}
}

// labelled reports whether a label names the field. An interpolated label or a
// pattern constraint may name any.
func labelled(label ast.Label, name string) bool {
	switch l := label.(type) {
	case *ast.Alias:
		if inner, ok := l.Expr.(ast.Label); ok {
			return labelled(inner, name)
		}
		return false
	}
	if isWild(label) {
		return true
	}
	got, _, err := ast.LabelName(label)
	return err == nil && got == name
}

// isWild reports whether a label may name any field.
func isWild(label ast.Label) bool {
	switch label.(type) {
	case *ast.Interpolation, *ast.ParenExpr, *ast.ListLit:
		return true
	}
	return false
}

// at gives the path of the innermost field around a position, or nil.
func (s *source) at(pos token.Pos) spec.Path {
	var path spec.Path
	for _, f := range s.files {
		if f.Filename != pos.Filename() && f.Pos().Filename() != pos.Filename() {
			continue
		}
		ast.Walk(f, func(n ast.Node) bool {
			if n.Pos().IsValid() && (n.Pos().Offset() > pos.Offset() || pos.Offset() >= n.End().Offset()) {
				_, isFile := n.(*ast.File)
				return isFile
			}
			if field, ok := n.(*ast.Field); ok {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					path = append(path, name)
				}
			}
			return true
		}, nil)
	}
	return path
}

// patternOf gives the name of the definition that the value at path unifies
// with, such as #RequireImageRegistry, and "" where there is none.
func (s *source) patternOf(path spec.Path) string {
	for _, m := range s.find(path) {
		if m.depth == len(path) {
			if name := definitionIn(m.value); name != "" {
				return name
			}
		}
	}
	return ""
}

func definitionIn(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.ParenExpr:
		return definitionIn(e.X)
	case *ast.BinaryExpr:
		if name := definitionIn(e.X); name != "" {
			return name
		}
		return definitionIn(e.Y)
	case *ast.SelectorExpr:
		if id, ok := e.Sel.(*ast.Ident); ok && len(id.Name) > 1 && id.Name[0] == '#' {
			return id.Name
		}
	case *ast.Ident:
		if len(e.Name) > 1 && e.Name[0] == '#' {
			return e.Name
		}
	}
	return ""
}

// parameterDecls gives the declarations of params in a definition, or nil.
func parameterDecls(decls []ast.Decl, definition string) []ast.Decl {
	lit, ok := fieldValue(decls, definition).(*ast.StructLit)
	if !ok {
		return nil
	}
	params, ok := fieldValue(lit.Elts, "params").(*ast.StructLit)
	if !ok {
		return nil
	}
	return params.Elts
}

// fieldDoc gives the doc comment of a field, as one line.
func fieldDoc(decls []ast.Decl, name string) string {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			if got, _, err := ast.LabelName(d.Label); err != nil || got != name {
				continue
			}
			for _, group := range ast.Comments(d) {
				if group.Doc {
					return strings.Join(strings.Fields(group.Text()), " ")
				}
			}
		case *ast.Comprehension:
			if lit, ok := d.Value.(*ast.StructLit); ok {
				if doc := fieldDoc(lit.Elts, name); doc != "" {
					return doc
				}
			}
		}
	}
	return ""
}

// fieldNames lists the fields that declarations make, conditional ones
// included.
func fieldNames(decls []ast.Decl) []string {
	var names []string
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			if name, _, err := ast.LabelName(d.Label); err == nil {
				names = append(names, name)
			}
		case *ast.Comprehension:
			if lit, ok := d.Value.(*ast.StructLit); ok {
				names = append(names, fieldNames(lit.Elts)...)
			}
		}
	}
	return names
}

func fieldValue(decls []ast.Decl, name string) ast.Expr {
	for _, d := range decls {
		if f, ok := d.(*ast.Field); ok {
			if got, _, err := ast.LabelName(f.Label); err == nil && got == name {
				return f.Value
			}
		}
	}
	return nil
}
