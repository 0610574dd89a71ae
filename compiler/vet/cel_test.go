package vet

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// celFindings gives what the checks of CEL find in an object: code, ! for an
// error and ? for a warning, the place, the message and the hint.
func celFindings(t testing.TB, text string) []string {
	t.Helper()
	objects, err := spec.ParseYAML("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 1 {
		t.Fatalf("%d objects", len(objects))
	}
	var out []string
	for _, f := range celChecked(objects[0]) {
		sort := "!"
		if f.Severity == diag.Warning {
			sort = "?"
		}
		line := fmt.Sprintf("%s%s %s: %s", f.Code, sort, f.Place(), f.Message)
		if f.Hint != "" {
			line += " | " + f.Hint
		}
		out = append(out, line)
	}
	return out
}

func celChecked(object *spec.Node) []Finding {
	c := newChecker(object, Options{})
	group, _, _ := strings.Cut(object.Get("apiVersion").Str(), "/")
	c.cel(group, object.Get("kind").Str())
	return c.findings
}

// celObject writes a policy of policies.kyverno.io about ConfigMaps.
func celObject(kind, body string) string {
	namespace := ""
	if strings.HasPrefix(kind, "Namespaced") {
		namespace = ", namespace: production"
	}
	match := "\n  matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}"
	if strings.Contains(body, "matchConstraints") || kind == "PolicyException" {
		match = ""
	}
	return "apiVersion: policies.kyverno.io/v1\nkind: " + kind + "\nmetadata: {name: p" + namespace + "}\nspec:" + match + "\n" + indentedBy(body, "  ")
}

func indentedBy(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
}

const onPods = "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}\n"

