package vet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerate(t *testing.T) {
	const at = "spec.rules[0].generate"
	onNamespace := func(generate string) string {
		return "match: {any: [{resources: {kinds: [Namespace]}}]}\ngenerate: {" + generate + "}"
	}
	onSecret := func(generate string) string {
		return strings.Replace(onNamespace(generate), "Namespace", "Secret", 1)
	}
	const secret = "apiVersion: v1, kind: Secret, name: s, "
	tests := []struct {
		name, kind, rule string
		want             []string
	}{
		{"data", "ClusterPolicy", onNamespace(secret + "namespace: ns, data: {}"), nil},
		{"cluster-wide", "ClusterPolicy", onNamespace("apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: s, data: {}"), nil},
		{"PolicyException", "ClusterPolicy", onNamespace("apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, name: s, data: {}"), nil},
		{"two forms", "ClusterPolicy", onNamespace(secret + "namespace: ns, data: {}, clone: {name: a}"), []string{"KC458! " + at + ".clone: beside data: expected one of data, clone, cloneList and foreach | make a rule of each"}},
		{"an empty clone is none", "ClusterPolicy", onNamespace(secret + "namespace: ns, data: {}, clone: {}"), nil},
		{"nothing", "ClusterPolicy", onNamespace("data: {}"), []string{"KC458! " + at + ".apiVersion: does not say what is generated: expected apiVersion, kind and name"}},
		{"no name", "ClusterPolicy", onNamespace("apiVersion: v1, kind: Secret, namespace: ns, data: {}"), []string{"KC458! " + at + ".name: does not say what is generated: expected name"}},
		{"empty", "ClusterPolicy", onNamespace(""), []string{"KC458! " + at + ".apiVersion: does not say what is generated: expected apiVersion, kind and name"}},
		{"empty beside another", "ClusterPolicy", onNamespace("") + "\n" + denies, nil},
		{"no namespace", "ClusterPolicy", onNamespace(secret + "data: {}"),
			[]string{"KC458! " + at + `.namespace: is missing: Secret is in a namespace | such as namespace: "{{request.object.metadata.name}}", for the Namespace that the rule matches`}},
		{"a namespace too many", "ClusterPolicy", onSecret("apiVersion: v1, kind: Namespace, name: s, namespace: ns, data: {}"),
			[]string{"KC458! " + at + ".namespace: Namespace is in no namespace | leave it out"}},
		{"variable kind", "ClusterPolicy", onNamespace("apiVersion: v1, kind: '{{ k }}', name: s, data: {}"),
			[]string{"KC458! " + at + ".namespace: is missing: Kyverno takes a kind that is a variable for one in a namespace"}},
		{"unknown kind", "ClusterPolicy", onNamespace("apiVersion: example.com/v1, kind: Gizmo, name: s, data: {}"),
			[]string{"KC451? " + at + `.kind: no kind "Gizmo" is known among those of Kubernetes, Kyverno and the well-known projects | if a CustomResourceDefinition makes it, give that with --crds`}},
		{"wrong group", "ClusterPolicy", onNamespace("apiVersion: v1, kind: NetworkPolicy, name: s, namespace: ns, data: {}"),
			[]string{"KC452! " + at + `.apiVersion: the core group has no NetworkPolicy: it is in the group "networking.k8s.io" | did you mean "networking.k8s.io/v1"?`}},
		{"foreach", "ClusterPolicy", onNamespace("foreach: [{list: l, apiVersion: v1, kind: Secret, name: s, data: {}}, {list: l, apiVersion: v1, kind: Secret, name: s, namespace: ns, data: {}, cloneList: {kinds: [v1/Secret]}}]"), []string{
			"KC458! " + at + `.foreach[0].namespace: is missing: Secret is in a namespace | such as namespace: "{{request.object.metadata.name}}", for the Namespace that the rule matches`,
			"KC458! " + at + ".foreach[1].cloneList: beside data: expected one of data, clone and cloneList | make an entry of each",
		}},
		{"cloneList", "ClusterPolicy", onNamespace("namespace: ns, cloneList: {namespace: from, kinds: [v1/Secret, v1/ConfigMap]}"), nil},
		{"cloneList and a kind", "ClusterPolicy", onNamespace("kind: Secret, cloneList: {namespace: from, kinds: [v1/Secret]}"),
			[]string{"KC458! " + at + ".namespace: is missing: Kyverno takes a kind without apiVersion for one in a namespace | leave out the kind: cloneList says what is generated"}},
		{"mixed scope", "ClusterPolicy", onNamespace("namespace: ns, cloneList: {namespace: from, kinds: [v1/Secret, rbac.authorization.k8s.io/v1/ClusterRole, v1/Node]}"),
			[]string{"KC458! " + at + ".cloneList.kinds[1]: rbac.authorization.k8s.io/v1/ClusterRole is in no namespace, unlike the kinds before it: expected kinds of one scope | make a rule of each scope"}},
		{"cloneList without namespace", "ClusterPolicy", onNamespace("namespace: ns, cloneList: {kinds: [v1/Secret]}"),
			[]string{"KC458! " + at + ".cloneList.namespace: is missing: v1/Secret is in a namespace | expected the namespace of the sources"}},
		{"cloneList with a namespace too many", "ClusterPolicy", onNamespace("cloneList: {namespace: from, kinds: [rbac.authorization.k8s.io/v1/ClusterRole]}"),
			[]string{"KC458! " + at + ".cloneList.namespace: rbac.authorization.k8s.io/v1/ClusterRole is in no namespace | leave it out"}},
		{"wildcards in the selector of sources", "ClusterPolicy", onNamespace("namespace: ns, cloneList: {namespace: from, kinds: [v1/Secret], selector: {matchLabels: {a: 'b*'}, matchExpressions: [{key: c, operator: In, values: [d, 'e?']}]}}"), []string{
			"KC468! " + at + ".cloneList.selector.matchLabels.a: has a wildcard, which Kyverno does not know in a selector of what is cloned | write the label out",
			"KC468! " + at + ".cloneList.selector.matchExpressions[0].values[1]: has a wildcard, which Kyverno does not know in a selector of what is cloned | write the label out",
		}},
		{"anchors", "ClusterPolicy", onNamespace(secret + "namespace: ns, data: {'+(type)': Opaque, metadata: {labels: {'(a)': b}}, list: [{'^(c)': 1}]}"), []string{
			"KC460! " + at + `.data."+(type)": "+(type)" is an anchor, and what is generated is an object and no pattern | write "type"`,
			"KC460! " + at + `.data.metadata.labels."(a)": "(a)" is an anchor, and what is generated is an object and no pattern | write "a"`,
			"KC460! " + at + `.data.list[0]."^(c)": "^(c)" is an anchor, and what is generated is an object and no pattern | write "c"`,
		}},
		{"what it matches", "ClusterPolicy", "match: {resources: {kinds: [Secret]}}\ngenerate: {" + secret + "namespace: ns, data: {}}",
			[]string{"KC458! " + at + ".kind: the rule matches Secret too, and Kyverno takes no rule that generates what it matches | match what the generated object belongs to, such as its Namespace"}},
		{"all of what it matches", "ClusterPolicy", onSecret(secret + "namespace: ns, data: {}"),
			[]string{"KC459? " + at + ".kind: the rule matches every Secret, and so also those that it generates | match by name, namespace or label, or match what the generated object belongs to"}},
		{"some of what it matches", "ClusterPolicy", "match: {any: [{resources: {kinds: [Secret], names: [a]}}]}\ngenerate: {" + secret + "namespace: ns, data: {}}", nil},

		{"own namespace", "Policy", onSecret("apiVersion: v1, kind: ConfigMap, name: s, namespace: team, clone: {name: a, namespace: team}"), nil},
		{"elsewhere", "Policy", onSecret("apiVersion: v1, kind: ConfigMap, name: s, namespace: other, clone: {name: a}"), []string{
			"KC408! " + at + `.namespace: a namespaced policy generates in its own namespace only: expected the policy's own namespace "team"`,
			"KC408! " + at + `.clone.namespace: a namespaced policy clones from its own namespace only: expected the policy's own namespace "team"`,
		}},
		{"cluster-wide from a namespace", "Policy", onSecret("apiVersion: v1, kind: Namespace, name: s, data: {}"),
			[]string{"KC408! " + at + ".kind: Namespace is in no namespace, and a namespaced policy generates in its own only | make it a cluster policy"}},
		{"cloneList from a namespace", "Policy", onSecret("namespace: team, cloneList: {namespace: other, kinds: [v1/ConfigMap, v1/Node]}"), []string{
			"KC408! " + at + ".cloneList.kinds[1]: v1/Node is in no namespace, and a namespaced policy clones from its own only | make it a cluster policy",
			"KC408! " + at + `.cloneList.namespace: a namespaced policy clones from its own namespace only: expected "team"`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, kindFindings(t, rulePolicy(tt.kind, tt.rule))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
