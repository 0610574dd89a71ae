package spec

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/token"
)

// Bundle is one package of specs.
type Bundle struct {
	Package  string // how diagnostics call the package
	Defaults *Node  // nil where there are none

	// Bases and Policies are the specs that resolve works on; bases are never
	// emitted. Both are in source order.
	Bases    []*Policy
	Policies []*Policy

	// Natives are the specs that are emitted as they are written: exceptions,
	// cleanup policies, CEL policies and plain resources.
	Natives []*Native

	// Tests is the bundle's tests, nil where it has none.
	Tests *Node
}

// Policy is a base, a cluster policy or a namespaced policy.
type Policy struct {
	Field     string // the bundle's field: bases, clusterPolicies or policies
	Namespace string // of a namespaced policy
	Name      string
	Spec      *Node // a #PolicySpec
	Pos       token.Pos
	// Broken is set where the spec has mistakes that are reported already. The
	// phases pass over it, and over what extends it, so that they can speak of
	// the others.
	Broken bool
}

// Path is where the bundle holds the policy.
func (p *Policy) Path() Path {
	if p.Namespace != "" {
		return Path{p.Field, p.Namespace, p.Name}
	}
	return Path{p.Field, p.Name}
}

// Ref is how extends and tests name the policy: its name, or namespace/name.
func (p *Policy) Ref() string {
	if p.Namespace != "" {
		return p.Namespace + "/" + p.Name
	}
	return p.Name
}

// Native is a spec that becomes one object without resolution.
type Native struct {
	Field     string // the bundle's field, such as exceptions
	Namespace string // empty for cluster-scoped kinds and for resources
	Name      string // the object's name; for a resource, its key
	Spec      *Node
	Pos       token.Pos
	Broken    bool // the spec has mistakes that are reported already
}

// Path is where the bundle holds the spec.
func (n *Native) Path() Path {
	if n.Namespace != "" {
		return Path{n.Field, n.Namespace, n.Name}
	}
	return Path{n.Field, n.Name}
}

// MarkBroken marks the specs that the paths of mistakes lead into.
func (b *Bundle) MarkBroken(paths []string) {
	for _, list := range [][]*Policy{b.Bases, b.Policies} {
		for _, p := range list {
			p.Broken = p.Broken || leadInto(paths, p.Path())
		}
	}
	for _, n := range b.Natives {
		n.Broken = n.Broken || leadInto(paths, n.Path())
	}
}

func leadInto(paths []string, place Path) bool {
	text := place.String()
	return slices.ContainsFunc(paths, func(p string) bool {
		// A mistake above the spec, as in its namespace, is the spec's too.
		return p == text || strings.HasPrefix(p, text+".") || strings.HasPrefix(text, p+".")
	})
}

// NewBundle sorts an evaluated package, which satisfies #Bundle, into specs.
func NewBundle(pkg string, root *Node) *Bundle {
	b := &Bundle{Package: pkg, Defaults: root.Get("defaults"), Tests: root.Get("tests")}
	for _, field := range root.Fields {
		switch field.Name {
		case "defaults", "tests":
			continue
		}
		for _, outer := range field.Value.Fields {
			if outer.Value.Kind != Struct {
				continue // reported by the model
			}
			if k, _ := ObjectKindOf(field.Name); !k.Namespaced {
				b.add(field.Name, "", outer)
				continue
			}
			for _, inner := range outer.Value.Fields {
				if inner.Value.Kind != Struct {
					continue
				}
				b.add(field.Name, outer.Name, inner)
			}
		}
	}
	return b
}

func (b *Bundle) add(field, namespace string, f Field) {
	switch field {
	case "bases":
		b.Bases = append(b.Bases, &Policy{Field: field, Name: f.Name, Spec: f.Value, Pos: f.Value.Pos})
	case "clusterPolicies", "policies":
		b.Policies = append(b.Policies, &Policy{Field: field, Namespace: namespace, Name: f.Name, Spec: f.Value, Pos: f.Value.Pos})
	default:
		b.Natives = append(b.Natives, &Native{Field: field, Namespace: namespace, Name: f.Name, Spec: f.Value, Pos: f.Value.Pos})
	}
}
