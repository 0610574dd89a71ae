package bundle

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kcue.dev/evaluator/admission"
	"kcue.dev/protocol"
)

// raw turns YAML into JSON, as the compiler gives it.
func raw(t testing.TB, text string) json.RawMessage {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return data
}

func test(t testing.TB, text string) protocol.Test {
	t.Helper()
	var test protocol.Test
	if err := json.Unmarshal(raw(t, text), &test); err != nil {
		t.Fatal(err)
	}
	return test
}

func policy(name, rules string) string {
	return "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: " + name + "}, spec: {rules: [" + rules + "]}}"
}

const (
	registry   = `{name: registry, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {message: other registry, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}}`
	noHost     = `{name: no-host, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {message: host network, pattern: {spec: {=(hostNetwork): false}}}}`
	forMaps    = `{name: maps, match: {any: [{resources: {kinds: [ConfigMap]}}]}, validate: {message: m, deny: {}}}`
	team       = `{name: team, match: {any: [{resources: {kinds: [Pod]}}]}, mutate: {patchStrategicMerge: {metadata: {labels: {+(team): core}}}}}`
	tier       = `{name: tier, match: {any: [{resources: {kinds: [Pod]}}]}, mutate: {patchStrategicMerge: {metadata: {labels: {+(tier): one}}}}}`
	deny       = `{name: deny, match: {any: [{resources: {kinds: [Namespace]}}]}, generate: {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, name: deny, namespace: "{{request.object.metadata.name}}", synchronize: true, data: {spec: {podSelector: {}}}}}`
	quota      = `{name: quota, match: {any: [{resources: {kinds: [Namespace]}}]}, generate: {apiVersion: v1, kind: ResourceQuota, name: quota, namespace: "{{request.object.metadata.name}}", data: {spec: {hard: {pods: "4"}}}}}`
	existing   = `{name: existing, match: {any: [{resources: {kinds: [Namespace]}}]}, mutate: {targets: [{apiVersion: v1, kind: ConfigMap, name: settings, namespace: "{{request.object.metadata.name}}"}], patchStrategicMerge: {data: {seen: "yes"}}}}`
	looksUp    = `{name: looks-up, match: {any: [{resources: {kinds: [Pod]}}]}, context: [{name: r, configMap: {name: registries, namespace: kyverno}}], validate: {message: m, deny: {conditions: {any: [{key: "{{r.data.allowed}}", operator: NotEquals, value: gcr.io}]}}}}`
	production = `{name: production, match: {any: [{resources: {kinds: [Pod], namespaceSelector: {matchLabels: {env: production}}}}]}, validate: {message: m, deny: {}}}`
	admins     = `{name: admins, match: {any: [{resources: {kinds: [Pod]}, clusterRoles: [admin]}]}, validate: {message: m, deny: {}}}`
	updates    = `{name: updates, match: {any: [{resources: {kinds: [Pod], operations: [UPDATE]}}]}, validate: {message: "was {{request.oldObject.metadata.name}}", deny: {}}}`

	goodPod  = `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: team}, spec: {containers: [{name: c, image: "gcr.io/a"}]}}`
	badPod   = `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: team}, spec: {containers: [{name: c, image: "docker.io/a"}]}}`
	badJob   = `{apiVersion: batch/v1, kind: Job, metadata: {name: a, namespace: team}, spec: {template: {spec: {containers: [{name: c, image: "docker.io/a"}]}}}}`
	aConfig  = `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}, data: {a: b}}`
	shop     = `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`
	labelled = `{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: team, labels: {team: core, tier: one}}, spec: {containers: [{name: c, image: "gcr.io/a"}]}}`
	network  = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: shop}, spec: {podSelector: {}}}`
	fourPods = `{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota, namespace: shop}, spec: {hard: {pods: "4"}}}`
)

func TestRun(t *testing.T) {
	cases := []struct {
		name, policy, test string
		actual             string
		ok                 bool
		message            string // a part of it
	}{
		{"a rule passes", policy("p", registry), `{policy: p, rule: registry, resource: ` + goodPod + `, expect: pass}`, "pass", true, ""},
		{"a rule fails", policy("p", registry), `{policy: p, rule: registry, resource: ` + badPod + `, expect: fail}`, "fail", true, "other registry"},
		{"a rule fails that should pass", policy("p", registry), `{policy: p, rule: registry, resource: ` + badPod + `, expect: pass}`, "fail", false, `rule "registry": fail: validation error: other registry`},
		{"a rule passes that should fail", policy("p", registry), `{policy: p, rule: registry, resource: ` + goodPod + `, expect: fail}`, "pass", false, `rule "registry": pass`},
		{"autogen goes by the author's rule", policy("p", registry), `{policy: p, rule: registry, resource: ` + badJob + `, expect: fail}`, "fail", true, ""},
		{"the name of an autogen rule is none", policy("p", registry), `{policy: p, rule: autogen-registry, resource: ` + badJob + `, expect: fail}`, "", false, `has no rule "autogen-registry"`},
		{"unmatched is no pass", policy("p", registry), `{policy: p, resource: ` + aConfig + `, expect: pass}`, "unmatched", false, "no rule concerns the resource"},
		{"unmatched", policy("p", registry), `{policy: p, resource: ` + aConfig + `, expect: unmatched}`, "unmatched", true, ""},
		{"the worst rule is the policy's", policy("p", noHost+","+registry+","+forMaps), `{policy: p, resource: ` + badPod + `, expect: fail}`, "fail", true, "other registry"},
		{"a pass is worse than an unmatched", policy("p", forMaps+","+registry), `{policy: p, resource: ` + goodPod + `, expect: pass}`, "pass", true, ""},
		{"only the rule of the name", policy("p", noHost+","+registry), `{policy: p, rule: no-host, resource: ` + badPod + `, expect: pass}`, "pass", true, ""},
		{"an error is worse than a fail", policy("p", looksUp+","+registry), `{policy: p, resource: ` + badPod + `, expect: fail}`, "error", false, `ConfigMap kyverno/registries is not given: give it as context.configMaps["kyverno/registries"]`},
		{"values", policy("p", looksUp), `{policy: p, resource: ` + goodPod + `, context: {configMaps: {kyverno/registries: {allowed: gcr.io}}}, expect: pass}`, "pass", true, ""},
		{"labels of the namespace", policy("p", production), `{policy: p, resource: ` + goodPod + `, namespaceLabels: {env: production}, expect: fail}`, "fail", true, ""},
		{"no labels of the namespace", policy("p", production), `{policy: p, resource: ` + goodPod + `, namespaceLabels: {}, expect: unmatched}`, "unmatched", true, ""},
		{"unknown labels of the namespace", policy("p", production), `{policy: p, resource: ` + goodPod + `, expect: unmatched}`, "error", false, "give them as namespaceLabels"},
		{"who asks", policy("p", admins), `{policy: p, resource: ` + goodPod + `, userInfo: {username: u, clusterRoles: [admin]}, expect: fail}`, "fail", true, ""},
		{"somebody else asks", policy("p", admins), `{policy: p, resource: ` + goodPod + `, userInfo: {username: u, clusterRoles: [view]}, expect: unmatched}`, "unmatched", true, ""},
		{"an update", policy("p", updates), `{policy: p, resource: ` + goodPod + `, oldResource: ` + badPod + `, expect: fail}`, "fail", true, "was a"},
		{"a creation", policy("p", updates), `{policy: p, resource: ` + goodPod + `, expect: unmatched}`, "unmatched", true, ""},
		{"an update of nothing", policy("p", updates), `{policy: p, resource: ` + goodPod + `, operation: UPDATE, expect: fail}`, "", false, "give the old resource"},

		{"patched", policy("p", team+","+tier), `{policy: p, resource: ` + goodPod + `, expect: pass, patched: ` + labelled + `}`, "pass", true, ""},
		{"patched is in full", policy("p", team+","+tier), `{policy: p, resource: ` + goodPod + `, expect: pass, patched: {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: team}}}`, "pass", false, "metadata.labels: expected nothing, got {\"team\":\"core\",\"tier\":\"one\"}\n    spec: expected nothing"},
		{"patched by all rules also of one", policy("p", team+","+tier), `{policy: p, rule: team, resource: ` + goodPod + `, expect: pass, patched: ` + labelled + `}`, "pass", true, ""},
		{"not patched", policy("p", registry), `{policy: p, resource: ` + goodPod + `, expect: pass, patched: ` + labelled + `}`, "pass", false, `metadata.labels: expected {"team":"core","tier":"one"}, got nothing`},
		{"wrong status and not patched", policy("p", registry), `{policy: p, resource: ` + badPod + `, expect: pass, patched: ` + goodPod + `}`, "fail", false, "other registry. rule registry failed at path /spec/containers/0/image/\npatched: v1/Pod/team/a is not as expected:\n    spec.containers[0].image: expected \"gcr.io/a\", got \"docker.io/a\""},
		{"a target", policy("p", existing), `{policy: p, resource: ` + shop + `, context: {resources: [` + aConfig + `]}, expect: pass, patched: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}, data: {a: b, seen: "yes"}}}`, "pass", true, ""},
		{"no target", policy("p", existing), `{policy: p, resource: ` + shop + `, context: {resources: [` + aConfig + `]}, expect: pass, patched: {apiVersion: v1, kind: ConfigMap, metadata: {name: others, namespace: shop}}}`, "pass", false, "no rule changes v1/ConfigMap/shop/others: it changes v1/ConfigMap/shop/settings"},

		{"generated in any order", policy("p", deny+","+quota), `{policy: p, resource: ` + shop + `, expect: pass, generated: [` + fourPods + `, ` + network + `]}`, "pass", true, ""},
		{"generated by the rule", policy("p", deny+","+quota), `{policy: p, rule: quota, resource: ` + shop + `, expect: pass, generated: [` + fourPods + `]}`, "pass", true, ""},
		{"generated by another rule", policy("p", deny+","+quota), `{policy: p, rule: deny, resource: ` + shop + `, expect: pass, generated: [` + network + `, ` + fourPods + `]}`, "pass", false, "v1/ResourceQuota/shop/quota is not generated"},
		{"generated and not expected", policy("p", deny+","+quota), `{policy: p, resource: ` + shop + `, expect: pass, generated: [` + network + `]}`, "pass", false, "v1/ResourceQuota/shop/quota is not expected"},
		{"nothing is to be generated", policy("p", deny), `{policy: p, resource: ` + shop + `, expect: pass, generated: []}`, "pass", false, "networking.k8s.io/v1/NetworkPolicy/shop/deny is not expected"},
		{"nothing is generated", policy("p", deny), `{policy: p, resource: ` + goodPod + `, expect: unmatched, generated: []}`, "unmatched", true, ""},
		{"generated otherwise", policy("p", quota), `{policy: p, resource: ` + shop + `, expect: pass, generated: [{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota, namespace: shop}, spec: {hard: {pods: "5"}}}]}`, "pass", false, `spec.hard.pods: expected "5", got "4"`},
		{"a label that Kyverno gives", policy("p", quota), `{policy: p, resource: ` + shop + `, expect: pass, generated: [{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota, namespace: shop, labels: {generate.kyverno.io/policy-name: p}}, spec: {hard: {pods: "4"}}}]}`, "pass", true, ""},
		{"a label that Kyverno does not give", policy("p", quota), `{policy: p, resource: ` + shop + `, expect: pass, generated: [{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota, namespace: shop, labels: {generate.kyverno.io/policy-name: q}}, spec: {hard: {pods: "4"}}}]}`, "pass", false, `expected "q", got "p"`},

		{"an unknown policy", policy("pod-security", registry), `{policy: pod-securty, resource: ` + goodPod + `, expect: unmatched}`, "", false, `there is no policy "pod-securty": did you mean "pod-security"?`},
		{"an unknown rule", policy("p", registry), `{policy: p, rule: regsitry, resource: ` + goodPod + `, expect: unmatched}`, "", false, `policy "p" has no rule "regsitry": did you mean "registry"?`},
		{"a policy that does not load", policy("p", `{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validation: {}}`), `{policy: p, resource: ` + goodPod + `, expect: error}`, "", false, `policy "p" does not load: `},
		{"an unknown status", policy("p", registry), `{policy: p, resource: ` + goodPod + `, expect: passed}`, "", false, `expect is "passed"`},
		{"no kind", policy("p", registry), `{policy: p, resource: {apiVersion: v1}, expect: pass}`, "", false, "'Kind' is missing"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			one := test(t, tt.test)
			one.Name, one.Position = "t", "tests.cue:1:2"
			suite := protocol.Suite{Name: "s", Objects: []json.RawMessage{raw(t, tt.policy)}, Tests: []protocol.Test{one}}
			checks, err := Run(context.Background(), suite, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := checks[len(checks)-1]
			if !strings.Contains(got.Message, tt.message) {
				t.Errorf("message %q lacks %q", got.Message, tt.message)
			}
			want := protocol.Check{
				Suite: "s", Test: "t", Position: "tests.cue:1:2", Policy: one.Policy, Rule: one.Rule, Expected: one.Expect,
				Actual: tt.actual, OK: tt.ok, Resource: got.Resource, Message: got.Message,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, got.Message)
			}
			if !tt.ok && got.Message == "" {
				t.Error("a failure without a message")
			}
		})
	}
}

// A suite that shows nothing fails.
func TestRunOfNothing(t *testing.T) {
	checks, err := Run(context.Background(), protocol.Suite{Name: "s", Objects: []json.RawMessage{raw(t, policy("p", registry))}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]protocol.Check{{Suite: "s", Message: "the suite has no tests"}}, checks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An object that a cluster would refuse fails the suite, although no test is
// about it; the others are still tested.
func TestRunRefused(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	suite := protocol.Suite{
		Name: "s",
		Objects: []json.RawMessage{
			raw(t, policy("p", registry)),
			raw(t, policy("q", `{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {message: m, failureAction: fail, deny: {}}}`)),
		},
		Tests: []protocol.Test{test(t, `{policy: p, resource: `+goodPod+`, expect: pass}`)},
	}
	checks, err := Run(context.Background(), suite, Options{Reviewer: reviewer})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range checks {
		line, _, _ := strings.Cut(c.Message, "\n")
		got = append(got, strings.Join([]string{c.Policy, c.Actual, line}, "|"))
	}
	want := []string{
		"q|error|ClusterPolicy q does not load: would be refused:",
		`p|pass|rule "registry": pass: validation rule 'registry' passed.`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if checks[0].OK || !checks[1].OK {
		t.Errorf("ok: %v, %v; want false, true", checks[0].OK, checks[1].OK)
	}
}

// Checks come in the order of the tests, those that are never asked included.
func TestRunOrder(t *testing.T) {
	var tests []protocol.Test
	var want []string
	for i := range 50 {
		name := string(rune('A' + i))
		text := `{policy: p, resource: ` + goodPod + `, expect: pass}`
		if i%3 == 0 {
			text = `{policy: unknown, resource: ` + goodPod + `, expect: pass}`
		}
		one := test(t, text)
		one.Name = name
		tests = append(tests, one)
		want = append(want, name)
	}
	checks, err := Run(context.Background(), protocol.Suite{Name: "s", Objects: []json.RawMessage{raw(t, policy("p", registry))}, Tests: tests}, Options{Parallel: 8})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, c := range checks {
		got = append(got, c.Test)
		if ok := i%3 != 0; c.OK != ok {
			t.Errorf("test %s: ok %v, want %v: %s", c.Test, c.OK, ok, c.Message)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
