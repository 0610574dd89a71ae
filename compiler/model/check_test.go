package model

import (
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// rendered gives problems as "kind path: message", and on a line of its own
// what the author is told to write.
func rendered(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.Kind.String() + " " + p.Path.String() + ": " + p.Message + "\n")
		if h := p.hint(); h != "" && !strings.HasPrefix(h, "expected one of") {
			b.WriteString("    " + h + "\n")
		}
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	m := load(t)
	tests := []struct {
		name, definition, value, want string
	}{
		{"nothing", "#Bundle", `{}`, ""},
		{
			"valid rule", "#Rule",
			`match: kinds: ["Pod"], validate: {message: "m", pattern: spec: "=(x)": null}`,
			"",
		},
		{
			"unknown field, misspelt", "#Validate",
			`{mesage: "m"}`,
			`unknown field mesage: unknown field "mesage" of #Validate
    did you mean "message"?
`,
		},
		{
			"unknown field, in another case", "#Mutate",
			`{forEach: []}`,
			`unknown field forEach: unknown field "forEach" of #Mutate
    did you mean "foreach"?
`,
		},
		{
			"unknown field, nothing near", "#Deny",
			`{zzzzzz: 1}`,
			`unknown field zzzzzz: unknown field "zzzzzz" of #Deny
`,
		},
		{
			"unknown field of an inline struct", "#ContextEntry",
			`{apiCall: url: "x"}`,
			`unknown field apiCall.url: unknown field "url"
    did you mean "service.url"?
`,
		},
		{
			"field that stands one level too high", "#Rule",
			`{message: "m", kinds: ["Pod"]}`,
			`unknown field message: unknown field "message" of #Rule
    did you mean "validate.message"?
unknown field kinds: unknown field "kinds" of #Rule
`,
		},
		{
			"names of the predecessor", "#Bundle",
			`clusterPolicies: p: {
				validationFailureAction: "Enforce"
				webhookConfiguration: {}
				rules: r: {validation: {}, mutation: {}, generation: {}, conditions: []}
			}`,
			`unknown field clusterPolicies.p.validationFailureAction: unknown field "validationFailureAction" of #ClusterPolicy
    did you mean "failureAction"? (Kyverno deprecated it)
unknown field clusterPolicies.p.webhookConfiguration: unknown field "webhookConfiguration" of #ClusterPolicy
    write failurePolicy, webhookTimeoutSeconds and matchConditions directly in the policy
unknown field clusterPolicies.p.rules.r.validation: unknown field "validation" of #Rule
    did you mean "validate"?
unknown field clusterPolicies.p.rules.r.mutation: unknown field "mutation" of #Rule
    did you mean "mutate"?
unknown field clusterPolicies.p.rules.r.generation: unknown field "generation" of #Rule
    did you mean "generate"?
unknown field clusterPolicies.p.rules.r.conditions: unknown field "conditions" of #Rule
    did you mean "preconditions"?
`,
		},
		{
			"filter in Kyverno's form", "#Match",
			`{any: [{resources: kinds: ["Pod"]}], resources: kinds: ["Pod"], name: "x"}`,
			`unknown field any.0.resources: unknown field "resources" of #Filter
    a filter is written flat: kinds, names, namespaces and the others stand directly in it
unknown field resources: unknown field "resources" of #Match
    a filter is written flat: kinds, names, namespaces and the others stand directly in it
unknown field name: unknown field "name" of #Match
    did you mean "names"? (Kyverno deprecated name; names is a list)
`,
		},
		{
			"Kyverno's lists", "#ClusterPolicy",
			`{name: "p", rules: [{name: "r"}], match: [{kinds: ["Pod"]}]}`,
			`unknown field name: unknown field "name" of #ClusterPolicy
    its name is its key
wrong type rules: rules must be a struct, not a list
    kcue keys what it holds by name: rules: NAME: {…}
wrong type match: match must be a struct, not a list
    write all: […] or any: […] around the filters
`,
		},
		{
			"missing fields, in the schema's order, where the struct begins", "#Rule",
			`{preconditions: all: [{value: 1, messag: "m"}], celPreconditions: [{name: ""}]}`,
			`missing field preconditions.all.0.key: required field "key" of #Condition is missing
missing field preconditions.all.0.operator: required field "operator" of #Condition is missing
unknown field preconditions.all.0.messag: unknown field "messag" of #Condition
    did you mean "message"?
missing field celPreconditions.0.expression: required field "expression" of #MatchCondition is missing
malformed celPreconditions.0.name: name must not be empty
`,
		},
		{
			"misspelt required field is one mistake", "#Test",
			`{polcy: "p", resource: {apiVersion: "v1", kind: "Pod", spec: x: 1}, expect: "pass"}`,
			`unknown field polcy: unknown field "polcy" of #Test
    did you mean "policy"?
`,
		},
		{
			"enumeration, once", "#PolicySpec",
			`{failureAction: "enforce", applyRules: "", severity: "zzz"}`,
			`not in enumeration failureAction: failureAction must be "Audit" or "Enforce", not "enforce"
    did you mean "Enforce"?
not in enumeration applyRules: applyRules must be "All" or "One", not ""
not in enumeration severity: severity must be "critical", "high", "medium", "low" or "info", not "zzz"
`,
		},
		{
			"enumeration or list", "#PolicySpec",
			`{autogen: "nonne"}`,
			`not in enumeration autogen: autogen must be "none", not "nonne"
    did you mean "none"?
`,
		},
		{
			"alternative of the value's kind", "#PolicySpec",
			`{autogen: ["Deployment", "StatefullSet", 3]}`,
			`not in enumeration autogen.1: autogen[1] must be "DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController" or "CronJob", not "StatefullSet"
    did you mean "StatefulSet"?
wrong type autogen.2: autogen[2] must be "DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController" or "CronJob", not the number 3
`,
		},
		{
			"no alternative of the value's kind", "#PolicySpec",
			`{autogen: true}`,
			`wrong type autogen: autogen must be "none" or a list, not the bool true
`,
		},
		{
			"too few items", "#PolicySpec",
			`{autogen: []}`,
			`out of bounds autogen: autogen must have at least 1 item, not 0
`,
		},
		{
			"bounds", "#PolicySpec",
			`{webhookTimeoutSeconds: 31}`,
			`out of bounds webhookTimeoutSeconds: webhookTimeoutSeconds must be at least 1 and at most 30, not 31
`,
		},
		{
			"a number that is no integer", "#PolicySpec",
			`{webhookTimeoutSeconds: 1.5}`,
			`wrong type webhookTimeoutSeconds: webhookTimeoutSeconds must be an integer, not the number 1.5
`,
		},
		{
			"types that convert", "#PolicySpec",
			`{minVersion: 1.6, background: "true", webhookTimeoutSeconds: "10", extends: "base", labels: team: true}`,
			`wrong type minVersion: minVersion must be a string, not the number 1.6
    write "1.6"
wrong type background: background must be a bool, not the string "true"
    write true
wrong type webhookTimeoutSeconds: webhookTimeoutSeconds must be an integer, not the string "10"
    write 10
wrong type extends: extends must be a list, not the string "base"
    write ["base"]
wrong type labels.team: team must be a string, not the bool true
    write "true"
`,
		},
		{
			"forms that Kyverno writes otherwise", "#Rule",
			`{
				match: kinds: [{group: "apps", version: "v1", kind: "Deployment"}]
				preconditions: [{key: "a", operator: "Equals"}]
				mutate: patchesJson6902: [{op: "add"}]
				verifyImages: {}
			}`,
			`wrong type match.kinds.0: kinds[0] must be a string, not a struct
    Kyverno writes a kind as one string: "apps/v1/Deployment"
wrong type preconditions: preconditions must be a struct, not a list
    write all: […] or any: […] around the list
wrong type mutate.patchesJson6902: patchesJson6902 must be a string, not a list
    Kyverno takes the patch as text: a string of YAML or JSON
wrong type verifyImages: verifyImages must be a list, not a struct
    write […] around it
`,
		},
		{
			"null", "#Rule",
			`{validate: null, context: v: variable: {value: null, jmesPath: null}}`,
			`wrong type validate: validate must be a struct, not null
wrong type context.v.variable.jmesPath: jmesPath must be a string, not null
`,
		},
		{
			"a mistake hides none beside or below it", "#Bundle",
			`{
				clusterPolicys: {}
				clusterPolicies: "pod-security": {
					descripton: "d"
					rules: "a b": {
						validate: {mesage: "m", failureAction: "fail", foreach: [{lst: "x", foreach: [{order: "Up"}]}]}
						bogus: 1
					}
				}
				policies: "1st": p: background: 1
			}`,
			`unknown field clusterPolicys: unknown field "clusterPolicys" of #Bundle
    did you mean "clusterPolicies"?
unknown field clusterPolicies."pod-security".descripton: unknown field "descripton" of #ClusterPolicy
    did you mean "description"?
unknown field clusterPolicies."pod-security".rules."a b".validate.mesage: unknown field "mesage" of #Validate
    did you mean "message"?
not in enumeration clusterPolicies."pod-security".rules."a b".validate.failureAction: failureAction must be "Audit" or "Enforce", not "fail"
unknown field clusterPolicies."pod-security".rules."a b".validate.foreach.0.lst: unknown field "lst" of #ValidateForeach
    did you mean "list"?
unknown field clusterPolicies."pod-security".rules."a b".validate.foreach.0.foreach.0.order: unknown field "order" of #ValidateForeach
unknown field clusterPolicies."pod-security".rules."a b".bogus: unknown field "bogus" of #Rule
wrong type policies."1st".p.background: background must be a bool, not the number 1
`,
		},
		{
			"no struct at all", "#Rule", `"text"`,
			"wrong type : #Rule must be a struct, not the string \"text\"\n",
		},
		{
			"long values are clipped", "#PolicySpec",
			`{failureAction: "` + strings.Repeat("x", 100) + `"}`,
			`not in enumeration failureAction: failureAction must be "Audit" or "Enforce", not "` + strings.Repeat("x", 59) + "…\n",
		},
		{
			"no such definition", "#Ruls", `{}`,
			"no definition : the model has no definition #Ruls\n    did you mean #Rule?\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := rendered(m.Check(tt.definition, parseCUE(t, tt.value), nil))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestCheckGivesTheNearestNode(t *testing.T) {
	m := load(t)
	n := parseCUE(t, `{validate: {mesage: "m", failureAction: "x"}, celPreconditions: [{name: "n"}]}`)
	problems := m.Check("#Rule", n, spec.Path{"bases", "b", "rules", "r"})
	want := []struct {
		node     *spec.Node
		path     string
		field    string
		expected []string
	}{
		{n.Get("validate").Get("mesage"), "bases.b.rules.r.validate.mesage", "mesage", m.definitions["#Validate"].fields.names()},
		{n.Get("validate").Get("failureAction"), "bases.b.rules.r.validate.failureAction", "failureAction", []string{`"Audit"`, `"Enforce"`}},
		{n.Get("celPreconditions").Items[0], "bases.b.rules.r.celPreconditions.0.expression", "expression", []string{"string"}},
	}
	if len(problems) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%s", len(problems), len(want), rendered(problems))
	}
	for i, w := range want {
		p := problems[i]
		if p.Node != w.node {
			t.Errorf("%s: the problem stands at another node", w.path)
		}
		if d := cmp.Diff([]any{w.path, w.field, w.expected}, []any{p.Path.String(), p.Field, p.Expected}); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
}

func TestCheckTakesInvalidNodesAsTheyAre(t *testing.T) {
	invalid := &spec.Node{Kind: spec.Invalid}
	n := spec.NewStruct(token.NoPos, spec.Field{Name: "validate", Value: invalid}, spec.Field{Name: "bogus", Value: invalid})
	got := rendered(load(t).Check("#Rule", n, nil))
	if want := "unknown field bogus: unknown field \"bogus\" of #Rule\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCheckBoundsDepth(t *testing.T) {
	m := load(t)
	n := spec.NewStruct(token.NoPos)
	for range 100_000 {
		n = spec.NewStruct(n.Pos, spec.Field{Name: "foreach", Value: spec.NewList(n.Pos, n)})
	}
	problems := m.Check("#ValidateForeach", n, nil)
	if len(problems) != 1 || problems[0].Kind != TooDeep {
		t.Fatalf("got %d problems: %.300s", len(problems), rendered(problems))
	}
}

func TestDiagnostic(t *testing.T) {
	kinds := map[Kind]diag.Code{
		UnknownField: diag.UnknownField, MissingField: diag.MissingField, WrongType: diag.WrongType,
		NotInEnumeration: diag.NotInEnumeration, OutOfBounds: diag.OutOfBounds, Malformed: diag.OutOfBounds, TooDeep: diag.TooDeep,
	}
	for kind, code := range kinds {
		p := Problem{Kind: kind, Path: spec.Path{"a", "b"}, Message: "m", Suggestion: "s", Hint: "h", Node: &spec.Node{}}
		d := p.Diagnostic(noPositions{})
		if d.Code != code || d.Path != "a.b" || d.Message != "m" || d.Pos.File != "f.cue" {
			t.Errorf("%s: got %+v", kind, d)
		}
	}
	p := Problem{Kind: UnknownField, Expected: []string{"x", "y"}}
	if got, want := p.Diagnostic(noPositions{}).Hint, "expected one of x, y"; got != want {
		t.Errorf("got hint %q, want %q", got, want)
	}
}

type noPositions struct{}

func (noPositions) Position(token.Pos) diag.Position { return diag.Position{File: "f.cue"} }
