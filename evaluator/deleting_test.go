package evaluator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPoliciesThatDelete(t *testing.T) {
	deleting := func(kind, spec string) string { return celPolicy(kind, `schedule: "0 0 * * *", `+onPods+spec) }
	cleanup := func(kind, spec string) string {
		namespace := ""
		if kind == "CleanupPolicy" {
			namespace = ", namespace: team"
		}
		return "apiVersion: kyverno.io/v2\nkind: " + kind + "\nmetadata: {name: p" + namespace + "}\nspec: {schedule: '0 0 * * *', match: {any: [{resources: {kinds: [Pod]}}]}" + spec + "}\n"
	}
	const (
		named   = `, conditions: [{name: named, expression: "object.metadata.name == 'a'"}]`
		other   = `, conditions: [{name: named, expression: "object.metadata.name == 'b'"}]`
		listed  = `, conditions: [{name: listed, expression: "resource.List('v1', 'pods', 'team').items.size() > 0"}]`
		isA     = `, conditions: {any: [{key: "{{ target.metadata.name }}", operator: Equals, value: a}]}`
		isB     = `, conditions: {any: [{key: "{{ target.metadata.name }}", operator: Equals, value: b}]}`
		fromMap = `, context: [{name: cm, configMap: {name: c, namespace: kyverno}}], conditions: {any: [{key: "{{ cm.data.name }}", operator: Equals, value: a}]}`
		tier    = `, exclude: {any: [{resources: {namespaceSelector: {matchLabels: {tier: gold}}}}]}`
	)
	yes, no := outcome{Status: StatusPass, Message: "resource matched"}, outcome{Status: StatusFail, Message: "resource did not match"}
	unmatched := outcome{Status: StatusUnmatched}
	noLabels := outcome{Status: StatusError, Message: `the labels of namespace "team" are not given, and the rule selects by them: give them as namespaceLabels`}
	elsewhere := strings.Replace(pod(good), "team", "elsewhere", 1)
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}"
	cases := []struct {
		name, policy, resource string
		request                Request
		want                   outcome
	}{
		{"deleting, conditions hold", deleting("DeletingPolicy", named), pod(good), Request{}, yes},
		{"deleting, conditions do not hold", deleting("DeletingPolicy", other), pod(good), Request{}, no},
		{"deleting, no conditions", deleting("DeletingPolicy", ""), pod(good), Request{}, yes},
		{"deleting, another kind", deleting("DeletingPolicy", named), configMap, Request{}, unmatched},
		{"deleting, looking up", deleting("DeletingPolicy", listed), pod(good), Request{Values: Values{Resources: objects(t, pod(good))}}, yes},
		{"deleting, looking up what is not given", deleting("DeletingPolicy", listed), pod(good), Request{},
			outcome{Status: StatusError, Message: `the resource /api/v1/namespaces/team/pods is not given: give it as context.apiCalls["/api/v1/namespaces/team/pods"] or among the resources`}},
		{"namespaced deleting", strings.Replace(deleting("NamespacedDeletingPolicy", named), "/v1", "/v1beta1", 1), pod(good), Request{}, yes},
		{"namespaced deleting, elsewhere", strings.Replace(deleting("NamespacedDeletingPolicy", named), "/v1", "/v1beta1", 1), elsewhere, Request{}, unmatched},
		{"cleanup, conditions hold", cleanup("ClusterCleanupPolicy", isA), pod(good), Request{}, yes},
		{"cleanup, conditions do not hold", cleanup("ClusterCleanupPolicy", isB), pod(good), Request{}, no},
		{"cleanup, no conditions", cleanup("ClusterCleanupPolicy", ""), pod(good), Request{}, yes},
		{"cleanup, another kind", cleanup("ClusterCleanupPolicy", isA), configMap, Request{}, unmatched},
		{"cleanup, excluded", cleanup("ClusterCleanupPolicy", isA+", exclude: {any: [{resources: {names: [a]}}]}"), pod(good), Request{}, unmatched},
		{"cleanup, context", cleanup("ClusterCleanupPolicy", fromMap), pod(good), Request{Values: Values{ConfigMaps: map[string]map[string]string{"kyverno/c": {"name": "a"}}}}, yes},
		{"cleanup, context that is not given", cleanup("ClusterCleanupPolicy", fromMap), pod(good), Request{},
			outcome{Status: StatusError, Message: `ConfigMap kyverno/c is not given: give it as context.configMaps["kyverno/c"]`}},
		{"cleanup, labels not given", cleanup("ClusterCleanupPolicy", isA+tier), pod(good), Request{}, noLabels},
		{"cleanup, labels not given, another kind", cleanup("ClusterCleanupPolicy", isA+tier), configMap, Request{}, unmatched},
		{"cleanup, labels given", cleanup("ClusterCleanupPolicy", isA+tier), pod(good), Request{NamespaceLabels: map[string]string{"tier": "gold"}}, unmatched},
		{"namespaced cleanup", cleanup("CleanupPolicy", isA), pod(good), Request{}, yes},
		{"namespaced cleanup, elsewhere", cleanup("CleanupPolicy", isA), elsewhere, Request{}, unmatched},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.request.Object = object(t, c.resource)
			response := evaluate(t, c.policy, c.request)
			if diff := cmp.Diff([]outcome{c.want}, outcomes(response.Results)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if response.Blocked() {
				t.Error("the request is blocked")
			}
		})
	}
}
