package vet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// kindFindings gives what the checks of kinds find in an object, a line each:
// code, ! for an error or ? for a warning, place, message and hint.
func kindFindings(t *testing.T, text string) []string {
	t.Helper()
	nodes, err := spec.ParseYAML("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	table, err := kinds.Load()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range nodes {
		c := newChecker(n, Options{})
		c.kinds(table)
		for _, f := range c.findings {
			mark := "!"
			if f.Severity == diag.Warning {
				mark = "?"
			}
			line := string(f.Code) + mark + " " + f.Place() + ": " + f.Message
			if f.Hint != "" {
				line += " | " + f.Hint
			}
			out = append(out, line)
		}
	}
	return out
}

// rulePolicy gives a policy of one rule, whose fields below name are given.
func rulePolicy(kind, rule string) string {
	namespace := ""
	if kind == "Policy" {
		namespace = ", namespace: team"
	}
	return "apiVersion: kyverno.io/v1\nkind: " + kind + "\nmetadata: {name: p" + namespace + "}\nspec:\n  rules:\n  - name: r\n    " +
		strings.ReplaceAll(strings.TrimSpace(rule), "\n", "\n    ") + "\n"
}

const denies = "validate: {message: m, deny: {}}\n"

func TestKinds(t *testing.T) {
	const declare = "if a CustomResourceDefinition makes it, give that with --crds"
	match := func(kinds string) string { return "match: {any: [{resources: {kinds: [" + kinds + "]}}]}\n" + denies }
	const at = "spec.rules[0].match.any[0].resources.kinds[0]: "
	tests := []struct {
		name, kind, rule string
		want             []string
	}{
		{"sound", "ClusterPolicy", match("Pod, apps/v1/Deployment, batch/*/CronJob, Rollout, '*/Pod'"), nil},
		{"misspelt", "ClusterPolicy", match("Deploment"), []string{"KC450! " + at + `there is no kind "Deploment": nothing matches it | did you mean "Deployment"?`}},
		{"plural", "ClusterPolicy", match("pods"), []string{"KC450! " + at + `"pods" is a resource's plural, and no kind: nothing matches it | did you mean "Pod"?`}},
		{"each once", "ClusterPolicy", match("pods, Pod, deployments"), []string{
			"KC450! " + at + `"pods" is a resource's plural, and no kind: nothing matches it | did you mean "Pod"?`,
			"KC450! " + strings.Replace(at, "kinds[0]", "kinds[2]", 1) + `"deployments" is a resource's plural, and no kind: nothing matches it | did you mean "Deployment"?`,
		}},
		{"unknown", "ClusterPolicy", match("example.com/v1/Gizmo"), []string{"KC451? " + at + `no kind "Gizmo" is known among those of Kubernetes, Kyverno and the well-known projects | ` + declare}},
		{"near", "ClusterPolicy", match("Certficate"), []string{"KC451? " + at + `no kind "Certficate" is known among those of Kubernetes, Kyverno and the well-known projects | did you mean "Certificate"? ` + declare}},
		{"version", "ClusterPolicy", match("apps/v2/Deployment"), []string{"KC452! " + at + `Kubernetes 1.36 does not serve apps/Deployment at v2: expected v1 | did you mean "apps/v1/Deployment"?`}},
		{"removed", "ClusterPolicy", match("extensions/v1beta1/Ingress"), []string{"KC453? " + at + `extensions/Ingress at v1beta1 is not served since Kubernetes 1.22 | use "networking.k8s.io/v1/Ingress"`}},
		{"removed without successor", "ClusterPolicy", match("PodSecurityPolicy"), []string{"KC453? " + at + `policy/PodSecurityPolicy is not served since Kubernetes 1.25`}},
		{"subresource", "ClusterPolicy", match("Pod/exce"), []string{"KC454! " + at + `Pod has no subresource "exce": expected attach, binding, ephemeralcontainers, eviction, exec, log, portforward, proxy, resize or status | did you mean "Pod/exec"?`}},
		{"exclude", "ClusterPolicy", "match: {any: [{resources: {kinds: [Pod]}}]}\nexclude: {any: [{resources: {kinds: [pod]}}]}\n" + denies,
			[]string{`KC450! spec.rules[0].exclude.any[0].resources.kinds[0]: there is no kind "pod": the case of letters counts: nothing matches it | did you mean "Pod"?`}},
		{"a number is the schema's business", "ClusterPolicy", match("1"), nil},

		{"namespaced policy", "Policy", match("Namespace, Pod, rbac.authorization.k8s.io/v1/ClusterRole, Node, '*'") + "background: false\n", []string{
			"KC408! " + at + "Namespace is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy",
			"KC408! " + strings.Replace(at, "kinds[0]", "kinds[2]", 1) + "rbac.authorization.k8s.io/v1/ClusterRole is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy",
			"KC408! " + strings.Replace(at, "kinds[0]", "kinds[3]", 1) + "Node is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy",
			"KC455! " + strings.Replace(at, "kinds[0]", "kinds[4]", 1) + `"*" is every kind, which Kyverno takes in no policy with background scans | set background: false, or name the kinds`,
		}},
		{"cluster-wide CRD", "Policy", match("ClusterIssuer"), []string{"KC408! " + at + "ClusterIssuer is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy"}},

		{"mutate targets", "ClusterPolicy", "match: {any: [{resources: {kinds: [ConfigMap]}}]}\nmutate: {targets: [{apiVersion: v1, kind: secret}, {apiVersion: v1, kind: '{{ k }}'}, {apiVersion: '*', kind: Deployment}, {apiVersion: apps/v2, kind: Deployment}]}", []string{
			`KC450! spec.rules[0].mutate.targets[0].kind: there is no kind "secret": the case of letters counts: nothing matches it | did you mean "Secret"?`,
			`KC452! spec.rules[0].mutate.targets[3].apiVersion: Kubernetes 1.36 does not serve apps/Deployment at v2: expected v1 | did you mean "apps/v1"?`,
		}},
		{"mutate targets elsewhere", "Policy", "match: {any: [{resources: {kinds: [ConfigMap]}}]}\nmutate: {targets: [{apiVersion: v1, kind: Secret, namespace: team}, {apiVersion: v1, kind: Secret, namespace: other}]}", []string{
			`KC408! spec.rules[0].mutate.targets[1].namespace: a namespaced policy mutates targets in its own namespace "team" only | leave it out`,
		}},
		{"paramKind", "ClusterPolicy", "match: {any: [{resources: {kinds: [Pod]}}]}\nvalidate: {cel: {paramKind: {apiVersion: v1, kind: NetworkPolicy}}}", []string{
			`KC452! spec.rules[0].validate.cel.paramKind.apiVersion: the core group has no NetworkPolicy: it is in the group "networking.k8s.io" | did you mean "networking.k8s.io/v1"?`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, kindFindings(t, rulePolicy(tt.kind, tt.rule))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestKindsOfOtherObjects(t *testing.T) {
	tests := []struct {
		name, object string
		want         []string
	}{
		{"cluster policy in a namespace", "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: p, namespace: ns}, spec: {rules: []}}",
			[]string{"KC408! metadata.namespace: a ClusterPolicy is in no namespace | leave it out, or make it a Policy, which applies in its own namespace"}},
		{"cleanup policy", "{apiVersion: kyverno.io/v2, kind: CleanupPolicy, metadata: {name: p, namespace: ns}, spec: {match: {any: [{resources: {kinds: [Namespace, pods]}}]}}}", []string{
			"KC408! spec.match.any[0].resources.kinds[0]: Namespace is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy",
			`KC450! spec.match.any[0].resources.kinds[1]: "pods" is a resource's plural, and no kind: nothing matches it | did you mean "Pod"?`,
		}},
		{"cleanup policy of nothing", "{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: p}, spec: {match: {any: [{resources: {kinds: [Pod]}}]}, exclude: {any: [{resources: {kinds: [Pod]}}]}}}",
			[]string{"KC456! spec.exclude.any[0]: excludes all that spec.match.any[0] matches: expected a filter that leaves some of it | narrow the filter, or leave it out"}},
		{"exception", "{apiVersion: kyverno.io/v2, kind: PolicyException, metadata: {name: p, namespace: ns}, spec: {match: {any: [{resources: {kinds: [Namespace, Pood]}}]}}}",
			[]string{`KC451? spec.match.any[0].resources.kinds[1]: no kind "Pood" is known among those of Kubernetes, Kyverno and the well-known projects | did you mean "Pod"? if a CustomResourceDefinition makes it, give that with --crds`}},
		{"global context", "{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: p}, spec: {kubernetesResource: {group: apps, version: v1, resource: deployment}}}",
			[]string{`KC450! spec.kubernetesResource.resource: there is no resource "deployment": expected the plural in lower case: nothing matches it | did you mean "deployments"?`}},
		{"global context of the core group", "{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: p}, spec: {kubernetesResource: {version: v2, resource: pods}}}",
			[]string{`KC452! spec.kubernetesResource.version: Kubernetes 1.36 does not serve Pod at v2: expected v1 | did you mean "v1"?`}},
		{"another object", "{apiVersion: v1, kind: ConfigMap, metadata: {name: p}, spec: {match: {any: [{resources: {kinds: [pods]}}]}}}", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, kindFindings(t, tt.object)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestResourceRules(t *testing.T) {
	const at = "spec.matchConstraints.resourceRules[0]."
	tests := []struct {
		name, kind, rule string
		want             []string
	}{
		{"sound", "ValidatingPolicy", "apiGroups: ['', apps], apiVersions: [v1], resources: [pods, deployments, pods/exec, '*/status']", nil},
		{"kind", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [Pod]",
			[]string{"KC450! " + at + `resources[0]: there is no resource "Pod": expected the plural in lower case: nothing matches it | did you mean "pods"?`}},
		{"group", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [pods, deployments]",
			[]string{"KC452! " + at + `apiGroups[0]: the core group has no deployments: it is in the group "apps" | such as apiGroups: ["apps"]`}},
		{"one group, one resource", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [deployments]",
			[]string{"KC452! " + at + `resources[0]: the core group has no deployments: it is in the group "apps" | such as apiGroups: ["apps"]`}},
		{"group of all, once", "MutatingPolicy", "apiGroups: [app], apiVersions: [v1], resources: [deployments, statefulsets]",
			[]string{"KC452! " + at + `apiGroups[0]: there is no group "app": deployments is in the group "apps" | such as apiGroups: ["apps"]`}},
		{"version", "DeletingPolicy", "apiGroups: [apps], apiVersions: [v2], resources: [deployments, statefulsets]",
			[]string{"KC452! " + at + `apiVersions[0]: Kubernetes 1.36 does not serve apps/Deployment at v2: expected v1 | such as apiVersions: ["v1"]`}},
		{"removed", "GeneratingPolicy", "apiGroups: [extensions], apiVersions: [v1beta1], resources: [ingresses]",
			[]string{"KC453? " + at + `resources[0]: extensions/Ingress at v1beta1 is not served since Kubernetes 1.22 | such as apiGroups: ["networking.k8s.io"], apiVersions: ["v1"]`}},
		{"unknown", "ValidatingPolicy", "apiGroups: [example.com], apiVersions: [v1], resources: [gizmos]",
			[]string{"KC451? " + at + `resources[0]: no resource "gizmos" is known in the group "example.com" | if a CustomResourceDefinition makes it, give that with --crds`}},
		{"subresource", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [pods/exe]",
			[]string{"KC454! " + at + `resources[0]: Pod has no subresource "exe": expected attach, binding, ephemeralcontainers, eviction, exec, log, portforward, proxy, resize or status | did you mean "pods/exec"?`}},
		{"scope", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [pods], scope: Cluster",
			[]string{"KC455! " + at + `scope: the scope Cluster leaves out pods, which are in namespaces | leave it out, or set "Namespaced"`}},
		{"scope of nothing in a namespace", "ValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [nodes], scope: Namespaced",
			[]string{"KC455! " + at + `scope: the scope Namespaced leaves out nodes, which are in no namespace | leave it out, or set "Cluster"`}},
		{"namespaced", "NamespacedValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [nodes]",
			[]string{"KC408! " + at + "resources[0]: nodes is in no namespace, and a namespaced policy sees only those of its own | make it a cluster policy"}},
		{"namespaced, of its own namespace", "NamespacedValidatingPolicy", "apiGroups: [''], apiVersions: [v1], resources: [namespaces]", nil},
		{"not whole", "ValidatingPolicy", "apiGroups: [1], resources: [pod]", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			object := "{apiVersion: policies.kyverno.io/v1, kind: " + tt.kind + ", metadata: {name: p, namespace: ns}, spec: {matchConstraints: {resourceRules: [{" + tt.rule + "}]}}}"
			if diff := cmp.Diff(tt.want, kindFindings(t, object)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestKindsOfCorpus looks at policies that Kyverno takes: no error, and no kind
// that is not known.
func TestKindsOfCorpus(t *testing.T) {
	const corpus = "../../../shared/corpus"
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("SKIPPED: the corpus is not here: %v", err)
	}
	files, err := manifest.Files([]string{corpus})
	if err != nil {
		t.Fatal(err)
	}
	table, err := kinds.Load()
	if err != nil {
		t.Fatal(err)
	}
	policies := 0
	for o, err := range manifest.Located(files, nil) {
		if err != nil || !strings.Contains(o.Node.Get("apiVersion").Str(), "kyverno.io/") || strings.HasPrefix(o.Node.Get("apiVersion").Str(), "cli.") {
			continue
		}
		policies++
		c := newChecker(o.Node, Options{})
		c.kinds(table)
		for _, f := range c.findings {
			if f.Severity == diag.Error || f.Code == diag.UnknownKind {
				rel, _ := filepath.Rel(corpus, o.File)
				t.Errorf("%s:%d: %s %s: %s", rel, f.Node.Pos.Line()+o.LinesBefore, f.Code, f.Place(), f.Message)
			} else {
				t.Logf("%s %s:%d: %s", f.Code, filepath.Base(o.File), f.Node.Pos.Line()+o.LinesBefore, f.Message)
			}
		}
	}
	if policies < 100 {
		t.Errorf("%d policies in the corpus", policies)
	}
}
