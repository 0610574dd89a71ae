package lower

import (
	"fmt"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Native gives the object of a spec that needs no resolution. The kinds of
// kyverno.io are written with the authoring model's match and context; those
// of policies.kyverno.io are Kyverno's own throughout.
func Native(n *spec.Native, files *load.Files) (Object, diag.List) {
	if n.Field == "resources" {
		return resource(n, files)
	}
	kind, _ := spec.ObjectKindOf(n.Field)
	body := n.Spec.Without(spec.MetadataFields()...)
	switch kind.APIVersion {
	case "kyverno.io/v2":
		for _, name := range []string{"match", "exclude"} {
			if body.Has(name) {
				body = body.With(name, match(body.Get(name)))
			}
		}
		if c := body.Get("context"); c != nil {
			body = body.Without("context")
			if lowered := context(c); lowered != nil {
				body = body.With("context", lowered)
			}
		}
	}
	var o fields
	o.addString("apiVersion", kind.APIVersion, n.Pos)
	o.addString("kind", kind.Kind, n.Pos)
	o.add("metadata", metadata(n.Name, n.Namespace, n.Spec, nil, n.Pos))
	o.add("spec", body)
	return Object{Node: o.node(n.Pos), Path: n.Path(), Pos: n.Pos, source: n.Spec}, nil
}

// resource gives a plain Kubernetes object as it was written. Its name is the
// bundle's key unless its metadata says another.
func resource(n *spec.Native, files *load.Files) (Object, diag.List) {
	metadata := n.Spec.Get("metadata")
	if metadata == nil {
		metadata = spec.NewStruct(n.Pos)
	}
	var diags diag.List
	if metadata.Kind != spec.Struct {
		diags = append(diags, diag.Diagnostic{
			Code: diag.WrongType, Pos: files.Position(metadata.Pos), Path: n.Path().Child("metadata").String(),
			Message: fmt.Sprintf("found a %s, expected a struct", metadata.Kind),
		})
		return Object{}, diags
	}
	if !metadata.Has("name") {
		named := fields{}
		named.addString("name", n.Name, n.Pos)
		named.list = append(named.list, metadata.Fields...)
		metadata = named.node(metadata.Pos)
	}
	var o fields
	o.take(n.Spec, "apiVersion", "kind")
	o.add("metadata", metadata)
	o.list = append(o.list, n.Spec.Without("apiVersion", "kind", "metadata", "status").Fields...)
	return Object{Node: withoutNulls(o.node(n.Pos)), Path: n.Path(), Pos: n.Pos, source: n.Spec}, diags
}

// withoutNulls leaves out fields that are null: Kubernetes takes them for
// absent, and what compares the output with the cluster does not.
func withoutNulls(n *spec.Node) *spec.Node {
	out := *n
	out.Fields, out.Items = nil, nil
	for _, f := range n.Fields {
		if f.Value.Kind != spec.Null {
			out.Fields = append(out.Fields, spec.Field{Name: f.Name, Value: withoutNulls(f.Value)})
		}
	}
	for _, item := range n.Items {
		out.Items = append(out.Items, withoutNulls(item))
	}
	return &out
}
