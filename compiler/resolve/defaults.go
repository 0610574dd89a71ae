package resolve

import (
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// withDefaults gives what a policy has with what it leaves unset filled in: from
// the bundle's defaults, then kcue's own.
func (m *merged) withDefaults(defaults *spec.Node) *merged {
	filled := *m
	filled.list = slices.Clone(m.list)
	if defaults != nil {
		for _, e := range entriesOf(defaults, BundleDefaults) {
			if e.key.field != "systemNamespaces" && find(filled.list, e.key) == nil {
				filled.add(e)
			}
		}
	}
	for _, f := range ownDefaults(m.policy.Pos) {
		if find(filled.list, setting(f.Name)) == nil {
			filled.add(entry{key: setting(f.Name), value: f.Value, origin: KcueDefaults})
		}
	}
	return &filled
}

// ownDefaults is what kcue sets where neither the policy nor its bundle does:
// Kyverno's own defaults, said aloud.
func ownDefaults(pos token.Pos) []spec.Field {
	return []spec.Field{
		{Name: "background", Value: spec.NewBool(true, pos)},
		{Name: "failureAction", Value: spec.NewString("Audit", pos)},
	}
}
