package lower

import (
	"fmt"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// rule gives one rule of a policy. What the rule leaves open, the policy's
// own match, exclude and settings fill.
func (l *lowering) rule(name string, r *spec.Node) *spec.Node {
	s := l.policy.Resolved
	path := spec.Path{"rules", name}
	var f fields
	f.addString("name", name, r.Pos)
	f.add("match", match(or(r.Get("match"), s.Get("match"))))
	exclude := match(or(r.Get("exclude"), s.Get("exclude")))
	if s.Get("excludeSystemNamespaces").IsTrue() && l.policy.Namespace == "" {
		with, ok := excludeNamespaces(exclude, l.policy.SystemNamespaces, r.Pos)
		if !ok {
			l.report(diag.ExcludeAll, or(r.Get("exclude"), s.Get("exclude")), path.Child("exclude", "all"),
				"excludeSystemNamespaces cannot join an exclude of several filters under all: Kyverno takes all or any, not both",
				"write the filters under any, or set excludeSystemNamespaces: false")
		}
		exclude = with
	}
	f.add("exclude", exclude)
	f.take(r, "skipBackgroundRequests")
	f.add("context", context(r.Get("context")))
	f.take(r, "preconditions", "celPreconditions", "imageExtractors")
	if v := r.Get("validate"); v != nil {
		f.add("validate", l.validate(v))
	}
	if m := r.Get("mutate"); m != nil {
		f.add("mutate", l.mutate(m))
	}
	if g := r.Get("generate"); g != nil {
		f.add("generate", l.generate(g))
	}
	if v := r.Get("verifyImages"); v != nil {
		f.add("verifyImages", l.verifyImages(v, path.Child("verifyImages")))
	}
	f.take(r, "reportProperties")
	return f.node(r.Pos)
}

// or gives the first of two that is there.
func or(a, b *spec.Node) *spec.Node {
	if a != nil {
		return a
	}
	return b
}

// setting gives what a rule's body says of itself, or the policy's setting.
func (l *lowering) setting(body *spec.Node, name string) *spec.Node {
	return or(body.Get(name), l.policy.Resolved.Get(name))
}

// context gives Kyverno's list of the context entries.
func context(c *spec.Node) *spec.Node {
	if c == nil {
		return nil
	}
	list := &spec.Node{Kind: spec.List, Pos: c.Pos}
	for _, entry := range c.Fields {
		f := fields{}
		f.addString("name", entry.Name, entry.Value.Pos)
		f.list = append(f.list, entry.Value.Fields...)
		list.Items = append(list.Items, f.node(entry.Value.Pos))
	}
	return nonEmpty(list)
}

// foreach gives the entries of a foreach, at any depth of nesting, with their
// contexts as lists.
func foreach(list *spec.Node) *spec.Node {
	if list == nil {
		return nil
	}
	out := *list
	out.Items = make([]*spec.Node, len(list.Items))
	for i, item := range list.Items {
		if c := item.Get("context"); c != nil {
			if lowered := context(c); lowered != nil {
				item = item.With("context", lowered)
			} else {
				item = item.Without("context")
			}
		}
		if nested := item.Get("foreach"); nested != nil {
			item = item.With("foreach", foreach(nested))
		}
		out.Items[i] = item
	}
	return &out
}

// validate puts the failure action on the rule itself: Kyverno deprecated
// spec.validationFailureAction (api/kyverno/v1/spec_types.go).
func (l *lowering) validate(v *spec.Node) *spec.Node {
	var f fields
	f.add("failureAction", l.setting(v, "failureAction"))
	f.add("failureActionOverrides", l.setting(v, "failureActionOverrides"))
	f.take(v, "allowExistingViolations", "message", "pattern", "anyPattern", "deny")
	f.add("foreach", foreach(v.Get("foreach")))
	f.take(v, "podSecurity", "cel", "manifests")
	return spec.NewStruct(v.Pos, f.list...)
}

func (l *lowering) mutate(m *spec.Node) *spec.Node {
	var f fields
	if m.Has("targets") {
		f.add("mutateExistingOnPolicyUpdate", l.setting(m, "mutateExistingOnPolicyUpdate"))
	} else {
		f.take(m, "mutateExistingOnPolicyUpdate")
	}
	f.add("targets", foreach(m.Get("targets")))
	f.take(m, "patchStrategicMerge", "patchesJson6902")
	f.add("foreach", foreach(m.Get("foreach")))
	return spec.NewStruct(m.Pos, f.list...)
}

func (l *lowering) generate(g *spec.Node) *spec.Node {
	var f fields
	f.add("generateExisting", l.setting(g, "generateExisting"))
	f.take(g, "synchronize", "orphanDownstreamOnPolicyDelete",
		"apiVersion", "kind", "name", "namespace", "uid", "data", "clone", "cloneList")
	f.add("foreach", foreach(g.Get("foreach")))
	return spec.NewStruct(g.Pos, f.list...)
}

// verifyImages puts the failure action on each entry. Kyverno's mutateDigest
// is true unless it is said to be false, and Kyverno refuses it where the
// action is Audit (api/kyverno/v1/image_verification_types.go): an entry that
// does not ask for it gets false.
func (l *lowering) verifyImages(v *spec.Node, path spec.Path) *spec.Node {
	if overrides := l.policy.Resolved.Get("failureActionOverrides"); overrides != nil && len(overrides.Items) > 0 {
		l.report(diag.VerifyImagesOverrides, overrides, spec.Path{"failureActionOverrides"},
			"failureActionOverrides cannot be said of a verifyImages rule: Kyverno has them for validate rules only",
			"give the verifyImages rules a policy of their own, without failureActionOverrides")
	}
	out := *v
	out.Items = make([]*spec.Node, len(v.Items))
	for i, item := range v.Items {
		action := l.setting(item, "failureAction")
		var f fields
		f.take(item, "type", "imageReferences", "skipImageReferences")
		f.add("failureAction", action)
		digest := item.Get("mutateDigest")
		if action.Str() == "Audit" {
			if digest.IsTrue() {
				l.report(diag.DigestInAudit, digest, path.Child(fmt.Sprint(i), "mutateDigest"),
					"mutateDigest needs failureAction Enforce: Kyverno refuses it in Audit",
					"set failureAction: \"Enforce\", or leave mutateDigest out")
			}
			digest = or(digest, spec.NewBool(false, item.Pos))
		}
		f.add("mutateDigest", digest)
		for _, field := range item.Fields {
			switch field.Name {
			case "type", "imageReferences", "skipImageReferences", "failureAction", "mutateDigest":
			default:
				f.add(field.Name, field.Value)
			}
		}
		out.Items[i] = spec.NewStruct(item.Pos, f.list...)
	}
	return &out
}
