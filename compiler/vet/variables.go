package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// variables checks the JMESPath, the {{ variables }}, the $(references) and the
// context entries of an object.
func (c *checker) variables(kind string) {
	s := c.root.get("spec")
	switch kind {
	case "ClusterPolicy", "Policy":
		c.policyVariables(s)
	case "CleanupPolicy", "ClusterCleanupPolicy":
		// Conditions are checked in a context of the resource alone
		// (pkg/controllers/cleanup/controller.go).
		sc := scope{target: true, cleanup: true}
		sc = c.contextEntries(s.get("context"), sc)
		c.texts(s.get("conditions"), sc)
	case "PolicyException":
		// They see whatever the rules see that they are exceptions of.
		c.texts(s.get("conditions"), scope{open: true})
	case "GlobalContextEntry":
		c.globalContextEntry(s)
	}
}

func (c *checker) policyVariables(s value) {
	background := !isFalse(s.get("background"))
	onUpdate := hasUpdates(s)
	if background || onUpdate {
		c.backgroundVariables(s, background)
	}
	userReported := background && !hasTargets(s)
	c.eachRule(func(r value) { c.ruleVariables(r, background || onUpdate, userReported) })
}

// hasUpdates reports whether a rule of the policy changes existing resources when
// the policy changes.
func hasUpdates(s value) bool {
	return slices.ContainsFunc(s.get("rules").items(), func(r value) bool { return changesOnUpdate(s, r) })
}

// changesOnUpdate reports whether a rule changes existing resources when the
// policy changes, where no request is at hand
// (pkg/validation/policy/validate.go Validate).
func changesOnUpdate(s, r value) bool {
	if !r.get("mutate").exists() {
		return false
	}
	if own := r.down("mutate", "mutateExistingOnPolicyUpdate"); own.exists() {
		return own.IsTrue()
	}
	return s.get("mutateExistingOnPolicyUpdate").IsTrue()
}

// ruleVariables checks a rule. It is background where the rule must do without
// a request's user, and userReported where such variables are found already.
func (c *checker) ruleVariables(r value, background, userReported bool) {
	if substituted(r.Node) {
		c.noVariables(r)
		c.pathReferences(r)
	}
	entries := r.get("context")
	mutate := r.get("mutate")
	changesTargets := mutate.get("targets").exists()

	// Kyverno's webhook takes every name of the rule anywhere in it, save for
	// what finds the targets of a rule that changes existing resources.
	anywhere := accepted(r, background, changesTargets)
	anywhere.user = userReported
	everywhere := []*acceptance{anywhere}
	before := everywhere
	if changesTargets {
		before = append(before, acceptedNames(background, false, entries))
	}
	sc := scope{accepted: before, webhook: true, images: c.imagesOf(r), known: contextNames(r)}
	if len(r.get("context").items()) > 0 && r.down("validate", "cel").exists() {
		c.error(diag.ContextEntry, entries, "validate.cel sees no context entries: Kyverno refuses them in this rule", "use a ValidatingPolicy with variables, or a pattern or deny in place of cel")
	}
	sc = c.contextEntries(entries, sc)
	sc.webhook = false
	c.texts(r.get("preconditions"), sc)
	sc.accepted = everywhere

	for _, f := range r.members() {
		switch f.name {
		case "context", "preconditions", "match", "exclude":
		case "validate", "generate":
			c.body(f, sc)
		case "mutate":
			target := sc
			target.target = changesTargets
			for _, t := range f.get("targets").items() {
				target = c.targetVariables(t, sc, before, target)
			}
			c.body(f, target, "targets")
		case "verifyImages":
			sc := sc
			sc.image = true
			for _, v := range f.items() {
				c.verifyImagesVariables(v, sc)
			}
		case "imageExtractors":
			for _, kind := range f.members() {
				for _, extractor := range kind.items() {
					c.result(extractor.get("jmesPath"))
				}
			}
			c.texts(f, sc)
		default:
			c.texts(f, sc)
		}
	}
}

// body checks what a rule does, with the lists and contexts of its foreach, and
// without the members that are named.
func (c *checker) body(v value, sc scope, except ...string) {
	for _, f := range v.members() {
		switch {
		case slices.Contains(except, f.name):
		case f.name == "foreach" && f.Kind == spec.List:
			for _, item := range f.items() {
				c.foreachVariables(item, sc)
			}
		default:
			c.texts(f, sc)
		}
	}
}

// foreachVariables checks a foreach: the list is evaluated outside of it, its
// context for each element, and nested ones in the same way.
func (c *checker) foreachVariables(f value, sc scope) {
	if f.Kind != spec.Struct {
		return
	}
	if list := f.get("list"); strings.TrimSpace(list.Str()) != "" {
		c.list(list, sc)
	}
	sc.depth++
	sc = c.contextEntries(f.get("context"), sc)
	c.body(f, sc, "list", "context")
}

