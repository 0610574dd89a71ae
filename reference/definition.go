package reference

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// source is a package of the embedded module.
type source struct {
	name     string
	doc      *doc
	sections []parsedSection
}

type parsedSection struct {
	title       string
	definitions []*definition
}

// definition is a definition of a package, such as #Rule.
type definition struct {
	name  string // with #
	pos   token.Position
	doc   *doc
	value ast.Expr
}

// parse reads a package's files. The doc comment of the package is that of
// main; every other file belongs to one section.
func parse(name string, files embed.FS, main string, sections []section) (*source, error) {
	names, err := fs.Glob(files, "*.cue")
	if err != nil {
		return nil, err
	}
	out := &source{name: name}
	placed := map[string]bool{main: true}
	for _, s := range sections {
		parsed := parsedSection{title: s.title}
		for _, file := range s.files {
			placed[file] = true
			definitions, err := parseFile(name, files, file)
			if err != nil {
				return nil, err
			}
			parsed.definitions = append(parsed.definitions, definitions...)
		}
		out.sections = append(out.sections, parsed)
	}
	for _, file := range names {
		if !placed[file] {
			return nil, fmt.Errorf("%s/%s is in no section of the reference", name, file)
		}
	}
	out.doc, err = packageDoc(name, files, main)
	return out, err
}

func syntax(pkg string, files embed.FS, name string) (*ast.File, error) {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(pkg+"/"+name, data, parser.ParseComments)
}

