package load

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

// tag is a @tag attribute.
type tag struct {
	key        string
	shorthands []string
	field      *ast.Field
	inst       *build.Instance
}

// tagNames is what -t may name.
type tagNames struct {
	keys       []string
	shorthands []string // those of @tag, and the names of @if
}

func (n *tagNames) add(other tagNames) {
	n.keys = append(n.keys, other.keys...)
	n.shorthands = append(n.shorthands, other.shorthands...)
}

// tagsOf lists the tags of a package's fields.
func tagsOf(inst *build.Instance) []tag {
	var out []tag
	for _, f := range inst.Files {
		ast.Walk(f, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok {
				return true
			}
			for _, t := range tagsOfField(field) {
				t.inst = inst
				out = append(out, t)
			}
			return true
		}, nil)
	}
	return out
}

func tagsOfField(field *ast.Field) []tag {
	var out []tag
	for _, a := range field.Attrs {
		name, body := a.Split()
		if name != "tag" {
			continue
		}
		args := strings.Split(body, ",")
		t := tag{key: strings.TrimSpace(args[0]), field: field}
		for _, arg := range args[1:] {
			if list, ok := strings.CutPrefix(strings.TrimSpace(arg), "short="); ok {
				t.shorthands = append(t.shorthands, strings.Split(strings.Trim(list, `"`), "|")...)
			}
		}
		out = append(out, t)
	}
	return out
}

// condition finds the names in the condition of @if.
var condition = lazyregexp.New(`[\pL_][\pL\pN_]*`)

// namesOf gives what -t may name in a package.
func namesOf(inst *build.Instance) tagNames {
	var out tagNames
	for _, t := range tagsOf(inst) {
		out.keys = append(out.keys, t.key)
		out.shorthands = append(out.shorthands, t.shorthands...)
	}
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			if a, ok := d.(*ast.Attribute); ok && a.Name() == "if" {
				_, body := a.Split()
				out.shorthands = append(out.shorthands, condition.FindAllString(body, -1)...)
			}
		}
	}
	for _, f := range inst.IgnoredFiles {
		if f.ExcludeReason == nil {
			continue
		}
		if _, body, ok := strings.Cut(f.ExcludeReason.Error(), "@if("); ok {
			body, _, _ = strings.Cut(body, ") did not match")
			out.shorthands = append(out.shorthands, condition.FindAllString(body, -1)...)
		}
	}
	return out
}

// importedWithTags gives the arguments that name the packages of the module
// which are only imported and have tags: CUE sets the tags of named packages
// alone, so that one and the same import would mean this or that, as somebody
// names another package besides. Their directories come along.
func (g *moduleGroup) importedWithTags(instances []*build.Instance) (args, dirs []string) {
	seen := map[*build.Instance]bool{}
	var visit func(*build.Instance)
	visit = func(inst *build.Instance) {
		for _, imported := range inst.Imports {
			if seen[imported] {
				continue
			}
			seen[imported] = true
			visit(imported)
			isNamed := slices.ContainsFunc(instances, func(i *build.Instance) bool { return i.Dir == imported.Dir })
			rel, err := filepath.Rel(g.root, imported.Dir)
			isOurs := err == nil && filepath.IsLocal(rel) && rel != "cue.mod" && !strings.HasPrefix(filepath.ToSlash(rel), "cue.mod/")
			if isOurs && !isNamed && len(tagsOf(imported)) > 0 {
				args = append(args, imported.Dir+":"+imported.PkgName)
				dirs = append(dirs, imported.Dir)
			}
		}
	}
	for _, inst := range instances {
		visit(inst)
	}
	return args, dirs
}

// The words of CUE's loader about tags (cuelang.org/go v0.17, cue/load/tags.go
// and internal/cli).
const (
	cueNoTag    = "no tag for %q"
	cueNoShort  = "tag %q not used in any file"
	cueBadValue = "for injection tag %q"
)

// tagError finds in instances what CUE says of the first tag that it cannot
// set, and gives the tag's name. It is wrong where nobody has the tag, and
// otherwise its value is.
func tagError(instances []*build.Instance) (e cueerrors.Error, name string, unknown bool) {
	for _, inst := range instances {
		for _, e := range cueerrors.Errors(inst.Err) {
			format, args := e.Msg()
			if len(args) == 0 {
				continue
			}
			name, _ := args[len(args)-1].(string)
			switch {
			case format == cueNoTag, format == cueNoShort:
				return e, name, true
			case strings.HasSuffix(format, cueBadValue):
				return e, name, false
			}
		}
	}
	return nil, "", false
}