// targetVariables checks a target of a rule that changes existing resources,
// and gives the scope of the rule's body with the target's context entries.
func (c *checker) targetVariables(t value, outer scope, before []*acceptance, body scope) scope {
	find := outer
	find.accepted = before
	own := outer
	own.target = true
	own = c.contextEntries(t.get("context"), own)
	for _, f := range t.members() {
		switch f.name {
		case "context":
		case "preconditions":
			c.texts(f, own)
		default:
			c.texts(f, find)
		}
	}
	body.entries = append(slices.Clone(body.entries), own.entries[len(outer.entries):]...)
	return body
}

// verifyImagesVariables checks an entry of verifyImages. The conditions of an
// attestation are evaluated on what was attested, which has any fields.
func (c *checker) verifyImagesVariables(v value, sc scope) {
	for _, a := range v.get("attestations").items() {
		if name := a.get("name").Str(); name != "" {
			sc.entries = append(slices.Clone(sc.entries), contextEntry{name: name})
		}
	}
	for _, f := range v.members() {
		switch f.name {
		case "imageReferences", "image":
		case "attestations":
			for _, a := range f.items() {
				open := sc
				open.open, open.accepted = true, nil
				c.texts(a.get("conditions"), open)
				c.body(a, sc, "conditions")
			}
		default:
			c.texts(f, sc)
		}
	}
}

// substituted reports whether a value holds anything that Kyverno substitutes.
// Most rules hold nothing, and are not looked at again.
func substituted(n *spec.Node) bool {
	if n.Kind == spec.String {
		return isVariable(n.Text)
	}
	for _, f := range n.Fields {
		if isVariable(f.Name) || substituted(f.Value) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items, substituted)
}

// texts checks the variables of every string and field's name below a value.
func (c *checker) texts(v value, sc scope) {
	if v.Node == nil || !substituted(v.Node) {
		return
	}
	v.walkHaving("{{", func(at value, text string) bool {
		c.text(at, text, sc)
		return true
	})
}

// text checks the variables of one text.
func (c *checker) text(at value, text string, sc scope) {
	if !strings.Contains(text, "{{") {
		return
	}
	for _, v := range jmespath.Variables(text) {
		c.variable(at, v, sc)
	}
	if offset, ok := jmespath.Unclosed(text); ok {
		c.warn(diag.UnclosedVariable, at, fmt.Sprintf("%q has no }} after it: Kyverno takes it for plain text", clip(text[offset:])), `close it with }}, or write \{{ where braces are meant`)
	}
}

func (c *checker) variable(at value, v jmespath.Variable, sc scope) {
	shown := "{{ " + clip(v.Expression) + " }}"
	if v.AfterRune != 0 {
		c.error(diag.MisplacedVariable, at,
			fmt.Sprintf("%s stands directly after %q: Kyverno reads a part of that character into the variable, and refuses the policy", shown, v.AfterRune),
			"put a space, or another ASCII character, between them")
	}
	expression := jmespath.Parse(v.Expression)
	for _, p := range expression.Check() {
		c.error(diag.JMESPath, at, shown+": "+p.Message, p.Hint)
	}
	if !expression.Valid() {
		return
	}
	if !c.references(at, shown, expression, v.Nested, sc) {
		return
	}
	for _, a := range sc.accepted {
		if v.Expression != "@" && !a.accepts(v.Expression) && !a.isUser(v.Expression) {
			c.error(diag.MisplacedVariable, at,
				shown+" is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function",
				sc.refusedHint(v.Expression))
			return
		}
	}
}

// list checks the list of a foreach: Kyverno evaluates it as it stands, without
// substituting variables (pkg/engine/utils/foreach.go EvaluateList).
func (c *checker) list(at value, sc scope) {
	if !jmespath.HasVariables(at.Text) {
		c.query(at, sc)
		return
	}
	hint := ""
	if vars := jmespath.Variables(at.Text); len(vars) == 1 && vars[0].Whole {
		hint = fmt.Sprintf("did you mean %q?", vars[0].Expression)
	}
	c.error(diag.JMESPath, at, "the list of a foreach is an expression by itself, and Kyverno reads no braces here", hint)
}

// query checks a field that is a JMESPath expression on the context. One with
// variables is known at a request only.
func (c *checker) query(at value, sc scope) {
	if expression := c.result(at); expression.Valid() {
		sc.accepted = nil // the webhook does not look
		c.references(at, fmt.Sprintf("%q", clip(at.Text)), expression, false, sc)
	}
}

// result checks a field that is a JMESPath expression on another value than the
// context, and gives the expression. One with variables is known at a request
// only: it is not valid, and no mistake.
func (c *checker) result(at value) *jmespath.Expression {
	text := at.Str()
	if text == "" || jmespath.HasVariables(text) {
		return jmespath.Parse("")
	}
	expression := jmespath.Parse(text)
	for _, p := range expression.Check() {
		c.error(diag.JMESPath, at, fmt.Sprintf("%q: %s", clip(text), p.Message), p.Hint)
	}
	return expression
}

// clip shortens a text for a message, and takes it on one line.
func clip(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
