package vet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
)

// practicesOf gives the findings of KC5xx in the objects of a YAML text, each
// as its code and place.
func practicesOf(t testing.TB, text string) []string {
	t.Helper()
	objects, err := spec.ParseYAML("policy.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var out []string
	for _, o := range objects {
		for _, f := range vet.Object(o, vet.Options{BestPractices: true}) {
			if strings.HasPrefix(string(f.Code), "KC5") {
				out = append(out, string(f.Code)+" "+f.Place())
			}
			if f.Node == nil || f.Message == "" {
				t.Errorf("%s at %s has no node or no message", f.Code, f.Place())
			}
		}
	}
	return out
}

// clusterPolicy gives a documented ClusterPolicy of a spec.
func clusterPolicy(body string) string {
	return `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: p
  annotations: {policies.kyverno.io/description: What every Pod holds to.}
spec:
` + indented(body, 2)
}

func indented(text string, by int) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	return strings.Repeat(" ", by) + strings.Join(lines, "\n"+strings.Repeat(" ", by)) + "\n"
}

// rule gives the spec of one rule on Pods, or on what match says.
func rule(match, body string) string {
	if match == "" {
		match = "any: [{resources: {kinds: [Pod]}}]"
	}
	return "rules:\n- name: r\n  match: {" + match + "}\n" + indented(body, 2)
}

// validating gives a policy of one rule that validates Pods.
func validating(body string) string {
	return clusterPolicy(rule("", "validate:\n  message: The label owner is required under metadata.labels.\n"+indented(body, 2)))
}

const owner = "validate: {message: The label owner is required., failureAction: Enforce, pattern: {metadata: {labels: {owner: '?*'}}}}"

// image gives a policy that asks images of every sort for a pattern.
func image(pattern string) string {
	return validating("foreach: [{list: 'request.object.spec.[initContainers, ephemeralContainers, containers][]', pattern: {image: '" + pattern + "'}}]")
}

func denying(key, operator, value string) string {
	return validating("foreach: [{list: 'request.object.spec.[initContainers, containers][]', deny: {conditions: {all: [{key: '" + key + "', operator: " + operator + ", value: " + value + "}]}}}]")
}

const wide = "KC501 spec.rules[0].match"

