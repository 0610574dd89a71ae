package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/celenv"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// validating gathers a ValidatingPolicy (pkg/cel/policies/vpol/compiler/compiler.go).
func (p *celPolicy) validating(s value) {
	p.resourceRules(s)
	p.conditions(s.get("matchConditions"))
	p.variables(s.get("variables"))
	p.validations(s.get("validations"))
	if s.down("evaluation", "mode").Str() != "JSON" {
		p.annotations(s.get("auditAnnotations"))
	}
}

// mutating gathers a MutatingPolicy (pkg/cel/policies/mpol/compiler/compiler.go
// and validate.go).
func (p *celPolicy) mutating(s value) {
	p.resourceRules(s)
	evaluation := s.get("evaluation")
	if isFalse(evaluation.down("admission", "enabled")) && !evaluation.down("mutateExisting", "enabled").IsTrue() {
		p.error(diag.CELForms, evaluation.down("admission", "enabled"), "neither requests nor resources that exist are changed: expected admission or mutateExisting", "set mutateExisting: enabled: true")
	}
	variables := len(p.slots)
	p.variables(s.get("variables"))
	// Autogen rewrites matchConditions and applyConfiguration only.
	for i := range p.slots[variables:] {
		p.slots[variables+i].kept = true
	}
	p.conditions(s.get("matchConditions"))
	if s.down("autogen", "mutatingAdmissionPolicy", "enabled").IsTrue() {
		p.noVariables(s.get("matchConditions"))
	}
	kept := len(p.slots)
	if e := s.down("targetMatchConstraints", "expression"); e.Str() != "" {
		p.add(e, celenv.Map)
	}
	p.conditions(s.get("targetMatchConditions"))
	p.annotations(s.get("auditAnnotations"))
	for i := range p.slots[kept:] {
		p.slots[kept+i].kept = true
	}
	for _, m := range s.get("mutations").items() {
		p.mutation(m)
	}
}

