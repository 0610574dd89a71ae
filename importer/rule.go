package importer

import (
	"fmt"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// rule converts one rule in place.
func (c *converter) rule(r *spec.Node, path string) {
	for _, clause := range []string{"match", "exclude"} {
		c.clause(r, clause, path)
	}
	c.context(r, path)
	c.conditions(r, "preconditions", path)
	// The CRD has the same default, and kcue writes it out.
	if v := r.Get("skipBackgroundRequests"); isBool(v, true) && !c.isCommented(v) {
		take(r, "skipBackgroundRequests")
	}
	for _, name := range []string{"celPreconditions", "imageExtractors", "reportProperties"} {
		c.dropEmpty(r, name, path)
	}
	if v := r.Get("validate"); v != nil {
		at := path + ".validate"
		if d := v.Get("allowExistingViolations"); isBool(d, true) && !c.isCommented(d) {
			take(v, "allowExistingViolations")
		}
		c.conditions(v.Get("deny"), "conditions", at+".deny")
		c.foreach(v, at)
		if m := v.Get("manifests"); m != nil {
			c.attestors(m, at+".manifests")
		}
	}
	if m := r.Get("mutate"); m != nil {
		at := path + ".mutate"
		c.each(m, "targets", at, func(target *spec.Node, at string) {
			c.context(target, at)
			c.conditions(target, "preconditions", at)
		})
		c.foreach(m, at)
	}
	if g := r.Get("generate"); g != nil {
		c.foreach(g, path+".generate")
	}
	c.each(r, "verifyImages", path, c.images)
}

// each converts the items of a list.
func (c *converter) each(n *spec.Node, name, path string, convert func(item *spec.Node, path string)) {
	list := n.Get(name)
	if list == nil {
		return
	}
	for i, item := range list.Items {
		if item.Kind == spec.Struct {
			convert(item, fmt.Sprintf("%s.%s[%d]", path, name, i))
		}
	}
}

// foreach converts the entries of a foreach, at any depth.
func (c *converter) foreach(body *spec.Node, path string) {
	c.each(body, "foreach", path, func(entry *spec.Node, at string) {
		c.context(entry, at)
		c.conditions(entry, "preconditions", at)
		c.conditions(entry.Get("deny"), "conditions", at+".deny")
		if entry.Has("list") || entry.Has("foreach") {
			c.foreach(entry, at)
		}
	})
}

// context keys the entries of a context by name.
func (c *converter) context(n *spec.Node, path string) {
	list := n.Get("context")
	if list == nil || list.Kind != spec.List {
		return
	}
	if len(list.Items) == 0 {
		c.dropEmpty(n, "context", path)
		return
	}
	named := spec.NewStruct(list.Pos)
	c.pass(list, named)
	for i, entry := range list.Items {
		at := fmt.Sprintf("%s.context[%d]", path, i)
		name := take(entry, "name")
		switch {
		case name.Str() == "":
			c.refuse(diag.MissingField, entry, at+".name", "the context entry has no name: the authoring model keys entries by name", "")
		case named.Has(name.Text):
			c.refuse(diag.Conflict, entry, at+".name", fmt.Sprintf("another entry of the context is named %q too: the authoring model keys entries by name", name.Text),
				"give the second another name, and use it in what comes after")
		default:
			c.pass(name, entry)
			set(named, name.Text, entry)
		}
	}
	set(n, "context", named)
}

// clause converts match or exclude: one filter is written flat, several under
// any or all. The form without any or all is one filter
// (api/kyverno/v1 MatchResources, deprecated there).
func (c *converter) clause(n *spec.Node, name, path string) {
	m := n.Get(name)
	if m == nil || m.Kind != spec.Struct {
		return
	}
	at := path + "." + name
	if len(m.Fields) == 0 && name == "exclude" {
		c.passAll(take(n, name), n)
		c.differs(m, at, "{}", "", "it excludes nothing")
		return
	}
	for _, form := range []string{"any", "all"} {
		list := m.Get(form)
		if list == nil || list.Kind != spec.List || len(m.Fields) > 1 {
			continue
		}
		for i, f := range list.Items {
			list.Items[i] = c.filter(f, fmt.Sprintf("%s.%s[%d]", at, form, i))
		}
		if form == "any" && len(list.Items) == 1 && len(list.Items[0].Fields) > 0 {
			flat := list.Items[0]
			c.pass(list, flat)
			c.pass(m, flat)
			set(n, name, flat)
		}
		return
	}
	if m.Has("any") || m.Has("all") {
		return // beside something else, which the checks speak of
	}
	c.differs(m, at, "a filter without any", at+".any[0]", "Kyverno has deprecated that form")
	flat := c.filter(m, at)
	c.pass(m, flat)
	set(n, name, flat)
}

// filter writes a resource filter flat: what describes the resource beside who
// asks.
func (c *converter) filter(f *spec.Node, path string) *spec.Node {
	if f.Kind != spec.Struct {
		return f
	}
	flat := spec.NewStruct(f.Pos)
	c.pass(f, flat)
	for _, field := range f.Fields {
		if field.Name != "resources" {
			set(flat, field.Name, field.Value)
			continue
		}
		c.pass(field.Value, flat)
		if isEmpty(field.Value) {
			c.differs(field.Value, path+".resources", "{}", "", "it holds nothing")
		}
		for _, described := range field.Value.Fields {
			switch {
			case described.Name == "name" && described.Value.Str() == "":
				c.passAll(described.Value, flat)
				c.differs(described.Value, path+".resources.name", `""`, "", "it holds nothing")
			case described.Name == "name":
				list := spec.NewList(described.Value.Pos, described.Value)
				c.pass(described.Value, list)
				c.differs(described.Value, path+".resources.name", described.Value.Text, "names: ["+described.Value.Text+"]", "Kyverno has deprecated it for names")
				set(flat, "names", list)
			default:
				set(flat, described.Name, described.Value)
			}
		}
	}
	return flat
}