// settle brings loaded instances to a state in which every tag is set that can
// be: it loads them again without the tags that cannot, of which it speaks, and
// with the tags of what they import.
func (g *moduleGroup) settle(instances []*build.Instance, dirs, tags []string, files *Files, load func(dirs, tags []string) []*build.Instance) ([]*build.Instance, diag.List) {
	var diags diag.List
	args, imported := g.importedWithTags(instances)
	if len(args) > 0 {
		dirs = slices.Concat(dirs, args)
		instances = load(dirs, tags)
	}
	for {
		e, name, unknown := tagError(instances)
		if e == nil {
			break
		}
		var refused, kept []string
		for _, arg := range tags {
			if key, _, _ := strings.Cut(arg, "="); key == name {
				refused = append(refused, arg)
			} else {
				kept = append(kept, arg)
			}
		}
		switch {
		case unknown:
			g.unknown = append(g.unknown, refused...)
		default:
			diags = append(diags, diag.Diagnostic{Code: diag.BadTag, Message: "-t " + strings.Join(refused, " -t ") + ": " + Message(e)})
		}
		if len(refused) == 0 {
			break
		}
		tags = kept
		instances = load(dirs, tags)
	}
	for _, inst := range instances {
		g.known.add(namesOf(inst))
	}
	diags = append(diags, files.checkValues(instances)...)
	return slices.DeleteFunc(instances, func(i *build.Instance) bool { return slices.Contains(imported, i.Dir) }), diags
}

// unknownTags reports the arguments of -t that no module knows.
func unknownTags(unknown []string, known tagNames) diag.List {
	var out diag.List
	for _, arg := range unknown {
		key, _, hasValue := strings.Cut(arg, "=")
		d := diag.Diagnostic{Code: diag.BadTag}
		candidates := known.shorthands
		if hasValue {
			candidates = known.keys
			d.Message = fmt.Sprintf("-t %s: no field has @tag(%s)", arg, key)
		} else {
			d.Message = fmt.Sprintf("-t %s: no @tag has the shorthand %s, and no file has @if(%[1]s)", arg, key)
		}
		candidates = slices.Compact(slices.Sorted(slices.Values(candidates)))
		if near := diag.Nearest(key, candidates); near != "" {
			d.Hint = fmt.Sprintf("did you mean %q?", near)
		} else if len(candidates) > 0 {
			d.Hint = "known here: " + strings.Join(candidates, ", ")
		} else {
			d.Hint = "the packages have no such tags at all"
		}
		out = append(out, d)
	}
	return out
}

// checkValues reports the values of tags that the fields do not allow, and
// takes them out again, so that the rest of the package can be looked at as it
// is without them. It knows fields that list what they allow; of others CUE's
// evaluator speaks.
func (f *Files) checkValues(instances []*build.Instance) diag.List {
	var out diag.List
	for _, inst := range instances {
		for _, t := range tagsOf(inst) {
			injected := injections(t.field.Value)
			if len(injected) == 0 {
				continue
			}
			a := &allowed{inst: t.inst, seen: map[ast.Node]bool{}}
			values, ok := a.of(innermost(injected).X)
			if !ok {
				continue
			}
			for _, b := range injected {
				value, ok := literalText(b.Y)
				if !ok || slices.Contains(values, value) {
					continue
				}
				d := diag.Diagnostic{
					Code: diag.BadTag, Pos: f.Position(t.field.Label.Pos()),
					Message: fmt.Sprintf("the tag %s cannot be %s: expected %s", t.key, value, strings.Join(values, " or ")),
				}
				if near := diag.Nearest(strings.Trim(value, `"`), trimmed(values)); near != "" {
					d.Hint = fmt.Sprintf("did you mean -t %s=%s?", t.key, near)
				}
				out = append(out, d)
				b.Y = ast.NewIdent("_")
				if !a.hasDefault {
					b.Y = a.first
				}
			}
		}
	}
	return out
}

func trimmed(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Trim(v, `"`)
	}
	return out
}

// injections gives the unifications by which CUE's loader set a tag: their
// right side stands nowhere. The innermost comes last.
func injections(value ast.Expr) []*ast.BinaryExpr {
	var out []*ast.BinaryExpr
	for {
		b, ok := value.(*ast.BinaryExpr)
		if !ok || b.Op != token.AND || b.Y.Pos().IsValid() {
			return out
		}
		out = append(out, b)
		value = b.X
	}
}

