package evaluator

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestEvaluateAnswersLookupsFromValues(t *testing.T) {
	deny := func(context, key, value string) string {
		return matching("Pod", "context: ["+context+"]\n    validate: {message: m, deny: {conditions: {any: [{key: \""+key+"\", operator: Equals, value: \""+value+"\"}]}}}")
	}
	cases := []struct {
		name, rule string
		values     Values
		missing    string
	}{
		{"configMap", deny(`{name: cm, configMap: {name: c, namespace: kyverno}}`, "{{ cm.data.a }}", "b"),
			Values{ConfigMaps: map[string]map[string]string{"kyverno/c": {"a": "b"}}},
			`ConfigMap kyverno/c is not given: give it as context.configMaps["kyverno/c"]`},
		{"configMap among the resources", deny(`{name: cm, configMap: {name: c, namespace: kyverno}}`, "{{ cm.data.a }}", "b"),
			Values{Resources: objects(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: kyverno}\ndata: {a: b}")},
			`ConfigMap kyverno/c is not given: give it as context.configMaps["kyverno/c"]`},
		{"apiCall", deny(`{name: answer, apiCall: {urlPath: "/api/v1/namespaces/{{request.namespace}}/pods", jmesPath: "items | length(@)"}}`, "{{ answer }}", "1"),
			Values{APICalls: map[string]any{"/api/v1/namespaces/team/pods": map[string]any{"items": []any{map[string]any{}}}}},
			`the answer to the API call GET /api/v1/namespaces/team/pods is not given: give it as context.apiCalls["/api/v1/namespaces/team/pods"]`},
		{"service", deny(`{name: answer, apiCall: {method: POST, service: {url: "https://svc.local/check"}, data: [{key: a, value: b}]}}`, "{{ answer.state }}", "bad"),
			Values{APICalls: map[string]any{"POST https://svc.local/check": map[string]any{"state": "bad"}}},
			`the answer to the API call POST https://svc.local/check is not given: give it as context.apiCalls["POST https://svc.local/check"]`},
		{"global reference", deny(`{name: g, globalReference: {name: blocked, jmesPath: "[0]"}}`, "{{ g }}", "team"),
			Values{GlobalReferences: map[string]any{"blocked": []any{"team"}}},
			`global context entry blocked is not given: give it as context.globalReferences["blocked"]`},
		{"image", deny(`{name: i, imageRegistry: {reference: "gcr.io/a:1"}}`, "{{ i.configData.config.User }}", "root"),
			Values{Images: map[string]map[string]any{"gcr.io/a:1": {"configData": map[string]any{"config": map[string]any{"User": "root"}}, "manifest": map[string]any{}}}},
			`the data of image gcr.io/a:1 is not given: give it as context.images["gcr.io/a:1"]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := evaluator(t, Options{}, clusterPolicy(c.rule))
			request := Request{Object: object(t, pod(good))}
			got := e.Evaluate(context.Background(), request).Results[0]
			if got.Status != StatusError || got.Message != c.missing {
				t.Errorf("without a value: %s: %s\nwant %s", got.Status, got.Message, c.missing)
			}
			request.Values = c.values
			if got := e.Evaluate(context.Background(), request).Results[0]; got.Status != StatusFail {
				t.Errorf("with a value: %s: %s, want fail", got.Status, got.Message)
			}
		})
	}
	t.Run("the policy's own default", func(t *testing.T) {
		e := evaluator(t, Options{}, clusterPolicy(deny(`{name: answer, apiCall: {urlPath: "/x", default: "none"}}`, "{{ answer }}", "none")))
		if got := e.Evaluate(context.Background(), Request{Object: object(t, pod(good))}).Results[0]; got.Status != StatusFail {
			t.Errorf("%s: %s, want fail", got.Status, got.Message)
		}
	})
	t.Run("a request's values come before the options'", func(t *testing.T) {
		e := evaluator(t, Options{Values: Values{ConfigMaps: map[string]map[string]string{"kyverno/c": {"a": "z"}}}}, clusterPolicy(cases[0].rule))
		request := Request{Object: object(t, pod(good))}
		if got := e.Evaluate(context.Background(), request).Results[0]; got.Status != StatusPass {
			t.Errorf("%s: %s, want pass", got.Status, got.Message)
		}
		request.Values = cases[0].values
		if got := e.Evaluate(context.Background(), request).Results[0]; got.Status != StatusFail {
			t.Errorf("%s: %s, want fail", got.Status, got.Message)
		}
	})
}

// What one policy's context entry loads is not seen by the next policy's of the
// same name.
func TestEvaluateKeepsTheContextsOfGeneratePoliciesApart(t *testing.T) {
	policy := func(name, configMap, key string) string {
		return strings.Replace(clusterPolicy(matching("Namespace",
			"context: [{name: cm, configMap: {name: "+configMap+", namespace: kyverno}}]\n    generate: {apiVersion: v1, kind: ConfigMap, name: "+name+", namespace: team, data: {data: {got: \"{{ cm.data."+key+" || 'none' }}\"}}}")),
			"{name: p}", "{name: "+name+"}", 1)
	}
	e := evaluator(t, Options{}, policy("first", "one", "a")+"\n---\n"+policy("second", "two", "a"))
	response := e.Evaluate(context.Background(), Request{
		Object: object(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}"),
		Values: Values{ConfigMaps: map[string]map[string]string{"kyverno/one": {"a": "x"}, "kyverno/two": {"b": "y"}}},
	})
	var got []string
	for _, r := range response.Results {
		for _, o := range r.Generated {
			value, _, _ := unstructured.NestedString(o.Object, "data", "got")
			got = append(got, o.GetName()+" "+value)
		}
	}
	if diff := cmp.Diff([]string{"first x", "second none"}, got); diff != "" {
		t.Errorf("generated (-want +got):\n%s", diff)
	}
}

func TestEvaluateNeedsTheLabelsOfANamespaceThatARuleSelectsBy(t *testing.T) {
	selecting := func(selector string) string {
		return clusterPolicy("  - name: r\n    match: {any: [{resources: {kinds: [Pod], namespaceSelector: " + selector + "}}]}\n    validate: {message: m, pattern: {spec: {containers: [{image: \"gcr.io/*\"}]}}}\n")
	}
	enforced := selecting("{matchLabels: {policy: enforced}}")
	cases := []struct {
		name, policy, resource string
		request                Request
		want                   Status
	}{
		{"not given", enforced, pod(bad), Request{}, StatusError},
		{"none, as B9 has it", enforced, pod(bad), Request{NamespaceLabels: map[string]string{}}, StatusUnmatched},
		{"given", enforced, pod(bad), Request{NamespaceLabels: map[string]string{"policy": "enforced"}}, StatusFail},
		{"among the values", enforced, pod(bad), Request{Values: Values{NamespaceLabels: map[string]map[string]string{"team": {"policy": "enforced"}}}}, StatusFail},
		{"among the resources", enforced, pod(bad), Request{Values: Values{Resources: objects(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {policy: enforced}}")}}, StatusFail},
		{"not given, another kind", enforced, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}", Request{}, StatusUnmatched},
		{"the name is always a label", selecting("{matchLabels: {kubernetes.io/metadata.name: team}}"), pod(bad), Request{NamespaceLabels: map[string]string{}}, StatusFail},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.request.Object = object(t, c.resource)
			got := evaluator(t, Options{}, c.policy).Evaluate(context.Background(), c.request).Results[0]
			if got.Status != c.want {
				t.Errorf("%s: %s, want %s", got.Status, got.Message, c.want)
			}
			if c.want == StatusError && !strings.Contains(got.Message, `labels of namespace "team"`) {
				t.Errorf("the message does not say what is missing: %s", got.Message)
			}
		})
	}
}

func TestEvaluateOfARequest(t *testing.T) {
	enforce := func(key, value string) string {
		return matching("ConfigMap", `validate: {failureAction: Enforce, message: m, deny: {conditions: {any: [{key: "`+key+`", operator: Equals, value: "`+value+`"}]}}}`)
	}
	old, changed := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {a: one}", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {a: two}"
	cases := []struct {
		name, rule string
		request    Request
		want       Status
		err        string
	}{
		{"operation defaults to CREATE", enforce("{{request.operation}}", "CREATE"), Request{Object: object(t, old)}, StatusFail, ""},
		{"operation defaults to UPDATE with an old object", enforce("{{request.operation}} {{request.oldObject.data.a}} {{request.object.data.a}}", "UPDATE one two"), Request{Object: object(t, changed), OldObject: object(t, old)}, StatusFail, ""},
		{"delete", enforce("{{request.operation}} {{request.oldObject.data.a}}", "DELETE one"), Request{Object: object(t, old), Operation: "DELETE"}, StatusFail, ""},
		{"name and kind as on a cluster", enforce("{{request.kind.kind}} {{request.resource.resource}} {{request.name}} {{request.namespace}}", "ConfigMap configmaps c team"), Request{Object: object(t, old)}, StatusFail, ""},
		{"user", enforce("{{request.userInfo.username}} {{serviceAccountName}}", "system:serviceaccount:team:bot bot"), Request{Object: object(t, old), UserInfo: authenticationv1.UserInfo{Username: "system:serviceaccount:team:bot"}}, StatusFail, ""},
		{"namespace defaults to default", enforce("{{request.namespace}} {{request.object.metadata.namespace}}", "default default"), Request{Object: object(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}")}, StatusFail, ""},
		{"the namespace of a Namespace is itself", strings.Replace(enforce("{{request.namespace}}", "x"), "ConfigMap", "Namespace", 1), Request{Object: object(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}")}, StatusFail, ""},
		{"unresolved variable", enforce("{{request.object.data.missing}}", "x"), Request{Object: object(t, old)}, StatusError, ""},
		{"update without the old object", enforce("a", "b"), Request{Object: object(t, old), Operation: "UPDATE"}, "", "needs the resource as it was"},
		{"unknown operation", enforce("a", "b"), Request{Object: object(t, old), Operation: "PATCH"}, "", `operation "PATCH" is none of`},
		{"no resource", enforce("a", "b"), Request{}, "", "no resource"},
		{"no kind", enforce("a", "b"), Request{Object: &unstructured.Unstructured{Object: map[string]any{"a": "b"}}}, "", "no apiVersion or no kind"},
		{"unknown policy", enforce("a", "b"), Request{Object: object(t, old), Policy: "q"}, "", `there is no policy "q"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := c.request.Object.DeepCopy()
			response := evaluator(t, Options{}, clusterPolicy(c.rule)).Evaluate(context.Background(), c.request)
			if diff := cmp.Diff(before, c.request.Object); diff != "" {
				t.Errorf("the caller's object was changed (-before +after):\n%s", diff)
			}
			if c.err != "" {
				if response.Err == nil || !strings.Contains(response.Err.Error(), c.err) {
					t.Errorf("error %v, want %q", response.Err, c.err)
				}
				return
			}
			if response.Err != nil {
				t.Fatal(response.Err)
			}
			got := response.Results[0]
			if got.Status != c.want {
				t.Errorf("%s: %s, want %s", got.Status, got.Message, c.want)
			}
			if got.FailureAction != "Enforce" || response.Blocked() != (c.want == StatusFail) {
				t.Errorf("failure action %s, blocked %v", got.FailureAction, response.Blocked())
			}
		})
	}
}
