package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// validateForms lists the ways to validate; a rule has exactly one
// (pkg/policy/validate/validate.go validationElemCount).
var validateForms = []string{"pattern", "anyPattern", "deny", "foreach", "podSecurity", "cel", "manifests"}

func (c *checker) validate(v value) {
	present := v.having(validateForms...)
	if assert := v.get("assert"); assert.exists() {
		message := "assert has no effect since Kyverno 1.19"
		if len(present) == 0 {
			c.error(diag.ValidateForms, assert, message+": expected one of "+strings.Join(validateForms, ", "), "write the assertion as cel, or as a ValidatingPolicy")
		} else {
			c.warn(diag.Deprecated, assert, message, "leave it out")
		}
	} else if len(present) == 0 {
		c.error(diag.ValidateForms, v, "checks nothing: expected one of "+strings.Join(validateForms, ", "), "")
	}
	if len(present) > 1 {
		c.error(diag.ValidateForms, v.get(present[1]),
			fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(validateForms, ", ")), "make a rule of each")
	}
	c.actionOverrides(v.get("failureActionOverrides"))
	c.pattern(v.get("pattern"))
	c.anyPattern(v.get("anyPattern"), c.pattern)
	c.conditions(v.down("deny", "conditions"))
	for i, f := range v.get("foreach").items() {
		c.validateForeach(f, i == 0)
	}
	c.metadataValues(v.get("pattern"))
	for _, p := range v.get("anyPattern").items() {
		c.metadataValues(p)
	}
	if p := v.get("podSecurity"); p.exists() {
		c.podSecurity(p)
	}
	if m := v.get("manifests"); m.exists() {
		if len(present) == 1 && len(m.get("attestors").items()) == 0 {
			c.error(diag.Attestor, m.get("attestors"), "no attestor: expected who signed the manifests", "")
		}
		for _, set := range m.get("attestors").items() {
			c.attestorSet(set, false)
		}
		c.repository(m.get("repository"))
	}
}

// anyPattern checks a list of patterns.
func (c *checker) anyPattern(v value, each func(value)) {
	if !v.exists() {
		return
	}
	if v.Kind != spec.List {
		c.error(diag.DeadPattern, v, fmt.Sprintf("is a %s: expected a list of patterns", v.Kind), "write a single pattern under pattern")
		return
	}
	if len(v.Items) == 0 {
		c.error(diag.DeadPattern, v, "the list is empty: nothing matches any of no patterns", "")
	}
	for _, p := range v.items() {
		each(p)
	}
}

// foreachForms lists what a foreach of validate does to each element; it does
// exactly one (pkg/policy/validate/validate.go foreachElemCount).
var foreachForms = []string{"pattern", "anyPattern", "deny", "foreach"}

func (c *checker) validateForeach(f value, first bool) {
	c.foreachList(f)
	switch present := f.having(foreachForms...); len(present) {
	case 1:
	case 0:
		c.error(diag.ForeachForms, f, "does nothing to each element: expected one of "+strings.Join(foreachForms, ", "), "")
	default:
		c.error(diag.ForeachForms, f.get(present[1]), fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(foreachForms, ", ")), "make a foreach of each")
	}
	c.conditions(f.get("preconditions"))
	c.conditions(f.down("deny", "conditions"))
	c.elementPattern(f.get("pattern"))
	c.anyPattern(f.get("anyPattern"), c.elementPattern)
	if first {
		c.metadataValues(f.get("pattern"))
	}
	for _, nested := range f.get("foreach").items() {
		c.validateForeach(nested, false)
	}
}

func (c *checker) foreachList(f value) {
	if list := f.get("list"); list.Str() == "" {
		c.error(diag.ForeachForms, list, "the foreach has no list: expected a JMESPath expression that gives one", `such as list: "request.object.spec.containers"`)
	}
}

// metadataValues reports labels and annotations of other types than string
// where Kyverno refuses them: in the metadata of the resource, and of a Pod
// template (pkg/validation/policy/validate.go isLabelAndAnnotationsString).
func (c *checker) metadataValues(p value) {
	for _, metadata := range []value{p.get("metadata"), p.down("spec", "template", "metadata")} {
		for _, name := range []string{"labels", "annotations"} {
			for _, f := range metadata.get(name).members() {
				if f.Kind == spec.String {
					continue
				}
				hint := ""
				if f.Kind == spec.Number || f.Kind == spec.Bool {
					hint = fmt.Sprintf("did you mean %q?", f.Text)
				}
				c.error(diag.MetadataValue, f, fmt.Sprintf("is a %s: the values of %s are strings, and Kyverno refuses others", f.Kind, name), hint)
			}
		}
	}
}
