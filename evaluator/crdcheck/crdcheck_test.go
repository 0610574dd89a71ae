// Package crdcheck holds kcue's checks of emitted objects against the code of
// the Kubernetes API server itself: apiextensions-apiserver for Kyverno's CRDs,
// sigs.k8s.io/yaml for what a YAML file means. It has tests only, and stands
// in the evaluator's module because the light one is to link neither.
package crdcheck

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
)

const corpusDir = "../../../shared/corpus"

// written are objects of the kinds of which the published policies have few.
var written = []string{
	`{apiVersion: kyverno.io/v2, kind: PolicyException, metadata: {name: a, namespace: ns}, spec: {background: true, exceptions: [{policyName: p, ruleNames: [r]}], match: {any: [{resources: {kinds: [Pod], names: [x]}}]}, conditions: {all: [{key: a, operator: Equals, value: 1}]}, podSecurity: [{controlName: Capabilities, images: [x], restrictedField: f, values: [v]}]}}`,
	`{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: a}, spec: {schedule: "* * * * *", deletionPropagationPolicy: Foreground, match: {any: [{resources: {kinds: [Pod]}}]}, exclude: {all: [{resources: {kinds: [Pod]}}]}, conditions: {any: [{key: a, operator: Equals, value: b}]}, context: [{name: c, apiCall: {urlPath: /x}}]}}`,
	`{apiVersion: kyverno.io/v2, kind: CleanupPolicy, metadata: {name: a, namespace: ns}, spec: {schedule: "* * * * *", match: {any: []}}}`,
	`{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: a}, spec: {apiCall: {urlPath: /x, refreshInterval: 10s, retryLimit: 4, data: [{key: a, value: b}]}, projections: [{name: p, jmesPath: x}]}}`,
	`{apiVersion: kyverno.io/v2, kind: GlobalContextEntry, metadata: {name: a}, spec: {kubernetesResource: {version: v1, resource: pods, group: g, namespace: x}}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: GeneratingPolicy, metadata: {name: a}, spec: {evaluation: {synchronize: {enabled: true}}, matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [namespaces]}]}, generate: [{expression: x}, {template: {value: x}}]}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: NamespacedGeneratingPolicy, metadata: {name: a, namespace: ns}, spec: {generate: [{expression: x}]}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: DeletingPolicy, metadata: {name: a}, spec: {schedule: "* * * * *", conditions: [{name: a, expression: x}, {name: b, expression: x}], variables: [{name: a, expression: b}], matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [pods]}]}}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: NamespacedDeletingPolicy, metadata: {name: a, namespace: ns}, spec: {schedule: "* * * * *"}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: PolicyException, metadata: {name: a, namespace: ns}, spec: {policyRefs: [{name: a, kind: ValidatingPolicy}], images: [x], allowedValues: [x], reportResult: pass, expiresAt: "2026-01-31T12:00:00Z", matchConditions: [{name: a, expression: b}]}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: ImageValidatingPolicy, metadata: {name: a}, spec: {validationActions: [Deny, Audit], failurePolicy: Fail, images: [{name: a, expression: b}], matchImageReferences: [{glob: x}, {expression: b}], attestors: [{name: a, cosign: {key: {data: x, hashAlgorithm: sha256}, source: {PullSecrets: [{}]}}}, {name: b, notary: {certs: {value: x}}}], attestations: [{name: a, intoto: {type: b}}], validations: [{expression: a, message: m}]}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: NamespacedImageValidatingPolicy, metadata: {name: a, namespace: ns}, spec: {attestors: [], validations: []}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: MutatingPolicy, metadata: {name: a}, spec: {failurePolicy: Ignore, matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods], scope: Namespaced}]}, mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: x}}, {patchType: JSONPatch, jsonPatch: {expression: x}}], webhookConfiguration: {timeoutSeconds: 5}}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: NamespacedMutatingPolicy, metadata: {name: a, namespace: ns}, spec: {mutations: []}}`,
	`{apiVersion: policies.kyverno.io/v1, kind: NamespacedValidatingPolicy, metadata: {name: a, namespace: ns}, spec: {validationActions: [Audit], validations: [{expression: x}], variables: [{name: a, expression: b}], matchConstraints: {namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}}, auditAnnotations: [{key: a, valueExpression: b}]}}`,
	`{apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: a, namespace: ns, labels: {a: b}, annotations: {a/b: c}, finalizers: [a/b]}, spec: {rules: [{name: a, match: {any: [{resources: {kinds: [Pod]}}]}, imageExtractors: {Pod: [{path: /x, value: y, jmesPath: z}]}, validate: {podSecurity: {level: baseline, version: latest, exclude: [{controlName: Capabilities, images: [a]}]}}}]}}`,
	`{apiVersion: kyverno.io/v2beta1, kind: Policy, metadata: {name: a}, spec: {rules: [{name: a, match: {any: []}, validate: {deny: {conditions: {any: [{key: a, operator: Equals, value: b}]}}}}]}}`,
}

