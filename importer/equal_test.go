package importer_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/importer"
)

// policyOf gives a ClusterPolicy with settings and a rule.
func policyOf(settings, rule string) string {
	return fmt.Sprintf("apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  %s\n  rules:\n  - {name: r, match: {any: [{resources: {kinds: [Pod]}}]}, %s}\n", settings, rule)
}

// TestEqual compares objects that say the same in other words, and objects that
// do not.
func TestEqual(t *testing.T) {
	const validates, verifies = "validate: {message: m, pattern: {a: b}%s}", "verifyImages: [{imageReferences: [x]%s}]"
	v := func(more string) string { return fmt.Sprintf(validates, more) }
	i := func(more string) string { return fmt.Sprintf(verifies, more) }
	cases := []struct {
		name        string
		read, built string
		want        []string
	}{
		{"defaults", policyOf("background: true", v("")), policyOf("emitWarning: false", v(", failureAction: Audit, allowExistingViolations: true")), nil},
		{"action of the policy", policyOf("validationFailureAction: enforce", v("")), policyOf("admission: true", v(", failureAction: Enforce")), nil},
		{"action of images", policyOf("validationFailureAction: enforce", i("")), policyOf("admission: true", i(", failureAction: Enforce, mutateDigest: true")), nil},
		{"another action", policyOf("validationFailureAction: enforce", v("")), policyOf("admission: true", v("")),
			[]string{`spec.rules[0].validate.failureAction: "Enforce", built as "Audit"`}},
		{"overrides", policyOf("validationFailureActionOverrides: [{action: audit, namespaces: [a]}]", v("")),
			policyOf("admission: true", v(", failureActionOverrides: [{action: Audit, namespaces: [a]}]")), nil},
		{"webhook", policyOf("failurePolicy: Ignore", v("")), policyOf("webhookConfiguration: {failurePolicy: Ignore, matchConditions: []}", v("")), nil},
		{"another setting", policyOf("background: false", v("")), policyOf("admission: true", v("")), []string{"spec.background: false, built as nothing"}},
		{"null in a pattern", policyOf("admission: true", "validate: {message: m, pattern: {a: null}}"), policyOf("admission: true", "validate: {message: m, pattern: {}}"),
			[]string{"spec.rules[0].validate.pattern.a: null, built as nothing"}},
		{"null elsewhere", policyOf("admission: true", v(", deny: null")), policyOf("background: null", v("")), nil},
		{"numbers", policyOf("admission: true", "validate: {message: m, pattern: {a: 1e21, b: 10}}"), policyOf("admission: true", "validate: {message: m, pattern: {a: 1000000000000000000000, b: 11}}"),
			[]string{"spec.rules[0].validate.pattern.b: 10, built as 11"}},
		{"a shorter list", policyOf("admission: true", "validate: {message: m, pattern: [1, 2]}"), policyOf("admission: true", "validate: {message: m, pattern: [1]}"),
			[]string{"spec.rules[0].validate.pattern: [1,2], built as [1]"}},
		{"what a cluster writes", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: x, labels: {}, generation: 2}, status: {x: y}}", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", nil},
		{"versions", "{apiVersion: kyverno.io/v2beta1, kind: PolicyException, metadata: {name: a}, spec: {match: {any: []}}}",
			"{apiVersion: kyverno.io/v2, kind: PolicyException, metadata: {name: a, namespace: default}, spec: {match: {any: []}}}", nil},
		{"a filter without any", policyOf("admission: true", v("")+", exclude: {resources: {name: x}}"), policyOf("admission: true", v("")+", exclude: {any: [{resources: {names: [x]}}]}"), nil},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			parse := func(text string) *spec.Node {
				docs, err := spec.ParseYAML("a.yaml", []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				return docs[0]
			}
			read, built := parse(tt.read), parse(tt.built)
			before, err := read.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, importer.Equal(read, built, schemas(t))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if after, err := read.MarshalJSON(); err != nil || string(after) != string(before) {
				t.Errorf("the object is changed: %s", after)
			}
		})
	}
}
