package evaluator

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// celPolicy makes a policy called p of policies.kyverno.io over pods, with the
// rest of its spec in flow style.
func celPolicy(kind, spec string) string {
	namespace := ""
	if strings.HasPrefix(kind, "Namespaced") {
		namespace = ", namespace: team"
	}
	return fmt.Sprintf("apiVersion: policies.kyverno.io/v1\nkind: %s\nmetadata: {name: p%s}\nspec: {%s}\n", kind, namespace, spec)
}

const (
	onPods    = `matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}]}`
	fromGCR   = `validations: [{expression: "object.spec.containers.all(c, c.image.startsWith('gcr.io/'))", message: from gcr}]`
	validates = "ValidatingPolicy"
)

// outcome is what the tests compare of a Result.
type outcome struct {
	Variant       string
	Status        Status
	FailureAction string
	Message       string
}

func outcomes(results []Result) []outcome {
	var out []outcome
	for _, r := range results {
		out = append(out, outcome{r.Variant, r.Status, r.FailureAction, r.Message})
	}
	return out
}

func evaluate(t testing.TB, policies string, request Request) Response {
	t.Helper()
	response := evaluator(t, Options{}, policies).Evaluate(context.Background(), request)
	if response.Err != nil {
		t.Fatal(response.Err)
	}
	return response
}

