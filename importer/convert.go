package importer

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// item is one object as the authoring model says it.
type item struct {
	object    manifest.Object
	field     string // of the bundle
	namespace string // of fields that are keyed by namespace
	name      string
	node      *spec.Node
	comments  spec.Comments
	uses      map[*spec.Node]string
	// differences are those between the object and what the item builds.
	differences []Difference
	// header is what belongs at the top of the file.
	header string
}

// converter turns one object into an item. It owns a copy of the object, and
// takes it apart.
type converter struct {
	object   manifest.Object
	comments spec.Comments
	diags    diag.List
	out      item
}

// kindOf finds an object's place in the bundle; false is for plain resources.
func kindOf(object *spec.Node) (spec.ObjectKind, bool) {
	group, _, _ := strings.Cut(object.Get("apiVersion").Str(), "/")
	return spec.FindObjectKind(group, object.Get("kind").Str())
}

// convert gives the item of an object, or what keeps it from being one.
func convert(o manifest.Object) (*item, diag.List) {
	c := &converter{object: o, comments: spec.Comments{}}
	if wide := widest(o.Node); wide != nil {
		c.refuse(diag.OutOfBounds, wide, "", fmt.Sprintf("a mapping or sequence has %d members, and CUE takes too long over more than %d", len(wide.Fields)+len(wide.Items), maxMembers), "keep the object as YAML")
		return nil, c.diags
	}
	root := c.copied(o.Node)
	c.out = item{object: o, comments: c.comments, uses: map[*spec.Node]string{}}
	k, ok := kindOf(root)
	if !ok {
		c.resource(root)
	} else {
		c.kyverno(root, k)
	}
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	return &c.out, c.diags
}

// maxMembers bounds structs and lists: CUE finds a member by looking at all of
// them, which makes a hundred thousand take minutes.
const maxMembers = 20_000

// widest gives a struct or list with too many members, or nil.
func widest(n *spec.Node) *spec.Node {
	if len(n.Fields)+len(n.Items) > maxMembers {
		return n
	}
	for _, f := range n.Fields {
		if wide := widest(f.Value); wide != nil {
			return wide
		}
	}
	for _, item := range n.Items {
		if wide := widest(item); wide != nil {
			return wide
		}
	}
	return nil
}

// copied gives a copy of a value that may be changed, with its comments. An
// alias's value becomes a value of its own at each place.
func (c *converter) copied(n *spec.Node) *spec.Node {
	out := *n
	out.Fields = slices.Clone(n.Fields)
	for i := range out.Fields {
		out.Fields[i].Value = c.copied(out.Fields[i].Value)
	}
	out.Items = slices.Clone(n.Items)
	for i := range out.Items {
		out.Items[i] = c.copied(out.Items[i])
	}
	if comment, ok := c.object.Comments[n]; ok {
		c.comments[&out] = comment
	}
	return &out
}

// position gives the place of a value in the file.
func position(o manifest.Object, n *spec.Node) diag.Position {
	pos := o.Node.Pos
	if n != nil && n.Pos.IsValid() {
		pos = n.Pos
	}
	if !pos.IsValid() {
		return diag.Position{File: o.File}
	}
	return diag.Position{File: o.File, Line: pos.Line() + o.LinesBefore, Column: pos.Column()}
}

// objectName is how messages name an object.
func objectName(o *spec.Node) string {
	name := o.Get("metadata").Get("name").Str()
	if namespace := o.Get("metadata").Get("namespace").Str(); namespace != "" {
		name = namespace + "/" + name
	}
	return o.Get("kind").Str() + "/" + name
}

// refuse reports what the authoring model cannot say.
func (c *converter) refuse(code diag.Code, at *spec.Node, path, message, hint string) {
	c.diags = append(c.diags, diag.Diagnostic{
		Code: code, Pos: position(c.object, at), Path: strings.TrimSuffix(objectName(c.object.Node)+": "+path, ": "), Message: message, Hint: hint,
	})
}

// differs notes a deliberate difference.
func (c *converter) differs(at *spec.Node, path, from, to, why string) {
	pos := position(c.object, at)
	c.out.differences = append(c.out.differences, Difference{
		File: pos.File, Line: pos.Line, Object: objectName(c.object.Node), Path: path, From: from, To: to, Why: why,
	})
}

// pass hands the comments of a value that goes over to one that stays: what
// stood above or behind it stands above, what stood below it below. The object
// itself gathers the comments of its wrappers in their order; elsewhere, what
// goes stood around what stays.
func (c *converter) pass(from, to *spec.Node) {
	gone, ok := c.comments[from]
	if !ok || from == to {
		return
	}
	delete(c.comments, from)
	c.above(to, joined(gone.Head, gone.Line))
	kept := c.comments[to]
	kept.Foot = joined(kept.Foot, gone.Foot)
	c.comments[to] = kept
}

// above adds a comment above a value.
func (c *converter) above(to *spec.Node, text string) {
	kept := c.comments[to]
	if to == c.out.node {
		kept.Head = joined(kept.Head, text)
	} else {
		kept.Head = joined(text, kept.Head)
	}
	c.comments[to] = kept
}

// passAll hands over the comments of a value and of all below it, in the order
// in which they stand.
func (c *converter) passAll(from, to *spec.Node) {
	if from == nil {
		return
	}
	var all []string
	c.collect(from, &all)
	if len(all) == 0 {
		return
	}
	c.above(to, strings.Join(all, "\n"))
}

func (c *converter) collect(n *spec.Node, into *[]string) {
	comment, ok := c.comments[n]
	delete(c.comments, n)
	if ok {
		for _, text := range []string{comment.Head, comment.Line} {
			if text != "" {
				*into = append(*into, text)
			}
		}
	}
	for _, f := range n.Fields {
		c.collect(f.Value, into)
	}
	for _, it := range n.Items {
		c.collect(it, into)
	}
	if ok && comment.Foot != "" {
		*into = append(*into, comment.Foot)
	}
}

