package evaluator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// objects decodes a stream of YAML documents.
func objects(t testing.TB, text string) []unstructured.Unstructured {
	t.Helper()
	var out []unstructured.Unstructured
	for _, document := range strings.Split(text, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		data, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		var o unstructured.Unstructured
		if err := o.UnmarshalJSON(data); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		out = append(out, o)
	}
	return out
}

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	return &objects(t, text)[0]
}

func evaluator(t testing.TB, options Options, text string) *Evaluator {
	t.Helper()
	e, err := New(objects(t, text), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range e.Problems() {
		t.Fatalf("%s: %v", p.Object, p.Err)
	}
	return e
}

// clusterPolicy makes a policy called p of rules.
func clusterPolicy(rules ...string) string {
	return "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n" + strings.Join(rules, "")
}

// matching makes a rule called r for kinds, with a body of a line or more.
func matching(kinds, body string) string {
	return fmt.Sprintf("  - name: r\n    match: {any: [{resources: {kinds: [%s]}}]}\n    %s\n", kinds, strings.TrimSpace(body))
}

func pod(spec string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: team}\nspec: " + spec
}

// workload makes the controller of a pod.
func workload(kind, spec string) string {
	apiVersion, template := "apps/v1", "{selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: "+spec+"}}"
	switch kind {
	case "Job":
		apiVersion, template = "batch/v1", "{template: {spec: "+spec+"}}"
	case "CronJob":
		apiVersion, template = "batch/v1", "{schedule: '@daily', jobTemplate: {spec: {template: {spec: "+spec+"}}}}"
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: a, namespace: team}\nspec: %s", apiVersion, kind, template)
}

// lines writes results one a line, as "rule [variant] status".
func lines(results []Result) []string {
	var out []string
	for _, r := range results {
		line := r.Rule
		if r.Variant != "" && r.Variant != r.Rule {
			line += " " + r.Variant
		}
		out = append(out, line+" "+string(r.Status))
	}
	return out
}

const (
	good       = `{containers: [{name: c, image: "gcr.io/a:1"}]}`
	bad        = `{containers: [{name: c, image: "docker.io/a:1"}]}`
	badInit    = `{initContainers: [{name: i, image: "docker.io/i:1"}], containers: [{name: c, image: "gcr.io/a:1"}]}`
	privileged = `{containers: [{name: c, image: "gcr.io/a:1", securityContext: {privileged: true}}]}`
)