func TestCEL(t *testing.T) {
	cases := []struct {
		name, object string
		want         []string
	}{
		{"every mistake, each at its own expression", celObject("ValidatingPolicy", `
matchConditions:
- {name: a, expression: "objct.a == 1"}
- {name: b, expression: "1"}
variables:
- {name: x, expression: "object.spec.containers.any(c, c.a == 1)"}
- {name: y, expression: "variables.z + 1"}
- {name: z, expression: "1"}
- {name: z, expression: "'a'"}
validations:
- {expression: "variables.x == 1 && variables.q == 1", messageExpression: "1"}
- {expression: "request.userInfo.usernam == 'a' && 'a' == 1"}
- {expression: "(object.a == 1"}
- {expression: ""}
- {expression: "'a'.matches('[')"}
auditAnnotations:
- {key: a, valueExpression: "1"}
- {key: b, valueExpression: "null"}
`), []string{
			`KC434! spec.variables[3].name: the variable "z" is declared at spec.variables[2] too, and Kyverno evaluates the last only | give it a name of its own`,
			`KC431! spec.matchConditions[0].expression: unknown name "objct" | did you mean "object"?`,
			`KC436! spec.matchConditions[1].expression: the expression is of type int, and must be a bool`,
			`KC432! spec.variables[0].expression: unknown function "any", at column 24 of the expression | did you mean "exists"?`,
			`KC434! spec.variables[1].expression: variables.z is not declared yet: an expression sees only the variables before it, at column 11 of the expression`,
			`KC434! spec.validations[0].expression: the policy declares no variable "q", at column 31 of the expression`,
			`KC436! spec.validations[0].messageExpression: the expression is of type int, and must be a string | wrap it in string()`,
			`KC433! spec.validations[1].expression: request.userInfo has no field "usernam", at column 18 of the expression | did you mean "username"?`,
			`KC435! spec.validations[1].expression: == cannot compare string with int, at column 40 of the expression`,
			`KC430! spec.validations[2].expression: '(' is not closed`,
			`KC430! spec.validations[3].expression: the expression is empty`,
			`KC437! spec.validations[4].expression: this is no regular expression of RE2, at column 13 of the expression`,
			`KC436! spec.auditAnnotations[0].valueExpression: the expression is of type int, and must be a string or null`,
		}},
		{"conditions come before variables", celObject("ValidatingPolicy", `
matchConditions: [{name: a, expression: "variables.x"}]
variables: [{name: x, expression: "true"}]
validations: [{expression: "variables.x"}]
`), []string{
			`KC434! spec.matchConditions[0].expression: variables.x is not declared yet: an expression sees only the variables before it, at column 11 of the expression`,
		}},
		{"and after them in a mutation", celObject("MutatingPolicy", `
matchConditions: [{name: a, expression: "variables.x"}]
variables: [{name: x, expression: "true"}]
mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{data: {'a': 'b'}}"}}]
`), nil},
		{"about nothing", celObject("ValidatingPolicy", `
matchConstraints: {namespaceSelector: {matchLabels: {a: b}}}
validations: [{expression: "true"}]
`), []string{
			`KC439! spec.matchConstraints: the policy is about no resource: expected at least one of resourceRules | such as resourceRules: [{apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["pods"]}]`,
		}},
		{"JSON needs no annotations", celObject("ValidatingPolicy", `
evaluation: {mode: JSON}
validations: [{expression: "true"}]
auditAnnotations: [{key: a, valueExpression: "1"}]
`), nil},
		{"namespaced", celObject("NamespacedValidatingPolicy", `
variables: [{name: x, expression: "globalContext.Get('a', 'b')"}]
validations: [{expression: "http.Get('https://a').b == variables.x && resource.Get('v1', 'pods', 'a').b == 1"}]
`), []string{
			`KC438! spec.variables[0].expression: a namespaced policy cannot use globalContext | make it a ValidatingPolicy`,
			`KC438! spec.validations[0].expression: a namespaced policy cannot use http, unless Kyverno runs with --allowHTTPInNamespacedPolicies | make it a ValidatingPolicy`,
		}},
		{"mutations", celObject("MutatingPolicy", `
evaluation: {admission: {enabled: false}}
targetMatchConstraints: {expression: "{'a': 'b'}", resourceRules: []}
targetMatchConditions: [{name: a, expression: "1"}]
mutations:
- {patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', paht: '/a'}]"}}
- {patchType: JSONPatch, jsonPatch: {expression: "JSONPatch{op: 'add'}"}}
- {patchType: ApplyConfiguration, applyConfiguration: {expression: "{'a': 'b'}"}}
- {patchType: ApplyConfiguration, jsonPatch: {expression: "[]"}}
`), []string{
			`KC439! spec.evaluation.admission.enabled: neither requests nor resources that exist are changed: expected admission or mutateExisting | set mutateExisting: enabled: true`,
			`KC439! spec.mutations[3].applyConfiguration: is missing, so that the entry changes nothing: expected what patchType ApplyConfiguration is about`,
			`KC439! spec.mutations[3].jsonPatch: is passed over, since patchType is ApplyConfiguration | make an entry of each`,
			`KC436! spec.targetMatchConstraints.expression: the expression is of type map(string, string), and must be a map(string, any), such as a resource that resource.Get() gives`,
			`KC436! spec.targetMatchConditions[0].expression: the expression is of type int, and must be a bool`,
			`KC433! spec.mutations[0].jsonPatch.expression: JSONPatch has no field "paht", at column 27 of the expression | did you mean "path"?`,
			`KC436! spec.mutations[1].jsonPatch.expression: the expression is of type JSONPatch, and must be a list of JSONPatch{} | put it into a list: [JSONPatch{...}]`,
			`KC436! spec.mutations[2].applyConfiguration.expression: the expression is of type map(string, string), and must be an Object{} | write Object{...}, and Object.spec{...} inside it, instead of a map`,
		}},
		{"variables in a MutatingAdmissionPolicy", celObject("MutatingPolicy", `
autogen: {mutatingAdmissionPolicy: {enabled: true}}
matchConditions: [{name: a, expression: "true && variables.x"}]
variables: [{name: x, expression: "true"}]
mutations: []
`), []string{
			`KC439! spec.matchConditions[0].expression: reads a variable, which is not there yet when the MutatingAdmissionPolicy that the policy asks for evaluates its conditions, at column 9 of the expression | write the variable's expression out`,
		}},
		{"generation", celObject("GeneratingPolicy", `
variables: [{name: ns, expression: "object.metadata.name"}]
generate:
- {expression: "generator.Apply(variables.ns)"}
- {expression: "variables.nss"}
- {}
- {expression: "true", template: {value: "kind: A"}}
`), []string{
			`KC439! spec.generate[2]: generates nothing: expected expression or template | such as expression: "generator.Apply(variables.namespace, variables.resources)"`,
			`KC439! spec.generate[3].template: beside expression: expected one of the two | make an entry of each`,
			`KC435! spec.generate[0].expression: generator.Apply() does not take (dyn), at column 11 of the expression | it is called as generator.Apply(string, list(map(string, any)))`,
			`KC434! spec.generate[1].expression: the policy declares no variable "nss", at column 11 of the expression | did you mean "ns"?`,
		}},
		{"templates", celObject("GeneratingPolicy", `
variables: [{name: ns, expression: "object.metadata.name"}]
generate:
- template:
    interpolate: cel
    value: |
      kind: ConfigMap
      metadata:
        name: a-(( variables.nss ))-(( variables.ns ))
        labels:
          (( variables.ns )): a
          b: (( ( ))
        annotations: (( {"a":")"} ))
        escaped: \(( x
      ---
      - a
- {template: {value: "kind: [a"}}
- {template: {value: "# nothing"}}
- {template: {value: "name: (( nosuch ))"}}
- {template: {interpolate: cel, value: "(( variables.ns ))"}}
- {template: {interpolate: cel, value: "a: &a [*a, (( nosuch ))]"}}
- {template: {interpolate: cel, value: "a: (( true"}}
`), []string{
			`KC440! spec.generate[0].template.value: line 5: the name of a field cannot be an expression | give the whole map by one, such as labels: (( variables.labels ))`,
			`KC440! spec.generate[0].template.value: line 6: ")" closes nothing in the expression`,
			`KC440! spec.generate[0].template.value: line 10 is no resource: expected apiVersion, kind and metadata`,
			`KC440! spec.generate[1].template.value: is no YAML: line 1: did not find expected ',' or ']'`,
			`KC440! spec.generate[2].template.value: is empty: expected the YAML of a resource`,
			`KC440! spec.generate[6].template.value: line 1: the expression is not closed with ))`,
			`KC434! spec.generate[0].template.value: the policy declares no variable "nss", in line 3 of the template | did you mean "ns"?`,
			`KC431! spec.generate[5].template.value: unknown name "nosuch", in line 1 of the template`,
		}},
		{"deletion", celObject("DeletingPolicy", `
schedule: "0 7 * *"
variables: [{name: x, expression: "object.a"}]
conditions: [{name: a, expression: "variables.x"}]
`), []string{
			`KC485! spec.schedule: the schedule has 4 fields: expected minute, hour, day of the month, month and day of the week | such as "0 7 * * *", at seven every day`,
			`KC436! spec.conditions[0].expression: the expression is of type dyn (known only at run time), and must be a bool | compare it with true, or wrap it in bool()`,
		}},
		{"deletion each second", celObject("DeletingPolicy", `schedule: "*/5 0 7 * * * 2030"`), nil},
		{"images", celObject("ImageValidatingPolicy", `
matchImageReferences:
- {glob: "ghcr.io/*"}
- {expression: "ref.startsWith('a') && object.a == 1"}
- {}
images: [{name: a, expression: "object.spec.containers.map(c, c.image)"}, {name: b, expression: "'a'"}]
attestors:
- {name: a, cosign: {key: {expression: "variables.key.x"}}}
- {name: b, notary: {certs: {expression: "nosuch"}}}
variables: [{name: key, expression: "image.GetMetadata('a')"}]
validations: [{expression: "images.a.all(i, verifyImageSignatures(i, [attestors.a]) > 0) && verifyImageSignatures(1, [])"}]
`), []string{
			`KC439! spec.matchImageReferences[2]: matches no image: expected glob or expression | such as glob: "ghcr.io/acme/*"`,
			`KC431! spec.matchImageReferences[1].expression: "object" is not available here, at column 24 of the expression`,
			`KC436! spec.images[1].expression: the expression is of type string, and must be a list of strings`,
			`KC431! spec.attestors[1].notary.certs.expression: unknown name "nosuch"`,
			`KC435! spec.validations[0].expression: verifyImageSignatures() does not take (int, list(dyn)), at column 65 of the expression | it is called as verifyImageSignatures(string, list(dyn))`,
		}},
		{"exception", celObject("PolicyException", `
policyRefs: [{name: a, kind: ValidatingPolicy}]
matchConditions:
- {name: a, expression: "object.metadata.name == 'a'"}
- {name: a, expression: "variables.x"}
- {name: "not a name", expression: "true"}
- {expression: "true"}
`), []string{
			`KC439! spec.matchConditions[1].name: spec.matchConditions[0] is named "a" too: expected a name of its own`,
			`KC439! spec.matchConditions[2].name: "not a name" is no name of a condition: expected letters, digits, -, _ and ., with a DNS name and / before them or without`,
			`KC439! spec.matchConditions[3].name: the condition has no name`,
			`KC431! spec.matchConditions[1].expression: "variables" is not available here`,
		}},
		{"validate.cel", `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  webhookConfiguration: {matchConditions: [{name: a, expression: "params.a == 1"}]}
  rules:
  - name: a
    celPreconditions: [{name: a, expression: "object.a"}]
    validate:
      cel:
        paramKind: {apiVersion: v1}
        variables: [{name: x, expression: "size(params.data)"}]
        expressions:
        - {expression: "variables.x.startsWith('a')", messageExpression: "string(authorizer.path('/').check('get').allowed())"}
        auditAnnotations: [{key: "", valueExpression: "'a' + 1"}]
  - name: b
    celPreconditions: [{name: a, expression: "true"}]
    validate: {pattern: {a: b}}
  - name: c
    validate:
      cel:
        paramRef: {name: a, selector: {}}
        expressions: [{expression: "params.x == 1"}]
`, []string{
			`KC431! spec.webhookConfiguration.matchConditions[0].expression: "params" is not available here`,
			`KC439! spec.rules[0].validate.cel.paramKind.kind: is missing: expected the kind of the parameters | such as paramKind: {apiVersion: "v1", kind: "ConfigMap"}`,
			`KC439! spec.rules[0].validate.cel.paramRef: is missing: expected which parameters are meant | such as paramRef: {name: "limits", parameterNotFoundAction: "Deny"}`,
			`KC439! spec.rules[0].validate.cel.auditAnnotations[0].key: is empty: expected a name`,
			`KC436! spec.rules[0].celPreconditions[0].expression: the expression is of type dyn (known only at run time), and must be a bool | compare it with true, or wrap it in bool()`,
			`KC435! spec.rules[0].validate.cel.expressions[0].expression: startsWith() does not take (string) on a value of type int, at column 13 of the expression | it is called as string.startsWith(string)`,
			`KC431! spec.rules[0].validate.cel.expressions[0].messageExpression: "authorizer" is not available here, at column 8 of the expression`,
			`KC435! spec.rules[0].validate.cel.auditAnnotations[0].valueExpression: + does not take string and int, at column 5 of the expression`,
			`KC439! spec.rules[1].celPreconditions: are for validate.cel, and the rule has none: Kyverno refuses it | write them as preconditions, in JMESPath`,
			`KC439! spec.rules[2].validate.cel.paramRef.selector: beside name: expected one of the two`,
			`KC439! spec.rules[2].validate.cel.paramRef.parameterNotFoundAction: is missing: expected Allow or Deny | with "Deny", a request is refused while the parameters are not there`,
			`KC439! spec.rules[2].validate.cel.paramKind: is missing: expected the kind of what paramRef names | such as paramKind: {apiVersion: "v1", kind: "ConfigMap"}`,
			`KC431! spec.rules[2].validate.cel.expressions[0].expression: "params" is not available here | params is there where the rule has a paramKind`,
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, celFindings(t, c.object)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCELAutogen(t *testing.T) {
	const forPods = "autogen: podControllers: controllers: [], if Pods alone are meant"
	const none = "have Kyverno make none, by autogen: podControllers: controllers: []"
	cases := []struct {
		name, kind, body string
		want             []string
	}{
		{"sound", "ValidatingPolicy", onPods + `validations: [{expression: "object.spec.containers.all(c, c.image != '') && object.metadata.namespace != 'a'"}]`, nil},
		{"a variable that ends in object", "ValidatingPolicy", onPods + `
variables: [{name: nsobject, expression: namespaceObject}]
validations: [{expression: "variables.nsobject.metadata.name == 'a'"}]
`, []string{
			`KC441! spec.validations[0].expression: does not compile in the form that Kyverno's autogen makes of it for Deployments: variables.nsobject.spec has no field "template" | ` + none,
		}},
		{"the template's metadata", "ValidatingPolicy", onPods + `
matchConditions: [{name: a, expression: "has(object.metadata.ownerReferences)"}]
validations: [{expression: "object.metadata.name.startsWith('a') && object.metadata.?uid.hasValue()"}, {expression: "object['spec'].a == 1"}]
`, []string{
			`KC442? spec.validations[0].expression: Kyverno's autogen makes the template's metadata.name of object.metadata.name, which Deployments and other controllers do not have | read it as object.metadata.?name; or ` + forPods,
			`KC442? spec.validations[1].expression: Kyverno's autogen does not rewrite object["spec"]: on Deployments and other controllers it is their own | write object.spec; or ` + forPods,
		}},
		{"no autogen asked for", "ValidatingPolicy", onPods + `
autogen: {podControllers: {controllers: []}}
validations: [{expression: "object.metadata.name == 'a'"}]
`, nil},
		{"controllers", "ValidatingPolicy", onPods + `
autogen: {podControllers: {controllers: [Deployment, cronjobs, jobsets.v1alpha2.jobset.x-k8s.io, gizmos]}}
validations: [{expression: "true"}]
`, []string{
			`KC444? spec.autogen.podControllers.controllers[0]: "Deployment" is no controller that Kyverno knows, and is passed over unless the cluster has such a resource: expected cronjobs, daemonsets, deployments, jobs, replicasets, statefulsets, or <resource>.<version>.<group> | did you mean "deployments"?`,
			`KC444? spec.autogen.podControllers.controllers[3]: "gizmos" is no controller that Kyverno knows, and is passed over unless the cluster has such a resource: expected cronjobs, daemonsets, deployments, jobs, replicasets, statefulsets, or <resource>.<version>.<group>`,
		}},
		{"turned off", "ValidatingPolicy", `
matchConstraints:
  objectSelector: {matchLabels: {a: b}}
  resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
validations: [{expression: "true"}]
`, []string{
			`KC409? spec.matchConstraints.objectSelector: the objectSelector turns off Kyverno's autogen: the policy sees Pods only, not the Deployments, Jobs and CronJobs that make them | leave it out, or say by autogen: podControllers: controllers: [] that Pods alone are meant`,
		}},
		{"turned off by another version", "MutatingPolicy", `
matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE], resources: [pods]}]}
mutations: []
`, []string{
			`KC409? spec.matchConstraints.resourceRules[0].apiVersions: apiVersions other than ["v1"] turns off Kyverno's autogen: the policy sees Pods only, not the Deployments, Jobs and CronJobs that make them | leave it out, or say by autogen: podControllers: controllers: [] that Pods alone are meant`,
		}},
		{"controllers are matched too", "ValidatingPolicy", `
matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}, {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]}
validations: [{expression: "true"}]
`, nil},
		{"mutation", "MutatingPolicy", onPods + `
variables: [{name: x, expression: "object.spec.containers"}]
mutations:
- {patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name})}}"}}
- {patchType: ApplyConfiguration, applyConfiguration: {expression: "Object{metadata: Object.metadata{annotations: {'a': '}}}'}}}"}}
- {patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/spec/a', value: 1}]"}}
`, []string{
			`KC441! spec.mutations[1].applyConfiguration.expression: does not compile in the form that Kyverno's autogen makes of it for Deployments: '{' is not closed | ` + none,
			`KC442? spec.variables[0].expression: Kyverno's autogen rewrites no variables: on Deployments and other controllers object.spec.containers is a field of their own spec | write it out where the variable is used; or ` + forPods,
			`KC442? spec.mutations[2].jsonPatch.expression: Kyverno's autogen does not rewrite the paths of a JSON patch: on Deployments and other controllers this one changes their own spec, not the template's | write the change as applyConfiguration, or ` + forPods,
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, celFindings(t, celObject(c.kind, c.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCELMissingFields(t *testing.T) {
	cases := []struct {
		name, body string
		want       []string
	}{
		{"unasked", `validations: [{expression: "object.metadata.labels.team == 'a' && object.metadata.labels.x == 'b'"}]`, []string{
			`KC443? spec.validations[0].expression: the expression fails for a resource that has no metadata.labels | read it as object.metadata.?labels and say by orValue() what holds without it, or ask has(object.metadata.labels) first`,
		}},
		{"asked elsewhere", `
matchConditions: [{name: a, expression: "has(object.metadata.labels)"}]
validations: [{expression: "object.metadata.labels.team == 'a'"}]`, nil},
		{"optional", `validations: [{expression: "object.metadata.?labels.team.orValue('') == 'a'"}]`, nil},
		{"asked by in", `validations: [{expression: "'labels' in object.metadata && object.metadata.labels.team == 'a'"}]`, nil},
		{"of a Pod", onPods + `validations: [{expression: "object.spec.containers.all(c, true) && !object.spec.hostNetwork"}]`, []string{
			`KC443? spec.validations[0].expression: the expression fails for a resource that has no spec.hostNetwork, at column 41 of the expression | read it as object.spec.?hostNetwork and say by orValue() what holds without it, or ask has(object.spec.hostNetwork) first`,
		}},
		{"of a container", onPods + `validations: [{expression: "object.spec.containers.all(c, c.securityContext.privileged == false && c.resources.limits.memory != '')"}]`, []string{
			`KC443? spec.validations[0].expression: the expression fails for a container that has no securityContext, at column 31 of the expression | read it as c.?securityContext and say by orValue() what holds without it, or ask has(c.securityContext) first`,
			`KC443? spec.validations[0].expression: the expression fails for a container that has no resources.limits, at column 72 of the expression | read it as c.resources.?limits and say by orValue() what holds without it, or ask has(c.resources.limits) first`,
		}},
		{"of a container that is asked", onPods + `validations: [{expression: "object.spec.containers.all(c, has(c.securityContext) && c.securityContext.privileged == false && c.?resources.limits.memory.hasValue())"}]`, nil},
		{"of something else", onPods + `validations: [{expression: "object.spec.volumes.all(c, c.ports == 1)"}]`, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, celFindings(t, celObject("ValidatingPolicy", c.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCELOfCorpus holds the checks to silence on the published policies, all of
// which Kyverno accepts.
func TestCELOfCorpus(t *testing.T) {
	const dir = "../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED: no published policies at %s", dir)
	}
	slots, warnings := 0, map[diag.Code]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects, err := spec.ParseYAML(path, data)
		if err != nil {
			return nil // a file of templates
		}
		for _, o := range objects {
			if strings.Contains(o.Get("apiVersion").Str(), "kyverno.io/") {
				slots += strings.Count(string(data), "xpression:")
			}
			for _, f := range celChecked(o) {
				if f.Severity == diag.Warning {
					warnings[f.Code]++
					t.Logf("%s: %s: %s: %s (%s)", strings.TrimPrefix(path, dir), f.Code, f.Place(), f.Message, f.Hint)
					continue
				}
				t.Errorf("%s: %s: %s: %s (%s)", strings.TrimPrefix(path, dir), f.Code, f.Place(), f.Message, f.Hint)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if slots < 300 {
		t.Fatalf("%d expressions in the published policies: too few", slots)
	}
	t.Logf("%d expressions, warnings %v", slots, warnings)
}

// TestCELOfBrokenObjects holds the checks to passing over what the schema
// refuses: every value of a sound policy replaced by one of each other type.
func TestCELOfBrokenObjects(t *testing.T) {
	objects := []string{
		celObject("ValidatingPolicy", onPods+"matchConditions: [{name: a, expression: a}]\nvariables: [{name: x, expression: '1'}]\nvalidations: [{expression: 'true', messageExpression: '1'}]\nauditAnnotations: [{key: a, valueExpression: '1'}]\nautogen: {podControllers: {controllers: [jobs]}}\nevaluation: {mode: JSON}"),
		celObject("MutatingPolicy", onPods+"targetMatchConstraints: {expression: '1'}\nautogen: {mutatingAdmissionPolicy: {enabled: true}}\nmatchConditions: [{name: a, expression: a}]\nmutations: [{patchType: JSONPatch, jsonPatch: {expression: '[]'}, applyConfiguration: {expression: a}}]\nevaluation: {admission: {enabled: false}}"),
		celObject("GeneratingPolicy", "generate: [{expression: 'true'}, {template: {value: 'a: (( b ))', interpolate: cel}}]"),
		celObject("DeletingPolicy", "schedule: '* * * * *'\nconditions: [{name: a, expression: a}]"),
		celObject("ImageValidatingPolicy", "matchImageReferences: [{glob: a}, {expression: b}]\nimages: [{name: a, expression: a}]\nattestors: [{name: a, cosign: {key: {expression: a}, trustedRoot: {expression: a}}}, {name: b, notary: {certs: {expression: a}}}]\nvalidations: [{expression: a}]"),
		celObject("PolicyException", "matchConditions: [{name: a, expression: a}]"),
		"apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec: {webhookConfiguration: {matchConditions: [{name: a, expression: a}]}, rules: [{name: a, celPreconditions: [{name: a, expression: a}], validate: {cel: {paramKind: {apiVersion: v1, kind: A}, paramRef: {name: a, parameterNotFoundAction: Deny}, variables: [{name: a, expression: a}], expressions: [{expression: a, messageExpression: b}], auditAnnotations: [{key: a, valueExpression: a}]}}}]}",
	}
	replaced := 0
	for _, text := range objects {
		parsed, err := spec.ParseYAML("policy.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var walk func(n *spec.Node)
		walk = func(n *spec.Node) {
			before := *n
			for _, other := range []spec.Node{
				{Kind: spec.Null}, {Kind: spec.Bool, Text: "true"}, {Kind: spec.Number, Text: "1"}, {Kind: spec.String, Text: "(("}, {Kind: spec.String}, {Kind: spec.List},
				{Kind: spec.List, Items: []*spec.Node{{Kind: spec.Null}, {Kind: spec.Number, Text: "1"}}}, {Kind: spec.Struct}, {Kind: spec.Invalid},
			} {
				*n = other
				for _, f := range celChecked(parsed[0]) {
					if f.Node == nil || f.Message == "" || f.Code == "" {
						t.Errorf("%+v", f)
					}
				}
				replaced++
			}
			*n = before
			for _, f := range n.Fields {
				walk(f.Value)
			}
			for _, item := range n.Items {
				walk(item)
			}
		}
		walk(parsed[0].Get("spec"))
	}
	if replaced < 500 {
		t.Errorf("%d values replaced", replaced)
	}
}
