package resolve

import (
	"fmt"
	"slices"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// override applies a merge patch (RFC 7386) to what the policy has, entry by
// entry.
func (m *merged) override(patch *spec.Node) {
	for _, f := range patch.Fields {
		switch isKeyed := slices.Contains(keyed, f.Name); {
		case isKeyed && f.Value.Kind == spec.Struct:
			for _, member := range f.Value.Fields {
				m.patch(memberOf(f.Name, member.Name), member.Value)
			}
		case isKeyed && f.Value.Kind == spec.Null:
			for _, name := range members(m.list, f.Name) {
				m.patch(memberOf(f.Name, name), f.Value)
			}
		case isKeyed: // which the model refuses
			m.list = slices.DeleteFunc(m.list, func(e entry) bool { return e.key.field == f.Name })
			m.patch(setting(f.Name), f.Value)
		default:
			m.patch(setting(f.Name), f.Value)
		}
	}
	kept := m.list[:0]
	for _, e := range m.list {
		if e.value != nil {
			kept = append(kept, e)
		} else {
			m.dropped = append(m.dropped, e)
		}
	}
	m.list = kept
}

// patch applies a patch to one entry. Where there is none, which checkOverrides
// reports, the patch makes one, for the model to see.
func (m *merged) patch(k key, patch *spec.Node) {
	if find(m.list, k) == nil {
		m.add(entry{key: k})
	}
	e := find(m.list, k)
	e.patch = patch
	e.value = spec.MergePatch(e.value, patch)
}

// checkOverrides reports every path of a patch that changes nothing inherited.
// A setting, a rule and a member of another keyed setting must be inherited;
// inside of a rule a patch may add, since the schema sees the outcome, but it
// cannot drop what is not there.
func (r *resolver) checkOverrides(p *spec.Policy, overrides *spec.Node, inherited []entry) {
	at := spec.Path{"overrides"}
	for _, f := range overrides.Fields {
		path := at.Child(f.Name)
		if slices.Contains(notInherited, f.Name) {
			r.report(diag.OverridesNothing, p, path, f.Value, fmt.Sprintf("%s is not inherited", f.Name), "write it beside overrides")
			continue
		}
		if !slices.Contains(fields(inherited), f.Name) {
			r.overridesNothing(p, path, f.Value, f.Name, fields(inherited))
			continue
		}
		if !slices.Contains(keyed, f.Name) {
			r.checkDrops(p, path, f.Value, find(inherited, setting(f.Name)).value)
			continue
		}
		for _, m := range f.Value.Fields {
			member := path.Child(m.Name)
			target := find(inherited, memberOf(f.Name, m.Name))
			switch {
			case target == nil:
				r.overridesNothing(p, member, m.Value, m.Name, members(inherited, f.Name))
			case f.Name == "rules" && m.Value.Has("params"):
				r.report(diag.OverridesParams, p, member.Child("params"), m.Value.Get("params"),
					"a pattern's parameters have done their work before overrides apply, so this would change nothing",
					fmt.Sprintf("drop the rule (overrides: rules: %q: null) and add one of your own from the pattern with these parameters", m.Name))
			default:
				r.checkDrops(p, member, m.Value, target.value)
			}
		}
	}
}

// checkDrops reports each null of a patch that has nothing to remove.
func (r *resolver) checkDrops(p *spec.Policy, path spec.Path, patch, target *spec.Node) {
	if patch.Kind != spec.Struct {
		return
	}
	for _, f := range patch.Fields {
		inner := target.Get(f.Name)
		if f.Value.Kind == spec.Null && inner == nil {
			var names []string
			if target != nil {
				for _, t := range target.Fields {
					names = append(names, t.Name)
				}
			}
			r.overridesNothing(p, path.Child(f.Name), f.Value, f.Name, names)
			continue
		}
		r.checkDrops(p, path.Child(f.Name), f.Value, inner)
	}
}

func (r *resolver) overridesNothing(p *spec.Policy, path spec.Path, at *spec.Node, name string, inherited []string) {
	hint := "what is not inherited is written beside overrides, not in it"
	if p.Spec.Get("extends") == nil {
		hint = "the policy extends nothing: write the setting or rule itself"
	}
	if near := diag.Nearest(name, inherited); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	r.report(diag.OverridesNothing, p, path, at, fmt.Sprintf("overrides %q, which is not inherited", name), hint)
}
