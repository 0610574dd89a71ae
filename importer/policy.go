package importer

import (
	"fmt"
	"slices"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// policy converts the spec of a ClusterPolicy or Policy.
func (c *converter) policy(s *spec.Node) {
	list := take(s, "rules")
	var rules []*spec.Node
	if list != nil {
		rules = list.Items
		c.pass(list, c.out.node)
	}
	c.failureActions(s, rules)
	c.webhook(s)
	c.existing(s, rules)
	for _, d := range []struct {
		name  string
		value bool
	}{{"background", true}, {"admission", true}, {"emitWarning", false}} {
		// Kyverno's CRD has the same default, and kcue writes background out.
		if v := s.Get(d.name); isBool(v, d.value) && !c.isCommented(v) {
			take(s, d.name)
		}
	}
	if v := take(s, "schemaValidation"); v != nil {
		c.passAll(v, c.out.node)
		c.differs(v, "spec.schemaValidation", shown(v), "", "Kyverno has deprecated it, and does not read it")
	}
	for _, f := range s.Fields {
		set(c.out.node, f.Name, f.Value)
	}
	named := spec.NewStruct(s.Pos)
	for i, r := range rules {
		path := fmt.Sprintf("spec.rules[%d]", i)
		if r.Kind != spec.Struct {
			c.refuse(diag.WrongType, r, path, fmt.Sprintf("a rule is a %s, not a struct", r.Kind), "")
			continue
		}
		name := take(r, "name")
		if name.Str() == "" || named.Has(name.Text) {
			c.refuse(diag.RuleName, r, path+".name", "the rule has no name of its own: the authoring model keys rules by name", "")
			continue
		}
		c.pass(name, r)
		c.rule(r, path)
		set(named, name.Text, r)
	}
	set(c.out.node, "rules", named)
}

// action is a place that says what a violation leads to: validate, or an entry
// of verifyImages.
type action struct {
	body     *spec.Node
	path     string
	validate bool
}

// actions finds the places of failure actions in rules.
func actions(rules []*spec.Node) []action {
	var out []action
	for i, r := range rules {
		if v := r.Get("validate"); v != nil && v.Kind == spec.Struct {
			out = append(out, action{v, fmt.Sprintf("spec.rules[%d].validate", i), true})
		}
		if v := r.Get("verifyImages"); v != nil {
			for j, entry := range v.Items {
				out = append(out, action{entry, fmt.Sprintf("spec.rules[%d].verifyImages[%d]", i, j), false})
			}
		}
	}
	return out
}

// todays gives the spelling of a failure action that Kyverno has not
// deprecated (api/kyverno/v1 ValidationFailureAction).
func todays(action string) string {
	switch action {
	case "audit":
		return "Audit"
	case "enforce":
		return "Enforce"
	}
	return action
}

// spell gives a failure action today's spelling.
func (c *converter) spell(v *spec.Node, path string) {
	if v == nil || todays(v.Text) == v.Text {
		return
	}
	c.differs(v, path, v.Text, todays(v.Text), "Kyverno has deprecated the lower case")
	v.Text = todays(v.Text)
}

// failureActions makes one setting of the policy of what its rules say of
// violations, where they all say the same; otherwise a rule that says something
// else keeps it.
func (c *converter) failureActions(s *spec.Node, rules []*spec.Node) {
	const policyPath = "spec.validationFailureAction"
	general := take(s, "validationFailureAction")
	c.spell(general, policyPath)
	bodies := actions(rules)
	overrides := c.overrides(s, bodies)
	defer func() {
		if overrides != nil {
			set(c.out.node, "failureActionOverrides", overrides)
		}
	}()
	if len(bodies) == 0 {
		if general != nil {
			c.passAll(general, c.out.node)
			c.differs(general, policyPath, general.Text, "", "no rule of the policy validates or verifies images, so it has no effect")
		}
		return
	}
	base := "Audit" // the CRD's default
	if general != nil {
		base = general.Text
	}
	effective := func(a action) string {
		if own := a.body.Get("failureAction"); own != nil {
			return own.Text
		}
		return base
	}
	if first := effective(bodies[0]); !slices.ContainsFunc(bodies, func(a action) bool { return effective(a) != first }) {
		base = first
	}
	setting := spec.NewString(base, s.Pos)
	if general != nil {
		setting.Pos = general.Pos
		c.pass(general, setting)
	}
	implied := false
	for _, a := range bodies {
		implied = implied || !a.body.Has("failureAction")
	}
	for _, a := range bodies {
		if own := a.body.Get("failureAction"); own != nil && own.Text == base {
			take(a.body, "failureAction")
			c.passAll(own, setting)
		}
	}
	if base != "Audit" || c.isCommented(setting) {
		set(c.out.node, "failureAction", setting)
	}
	if !implied {
		if general != nil {
			c.differs(general, policyPath, general.Text, "", "every rule says its own")
		}
		return
	}
	from, why := base+" by default", "kcue writes it where Kyverno has not deprecated it"
	if general != nil {
		from, why = general.Text, "Kyverno has deprecated it for the field in the rules"
		base = general.Text
	}
	c.differs(setting, policyPath, from, "failureAction: "+base+" in each rule that has none", why)
}

// overrides converts the failure actions of some namespaces, and gives those
// that the policy says for its rules.
func (c *converter) overrides(s *spec.Node, bodies []action) *spec.Node {
	const policyPath = "spec.validationFailureActionOverrides"
	general := take(s, "validationFailureActionOverrides")
	c.overrideActions(general, policyPath)
	if isEmpty(general) && general != nil {
		c.passAll(general, c.out.node)
		c.differs(general, policyPath, shown(general), "", "it holds nothing")
		general = nil
	}
	var lists []*spec.Node
	validates, images := 0, 0
	for _, a := range bodies {
		if !a.validate {
			images++
			if general != nil && !a.body.Has("failureAction") {
				c.refuse(diag.VerifyImagesOverrides, general, policyPath, "the overrides apply to a verifyImages rule, and the authoring model has them for validate rules only",
					"give the verifyImages rules a policy of their own")
			}
			continue
		}
		validates++
		own := a.body.Get("failureActionOverrides")
		c.overrideActions(own, a.path+".failureActionOverrides")
		if own != nil && isEmpty(own) {
			c.dropEmpty(a.body, "failureActionOverrides", a.path)
			own = nil
		}
		if own == nil && general != nil && a.body.Has("failureAction") {
			// Kyverno's policy cache applies the policy's overrides to such a
			// rule (pkg/policycache/cache.go), its verdict does not
			// (pkg/engine/api/engineresponse.go).
			c.refuse(diag.Conflict, a.body.Get("failureAction"), a.path+".failureAction",
				"the rule's own failure action stands beside the policy's overrides, of which Kyverno applies now one and now the other",
				"give the rule failureActionOverrides of its own, or leave its failureAction out")
		}
		lists = append(lists, own)
	}
	if validates == 0 {
		if general != nil {
			c.passAll(general, c.out.node)
			c.differs(general, policyPath, shown(general), "", "no rule of the policy validates, so they have no effect")
		}
		return nil
	}
	if general != nil {
		c.differs(general, policyPath, shown(general), "failureActionOverrides in each validate rule that has none", "Kyverno has deprecated it for the field in the rules")
	} else if first := lists[0]; first != nil && images == 0 &&
		!slices.ContainsFunc(lists, func(l *spec.Node) bool { return l == nil || !spec.Equal(l, first) }) {
		// All rules say the same: the policy says it once.
		general = first
	}
	if general == nil {
		return nil
	}
	for i, a := range slices.DeleteFunc(slices.Clone(bodies), func(a action) bool { return !a.validate }) {
		switch {
		case images > 0 && lists[i] == nil:
			set(a.body, "failureActionOverrides", c.again(general))
		case images == 0 && lists[i] != nil && spec.Equal(lists[i], general):
			take(a.body, "failureActionOverrides")
			if lists[i] != general {
				c.passAll(lists[i], general)
			}
		}
	}
	if images > 0 {
		return nil
	}
	return general
}

// again gives a copy of a value, without comments.
func (c *converter) again(n *spec.Node) *spec.Node {
	plain := &converter{object: c.object, comments: spec.Comments{}}
	plain.object.Comments = nil
	return plain.copied(n)
}

func (c *converter) overrideActions(list *spec.Node, path string) {
	if list == nil {
		return
	}
	for i, o := range list.Items {
		c.spell(o.Get("action"), fmt.Sprintf("%s[%d].action", path, i))
	}
}

// webhook takes the webhook's settings out of their struct.
func (c *converter) webhook(s *spec.Node) {
	c.dropEmpty(s.Get("webhookConfiguration"), "matchConditions", "spec.webhookConfiguration")
	c.dropEmpty(s, "webhookConfiguration", "spec")
	configuration := take(s, "webhookConfiguration")
	for _, f := range []struct{ old, name string }{
		{"failurePolicy", "failurePolicy"}, {"webhookTimeoutSeconds", "timeoutSeconds"},
	} {
		v := s.Get(f.old)
		if v == nil {
			continue
		}
		if configuration.Has(f.name) {
			c.passAll(take(s, f.old), c.out.node)
			c.differs(v, "spec."+f.old, shown(v), "", "spec.webhookConfiguration."+f.name+" is there, and wins")
			continue
		}
		c.differs(v, "spec."+f.old, shown(v), "spec.webhookConfiguration."+f.name+": "+shown(v), "Kyverno has deprecated it for that field")
	}
	if configuration == nil {
		return
	}
	for _, f := range configuration.Fields {
		name := f.Name
		if name == "timeoutSeconds" {
			name = "webhookTimeoutSeconds"
		}
		set(s, name, f.Value)
	}
	c.pass(configuration, c.out.node)
}

// existing converts what a policy says of resources that exist already.
func (c *converter) existing(s *spec.Node, rules []*spec.Node) {
	if old := take(s, "generateExistingOnPolicyUpdate"); old != nil {
		if s.Has("generateExisting") {
			c.passAll(old, c.out.node)
			c.differs(old, "spec.generateExistingOnPolicyUpdate", shown(old), "", "spec.generateExisting is there")
		} else {
			set(s, "generateExisting", old)
			c.differs(old, "spec.generateExistingOnPolicyUpdate", shown(old), "generateExisting: "+shown(old)+" in each generate rule", "Kyverno has deprecated it for that field")
		}
	}
	for _, f := range []struct{ name, body, needs string }{
		{"generateExisting", "generate", ""}, {"mutateExistingOnPolicyUpdate", "mutate", "targets"},
	} {
		v := s.Get(f.name)
		if v == nil {
			continue
		}
		applies := slices.ContainsFunc(rules, func(r *spec.Node) bool {
			body := r.Get(f.body)
			return body != nil && (f.needs == "" || body.Has(f.needs))
		})
		if !applies {
			c.passAll(take(s, f.name), c.out.node)
			c.differs(v, "spec."+f.name, shown(v), "", "it applies to no rule of the policy")
			continue
		}
		c.differs(v, "spec."+f.name, shown(v), f.name+": "+shown(v)+" in each "+f.body+" rule that has none", "Kyverno has deprecated it for the field in the rules")
	}
}
