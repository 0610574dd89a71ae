package lower

import (
	"cmp"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// Object is one Kubernetes object, ready to be written.
type Object struct {
	Node *spec.Node
	Path spec.Path // where the bundle holds what it was made of
	Pos  token.Pos

	source *spec.Node // the spec that it was made of
}

// APIVersion gives the object's apiVersion, such as kyverno.io/v1.
func (o Object) APIVersion() string { return o.Node.Get("apiVersion").Str() }

// Group gives the group of the object's API; empty for Kubernetes' core.
func (o Object) Group() string {
	if group, _, ok := strings.Cut(o.APIVersion(), "/"); ok {
		return group
	}
	return ""
}

// Kind gives the object's kind.
func (o Object) Kind() string { return o.Node.Get("kind").Str() }

// Namespace gives the object's namespace; empty for a cluster-scoped one.
func (o Object) Namespace() string { return o.Node.Get("metadata").Get("namespace").Str() }

// Name gives the object's name.
func (o Object) Name() string { return o.Node.Get("metadata").Get("name").Str() }

// Compare orders objects as they are emitted: by kind, namespace and name,
// and by apiVersion where a kind exists in two groups.
func Compare(a, b Object) int {
	return cmp.Or(
		cmp.Compare(a.Kind(), b.Kind()),
		cmp.Compare(a.Namespace(), b.Namespace()),
		cmp.Compare(a.Name(), b.Name()),
		cmp.Compare(a.APIVersion(), b.APIVersion()),
	)
}

// fields builds a struct in the order of the calls, leaving out what is
// absent.
type fields struct{ list []spec.Field }

func (f *fields) add(name string, value *spec.Node) {
	if value != nil {
		f.list = append(f.list, spec.Field{Name: name, Value: value})
	}
}

func (f *fields) addString(name, value string, pos token.Pos) {
	f.add(name, spec.NewString(value, pos))
}

// take adds fields of a struct under their own names.
func (f *fields) take(from *spec.Node, names ...string) {
	for _, name := range names {
		f.add(name, from.Get(name))
	}
}

// node gives the struct, or nil where nothing was added.
func (f *fields) node(pos token.Pos) *spec.Node {
	if len(f.list) == 0 {
		return nil
	}
	return spec.NewStruct(pos, f.list...)
}
