package vet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withContext puts context entries into a rule of a ClusterPolicy.
func withContext(entries string) string {
	return podRule("context: [" + entries + "]\nvalidate: {message: m, pattern: {metadata: {name: '?*'}}}")
}

// inNamespace makes a namespaced Policy of a ClusterPolicy.
func inNamespace(object string) string {
	return strings.NewReplacer("ClusterPolicy", "Policy", "{name: p}", "{name: p, namespace: team}").Replace(object)
}

func TestContext(t *testing.T) {
	const at = "spec.rules[0].context[0]"
	tests := []struct {
		name   string
		object string
		want   []string
	}{
		{"good", withContext(`
{name: a, variable: {value: x}},
{name: b, variable: {jmesPath: "request.object.metadata.labels.b || a", default: ""}},
{name: c, variable: {value: "{{ b }}", jmesPath: "anything.at[0].all"}},
{name: d, configMap: {name: "{{ c }}", namespace: default}},
{name: e, apiCall: {urlPath: "/api/v1/namespaces/{{ request.namespace }}/pods", jmesPath: "items[?metadata.name=='{{ d.data.x }}'] | length(@)"}},
{name: f, apiCall: {service: {url: "https://a.b"}, method: POST, data: [{key: x, value: "{{ e }}"}]}},
{name: g, imageRegistry: {reference: "ghcr.io/acme/app:1.2", jmesPath: "configData"}},
{name: h, imageRegistry: {reference: "{{ f }}"}},
{name: i, globalReference: {name: x, jmesPath: "items[0]"}},
{name: j, variable: {jmesPath: "{{ i }}"}}`), nil},
		{"name", withContext("{variable: {value: x}}, {name: request, variable: {value: x}}, {name: images.x, variable: {value: x}}, {name: requests, variable: {value: x}}"), []string{
			"KC423 " + at + ".name: the context entry has no name: expected what variables call its value",
			`KC423 spec.rules[0].context[1].name: "request" is a name of Kyverno's own, which no context entry takes (give the entry another name)`,
			`KC423 spec.rules[0].context[2].name: "images.x" is a name of Kyverno's own, which no context entry takes (give the entry another name)`,
		}},
		{"sources", withContext("{name: a}, {name: b, variable: {value: x}, configMap: {name: x, namespace: x}}"), []string{
			"KC423 " + at + ": the context entry has no value: expected one of variable, configMap, apiCall, imageRegistry, globalReference",
			"KC423 spec.rules[0].context[1].configMap: has variable and configMap: expected one of variable, configMap, apiCall, imageRegistry, globalReference (make a context entry of each)",
		}},
		{"variable", withContext("{name: a, variable: {}}, {name: b, variable: {value: x, default: y}}, {name: c, variable: {jmesPath: 'a ['}}, {name: d, variable: {jmesPath: reqest.x}}, {name: e, variable: {value: {x: y}, jmesPath: 'lenght(x)'}}"), []string{
			"KC423 " + at + ".variable: the variable has no value: expected value, or jmesPath, or both",
			"KC423 spec.rules[0].context[1].variable.default: the variable has a default and no jmesPath that could fail to give a value (write it as the value)",
			`KC420 spec.rules[0].context[2].variable.jmesPath: "a [": expected a whole number, ":" or "*" in the brackets, and the expression ends (close "[" with "]")`,
			`KC421 spec.rules[0].context[3].variable.jmesPath: "reqest.x": there is no "reqest": expected one of a, b, c, request, serviceAccountName, serviceAccountNamespace, images (did you mean "request"?)`,
			`KC420 spec.rules[0].context[4].variable.jmesPath: "lenght(x)": calls "lenght", which is no function of JMESPath or Kyverno (did you mean "length"?)`,
		}},
		{"order", withContext("{name: a, variable: {value: '{{ b }}'}}, {name: b, variable: {jmesPath: c.x}}, {name: c, variable: {value: '{{ c }}'}}"), []string{
			`KC424 spec.rules[0].context[0].variable.value: {{ b }} uses the context entry "b", which stands after it: entries see only those before them (move "b" before it)`,
			`KC424 spec.rules[0].context[1].variable.jmesPath: "c.x" uses the context entry "c", which stands after it: entries see only those before them (move "c" before it)`,
			`KC424 spec.rules[0].context[2].variable.value: {{ c }} uses the context entry "c" within that entry: entries see only those before them`,
		}},
		{"configMap", withContext("{name: a, configMap: {namespace: x}}, {name: b, configMap: {name: x}}, {name: c, variable: {value: '{{ a }}{{ a.data }}{{ a.dat.x }}{{ b.data.x }}'}}"), []string{
			"KC423 " + at + ".configMap.name: configMap has no name: expected that of the ConfigMap",
			`KC423 spec.rules[0].context[1].configMap.namespace: configMap has no namespace, which Kyverno asks for in the context of a rule (such as namespace: "default")`,
			"KC422 spec.rules[0].context[2].variable.value: {{ a }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (it takes a.data, a.metadata and what is in them)",
			`KC421 spec.rules[0].context[2].variable.value: {{ a.dat.x }}: a ConfigMap's context entry has data and metadata, not "dat" (did you mean a.data.dat?)`,
		}},
		{"configMap of a foreach", podRule("validate: {message: m, foreach: [{list: request.object.spec.containers, context: [{name: a, configMap: {name: x}}], deny: {conditions: {any: [{key: '{{ a.data.x }}', operator: Equals, value: x}]}}}]}"), nil},
		{"apiCall", withContext("{name: a, apiCall: {}}, {name: b, apiCall: {urlPath: /x, service: {url: 'https://x'}}}, {name: c, apiCall: {urlPath: api/v1/pods}}, {name: d, apiCall: {urlPath: /api/v1/pods, jmesPath: 'items[].'}}"), []string{
			`KC423 ` + at + `.apiCall: apiCall asks nothing: expected urlPath, a path of the Kubernetes API, or service (such as urlPath: "/api/v1/namespaces")`,
			"KC423 spec.rules[0].context[1].apiCall.service: apiCall has urlPath, which asks the Kubernetes API, and service, which asks another: expected one of them",
			`KC423 spec.rules[0].context[2].apiCall.urlPath: "api/v1/pods" is no path of the Kubernetes API, which begins with a slash (did you mean "/api/v1/pods"?)`,
			`KC420 spec.rules[0].context[3].apiCall.jmesPath: "items[].": expected a name, "[" or "{" after ".", and the expression ends`,
		}},
		{"imageRegistry", withContext("{name: a, imageRegistry: {}}, {name: b, imageRegistry: {reference: 'A B', jmesPath: ']'}}, {name: c, imageRegistry: {reference: 'ghcr.io/Acme/app'}}, {name: d, imageRegistry: {reference: 'localhost:5000/a/b:c@sha256:0123456789012345678901234567890123456789012345678901234567890123'}}"), []string{
			`KC423 ` + at + `.imageRegistry.reference: imageRegistry has no reference: expected the image that is looked up (such as reference: "{{ element.image }}")`,
			`KC423 spec.rules[0].context[1].imageRegistry.reference: "A B" is no reference of an image: expected such as ghcr.io/acme/app:1.2`,
			`KC420 spec.rules[0].context[1].imageRegistry.jmesPath: "]": "]" cannot stand here, at "]"`,
			`KC423 spec.rules[0].context[2].imageRegistry.reference: "ghcr.io/Acme/app" is no reference of an image: expected such as ghcr.io/acme/app:1.2`,
		}},
		{"globalReference", withContext("{name: a, globalReference: {jmesPath: '['}}"), []string{
			"KC423 " + at + ".globalReference.name: globalReference has no name: expected that of a GlobalContextEntry",
			`KC420 ` + at + `.globalReference.jmesPath: "[": the expression ends where a value is expected (close "[" with "]")`,
		}},
		{"with cel", podRule("context: [{name: a, variable: {value: x}}]\nvalidate: {message: m, cel: {expressions: [{expression: 'true'}]}}"), []string{
			"KC423 spec.rules[0].context: validate.cel sees no context entries: Kyverno refuses them in this rule (use a ValidatingPolicy with variables, or a pattern or deny in place of cel)",
		}},
		{"in a namespaced policy", inNamespace(withContext(`
{name: a, globalReference: {name: x}},
{name: b, configMap: {name: x, namespace: other}},
{name: c, configMap: {name: x, namespace: team}},
{name: d, apiCall: {urlPath: /api/v1/namespaces}},
{name: e, apiCall: {urlPath: /api/v1/namespaces/other/pods}},
{name: f, apiCall: {urlPath: /api/v1/namespaces/team/pods}},
{name: g, apiCall: {urlPath: "/api/v1/namespaces/{{ request.namespace }}/pods"}},
{name: h, apiCall: {service: {url: "https://x"}}},
{name: i, apiCall: {urlPath: /api/v1/namespaces/team/%2e%2e/other/pods}}`)), []string{
			"KC423 " + at + ".globalReference: a namespaced policy sees no global context: Kyverno refuses globalReference in it (make it a cluster policy, or use apiCall)",
			`KC423 spec.rules[0].context[1].configMap.namespace: a namespaced policy sees ConfigMaps of its own namespace "team" alone, not of "other" (make it a cluster policy, or copy the ConfigMap)`,
			`KC423 spec.rules[0].context[3].apiCall.urlPath: a namespaced policy asks for resources of its own namespace alone, and "/api/v1/namespaces" names no namespace (such as /api/v1/namespaces/team/configmaps)`,
			`KC423 spec.rules[0].context[4].apiCall.urlPath: a namespaced policy asks for resources of its own namespace "team" alone, not of "other" (make it a cluster policy)`,
			"KC423 spec.rules[0].context[7].apiCall.service: a namespaced policy calls no service: Kyverno takes paths of the Kubernetes API in its namespace alone (make it a cluster policy)",
			`KC423 spec.rules[0].context[8].apiCall.urlPath: a namespaced policy asks for resources of its own namespace "team" alone, not of "other" (make it a cluster policy)`,
		}},
		{"in a foreach of a namespaced policy", inNamespace(podRule("validate: {message: m, foreach: [{list: request.object.spec.containers, context: [{name: a, globalReference: {name: x}}], deny: {conditions: {any: [{key: '{{ a }}', operator: Equals, value: x}]}}}]}")), nil},
		{"GlobalContextEntry", `
{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: a}, spec: {kubernetesResource: {group: apps, version: v1, resource: deployments}, projections: [{name: x, jmesPath: "items[].metadata.name"}]}}
---
{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: b}, spec: {}}
---
{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: c}, spec: {kubernetesResource: {version: v2}, apiCall: {urlPath: /x, service: {url: "https://x"}, data: [{key: x, value: y}]}, projections: [{}, {name: c, jmesPath: "items["}]}}
`, []string{
			"KC423 spec: has neither kubernetesResource nor apiCall: expected where the data comes from",
			"KC423 spec.apiCall: has kubernetesResource and apiCall: expected one of them (make an entry of each)",
			"KC423 spec.kubernetesResource.group: kubernetesResource has no group, which only the version v1 of Kubernetes' core does without",
			"KC423 spec.kubernetesResource.resource: kubernetesResource has no resource",
			"KC423 spec.apiCall: apiCall has urlPath, which asks the Kubernetes API, or service, which asks another: expected exactly one of them",
			`KC423 spec.apiCall.data: data is sent with method POST alone: Kyverno refuses it with another (set method: "POST")`,
			"KC423 spec.projections[0].name: the projection has no name",
			"KC423 spec.projections[0].jmesPath: the projection has no jmesPath",
			"KC423 spec.projections[1].name: the projection has the name of the entry itself, which Kyverno refuses (give it another name)",
			`KC420 spec.projections[1].jmesPath: "items[": expected a whole number, ":" or "*" in the brackets, and the expression ends (close "[" with "]")`,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, variableFindings(t, tt.object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
