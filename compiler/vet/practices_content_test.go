package vet_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
)

const (
	imagePlace = "spec.rules[0].validate.foreach[0].pattern.image"
	valuePlace = "spec.rules[0].validate.foreach[0].deny.conditions.all[0].value"
	message    = "KC503 spec.rules[0].validate.message"
)

// saying gives a policy whose rule has a message.
func saying(text string) string {
	return strings.Replace(validating("pattern: {metadata: {labels: {owner: '?*'}}}"), "The label owner is required under metadata.labels.", text, 1)
}

// containing gives a policy of one pattern of a Pod's spec.
func containing(pattern string) string { return validating("pattern: {spec: {" + pattern + "}}") }

// Warnings about what a rule asks, and says.
var contents = []struct {
	name   string
	object string
	want   []string
}{
	{"no message", strings.Replace(validating("pattern: {metadata: {labels: {owner: '?*'}}}"), "  message: The label owner is required under metadata.labels.\n", "", 1), []string{message}},
	{"the rule's name", strings.Replace(saying("Require owner label!"), "name: r", "name: require-owner-label", 1), []string{message}},
	{"a hollow message", saying("Validation error."), []string{message}},
	{"a short message", saying("No owner."), []string{message}},
	{"a short message that says it", saying("Set hostPID false."), nil},
	{"a message with a variable", saying("'{{ request.object.metadata.name }}: owner'"), nil},
	{"a message of digits", saying("'No 2026-01-01 12:00:00'"), []string{message}},
	{"no message of podSecurity", strings.Replace(validating("podSecurity: {level: baseline}"), "  message: The label owner is required under metadata.labels.\n", "", 1), nil},
	{"a message of each expression", strings.Replace(validating("cel: {expressions: [{expression: 'true', message: The label owner is required.}]}"), "  message: The label owner is required under metadata.labels.\n", "", 1), nil},
	{"no message of an expression", strings.Replace(validating("cel: {expressions: [{expression: 'true', message: The label owner is required.}, {expression: 'true'}]}"), "  message: The label owner is required under metadata.labels.\n", "", 1), []string{message}},
	{"a message of a condition", strings.Replace(validating("deny: {conditions: {any: [{key: a, operator: Equals, value: a, message: The label owner is required.}]}}"), "  message: The label owner is required under metadata.labels.\n", "", 1), nil},

	{"containers alone", containing("containers: [{image: 'gcr.io/*'}]"), []string{"KC507 spec.rules[0].validate.pattern.spec.containers"}},
	{"containers alone, optional", containing("'=(containers)': [{=(securityContext): {=(privileged): false}}]"), []string{`KC507 spec.rules[0].validate.pattern.spec."=(containers)"`}},
	{"containers alone, of the images", validating("deny: {conditions: {any: [{key: '{{ images.containers.*.registry }}', operator: AnyNotIn, value: [gcr.io]}]}}"), []string{"KC507 spec.rules[0].validate.deny.conditions.any[0].key"}},
	{"containers alone, in CEL", validating("cel: {expressions: [{expression: 'object.spec.containers.all(c, c.image.startsWith(\"gcr.io/\"))', message: Images come from gcr.io.}]}"), []string{"KC507 spec.rules[0].validate.cel.expressions[0].expression"}},
	{"containers alone, in a foreach", validating("foreach: [{list: request.object.spec.containers, deny: {conditions: {all: [{key: '{{ element.image }}', operator: NotEquals, value: 'gcr.io/*'}]}}}]"), []string{"KC507 spec.rules[0].validate.foreach[0].list"}},
	{"containers alone, in a foreach of patterns", validating("foreach: [{list: request.object.spec.containers, pattern: {image: 'gcr.io/*'}}]"), []string{"KC507 spec.rules[0].validate.foreach[0].list"}},
	{"containers alone, in a foreach of images", validating("foreach: [{list: 'request.object.spec.containers[].image', deny: {conditions: {all: [{key: '{{ element }}', operator: NotEquals, value: 'gcr.io/*'}]}}}]"), []string{"KC507 spec.rules[0].validate.foreach[0].list"}},
	{"ports of containers, in a foreach", validating("foreach: [{list: request.object.spec.containers, pattern: {=(ports): [{containerPort: '>1024'}]}}]"), nil},
	{"images of something else, in a foreach", validating("foreach: [{list: request.object.spec.volumes, pattern: {image: 'gcr.io/*'}}]"), nil},
	{"init containers too", containing("'=(initContainers)': [{image: 'gcr.io/*'}], containers: [{image: 'gcr.io/*'}]"), nil},
	{"init containers in another rule", clusterPolicy(rule("", "validate: {message: Images come from gcr.io., pattern: {spec: {containers: [{image: 'gcr.io/*'}]}}}") + strings.Replace(strings.TrimPrefix(rule("", "validate: {message: Images come from gcr.io., pattern: {spec: {=(initContainers): [{image: 'gcr.io/*'}]}}}"), "rules:\n"), "name: r", "name: s", 1)), nil},
	{"probes, which init containers lack", containing("containers: [{livenessProbe: {periodSeconds: '>0'}}]"), nil},
	{"resources, which ephemeral ones lack", containing("containers: [{resources: {limits: {memory: '?*'}}}]"), nil},
	{"one container that has something", containing("'^(containers)': [{image: '*/proxy:*'}]"), nil},
	{"containers that are chosen by image", containing("containers: [{(image): '*/java:*', resources: {limits: {memory: '?*'}}}]"), nil},

	{"a host without its slash", image("gcr.io*"), []string{"KC508 " + imagePlace}},
	{"a host with a port without its slash", image("gcr.io/* | registry.example.com:5000*"), []string{"KC508 " + imagePlace}},
	{"a wildcard before the host", image("*.gcr.io/*"), []string{"KC508 " + imagePlace}},
	{"a wildcard before the host and its port", image("*.gcr.io:5000/*"), nil},
	{"an account without its slash", image("ghcr.io/acme*"), []string{"KC508 " + imagePlace}},
	{"an alternative of everything", image("gcr.io/* | *"), []string{"KC508 " + imagePlace}},
	{"a host in a deny", denying("{{ element.image }}", "NotEquals", "'gcr.io*'"), []string{"KC508 " + valuePlace}},
	{"a host in a deny of several", denying("{{ element.image }}", "AnyNotIn", "['gcr.io/*', 'ghcr.io*']"), []string{"KC508 " + valuePlace + "[1]"}},
	{"images that are skipped", clusterPolicy(rule("", "verifyImages: [{imageReferences: ['*'], skipImageReferences: ['ghcr.io/acme*']}]")), []string{"KC508 spec.rules[0].verifyImages[0].skipImageReferences[0]"}},
	{"a host without its slash, but not latest", image("gcr.io* & !*:latest & *:*"), nil},
	{"a host without its slash, and not of one path", image("gcr.io* & !gcr.io/evil/*"), []string{"KC508 " + imagePlace}},
	{"a host in a deny of a list", validating("deny: {conditions: [{key: '{{ images.[initContainers, containers][].registry }}', operator: AnyNotIn, value: ['gcr.io*']}]}"), []string{"KC508 spec.rules[0].validate.deny.conditions[0].value[0]"}},
	{"a host in a deny of something else", denying("{{ element.imagePullPolicy }}", "NotEquals", "'gcr.io*'"), nil},
	{"images that are chosen", containing("'=(initContainers)': [{}], containers: [{(image): 'gcr.io*', imagePullPolicy: Always}]"), nil},
	{"images that are skipped, of an account", clusterPolicy(rule("", "verifyImages: [{imageReferences: ['*'], skipImageReferences: ['ghcr.io/acme/*']}]")), nil},
	{"a host with its slash", image("gcr.io/* | ghcr.io/acme/*"), nil},
	{"a name on a registry of one's own", image("registry.example.com/nginx*"), nil},
	{"a host that is refused", image("!gcr.io*"), nil},
	{"a host that is refused in a deny", denying("{{ element.image }}", "Equals", "'gcr.io*'"), nil},
	{"any tag", image("*:*"), nil},
	{"anything", image("*"), nil},

	{"latest refused alone", image("!*:latest"), []string{"KC509 " + imagePlace}},
	{"latest asked for", image("gcr.io/*:latest"), []string{"KC509 " + imagePlace}},
	{"latest refused, a tag asked for", image("*:* & !*:latest"), nil},
	{"latest refused, and another", image("!*:latest & !*:dev"), []string{"KC509 " + imagePlace}},
	{"latest refused, the tag looked at by another rule", clusterPolicy(rule("", "validate: {message: The tag latest moves., foreach: [{list: 'request.object.spec.[initContainers, containers][]', pattern: {image: '!*:latest'}}]}") + strings.Replace(strings.TrimPrefix(rule("", "validate: {message: A tag is required., deny: {conditions: {any: [{key: '', operator: AnyIn, value: '{{ images.[initContainers, containers][].*.tag }}'}]}}}"), "rules:\n"), "name: r", "name: s", 1)), nil},
	{"latest refused, versions asked for", image("*:v* & !*:latest"), nil},
	{"latest refused, a tag asked for by another rule", clusterPolicy(rule("", "validate: {message: The tag latest moves., foreach: [{list: 'request.object.spec.[initContainers, containers][]', pattern: {image: '!*:latest'}}]}") + strings.Replace(strings.TrimPrefix(rule("", "validate: {message: A tag is required., foreach: [{list: 'request.object.spec.[initContainers, containers][]', pattern: {image: '*:*'}}]}"), "rules:\n"), "name: r", "name: s", 1)), nil},

	{"Docker Hub refused", image("!docker.io/*"), []string{"KC510 " + imagePlace}},
	{"Docker Hub refused in a deny", denying("{{ element.image }}", "Equals", "'docker.io/*'"), []string{"KC510 " + valuePlace}},
	{"Docker Hub refused, a registry asked for", image("*.*/* & !docker.io/*"), nil},
	{"Docker Hub allowed", image("docker.io/acme/*"), nil},
	{"Docker Hub refused where it is filled in", denying("{{ images.[initContainers, containers][].*.registry }}", "AnyIn", "['docker.io/*']"), nil},

	{"conditions of nothing", validating("deny: {conditions: {}}"), []string{"KC520 spec.rules[0].validate.deny.conditions"}},
	{"conditions of an empty list", validating("deny: {conditions: []}"), []string{"KC520 spec.rules[0].validate.deny.conditions"}},
	{"one condition", validating("deny: {conditions: {any: [{key: '{{ request.object.kind }}', operator: Equals, value: Pod}]}}"), nil},
	{"every Pod denied", validating("deny: {}"), []string{"KC520 spec.rules[0].validate.deny"}},
	{"a kind denied", clusterPolicy(rule("any: [{resources: {kinds: [Ingress]}}]", "validate: {message: Ingresses are not used here., deny: {}}")), nil},
	{"chosen Pods denied", clusterPolicy(rule("any: [{resources: {kinds: [Pod], namespaces: [default]}}]", "validate: {message: Pods are not made in default., deny: {}}")), nil},
	{"Pods denied to some", clusterPolicy(rule("", "preconditions: {all: [{key: a, operator: Equals, value: a}]}\nvalidate: {message: Pods are made by controllers., deny: {}}")), nil},
	{"updates of Pods denied", clusterPolicy(rule("any: [{resources: {kinds: [Pod], operations: [UPDATE]}}]", "validate: {message: Pods are not changed., deny: {}}")), nil},

	{"an alternative alone", validating("anyPattern: [{metadata: {labels: {owner: '?*'}}}]"), []string{"KC521 spec.rules[0].validate.anyPattern"}},
	{"two alternatives", validating("anyPattern: [{metadata: {labels: {owner: '?*'}}}, {metadata: {labels: {team: '?*'}}}]"), nil},

	{"a label under optional labels", validating("pattern: {metadata: {=(labels): {owner: '?*'}}}"), []string{`KC522 spec.rules[0].validate.pattern.metadata."=(labels)"`}},
	{"a limit under optional resources", containing("'=(initContainers)': [{}], containers: [{=(resources): {limits: {memory: '?*'}}}]"), []string{`KC522 spec.rules[0].validate.pattern.spec.containers[0]."=(resources)"`}},
	{"a label under optional labels of optional metadata", validating("pattern: {=(metadata): {=(labels): {owner: '?*'}}}"), []string{`KC522 spec.rules[0].validate.pattern."=(metadata)"."=(labels)"`}},
	{"a limit beside an optional request", containing("'=(initContainers)': [{}], containers: [{=(resources): {requests: {=(cpu): '?*'}, limits: {memory: '?*'}}}]"), []string{`KC522 spec.rules[0].validate.pattern.spec.containers[0]."=(resources)"`}},
	{"a label of one value", validating("pattern: {metadata: {=(labels): {env: '!dev'}}}"), nil},
	{"an optional label under optional labels", validating("pattern: {metadata: {=(labels): {=(owner): '?*'}}}"), nil},
	{"an optional host", containing("'=(ingress)': {host: '?*'}"), nil},
	{"a label under optional labels, of what is chosen", validating("pattern: {(kind): Pod, metadata: {=(labels): {owner: '?*'}}}"), nil},
}

