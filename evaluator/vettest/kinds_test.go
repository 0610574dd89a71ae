package vettest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	"github.com/kyverno/kyverno/ext/wildcard"
	kubeutils "github.com/kyverno/kyverno/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	kindtable "kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
	"kcue.dev/evaluator/admission"
)

func kindTable(t *testing.T) *kindtable.Table {
	t.Helper()
	table, err := kindtable.Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// oneOf picks an element.
func oneOf[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// TestParseKindSelector compares with Kyverno's reading of selectors.
func TestParseKindSelector(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"*", "", "v1", "v1beta1", "v1beta10", "v10", "v1alpha2", "apps", "networking.k8s.io", "Pod", "pod", "Deployment", "exec", "status", "Scale", "P*", "?od", "é", " "}
	for range 50_000 {
		var b strings.Builder
		for i := range 1 + random.IntN(5) {
			if i > 0 {
				b.WriteString(oneOf(random, "/", "/", "."))
			}
			b.WriteString(oneOf(random, parts...))
		}
		text := b.String()
		group, version, kind, subresource := kubeutils.ParseKindSelector(text)
		want := kindtable.Selector{Group: group, Version: version, Kind: kind, Subresource: subresource}
		if got := kindtable.Parse(text); got != want {
			t.Errorf("%q: %+v, and %+v by Kyverno", text, got, want)
		}
	}
}

// TestMatch compares with the wildcards that Kyverno matches kinds by.
func TestMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	text := func(alphabet string) string {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(oneOf(random, strings.Split(alphabet, "")...))
		}
		return b.String()
	}
	matching := 0
	for range 100_000 {
		pattern, name := text("abé*?*"), text("abé")
		want := wildcard.Match(pattern, name)
		if want {
			matching++
		}
		if got := kindtable.Match(pattern, name); got != want {
			t.Errorf("%q, %q: %v, and %v by Kyverno", pattern, name, got, want)
		}
	}
	if matching < 1000 {
		t.Errorf("%d matches", matching)
	}
}