// Each warning beside what is near and sound.
var practices = []struct {
	name   string
	object string
	want   []string
}{
	{"enforced everywhere", clusterPolicy(rule("", owner)), []string{wide}},
	{"enforced everywhere by the policy", clusterPolicy("validationFailureAction: enforce\n" + strings.Replace(rule("", owner), "failureAction: Enforce, ", "", 1)), []string{wide}},
	{"enforced on controllers", clusterPolicy(rule("any: [{resources: {kinds: [apps/v1/DaemonSet]}}]", owner)), []string{wide}},
	{"enforced, another namespace excluded", clusterPolicy(rule("", "exclude: {any: [{resources: {namespaces: [sandbox]}}]}\n"+owner)), []string{wide}},
	{"once a policy", clusterPolicy(rule("", owner) + strings.Replace(strings.TrimPrefix(rule("", owner), "rules:\n"), "name: r", "name: s", 1)), []string{wide}},
	{"audited", clusterPolicy(rule("", strings.Replace(owner, "Enforce", "Audit", 1))), nil},
	{"enforced without admission", clusterPolicy("admission: false\n" + rule("", owner)), nil},
	{"enforced, the system excluded", clusterPolicy(rule("", "exclude: {any: [{resources: {namespaces: [kube-*]}}]}\n"+owner)), nil},
	{"enforced, namespaces excluded by label", clusterPolicy(rule("", "exclude: {any: [{resources: {namespaceSelector: {matchLabels: {system: 'true'}}}}]}\n"+owner)), nil},
	{"enforced in some namespaces", clusterPolicy(rule("any: [{resources: {kinds: [Pod], namespaces: [shop]}}]", owner)), nil},
	{"enforced by label of namespace", clusterPolicy(rule("any: [{resources: {kinds: [Pod], namespaceSelector: {matchLabels: {a: b}}}}]", owner)), nil},
	{"all, one of which narrows", clusterPolicy(rule("all: [{resources: {kinds: [Pod]}}, {resources: {namespaces: [shop]}}]", owner)), nil},
	{"enforced, audited in the system", clusterPolicy(rule("", strings.Replace(owner, "pattern", "failureActionOverrides: [{action: Audit, namespaces: [kube-system]}], pattern", 1))), nil},
	{"enforced, audited elsewhere", clusterPolicy(rule("", strings.Replace(owner, "pattern", "failureActionOverrides: [{action: Audit, namespaces: [sandbox]}], pattern", 1))), []string{wide}},
	{"enforced in the system too", clusterPolicy(rule("", strings.Replace(owner, "pattern", "failureActionOverrides: [{action: Enforce, namespaces: [kube-system]}], pattern", 1))), []string{wide}},
	{"any, one of which narrows", clusterPolicy(rule("any: [{resources: {kinds: [Pod], namespaces: [shop]}}, {resources: {kinds: [Deployment]}}]", owner)), []string{wide}},
	{"enforced in the policy's namespace", strings.NewReplacer("ClusterPolicy", "Policy", "name: p", "name: p\n  namespace: shop").Replace(clusterPolicy(rule("", owner))), nil},
	{"enforced where the webhook chooses", clusterPolicy("webhookConfiguration: {matchConditions: [{name: a, expression: 'request.namespace != \"kube-system\"'}]}\n" + rule("", owner)), nil},
	{"enforced where a precondition chooses", clusterPolicy(rule("", "preconditions: {all: [{key: '{{ request.namespace }}', operator: NotEquals, value: kube-system}]}\n"+owner)), nil},
	{"enforced on deletion", clusterPolicy(rule("any: [{resources: {kinds: [Pod], operations: [DELETE]}}]", owner)), nil},
	{"enforced on Services", clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), nil},
	{"enforced on one registry's images", clusterPolicy(rule("", "verifyImages: [{imageReferences: ['ghcr.io/acme/*'], failureAction: Enforce}]")), nil},
	{"enforced on every image", clusterPolicy(rule("", "verifyImages: [{imageReferences: ['*'], failureAction: Enforce}]")), []string{wide}},

	{"mutates in the background", clusterPolicy("background: true\n" + rule("", "mutate: {patchStrategicMerge: {metadata: {labels: {+(a): b}}}}")), []string{"KC502 spec.background"}},
	{"mutates, nothing said", clusterPolicy(rule("", "mutate: {patchStrategicMerge: {metadata: {labels: {+(a): b}}}}")), nil},
	{"mutates and validates in the background", clusterPolicy("background: true\n" + rule("", "mutate: {}") + strings.Replace(strings.TrimPrefix(rule("", strings.Replace(owner, "Enforce", "Audit", 1)), "rules:\n"), "name: r", "name: s", 1)), nil},
	{"deletions in the background", clusterPolicy("background: true\n" + rule("any: [{resources: {kinds: [Service], operations: [DELETE]}}]", owner)), []string{"KC502 spec.background"}},
	{"creations in the background", clusterPolicy("background: true\n" + rule("any: [{resources: {kinds: [Service], operations: [DELETE, CREATE]}}]", owner)), nil},

	{"deletions, of all", clusterPolicy("background: true\n" + rule("all: [{resources: {kinds: [Service]}}, {resources: {operations: [DELETE]}}]", owner)), []string{"KC502 spec.background"}},
	{"deletions, of any", clusterPolicy("background: true\n" + rule("any: [{resources: {kinds: [Service]}}, {resources: {kinds: [Service], operations: [DELETE]}}]", owner)), nil},

	{"every kind", clusterPolicy(rule("any: [{resources: {kinds: [Service, '*']}}]", strings.Replace(owner, "Enforce", "Audit", 1))), []string{"KC504 spec.rules[0].match.any[0].resources.kinds[1]"}},
	{"every kind and subresource", clusterPolicy(rule("any: [{resources: {kinds: ['*/*']}}]", strings.Replace(owner, "Enforce", "Audit", 1))), []string{"KC504 spec.rules[0].match.any[0].resources.kinds[0]"}},
	{"every kind that is protected", clusterPolicy(rule("any: [{resources: {kinds: ['*'], selector: {matchLabels: {a: b}}}}]", owner)), nil},
	{"every kind on deletion", clusterPolicy(rule("any: [{resources: {kinds: ['*'], operations: [DELETE]}}]", owner)), nil},
	{"every scale", clusterPolicy(rule("any: [{resources: {kinds: ['*/scale']}}]", owner)), nil},
	{"every kind excluded", clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", "exclude: {any: [{resources: {kinds: ['*'], names: [a]}}]}\n"+owner)), nil},

	{"Pods by label", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), []string{"KC505 spec.rules[0].match"}},
	{"Pods excluded by label", clusterPolicy(rule("", "exclude: {any: [{resources: {selector: {matchLabels: {a: b}}}}]}\nvalidate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), []string{"KC505 spec.rules[0].match"}},
	{"labels of Pods by label", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", strings.Replace(owner, "Enforce", "Audit", 1))), nil},
	{"Pods by namespace", clusterPolicy(rule("any: [{resources: {kinds: [Pod], namespaces: [a]}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), nil},
	{"Pods by label beside Deployments", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}, {resources: {kinds: [Deployment]}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), nil},
	{"Pods by label, autogen off", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), "Pod holds to.", "Pod holds to., pod-policies.kyverno.io/autogen-controllers: none", 1), nil},

	{"Pods by label, by standard", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", "validate: {podSecurity: {level: baseline}}")), []string{"KC505 spec.rules[0].match"}},
	{"Pods by label, by signature", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", "verifyImages: [{imageReferences: ['*']}]")), []string{"KC505 spec.rules[0].match"}},
	{"Pods by label, to be deleted", clusterPolicy(rule("any: [{resources: {kinds: [Pod], operations: [DELETE], selector: {matchLabels: {a: b}}}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), nil},
	{"commands in Pods by name", clusterPolicy(rule("any: [{resources: {kinds: [Pod/exec], names: [a]}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}")), nil},
	{"Pods by label beside other Pods", clusterPolicy(rule("any: [{resources: {kinds: [Pod], selector: {matchLabels: {a: b}}}}]", "validate: {message: hostNetwork is not allowed., pattern: {spec: {=(hostNetwork): false}}}") + strings.Replace(strings.TrimPrefix(rule("", strings.Replace(owner, "Enforce", "Audit", 1)), "rules:\n"), "name: r", "name: s", 1)), nil},

	{"containers of Deployments", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: Images come from gcr.io., pattern: {spec: {template: {spec: {=(initContainers): [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]}}}}}")), []string{"KC506 spec.rules[0].match"}},
	{"containers of Deployments by foreach", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: Images come from gcr.io., foreach: [{list: 'request.object.spec.template.spec.[initContainers, containers][]', pattern: {image: 'gcr.io/*'}}]}")), []string{"KC506 spec.rules[0].match"}},
	{"replicas of Deployments", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: Two replicas are required., pattern: {spec: {replicas: '>1'}}}")), nil},
	{"probes of Deployments", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: A readinessProbe is required., pattern: {spec: {template: {spec: {containers: [{readinessProbe: {}}]}}}}}")), nil},
	{"probes of Deployments by foreach", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: A readinessProbe is required., foreach: [{list: request.object.spec.template.spec.containers, pattern: {readinessProbe: {}}}]}")), nil},
	{"containers of what someone makes", clusterPolicy("background: false\n" + rule("any: [{subjects: [{kind: User, name: a}]}]", "validate: {message: Images come from gcr.io., pattern: {spec: {template: {spec: {=(initContainers): [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]}}}}}")), nil},
	{"containers of Rollouts", clusterPolicy(rule("any: [{resources: {kinds: [Rollout]}}]", "validate: {message: Images come from gcr.io., pattern: {spec: {template: {spec: {=(initContainers): [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]}}}}}")), nil},
	{"containers of Deployments, and of Pods by another rule", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}]", "validate: {message: Images come from gcr.io., pattern: {spec: {template: {spec: {=(initContainers): [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]}}}}}") + strings.Replace(strings.TrimPrefix(rule("", "validate: {message: Images come from gcr.io., pattern: {spec: {containers: [{image: 'gcr.io/*'}]}}}"), "rules:\n"), "name: r", "name: s", 1)), nil},
	{"containers of Deployments and Pods", clusterPolicy(rule("any: [{resources: {kinds: [Deployment]}}, {resources: {kinds: [Pod]}}]", "validate: {message: Images come from gcr.io., anyPattern: [{spec: {template: {spec: {=(initContainers): [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]}}}}, {spec: {containers: [{image: 'gcr.io/*'}]}}]}")), nil},

	{"a webhook that fails open", clusterPolicy("failurePolicy: Ignore\n" + rule("any: [{resources: {kinds: [Service]}}]", owner)), []string{"KC512 spec.failurePolicy"}},
	{"a webhook that fails open, in its new place", clusterPolicy("webhookConfiguration: {failurePolicy: Ignore}\n" + rule("any: [{resources: {kinds: [Service]}}]", owner)), []string{"KC512 spec.webhookConfiguration.failurePolicy"}},
	{"an audit that fails open", clusterPolicy("failurePolicy: Ignore\n" + rule("any: [{resources: {kinds: [Service]}}]", strings.Replace(owner, "Enforce", "Audit", 1))), nil},
	{"a long timeout", clusterPolicy("webhookTimeoutSeconds: 30\n" + rule("any: [{resources: {kinds: [Service]}}]", owner)), []string{"KC513 spec.webhookTimeoutSeconds"}},
	{"a timeout of moderate length", clusterPolicy("webhookConfiguration: {timeoutSeconds: 15}\n" + rule("any: [{resources: {kinds: [Service]}}]", owner)), nil},
	{"a long timeout for a registry", clusterPolicy("webhookTimeoutSeconds: 30\n" + rule("", "verifyImages: [{imageReferences: ['ghcr.io/acme/*']}]")), nil},
	{"a long timeout for another API", clusterPolicy("webhookTimeoutSeconds: 30\n" + rule("any: [{resources: {kinds: [Service]}}]", "context: [{name: a, apiCall: {urlPath: /api}}]\n"+owner)), nil},
	{"critical and audited", strings.Replace(clusterPolicy("validationFailureAction: Audit\n"+rule("any: [{resources: {kinds: [Service]}}]", strings.Replace(owner, "failureAction: Enforce, ", "", 1))), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), []string{"KC514 spec.validationFailureAction"}},
	{"critical, the action unsaid", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", strings.Replace(owner, "failureAction: Enforce, ", "", 1))), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), []string{`KC514 metadata.annotations."policies.kyverno.io/severity"`}},
	{"high and audited", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", strings.Replace(owner, "Enforce", "Audit", 1))), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: high", 1), nil},
	{"critical and enforced", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), nil},
	{"critical and enforced here and there", strings.Replace(clusterPolicy("validationFailureActionOverrides: [{action: Enforce, namespaces: [a]}]\n"+rule("any: [{resources: {kinds: [Service]}}]", strings.Replace(owner, "Enforce", "Audit", 1))), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), nil},

	{"no description", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), "description: What every Pod holds to.", "title: Owner", 1), []string{`KC519 metadata.annotations."policies.kyverno.io/description"`}},
	{"an old version", strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), "v1", "v2beta1", 1), []string{"KC511 apiVersion"}},

	{"generates, synchronize unsaid", clusterPolicy(rule("any: [{resources: {kinds: [Namespace]}}]", "generate: {kind: ConfigMap, apiVersion: v1, name: a, namespace: b, data: {}}")), []string{"KC517 spec.rules[0].generate.synchronize"}},
	{"generates once", clusterPolicy(rule("any: [{resources: {kinds: [Namespace]}}]", "generate: {kind: ConfigMap, apiVersion: v1, name: a, namespace: b, synchronize: false, data: {}}")), nil},
	{"clones from default", clusterPolicy(rule("any: [{resources: {kinds: [Namespace]}}]", "generate: {kind: Secret, apiVersion: v1, name: a, namespace: b, synchronize: true, clone: {namespace: default, name: a}}")), []string{"KC518 spec.rules[0].generate.clone.namespace"}},
	{"clones a list from default", clusterPolicy(rule("any: [{resources: {kinds: [Namespace]}}]", "generate: {namespace: b, synchronize: true, cloneList: {namespace: default, kinds: [v1/Secret]}}")), []string{"KC518 spec.rules[0].generate.cloneList.namespace"}},
	{"clones from its own namespace", strings.NewReplacer("ClusterPolicy", "Policy", "name: p", "name: p\n  namespace: default").Replace(clusterPolicy(rule("any: [{resources: {kinds: [ConfigMap]}}]", "generate: {kind: Secret, apiVersion: v1, name: a, namespace: default, synchronize: true, clone: {namespace: default, name: a}}"))), nil},
	{"clones from the platform's", clusterPolicy(rule("any: [{resources: {kinds: [Namespace]}}]", "generate: {kind: Secret, apiVersion: v1, name: a, namespace: b, synchronize: true, clone: {namespace: platform, name: a}}")), nil},
}

func TestPractices(t *testing.T) {
	for _, p := range practices {
		t.Run(p.name, func(t *testing.T) {
			if d := cmp.Diff(p.want, practicesOf(t, p.object)); d != "" {
				t.Errorf("(-want +got):\n%s\n%s", d, p.object)
			}
		})
	}
}

// TestPracticesAreAsked holds vet to silence about best practices where they
// are not asked for.
func TestPracticesAreAsked(t *testing.T) {
	for _, p := range practices {
		objects, err := spec.ParseYAML("policy.yaml", []byte(p.object))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range vet.Object(objects[0], vet.Options{}) {
			if strings.HasPrefix(string(f.Code), "KC5") {
				t.Errorf("%s: %s, though not asked for", p.name, f.Code)
			}
		}
	}
}