// isCommented reports whether a comment stands at a value or below.
func (c *converter) isCommented(n *spec.Node) bool {
	if _, ok := c.comments[n]; ok {
		return true
	}
	return slices.ContainsFunc(n.Fields, func(f spec.Field) bool { return c.isCommented(f.Value) }) ||
		slices.ContainsFunc(n.Items, c.isCommented)
}

// take removes a field of a struct and gives its value, or nil.
func take(n *spec.Node, name string) *spec.Node {
	if n == nil {
		return nil
	}
	for i, f := range n.Fields {
		if f.Name == name {
			n.Fields = slices.Delete(n.Fields, i, i+1)
			return f.Value
		}
	}
	return nil
}

// set gives a field of a struct a value: in its place where it has one,
// otherwise at the end.
func set(n *spec.Node, name string, value *spec.Node) {
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			n.Fields[i].Value = value
			return
		}
	}
	n.Fields = append(n.Fields, spec.Field{Name: name, Value: value})
}

// dropEmpty leaves out a field of a struct that holds nothing. Its comments go
// to the struct.
func (c *converter) dropEmpty(n *spec.Node, name, path string) {
	if v := n.Get(name); v != nil && isEmpty(v) {
		c.passAll(take(n, name), n)
		c.differs(v, path+"."+spec.Label(name), shown(v), "", "it holds nothing")
	}
}

// rename gives a field of a struct another name.
func rename(n *spec.Node, from, to string) {
	for i := range n.Fields {
		if n.Fields[i].Name == from {
			n.Fields[i].Name = to
		}
	}
}

// isEmpty reports whether a value is absent, or a struct or list without
// anything in it.
func isEmpty(n *spec.Node) bool {
	return n == nil || n.Kind == spec.Null || (n.Kind == spec.Struct || n.Kind == spec.List) && len(n.Fields)+len(n.Items) == 0
}

// or gives the first of two values that is there.
func or(a, b *spec.Node) *spec.Node {
	if a != nil {
		return a
	}
	return b
}

// isString reports whether a value is the string.
func isString(n *spec.Node, s string) bool { return n != nil && n.Kind == spec.String && n.Text == s }

// isBool reports whether a value is the boolean.
func isBool(n *spec.Node, b bool) bool {
	return n != nil && n.Kind == spec.Bool && (n.Text == "true") == b
}

// kyverno converts an object of a kind that the model has a field for.
func (c *converter) kyverno(root *spec.Node, k spec.ObjectKind) {
	c.out.field = k.Field
	c.nulls(root)
	for _, f := range root.Fields {
		switch f.Name {
		case "apiVersion", "kind", "metadata", "spec":
		case "status":
			c.differs(f.Value, "status", shown(f.Value), "", "the cluster writes it")
		default:
			c.refuse(diag.UnknownField, f.Value, f.Name, fmt.Sprintf("the authoring model has no place for %q in a %s", f.Name, root.Get("kind").Str()), "")
		}
	}
	if v := root.Get("apiVersion"); v.Str() != k.APIVersion {
		c.differs(v, "apiVersion", v.Str(), k.APIVersion, "what kcue emits; Kyverno converts between the versions of a group")
	}
	body := root.Get("spec")
	if body == nil || body.Kind != spec.Struct {
		c.refuse(diag.MissingField, body, "spec", "the object has no spec", "")
		return
	}
	c.out.node = spec.NewStruct(root.Pos)
	// What stood at the wrappers stands at the object.
	for _, name := range []string{"apiVersion", "kind"} {
		if v := root.Get(name); v != nil {
			c.pass(v, c.out.node)
		}
	}
	c.metadata(root, k)
	c.pass(body, c.out.node)
	switch k.Field {
	case "clusterPolicies", "policies":
		c.policy(body)
	default:
		c.native(body)
	}
	if v := root.Get("status"); v != nil {
		c.passAll(v, c.out.node)
	}
	c.documentComments(root)
}

// documentComments hands on the comments of the document: the file's header,
// and what is said of the object.
func (c *converter) documentComments(root *spec.Node) {
	comment, ok := c.comments[root]
	delete(c.comments, root)
	kept := c.comments[c.out.node]
	c.out.header = comment.Head
	if !ok && licence.MatchString(kept.Head) {
		c.out.header, kept.Head = kept.Head, ""
	}
	kept.Head = joined(comment.Line, kept.Head)
	kept.Foot = joined(kept.Foot, comment.Foot)
	c.comments[c.out.node] = kept
}

// licence matches comments that belong at the top of a file, even where no empty
// line parts them from the object.
var licence = lazyregexp.New(`(?i)copyright|licen[cs]e|SPDX-`)

// native converts a spec that is Kyverno's own, except for match and context.
func (c *converter) native(body *spec.Node) {
	if group, _, _ := strings.Cut(c.object.Node.Get("apiVersion").Str(), "/"); group == "kyverno.io" {
		for _, clause := range []string{"match", "exclude"} {
			c.clause(body, clause, "spec")
		}
		c.context(body, "spec")
		c.conditions(body, "conditions", "spec")
	}
	for _, f := range body.Fields {
		if slices.ContainsFunc(spec.MetadataFields(), func(name string) bool { return name == f.Name }) {
			c.refuse(diag.UnknownField, f.Value, "spec."+f.Name, fmt.Sprintf("the authoring model has another meaning for %q", f.Name), "")
			continue
		}
		set(c.out.node, f.Name, f.Value)
	}
}
