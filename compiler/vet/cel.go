package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/celenv"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// celReasons gives the code of each sort of problem in an expression.
var celReasons = map[celenv.Reason]diag.Code{
	celenv.Syntax:          diag.CELSyntax,
	celenv.Unchecked:       diag.CELSyntax,
	celenv.UnknownName:     diag.CELName,
	celenv.UnknownFunction: diag.CELFunction,
	celenv.UnknownField:    diag.CELField,
	celenv.UnknownVariable: diag.CELVariable,
	celenv.WrongArguments:  diag.CELTypes,
	celenv.WrongType:       diag.CELTypes,
	celenv.WrongResult:     diag.CELResult,
	celenv.WrongLiteral:    diag.CELLiteral,
}

// celSlot is a place that holds a CEL expression.
type celSlot struct {
	at       value
	result   celenv.Result
	declares string      // the variable that the expression is of
	in       celenv.Kind // where it is not the policy's own environment
	// text is the expression where it is only a part of what stands at the place.
	text *string
	// where says which part that is.
	where string
	// kept is set where Kyverno's autogen leaves the expression as it is.
	kept bool
	// fallible is set where an evaluation that fails has no consequence.
	fallible bool
}

// expression gives the text of a slot, and whether there is one to compile.
func (s celSlot) expression() (string, bool) {
	if s.text != nil {
		return *s.text, true
	}
	if s.at.Node == nil || s.at.Kind != spec.String {
		return "", false // the schema's business
	}
	return s.at.Text, true
}

// celPolicy is a policy's expressions in the order in which Kyverno compiles
// them: a variable is seen by what comes after it.
type celPolicy struct {
	*checker
	kind  celenv.Kind
	slots []celSlot
}

// cel checks the CEL of an object of Kyverno's.
func (c *checker) cel(group, kind string) {
	if group == "kyverno.io" {
		if kind == "ClusterPolicy" || kind == "Policy" {
			c.celRules()
		}
		return
	}
	if group != "policies.kyverno.io" {
		return
	}
	base, namespaced := strings.CutPrefix(kind, "Namespaced")
	kinds, ok := celKinds[base]
	if !ok {
		return
	}
	p := &celPolicy{checker: c, kind: kinds[0]}
	if namespaced {
		p.kind = kinds[1]
	}
	s := c.root.get("spec")
	switch base {
	case "ValidatingPolicy":
		p.validating(s)
	case "MutatingPolicy":
		p.mutating(s)
	case "GeneratingPolicy":
		p.generating(s)
	case "DeletingPolicy":
		p.deleting(s)
	case "ImageValidatingPolicy":
		if s.down("evaluation", "mode").Str() == "JSON" {
			p.kind = celenv.ImageValidatingJSON
			if namespaced {
				p.kind = celenv.NamespacedImageValidatingJSON
			}
		}
		p.imageValidating(s)
	case "PolicyException":
		p.exception(s)
	}
	sound := p.compile()
	if namespaced {
		p.forbidden()
	}
	if base == "ValidatingPolicy" || base == "MutatingPolicy" || base == "ImageValidatingPolicy" {
		p.autogen(s, base, sound)
	}
	if base != "PolicyException" {
		p.missingFields(s, sound)
	}
}

// celKinds gives the environments of each kind of policies.kyverno.io, in a
// cluster-wide policy and in a namespaced one.
var celKinds = map[string][2]celenv.Kind{
	"ValidatingPolicy":      {celenv.Validating, celenv.NamespacedValidating},
	"MutatingPolicy":        {celenv.Mutating, celenv.NamespacedMutating},
	"GeneratingPolicy":      {celenv.Generating, celenv.NamespacedGenerating},
	"DeletingPolicy":        {celenv.Deleting, celenv.NamespacedDeleting},
	"ImageValidatingPolicy": {celenv.ImageValidating, celenv.NamespacedImageValidating},
	"PolicyException":       {celenv.Exception, celenv.Exception},
}

// add adds the expression of a place.
func (p *celPolicy) add(at value, result celenv.Result) {
	p.slots = append(p.slots, celSlot{at: at, result: result})
}

// conditions adds matchConditions, or what is like them.
func (p *celPolicy) conditions(list value) {
	for _, m := range list.items() {
		p.add(m.get("expression"), celenv.Bool)
	}
}

// variables adds a policy's own variables. A name that is there twice means the
// last of the two (pkg/cel/compiler/compiler.go, CompileVariables).
func (p *celPolicy) variables(list value) {
	first := map[string]value{}
	for _, v := range list.items() {
		name := v.get("name")
		if earlier, twice := first[name.Str()]; twice && name.Str() != "" {
			p.error(diag.CELVariable, name, fmt.Sprintf("the variable %q is declared at %s too, and Kyverno evaluates the last only", name.Text, Place(earlier.path())), "give it a name of its own")
		} else {
			first[name.Str()] = v
		}
		p.slots = append(p.slots, celSlot{at: v.get("expression"), result: celenv.Anything, declares: name.Str()})
	}
}