func TestValidatingPolicy(t *testing.T) {
	policy := func(spec string) string { return celPolicy(validates, onPods+", "+spec) }
	exception := func(spec string) string {
		return "\n---\napiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: kyverno}\nspec: {policyRefs: [{name: p, kind: ValidatingPolicy}], matchConditions: [{name: a, expression: \"object.metadata.name == 'a'\"}]" + spec + "}\n"
	}
	selecting := func(selector string) string {
		return celPolicy(validates, strings.Replace(onPods, "matchConstraints: {", "matchConstraints: {namespaceSelector: "+selector+", ", 1)+", "+fromGCR)
	}
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {tier: new}}"
	onNamespace := func(expression string) string {
		return celPolicy(validates, strings.Replace(onPods, "pods", "namespaces", 1)+`, validations: [{expression: "`+expression+`", message: m}]`)
	}
	pass, fail := outcome{"", StatusPass, "Enforce", "success"}, outcome{"", StatusFail, "Enforce", "from gcr"}
	unmatched := outcome{Status: StatusUnmatched}
	cases := []struct {
		name, policies, resource string
		request                  Request
		want                     outcome
	}{
		{"pass", policy(fromGCR), pod(good), Request{}, pass},
		{"fail", policy(fromGCR), pod(bad), Request{}, fail},
		{"version v1beta1", strings.Replace(policy(fromGCR), "/v1", "/v1beta1", 1), pod(bad), Request{}, fail},
		{"version v1alpha1", strings.Replace(policy(fromGCR), "/v1", "/v1alpha1", 1), pod(bad), Request{}, fail},
		{"audit", policy("validationActions: [Audit], " + fromGCR), pod(bad), Request{}, outcome{"", StatusFail, "Audit", "from gcr"}},
		{"not scored", strings.Replace(policy(fromGCR), "{name: p}", `{name: p, annotations: {policies.kyverno.io/scored: "false"}}`, 1), pod(bad), Request{}, outcome{"", StatusWarn, "Enforce", "from gcr"}},
		{"autogen, good Deployment", policy(fromGCR), workload("Deployment", good), Request{}, outcome{"autogen-defaults", StatusPass, "Enforce", "success"}},
		{"autogen, bad Deployment", policy(fromGCR), workload("Deployment", bad), Request{}, outcome{"autogen-defaults", StatusFail, "Enforce", "from gcr"}},
		{"autogen, bad CronJob", policy(fromGCR), workload("CronJob", bad), Request{}, outcome{"autogen-cronjobs", StatusFail, "Enforce", "from gcr"}},
		{"autogen off", policy("autogen: {podControllers: {controllers: []}}, " + fromGCR), workload("Deployment", bad), Request{}, unmatched},
		{"another kind", policy(fromGCR), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}", Request{}, unmatched},
		{"another operation", policy(fromGCR), pod(bad), Request{Operation: "DELETE"}, unmatched},
		{"match condition", policy(`matchConditions: [{name: other, expression: "object.metadata.name == 'other'"}], ` + fromGCR), pod(bad), Request{}, outcome{"", StatusSkip, "Enforce", "skip"}},
		{"message expression", policy(`validations: [{expression: "false", messageExpression: "'no ' + object.metadata.name"}]`), pod(good), Request{}, outcome{"", StatusFail, "Enforce", "no a"}},
		{"variables", policy(`variables: [{name: named, expression: "object.metadata.name"}], validations: [{expression: "variables.named == 'b'", message: m}]`), pod(good), Request{}, outcome{"", StatusFail, "Enforce", "m"}},
		{"an expression that fails", policy(`validations: [{expression: "object.spec.missing == 'x'"}]`), pod(good), Request{}, outcome{"", StatusError, "Enforce", "error: no such key: missing"}},
		{"the request", policy(`validations: [{expression: "request.operation == 'UPDATE' && request.namespace == 'team' && request.userInfo.username == 'bob' && request.resource.resource == 'pods' && oldObject.metadata.name == object.metadata.name"}]`), pod(good),
			Request{OldObject: object(t, pod(bad)), UserInfo: userNamed("bob")}, pass},
		{"its namespace", policy(`validations: [{expression: "namespaceObject.metadata.labels['tier'] == 'gold' && namespaceObject.metadata.name == 'team'"}]`), pod(good), Request{NamespaceLabels: map[string]string{"tier": "gold"}}, pass},
		{"the request of a Namespace", onNamespace(`request.namespace == 'x' && namespaceObject == null`), namespace, Request{}, pass},
		{"the request of a Namespace that changes", onNamespace(`request.namespace == 'x' && namespaceObject.metadata.labels.tier == 'old'`), namespace, Request{OldObject: object(t, strings.Replace(namespace, "new", "old", 1))}, pass},
		{"a Namespace by its labels", strings.Replace(onNamespace("false"), "matchConstraints: {", "matchConstraints: {namespaceSelector: {matchLabels: {tier: new}}, ", 1), namespace, Request{}, outcome{"", StatusFail, "Enforce", "m"}},
		{"namespaced, in its namespace", celPolicy("NamespacedValidatingPolicy", onPods+", "+fromGCR), pod(bad), Request{}, fail},
		{"namespaced, elsewhere", celPolicy("NamespacedValidatingPolicy", onPods+", "+fromGCR), strings.Replace(pod(bad), "team", "other", 1), Request{}, unmatched},
		{"exception", policy(fromGCR) + exception(""), pod(bad), Request{}, outcome{"", StatusSkip, "Enforce", "rule is skipped due to policy exception: kyverno/e"}},
		{"exception that reports pass", policy(fromGCR) + exception(", reportResult: pass"), pod(bad), Request{}, outcome{"", StatusPass, "Enforce", "rule is passed due to policy exception: kyverno/e"}},
		{"exception of another resource", policy(fromGCR) + exception(""), strings.Replace(pod(bad), "name: a,", "name: b,", 1), Request{}, fail},
		{"expired exception", policy(fromGCR) + exception(`, expiresAt: "2001-01-01T00:00:00Z"`), pod(bad), Request{}, fail},
		{"JSON mode", celPolicy(validates, `evaluation: {mode: JSON}, validations: [{expression: "object.metadata.name == 'b'", message: m}]`), pod(good), Request{}, outcome{"", StatusFail, "Enforce", "m"}},
		{"namespace labels not given", selecting("{matchLabels: {tier: gold}}"), pod(bad), Request{}, outcome{"", StatusError, "", `the labels of namespace "team" are not given, and the rule selects by them: give them as namespaceLabels`}},
		{"namespace labels not given, by absence", selecting("{matchExpressions: [{key: tier, operator: DoesNotExist}]}"), pod(bad), Request{}, outcome{"", StatusError, "", `the labels of namespace "team" are not given, and the rule selects by them: give them as namespaceLabels`}},
		{"namespace labels", selecting("{matchLabels: {tier: gold}}"), pod(bad), Request{NamespaceLabels: map[string]string{"tier": "gold"}}, fail},
		{"no namespace labels", selecting("{matchLabels: {tier: gold}}"), pod(bad), Request{NamespaceLabels: map[string]string{}}, unmatched},
		{"the namespace's name is known", selecting("{matchLabels: {kubernetes.io/metadata.name: team}}"), pod(bad), Request{}, fail},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.request.Object = object(t, c.resource)
			got := outcomes(evaluate(t, c.policies, c.request).Results)
			if diff := cmp.Diff([]outcome{c.want}, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCELLookupsAreAnsweredFromValues(t *testing.T) {
	policy := func(expression string) string {
		return celPolicy(validates, onPods+`, validations: [{expression: "!(`+expression+`)", message: seen}]`)
	}
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: kyverno, labels: {a: b}}\ndata: {a: b}"
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: kyverno}\ndata: {}"
	cases := []struct {
		name, expression string
		values           Values
		missing          string
	}{
		{"resource.Get of a ConfigMap", "resource.Get('v1', 'configmaps', 'kyverno', 'c').data.a == 'b'",
			Values{ConfigMaps: map[string]map[string]string{"kyverno/c": {"a": "b"}}},
			`the resource /api/v1/namespaces/kyverno/configmaps/c is not given: give it as context.apiCalls["/api/v1/namespaces/kyverno/configmaps/c"] or among the resources`},
		{"resource.Get among the resources", "resource.Get('v1', 'configmaps', 'kyverno', 'c').data.a == 'b'",
			Values{Resources: objects(t, configMap)}, "the resource /api/v1/namespaces/kyverno/configmaps/c"},
		{"resource.Get as an API call", "resource.Get('apps/v1', 'deployments', 'kyverno', 'd').spec.replicas == 2",
			Values{APICalls: map[string]any{"/apis/apps/v1/namespaces/kyverno/deployments/d": map[string]any{"spec": map[string]any{"replicas": 2}}}},
			`context.apiCalls["/apis/apps/v1/namespaces/kyverno/deployments/d"]`},
		{"resource.Get of a namespace", "resource.Get('v1', 'namespaces', '', 'x').metadata.labels.tier == 'gold'",
			Values{NamespaceLabels: map[string]map[string]string{"x": {"tier": "gold"}}}, `the resource /api/v1/namespaces/x is not given`},
		{"resource.List", "resource.List('v1', 'configmaps', 'kyverno').items.size() == 1",
			Values{Resources: objects(t, configMap+"\n---\n"+secret)}, `the resource /api/v1/namespaces/kyverno/configmaps is not given`},
		{"resource.List by labels", "resource.List('v1', 'configmaps', 'kyverno', {'a': 'c'}).items.size() == 0 && resource.List('v1', 'configmaps', '', {'a': 'b'}).items.size() == 1",
			Values{Resources: objects(t, configMap)}, `the resource /api/v1/namespaces/kyverno/configmaps is not given`},
		{"resource.List as an API call", "resource.List('v1', 'pods', 'team').items.size() == 0",
			Values{APICalls: map[string]any{"/api/v1/namespaces/team/pods": map[string]any{"items": []any{}}}}, `context.apiCalls["/api/v1/namespaces/team/pods"]`},
		{"resource.Post", "resource.Post('authorization.k8s.io/v1', 'subjectaccessreviews', {'spec': {}}).status.allowed == true",
			Values{APICalls: map[string]any{"POST /apis/authorization.k8s.io/v1/subjectaccessreviews": map[string]any{"status": map[string]any{"allowed": true}}}},
			`context.apiCalls["POST /apis/authorization.k8s.io/v1/subjectaccessreviews"]`},
		{"globalContext.Get", "globalContext.Get('blocked', '').exists(n, n == 'team')",
			Values{GlobalReferences: map[string]any{"blocked": []any{"team"}}}, `global context entry blocked is not given: give it as context.globalReferences["blocked"]`},
		{"a projection", "globalContext.Get('blocked', 'first') == 'team'",
			Values{GlobalReferences: map[string]any{"blocked.first": "team"}}, `context.globalReferences["blocked.first"]`},
		{"a projection as a field", "globalContext.Get('blocked', 'first') == 'team'",
			Values{GlobalReferences: map[string]any{"blocked": map[string]any{"first": "team"}}}, `context.globalReferences["blocked.first"]`},
		{"http.Get", "http.Get('https://svc.local/check').state == 'bad' && http.Get('https://svc.local/check').statusCode == 200",
			Values{APICalls: map[string]any{"https://svc.local/check": map[string]any{"state": "bad"}}},
			`the answer to the HTTP request of https://svc.local/check is not given: give it as context.apiCalls["https://svc.local/check"], or ["POST https://svc.local/check"]`},
		{"http.Post", "http.Post('https://svc.local/check', {'a': 'b'}).body == 'bad'",
			Values{APICalls: map[string]any{"POST https://svc.local/check": "bad"}}, `["POST https://svc.local/check"]`},
		{"image data", "image.GetMetadata('gcr.io/app:1').config.config.User == 'root' && image.GetMetadata('gcr.io/app:1').tag == '1'",
			Values{Images: map[string]map[string]any{"gcr.io/app:1": {"configData": map[string]any{"config": map[string]any{"User": "root"}}}}},
			`the data of image gcr.io/app:1 is not given: give it as context.images["gcr.io/app:1"]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := evaluator(t, Options{}, policy(c.expression))
			request := Request{Object: object(t, pod(good))}
			got := e.Evaluate(context.Background(), request).Results[0]
			if got.Status != StatusError || !strings.Contains(got.Message, c.missing) {
				t.Errorf("without a value: %s: %s\nwant %s", got.Status, got.Message, c.missing)
			}
			request.Values = c.values
			if got := e.Evaluate(context.Background(), request).Results[0]; got.Status != StatusFail || got.Message != "seen" {
				t.Errorf("with a value: %s: %s, want fail", got.Status, got.Message)
			}
			// What one request brought does not stay for the next.
			request.Values = Values{}
			if got := e.Evaluate(context.Background(), request).Results[0]; got.Status != StatusError {
				t.Errorf("again without a value: %s: %s, want error", got.Status, got.Message)
			}
		})
	}
	t.Run("a resource that does not exist is null", func(t *testing.T) {
		for name, values := range map[string]Values{
			"others of its kind are given": {Resources: objects(t, configMap)},
			"its API call answers null":    {APICalls: map[string]any{"/api/v1/namespaces/kyverno/configmaps/x": nil}},
		} {
			got := evaluate(t, policy("dyn(resource.Get('v1', 'configmaps', 'kyverno', 'x')) == null"), Request{Object: object(t, pod(good)), Values: values}).Results[0]
			if got.Status != StatusFail {
				t.Errorf("%s: %s: %s", name, got.Status, got.Message)
			}
		}
	})
}

// The functions of a compiled policy answer for one request only, also while
// others are evaluated.
func TestCELLookupsOfRequestsThatRunAtOnceAreKeptApart(t *testing.T) {
	e := evaluator(t, Options{Parallel: 8}, celPolicy(validates, onPods+`, validations: [{expression: "resource.Get('v1', 'configmaps', 'kyverno', 'c').data.name == object.metadata.name && http.Get('https://svc.local/').name == object.metadata.name", message: other}]`))
	requests := func(yield func(Request) bool) {
		for i := range 60 {
			o := object(t, pod(good))
			name := fmt.Sprintf("pod-%d", i)
			o.SetName(name)
			if !yield(Request{Object: o, Values: Values{
				ConfigMaps: map[string]map[string]string{"kyverno/c": {"name": name}},
				APICalls:   map[string]any{"https://svc.local/": map[string]any{"name": name}},
			}}) {
				return
			}
		}
	}
	n := 0
	for response := range e.EvaluateAll(context.Background(), requests) {
		n++
		if r := response.Results[0]; r.Status != StatusPass {
			t.Errorf("%s: %s: %s", response.Resource.Name, r.Status, r.Message)
		}
	}
	if n != 60 {
		t.Errorf("%d responses", n)
	}
}

func TestAPolicyThatDoesNotCompileIsAlone(t *testing.T) {
	broken := strings.Replace(celPolicy(validates, onPods+`, validations: [{expression: "object.("}]`), "{name: p}", "{name: broken}", 1)
	e, err := New(objects(t, broken+"---\n"+celPolicy(validates, onPods+", "+fromGCR)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Problems()) != 1 || !strings.Contains(e.Problems()[0].Err.Error(), "spec.validations[0].expression") {
		t.Errorf("problems: %v", e.Problems())
	}
	results := e.Evaluate(context.Background(), Request{Object: object(t, pod(bad))}).Results
	if len(results) != 2 || results[0].Status != StatusError || results[1].Status != StatusFail {
		t.Errorf("results: %v", outcomes(results))
	}
}

// panicking is a policy in which Kyverno panics.
type panicking struct{ validating }

func (*panicking) evaluate(context.Context, *run) []Result {
	var nothing *unstructured.Unstructured
	_ = nothing.Object
	return nil
}

func TestAPanicIsAnErrorOfOnePolicy(t *testing.T) {
	e := evaluator(t, Options{}, celPolicy(validates, onPods+", "+fromGCR)+"---\n"+strings.Replace(celPolicy(validates, onPods+", "+fromGCR), "{name: p}", "{name: q}", 1))
	e.policies[0].family = &panicking{}
	results := e.Evaluate(context.Background(), Request{Object: object(t, pod(bad))}).Results
	if len(results) != 2 || results[0].Status != StatusError || !strings.Contains(results[0].Message, "panic: runtime error") || results[1].Status != StatusFail {
		t.Errorf("results: %v", outcomes(results))
	}
}

func userNamed(name string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{Username: name}
}