func packageDoc(pkg string, files embed.FS, main string) (*doc, error) {
	f, err := syntax(pkg, files, main)
	if err != nil {
		return nil, err
	}
	for _, decl := range f.Decls {
		if p, ok := decl.(*ast.Package); ok {
			if d := docOf(p); d != nil {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("%s/%s: the package has no doc comment", pkg, main)
}

func parseFile(pkg string, files embed.FS, name string) ([]*definition, error) {
	f, err := syntax(pkg, files, name)
	if err != nil {
		return nil, err
	}
	return definitions(f)
}

// definitions lists what a file defines for its importers.
func definitions(f *ast.File) ([]*definition, error) {
	var out []*definition
	var errs []error
	for _, decl := range f.Decls {
		field, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		name, _, err := ast.LabelName(field.Label)
		if err != nil || !strings.HasPrefix(name, "#") {
			continue
		}
		d := &definition{name: name, pos: field.Pos().Position(), doc: docOf(field), value: field.Value}
		if d.doc == nil {
			errs = append(errs, fmt.Errorf("%s: %s has no doc comment", d.pos, name))
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(errs...)
}

// field finds a field at the top of the definition.
func (d *definition) field(name string) ast.Expr {
	return fieldOf(d.value, name)
}

func fieldOf(value ast.Expr, name string) ast.Expr {
	st, ok := value.(*ast.StructLit)
	if !ok {
		return nil
	}
	for _, decl := range st.Elts {
		if f, ok := decl.(*ast.Field); ok {
			if label, _, err := ast.LabelName(f.Label); err == nil && label == name {
				return f.Value
			}
		}
	}
	return nil
}

// row is a field of a definition, or of a struct within it.
type row struct {
	path     string // "configMap.name", "data[].key"
	required bool
	doc      *doc
	value    ast.Expr
}

// rows lists the fields of a definition and of the structs within it, in the
// order of the source.
func (d *definition) rows() ([]row, error) {
	st, ok := d.value.(*ast.StructLit)
	if !ok {
		return nil, nil
	}
	return rowsOf(st, "")
}

func rowsOf(st *ast.StructLit, prefix string) ([]row, error) {
	var out []row
	var errs []error
	for _, decl := range st.Elts {
		switch decl := decl.(type) {
		case *ast.Comprehension:
			// Fields under a condition are fields.
			if body, ok := decl.Value.(*ast.StructLit); ok {
				more, err := rowsOf(body, prefix)
				out, errs = append(out, more...), append(errs, err)
			}
		case *ast.Field:
			label, _, err := ast.LabelName(decl.Label)
			if err != nil {
				continue // a constraint on labels is part of the type
			}
			r := row{path: prefix + label, required: decl.Constraint == token.NOT, doc: docOf(decl), value: decl.Value}
			if r.doc == nil {
				errs = append(errs, fmt.Errorf("%s: field %s has no doc comment", decl.Pos().Position(), r.path))
				continue
			}
			out = append(out, r)
			if suffix, body := within(decl.Value); body != nil {
				more, err := rowsOf(body, r.path+suffix+".")
				out, errs = append(out, more...), append(errs, err)
			}
		}
	}
	return out, errors.Join(errs...)
}

// within finds the struct that a value is, or is a list of, and what stands
// between the value's path and its fields.
func within(value ast.Expr) (string, *ast.StructLit) {
	switch value := value.(type) {
	case *ast.StructLit:
		if _, isMap := mapOf(value); !isMap {
			return "", value
		}
	case *ast.ListLit:
		for _, e := range value.Elts {
			if e, ok := e.(*ast.Ellipsis); ok {
				if st, ok := e.Type.(*ast.StructLit); ok {
					return "[]", st
				}
			}
		}
	}
	return "", nil
}

// mapOf gives the type of the values where a struct is a map: a constraint on
// all labels, and nothing else.
func mapOf(st *ast.StructLit) (ast.Expr, bool) {
	if len(st.Elts) != 1 {
		return nil, false
	}
	f, ok := st.Elts[0].(*ast.Field)
	if !ok {
		return nil, false
	}
	if _, ok := f.Label.(*ast.ListLit); !ok {
		return nil, false
	}
	return f.Value, true
}

// embedded lists the names of the definitions whose fields a struct has too.
func embedded(value ast.Expr) []string {
	st, ok := value.(*ast.StructLit)
	if !ok {
		return nil
	}
	var out []string
	for _, decl := range st.Elts {
		if e, ok := decl.(*ast.EmbedDecl); ok {
			if id, ok := e.Expr.(*ast.Ident); ok && strings.HasPrefix(id.Name, "#") {
				out = append(out, id.Name)
			}
		}
	}
	return out
}

// libraryRule is a rule of a library.
type libraryRule struct {
	key     string
	pattern string // with #
	where   string // the parameter without which the rule is not there
}

// libraryRules lists the rules of a library, in the order of the source.
func (d *definition) libraryRules() ([]libraryRule, error) {
	st, ok := d.field("rules").(*ast.StructLit)
	if !ok {
		return nil, fmt.Errorf("%s: %s has no rules", d.pos, d.name)
	}
	var out []libraryRule
	for _, decl := range st.Elts {
		where := ""
		if c, ok := decl.(*ast.Comprehension); ok {
			body, ok := c.Value.(*ast.StructLit)
			if !ok || len(body.Elts) != 1 || len(c.Clauses) != 1 {
				return nil, fmt.Errorf("%s: a condition on rules that the reference cannot read", c.Pos().Position())
			}
			if where = given(c.Clauses[0]); where == "" {
				return nil, fmt.Errorf("%s: a condition that is not of the form: if given.NAME != _|_", c.Pos().Position())
			}
			decl = body.Elts[0]
		}
		f, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		key, _, err := ast.LabelName(f.Label)
		if err != nil {
			return nil, err
		}
		name := patternOf(f.Value)
		if name == "" {
			return nil, fmt.Errorf("%s: rule %s is no pattern", f.Pos().Position(), key)
		}
		out = append(out, libraryRule{key, name, where})
	}
	return out, nil
}

// given reads the parameter of a clause "if given.NAME != _|_".
func given(clause ast.Clause) string {
	c, ok := clause.(*ast.IfClause)
	if !ok {
		return ""
	}
	b, ok := c.Condition.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return ""
	}
	sel, ok := b.X.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	name, _, err := ast.LabelName(sel.Sel)
	if err != nil {
		return ""
	}
	return name
}

// patternOf reads the pattern of "patterns.#NAME & {…}".
func patternOf(value ast.Expr) string {
	if b, ok := value.(*ast.BinaryExpr); ok && b.Op == token.AND {
		value = b.X
	}
	sel, ok := value.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if id, ok := sel.X.(*ast.Ident); !ok || id.Name != "patterns" {
		return ""
	}
	name, _, err := ast.LabelName(sel.Sel)
	if err != nil {
		return ""
	}
	return name
}

// definition finds a definition of the package by its name.
func (s *source) definition(name string) *definition {
	for _, section := range s.sections {
		if i := slices.IndexFunc(section.definitions, func(d *definition) bool { return d.name == name }); i >= 0 {
			return section.definitions[i]
		}
	}
	return nil
}