func TestContents(t *testing.T) {
	for _, p := range contents {
		t.Run(p.name, func(t *testing.T) {
			if d := cmp.Diff(p.want, practicesOf(t, p.object)); d != "" {
				t.Errorf("(-want +got):\n%s\n%s", d, p.object)
			}
		})
	}
}

// takes is how a message says that a pattern matches an image.
var takes = regexp.MustCompile(`the pattern "(.*)" takes (.*) too`)

// TestPracticesSay holds what is said of some objects, and what is proposed.
func TestPracticesSay(t *testing.T) {
	tests := []struct{ object, message, hint string }{
		{clusterPolicy(strings.Replace(rule("", owner), "name: r", "name: owner", 1)), `rule "owner" refuses Pods in every namespace`, "excludeSystemNamespaces"},
		{strings.Replace(saying("Require owner label!"), "name: r", "name: require-owner-label", 1), "repeats the name", "metadata.labels"},
		{saying("No owner."), "too short", "metadata.labels"},
		{saying("Validation failed"), "and not what", "metadata.labels"},
		{image("gcr.io*"), `takes gcr.io.evil.example/app too`, "slash before the wildcard"},
		{image("*.gcr.io/*"), `takes evil.example/x.gcr.io/app too`, "begin with the registry's host"},
		{image("*gcr.io:5000/*"), `takes evil-gcr.io:5000/app too`, "begin with the registry's host"},
		{image("gcr.io/* | *"), `the alternative "*"`, "leave it out"},
		{image("ghcr.io/acme*"), `takes ghcr.io/acme-evil/app too`, "slash before the wildcard"},
		{clusterPolicy("background: true\n" + rule("", "mutate: {patchStrategicMerge: {metadata: {labels: {+(a): b}}}}")), "no rule validates", "mutateExistingOnPolicyUpdate"},
		{strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), "description: What", "title: What", 1), "no description, category or severity:", "description"},
		{strings.Replace(clusterPolicy(rule("any: [{resources: {kinds: [Service]}}]", owner)), "v1", "v2beta1", 1), "expected kyverno.io/v1", "kyverno.io/v1"},
		{strings.Replace(exception("exceptions: [{policyName: p, ruleNames: [r]}]\nmatch: {any: [{resources: {kinds: [Pod], namespaces: [shop]}}]}"), "/v2", "/v2beta1", 1), "expected kyverno.io/v2", "kyverno.io/v2"},
		{cleanup("match: {any: [{resources: {kinds: [batch/v1/Job, Pod]}}]}"), "deletes every Job and Pod in every namespace", "conditions"},
		{strings.NewReplacer("ClusterC", "C", "{name: c}", "{name: c, namespace: shop}").Replace(cleanup("match: {any: [{resources: {kinds: [Job]}}]}")), "deletes every Job in shop", "conditions"},
	}
	for _, tt := range tests {
		objects, err := spec.ParseYAML("policy.yaml", []byte(tt.object))
		if err != nil {
			t.Fatal(err)
		}
		findings := slices.DeleteFunc(vet.Object(objects[0], vet.Options{BestPractices: true}), func(f vet.Finding) bool { return !strings.HasPrefix(string(f.Code), "KC5") })
		if len(findings) != 1 || !strings.Contains(findings[0].Message, tt.message) || !strings.Contains(findings[0].Hint, tt.hint) {
			t.Errorf("said %+v, want a message with %q and a hint with %q", findings, tt.message, tt.hint)
			continue
		}
		if m := takes.FindStringSubmatch(findings[0].Message); m != nil {
			glob := strings.ReplaceAll(regexp.QuoteMeta(m[1]), `\*`, ".*")
			if ok, err := regexp.MatchString("^"+glob+"$", m[2]); err != nil || !ok {
				t.Errorf("%s does not match %s, and the message says that it does", m[2], m[1])
			}
		}
	}
}

