// Package lower turns resolved policies into the objects of a target API: in
// goes what an author said, out comes what Kyverno reads.
//
// What the authoring model keys by name becomes Kyverno's lists, in source
// order; a setting goes to the place that Kyverno has not deprecated; nothing
// is approximated.
package lower

import (
	"slices"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Targets lists the APIs that policies can be compiled to.
func Targets() []string { return []string{KyvernoV1} }

// KyvernoV1 is the target of ClusterPolicy and Policy.
const KyvernoV1 = "kyverno.io/v1"

// Policy gives the ClusterPolicy or Policy of a resolved policy.
func Policy(p *resolve.Policy, files *load.Files) (Object, diag.List) {
	l := &lowering{policy: p, files: files}
	kind := "ClusterPolicy"
	if p.Namespace != "" {
		kind = "Policy"
	}
	var o fields
	o.addString("apiVersion", KyvernoV1, p.Pos)
	o.addString("kind", kind, p.Pos)
	o.add("metadata", metadata(p.Name, p.Namespace, withControls(p.Resolved), autogenAnnotation(p.Resolved), p.Pos))
	o.add("spec", l.spec())
	return Object{Node: o.node(p.Pos), Path: p.Path(), Pos: p.Pos, source: p.Resolved}, l.diags
}

// lowering is one policy on its way.
type lowering struct {
	policy *resolve.Policy
	files  *load.Files
	diags  diag.List
}

func (l *lowering) spec() *spec.Node {
	s := l.policy.Resolved
	var f fields
	f.take(s, "applyRules", "admission", "background", "emitWarning", "useServerSideApply")
	var webhook fields
	webhook.take(s, "failurePolicy")
	webhook.add("timeoutSeconds", s.Get("webhookTimeoutSeconds"))
	webhook.take(s, "matchConditions")
	f.add("webhookConfiguration", webhook.node(l.policy.Pos))

	rules := &spec.Node{Kind: spec.List, Pos: l.policy.Pos}
	for _, r := range s.Get("rules").Members() {
		rules.Items = append(rules.Items, l.rule(r.Name, r.Value))
	}
	f.add("rules", rules)
	return f.node(l.policy.Pos)
}

// autogenAnnotation gives the annotation that limits Kyverno's autogen
// (pkg/autogen/v1), or nil where the policy leaves it alone.
func autogenAnnotation(s *spec.Node) *spec.Field {
	autogen := s.Get("autogen")
	if autogen == nil {
		return nil
	}
	value := autogen.Str()
	for i, controller := range autogen.Strings() {
		if i > 0 {
			value += ","
		}
		value += controller
	}
	return &spec.Field{Name: spec.AutogenAnnotation, Value: spec.NewString(value, autogen.Pos)}
}

func (l *lowering) report(code diag.Code, at *spec.Node, path spec.Path, message, hint string) {
	l.diags = append(l.diags, resolve.Diagnostic(code, l.policy.Policy, path, at, l.files, message, hint))
}

// withControls gives the spec with the controls of its rules added to its
// own, so that the object says every control that it serves.
func withControls(s *spec.Node) *spec.Node {
	controls := s.Get("controls")
	for _, r := range s.Get("rules").Members() {
		for _, framework := range r.Value.Get("controls").Members() {
			if controls == nil {
				controls = spec.NewStruct(framework.Value.Pos)
			}
			ids := controls.Get(framework.Name)
			if ids == nil {
				controls = controls.With(framework.Name, framework.Value)
				continue
			}
			known := ids.Strings()
			merged := *ids
			merged.Items = slices.Clone(ids.Items)
			for _, id := range framework.Value.Items {
				if !slices.Contains(known, id.Str()) {
					merged.Items = append(merged.Items, id)
				}
			}
			controls = controls.With(framework.Name, &merged)
		}
	}
	if controls == nil {
		return s
	}
	return s.With("controls", controls)
}
