package vet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

// variableFindings gives what is found about variables in an object, a line
// each: the code, the place, the message and the hint.
func variableFindings(t *testing.T, object string) []string {
	t.Helper()
	docs, err := spec.ParseYAML("policy.yaml", []byte(object))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, doc := range docs {
		for _, f := range vet.Object(doc, vet.Options{}) {
			if f.Code != diag.BackgroundUser && (f.Code < diag.JMESPath || f.Code > diag.UnclosedVariable) {
				continue
			}
			if (f.Severity == diag.Warning) != (f.Code == diag.UnclosedVariable) {
				t.Errorf("%s has the wrong severity", f.Code)
			}
			line := string(f.Code) + " " + f.Place() + ": " + f.Message
			if f.Hint != "" {
				line += " (" + f.Hint + ")"
			}
			out = append(out, line)
		}
	}
	return out
}

// podRule wraps the rest of a rule in a ClusterPolicy.
func podRule(rest string) string {
	return "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n  - name: r\n    match: {any: [{resources: {kinds: [Pod]}}]}\n" + belowRule(rest)
}

func belowRule(rest string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(rest, "\n")) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// withText wraps a text in a rule that substitutes it.
func withText(text string) string {
	return podRule("validate: {message: '" + strings.ReplaceAll(text, "'", "''") + "', pattern: {metadata: {name: '?*'}}}")
}

const (
	atMessage = "spec.rules[0].validate.message: "
	ofPods    = "expected one of request, serviceAccountName, serviceAccountNamespace, images"
)