// TestPracticesTakeAnything puts every kind of value in every place of the
// tables' objects: what a schema refuses is vetted too, and must not panic.
func TestPracticesTakeAnything(t *testing.T) {
	others := []*spec.Node{
		{Kind: spec.Null}, {Kind: spec.String, Text: "x"}, {Kind: spec.Number, Text: "1"}, {Kind: spec.Bool, Text: "true"},
		{Kind: spec.List}, {Kind: spec.List, Items: []*spec.Node{{Kind: spec.Null}}}, {Kind: spec.Struct},
	}
	tried := 0
	var replace func(n *spec.Node, whole func())
	replace = func(n *spec.Node, whole func()) {
		try := func(at **spec.Node) {
			was := *at
			for _, other := range others {
				*at = other
				whole()
				tried++
			}
			*at = was
			replace(was, whole)
		}
		for i := range n.Fields {
			try(&n.Fields[i].Value)
		}
		for i := range n.Items {
			try(&n.Items[i])
		}
	}
	texts := []string{}
	for _, p := range practices {
		texts = append(texts, p.object)
	}
	for _, p := range contents {
		texts = append(texts, p.object)
	}
	for _, p := range otherKinds {
		texts = append(texts, p.object)
	}
	for _, text := range texts {
		objects, err := spec.ParseYAML("policy.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		replace(objects[0], func() { vet.Object(objects[0], vet.Options{BestPractices: true}) })
	}
	if tried < 10000 {
		t.Errorf("tried %d values, which is too few to say anything", tried)
	}
}
