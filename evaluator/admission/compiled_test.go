package admission

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// For a caller that compiles, every refusal is that of Accept, and so is every
// acceptance.
func TestAcceptCompiled(t *testing.T) {
	const rules = `matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}, `
	policy := func(kind, meta, spec string) string {
		return fmt.Sprintf("{apiVersion: policies.kyverno.io/v1, kind: %s, metadata: {name: p%s}, spec: {%s}}", kind, meta, spec)
	}
	const patch = `mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{metadata: Object.metadata{labels: Object.metadata.labels{a: 'b'}}}"}}]`
	r := reviewer(t)
	for _, tt := range []struct {
		name, policy       string
		compiles, accepted bool
		asked              int
	}{
		{"sound", policy("ValidatingPolicy", "", rules+`validations: [{expression: "true"}]`), true, true, 1},
		{"not CEL", policy("ValidatingPolicy", "", rules+`validations: [{expression: "object.("}]`), false, false, 1},
		{"no rules", policy("ValidatingPolicy", "", `validations: [{expression: "true"}]`), true, false, 0},
		{"no CEL and no rules", policy("ValidatingPolicy", "", `validations: [{expression: "object.("}]`), false, false, 0},
		{"namespaced", policy("NamespacedValidatingPolicy", ", namespace: team", rules+`validations: [{expression: "true"}]`), true, true, 0},
		{"namespaced, of global context", policy("NamespacedValidatingPolicy", ", namespace: team", rules+`validations: [{expression: "globalContext.Get('a', '') == null"}]`), true, false, 0},
		{"unknown field", policy("ValidatingPolicy", "", rules+`valid: true, validations: [{expression: "true"}]`), true, false, 1},
		{"mutating", policy("MutatingPolicy", "", rules+patch), true, true, 1},
		{"mutating nothing", policy("MutatingPolicy", "", rules+patch+`, evaluation: {admission: {enabled: false}, mutateExisting: {enabled: false}}`), true, false, 0},
		{"generating", policy("GeneratingPolicy", "", rules+`generate: [{expression: "generator.Apply('n', [])"}]`), true, true, 1},
		{"deleting", policy("DeletingPolicy", "", rules+`schedule: "* * * * *", conditions: [{name: c, expression: "true"}]`), true, true, 0},
		{"deleting never", policy("DeletingPolicy", "", rules+`schedule: "never", conditions: [{name: c, expression: "true"}]`), true, false, 0},
		{"another kind", clusterPolicy(soundRule), true, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			o := object(t, tt.policy)
			want := r.Accept(o)
			got := r.AcceptCompiled(o, func() bool {
				asked++
				return tt.compiles
			})
			if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
				t.Errorf("(-Accept +AcceptCompiled)\n%s", diff)
			}
			if (want == nil) != tt.accepted {
				t.Errorf("%v", want)
			}
			if asked != tt.asked {
				t.Errorf("asked %d times whether it compiles, want %d", asked, tt.asked)
			}
		})
	}
	t.Run("believes", func(t *testing.T) {
		if err := r.AcceptCompiled(object(t, policy("ValidatingPolicy", "", rules+`validations: [{expression: "object.("}]`)), func() bool { return true }); err != nil {
			t.Errorf("compiled although the caller has: %v", err)
		}
	})
}
