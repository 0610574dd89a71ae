package admission

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// object decodes YAML the way a manifest is read: integers stay integers.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return &o
}

func reviewer(t *testing.T) *Reviewer {
	t.Helper()
	r, err := NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clusterPolicy wraps rules into a policy that is otherwise without fault.
func clusterPolicy(rules string) string {
	return `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  background: true
  rules:
` + rules
}

const soundRule = `
  - name: limits
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate:
      failureAction: Enforce
      message: limits are required
      pattern: {spec: {containers: [{resources: {limits: {cpu: "?*", memory: "?*"}}}]}}
`

// Each object has the shape that the predecessor's generators emit, with one of
// their mistakes; want holds "check: part of the message" for each reason that
// the review must give.
func TestAcceptRefusesMistakesOfThePredecessor(t *testing.T) {
	cases := []struct {
		name   string
		object string
		want   []string
	}{
		{"A1 failurePolicy in lower case", strings.Replace(clusterPolicy(soundRule), "background: true", "failurePolicy: fail", 1), []string{
			`schema: spec.failurePolicy: Unsupported value: "fail": supported values: "Ignore", "Fail"`,
		}},
		{"A2 validation for validate", clusterPolicy(`
  - name: limits
    match: {any: [{resources: {kinds: [Pod]}}]}
    validation: {failureAction: Enforce, message: m, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}
`), []string{
			`schema: unknown field "spec.rules[0].validation"`,
			`policy: spec.rules[0]: Invalid value: {"name":"limits","match":{"any":[{"resources":{"kinds":["Pod"]}}],"resources":{}}}: No operation defined in the rule 'limits'`,
		}},
		{"A3 mutation for mutate", clusterPolicy(`
  - name: pull-policy
    match: {any: [{resources: {kinds: [Pod]}}]}
    mutation: {patchStrategicMerge: {spec: {containers: [{(name): "*", imagePullPolicy: Always}]}}}
`), []string{
			`schema: unknown field "spec.rules[0].mutation"`,
			`policy: spec.rules[0]: Invalid value: {"name":"pull-policy","match":{"any":[{"resources":{"kinds":["Pod"]}}],"resources":{}}}: No operation defined in the rule 'pull-policy'`,
		}},
		{"A4 generation for generate", clusterPolicy(`
  - name: deny
    match: {any: [{resources: {kinds: [Namespace]}}]}
    generation: {kind: NetworkPolicy, apiVersion: networking.k8s.io/v1, name: deny, namespace: "{{request.object.metadata.name}}", data: {spec: {podSelector: {}}}}
`), []string{
			`schema: unknown field "spec.rules[0].generation"`,
			`policy: spec.rules[0]: Invalid value: {"name":"deny","match":{"any":[{"resources":{"kinds":["Namespace"]}}],"resources":{}}}: No operation defined in the rule 'deny'`,
		}},
		{"A5 kinds directly under match", clusterPolicy(strings.Replace(soundRule, "match: {any: [{resources: {kinds: [Pod]}}]}", "match: {kinds: [Pod]}", 1)), []string{
			`schema: unknown field "spec.rules[0].match.kinds"`,
			`policy: path: spec.rules[0].match.resources.: match resources not specified`,
		}},
		{"A6 selectors directly under match", clusterPolicy(strings.Replace(soundRule, "match: {any:", "match: {namespaceSelector: {matchLabels: {policy: enforced}}, namespaces: [production], any:", 1)), []string{
			`schema: unknown field "spec.rules[0].match.namespaceSelector"`,
			`schema: unknown field "spec.rules[0].match.namespaces"`,
		}},
		{"A7 kinds as objects", clusterPolicy(strings.Replace(soundRule, "kinds: [Pod]", `kinds: [{group: "", version: v1, kind: Pod}]`, 1)), []string{
			`schema: spec.rules[0].match.any[0].resources.kinds[0]: Invalid value: "object": `,
			`decode: json: cannot unmarshal object into Go struct field`,
		}},
		{"A8 spec.description", strings.Replace(clusterPolicy(soundRule), "background: true", "description: limits for all", 1), []string{
			`schema: unknown field "spec.description"`,
		}},
		{"A9 rule without match", clusterPolicy(strings.Replace(soundRule, "match: {any: [{resources: {kinds: [Pod]}}]}", "", 1)), []string{
			`schema: spec.rules[0].match: Required value`,
			`policy: path: spec.rules[0].match.resources.: match resources not specified`,
		}},
		{"A10 namespaces inside a namespaced Policy", strings.NewReplacer("ClusterPolicy", "Policy", "{name: p}", "{name: p, namespace: production}", "kinds: [Pod]", "kinds: [Pod], namespaces: [production]").Replace(clusterPolicy(soundRule)), []string{
			`policy: spec.rules[0].match.any[0].namespaces: Forbidden: Filtering namespaces not allowed in namespaced policies`,
		}},
		{"A11 failureAction fail", clusterPolicy(strings.Replace(soundRule, "failureAction: Enforce", "failureAction: fail", 1)), []string{
			`schema: spec.rules[0].validate.failureAction: Unsupported value: "fail": supported values: "Audit", "Enforce"`,
		}},
		{"A12 rule.conditions", clusterPolicy(soundRule + "    conditions: [{key: a, operator: Equals, value: b}]\n"), []string{
			`schema: unknown field "spec.rules[0].conditions"`,
		}},
		{"A13 mutate.forEach", clusterPolicy(`
  - name: pull-policy
    match: {any: [{resources: {kinds: [Pod]}}]}
    mutate: {forEach: [{list: request.object.spec.containers, patchStrategicMerge: {spec: {containers: [{name: "{{element.name}}"}]}}}]}
`), []string{
			`schema: unknown field "spec.rules[0].mutate.forEach"`,
			`policy: spec.rules[0]: Invalid value: {"name":"pull-policy","match":{"any":[{"resources":{"kinds":["Pod"]}}],"resources":{}},"mutate":{}}: No operation defined in the rule 'pull-policy'`,
		}},
		{"A14 patchesJson6902 as a list", clusterPolicy(`
  - name: label
    match: {any: [{resources: {kinds: [Pod]}}]}
    mutate: {patchesJson6902: [{op: add, path: /metadata/labels/a, value: b}]}
`), []string{
			`schema: spec.rules[0].mutate.patchesJson6902: Invalid value: "array": `,
			`decode: json: cannot unmarshal array into Go struct field`,
		}},
		{"A15 operations directly under match", clusterPolicy(strings.Replace(soundRule, "match: {any:", "match: {operations: [CREATE, UPDATE], any:", 1)), []string{
			`schema: unknown field "spec.rules[0].match.operations"`,
		}},
		{"A16 namespaces.excludeNames", clusterPolicy(strings.Replace(soundRule, "kinds: [Pod]", "kinds: [Pod], namespaces: {excludeNames: [kube-system]}", 1)), []string{
			`schema: spec.rules[0].match.any[0].resources.namespaces: Invalid value: "object": `,
			`decode: json: cannot unmarshal object into Go struct field`,
		}},
	}
	r := reviewer(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := r.Accept(object(t, c.object))
			var refused *RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("Accept returned %v, want a *RefusedError", err)
			}
			for _, want := range c.want {
				if !gives(refused.Reasons, want) {
					t.Errorf("no reason has %q; got:\n%v", want, err)
				}
			}
			if len(refused.Reasons) != len(c.want) {
				t.Errorf("got %d reasons, want %d:\n%v", len(refused.Reasons), len(c.want), err)
			}
		})
	}
}