func TestVariables(t *testing.T) {
	tests := []struct {
		name   string
		object string
		want   []string
	}{
		{"known", withText("{{ request.object.metadata.name }}, {{request.operation || 'BACKGROUND'}}, {{ images.containers.*.tag }}, {{ to_upper('x') }}, \\{{ x }}, {{@}}"), nil},
		{"nested", withText(`{{ images.containers."{{ request.object.spec.containers[0].name }}".tag }}`), nil},
		{"unknown", withText("{{ reqest.object.metadata.name }} {{ x }} {{ metadata.name }} {{ operation }}"), []string{
			"KC421 " + atMessage + `{{ reqest.object.metadata.name }}: there is no "reqest": ` + ofPods + ` (did you mean "request"?)`,
			"KC421 " + atMessage + `{{ x }}: there is no "x": ` + ofPods,
			"KC421 " + atMessage + `{{ metadata.name }}: there is no "metadata": ` + ofPods + ` (did you mean "request.object.metadata.name"?)`,
			"KC421 " + atMessage + `{{ operation }}: there is no "operation": ` + ofPods + ` (did you mean "request.operation"?)`,
		}},
		{"unknown in several places of one", withText("{{ x || y.z || x }}"), []string{
			"KC421 " + atMessage + `{{ x || y.z || x }}: there is no "x": ` + ofPods,
			"KC421 " + atMessage + `{{ x || y.z || x }}: there is no "y": ` + ofPods,
		}},
		{"unknown field", withText("{{ request.objct.x }} {{ request.metadata.name }} {{ images.container.x }}"), []string{
			"KC421 " + atMessage + `{{ request.objct.x }}: request has no field "objct" (did you mean "request.object"?)`,
			"KC421 " + atMessage + `{{ request.metadata.name }}: request has no field "metadata" (did you mean "request.object.metadata"?)`,
			"KC421 " + atMessage + `{{ images.container.x }}: images has containers, initContainers, ephemeralContainers, not "container" (did you mean "images.containers"?)`,
		}},
		{"null", withText("{{ request.object.x == null }}"), []string{
			"KC421 " + atMessage + "{{ request.object.x == null }}: there is no \"null\": " + ofPods + " (the literal is written `null`)",
		}},
		{"no JMESPath", withText("{{ request.object.metadata.labels.my-label }} {{ to_uper(request.name) }} {{ }}"), []string{
			"KC420 " + atMessage + `{{ request.object.metadata.labels.my-label }}: a number cannot stand here, at "-label" (a name with other characters than letters, digits and _ stands in double quotes: "my-label")`,
			"KC420 " + atMessage + `{{ to_uper(request.name) }}: calls "to_uper", which is no function of JMESPath or Kyverno (did you mean "to_upper"?)`,
			"KC420 " + atMessage + `{{  }}: the expression is empty`,
		}},
		{"element outside", withText("{{ element.name }} {{ elementIndex }}"), []string{
			"KC422 " + atMessage + "{{ element.name }}: element is known inside of a foreach, and not here",
			"KC422 " + atMessage + "{{ elementIndex }}: elementIndex is known inside of a foreach, and not here",
		}},
		{"target, image", withText("{{ target.metadata.name }} {{ image.tag }}"), []string{
			"KC422 " + atMessage + "{{ target.metadata.name }}: target is the resource that a rule with mutate.targets changes, and is known in its targets and patches alone (did you mean request.object?)",
			"KC422 " + atMessage + "{{ image.tag }}: image is known while an image is verified, under verifyImages (did you mean images?)",
		}},
		{"refused by the webhook alone", withText("{{ 'x' }} {{ request }}"), []string{
			"KC422 " + atMessage + "{{ 'x' }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (a call gets past it, such as not_null(…) or to_string(…))",
			"KC422 " + atMessage + "{{ request }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (a call gets past it, such as not_null(…) or to_string(…))",
		}},
		{"after a character of several bytes", withText("Größe →{{ request.name }}"), []string{
			"KC422 " + atMessage + "{{ request.name }} stands directly after '→': Kyverno reads a part of that character into the variable, and refuses the policy (put a space, or another ASCII character, between them)",
		}},
		{"unclosed", withText("{{ request.name } is wrong"), []string{
			"KC426 " + atMessage + `"{{ request.name } is wrong" has no }} after it: Kyverno takes it for plain text (close it with }}, or write \{{ where braces are meant)`,
		}},
		{"images of a kind that has none", strings.ReplaceAll(withText("{{ images.containers }}"), "Pod", "ConfigMap"), []string{
			"KC422 " + atMessage + "{{ images.containers }}: Kyverno finds images in Pod, DaemonSet, Deployment, ReplicaSet, ReplicationController, StatefulSet, CronJob, Job alone, and the rule is about ConfigMap",
		}},
		{"images of kinds that may have some", strings.ReplaceAll(withText("{{ images.containers }}"), "Pod", "'*'"), nil},
		{"in keys", podRule("validate: {message: m, pattern: {metadata: {labels: {'{{ x }}': '?*'}}}}"), []string{
			`KC421 spec.rules[0].validate.pattern.metadata.labels."{{ x }}": {{ x }}: there is no "x": ` + ofPods,
		}},
		{"in foreach", podRule(`
validate:
  message: m
  foreach:
  - list: request.object.spec.containers
    context:
    - name: volumes
      variable: {jmesPath: element.volumeMounts}
    preconditions: {all: [{key: "{{ element.name }}", operator: Equals, value: "{{ elementIndex }}{{ element0.x }}"}]}
    foreach:
    - list: element.ports
      deny: {conditions: {any: [{key: "{{ element1.x }} {{ elementIndex0 }} {{ element2 }}", operator: Equals, value: "{{ volumes }}"}]}}
  - list: "{{ request.object.spec.containers }}"
    deny: {conditions: {any: [{key: "{{ element.x }}", operator: Equals, value: "{{ volumes[0] }}"}]}}
  - list: reqest.object.x
    deny: {conditions: {any: [{key: "{{ element.x }}", operator: Equals, value: x}]}}
  - list: element.x
    deny: {conditions: {any: [{key: "{{ element.x }}", operator: Equals, value: x}]}}
`), []string{
			`KC422 spec.rules[0].validate.foreach[0].foreach[0].deny.conditions.any[0].key: {{ element2 }}: the numbers of elements are those of the foreach around them, counted from 0, of which there are 2 here (the innermost is element1)`,
			`KC420 spec.rules[0].validate.foreach[1].list: the list of a foreach is an expression by itself, and Kyverno reads no braces here (did you mean "request.object.spec.containers"?)`,
			`KC422 spec.rules[0].validate.foreach[1].deny.conditions.any[0].value: {{ volumes[0] }}: the context entry "volumes" is known where it stands, and not here (move the entry to the context of the rule)`,
			`KC421 spec.rules[0].validate.foreach[2].list: "reqest.object.x": there is no "reqest": ` + ofPods + ` (did you mean "request"?)`,
			`KC422 spec.rules[0].validate.foreach[3].list: "element.x": element is known inside of a foreach, and not here`,
		}},
		{"context of a nested foreach", podRule(`
validate:
  message: m
  foreach:
  - list: request.object.spec.containers
    foreach:
    - list: element.ports
      context: [{name: protocol, variable: {jmesPath: element.protocol}}]
      deny: {conditions: {any: [{key: "{{ protocol }}", operator: Equals, value: "{{ to_string(protocol) }}"}]}}
`), []string{
			"KC422 spec.rules[0].validate.foreach[0].foreach[0].deny.conditions.any[0].key: {{ protocol }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (a call gets past it, such as not_null(…) or to_string(…))",
		}},
		{"a name like element", podRule(`
context: [{name: elements, variable: {value: [a]}}]
validate: {message: "{{ elements[0] }} {{ length(elements) }}", pattern: {metadata: {name: x}}}
`), []string{
			"KC422 " + atMessage + "{{ elements[0] }} begins with element, which Kyverno takes for the element of a foreach and refuses outside of one (give the context entry another name)",
		}},
		{"places without variables", podRule(`
exclude: {any: [{resources: {names: ["{{ request.name }}", '\{{ x }}', "{{ x"]}}]}
mutate: {patchesJson6902: "- {op: add, path: '/metadata/labels/{{ request.name }}', value: '{{ request.name }}'}"}
`), []string{
			"KC422 spec.rules[0].exclude.any[0].resources.names[0]: {{ request.name }} stands in exclude, which is decided before there are variables: Kyverno refuses it (compare it in preconditions)",
			"KC422 spec.rules[0].exclude.any[0].resources.names[1]: {{ x }} stands in exclude, which is decided before there are variables: Kyverno refuses it (compare it in preconditions)",
			"KC422 spec.rules[0].exclude.any[0].resources.names[2]: {{ x }} stands in exclude, which is decided before there are variables: Kyverno refuses it (compare it in preconditions)",
			`KC422 spec.rules[0].mutate.patchesJson6902: the path "/metadata/labels/{{ request.name }}" of operation 0 has a variable, which Kyverno refuses outside of a foreach (use patchStrategicMerge, or a foreach, whose patches may have variables in their paths)`,
		}},
		{"paths of patches in a foreach", podRule(`
mutate: {foreach: [{list: request.object.spec.containers, patchesJson6902: "- {op: remove, path: '/spec/containers/{{ elementIndex }}/image'}"}]}
`), nil},
		{"verifyImages", podRule(`
verifyImages:
- imageReferences: ["ghcr.io/*", "{{ x }}/*"]
  mutateDigest: false
  attestors: [{entries: [{keys: {publicKeys: "{{ keys.data.key }} {{ image.tag }}"}}]}]
  attestations:
  - type: https://slsa.dev/provenance/v1
    conditions: [{all: [{key: "{{ builder.id }}", operator: Equals, value: "{{ lenght(builder) }}"}]}]
`), []string{
			"KC422 spec.rules[0].verifyImages[0].imageReferences[1]: an image reference has no variables: Kyverno refuses it (use wildcards, or compare images in a validate rule)",
			`KC421 spec.rules[0].verifyImages[0].attestors[0].entries[0].keys.publicKeys: {{ keys.data.key }}: there is no "keys": expected one of image, request, serviceAccountName, serviceAccountNamespace, images`,
			`KC420 spec.rules[0].verifyImages[0].attestations[0].conditions[0].all[0].value: {{ lenght(builder) }}: calls "lenght", which is no function of JMESPath or Kyverno (did you mean "length"?)`,
		}},
		{"targets", podRule(`
context: [{name: kind, variable: {jmesPath: "target.kind"}}]
preconditions: {all: [{key: "{{ target.kind }}", operator: Equals, value: x}]}
mutate:
  targets:
  - {apiVersion: v1, kind: Secret, name: "{{ target.metadata.name }}", context: [{name: own, variable: {jmesPath: target.metadata.name}}], preconditions: {all: [{key: "{{ target.kind }}", operator: Equals, value: "{{ own }}"}]}}
  patchStrategicMerge: {metadata: {labels: {"{{ target.metadata.name }}": "{{ own }}{{ x }}"}}}
`), []string{
			"KC422 spec.rules[0].context[0].variable.jmesPath: \"target.kind\": target is the resource that a rule with mutate.targets changes, and is known in its targets and patches alone (did you mean request.object?)",
			"KC422 spec.rules[0].preconditions.all[0].key: {{ target.kind }}: target is the resource that a rule with mutate.targets changes, and is known in its targets and patches alone (did you mean request.object?)",
			"KC422 spec.rules[0].mutate.targets[0].name: {{ target.metadata.name }}: target is the resource that a rule with mutate.targets changes, and is known in its targets and patches alone (did you mean request.object?)",
			`KC421 spec.rules[0].mutate.patchStrategicMerge.metadata.labels."{{ target.metadata.name }}": {{ x }}: there is no "x": expected one of kind, own, target, request, serviceAccountName, serviceAccountNamespace, images`,
		}},
		{"the user in background scans", strings.Replace(withText("{{ request.userInfo.username }} {{ serviceAccountName }} {{ request.object.userInfo }}"), "{name: p}", "{name: p, annotations: {a: 'of {{ request.roles }}'}}", 1), []string{
			"KC412 metadata.annotations.a: uses request.roles, which a background scan does not have: Kyverno refuses the policy (set background: false)",
			"KC412 " + atMessage + "uses request.userInfo, which a background scan does not have: Kyverno refuses the policy (set background: false)",
			"KC412 " + atMessage + "uses serviceAccountName, which a background scan does not have: Kyverno refuses the policy (set background: false)",
		}},
		{"what finds targets", podRule(`
preconditions: {all: [{key: "{{ 'target.x' }}", operator: Equals, value: "{{ request.userInfo.username }}"}]}
mutate:
  targets: [{apiVersion: v1, kind: Secret, name: "{{ 'target.y' }}"}]
  patchStrategicMerge: {metadata: {labels: {a: "{{ 'target.z' }}"}}}
`), []string{
			"KC422 spec.rules[0].preconditions.all[0].key: {{ 'target.x' }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (a call gets past it, such as not_null(…) or to_string(…))",
			"KC422 spec.rules[0].mutate.targets[0].name: {{ 'target.y' }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (a call gets past it, such as not_null(…) or to_string(…))",
		}},
		{"the user where there is a request", strings.Replace(withText("{{ request.userInfo.username }} {{ serviceAccountName }}"), "spec:", "spec:\n  background: false", 1), nil},
		{"the user when the policy changes", strings.Replace(podRule(`
exclude: {any: [{resources: {kinds: [Pod]}, clusterRoles: [x]}]}
mutate:
  mutateExistingOnPolicyUpdate: true
  targets: [{apiVersion: v1, kind: Secret, name: "{{ serviceAccountName }}"}]
  patchStrategicMerge: {metadata: {labels: {a: "{{ request.name }}"}}}
`), "spec:", "spec:\n  background: false", 1), []string{
			"KC412 spec.rules[0].exclude.any[0].clusterRoles: uses clusterRoles, which a change of the policy does not have: Kyverno refuses it beside variables and mutateExistingOnPolicyUpdate (set mutateExistingOnPolicyUpdate: false)",
			"KC422 spec.rules[0].mutate.targets[0].name: {{ serviceAccountName }} is refused by Kyverno's webhook: it asks for the name of a context entry at the beginning, for request., element, images. or image., or for a call of a function (set background: false)",
		}},
		{"paths", podRule(`
validate:
  message: 'of $(/validate/pattern/spec/a), \$(date) and $(date)'
  pattern:
    spec:
      a: x
      "=(b)": $(./../a)
      c: $(<=/validate/pattern/spec/d) $(/validate/pattern/spec/d)
      d: 5
      e: $(/validate/pattern/spec/b) $(/validate/pattern/list) $()x)
    list: [x]
`), []string{
			`KC425 spec.rules[0].validate.message: $(date) leads to /validate/message/date, where the rule has no value: Kyverno replaces $(…) with another value of the rule (write \$(…) where it is meant as text)`,
			"KC425 spec.rules[0].validate.pattern.spec.c: $(/validate/pattern/spec/d) leads to a number, which stands after a comparison operator alone (write the number as a string)",
			`KC425 spec.rules[0].validate.pattern.spec.e: $(/validate/pattern/list) leads to /validate/pattern/list, where the rule has no value: Kyverno replaces $(…) with another value of the rule (write \$(…) where it is meant as text)`,
			`KC425 spec.rules[0].validate.pattern.spec.e: $(x) leads to /validate/pattern/spec/e/x, where the rule has no value: Kyverno replaces $(…) with another value of the rule (write \$(…) where it is meant as text)`,
		}},
		{"cleanup policy", "{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: p}, spec: {schedule: '* * * * *', match: {any: [{resources: {kinds: [Pod]}}]}, conditions: {any: [{key: '{{ target.metadata.name }} {{ request.namespace }} {{ request.object.kind }} {{ metadata.name }} {{ x', operator: Equals, value: x}]}}}", []string{
			"KC422 spec.conditions.any[0].key: {{ request.object.kind }}: a cleanup policy has no request (the resource is target, such as target.kind)",
			`KC421 spec.conditions.any[0].key: {{ metadata.name }}: there is no "metadata": expected one of target, images (did you mean "target.metadata.name"?)`,
			`KC426 spec.conditions.any[0].key: "{{ x" has no }} after it: Kyverno takes it for plain text (close it with }}, or write \{{ where braces are meant)`,
		}},
		{"exception", "{apiVersion: kyverno.io/v2, kind: PolicyException, metadata: {name: p}, spec: {exceptions: [{policyName: p, ruleNames: [r]}], match: {any: [{resources: {kinds: [Pod]}}]}, conditions: {any: [{key: '{{ whatever }} {{ a b }}', operator: Equals, value: x}]}}}", []string{
			`KC420 spec.conditions.any[0].key: {{ a b }}: a name cannot stand here, at "b"`,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, variableFindings(t, tt.object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