// seeds gives good objects: those above, the full ClusterPolicy that package
// crd is tested with, and the published policies where they are at hand.
func seeds(t *testing.T) []*spec.Node {
	t.Helper()
	var objects []*spec.Node
	parse := func(name string, data []byte) {
		docs, err := spec.ParseYAML(name, data)
		if err != nil {
			t.Error(err)
		}
		for _, doc := range docs {
			if strings.Contains(doc.Get("apiVersion").Str(), "kyverno.io/") && doc.Get("kind").Str() != "Values" {
				objects = append(objects, doc)
			}
		}
	}
	for _, text := range written {
		parse("written", []byte(text))
	}
	full, err := os.ReadFile("../../compiler/crd/testdata/clusterpolicy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parse("clusterpolicy.yaml", full)
	for _, name := range corpusFiles(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parse(name, data)
	}
	return slices.DeleteFunc(objects, func(n *spec.Node) bool {
		group, _, _ := strings.Cut(n.Get("apiVersion").Str(), "/")
		return group != "kyverno.io" && group != "policies.kyverno.io"
	})
}

func corpusFiles(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat(corpusDir); err != nil {
		t.Logf("SKIPPED: no published policies at %s", corpusDir)
		return nil
	}
	var files []string
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".yaml") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files at %s: %v", len(files), corpusDir, err)
	}
	return files
}

// TestCheck holds crd.Check against the API server on good objects and on
// many broken in small ways: it must find something exactly where the server
// does.
func TestCheck(t *testing.T) {
	mutations := 12
	if testing.Short() {
		mutations = 2
	}
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := resources(t)
	objects := seeds(t)
	m := newMutator(objects)
	checked, refused, kinds := 0, 0, map[string]bool{}
	for i, seed := range objects {
		key := seed.Get("apiVersion").Str() + " " + seed.Get("kind").Str()
		kinds[key] = true
		r := all[key]
		if r == nil || !schemas.Known(seed.Get("apiVersion").Str(), seed.Get("kind").Str()) {
			t.Errorf("%s: a CRD %t, in the table %t", key, r != nil, r == nil)
			continue
		}
		for j := range mutations {
			m.rand = rand.New(rand.NewPCG(uint64(i), uint64(j)))
			obj := seed
			for range j { // the first is left as it is
				obj = m.mutate(obj)
				if m.rand.IntN(2) == 0 {
					break
				}
			}
			if compare(t, schemas, r, obj) {
				refused++
			}
			checked++
			if t.Failed() && checked > 100 {
				t.FailNow()
			}
		}
	}
	t.Logf("%d objects of %d kinds, of which the API server refuses %d", checked, len(kinds), refused)
	if refused == 0 || refused == checked {
		t.Error("the mutations do not tell good from bad")
	}
}

// stricter are the fields in which kcue asks for what Kyverno's Go types
// decode, and the API server for less.
var stricter = []string{"expiresAt", "refreshInterval", "creationTimestamp", "deletionTimestamp"}

func compare(t *testing.T, schemas *crd.Schemas, r *resource, obj *spec.Node) (refused bool) {
	t.Helper()
	data, err := obj.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	theirs := r.admit(t, decode(t, data))
	violations := schemas.Check(obj)
	ours := map[string]string{}
	for _, v := range violations {
		if slices.ContainsFunc(stricter, func(name string) bool { return strings.HasSuffix(v.Path, name) }) {
			return len(theirs) > 0
		}
		ours[plain(v.Path)] = v.Message
	}
	if (len(ours) > 0) != (len(theirs) > 0) {
		t.Errorf("%s\nours: %v\ntheirs: %v", data, ours, theirs)
	}
	// Below a value of the wrong type the server goes on, prunes it, and may
	// then find what holds it repeated; and where exactly one field may stand
	// it reports its guess at which was meant.
	covered := func(path string) bool {
		return slices.ContainsFunc(violations, func(v crd.Violation) bool {
			at := plain(v.Path)
			return (v.Kind == crd.WrongType || v.Kind == crd.NotExclusive) && strings.HasPrefix(path, at) ||
				v.Kind == crd.WrongType && strings.HasPrefix(at, path+".")
		})
	}
	places := map[string]bool{}
	for path, message := range theirs {
		path = plain(path)
		places[path] = true
		if ours[path] == "" && !covered(path) && !strings.HasPrefix(path, "metadata") {
			t.Errorf("%s\nthe API server refuses %s: %s\nours: %v", data, path, message, ours)
		}
	}
	wrongType := slices.ContainsFunc(violations, func(v crd.Violation) bool { return v.Kind == crd.WrongType })
	for _, v := range violations {
		// The server looks at rules in CEL only where all else is well, and
		// for repeated items only where all items are objects.
		lenient := v.Kind == crd.NotExclusive || v.Kind == crd.Duplicate && wrongType
		if path := plain(v.Path); !places[path] && !lenient && !strings.HasPrefix(path, "metadata") {
			t.Errorf("%s\nonly kcue refuses %s\ntheirs: %v", data, v, theirs)
		}
	}
	return len(theirs) > 0
}

