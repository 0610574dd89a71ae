package vet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func exception(body string) string {
	return "apiVersion: kyverno.io/v2\nkind: PolicyException\nmetadata: {name: e, namespace: kyverno}\nspec:\n" + indented(body, 2)
}

func cleanup(body string) string {
	return "apiVersion: kyverno.io/v2\nkind: ClusterCleanupPolicy\nmetadata: {name: c}\nspec:\n  schedule: 0 3 * * *\n" + indented(body, 2)
}

// cel gives a documented object of policies.kyverno.io.
func cel(kind, body string) string {
	return "apiVersion: policies.kyverno.io/v1\nkind: " + kind +
		"\nmetadata: {name: p, annotations: {policies.kyverno.io/description: What every Pod holds to.}}\nspec:\n" + indented(body, 2)
}

const (
	pods     = "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}]}\n"
	services = "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [services]}]}\n"
	audited  = "validationActions: [Audit]\n"
	labelled = "validations: [{expression: 'has(object.metadata.labels)', message: The label owner is required.}]\n"
)

// Warnings about exceptions, cleanup policies and the CEL kinds.
var otherKinds = []struct {
	name   string
	object string
	want   []string
}{
	{"an exception for every Pod", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod]}}]}"), []string{"KC515 spec.match.any[0]"}},
	{"an exception for every name", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod], names: ['*']}}]}"), []string{"KC515 spec.match.any[0]"}},
	{"an exception for a namespace", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod], namespaces: [shop]}}]}"), nil},
	{"an exception for all of two filters", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {all: [{resources: {kinds: [Pod]}}, {resources: {namespaces: [shop]}}]}"), nil},
	{"an exception with conditions", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod]}}]}\nconditions: {any: [{key: a, operator: Equals, value: a}]}"), nil},
	{"an exception for a control", exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod]}}]}\npodSecurity: [{controlName: Capabilities}]"), nil},
	{"an exception from every rule", exception("exceptions: [{policyName: p, ruleNames: ['*']}]\nmatch: {any: [{resources: {kinds: [Pod], namespaces: [shop]}}]}"), []string{"KC516 spec.exceptions[0].ruleNames[0]"}},
	{"an exception from a rule and its autogen forms", exception("exceptions: [{policyName: p, ruleNames: [r, '*-r']}]\nmatch: {any: [{resources: {kinds: [Pod], namespaces: [shop]}}]}"), nil},
	{"an old exception", strings.Replace(exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod], namespaces: [shop]}}]}"), "/v2", "/v2beta1", 1), []string{"KC511 apiVersion"}},

	{"a cleanup of every Job", cleanup("match: {any: [{resources: {kinds: [batch/v1/Job]}}]}"), []string{"KC523 spec.match.any[0]"}},
	{"a cleanup by condition", cleanup("match: {any: [{resources: {kinds: [Job]}}]}\nconditions: {any: [{key: a, operator: Equals, value: a}]}"), nil},
	{"a cleanup by label", cleanup("match: {any: [{resources: {kinds: [Job], selector: {matchLabels: {a: b}}}}]}"), nil},

	{"a cleanup by two filters", cleanup("match: {all: [{resources: {kinds: [Job]}}, {resources: {namespaces: [shop]}}]}"), nil},
	{"CEL: Pods denied everywhere", cel("ValidatingPolicy", pods+labelled), []string{"KC501 spec.matchConstraints"}},
	{"CEL: audited", cel("ValidatingPolicy", audited+pods+labelled), nil},
	{"CEL: Services denied everywhere", cel("ValidatingPolicy", services+labelled), nil},
	{"CEL: Pods denied by namespace", cel("ValidatingPolicy", strings.Replace(pods, "{resourceRules", "{namespaceSelector: {matchLabels: {a: b}}, resourceRules", 1)+labelled), nil},
	{"CEL: Pods denied where a condition chooses", cel("ValidatingPolicy", pods+labelled+"matchConditions: [{name: a, expression: 'object.metadata.namespace != \"kube-system\"'}]"), nil},
	{"CEL: Pods denied in the policy's namespace", strings.Replace(cel("NamespacedValidatingPolicy", pods+labelled), "{name: p,", "{name: p, namespace: shop,", 1), nil},
	{"CEL: no admission", cel("ValidatingPolicy", "evaluation: {admission: {enabled: false}}\n"+pods+labelled), nil},
	{"CEL: no message", cel("ValidatingPolicy", audited+services+"validations: [{expression: 'true'}, {expression: 'true', messageExpression: \"'a'\"}]"), []string{"KC503 spec.validations[0].message"}},
	{"CEL: a hollow message", cel("ValidatingPolicy", audited+services+"validations: [{expression: 'true', message: Not allowed}]"), []string{"KC503 spec.validations[0].message"}},
	{"CEL: every resource", cel("ValidatingPolicy", audited+strings.NewReplacer("['']", "['*']", "[services]", "['*']").Replace(services)+labelled), []string{"KC504 spec.matchConstraints.resourceRules[0].resources[0]"}},
	{"CEL: every resource that is labelled", cel("ValidatingPolicy", audited+strings.NewReplacer("['']", "['*']", "[services]", "['*']", "{resourceRules", "{objectSelector: {matchLabels: {a: b}}, resourceRules").Replace(services)+labelled), nil},
	{"CEL: a resource of every group", cel("ValidatingPolicy", audited+strings.Replace(services, "['']", "['*']", 1)+labelled), nil},
	{"CEL: every resource of a group", cel("ValidatingPolicy", audited+strings.NewReplacer("['']", "[apps]", "[services]", "['*']").Replace(services)+labelled), nil},
	{"CEL: every deletion", cel("ValidatingPolicy", audited+strings.NewReplacer("['']", "['*']", "[services]", "['*']", "CREATE, UPDATE", "DELETE").Replace(services)+labelled), nil},
	{"CEL: containers alone", cel("ValidatingPolicy", audited+pods+"validations: [{expression: 'object.spec.containers.all(c, c.image.startsWith(\"gcr.io/\"))', message: Images come from gcr.io.}]"), []string{"KC507 spec.validations[0].expression"}},
	{"CEL: containers of a variable", cel("ValidatingPolicy", audited+pods+"variables: [{name: all, expression: object.spec.containers}]\nvalidations: [{expression: 'variables.all.all(c, c.image != \"a\")', message: Images come from gcr.io.}]"), []string{"KC507 spec.variables[0].expression"}},
	{"CEL: containers after another variable", cel("ValidatingPolicy", audited+pods+"variables: [{name: a, expression: object.kind}]\nvalidations: [{expression: 'object.spec.containers.all(c, c.image != \"a\")', message: Images come from gcr.io.}]"), []string{"KC507 spec.validations[0].expression"}},
	{"CEL: init containers too", cel("ValidatingPolicy", audited+pods+"validations: [{expression: '(object.spec.containers + object.spec.?initContainers.orValue([])).all(c, c.image != \"a\")', message: Images come from gcr.io.}]"), nil},
	{"CEL: ports of containers", cel("ValidatingPolicy", audited+pods+"validations: [{expression: 'object.spec.containers.all(c, !has(c.ports))', message: Ports are not declared here.}]"), nil},
	{"CEL: denies and fails open", cel("ValidatingPolicy", "failurePolicy: Ignore\n"+services+labelled), []string{"KC512 spec.failurePolicy"}},
	{"CEL: audits and fails open", cel("ValidatingPolicy", audited+"failurePolicy: Ignore\n"+services+labelled), nil},
	{"CEL: a long timeout", cel("ValidatingPolicy", "webhookConfiguration: {timeoutSeconds: 30}\n"+services+labelled), []string{"KC513 spec.webhookConfiguration.timeoutSeconds"}},
	{"CEL: a long timeout for a registry", cel("ImageValidatingPolicy", "matchImageReferences: [{glob: 'ghcr.io/*'}]\nwebhookConfiguration: {timeoutSeconds: 30}\n"+pods+labelled), nil},
	{"CEL: critical and audited", strings.Replace(cel("ValidatingPolicy", audited+services+labelled), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), []string{"KC514 spec.validationActions"}},
	{"CEL: critical and denied", strings.Replace(cel("ValidatingPolicy", "validationActions: [Deny, Audit]\n"+services+labelled), "Pod holds to.", "Pod holds to., policies.kyverno.io/severity: critical", 1), nil},
	{"CEL: an old version", strings.Replace(cel("ValidatingPolicy", audited+services+labelled), "/v1", "/v1alpha1", 1), []string{"KC511 apiVersion"}},
	{"CEL: a version that is stored", strings.Replace(cel("ValidatingPolicy", audited+services+labelled), "/v1", "/v1beta1", 1), nil},
	{"CEL: no description", strings.Replace(cel("MutatingPolicy", services), "description", "title", 1), []string{`KC519 metadata.annotations."policies.kyverno.io/description"`}},
	{"CEL: generates, synchronize unsaid", cel("GeneratingPolicy", services), []string{"KC517 spec.evaluation.synchronize.enabled"}},
	{"CEL: generates once", cel("GeneratingPolicy", "evaluation: {synchronize: {enabled: false}}\n"+services), nil},
	{"CEL: deletes every Service", cel("DeletingPolicy", "schedule: 0 3 * * *\n"+services), []string{"KC523 spec.matchConstraints.resourceRules[0]"}},
	{"CEL: deletes by condition", cel("DeletingPolicy", "schedule: 0 3 * * *\nconditions: [{name: a, expression: 'true'}]\n"+services), nil},
	{"CEL: deletes by name", cel("DeletingPolicy", "schedule: 0 3 * * *\n"+strings.Replace(services, "resources: [services]", "resources: [services], resourceNames: [a]", 1)), nil},
	{"CEL: deletes by label", cel("DeletingPolicy", "schedule: 0 3 * * *\n"+strings.Replace(services, "{resourceRules", "{objectSelector: {matchLabels: {a: b}}, resourceRules", 1)), nil},
	{"CEL: an exception for everything", cel("PolicyException", "policyRefs: [{kind: ValidatingPolicy, name: p}]"), []string{"KC515 spec"}},
	{"CEL: an exception by condition", cel("PolicyException", "policyRefs: [{kind: ValidatingPolicy, name: p}]\nmatchConditions: [{name: a, expression: 'true'}]"), nil},
}

func TestPracticesOfOtherKinds(t *testing.T) {
	for _, p := range otherKinds {
		t.Run(p.name, func(t *testing.T) {
			if d := cmp.Diff(p.want, practicesOf(t, p.object)); d != "" {
				t.Errorf("(-want +got):\n%s\n%s", d, p.object)
			}
		})
	}
}