// The rows B1 to B11 are the predecessor's rules with their keys put right:
// what they then do to a resource is pinned here beside a rule that does what
// was meant, so that the engine is known to tell the two apart.
func TestEvaluateTellsIneffectiveRulesFromEffectiveOnes(t *testing.T) {
	const (
		registryPattern = `validate: {message: m, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}`
		registryMeant   = `validate: {message: m, pattern: {spec: {"=(initContainers)": [{image: "gcr.io/*"}], containers: [{image: "gcr.io/*"}]}}}`
		podTemplate     = `validate: {message: m, pattern: {spec: {template: {spec: {containers: [{image: "gcr.io/*"}]}}}}}`
		labelPattern    = `validate: {message: m, pattern: {metadata: {labels: {"pod-security.kubernetes.io/enforce": restricted}}}}`
		nonRoot         = `validate: {message: m, anyPattern: [{spec: {securityContext: {runAsNonRoot: true}}}, {spec: {containers: [{securityContext: {runAsNonRoot: true}}]}}]}`
		nonRootNarrow   = `validate: {message: m, pattern: {spec: {containers: [{securityContext: {runAsNonRoot: true}}]}}}`
	)
	denyPrivileged := func(key, operator string) string {
		return `validate: {message: m, deny: {conditions: {any: [{key: "` + key + `", operator: ` + operator + `, value: true}]}}}`
	}
	cases := []struct {
		name, rule, resource string
		want                 []string
	}{
		{"B1 key without braces passes all", matching("Pod", denyPrivileged("request.object.spec.containers[].securityContext.privileged", "Equals")), pod(privileged), []string{"r pass"}},
		{"B1 braces alone pass all", matching("Pod", denyPrivileged("{{ request.object.spec.containers[].securityContext.privileged }}", "Equals")), pod(privileged), []string{"r pass"}},
		{"B1 meant", matching("Pod", denyPrivileged("{{ request.object.spec.containers[].securityContext.privileged }}", "AnyIn")), pod(privileged), []string{"r fail"}},
		{"B2 container pattern fails any Deployment", matching("Deployment", registryPattern), workload("Deployment", good), []string{"r fail"}},
		{"B2 meant, good", matching("Deployment", podTemplate), workload("Deployment", good), []string{"r pass"}},
		{"B2 meant, bad", matching("Deployment", podTemplate), workload("Deployment", bad), []string{"r fail"}},
		{"B3 listing controllers turns autogen off", matching("Pod, Deployment", registryPattern), workload("DaemonSet", bad), []string{"r unmatched"}},
		{"B3 v1/Pod turns autogen off", matching("v1/Pod", registryPattern), workload("DaemonSet", bad), []string{"r unmatched"}},
		{"B3 Pod alone, Deployment", matching("Pod", registryPattern), workload("Deployment", bad), []string{"r autogen-r fail"}},
		{"B3 Pod alone, good Deployment", matching("Pod", registryPattern), workload("Deployment", good), []string{"r autogen-r pass"}},
		{"B3 Pod alone, CronJob", matching("Pod", registryPattern), workload("CronJob", bad), []string{"r autogen-cronjob-r fail"}},
		{"B3 Pod alone, Job", matching("Pod", registryPattern), workload("Job", bad), []string{"r autogen-r fail"}},
		{"B4 the label alone passes a privileged pod", matching("Pod", labelPattern), strings.Replace(pod(privileged), "name: a,", "name: a, labels: {pod-security.kubernetes.io/enforce: restricted},", 1), []string{"r pass"}},
		{"B4 meant", matching("Pod", `validate: {message: m, podSecurity: {level: restricted, version: latest}}`), strings.Replace(pod(privileged), "name: a,", "name: a, labels: {pod-security.kubernetes.io/enforce: restricted},", 1), []string{"r fail"}},
		{"B10 init containers slip through", matching("Pod", registryPattern), pod(badInit), []string{"r pass"}},
		{"B10 meant", matching("Pod", registryMeant), pod(badInit), []string{"r fail"}},
		{"B11 non-root at pod level fails", matching("Pod", nonRootNarrow), pod(`{securityContext: {runAsNonRoot: true}, containers: [{name: c, image: a}]}`), []string{"r fail"}},
		{"B11 meant", matching("Pod", nonRoot), pod(`{securityContext: {runAsNonRoot: true}, containers: [{name: c, image: a}]}`), []string{"r pass"}},
		{"B11 meant, root", matching("Pod", nonRoot), pod(`{containers: [{name: c, image: a}]}`), []string{"r fail"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := evaluator(t, Options{}, clusterPolicy(c.rule))
			response := e.Evaluate(context.Background(), Request{Object: object(t, c.resource)})
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			if diff := cmp.Diff(c.want, lines(response.Results)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvaluateMutates(t *testing.T) {
	cases := []struct {
		name, rule, resource, want string
	}{
		{"B5 a pattern without a name loses the containers", matching("Pod", `mutate: {patchStrategicMerge: {spec: {containers: [{imagePullPolicy: IfNotPresent}]}}}`), pod(good), `[]`},
		{"B5 meant", matching("Pod", `mutate: {patchStrategicMerge: {spec: {containers: [{(name): "*", imagePullPolicy: IfNotPresent}]}}}`), pod(good),
			`[{"image":"gcr.io/a:1","imagePullPolicy":"IfNotPresent","name":"c"}]`},
		{"B6 overwrites", matching("Pod", `mutate: {patchStrategicMerge: {spec: {containers: [{(name): "*", imagePullPolicy: IfNotPresent}]}}}`), pod(`{containers: [{name: c, image: a, imagePullPolicy: Always}]}`),
			`[{"image":"a","imagePullPolicy":"IfNotPresent","name":"c"}]`},
		{"B6 meant", matching("Pod", `mutate: {patchStrategicMerge: {spec: {containers: [{(name): "*", "+(imagePullPolicy)": IfNotPresent}]}}}`), pod(`{containers: [{name: c, image: a, imagePullPolicy: Always}]}`),
			`[{"image":"a","imagePullPolicy":"Always","name":"c"}]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := evaluator(t, Options{}, clusterPolicy(c.rule))
			before := object(t, c.resource)
			input := before.DeepCopy()
			response := e.Evaluate(context.Background(), Request{Object: input})
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			containers, _, _ := unstructured.NestedFieldNoCopy(response.Patched.Object, "spec", "containers")
			got, err := json.Marshal(containers)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("containers are %s, want %s", got, c.want)
			}
			if diff := cmp.Diff(before.Object, input.Object); diff != "" {
				t.Errorf("the caller's object was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestEvaluateValidatesWhatMutateRulesLeave(t *testing.T) {
	e := evaluator(t, Options{}, clusterPolicy(
		matching("Pod", `mutate: {patchStrategicMerge: {metadata: {labels: {+(team): a}}}}`),
		"  - name: labelled\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    validate: {failureAction: Enforce, message: m, pattern: {metadata: {labels: {team: \"?*\"}}}}\n",
	))
	response := e.Evaluate(context.Background(), Request{Object: object(t, pod(good))})
	if diff := cmp.Diff([]string{"r pass", "labelled pass"}, lines(response.Results)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if !response.Changed || response.Patched.GetLabels()["team"] != "a" {
		t.Errorf("changed %v, labels %v", response.Changed, response.Patched.GetLabels())
	}
}

func TestEvaluateGenerates(t *testing.T) {
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}"
	rule := func(ns string) string {
		return matching("Namespace", `generate: {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, name: deny, namespace: "`+ns+`", synchronize: true, data: {spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}}`)
	}
	cases := []struct {
		name, policy string
		values       Values
		want         []string
	}{
		{"B8 the text is taken literally", rule("{request.object.metadata.name}"), Values{}, []string{"NetworkPolicy {request.object.metadata.name}/deny"}},
		{"B8 meant", rule("{{request.object.metadata.name}}"), Values{}, []string{"NetworkPolicy team-a/deny"}},
		{"cluster-scoped", matching("Namespace", `generate: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: "{{request.object.metadata.name}}", data: {rules: []}}`), Values{}, []string{"ClusterRole /team-a"}},
		{"clone", matching("Namespace", `generate: {apiVersion: v1, kind: Secret, name: pull, namespace: "{{request.object.metadata.name}}", clone: {name: pull, namespace: default}}`),
			Values{Resources: objects(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: default}\ndata: {a: Yg==}")}, []string{"Secret team-a/pull"}},
		{"clone list", matching("Namespace", `generate: {namespace: "{{request.object.metadata.name}}", cloneList: {kinds: [v1/Secret], namespace: default, selector: {matchLabels: {copy: "yes"}}}}`),
			Values{Resources: objects(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: default, labels: {copy: \"yes\"}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: other, namespace: default}")}, []string{"Secret team-a/pull"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := evaluator(t, Options{}, clusterPolicy(c.policy))
			response := e.Evaluate(context.Background(), Request{Object: object(t, namespace), Values: c.values})
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			var got []string
			for _, r := range response.Results {
				if r.Status != StatusPass {
					t.Errorf("%s: %s", r.Status, r.Message)
				}
				for _, o := range r.Generated {
					got = append(got, o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName())
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("generated (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a source that is not there is an error", func(t *testing.T) {
		e := evaluator(t, Options{}, clusterPolicy(cases[3].policy))
		response := e.Evaluate(context.Background(), Request{Object: object(t, namespace)})
		if got := response.Results[0]; got.Status != StatusError || !strings.Contains(got.Message, "not found") {
			t.Errorf("got %s: %s", got.Status, got.Message)
		}
	})
}

func TestEvaluateMutatesExisting(t *testing.T) {
	e := evaluator(t, Options{}, clusterPolicy(matching("ConfigMap", `mutate: {targets: [{apiVersion: v1, kind: Secret, namespace: "{{request.object.metadata.namespace}}", name: "*"}], patchStrategicMerge: {metadata: {labels: {seen: "yes"}}}}`)))
	response := e.Evaluate(context.Background(), Request{
		Object: object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}"),
		Values: Values{Resources: objects(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: other}")},
	})
	if diff := cmp.Diff([]string{"r pass"}, lines(response.Results)); diff != "" {
		t.Fatalf("results (-want +got):\n%s", diff)
	}
	targets := response.Results[0].Targets
	if len(targets) != 1 || targets[0].GetNamespace() != "team" || targets[0].GetLabels()["seen"] != "yes" {
		t.Errorf("targets: %v", targets)
	}
	if response.Changed {
		t.Error("the trigger is reported as changed")
	}
}

func TestEvaluateStatuses(t *testing.T) {
	registry := `validate: {message: m, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}`
	cases := []struct {
		name, policies string
		want           Result
	}{
		{"precondition", clusterPolicy(matching("Pod", "preconditions: {all: [{key: a, operator: Equals, value: b}]}\n    "+registry)), Result{Status: StatusSkip, Message: "preconditions not met"}},
		{"exception", clusterPolicy(matching("Pod", registry)) + `
---
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: e, namespace: kyverno}
spec: {exceptions: [{policyName: p, ruleNames: [r]}], match: {any: [{resources: {kinds: [Pod], names: [a]}}]}}
`, Result{Status: StatusSkip, Message: "rule is skipped due to policy exceptionskyverno/e", Exceptions: []string{"kyverno/e"}}},
		{"not scored", strings.Replace(clusterPolicy(matching("Pod", registry)), "{name: p}", `{name: p, annotations: {policies.kyverno.io/scored: "false"}}`, 1), Result{Status: StatusWarn, Message: "validation error: m. rule r failed at path /spec/containers/0/image/"}},
		{"namespaced policy elsewhere", strings.NewReplacer("ClusterPolicy", "Policy", "{name: p}", "{name: p, namespace: other}").Replace(clusterPolicy(matching("Pod", registry))), Result{Status: StatusUnmatched}},
		{"namespaced policy", strings.NewReplacer("ClusterPolicy", "Policy", "{name: p}", "{name: p, namespace: team}").Replace(clusterPolicy(matching("Pod", registry))), Result{Status: StatusFail, Message: "validation error: m. rule r failed at path /spec/containers/0/image/"}},
		{"foreach", clusterPolicy(matching("Pod", `validate: {message: m, foreach: [{list: request.object.spec.containers, deny: {conditions: {any: [{key: "{{element.image}}", operator: NotEquals, value: "gcr.io/*"}]}}}]}`)), Result{Status: StatusFail, Message: "validation failure: m"}},
		{"cel", clusterPolicy(matching("Pod", `validate: {cel: {expressions: [{expression: "object.spec.containers.all(c, c.image.startsWith('gcr.io/'))", message: from gcr}]}}`)), Result{Status: StatusFail, Message: "from gcr"}},
		{"cel over its namespace", clusterPolicy(matching("Pod", `validate: {cel: {expressions: [{expression: "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] != 'team'", message: not here}]}}`)), Result{Status: StatusFail, Message: "not here"}},
		{"assert", clusterPolicy(matching("Pod", `validate: {message: m, assert: {object: {metadata: {name: b}}}}`)), Result{Status: StatusError, Message: "Kyverno 1.19 does not evaluate validate.assert"}},
		{"assert of another kind", clusterPolicy(matching("Secret", `validate: {message: m, assert: {object: {metadata: {name: b}}}}`)), Result{Status: StatusUnmatched}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response := evaluator(t, Options{}, c.policies).Evaluate(context.Background(), Request{Object: object(t, pod(bad))})
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			r := response.Results[0]
			got := Result{Status: r.Status, Message: r.Message, Exceptions: r.Exceptions}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// Kyverno's engine has panicked in one rule and so lost what the others of the
// policy said.
func TestAPanicIsAnErrorOfOneRule(t *testing.T) {
	rule := func(name string) string {
		return "  - name: " + name + "\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    validate: {message: m, pattern: {metadata: {name: a}}}\n"
	}
	e := evaluator(t, Options{}, clusterPolicy(rule("one"), rule("boom"), rule("two")))
	request, err := Request{Object: object(t, pod(good))}.normalize(e.kinds)
	if err != nil {
		t.Fatal(err)
	}
	r := e.newRun(request)
	p := e.policies[0]
	results := newTable(p, r)
	r.apply(p.plain, results, func(pc policyContext) []engineapi.RuleResponse {
		for _, rule := range pc.Policy().GetSpec().Rules {
			if rule.Name == "boom" {
				var nothing *Evaluator
				_ = nothing.config
			}
		}
		return r.engine.Validate(context.Background(), pc).PolicyResponse.Rules
	})
	got := results.results()
	if diff := cmp.Diff([]string{"one pass", "boom error", "two pass"}, lines(got)); diff != "" {
		t.Fatalf("results (-want +got):\n%s", diff)
	}
	if !strings.Contains(got[1].Message, "panic: runtime error: invalid memory address") {
		t.Errorf("message: %s", got[1].Message)
	}
}

func TestAPolicyThatCannotBePreparedIsAnErrorResult(t *testing.T) {
	const sound = "validate: {message: m, pattern: {metadata: {name: \"?*\"}}}"
	e, err := New(objects(t, strings.Replace(clusterPolicy(matching("Pod", sound)), "{name: p}", "{name: typo}", 1)+`  matched: []
---
apiVersion: policies.kyverno.io/v9
kind: ValidatingPolicy
metadata: {name: future}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
---
`+clusterPolicy(matching("Pod", sound))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(e.Problems()); got != 2 {
		t.Errorf("%d problems, want 2: %v", got, e.Problems())
	}
	response := e.Evaluate(context.Background(), Request{Object: object(t, pod(good))})
	var got []string
	for _, r := range response.Results {
		got = append(got, r.Policy.Name+" "+string(r.Status)+" "+r.Message)
	}
	want := []string{
		`typo error unknown field "spec.matched"`,
		`future error ValidatingPolicy of policies.kyverno.io/v9 is not evaluated`,
		`p pass `,
	}
	if len(got) == 3 {
		got[2] = "p pass " // the message of a pass is Kyverno's to choose
		if response.Results[2].Status != StatusPass {
			t.Errorf("p: %s", response.Results[2].Status)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestEvaluateAllKeepsTheOrderAtAnyParallelism(t *testing.T) {
	policies := clusterPolicy(
		matching("Pod", `validate: {message: m, pattern: {spec: {containers: [{image: "gcr.io/*"}]}}}`),
		"  - name: cel\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    validate: {cel: {expressions: [{expression: \"object.metadata.name != 'pod-3'\"}]}}\n",
		"  - name: label\n    match: {any: [{resources: {kinds: [Pod]}}]}\n    mutate: {patchStrategicMerge: {metadata: {labels: {a: b}}}}\n",
	)
	var requests []Request
	for i := range 40 {
		o := object(t, pod(good))
		o.SetName(fmt.Sprintf("pod-%d", i))
		requests = append(requests, Request{Object: o})
	}
	run := func(parallel int) []Response {
		e := evaluator(t, Options{Parallel: parallel}, policies)
		return slices.Collect(e.EvaluateAll(context.Background(), slices.Values(requests)))
	}
	one := run(1)
	if len(one) != len(requests) {
		t.Fatalf("%d responses for %d requests", len(one), len(requests))
	}
	for i, response := range one {
		if response.Resource.Name != fmt.Sprintf("pod-%d", i) || response.Err != nil {
			t.Errorf("response %d is of %s: %v", i, response.Resource.Name, response.Err)
		}
	}
	if diff := cmp.Diff(one, run(8)); diff != "" {
		t.Errorf("one at a time and eight at a time differ:\n%s", diff)
	}
	t.Run("stopping early", func(t *testing.T) {
		taken, n := 0, 0
		source := func(yield func(Request) bool) {
			for _, r := range requests {
				if taken++; !yield(r) {
					return
				}
			}
		}
		for range evaluator(t, Options{Parallel: 4}, policies).EvaluateAll(context.Background(), source) {
			if n++; n == 3 {
				break
			}
		}
		// Beyond the three: those at work, those that wait, and one in hand.
		if n != 3 || taken > 3+4+4+2 {
			t.Errorf("%d responses, %d requests taken", n, taken)
		}
	})
}