// plain writes a path without the marks in which the two differ.
func plain(path string) string {
	return strings.NewReplacer(`"`, "", "[", ".", "]", "").Replace(path)
}

// TestDefaultLists holds crd.DefaultLists against the API server: it writes
// what the server would, all of it inside lists and nothing outside them.
func TestDefaultLists(t *testing.T) {
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := resources(t)
	objects := seeds(t)
	m := newMutator(objects)
	written := 0
	for i, seed := range objects {
		r := all[seed.Get("apiVersion").Str()+" "+seed.Get("kind").Str()]
		for j := range 6 {
			m.rand = rand.New(rand.NewPCG(uint64(i), uint64(j)))
			obj := seed
			for range j {
				obj = m.mutate(obj)
			}
			before, err := obj.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			after, err := schemas.DefaultLists(obj).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if string(after) != string(before) {
				written++
			}
			server := runtime.DeepCopyJSON(decode(t, before))
			defaulting.Default(server, r.structural)
			want := outsideLists(decode(t, before), server)
			if diff := cmp.Diff(want, any(decode(t, after))); diff != "" {
				t.Fatalf("%s\n(-want +got)\n%s", before, diff)
			}
		}
	}
	t.Logf("defaults were written into %d objects", written)
	if written == 0 {
		t.Error("no object had anything to default")
	}
}

// outsideLists gives v with its lists taken from defaulted.
func outsideLists(v, defaulted any) any {
	switch v := v.(type) {
	case map[string]any:
		d, ok := defaulted.(map[string]any)
		if !ok {
			return v
		}
		for k := range v {
			v[k] = outsideLists(v[k], d[k])
		}
	case []any:
		return defaulted
	}
	return v
}

// TestYAML holds spec.ParseYAML against the library by which kubectl and
// Kyverno read YAML.
func TestYAML(t *testing.T) {
	scalars := `y Y n yes No ON off true FALSE ~ null Null nULL 0 -0 +1 010 0x1F 0b11 -0b11 0o17 1_000 1__0 0_1 1. .5 -.5 +.5 ._5 1.5e3 1e3 1E+3 12e03 1e400 0.1e
		1:20 1.2.3 100m 1Gi 2024-01-02 2024-1-2 2024-01-02T03:04:05Z 18446744073709551615 18446744073709551616 9223372036854775808 0x 0b - -- -a . .. .a +a << = 'y' "1" !!str,1 0.10 -1.0 1e21 1e-7 123456789.123 08 0o8 1e 0x_1 _1 1_`
	noKeys := []string{"-", "~", "null", "Null", "<<", "18446744073709551615", "9223372036854775808"} // to the library
	for _, s := range strings.Fields(scalars) {
		s = strings.ReplaceAll(s, ",", " ")
		if s != "-" { // begins a sequence
			compareYAML(t, s, []byte("a: "+s+"\n"))
		}
		if !slices.Contains(noKeys, s) {
			compareYAML(t, s, []byte(s+": x\n"))
		}
	}
	for _, s := range []string{
		"a: &x {b: 1, c: [d]}\ne: {<<: *x, b: 2}\n", "- &a {x: 1, z: 0}\n- &b {x: 2}\n- <<: [*a, *b]\n  q: *a\n",
		"a: |2-\n    x\n   y\n", "a: >\n  x\n\n  y\n", "'a b': \"\\u00e9\\n\"\n", "{a: [1, {b: }], ? c : d}\n", "a: !!binary aGVsbG8=\n", "a: !!float 1\n", "a: !!int '3'\n",
	} {
		compareYAML(t, s, []byte(s))
	}
	docs := 0
	for _, name := range corpusFiles(t) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		docs += compareYAML(t, name, data)
	}
	t.Logf("%d published documents", docs)
}

func compareYAML(t *testing.T, name string, data []byte) int {
	t.Helper()
	var want []any
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(string(data))))
	for {
		doc, err := reader.Read()
		if err != nil {
			break
		}
		js, err := yaml.YAMLToJSON(doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return 0
		}
		var v any
		if err := json.Unmarshal(js, &v); err != nil {
			t.Fatal(err)
		}
		if v != nil {
			want = append(want, v)
		}
	}
	nodes, err := spec.ParseYAML(name, data)
	if err != nil {
		t.Errorf("%s: %v, and the library reads %v", name, err, want)
		return 0
	}
	var got []any
	for _, n := range nodes {
		js, err := n.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(js, &v); err != nil {
			t.Fatalf("%s: %v", js, err)
		}
		got = append(got, v)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-library +ParseYAML)\n%s", name, diff)
	}
	return len(got)
}
