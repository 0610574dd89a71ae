package compiler

import (
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/check"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// explainer tells of one spec of a bundle.
type explainer struct {
	bundle Bundle
	makers *check.Makers
	policy *spec.Policy // nil for what is emitted as it is written
}

func (e *explainer) begin(path spec.Path, pos token.Pos) *Explanation {
	return &Explanation{
		Name: specName(path), Package: e.bundle.Package, Path: path.String(), Position: e.position(pos),
		Definition: e.definition(path), Extends: []ExplainedName{}, Bases: []ExplainedBase{},
		Settings: []ExplainedEntry{}, Rules: []ExplainedRule{}, Dropped: []ExplainedEntry{},
	}
}

// native tells of what is emitted as it is written.
func (e *explainer) native(n *spec.Native) *Explanation {
	out := e.begin(n.Path(), n.Pos)
	out.AsWritten = true
	out.Kind = n.Spec.Get("kind").Str()
	if kind, ok := spec.ObjectKindOf(n.Field); ok {
		out.Kind = kind.Kind
	}
	return out
}

// explain tells of the policy, which has no mistakes.
func (e *explainer) explain(m *model.Model) *Explanation {
	out := e.begin(e.policy.Path(), e.policy.Pos)
	out.Kind = policyKind(e.policy)
	provenance, _ := resolve.Explain(e.bundle.Bundle, e.policy, m, e.bundle.Files)
	out.Extends = e.extends(provenance.Extends)
	for _, b := range provenance.Bases {
		out.Bases = append(out.Bases, ExplainedBase{
			Name: b.Ref(), Kind: policyKind(b.Policy), Path: b.Path().String(), Position: e.position(b.Pos),
			Definition: e.definition(b.Path()), Extends: e.extends(b.Extends),
		})
	}
	resolved := e.resolved()
	for _, entry := range provenance.Entries {
		told := e.entry(entry)
		if entry.Path[0] == "rules" && len(entry.Path) == 2 {
			out.Rules = append(out.Rules, e.rule(entry, told, resolved))
		} else {
			out.Settings = append(out.Settings, told)
		}
	}
	for _, entry := range provenance.Dropped {
		out.Dropped = append(out.Dropped, e.entry(entry))
	}
	if resolved != nil && resolved.Namespace == "" && resolved.Resolved.Get("excludeSystemNamespaces").IsTrue() {
		out.SystemNamespaces = e.systemNamespaces(resolved)
	}
	return out
}

// resolved gives the policy as it is lowered, or nil for a base.
func (e *explainer) resolved() *resolve.Policy {
	i := slices.IndexFunc(e.bundle.Policies, func(p *resolve.Policy) bool { return p.Policy == e.policy })
	if i < 0 {
		return nil
	}
	return e.bundle.Policies[i]
}

func policyKind(p *spec.Policy) string {
	if kind, ok := spec.ObjectKindOf(p.Field); ok {
		return kind.Kind
	}
	return "base"
}

func (e *explainer) extends(names []resolve.Extended) []ExplainedName {
	out := []ExplainedName{}
	for _, n := range names {
		out = append(out, ExplainedName{n.Ref(), e.position(n.At.Pos)})
	}
	return out
}

func (e *explainer) entry(entry resolve.Entry) ExplainedEntry {
	out := ExplainedEntry{
		Path: entry.Path.String(), ExplainedWords: e.words(entry.Counts()), Initial: e.words(entry.First),
		Changes: []ExplainedChange{}, Also: []ExplainedWords{},
	}
	out.Value = entry.Value
	for _, c := range entry.Changes {
		change := ExplainedChange{Path: c.Path.String(), ExplainedWords: e.words(c.Words)}
		change.Value = c.Now
		if c.Was != nil {
			change.Was = &ExplainedValue{e.position(c.Was.Pos), c.Was}
		}
		out.Changes = append(out.Changes, change)
	}
	for _, w := range entry.Also {
		out.Also = append(out.Also, e.words(w))
	}
	return out
}

func (e *explainer) words(w resolve.Words) ExplainedWords {
	out := ExplainedWords{Via: []string{}, Value: w.Value, Position: e.position(w.Value.Pos)}
	switch {
	case w.Origin == resolve.BundleDefaults:
		out.Origin = OriginDefaults
	case w.Origin == resolve.KcueDefaults:
		out.Origin, out.Position = OriginKcue, nil
	case w.Origin == resolve.Overrides:
		out.Origin = OriginOverride
	case w.Policy == e.policy:
		out.Origin = OriginOwn
	default:
		out.Origin = OriginBase
	}
	if w.Policy != nil {
		out.From = w.Policy.Ref()
	}
	for _, b := range w.Via {
		out.Via = append(out.Via, b.Ref())
	}
	return out
}

func (e *explainer) rule(entry resolve.Entry, told ExplainedEntry, resolved *resolve.Policy) ExplainedRule {
	out := ExplainedRule{Name: entry.Path[1], ExplainedEntry: told, Params: []ExplainedParameter{}, Settings: []string{}}
	if resolved != nil {
		out.Settings = append(out.Settings, lower.RuleSettings(resolved, entry.Value)...)
	}
	maker, ok := check.Maker{}, false
	if owner := entry.Counts().Policy; owner != nil {
		maker, ok = e.makers.Of(owner.Path().Child(entry.Path...))
	}
	if ok {
		out.Pattern = maker.String()
	}
	params := entry.Value.Get("params")
	for _, f := range params.Members() {
		p := ExplainedParameter{Name: f.Name, Value: f.Value, Position: e.position(f.Value.Pos)}
		// A default of kcue.dev's stands nowhere in the author's files: what encloses
		// the parameter there is its place.
		p.Given = f.Value.Pos != params.Pos && f.Value.Pos != entry.Value.Pos
		if ok && (!p.Given || maker.Package == "") {
			value := e.makers.Default(maker, f.Name)
			p.Given = value == nil || !spec.Equal(value, f.Value)
		}
		if !p.Given {
			p.Position = nil
		}
		out.Params = append(out.Params, p)
	}
	return out
}

// systemNamespaces tells which namespaces they are, and who says so.
func (e *explainer) systemNamespaces(p *resolve.Policy) *ExplainedWords {
	out := &ExplainedWords{Origin: OriginKcue, Via: []string{}, Value: spec.NewList(token.NoPos)}
	if own := e.bundle.Defaults.Get("systemNamespaces"); own != nil {
		out.Origin, out.Position = OriginDefaults, e.position(own.Pos)
	}
	for _, n := range p.SystemNamespaces {
		out.Value.Items = append(out.Value.Items, spec.NewString(n, token.NoPos))
	}
	return out
}

// definition names what the value at a path is made from, or gives "".
func (e *explainer) definition(path spec.Path) string {
	maker, ok := e.makers.Of(path)
	if !ok {
		return ""
	}
	return maker.String()
}

func (e *explainer) position(pos token.Pos) *diag.Position {
	p := e.bundle.Files.Position(pos)
	if !p.IsValid() {
		return nil
	}
	return &p
}
