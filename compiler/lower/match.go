package lower

import (
	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// match gives Kyverno's match or exclude for the flat filter, any or all of
// the authoring model: Kyverno keeps the description of resources apart from
// who asked (api/kyverno/v1 MatchResources), and the flat filter becomes the
// only one of any.
func match(m *spec.Node) *spec.Node {
	if m == nil {
		return nil
	}
	for _, form := range []string{"any", "all"} {
		if list := m.Get(form); list != nil {
			out := &spec.Node{Kind: spec.List, Pos: list.Pos}
			for _, item := range list.Items {
				out.Items = append(out.Items, filter(item))
			}
			return spec.NewStruct(m.Pos, spec.Field{Name: form, Value: out})
		}
	}
	return spec.NewStruct(m.Pos, spec.Field{Name: "any", Value: spec.NewList(m.Pos, filter(m))})
}

// filter gives one resource filter.
func filter(m *spec.Node) *spec.Node {
	var resources, f fields
	resources.take(m, "kinds", "names", "namespaces", "annotations", "selector", "namespaceSelector", "operations")
	f.add("resources", resources.node(m.Pos))
	f.take(m, "subjects", "roles", "clusterRoles")
	if len(f.list) == 0 {
		return spec.NewStruct(m.Pos)
	}
	return f.node(m.Pos)
}

// excludeNamespaces gives a rule's exclude with the namespaces added, and
// false where the exclude cannot take them: all demands every one of its
// filters, so one more would exclude less.
func excludeNamespaces(exclude *spec.Node, namespaces []string, pos token.Pos) (*spec.Node, bool) {
	list := &spec.Node{Kind: spec.List, Pos: pos}
	for _, n := range namespaces {
		list.Items = append(list.Items, spec.NewString(n, pos))
	}
	system := spec.NewStruct(pos, spec.Field{
		Name: "resources", Value: spec.NewStruct(pos, spec.Field{Name: "namespaces", Value: list}),
	})
	if exclude == nil {
		return spec.NewStruct(pos, spec.Field{Name: "any", Value: spec.NewList(pos, system)}), true
	}
	filters := exclude.Get("any")
	if all := exclude.Get("all"); all != nil {
		if len(all.Items) > 1 {
			return exclude, false
		}
		filters = all
	}
	items := append(filters.Items[:len(filters.Items):len(filters.Items)], system)
	return spec.NewStruct(exclude.Pos, spec.Field{Name: "any", Value: spec.NewList(filters.Pos, items...)}), true
}
