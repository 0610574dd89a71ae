package vet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
)

// findingsIn writes the findings in an object, a line each.
func findingsIn(object *spec.Node, options vet.Options) (lines []string) {
	for _, f := range vet.Object(object, options) {
		lines = append(lines, fmt.Sprintf("%s %v %s: %s (%s)", f.Code, f.Severity, f.Place(), f.Message, f.Hint))
	}
	return lines
}

// The same rule is found fault with in one policy and not in the other: what is
// remembered of the one says nothing of the other.
func TestRepeatsInOtherContext(t *testing.T) {
	const (
		config = "{name: c, match: {any: [{resources: {kinds: [ConfigMap]}}]}, "
		deny   = "validate: {message: m, deny: {conditions: {all: [{key: '{{ %s }}', operator: Equals, value: a}]}}}}"
		change = "{name: t, match: {any: [{resources: {kinds: [ConfigMap]}}]}, mutate: {targets: [{apiVersion: v1, kind: Secret, name: s}], patchStrategicMerge: {data: {a: b}}}}"
	)
	policy := func(kind, namespace, settings string, rules string) string {
		return fmt.Sprintf("{apiVersion: kyverno.io/v1, kind: %s, metadata: {name: p%s}, spec: {%srules: [%s]}}", kind, namespace, settings, rules)
	}
	user := config + fmt.Sprintf(deny, "request.userInfo.username")
	account := config + fmt.Sprintf(deny, "serviceAccountName")
	context := "{name: c, match: {any: [{resources: {kinds: [ConfigMap]}}]}, context: [{name: e, apiCall: {urlPath: /api/v1/namespaces/n/configmaps, jmesPath: items}}], " + fmt.Sprintf(deny, "e[0].data.a")
	for name, objects := range map[string][2]string{
		"background": {policy("ClusterPolicy", "", "background: false, ", user), policy("ClusterPolicy", "", "", user)},
		"targets":    {policy("ClusterPolicy", "", "", user+", "+change), policy("ClusterPolicy", "", "", user)},
		"updates":    {policy("ClusterPolicy", "", "background: false, ", account+", "+change), policy("ClusterPolicy", "", "background: false, ", account+", "+strings.Replace(change, "{targets", "{mutateExistingOnPolicyUpdate: true, targets", 1))},
		"namespace":  {policy("Policy", ", namespace: n", "", context), policy("Policy", ", namespace: o", "", context)},
		"kind":       {policy("ClusterPolicy", "", "", "{name: n, match: {any: [{resources: {kinds: [Namespace]}}]}, validate: {message: m, pattern: {metadata: {name: a}}}}"), policy("Policy", ", namespace: n", "", "{name: n, match: {any: [{resources: {kinds: [Namespace]}}]}, validate: {message: m, pattern: {metadata: {name: a}}}}")},
		"name": {
			policy("ClusterPolicy", "", "", "{name: plain, match: {any: [{resources: {kinds: [ConfigMap]}}]}, validate: {message: m, pattern: {data: {a: b}}}}"),
			policy("ClusterPolicy", "", "", "{name: 'x-{{ nothing }}', match: {any: [{resources: {kinds: [ConfigMap]}}]}, validate: {message: m, pattern: {data: {a: b}}}}"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := kinds.Load()
			if err != nil {
				t.Fatal(err)
			}
			clean, other := parseOne(t, objects[0]), parseOne(t, objects[1])
			alone := vet.Options{Kinds: table}
			if found := findingsIn(clean, alone); len(found) > 0 {
				t.Fatalf("the first has findings: %v", found)
			}
			want := findingsIn(other, alone)
			if len(want) == 0 {
				t.Fatal("the second has none")
			}
			repeats := vet.Options{Kinds: table, Repeats: &vet.Repeats{}}
			for range 2 {
				if found := findingsIn(clean, repeats); len(found) > 0 {
					t.Errorf("the first has findings: %v", found)
				}
				if diff := cmp.Diff(want, findingsIn(other, repeats)); diff != "" {
					t.Errorf("the second (-alone +after the first)\n%s", diff)
				}
			}
		})
	}
}

// Kinds that one bundle ships are not those of another.
func TestRepeatsOfOtherKinds(t *testing.T) {
	object := parseOne(t, "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: p}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Widget]}}]}, validate: {message: m, pattern: {spec: {a: b}}}}]}}")
	table, err := kinds.Load()
	if err != nil {
		t.Fatal(err)
	}
	own, err := table.With(parseOne(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, spec: {group: example.com, scope: Namespaced, names: {kind: Widget, plural: widgets}, versions: [{name: v1, served: true, storage: true}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	repeats := &vet.Repeats{}
	if found := findingsIn(object, vet.Options{Kinds: own, Repeats: repeats}); len(found) > 0 {
		t.Errorf("with its kind: %v", found)
	}
	if found := findingsIn(object, vet.Options{Kinds: table, Repeats: repeats}); len(found) == 0 {
		t.Error("without its kind there is nothing to say")
	}
}

// What is found in the published policies and their variations is the same
// whatever was vetted before.
func TestRepeatsOfPublished(t *testing.T) {
	table, err := kinds.Load()
	if err != nil {
		t.Fatal(err)
	}
	var objects []*spec.Node
	publishedObjects(t, func(_ string, o *spec.Node) {
		if kind := o.Get("kind").Str(); kind == "ClusterPolicy" || kind == "Policy" {
			objects = append(objects, variations(o)...)
		}
	})
	alone := make([][]string, len(objects))
	withFindings := 0
	for i, o := range objects {
		if alone[i] = findingsIn(o, vet.Options{Kinds: table}); len(alone[i]) > 0 {
			withFindings++
		}
	}
	if len(objects) < 1000 || withFindings < 100 {
		t.Fatalf("%d objects, %d of them with findings: too few to tell", len(objects), withFindings)
	}
	repeats := vet.Options{Kinds: table, Repeats: &vet.Repeats{}}
	for range 2 {
		for i, o := range objects {
			if diff := cmp.Diff(alone[i], findingsIn(o, repeats)); diff != "" {
				t.Errorf("%s %s (-alone +after others)\n%s", o.Get("kind").Str(), o.Get("metadata").Get("name").Str(), diff)
			}
		}
	}
}

// variations gives a policy and others with the same rules.
func variations(policy *spec.Node) []*spec.Node {
	content := policy.Get("spec")
	rules := content.Get("rules")
	if rules == nil || content.Kind != spec.Struct {
		return []*spec.Node{policy}
	}
	none := token.NoPos
	with := func(name string, value *spec.Node) *spec.Node { return policy.With("spec", content.With(name, value)) }
	renamed := make([]*spec.Node, len(rules.Items))
	for i, r := range rules.Items {
		renamed[i] = r.With("name", spec.NewString(fmt.Sprint("renamed-", i), none))
	}
	targets := spec.NewStruct(none, spec.Field{Name: "name", Value: spec.NewString("targets", none)},
		spec.Field{Name: "mutate", Value: spec.NewStruct(none, spec.Field{Name: "targets", Value: spec.NewList(none)})})
	metadata := policy.Get("metadata")
	return []*spec.Node{
		policy,
		with("background", spec.NewBool(false, none)),
		with("background", spec.NewBool(true, none)),
		with("mutateExistingOnPolicyUpdate", spec.NewBool(true, none)),
		with("rules", spec.NewList(none, renamed...)),
		with("rules", spec.NewList(none, append(slices.Clone(rules.Items), targets)...)),
		policy.With("kind", spec.NewString("Policy", none)).With("metadata", metadata.With("namespace", spec.NewString("team", none))),
	}
}