func innermost(list []*ast.BinaryExpr) *ast.BinaryExpr { return list[len(list)-1] }

// Injection is a value that -t gave a field.
type Injection struct {
	Tag   string // the tag's key
	Value string // as CUE writes it
	Undo  func() // takes the value out of the syntax tree
}

// Injected gives the value that -t gave a field of a loaded package. It is false
// where it gave none.
func Injected(field *ast.Field) (Injection, bool) {
	injected := injections(field.Value)
	if len(injected) == 0 {
		return Injection{}, false
	}
	tags := tagsOfField(field)
	value, ok := literalText(injected[0].Y)
	if len(tags) == 0 || !ok {
		return Injection{}, false
	}
	return Injection{Tag: tags[0].key, Value: value, Undo: func() {
		for _, b := range injected {
			b.Y = ast.NewIdent("_")
		}
	}}, true
}

// UnsetTags lists the tags of a loaded package that have no value: -t gave none,
// and the field has no default.
func UnsetTags(inst *build.Instance) []string {
	var out []string
	for _, t := range tagsOf(inst) {
		hasDefault := false
		ast.Walk(t.field.Value, func(n ast.Node) bool {
			_, isLiteral := n.(*ast.BasicLit)
			mark, isUnary := n.(*ast.UnaryExpr)
			hasDefault = hasDefault || n == ast.Node(t.field.Value) && isLiteral || isUnary && mark.Op == token.MUL
			return true
		}, nil)
		if !hasDefault && len(injections(t.field.Value)) == 0 && !slices.Contains(out, t.key) {
			out = append(out, t.key)
		}
	}
	return out
}

// literalText gives a literal as CUE writes it.
func literalText(e ast.Expr) (string, bool) {
	if lit, ok := e.(*ast.BasicLit); ok {
		return lit.Value, true
	}
	return "", false
}

// allowed finds the literals of which a field lists its values.
type allowed struct {
	inst       *build.Instance
	seen       map[ast.Node]bool
	hasDefault bool
	first      ast.Expr
}

// of gives the literals that an expression allows. It is false where it may
// allow others.
func (a *allowed) of(e ast.Expr) ([]string, bool) {
	if a.seen[e] {
		return nil, false
	}
	a.seen[e] = true
	switch e := e.(type) {
	case *ast.BasicLit:
		if a.first == nil {
			a.first = ast.NewLit(e.Kind, e.Value)
		}
		return []string{e.Value}, true
	case *ast.ParenExpr:
		return a.of(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.MUL {
			a.hasDefault = true
			return a.of(e.X)
		}
	case *ast.BinaryExpr:
		left, leftOK := a.of(e.X)
		right, rightOK := a.of(e.Y)
		switch {
		case e.Op == token.OR && leftOK && rightOK:
			for _, v := range right {
				if !slices.Contains(left, v) {
					left = append(left, v)
				}
			}
			return left, true
		case e.Op == token.AND && leftOK:
			return left, true
		case e.Op == token.AND && rightOK:
			return right, true
		}
	case *ast.Ident:
		switch n := e.Node.(type) {
		case ast.Expr:
			return a.of(n)
		case *ast.Field:
			return a.of(n.Value)
		case *ast.LetClause:
			return a.of(n.Expr)
		case nil:
			return a.field(a.inst, e.Name)
		}
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if name, _, err := ast.LabelName(e.Sel); err == nil {
				return a.imported(x, name)
			}
		}
	}
	return nil, false
}

// field gives the literals that a field at the top of a package allows, where
// it is written once.
func (a *allowed) field(inst *build.Instance, name string) ([]string, bool) {
	var values []ast.Expr
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				if label, _, err := ast.LabelName(field.Label); err == nil && label == name {
					values = append(values, field.Value)
				}
			}
		}
	}
	if len(values) != 1 {
		return nil, false
	}
	before := a.inst
	a.inst = inst
	defer func() { a.inst = before }()
	return a.of(values[0])
}

// imported gives the literals that a field of an imported package allows.
func (a *allowed) imported(x *ast.Ident, name string) ([]string, bool) {
	spec, ok := x.Node.(*ast.ImportSpec)
	if !ok {
		return nil, false
	}
	inst := a.inst.LookupImport(strings.Trim(spec.Path.Value, `"`))
	if inst == nil {
		return nil, false
	}
	return a.field(inst, name)
}