// gives reports whether a reason's "check: message" starts the way want does.
func gives(reasons []Reason, want string) bool {
	for _, r := range reasons {
		if strings.HasPrefix(string(r.Check)+": "+r.Message, want) {
			return true
		}
	}
	return false
}

func TestAcceptTakesSoundObjects(t *testing.T) {
	cases := map[string]string{
		"cluster policy": clusterPolicy(soundRule),
		"namespaced policy": strings.NewReplacer("ClusterPolicy", "Policy", "{name: p}", "{name: p, namespace: production}").
			Replace(clusterPolicy(soundRule)),
		"v2beta1": strings.Replace(clusterPolicy(soundRule), "kyverno.io/v1", "kyverno.io/v2beta1", 1),
		"generate a cluster-scoped kind": clusterPolicy(`
  - name: role
    match: {any: [{resources: {kinds: [Namespace]}}]}
    generate:
      apiVersion: rbac.authorization.k8s.io/v1
      kind: ClusterRole
      name: "{{request.object.metadata.name}}-reader"
      data: {rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
`),
		"webhook match conditions": strings.Replace(clusterPolicy(soundRule), "background: true",
			`webhookConfiguration: {matchConditions: [{name: c, expression: "request.operation == 'CREATE'"}]}`, 1),
		"policy exception": `
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: e, namespace: production}
spec:
  exceptions: [{policyName: p, ruleNames: [limits]}]
  match: {any: [{resources: {kinds: [Pod], names: ["legacy-*"]}}]}
`,
		"cleanup policy": `
apiVersion: kyverno.io/v2
kind: ClusterCleanupPolicy
metadata: {name: c}
spec:
  schedule: "0 3 * * *"
  match: {any: [{resources: {kinds: [Pod]}}]}
`,
		"validating policy": `
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: v}
spec:
  validationActions: [Deny]
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  validations: [{expression: "object.spec.containers.all(c, c.image.contains(':'))", message: tag required}]
`,
		"namespaced deleting policy": `
apiVersion: policies.kyverno.io/v1
kind: NamespacedDeletingPolicy
metadata: {name: d, namespace: production}
spec:
  schedule: "0 3 * * *"
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: ["*"], resources: [pods]}]}
  conditions: [{name: old, expression: "object.metadata.name == 'x'"}]
`,
		"network policy": `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: production}
spec: {podSelector: {}, policyTypes: [Ingress]}
`,
		"a custom resource that Kyverno knows nothing of": `
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {anything: [1]}
`,
	}
	r := reviewer(t)
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			o := object(t, text)
			before := o.DeepCopy()
			if err := r.Accept(o); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before.Object, o.Object); diff != "" {
				t.Errorf("the review changed the object (-before +after):\n%s", diff)
			}
		})
	}
}

