package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// mutateForms lists the ways to mutate; a rule has exactly one
// (pkg/policy/mutate/validate.go).
var mutateForms = []string{"patchStrategicMerge", "patchesJson6902", "foreach"}

func (c *checker) mutate(r, m value) {
	present := presentForms(m, mutateForms)
	switch len(present) {
	case 1:
	case 0:
		c.error(diag.MutateForms, m, "changes nothing: expected one of "+strings.Join(mutateForms, ", "), "")
	default:
		c.error(diag.MutateForms, m.get(present[1]), fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(mutateForms, ", ")), "make a rule of each")
	}
	c.mutateTargets(m)
	c.mergePatch(m.get("patchStrategicMerge"))
	c.metadataValues(m.get("patchStrategicMerge"))
	if patch := m.get("patchesJson6902"); patch.Str() != "" {
		c.jsonPatch(patch)
		c.patchOnPod(r, patch)
	}
	for _, f := range m.get("foreach").items() {
		c.mutateForeach(f)
	}
}

// presentForms gives those of the forms that say something.
func presentForms(v value, forms []string) []string {
	var out []string
	for _, name := range v.having(forms...) {
		f := v.get(name)
		if f.Kind == spec.String && f.Text == "" || f.Kind == spec.List && len(f.Items) == 0 {
			continue
		}
		out = append(out, name)
	}
	return out
}

func (c *checker) mutateForeach(f value) {
	c.foreachList(f)
	present := presentForms(f, mutateForms)
	nested := f.get("foreach").items()
	switch {
	case len(nested) > 0:
		for _, name := range f.having("context", "preconditions", "patchStrategicMerge", "patchesJson6902") {
			c.error(diag.ForeachForms, f.get(name), fmt.Sprintf("%s stands beside a nested foreach, which stands alone: Kyverno refuses it", name), "move it into the nested foreach")
		}
	case len(present) == 0:
		c.error(diag.ForeachForms, f, "does nothing to each element: expected one of "+strings.Join(mutateForms, ", "), "")
	case len(present) > 1:
		c.error(diag.ForeachForms, f.get(present[1]), fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(mutateForms, ", ")), "make a foreach of each")
	}
	c.conditions(f.get("preconditions"))
	c.mergePatch(f.get("patchStrategicMerge"))
	c.metadataValues(f.get("patchStrategicMerge"))
	if patch := f.get("patchesJson6902"); patch.Str() != "" {
		c.jsonPatch(patch)
	}
	for _, n := range nested {
		c.mutateForeach(n)
	}
}

// mutateTargets checks the resources that a rule changes in place of the one
// that it matches (api/kyverno/v1/spec_types.go validateMutateTargets).
func (c *checker) mutateTargets(m value) {
	own := m.get("mutateExistingOnPolicyUpdate")
	if targets := m.get("targets"); len(targets.items()) == 0 {
		const message = "mutateExistingOnPolicyUpdate changes existing resources, and the rule has no targets that say which"
		switch {
		case own.IsTrue():
			c.error(diag.MutateTargets, own, message, "")
		case c.root.down("spec", "mutateExistingOnPolicyUpdate").IsTrue():
			c.error(diag.MutateTargets, targets, "the policy's "+message, "set mutateExistingOnPolicyUpdate in the rules that have targets")
		}
	}
	for _, t := range m.get("targets").items() {
		for _, name := range []string{"apiVersion", "kind"} {
			if t.get(name).Str() == "" {
				c.error(diag.MutateTargets, t.get(name), "the target has no "+name+", so that Kyverno finds no resource", "")
			}
		}
		c.selector(t.get("selector"))
		c.conditions(t.get("preconditions"))
	}
}

// mergePatch checks the anchors of a strategic merge patch
// (pkg/engine/mutate/patch/strategicPreprocessing.go): conditions, global
// conditions and additions. Others stay in the patch as fields of that name.
func (c *checker) mergePatch(p value) {
	if !p.exists() || isVariable(p.Str()) {
		return
	}
	if p.Kind != spec.Struct {
		c.error(diag.DeadPattern, p, fmt.Sprintf("the patch is a %s, and every resource is a struct", p.Kind), "write the fields that the resource gets")
		return
	}
	c.patchValue(p)
}

func (c *checker) patchValue(v value) {
	for _, item := range v.items() {
		c.patchValue(item)
	}
	for _, f := range v.members() {
		k, problem, fix := parseKey(f.name)
		switch {
		case problem != "":
			c.anchorProblem(f, problem, fix)
		case !k.anchor || k.prefix == "+":
			c.patchValue(f)
		case k.prefix == "" || k.prefix == "<":
			c.patchCondition(f)
		default:
			c.error(diag.Anchor, f, fmt.Sprintf("%s is an anchor of validation patterns: a patch sets a field of that very name", f.name), "use a condition such as "+fmt.Sprintf("%q", "("+k.name+")")+", or preconditions")
		}
	}
}

// patchCondition checks the value of a condition in a patch, which is held
// against the resource as a validation pattern is, save that it may hold what
// is added to it.
func (c *checker) patchCondition(v value) {
	switch v.Kind {
	case spec.String:
		c.comparison(v)
	case spec.List:
		for _, item := range v.items() {
			c.patchCondition(item)
		}
	case spec.Struct:
		for _, f := range v.members() {
			k, problem, fix := parseKey(f.name)
			switch {
			case problem != "":
				c.anchorProblem(f, problem, fix)
			case k.prefix == "+":
				c.patchValue(f)
			case k.prefix == "^":
				c.existence(f)
			default:
				c.patchCondition(f)
			}
		}
	}
}
