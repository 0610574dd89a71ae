package evaluator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestGeneratingPolicy(t *testing.T) {
	const (
		onNamespaces = `matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]}`
		namespace    = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}"
		onConfigMaps = `matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}`
		configMap    = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}"
	)
	apply := func(namespace, data string) string {
		return `generate: [{expression: "generator.Apply(` + namespace + `, [` + data + `])"}]`
	}
	networkPolicy := `{'apiVersion': dyn('networking.k8s.io/v1'), 'kind': dyn('NetworkPolicy'), 'metadata': dyn({'name': 'deny', 'annotations': {'a': 'b'}}), 'spec': dyn({'podSelector': {}, 'ports': [80]})}`
	clusterRole := `{'apiVersion': dyn('rbac.authorization.k8s.io/v1'), 'kind': dyn('ClusterRole'), 'metadata': dyn({'name': 'r'})}`
	source := objects(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default, uid: u, resourceVersion: \"7\"}\ndata: {a: Yg==}")
	cases := []struct {
		name, policy, resource string
		given                  []unstructured.Unstructured
		want                   outcome
		generated              []string
	}{
		{"data", celPolicy("GeneratingPolicy", onNamespaces+", "+apply("object.metadata.name", networkPolicy)), namespace, nil, outcome{"", StatusPass, "", "policy evaluated successfully"},
			[]string{`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"annotations":{"a":"b"},"name":"deny","namespace":"team"},"spec":{"podSelector":{},"ports":[80]}}`}},
		{"cluster-scoped", celPolicy("GeneratingPolicy", onNamespaces+", "+apply("object.metadata.name", clusterRole)), namespace, nil, outcome{"", StatusPass, "", "policy evaluated successfully"},
			[]string{`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"r"}}`}},
		{"clone", celPolicy("GeneratingPolicy", onNamespaces+", "+apply("object.metadata.name", "resource.Get('v1', 'secrets', 'default', 's')")), namespace, source, outcome{"", StatusPass, "", "policy evaluated successfully"},
			[]string{`{"apiVersion":"v1","data":{"a":"Yg=="},"kind":"Secret","metadata":{"name":"s","namespace":"team"}}`}},
		{"clone without a source", celPolicy("GeneratingPolicy", onNamespaces+", "+apply("object.metadata.name", "resource.Get('v1', 'secrets', 'default', 's')")), namespace, nil,
			outcome{"", StatusError, "", `the resource /api/v1/namespaces/default/secrets/s is not given: give it as context.apiCalls["/api/v1/namespaces/default/secrets/s"] or among the resources`}, nil},
		{"match condition", celPolicy("GeneratingPolicy", onNamespaces+`, matchConditions: [{name: other, expression: "object.metadata.name == 'b'"}], `+apply("object.metadata.name", networkPolicy)), namespace, nil, outcome{Status: StatusUnmatched}, nil},
		{"another kind", celPolicy("GeneratingPolicy", onNamespaces+", "+apply("object.metadata.name", networkPolicy)), configMap, nil, outcome{Status: StatusUnmatched}, nil},
		{"namespaced", celPolicy("NamespacedGeneratingPolicy", onConfigMaps+`, generate: [{expression: "generator.Apply([`+networkPolicy+`])"}]`), configMap, nil, outcome{"", StatusPass, "", "policy evaluated successfully"},
			[]string{`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"annotations":{"a":"b"},"name":"deny","namespace":"team"},"spec":{"podSelector":{},"ports":[80]}}`}},
		{"namespaced, a cluster-scoped resource", celPolicy("NamespacedGeneratingPolicy", onConfigMaps+`, generate: [{expression: "generator.Apply([`+clusterRole+`])"}]`), configMap, nil,
			outcome{"", StatusError, "", `failed to evaluate policy: failed to generate resources: cross-scope generation denied: a policy scoped to namespace "team" cannot generate cluster-scoped resource rbac.authorization.k8s.io/v1/ClusterRole`}, nil},
		{"namespaced, elsewhere", celPolicy("NamespacedGeneratingPolicy", onConfigMaps+`, generate: [{expression: "generator.Apply([`+networkPolicy+`])"}]`), strings.Replace(configMap, "team", "other", 1), nil, outcome{Status: StatusUnmatched}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response := evaluate(t, c.policy, Request{Object: object(t, c.resource), Values: Values{Resources: c.given}})
			if diff := cmp.Diff([]outcome{c.want}, outcomes(response.Results)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			var generated []string
			for _, o := range response.Results[0].Generated {
				data, err := json.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				generated = append(generated, string(data))
			}
			if diff := cmp.Diff(c.generated, generated); diff != "" {
				t.Errorf("generated (-want +got):\n%s", diff)
			}
		})
	}
}