// validations adds the expressions of validations, and of their messages.
func (p *celPolicy) validations(list value) {
	for _, v := range list.items() {
		p.add(v.get("expression"), celenv.Bool)
		if m := v.get("messageExpression"); m.Str() != "" {
			p.slots = append(p.slots, celSlot{at: m, result: celenv.String, fallible: true})
		}
	}
}

// annotations adds the expressions of audit annotations.
func (p *celPolicy) annotations(list value) {
	for _, a := range list.items() {
		p.slots = append(p.slots, celSlot{at: a.get("valueExpression"), result: celenv.StringOrNull, fallible: true})
	}
}

// compile checks the expressions and reports every problem; it tells which
// compile.
func (p *celPolicy) compile() (sound []bool) {
	problems := p.problems(nil)
	sound = make([]bool, len(p.slots))
	for i, list := range problems {
		sound[i] = len(list) == 0
		for _, problem := range list {
			place := celPlace(problem)
			if p.slots[i].where != "" {
				place = p.slots[i].where
			}
			p.error(celReasons[problem.Reason], p.slots[i].at, problem.Message+place, problem.Hint)
		}
	}
	return sound
}

// celPlace says where in an expression a problem is, unless it is at its
// beginning.
func celPlace(p celenv.Problem) string {
	switch {
	case p.Line > 1:
		return fmt.Sprintf(", in line %d of the expression at column %d", p.Line, p.Column)
	case p.Column > 1:
		return fmt.Sprintf(", at column %d of the expression", p.Column)
	}
	return ""
}

// problems checks the expressions, each rewritten first unless rewrite is nil,
// and gives the problems of each.
func (p *celPolicy) problems(rewrite func(slot celSlot, text string) string) [][]celenv.Problem {
	out := make([][]celenv.Problem, len(p.slots))
	if len(p.slots) == 0 {
		return out // nor are the environments read
	}
	scope := p.scope(p.kind)
	if scope == nil {
		return out
	}
	for _, s := range p.slots {
		if s.declares != "" {
			scope.Names = append(scope.Names, s.declares)
		}
	}
	others := map[celenv.Kind]*celenv.Scope{}
	for i, s := range p.slots {
		text, ok := s.expression()
		if !ok {
			if s.declares != "" {
				scope.Declare(s.declares, "dyn(object)")
			}
			continue
		}
		if rewrite != nil {
			text = rewrite(s, text)
		}
		in := scope
		if s.in != "" {
			if others[s.in] == nil {
				other, err := scope.In(s.in)
				if err != nil {
					continue
				}
				others[s.in] = other
			}
			in = others[s.in]
		}
		if s.result == celenv.Anything && s.text == nil && s.declares != "" {
			out[i] = in.Declare(s.declares, text)
			others = map[celenv.Kind]*celenv.Scope{}
		} else {
			out[i] = in.Check(text, s.result)
		}
	}
	return out
}

// scope gives an empty scope of a kind. The table of environments is part of
// kcue, so that it fails only where kcue itself is broken.
func (c *checker) scope(kind celenv.Kind) *celenv.Scope {
	environments, err := celenv.Load()
	if err == nil {
		var scope *celenv.Scope
		if scope, err = environments.Scope(kind); err == nil {
			return scope
		}
	}
	c.error(diag.CELSyntax, c.root, "cannot be checked: "+err.Error(), "")
	return nil
}

// forbidden reports what a namespaced policy may not use
// (pkg/cel/compiler/http.go; pkg/cel/policies/*/validate.go).
func (p *celPolicy) forbidden() {
	scope := p.scope(p.kind)
	if scope == nil {
		return
	}
	for _, s := range p.slots {
		text, ok := s.expression()
		if !ok {
			continue
		}
		seen := map[string]bool{}
		for _, selection := range scope.Selections(text) {
			name := selection.Names[0]
			if seen[name] {
				continue
			}
			seen[name] = true
			switch name {
			case "globalContext":
				p.error(diag.CELForbidden, s.at, "a namespaced policy cannot use globalContext"+celPlace(selection.Problem), "make it a "+strings.TrimPrefix(p.root.get("kind").Str(), "Namespaced"))
			case "http":
				p.error(diag.CELForbidden, s.at, "a namespaced policy cannot use http, unless Kyverno runs with --allowHTTPInNamespacedPolicies"+celPlace(selection.Problem), "make it a "+strings.TrimPrefix(p.root.get("kind").Str(), "Namespaced"))
			}
		}
	}
}
