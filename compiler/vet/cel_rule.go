package vet

import (
	"kcue.dev/compiler/celenv"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// celRules checks the CEL of a ClusterPolicy or Policy: validate.cel,
// celPreconditions and the webhook's matchConditions.
func (c *checker) celRules() {
	s := c.root.get("spec")
	webhook := &celPolicy{checker: c, kind: celenv.Webhook}
	webhook.conditions(s.down("webhookConfiguration", "matchConditions"))
	webhook.compile()
	for _, r := range s.get("rules").items() {
		c.celRule(r)
	}
}

// celRule checks validate.cel of a rule as Kyverno evaluates it
// (pkg/engine/handlers/validation/validate_cel.go): its webhook does not compile
// it, and an expression that does not compile fails each request.
func (c *checker) celRule(r value) {
	cel, conditions := r.down("validate", "cel"), r.get("celPreconditions")
	if conditions.exists() && !cel.exists() && len(r.having(bodies...)) > 0 {
		c.error(diag.CELForms, conditions, "are for validate.cel, and the rule has none: Kyverno refuses it", "write them as preconditions, in JMESPath")
	}
	if !cel.exists() || cel.Kind != spec.Struct {
		return
	}
	p := &celPolicy{checker: c, kind: celenv.Rule}
	message := celenv.RuleMessage
	if cel.get("paramKind").exists() {
		p.kind, message = celenv.RuleParams, celenv.RuleMessageParams
	}
	c.celParams(cel)
	p.variables(cel.get("variables"))
	p.conditions(conditions)
	for _, x := range cel.get("expressions").items() {
		p.add(x.get("expression"), celenv.Bool)
		if m := x.get("messageExpression"); m.Str() != "" {
			p.slots = append(p.slots, celSlot{at: m, result: celenv.String, in: message, fallible: true})
		}
	}
	for _, a := range cel.get("auditAnnotations").items() {
		if key := a.get("key"); key.exists() && key.Kind == spec.String && key.Text == "" {
			c.error(diag.CELForms, key, "is empty: expected a name", "")
		}
	}
	p.annotations(cel.get("auditAnnotations"))
	p.compile()
}

// celParams checks the parameters of validate.cel: what they are and which they
// are go together (pkg/policy/validate/validate.go).
func (c *checker) celParams(cel value) {
	kind, ref := cel.get("paramKind"), cel.get("paramRef")
	if kind.exists() && kind.Kind == spec.Struct {
		for _, name := range []string{"apiVersion", "kind"} {
			if kind.get(name).Str() == "" {
				c.error(diag.CELForms, kind.get(name), "is missing: expected the kind of the parameters", `such as paramKind: {apiVersion: "v1", kind: "ConfigMap"}`)
			}
		}
		if !ref.exists() {
			c.error(diag.CELForms, ref, "is missing: expected which parameters are meant", `such as paramRef: {name: "limits", parameterNotFoundAction: "Deny"}`)
		}
	}
	if !ref.exists() || ref.Kind != spec.Struct {
		return
	}
	named, selected := ref.get("name").Str() != "", ref.get("selector").exists()
	switch {
	case named && selected:
		c.error(diag.CELForms, ref.get("selector"), "beside name: expected one of the two", "")
	case !named && !selected:
		c.error(diag.CELForms, ref, "says not which parameters are meant: expected name or selector", "")
	}
	if !ref.get("parameterNotFoundAction").exists() {
		c.error(diag.CELForms, ref.get("parameterNotFoundAction"), "is missing: expected Allow or Deny", `with "Deny", a request is refused while the parameters are not there`)
	}
	if !kind.exists() {
		c.error(diag.CELForms, kind, "is missing: expected the kind of what paramRef names", `such as paramKind: {apiVersion: "v1", kind: "ConfigMap"}`)
	}
}
