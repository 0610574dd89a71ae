package resolve

import (
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// withDefaults fills what a policy leaves unset: from the bundle's defaults,
// then kcue's own.
func withDefaults(n, defaults *spec.Node, p *spec.Policy) *spec.Node {
	if defaults != nil {
		for _, f := range defaults.Fields {
			switch {
			case f.Name == "systemNamespaces":
			case slices.Contains(keyed, f.Name) && n.Has(f.Name):
				own := n.Get(f.Name)
				for _, m := range f.Value.Fields {
					if !own.Has(m.Name) {
						own = own.With(m.Name, m.Value)
					}
				}
				n = n.With(f.Name, own)
			case !n.Has(f.Name):
				n = n.With(f.Name, f.Value)
			}
		}
	}
	for _, f := range ownDefaults(p.Pos) {
		if !n.Has(f.Name) {
			n = n.With(f.Name, f.Value)
		}
	}
	return n
}

// ownDefaults is what kcue sets where neither the policy nor its bundle does:
// Kyverno's own defaults, said aloud.
func ownDefaults(pos token.Pos) []spec.Field {
	return []spec.Field{
		{Name: "background", Value: spec.NewBool(true, pos)},
		{Name: "failureAction", Value: spec.NewString("Audit", pos)},
	}
}