// mutation adds a patch. Kyverno reads the one that patchType names, and passes
// over an entry that does not have it.
func (p *celPolicy) mutation(m value) {
	fields := map[string]string{"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
	field, ok := fields[m.get("patchType").Str()]
	if !ok {
		return // the schema's business
	}
	body := m.get(field)
	if !body.exists() {
		p.error(diag.CELForms, body, fmt.Sprintf("is missing, so that the entry changes nothing: expected what patchType %s is about", m.get("patchType").Text), "")
	}
	for _, other := range []string{"applyConfiguration", "jsonPatch"} {
		if other != field && m.get(other).exists() {
			p.error(diag.CELForms, m.get(other), fmt.Sprintf("is passed over, since patchType is %s", m.get("patchType").Text), "make an entry of each")
		}
	}
	slot := celSlot{at: body.get("expression"), result: celenv.Object}
	if field == "jsonPatch" {
		slot.result, slot.kept = celenv.Patches, true
	}
	if body.exists() {
		p.slots = append(p.slots, slot)
	}
}

// noVariables reports conditions that a MutatingAdmissionPolicy cannot have: the
// API server evaluates them before the variables
// (pkg/cel/policies/mpol/compiler/compiler.go, validateMAPCompatibleMatchConditions).
func (p *celPolicy) noVariables(conditions value) {
	scope := p.scope(p.kind)
	if scope == nil {
		return
	}
	for _, m := range conditions.items() {
		at := m.get("expression")
		for _, selection := range scope.Selections(at.Str()) {
			if selection.Names[0] == "variables" {
				p.error(diag.CELForms, at, "reads a variable, which is not there yet when the MutatingAdmissionPolicy that the policy asks for evaluates its conditions"+celPlace(selection.Problem), "write the variable's expression out")
				break
			}
		}
	}
}

// generating gathers a GeneratingPolicy (pkg/cel/policies/gpol/compiler/compiler.go).
func (p *celPolicy) generating(s value) {
	p.resourceRules(s)
	p.conditions(s.get("matchConditions"))
	p.variables(s.get("variables"))
	for _, g := range s.get("generate").items() {
		if g.Kind != spec.Struct {
			continue
		}
		expression, template := g.get("expression"), g.get("template")
		switch {
		case expression.Str() != "" && template.exists():
			p.error(diag.CELForms, template, "beside expression: expected one of the two", "make an entry of each")
			p.add(expression, celenv.Bool)
			p.template(template)
		case template.exists():
			p.template(template)
		case expression.exists() && expression.Kind == spec.String && expression.Str() != "":
			p.add(expression, celenv.Bool)
		case !expression.exists() || expression.Kind == spec.String:
			p.error(diag.CELForms, g, "generates nothing: expected expression or template", `such as expression: "generator.Apply(variables.namespace, variables.resources)"`)
		}
	}
	p.annotations(s.get("auditAnnotations"))
}

// deleting gathers a DeletingPolicy (pkg/cel/policies/dpol/compiler/compiler.go
// and validate.go).
func (p *celPolicy) deleting(s value) {
	p.resourceRules(s)
	p.variables(s.get("variables"))
	p.conditions(s.get("conditions"))
	if schedule := s.get("schedule"); schedule.exists() && schedule.Kind == spec.String {
		p.deletingSchedule(schedule)
	}
}

// deletingSchedule checks when a DeletingPolicy runs. Its webhook and its
// controller read the schedule with the same parser
// (github.com/aptible/supercronic/cronexpr), which takes seconds and years
// besides, and days such as L and 2#1: those are let pass.
func (p *celPolicy) deletingSchedule(at value) {
	fields := strings.Fields(at.Text)
	switch {
	case strings.TrimSpace(at.Text) == "":
		p.error(diag.Schedule, at, "is empty: expected when to delete", `such as "0 7 * * *", at seven every day`)
	case strings.HasPrefix(at.Text, "@"):
		for _, alias := range cronAliases {
			if at.Text == alias {
				return
			}
		}
		p.error(diag.Schedule, at, fmt.Sprintf("%q is no schedule: expected five fields, or one of %s", at.Text, strings.Join(cronAliases, ", ")), didYouMean(at.Text, cronAliases))
	case len(fields) < len(cronFields):
		p.error(diag.Schedule, at, fmt.Sprintf("the schedule has %d fields: expected minute, hour, day of the month, month and day of the week", len(fields)), `such as "0 7 * * *", at seven every day`)
	case len(fields) == len(cronFields) && !strings.ContainsAny(strings.ToUpper(fields[2]+fields[4]), "LW#"):
		if problem, hint := scheduleProblem(at.Text); problem != "" {
			p.error(diag.Schedule, at, problem, hint)
		}
	}
}

// imageValidating gathers an ImageValidatingPolicy
// (pkg/image/verification/evaluator/compiler.go).
func (p *celPolicy) imageValidating(s value) {
	p.conditions(s.get("matchConditions"))
	for _, m := range s.get("matchImageReferences").items() {
		switch glob, expression := m.get("glob"), m.get("expression"); {
		case glob.Str() != "" && expression.Str() != "":
			p.error(diag.CELForms, expression, "is passed over beside glob", "make an entry of each")
		case expression.Str() != "":
			p.slots = append(p.slots, celSlot{at: expression, result: celenv.Bool, in: celenv.MatchImage})
		case glob.Str() == "" && m.Kind == spec.Struct:
			p.error(diag.CELForms, m, "matches no image: expected glob or expression", `such as glob: "ghcr.io/acme/*"`)
		}
	}
	for _, i := range s.get("images").items() {
		p.add(i.get("expression"), celenv.Images)
	}
	p.variables(s.get("variables"))
	for _, a := range s.get("attestors").items() {
		p.celAttestor(a)
	}
	p.validations(s.get("validations"))
	p.annotations(s.get("auditAnnotations"))
}

// celAttestor adds the expressions of an attestor
// (pkg/image/verification/variables/attestors.go). One with a key has no
// certificate.
func (p *celPolicy) celAttestor(a value) {
	var places []value
	if cosign := a.get("cosign"); cosign.exists() {
		if key := cosign.down("key", "expression"); key.Str() != "" {
			places = append(places, key)
		} else {
			places = append(places, cosign.down("certificate", "cert", "expression"), cosign.down("certificate", "certChain", "expression"))
		}
		places = append(places, cosign.down("trustedRoot", "expression"))
	} else if notary := a.get("notary"); notary.exists() {
		places = append(places, notary.down("certs", "expression"), notary.down("tsaCerts", "expression"))
	}
	for _, at := range places {
		if at.Str() != "" {
			p.add(at, celenv.Anything)
		}
	}
}

// exception gathers a PolicyException of policies.kyverno.io
// (pkg/cel/compiler/policy_exception.go).
func (p *celPolicy) exception(s value) {
	conditions := s.get("matchConditions")
	if n := len(conditions.items()); n > 64 {
		p.error(diag.CELForms, conditions, fmt.Sprintf("has %d conditions: expected at most 64", n), "join some with &&")
	}
	first := map[string]value{}
	for _, m := range conditions.items() {
		name := m.get("name")
		switch earlier, twice := first[name.Str()]; {
		case m.Kind != spec.Struct:
			continue
		case name.exists() && name.Kind != spec.String:
		case name.Str() == "":
			p.error(diag.CELForms, name, "the condition has no name", "")
		case !isQualifiedName(name.Text):
			p.error(diag.CELForms, name, fmt.Sprintf("%q is no name of a condition: expected letters, digits, -, _ and ., with a DNS name and / before them or without", name.Text), "")
		case twice:
			p.error(diag.CELForms, name, fmt.Sprintf("%s is named %q too: expected a name of its own", Place(earlier.path()), name.Text), "")
		default:
			first[name.Text] = m
		}
		p.add(m.get("expression"), celenv.Bool)
	}
}

// isQualifiedName is Kubernetes' test of a label's key
// (k8s.io/apimachinery/pkg/util/validation, IsQualifiedName).
func isQualifiedName(name string) bool {
	if prefix, rest, ok := strings.Cut(name, "/"); ok {
		if len(prefix) == 0 || len(prefix) > 253 || strings.ToLower(prefix) != prefix {
			return false
		}
		for _, label := range strings.Split(prefix, ".") {
			if !isNamePart(label) || strings.Contains(label, "_") {
				return false
			}
		}
		name = rest
	}
	return len(name) <= 63 && isNamePart(name)
}

// isNamePart reports whether a text is of letters, digits, -, _ and ., and
// begins and ends with a letter or a digit.
func isNamePart(s string) bool {
	alphanumeric := func(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }
	for i := range len(s) {
		if !alphanumeric(s[i]) && (i == 0 || i == len(s)-1 || !strings.ContainsRune("-_.", rune(s[i]))) {
			return false
		}
	}
	return s != ""
}

// resourceRules reports a policy that is about nothing
// (pkg/cel/policies/*/validate.go).
func (p *celPolicy) resourceRules(s value) {
	constraints := s.get("matchConstraints")
	rules := constraints.get("resourceRules")
	if !s.exists() || s.Kind != spec.Struct || constraints.exists() && constraints.Kind != spec.Struct || rules.exists() && (rules.Kind != spec.List || len(rules.Items) > 0) {
		return
	}
	at := constraints
	if rules.exists() {
		at = rules
	}
	p.error(diag.CELForms, at, "the policy is about no resource: expected at least one of resourceRules", `such as resourceRules: [{apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["pods"]}]`)
}