func TestReviewReportsEveryReason(t *testing.T) {
	cases := []struct {
		name   string
		object *unstructured.Unstructured
		want   []string
	}{
		{"nothing", nil, []string{"object: is empty"}},
		{"no kind", &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "a"}}}, []string{
			"object: apiVersion is missing",
			"object: kind is missing",
		}},
		{"unknown Kyverno kind", object(t, `{apiVersion: kyverno.io/v1, kind: Clusterpolicy, metadata: {name: a}}`), []string{
			`decode: Kyverno has no Clusterpolicy in kyverno.io/v1`,
		}},
		{"version that is not served", object(t, `{apiVersion: kyverno.io/v9, kind: ClusterPolicy, metadata: {name: a}}`), []string{
			`schema: ClusterPolicy is not served in version v9`,
			`decode: Kyverno has no ClusterPolicy in kyverno.io/v9`,
		}},
		{"namespace on a cluster policy", object(t, strings.Replace(clusterPolicy(soundRule), "{name: p}", "{name: p, namespace: x}", 1)), []string{
			`object: metadata.namespace is set: ClusterPolicy is cluster-scoped`,
			`policy: A clusterpolicy should not have the namespace defined`,
		}},
		{"typo in a plain resource", object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dat: {}}`), []string{
			`decode: unknown field "dat"`,
		}},
		{"two bad rules", object(t, clusterPolicy(`
  - name: one
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, pattern: {spec: {"+(a)": b}}}
  - name: two
    match: {any: [{resources: {kinds: [Pod]}}]}
    validate: {message: m, pattern: {spec: {"+(a)": b}}}
`)), []string{
			`policy: rule "one": path: spec.rules[0].validate.`,
			`policy: rule "two": path: spec.rules[1].validate.`,
		}},
		{"expression of the wrong type", object(t, `
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: v}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  validations: [{expression: "1 + 1"}]
`), []string{
			`policy: spec.validations[0].expression: Invalid value: "1 + 1"`,
		}},
		{"rule of the schema", object(t, `
apiVersion: policies.kyverno.io/v1
kind: GeneratingPolicy
metadata: {name: g}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]}
  generate: [{}]
`), []string{
			`schema: spec.generate[0]: Invalid value: `,
			`policy: spec.generate[0]`,
		}},
	}
	r := reviewer(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			review := r.Review(c.object)
			for _, want := range c.want {
				if !gives(review.Reasons, want) {
					t.Errorf("no reason has %q", want)
				}
			}
			if len(review.Reasons) != len(c.want) {
				t.Errorf("got %d reasons, want %d", len(review.Reasons), len(c.want))
			}
			if t.Failed() {
				for _, reason := range review.Reasons {
					t.Logf("got %s: %s", reason.Check, reason.Message)
				}
			}
		})
	}
}
