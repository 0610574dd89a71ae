package evaluator

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestMutatingPolicy(t *testing.T) {
	const (
		pull   = `mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, imagePullPolicy: 'Always'})}}"}}]`
		label  = `mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': object.metadata.name}}]"}}]`
		always = `{containers: [{name: c, image: "gcr.io/a:1", imagePullPolicy: Always}]}`
	)
	policy := func(spec string) string { return celPolicy("MutatingPolicy", onPods+", "+spec) }
	onFoos := `matchConstraints: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [foos]}]}`
	foo := "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: f}"
	labelled := func(text string) string {
		return strings.Replace(text, "{name: a,", "{name: a, labels: {a: a},", 1)
	}
	success := outcome{"", StatusPass, "", "success"}
	cases := []struct {
		name, policies, resource string
		patched                  string // empty for one that is left as it is
		want                     outcome
	}{
		{"apply configuration", policy(pull), pod(good), pod(always), success},
		{"JSON patch", policy(label), pod(good), labelled(pod(good)), success},
		{"autogen", policy(pull), workload("Deployment", good), workload("Deployment", always), outcome{"autogen-defaults", StatusPass, "", "success"}},
		{"autogen of a CronJob", policy(pull), workload("CronJob", good), workload("CronJob", always), outcome{"autogen-cronjobs", StatusPass, "", "success"}},
		{"another kind", policy(label), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}", "", outcome{Status: StatusUnmatched}},
		{"match condition", policy(`matchConditions: [{name: other, expression: "object.metadata.name == 'b'"}], ` + label), pod(good), "", outcome{"", StatusSkip, "", "skip"}},
		{"failing expression", policy(`mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels', value: object.spec.missing}]"}}]`), pod(good), "",
			outcome{"", StatusError, "", "failed to evaluate policy: no such key: missing"}},
		{"namespaced", celPolicy("NamespacedMutatingPolicy", onPods+", "+label), pod(good), labelled(pod(good)), success},
		{"namespaced, elsewhere", celPolicy("NamespacedMutatingPolicy", onPods+", "+label), strings.Replace(pod(good), "team", "other", 1), "", outcome{Status: StatusUnmatched}},
		{"exception", policy(label) + "---\napiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: kyverno}\nspec: {policyRefs: [{name: p, kind: MutatingPolicy}], matchConditions: [{name: a, expression: \"true\"}]}\n",
			pod(good), "", outcome{"", StatusSkip, "", "rule is skipped due to policy exception: kyverno/e"}},
		{"JSON patch of a custom kind", celPolicy("MutatingPolicy", onFoos+", "+label), foo, strings.Replace(foo, "name: f", "name: f, labels: {a: f}", 1), success},
		{"apply configuration of a kind without a schema", celPolicy("MutatingPolicy", onFoos+`, mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{metadata: Object.metadata{name: 'f'}}"}}]`), foo, "",
			outcome{"", StatusError, "", "failed to evaluate policy: error applying patch: failed to convert patch object to typed object: the schema of example.com/v1 Foo is not known, so that a configuration cannot be applied to it: use a jsonPatch"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := object(t, c.resource)
			response := evaluate(t, c.policies, Request{Object: before})
			if diff := cmp.Diff([]outcome{c.want}, outcomes(response.Results)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(object(t, c.resource), before); diff != "" {
				t.Errorf("the caller's object was changed (-before +after):\n%s", diff)
			}
			want := object(t, c.resource)
			if c.patched != "" {
				want = object(t, c.patched)
			}
			if diff := cmp.Diff(want.Object, response.Patched.Object); diff != "" {
				t.Errorf("patched (-want +got):\n%s", diff)
			}
			if response.Changed != (c.patched != "") {
				t.Errorf("changed is %v", response.Changed)
			}
		})
	}
}

func TestValidatingPolicySeesWhatMutatingPoliciesLeave(t *testing.T) {
	mutate := celPolicy("MutatingPolicy", onPods+`, mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': 'b'}}]"}}]`)
	validate := celPolicy(validates, onPods+`, validations: [{expression: "object.metadata.labels.a == 'b'"}]`)
	legacy := clusterPolicy("  - name: labelled\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    validate: {message: m, pattern: {metadata: {labels: {a: b}}}}\n")
	response := evaluate(t, validate+"---\n"+legacy+"\n---\n"+mutate, Request{Object: object(t, pod(good))})
	for _, r := range response.Results {
		if r.Status != StatusPass {
			t.Errorf("%s: %s: %s", r.Policy.Kind, r.Status, r.Message)
		}
	}
}

func TestMutatingPolicyMutatesExisting(t *testing.T) {
	const (
		trigger = `evaluation: {mutateExisting: {enabled: true}}, matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}`
		label   = `mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'seen': 'yes'}}]"}}]`
		secrets = `targetMatchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [secrets]}]}`
	)
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}"
	given := objects(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: other}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: d, namespace: team}")
	cases := []struct {
		name, policy, resource string
		given                  []unstructured.Unstructured
		want                   []string
		changed                bool
	}{
		{"by target constraints", celPolicy("MutatingPolicy", trigger+", "+secrets+", "+label), configMap, given, []string{"pass team/s yes", "pass other/s yes"}, false},
		{"target condition", celPolicy("MutatingPolicy", trigger+", "+secrets+`, targetMatchConditions: [{name: here, expression: "object.metadata.namespace == 'team'"}], `+label), configMap, given, []string{"pass team/s yes", "skip other/s "}, false},
		{"namespaced", celPolicy("NamespacedMutatingPolicy", trigger+", "+secrets+", "+label), configMap, given, []string{"pass team/s yes"}, false},
		{"by an expression", celPolicy("MutatingPolicy", trigger+`, targetMatchConstraints: {expression: "resource.List('v1', 'secrets', object.metadata.namespace)"}, `+label), configMap, given, []string{"pass team/s yes"}, false},
		{"by match constraints", celPolicy("MutatingPolicy", trigger+", "+label), configMap, given, []string{"pass", "pass team/d yes"}, true},
		{"no targets", celPolicy("MutatingPolicy", trigger+", "+secrets+", "+label), configMap, nil, []string{"skip"}, false},
		{"another trigger", celPolicy("MutatingPolicy", trigger+", "+secrets+", "+label), pod(good), given, []string{"unmatched"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response := evaluator(t, Options{}, c.policy).Evaluate(context.Background(), Request{Object: object(t, c.resource), Values: Values{Resources: c.given}})
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			var got []string
			for _, r := range response.Results {
				line := string(r.Status)
				for _, o := range r.Targets {
					line += fmt.Sprintf(" %s/%s %s", o.GetNamespace(), o.GetName(), o.GetLabels()["seen"])
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if response.Changed != c.changed {
				t.Errorf("changed is %v", response.Changed)
			}
		})
	}
	if given[0].GetLabels() != nil {
		t.Error("a given resource was changed")
	}
}
