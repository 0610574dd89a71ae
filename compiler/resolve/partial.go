package resolve

import (
	"slices"

	"kcue.dev/compiler/spec"
)

// Partial gives what can be said of specs that Bundle gives no policy for:
// bases, which are never emitted, and policies that have mistakes or extend
// something that has. Each is its own words alone, without what it inherits or
// what the bundle's defaults add. Settings that its heirs decide are left out,
// and it is for no background scan unless it says so itself.
func Partial(b *spec.Bundle, resolved []*Policy) []*Policy {
	whole := make(map[*spec.Policy]bool, len(resolved))
	for _, p := range resolved {
		whole[p.Policy] = true
	}
	var out []*Policy
	for _, p := range slices.Concat(b.Bases, b.Policies) {
		if whole[p] {
			continue
		}
		own := p.Spec.Without("extends", "overrides", "params")
		if !own.Has("background") {
			own = own.With("background", spec.NewBool(false, p.Pos))
		}
		out = append(out, &Policy{Policy: p, Resolved: own, Partial: true})
	}
	return out
}
