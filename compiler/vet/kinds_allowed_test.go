package vet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKindsNotAllowed(t *testing.T) {
	every := func(rule string) string {
		return strings.Replace(rulePolicy("ClusterPolicy", "match: {any: [{resources: {kinds: ['*']}}]}\n"+rule), "spec:\n", "spec:\n  background: false\n", 1)
	}
	const at = "spec.rules[0].match.any[0].resources.kinds[0]: "
	const named = ` | name the kinds instead of "*"`
	const metadata = `a rule for every kind ("*") can look at metadata only: Kyverno refuses it` + named
	tests := []struct {
		name, policy string
		want         []string
	}{
		{"metadata", every("validate: {pattern: {metadata: {}}}"), nil},
		{"background", rulePolicy("ClusterPolicy", "match: {any: [{resources: {kinds: ['*']}}]}\nvalidate: {pattern: {metadata: {}}}"),
			[]string{"KC455! " + at + `"*" is every kind, which Kyverno takes in no policy with background scans | set background: false, or name the kinds`}},
		{"beside another", strings.Replace(every("validate: {pattern: {metadata: {}}}"), "'*'", "'*', Pod", 1),
			[]string{"KC455! " + at + `"*" is every kind: Kyverno takes no other beside it | leave out the others, or name the kinds`}},
		{"generate", every("generate: {apiVersion: v1, kind: Secret, name: s, namespace: ns}"), []string{
			"KC455! " + at + `"*" is every kind, which Kyverno takes in no rule with generate` + named,
			"KC459? spec.rules[0].generate.kind: the rule matches every Secret, and so also those that it generates | match by name, namespace or label, or match what the generated object belongs to",
		}},
		{"foreach", every("validate: {foreach: [{}]}"), []string{"KC455! " + at + `"*" is every kind, which Kyverno takes in no rule with foreach` + named}},
		{"pattern", every("validate: {pattern: {metadata: {}, spec: {}}}"), []string{"KC455! spec.rules[0].validate.pattern.spec: " + metadata}},
		{"anyPattern", every("validate: {anyPattern: [{metadata: {}}, {data: {}}]}"), []string{"KC455! spec.rules[0].validate.anyPattern[1].data: " + metadata}},
		{"patch", every("mutate: {patchStrategicMerge: {spec: {}}}"), []string{"KC455! spec.rules[0].mutate.patchStrategicMerge.spec: " + metadata}},
		{"JSON patch", every(`mutate: {patchesJson6902: '[{"op": "remove", "path": "/spec"}]'}`), []string{"KC455! spec.rules[0].mutate.patchesJson6902: " + metadata}},
		{"JSON patch of metadata", every(`mutate: {patchesJson6902: '[{"op": "remove", "path": "/metadata/labels"}]'}`), nil},
		{"conditions", every(`validate: {deny: {conditions: [{key: "{{request.object.metadata.name}}"}, {key: "{{request.object.spec}}"}]}}`),
			[]string{"KC455! spec.rules[0].validate.deny.conditions[1].key: " + metadata}},

		{"subresource", rulePolicy("ClusterPolicy", "match: {any: [{resources: {kinds: [Pod/exec]}}]}\n"+denies),
			[]string{"KC455! " + at + `"Pod/exec" selects subresources, which a background scan does not see: Kyverno refuses the policy | set background: false`}},
		{"subresources of all", rulePolicy("ClusterPolicy", "match: {any: [{resources: {kinds: ['*/*']}}]}\n"+denies),
			[]string{"KC455! " + at + `"*/*" selects subresources, which a background scan does not see: Kyverno refuses the policy | set background: false`}},
		{"subresource without background", strings.Replace(every(denies), "'*'", "Pod/exec", 1), nil},
		{"subresource that is mutated", rulePolicy("ClusterPolicy", "match: {any: [{resources: {kinds: [Pod/status]}}]}\nmutate: {patchStrategicMerge: {metadata: {}}}"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, kindFindings(t, tt.policy)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMissedSubresources(t *testing.T) {
	const hint = ", which the rule does not match | match "
	const form = " too, whose object is of its own form, with background: false"
	tests := []struct {
		name, kinds, rule string
		want              []string
	}{
		{"replicas", "Deployment", "validate: {pattern: {spec: {=(replicas): '>1'}}}",
			[]string{`KC457? spec.rules[0].validate.pattern.spec."=(replicas)": replicas of a Deployment also changes by way of its subresource scale` + hint + `"Deployment/scale"` + form}},
		{"replicas in a variable", "Deployment", "validate: {deny: {conditions: {any: [{key: '{{ request.object.spec.replicas }}', operator: Equals, value: 1}]}}}",
			[]string{`KC457? spec.rules[0].validate.deny.conditions.any[0].key: replicas of a Deployment also changes by way of its subresource scale` + hint + `"Deployment/scale"` + form}},
		{"status", "Deployment", "mutate: {patchStrategicMerge: {status: {}}}",
			[]string{`KC457? spec.rules[0].mutate.patchStrategicMerge.status: status of a Deployment also changes by way of its subresource status` + hint + `"Deployment/status"` + form}},
		{"matched too", "Deployment, Deployment/scale", "mutate: {patchStrategicMerge: {spec: {replicas: 1}}}", nil},
		{"status of a subresource's own", "Deployment/scale", "mutate: {patchStrategicMerge: {status: {}}}", nil},
		{"no such subresource", "DaemonSet", "validate: {pattern: {spec: {replicas: 1}}}", nil},
		{"another field of the name", "Deployment", "validate: {message: replicas, pattern: {metadata: {labels: {replicasets: a, kind: replicas}}}}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule := "match: {any: [{resources: {kinds: [" + tt.kinds + "]}}]}\n" + tt.rule
			if diff := cmp.Diff(tt.want, kindFindings(t, rulePolicy("ClusterPolicy", rule))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestEmptySet(t *testing.T) {
	const covered = "excludes all that the rule matches: expected a filter that leaves some of it | narrow the filter, or leave it out"
	tests := []struct{ name, match, exclude, want string }{
		{"the same filter", "any: [{resources: {kinds: [Job]}}, {resources: {kinds: [Pod], names: [a]}}]", "any: [{resources: {names: [a], kinds: [Pod]}}]",
			"any[0]: excludes all that spec.rules[0].match.any[1] matches: expected a filter that leaves some of it | narrow the filter, or leave it out"},
		{"another filter", "any: [{resources: {kinds: [Pod]}}]", "any: [{resources: {kinds: [Pod], names: [a]}}]", ""},
		{"nulls and empty names", "any: [{resources: {kinds: [Pod], name: ''}, roles: null}]", "any: [{resources: {kinds: [Pod]}}]",
			"any[0]: excludes all that spec.rules[0].match.any[0] matches: expected a filter that leaves some of it | narrow the filter, or leave it out"},
		{"all", "all: [{resources: {kinds: [Pod]}}]", "all: [{resources: {kinds: [Pod]}}]", ""},
		{"empty", "resources: {kinds: [Pod]}", "", ""},
		{"flat, the same", "resources: {kinds: [Pod]}", "resources: {kinds: [Pod, Job]}", covered},
		{"flat, fewer kinds", "resources: {kinds: [Pod, Job]}", "resources: {kinds: [Pod]}", ""},
		{"flat, namespaces", "resources: {kinds: [Pod]}", "resources: {kinds: [Pod], namespaces: [a]}", ""},
		{"flat, name", "resources: {kinds: [Pod], name: abc}", "resources: {name: 'a*'}", covered},
		{"flat, other name", "resources: {kinds: [Pod], name: abc}", "resources: {name: 'b*'}", ""},
		{"flat, names", "resources: {kinds: [Pod], names: [x, abc]}", "resources: {names: ['a*']}", covered},
		{"flat, other names", "resources: {kinds: [Pod]}", "resources: {names: ['a*']}", ""},
		{"flat, roles", "resources: {kinds: [Pod]}", "clusterRoles: [cluster-admin]", ""},
		{"flat, the same roles", "resources: {kinds: [Pod]}\nclusterRoles: [cluster-admin]", "clusterRoles: [cluster-admin]", covered},
		{"flat, subjects", "resources: {kinds: [Pod]}\nsubjects: [{kind: User, name: a}]", "subjects: [{name: a, kind: User}]", covered},
		{"flat, labels", "resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}", "resources: {kinds: [Pod], selector: {matchLabels: {a: b, c: d}}}", covered},
		{"flat, other labels", "resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}", "resources: {kinds: [Pod], selector: {matchLabels: {a: c}}}", ""},
		{"flat, labels of one", "resources: {kinds: [Pod]}", "resources: {kinds: [Pod], selector: {matchLabels: {a: c}}}", ""},
		{"flat, expressions", "resources: {kinds: [Pod], namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}", "resources: {kinds: [Pod], namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}", covered},
		{"flat, annotations", "resources: {kinds: [Pod], annotations: {a: b}}", "resources: {annotations: {a: c}}", ""},
		{"any beside flat", "resources: {kinds: [Pod]}", "any: [{resources: {kinds: [Job]}}]", "any, beside a match without it, reads to Kyverno as if it excluded everything | write the match's filter under any too"},
		{"flat beside any", "any: [{resources: {kinds: [Pod]}}]", "resources: {operations: [CREATE]}", "a filter outside of any, beside match.any, reads to Kyverno as if it excluded everything | write the filter under any"},
		{"flat kinds beside any", "any: [{resources: {kinds: [Pod]}}]", "resources: {kinds: [Pod]}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			indent := func(s string) string { return "\n  " + strings.ReplaceAll(s, "\n", "\n  ") + "\n" }
			got := kindFindings(t, rulePolicy("ClusterPolicy", "match:"+indent(tt.match)+"exclude:"+indent(tt.exclude)+denies))
			var want []string
			if tt.want != "" {
				separator := ": "
				if strings.HasPrefix(tt.want, "any[") {
					separator = "."
				}
				want = []string{"KC456! spec.rules[0].exclude" + separator + tt.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