// TestKyvernoKnowsNoMore looks for the kinds, scopes and subresources that
// Kyverno's command line embeds.
func TestKyvernoKnowsNoMore(t *testing.T) {
	table := kindTable(t)
	groups, err := data.APIGroupResources()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, group := range groups {
		for version, resources := range group.VersionedResources {
			for _, r := range resources {
				seen++
				plural, sub, _ := strings.Cut(r.Name, "/")
				found, m := table.CheckResource([]string{group.Group.Name}, []string{version}, r.Name)
				switch {
				case m != nil:
					t.Errorf("%s/%s %s: %s", group.Group.Name, version, r.Name, m.Message)
				case len(found) != 1 || found[0].Plural != plural || found[0].Namespaced != r.Namespaced:
					t.Errorf("%s/%s %s: %+v", group.Group.Name, version, r.Name, found[0])
				case sub == "" && (found[0].Name != r.Kind || found[0].Singular != r.SingularName):
					t.Errorf("%s/%s %s: kind %s, singular %s", group.Group.Name, version, r.Name, found[0].Name, found[0].Singular)
				case sub != "" && !slices.Contains(found[0].Subresources, kindtable.Subresource{Name: sub, Kind: r.Kind}):
					t.Errorf("%s/%s %s: %+v lacks %s", group.Group.Name, version, r.Name, found[0].Subresources, r.Kind)
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d resources", seen)
	}
}

// clusterKinds gives the kinds in no namespace as Kyverno's webhook takes them
// from a cluster (pkg/validation/policy/validate.go getClusteredResources).
func clusterKinds(t *testing.T) sets.Set[string] {
	out := sets.New[string]()
	for _, k := range kindTable(t).All() {
		if k.Origin != kindtable.Ecosystem && !k.Namespaced && len(k.Served()) > 0 {
			out.Insert(k.Name, k.APIVersion()+"/"+k.Name)
		}
	}
	return out
}

// errorsIn gives the errors of some codes that vet finds in a policy.
func errorsIn(t *testing.T, text string, codes ...diag.Code) []string {
	t.Helper()
	nodes, err := spec.ParseYAML("policy.yaml", []byte(text))
	if err != nil || len(nodes) != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	var out []string
	known, err := kindtable.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range vet.Object(nodes[0], vet.Options{Kinds: known}) {
		if f.Severity == diag.Error && slices.Contains(codes, f.Code) {
			out = append(out, fmt.Sprintf("%s %s: %s", f.Code, f.Place(), f.Message))
		}
	}
	return out
}

// kindRule gives a policy of one rule, and the rule as Kyverno decodes it.
func kindRule(t *testing.T, kind, text string) (policy string, decoded kyvernov1.Rule) {
	t.Helper()
	namespace := ""
	if kind == "Policy" {
		namespace = ", namespace: team"
	}
	policy = "{apiVersion: kyverno.io/v1, kind: " + kind + ", metadata: {name: p" + namespace + "}, spec: {rules: [" + text + "]}}"
	if err := yaml.Unmarshal([]byte(text), &decoded); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return policy, decoded
}

// agree compares what vet finds with what Kyverno refuses, and wants to see
// some of both.
func agree(t *testing.T, n int, try func() (policy string, found []string, refused field.ErrorList)) {
	t.Helper()
	refusals := 0
	for range n {
		policy, found, refused := try()
		if len(refused) > 0 {
			refusals++
		}
		if (len(found) > 0) != (len(refused) > 0) {
			t.Errorf("vet finds %q, and Kyverno %v\n%s", found, refused.ToAggregate(), policy)
			return
		}
	}
	if refusals < n/50 || refusals > n-n/50 {
		t.Errorf("%d of %d are refused: they tell too little", refusals, n)
	}
}

// TestEmptySet compares with Kyverno on rules of which the exclude may leave
// nothing.
func TestEmptySet(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	resources := func() string {
		var fields []string
		maybe := func(chance int, name string, values ...string) {
			if random.IntN(chance) == 0 {
				fields = append(fields, name+": "+oneOf(random, values...))
			}
		}
		maybe(2, "kinds", "[Pod]", "[Pod]", "[Pod, Job]", "[]")
		maybe(6, "name", "a", "'a*'", "''")
		maybe(6, "names", "[a]", "['a*', b]", "[]")
		maybe(6, "namespaces", "[x]", "[x, y]", "[]")
		maybe(6, "selector", "{matchLabels: {a: b}}", "{matchLabels: {a: b, c: d}}", "{matchExpressions: [{key: a, operator: Exists}]}", "{}", "null")
		maybe(8, "namespaceSelector", "{matchLabels: {a: b}}", "{matchExpressions: [{key: a, operator: Exists}]}")
		maybe(8, "annotations", "{a: b}", "{a: c}")
		maybe(8, "operations", "[CREATE]")
		return "resources: {" + strings.Join(fields, ", ") + "}"
	}
	filter := func() string {
		out := resources()
		if random.IntN(5) == 0 {
			out += ", " + oneOf(random, "roles: [r]", "clusterRoles: [c]", "clusterRoles: [c, d]", "subjects: [{kind: User, name: u}]", "subjects: [{name: u, kind: User}, {kind: User, name: w}]", "roles: []")
		}
		return out
	}
	clause := func() string {
		switch random.IntN(6) {
		case 0, 1:
			return "{any: [{" + filter() + "}]}"
		case 2:
			return "{any: [{" + filter() + "}, {" + filter() + "}]}"
		case 3:
			return "{all: [{" + filter() + "}]}"
		}
		return "{" + filter() + "}"
	}
	agree(t, 5_000, func() (string, []string, field.ErrorList) {
		policy, decoded := kindRule(t, "ClusterPolicy", "{name: r, match: "+clause()+", exclude: "+clause()+"}")
		return policy, errorsIn(t, policy, diag.EmptyMatch), decoded.ValidateMatchExcludeConflict(field.NewPath("rule"))
	})
}

// TestGenerateTargets compares with Kyverno on what rules generate.
func TestGenerateTargets(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	cluster := clusterKinds(t)
	for _, kind := range []string{"ClusterPolicy", "Policy"} {
		t.Run(kind, func(t *testing.T) {
			pattern := func() string {
				var fields []string
				if random.IntN(8) > 0 {
					fields = append(fields, oneOf(random, "apiVersion: v1, kind: Secret", "apiVersion: v1, kind: Secret", "apiVersion: v1, kind: Namespace",
						"apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole", "apiVersion: kyverno.io/v2, kind: PolicyException", "apiVersion: v1, kind: '{{ k }}'", "kind: Secret", "apiVersion: v1"))
				}
				maybe := func(chance int, values ...string) {
					if random.IntN(chance) > 0 {
						fields = append(fields, oneOf(random, values...))
					}
				}
				maybe(10, "name: s")
				maybe(4, "namespace: team", "namespace: team", "namespace: other", "namespace: '{{ n }}'", "namespace: ''")
				switch random.IntN(4) {
				case 0:
					fields = append(fields, "data: {a: b}")
				case 1:
					fields = append(fields, oneOf(random, "clone: {name: a, namespace: team}", "clone: {name: a}", "clone: {}"))
				case 2:
					fields = append(fields, "cloneList: {"+oneOf(random, "namespace: team, ", "namespace: other, ", "")+"kinds: ["+
						oneOf(random, "v1/Secret", "v1/Secret, v1/ConfigMap", "v1/Secret, v1/Namespace", "v1/Namespace", "v1/Node, Secret", "Namespace", "")+"]}")
				}
				if random.IntN(8) == 0 {
					fields = append(fields, "data: {a: b}")
				}
				// An empty generate is no rule body.
				fields = append(fields, "synchronize: true")
				slices.Sort(fields)
				return strings.Join(slices.Compact(fields), ", ")
			}
			agree(t, 5_000, func() (string, []string, field.ErrorList) {
				generate := pattern()
				switch random.IntN(5) {
				case 0:
					generate = "foreach: [{list: l, " + strings.ReplaceAll(pattern(), "synchronize: true", "list: l") + "}]"
					generate = strings.Replace(generate, "list: l, list: l", "list: l", 1)
					if strings.Count(generate, "list: l") > 1 {
						generate = "foreach: [{list: l, data: {a: b}}]"
					}
				}
				policy, decoded := kindRule(t, kind, "{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, generate: {"+generate+"}}")
				_, refused := decoded.ValidateGenerate(field.NewPath("generate"), kind == "Policy", "team", cluster)
				found := errorsIn(t, policy, diag.GenerateTarget, diag.NamespacedPolicy)
				if len(refused) == 0 {
					// Kyverno takes two forms in an entry of foreach, and acts on one.
					found = slices.DeleteFunc(found, func(f string) bool { return strings.Contains(f, "expected one of data, clone and cloneList") })
				}
				return policy, found, refused
			})
		})
	}
}

// TestNamespacedKinds compares with Kyverno on the kinds that a namespaced
// policy matches.
func TestNamespacedKinds(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	cluster := clusterKinds(t)
	agree(t, 2_000, func() (string, []string, field.ErrorList) {
		selector := oneOf(random, "Pod", "Namespace", "v1/Namespace", "v1/Node", "Node", "apps/v1/Deployment", "rbac.authorization.k8s.io/v1/ClusterRole", "ClusterRole", "Role", "Secret", "Ingress")
		policy, decoded := kindRule(t, "Policy", "{name: r, match: {any: [{resources: {kinds: [Pod, "+selector+"]}}]}, exclude: {any: [{resources: {kinds: ["+
			oneOf(random, "Pod", "Pod", "Namespace")+"], names: [a]}}]}}")
		refused := decoded.MatchResources.Validate(field.NewPath("match"), true, cluster)
		refused = append(refused, decoded.ExcludeResources.Validate(field.NewPath("exclude"), true, cluster)...)
		return policy, errorsIn(t, policy, diag.NamespacedPolicy), refused
	})
}

// TestKyvernoRefusesKinds holds rows of the checks of kinds to Kyverno's own
// validation: it refuses the one, and takes the mended other.
func TestKyvernoRefusesKinds(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	policy := func(settings, rule string) string {
		return "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: p}, spec: {" + settings + "rules: [{name: r, " + rule + "}]}}"
	}
	const every, labels = "match: {any: [{resources: {kinds: ['*']}}]}, ", "validate: {message: m, pattern: {metadata: {labels: {a: b}}}}"
	const target = "apiVersion: v1, kind: Secret, name: s, namespace: team"
	tests := []struct{ name, bad, good string }{
		{"cluster policy in a namespace",
			strings.Replace(policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, "+labels), "name: p", "name: p, namespace: team", 1),
			policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, "+labels)},
		{"every kind in background", policy("", every+labels), policy("background: false, ", every+labels)},
		{"every kind and one", policy("background: false, ", strings.Replace(every, "'*'", "'*', Pod", 1)+labels), policy("background: false, ", every+labels)},
		{"every kind's spec", policy("background: false, ", every+strings.Replace(labels, "metadata: {labels", "spec: {labels", 1)), policy("background: false, ", every+labels)},
		{"every kind, generating", policy("background: false, ", every+"generate: {"+target+", data: {a: b}}"),
			policy("background: false, ", strings.Replace(every, "*", "Pod", 1)+"generate: {"+target+", data: {a: b}}")},
		{"every kind, patched", policy("background: false, ", every+`mutate: {patchesJson6902: '[{"op": "add", "path": "/spec/a", "value": "b"}]'}`),
			policy("background: false, ", every+`mutate: {patchesJson6902: '[{"op": "add", "path": "/metadata/labels/a", "value": "b"}]'}`)},
		{"every kind, foreach", policy("background: false, ", every+"validate: {message: m, foreach: [{list: request.object.metadata.finalizers, deny: {conditions: {any: [{key: a, operator: Equals, value: a}]}}}]}"),
			policy("background: false, ", every+labels)},
		{"generates what it matches", policy("", "match: {resources: {kinds: [Secret]}}, generate: {"+target+", data: {a: b}}"),
			policy("", "match: {resources: {kinds: [Pod]}}, generate: {"+target+", data: {a: b}}")},
		{"anchors", policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, generate: {"+target+", data: {'+(a)': b}}"),
			policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, generate: {"+target+", data: {a: b}}")},
		{"wildcards in a selector", policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, generate: {namespace: team, cloneList: {namespace: default, kinds: [v1/Secret], selector: {matchLabels: {a: 'b*'}}}}"),
			policy("", "match: {any: [{resources: {kinds: [Pod]}}]}, generate: {namespace: team, cloneList: {namespace: default, kinds: [v1/Secret], selector: {matchLabels: {a: b}}}}")},
		{"targets elsewhere",
			"{apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: p, namespace: team}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [ConfigMap]}}]}, mutate: {targets: [{apiVersion: v1, kind: Secret, name: a, namespace: other}], patchStrategicMerge: {metadata: {labels: {a: b}}}}}]}}",
			"{apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: p, namespace: team}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [ConfigMap]}}]}, mutate: {targets: [{apiVersion: v1, kind: Secret, name: a, namespace: team}], patchStrategicMerge: {metadata: {labels: {a: b}}}}}]}}"},
		{"cleanup of nothing",
			"{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: p}, spec: {schedule: '* * * * *', match: {any: [{resources: {kinds: [Pod]}}]}, exclude: {any: [{resources: {kinds: [Pod]}}]}}}",
			"{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: p}, spec: {schedule: '* * * * *', match: {any: [{resources: {kinds: [Pod]}}]}, exclude: {any: [{resources: {kinds: [Job]}}]}}}"},
		{"cleanup of what is in no namespace",
			"{apiVersion: kyverno.io/v2, kind: CleanupPolicy, metadata: {name: p, namespace: team}, spec: {schedule: '* * * * *', match: {any: [{resources: {kinds: [Namespace]}}]}}}",
			"{apiVersion: kyverno.io/v2, kind: CleanupPolicy, metadata: {name: p, namespace: team}, spec: {schedule: '* * * * *', match: {any: [{resources: {kinds: [Pod]}}]}}}"},
	}
	codes := []diag.Code{diag.NamespacedPolicy, diag.KindNotAllowed, diag.EmptyMatch, diag.GenerateTarget, diag.Anchor, diag.Selector}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range []struct {
				text    string
				refused bool
			}{{tt.bad, true}, {tt.good, false}} {
				var object unstructured.Unstructured
				if err := yaml.Unmarshal([]byte(c.text), &object.Object); err != nil {
					t.Fatal(err)
				}
				if review := reviewer.Review(&object); (len(review.Reasons) > 0) != c.refused {
					t.Errorf("Kyverno's reasons: %+v\n%s", review.Reasons, c.text)
				}
				if found := errorsIn(t, c.text, codes...); (len(found) > 0) != c.refused {
					t.Errorf("vet finds %q\n%s", found, c.text)
				}
			}
		})
	}
}
