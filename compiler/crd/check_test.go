package crd

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

// policy gives a ClusterPolicy of one rule, whose fields below name are given,
// each line indented as it stands in the rule.
func policy(rule string) string {
	return "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n  - name: r\n    " +
		strings.ReplaceAll(rule, "\n", "\n    ")
}

const match = "match: {any: [{resources: {kinds: [Pod]}}]}\n"

// describe renders violations without their nodes.
func describe(violations []Violation) []string {
	var out []string
	for _, v := range violations {
		out = append(out, fmt.Sprintf("%s: %s: %s", v.Kind, v.Path, v.Message))
	}
	return out
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, object string
		want         []string
	}{
		{
			"a field of no schema",
			policy(match + "validate: {mesage: m, pattern: {any: thing}}"),
			[]string{`unknown-field: spec.rules[0].validate.mesage: unknown field "mesage", expected allowExistingViolations, anyPattern, assert, cel, deny, failureAction, failureActionOverrides, foreach, manifests, message, pattern or podSecurity`},
		},
		{
			"a field where there are too many to list",
			policy(match + "validation: {}"),
			[]string{`unknown-field: spec.rules[0].validation: unknown field "validation"`},
		},
		{
			"a field at the root",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {}\nrules: []",
			[]string{`unknown-field: rules: unknown field "rules", expected apiVersion, kind, metadata, spec or status`},
		},
		{
			"types, several at once",
			policy("match: [x]\nskipBackgroundRequests: 'true'\nmutate: {patchesJson6902: [{op: add}]}"),
			[]string{
				`type: spec.rules[0].match: expected a struct, found a list`,
				`type: spec.rules[0].skipBackgroundRequests: expected a boolean, found the string "true"`,
				`type: spec.rules[0].mutate.patchesJson6902: expected a string, found a list`,
			},
		},
		{
			"an object where strings are expected",
			policy("match: {any: [{resources: {kinds: [{kind: Pod}]}}]}"),
			[]string{`type: spec.rules[0].match.any[0].resources.kinds[0]: expected a string, found a struct`},
		},
		{
			"a map's value",
			policy("match: {any: [{resources: {annotations: {a/b: 1}}}]}"),
			[]string{`type: spec.rules[0].match.any[0].resources.annotations."a/b": expected a string, found the number 1`},
		},
		{
			"a null in a list",
			policy("match: {any: [null]}"),
			[]string{`type: spec.rules[0].match.any[0]: expected a struct, found null`},
		},
		{
			"nulls in fields count as absent",
			policy("match: {any: null}\nexclude:\nvalidate: {message: null}"),
			nil,
		},
		{
			"a null does not satisfy required",
			policy("match: null"),
			[]string{`required: spec.rules[0].match: the field is required, and missing`},
		},
		{
			"a null has its default's presence",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {admission: null, background: null}",
			nil,
		},
		{
			"an enumeration",
			policy(match + "validate: {failureAction: fail}"),
			[]string{`enum: spec.rules[0].validate.failureAction: "fail" is not allowed, expected Audit or Enforce`},
		},
		{
			"a missing name and match",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {rules: [{}]}",
			[]string{
				`required: spec.rules[0].match: the field is required, and missing`,
				`required: spec.rules[0].name: the field is required, and missing`,
			},
		},
		{
			"a missing spec",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}",
			[]string{`required: spec: the field is required, and missing`},
		},
		{
			"none of exactly one",
			policy(match + "context: [{name: x}]"),
			[]string{`exclusive: spec.rules[0].context[0]: expected exactly one of configMap, apiCall, imageRegistry, variable or globalReference, found none`},
		},
		{
			"two of exactly one",
			policy(match + "context: [{name: x, variable: {value: 1}, globalReference: {name: g}}]"),
			[]string{`exclusive: spec.rules[0].context[0]: expected exactly one of configMap, apiCall, imageRegistry, variable or globalReference, found variable and globalReference`},
		},
		{
			"any beside all",
			policy("match: {any: [], all: []}"),
			[]string{`exclusive: spec.rules[0].match: any and all exclude each other: expected only one of them`},
		},
		{
			"a rule name's length, counted in characters",
			strings.Replace(policy(match), "name: r", "name: "+strings.Repeat("é", 64), 1),
			[]string{`length: spec.rules[0].name: expected at most 63 characters, found 64`},
		},
		{
			"a rule name of 63 characters",
			strings.Replace(policy(match), "name: r", "name: "+strings.Repeat("é", 63), 1),
			nil,
		},
		{
			"a minimum",
			policy(match + "verifyImages: [{imageReferences: ['*'], attestors: [{count: 0, entries: []}]}]"),
			[]string{`range: spec.rules[0].verifyImages[0].attestors[0].count: 0 is too small, expected at least 1`},
		},
		{
			"an integer of 32 bits",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {webhookConfiguration: {timeoutSeconds: 3000000000}}",
			[]string{`format: spec.webhookConfiguration.timeoutSeconds: 3000000000 does not fit in 32 bits`},
		},
		{
			"no integer",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {webhookConfiguration: {timeoutSeconds: 1.5}}",
			[]string{`type: spec.webhookConfiguration.timeoutSeconds: expected an integer, found the number 1.5`},
		},
		{
			"an integer with an exponent",
			`{"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": "p"}, "spec": {"webhookConfiguration": {"timeoutSeconds": 1e1}}}`,
			nil,
		},
		{
			"a number that no int64 holds",
			`{"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": "p"}, "spec": {"webhookConfiguration": {"timeoutSeconds": 1e300}}}`,
			[]string{`type: spec.webhookConfiguration.timeoutSeconds: expected an integer, found the number 1e+300`},
		},
		{
			"other fields beside known ones, where unknown ones are kept",
			policy(match + "generate: {foreach: [{list: x, preconditions: {other: 1, any: x}}]}"),
			[]string{`type: spec.rules[0].generate.foreach[0].preconditions.any: expected a list, found the string "x"`},
		},
		{
			"anything goes inside a pattern",
			policy(match + "validate: {pattern: {a: [1, null, {b: c}], '=(x)': y}}"),
			nil,
		},
		{
			"status is the cluster's",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {}\nstatus: {ready: 5, x: y}",
			nil,
		},
		{
			"a duration that the API server takes and Kyverno does not decode",
			"apiVersion: kyverno.io/v2\nkind: GlobalContextEntry\nmetadata: {name: g}\nspec: {apiCall: {urlPath: /x, refreshInterval: 1 day}}",
			[]string{`format: spec.apiCall.refreshInterval: "1 day" is no duration, expected one as in 90s, 10m or 1h30m`},
		},
		{
			"a time",
			"apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: ns}\nspec: {policyRefs: [], expiresAt: 2026-01-31}",
			[]string{`format: spec.expiresAt: "2026-01-31" is no time, expected RFC 3339 as in 2026-01-31T12:00:00Z`},
		},
		{
			"an empty list",
			"apiVersion: policies.kyverno.io/v1\nkind: GeneratingPolicy\nmetadata: {name: g}\nspec: {generate: []}",
			[]string{`length: spec.generate: expected at least 1 item, found 0`},
		},
		{
			"the rule in CEL of GeneratingPolicy",
			"apiVersion: policies.kyverno.io/v1\nkind: GeneratingPolicy\nmetadata: {name: g}\nspec: {generate: [{expression: x}, {}, {expression: x, template: {value: z}}]}",
			[]string{
				`exclusive: spec.generate[1]: expected exactly one of expression or template, found none`,
				`exclusive: spec.generate[2]: expected exactly one of expression or template, found expression and template`,
			},
		},
		{
			"an empty string",
			"apiVersion: policies.kyverno.io/v1\nkind: GeneratingPolicy\nmetadata: {name: g}\nspec: {generate: [{template: {value: ''}}]}",
			[]string{`length: spec.generate[0].template.value: expected at least 1 character, found 0`},
		},
		{
			"items of one name",
			"apiVersion: policies.kyverno.io/v1\nkind: DeletingPolicy\nmetadata: {name: d}\nspec: {schedule: '* * * * *', conditions: [{name: a, expression: x}, {name: b, expression: x}, {name: a, expression: v}, {name: a, expression: z}]}",
			[]string{`duplicate: spec.conditions[2]: expected items that differ in name: another has {"name":"a"}`},
		},
		{
			"items of a set",
			"apiVersion: policies.kyverno.io/v1\nkind: ImageValidatingPolicy\nmetadata: {name: i}\nspec: {attestors: [], validations: [], validationActions: [Deny, Audit, Deny]}",
			[]string{`duplicate: spec.validationActions[2]: expected items that differ: "Deny" stands here twice`},
		},
		{
			"a version that is not served",
			"apiVersion: kyverno.io/v3\nkind: Policy",
			[]string{`unknown-kind: apiVersion: Kyverno v1.19.1 does not serve Policy in "kyverno.io/v3", expected kyverno.io/v1 or kyverno.io/v2beta1`},
		},
		{
			"an unknown kind",
			"apiVersion: kyverno.io/v1\nkind: ClusterPolice",
			[]string{`unknown-kind: kind: Kyverno v1.19.1 has no kind "ClusterPolice" in "kyverno.io/v1"`},
		},
		{"no kind", "apiVersion: kyverno.io/v1", []string{`unknown-kind: kind: kind is missing, or is no string: expected one that Kyverno serves`}},
		{"no object", "[]", []string{`type: : an object must be a struct with apiVersion and kind`}},
	}
	s := schemas(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, describe(s.Check(parse(t, tt.object)))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What Kyverno's CRDs do not use today, but the table may hold.
func TestCheckOtherKeywords(t *testing.T) {
	s, err := decode([]byte(`{"kyverno": "test", "kinds": [{"apiVersion": "v1", "kind": "K", "schema": 11}], "schemas": [
		{"type": "string"},
		{"type": "string", "pattern": "^[a-z]+$"},
		{"type": "string", "nullable": true},
		{"intOrString": true},
		{"type": "number", "maximum": 2.5},
		{"type": "array", "maxItems": 1, "items": 0},
		{"type": "string", "default": "x"},
		{"type": "object", "properties": {"k": 0, "d": 6}},
		{"type": "array", "listType": "map", "listKeys": ["k", "d"], "items": 7},
		{"type": "object", "additional": 0},
		{"type": "object", "required": ["d"], "oneOf": ["k", "d"], "properties": {"k": 0, "d": 6}},
		{"type": "object", "required": ["null"], "properties": {"apiVersion": 0, "kind": 0, "metadata": 9, "pattern": 1, "null": 2, "ios": 3, "max": 4, "items": 5, "map": 8, "def": 10}}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := describe(s.Check(parse(t, `
apiVersion: v1
kind: K
metadata: {name: k}
pattern: A1
"null": null
ios: 1.5
max: 3
items: [a, b]
map: [{k: a}, {k: a, d: v}, {k: a, d: x}]
def: {k: a}
`)))
	want := []string{
		`pattern: pattern: "A1" does not match the pattern ^[a-z]+$`,
		`type: ios: expected an integer or a string, found the number 1.5`,
		`range: max: 3 is too large, expected at most 2.5`,
		`length: items: expected at most 1 item, found 2`,
		`duplicate: map[2]: expected items that differ in k and d: another has {"k":"a","d":"x"}`,
		`exclusive: def: expected exactly one of k or d, found k and d`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := s.Check(parse(t, "{apiVersion: v1, kind: K, metadata: {name: k}, 'null': x, ios: x, def: {d: null}}")); got != nil {
		t.Errorf("got %v", got)
	}
}

// A table whose entries refer to themselves or onwards could not be walked to
// an end.
func TestDecodeOrder(t *testing.T) {
	for _, entry := range []string{`"items": 0`, `"items": 1`, `"items": -1`, `"additional": 0`, `"properties": {"a": 0}`} {
		if _, err := decode([]byte(`{"kyverno": "test", "kinds": [], "schemas": [{"type": "object", ` + entry + `}]}`)); err == nil {
			t.Errorf("%s in entry 0 was taken", entry)
		}
	}
}

func TestUnknownKindAllowed(t *testing.T) {
	tests := []struct {
		object string
		want   []string
	}{
		{"{apiVersion: policies.kyverno.io/v2, kind: ValidatingPolicy}", []string{"policies.kyverno.io/v1", "policies.kyverno.io/v1alpha1", "policies.kyverno.io/v1beta1"}},
		{"{apiVersion: kyverno.io/v2, kind: Policies}", []string{"CleanupPolicy", "ClusterCleanupPolicy", "GlobalContextEntry", "PolicyException"}},
	}
	for _, tt := range tests {
		for range 20 { // for the order of a map
			v := schemas(t).Check(parse(t, tt.object))
			if len(v) != 1 {
				t.Fatalf("%d violations", len(v))
			}
			if diff := cmp.Diff(tt.want, v[0].Allowed); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		}
	}
}

func TestCheckNodes(t *testing.T) {
	obj := parse(t, policy("mtch: {}\nvalidate: {failureAction: audit}"))
	violations := schemas(t).Check(obj)
	rule := obj.Get("spec").Get("rules").Items[0]
	want := []*spec.Node{rule.Get("mtch"), rule.Get("validate").Get("failureAction"), rule}
	var got []*spec.Node
	for _, v := range violations {
		got = append(got, v.Node)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the nodes %v, want %v", got, want)
	}
	if a := violations[0].Allowed; !slices.Contains(a, "match") {
		t.Errorf("the fields allowed beside an unknown one are %v", a)
	}
	if a := violations[1].Allowed; !slices.Equal(a, []string{"Audit", "Enforce"}) {
		t.Errorf("the values allowed in place of another are %v", a)
	}
	if pos := violations[0].Node.Pos.String(); pos != "test.yaml:7:5" {
		t.Errorf("the unknown field stands at %s", pos)
	}
}

func TestCheckFullPolicy(t *testing.T) {
	if got := schemas(t).Check(parse(t, string(readFile(t, "testdata/clusterpolicy.yaml")))); got != nil {
		t.Errorf("violations: %v", describe(got))
	}
}

func TestKnown(t *testing.T) {
	s := schemas(t)
	tests := []struct {
		apiVersion, kind  string
		known, namespaced bool
	}{
		{"kyverno.io/v1", "ClusterPolicy", true, false},
		{"kyverno.io/v1", "Policy", true, true},
		{"kyverno.io/v2", "PolicyException", true, true},
		{"kyverno.io/v2", "CleanupPolicy", true, true},
		{"kyverno.io/v2", "ClusterCleanupPolicy", true, false},
		{"kyverno.io/v2", "GlobalContextEntry", true, false},
		{"policies.kyverno.io/v1", "ValidatingPolicy", true, false},
		{"policies.kyverno.io/v1", "NamespacedValidatingPolicy", true, true},
		{"policies.kyverno.io/v1", "MutatingPolicy", true, false},
		{"policies.kyverno.io/v1", "NamespacedMutatingPolicy", true, true},
		{"policies.kyverno.io/v1", "GeneratingPolicy", true, false},
		{"policies.kyverno.io/v1", "NamespacedGeneratingPolicy", true, true},
		{"policies.kyverno.io/v1", "ImageValidatingPolicy", true, false},
		{"policies.kyverno.io/v1", "NamespacedImageValidatingPolicy", true, true},
		{"policies.kyverno.io/v1", "DeletingPolicy", true, false},
		{"policies.kyverno.io/v1", "NamespacedDeletingPolicy", true, true},
		{"policies.kyverno.io/v1", "PolicyException", true, true},
		{"kyverno.io/v2", "ClusterPolicy", false, false},
		{"v1", "ConfigMap", false, false},
	}
	for _, tt := range tests {
		if s.Known(tt.apiVersion, tt.kind) != tt.known || s.Namespaced(tt.apiVersion, tt.kind) != tt.namespaced {
			t.Errorf("%s %s: known %t, namespaced %t", tt.apiVersion, tt.kind, !tt.known, !tt.namespaced)
		}
	}
	if s.Version() != "v1.19.1" {
		t.Errorf("version %s", s.Version())
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
