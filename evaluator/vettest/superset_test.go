package vettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/evaluator/admission"
)

// candidate is an object that Kyverno and kcue vet are both asked about.
type candidate struct {
	name    string
	object  *unstructured.Unstructured
	refused string // why Kyverno refuses it; empty where it does not
	errors  diag.List
}

// judge asks Kyverno and kcue vet about every candidate.
func judge(t *testing.T, candidates []candidate) {
	t.Helper()
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	log.SetLogger(logr.Discard())
	dir := t.TempDir()
	var wg sync.WaitGroup
	work := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				if err := reviewer.Accept(defaulted(schemas, candidates[i].object)); err != nil {
					candidates[i].refused = err.Error()
				}
			}
		})
	}
	for i := range candidates {
		data, err := json.MarshalIndent(candidates[i].object, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), data, 0o666); err != nil {
			t.Fatal(err)
		}
		work <- i
	}
	close(work)
	wg.Wait()
	vetted, err := compiler.Vet(compiler.Config{Dir: dir, Args: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if vetted.Files != len(candidates) {
		t.Errorf("%d of %d objects are vetted", vetted.Files, len(candidates))
	}
	for _, d := range vetted.Diagnostics {
		if d.Severity != diag.Error {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(filepath.Base(d.Pos.File), "%d.json", &i); err != nil {
			t.Fatalf("%v is at no file of ours", d)
		}
		candidates[i].errors = append(candidates[i].errors, d)
	}
}

// defaulted gives an object as the API server hands it to the webhook, which
// it has filled in defaults for: with mutateDigest, for one.
func defaulted(schemas *crd.Schemas, object *unstructured.Unstructured) *unstructured.Unstructured {
	data, err := object.MarshalJSON()
	if err != nil {
		return object
	}
	nodes, err := spec.ParseYAML("", data)
	if err != nil || len(nodes) != 1 || len(schemas.Check(nodes[0])) > 0 {
		return object
	}
	if data, err = schemas.DefaultLists(nodes[0]).MarshalJSON(); err != nil {
		return object
	}
	out := &unstructured.Unstructured{}
	if out.UnmarshalJSON(data) != nil {
		return object
	}
	return out
}

// validPolicies gives Kyverno's objects among the published policies and those
// that the examples and goldens compile to.
func validPolicies(t *testing.T) []candidate {
	t.Helper()
	var out []candidate
	add := func(name string, node *spec.Node) {
		if group, _, _ := strings.Cut(node.Get("apiVersion").Str(), "/"); group != "kyverno.io" && group != "policies.kyverno.io" {
			return
		}
		data, err := node.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			return
		}
		out = append(out, candidate{name: name, object: object})
	}
	result, err := compiler.Compile(compiler.Config{Dir: "../../examples", Args: []string{"./..."}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range result.Objects {
		add(o.Path.String(), o.Node)
	}
	if len(out) == 0 {
		t.Fatal("the examples give no policies")
	}
	publishedObjects(t, func(file string, object *spec.Node) { add(file, object) })
	return out
}

// TestNoFalseAlarm holds that vet finds no error in what Kyverno accepts.
func TestNoFalseAlarm(t *testing.T) {
	candidates := validPolicies(t)
	judge(t, candidates)
	accepted := 0
	for _, c := range candidates {
		switch {
		case c.refused == "":
			accepted++
			if len(c.errors) > 0 {
				t.Errorf("%s: Kyverno accepts it, and vet does not:\n%v", c.name, c.errors)
			}
		case len(c.errors) == 0:
			t.Errorf("%s: Kyverno refuses it, and vet does not:\n%s", c.name, c.refused)
		}
	}
	t.Logf("%d of %d objects are accepted by both", accepted, len(candidates))
	if accepted < 250 {
		t.Errorf("only %d objects are accepted: that shows little", accepted)
	}
}

// TestSuperset breaks valid policies, each in every way that applies to it, and
// holds that vet refuses whatever Kyverno's own validation refuses.
func TestSuperset(t *testing.T) {
	if testing.Short() {
		t.Skip("breaks every published policy in every way")
	}
	const most = 25 // policies for each way
	var broken []candidate
	ways := map[string]int{}
	policies := validPolicies(t)
	for i, m := range mutations {
		// Each way begins at another policy, so that all of them are broken.
		for j := range policies {
			c := policies[(i*7+j)%len(policies)]
			object := c.object.DeepCopy()
			if ways[m.name] == most || !m.apply(object.Object) {
				continue
			}
			broken = append(broken, candidate{name: m.name + ": " + c.name, object: object})
			ways[m.name]++
		}
	}
	judge(t, broken)
	refused := map[string]int{}
	missed := map[string][]candidate{}
	for _, c := range broken {
		way, _, _ := strings.Cut(c.name, ": ")
		if c.refused == "" {
			continue
		}
		refused[way]++
		if len(c.errors) == 0 {
			missed[way] = append(missed[way], c)
		}
	}
	var report bytes.Buffer
	working := 0
	for _, m := range mutations {
		fmt.Fprintf(&report, "%-40s %4d broken, %4d refused by Kyverno, %4d of those missed\n", m.name, ways[m.name], refused[m.name], len(missed[m.name]))
		if refused[m.name] > 0 {
			working++
		}
	}
	t.Logf("%d broken policies\n%s", len(broken), report.String())
	if working < 25 {
		t.Errorf("only %d ways of breaking a policy make Kyverno refuse one", working)
	}
	for _, m := range mutations {
		for i, c := range missed[m.name] {
			if i == 3 {
				t.Errorf("%s: %d more", m.name, len(missed[m.name])-i)
				break
			}
			t.Errorf("%s\n%s", c.name, c.refused)
		}
	}
}

// mutation breaks an object in one way; apply is false where that does not
// apply to it.
type mutation struct {
	name  string
	apply func(object map[string]any) bool
}

type object = map[string]any

// valueAt gives the value at a path of fields; a number is a list's index.
func valueAt(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// in calls f with the struct at a path, if one is there.
func in(f func(m object) bool, path ...any) func(object) bool {
	return func(o object) bool {
		m, ok := valueAt(o, path...).(object)
		return ok && f(m)
	}
}

func set(field string, value any) func(object) bool {
	return func(m object) bool { m[field] = value; return true }
}

// replace sets a field that is there.
func replace(field string, value any) func(object) bool {
	return func(m object) bool {
		if _, ok := m[field]; !ok {
			return false
		}
		m[field] = value
		return true
	}
}

func drop(field string) func(object) bool {
	return func(m object) bool {
		_, ok := m[field]
		delete(m, field)
		return ok
	}
}

// rule applies to the first rule of a ClusterPolicy or Policy for which f is
// true.
func rule(f func(r object) bool) func(object) bool {
	return func(o object) bool {
		if k := o["kind"]; k != "ClusterPolicy" && k != "Policy" {
			return false
		}
		rules, _ := valueAt(o, "spec", "rules").([]any)
		for _, r := range rules {
			if m, ok := r.(object); ok && f(m) {
				return true
			}
		}
		return false
	}
}

// firstString applies to the first string below a value that f changes.
func firstString(f func(s string) (string, bool), path ...any) func(object) bool {
	var walk func(v any) (any, bool)
	walk = func(v any) (any, bool) {
		switch v := v.(type) {
		case string:
			return f(v)
		case object:
			keys := make([]string, 0, len(v))
			for k := range v {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				if changed, ok := walk(v[k]); ok {
					v[k] = changed
					return v, true
				}
			}
		case []any:
			for i := range v {
				if changed, ok := walk(v[i]); ok {
					v[i] = changed
					return v, true
				}
			}
		}
		return v, false
	}
	return func(o object) bool {
		v := valueAt(o, path...)
		if v == nil {
			return false
		}
		if _, isString := v.(string); isString {
			return false
		}
		_, ok := walk(v)
		return ok
	}
}

func variable(from func(inside string) string) func(s string) (string, bool) {
	return func(s string) (string, bool) {
		begin := strings.Index(s, "{{")
		end := strings.Index(s, "}}")
		if begin < 0 || end < begin+2 {
			return s, false
		}
		return s[:begin+2] + from(s[begin+2:end]) + s[end:], true
	}
}

// celExpression applies to the first CEL expression of a policy that f changes.
func celExpression(f func(s string) (string, bool)) func(object) bool {
	return func(o object) bool {
		var walk func(v any) bool
		walk = func(v any) bool {
			switch v := v.(type) {
			case object:
				if s, ok := v["expression"].(string); ok {
					if changed, ok := f(s); ok {
						v["expression"] = changed
						return true
					}
				}
				keys := make([]string, 0, len(v))
				for k := range v {
					keys = append(keys, k)
				}
				slices.Sort(keys)
				for _, k := range keys {
					if walk(v[k]) {
						return true
					}
				}
			case []any:
				for _, item := range v {
					if walk(item) {
						return true
					}
				}
			}
			return false
		}
		return walk(o["spec"])
	}
}

func always(with string) func(string) (string, bool) {
	return func(string) (string, bool) { return with, true }
}

func appended(text string) func(string) (string, bool) {
	return func(s string) (string, bool) { return s + text, true }
}

func firstItem(list string, f func(object) bool) func(object) bool {
	return func(m object) bool {
		items, _ := m[list].([]any)
		if len(items) == 0 {
			return false
		}
		item, ok := items[0].(object)
		return ok && f(item)
	}
}

var pod = object{"resources": object{"kinds": []any{"Pod"}}}

var mutations = []mutation{
	// What every object has.
	{"name in upper case", in(set("name", "Bad_Name"), "metadata")},
	{"name too long", in(set("name", strings.Repeat("a", 70)), "metadata")},
	{"no name", in(drop("name"), "metadata")},
	{"bad label", in(set("labels", object{"a b": "c"}), "metadata")},
	{"label that is no string", in(set("labels", object{"a": true}), "metadata")},
	{"namespace on a cluster-scoped policy", func(o object) bool {
		return o["kind"] == "ClusterPolicy" && in(set("namespace", "a"), "metadata")(o)
	}},
	{"unknown field of spec", in(set("unknwon", true), "spec")},
	{"no spec", drop("spec")},
	{"empty spec", set("spec", object{})},
	{"unknown version", func(o object) bool {
		group, _, _ := strings.Cut(o["apiVersion"].(string), "/")
		o["apiVersion"] = group + "/v9"
		return true
	}},

	// Settings of ClusterPolicy and Policy.
	{"rules that are a map", ofSpec(func(s object) bool { s["rules"] = object{}; return true })},
	{"no rules", ofSpec(drop("rules"))},
	{"unknown failure action", ofSpec(set("validationFailureAction", "Deny"))},
	{"timeout too long", ofSpec(set("webhookTimeoutSeconds", int64(31)))},
	{"timeout of the webhook too long", ofSpec(set("webhookConfiguration", object{"timeoutSeconds": int64(31)}))},
	{"timeout said twice", ofSpec(func(s object) bool {
		s["webhookTimeoutSeconds"] = int64(10)
		s["webhookConfiguration"] = object{"timeoutSeconds": int64(20)}
		return true
	})},
	{"failure policy said twice", ofSpec(func(s object) bool {
		s["failurePolicy"] = "Fail"
		s["webhookConfiguration"] = object{"failurePolicy": "Ignore"}
		return true
	})},
	{"match condition that is no CEL", ofSpec(set("webhookConfiguration", object{"matchConditions": []any{object{"name": "a", "expression": "object.("}}}))},
	{"match condition of another type", ofSpec(set("webhookConfiguration", object{"matchConditions": []any{object{"name": "a", "expression": "1 + 1"}}}))},
	{"neither admission nor background", ofSpec(func(s object) bool { s["admission"], s["background"] = false, false; return true })},
	{"unknown autogen controller", in(set("annotations", object{"pod-policies.kyverno.io/autogen-controllers": "all"}), "metadata")},
	{"overrides with an unknown action", ofSpec(set("validationFailureActionOverrides", []any{object{"action": "Deny", "namespaces": []any{"a"}}}))},
	{"overrides that contradict", ofSpec(set("validationFailureActionOverrides", []any{object{"action": "Audit", "namespaces": []any{"a*"}}, object{"action": "Enforce", "namespaces": []any{"ab"}}}))},
	{"generate existing said twice", ofSpec(func(s object) bool {
		s["generateExistingOnPolicyUpdate"], s["generateExisting"] = true, true
		return true
	})},
	{"mutate existing without targets", rule(within("mutate", func(m object) bool {
		delete(m, "targets")
		m["mutateExistingOnPolicyUpdate"] = true
		return true
	}))},

	// Rules.
	{"no name of a rule", rule(drop("name"))},
	{"name of a rule too long", rule(set("name", strings.Repeat("a", 64)))},
	{"two rules of one name", ofSpec(func(s object) bool {
		rules, _ := s["rules"].([]any)
		if len(rules) == 0 {
			return false
		}
		s["rules"] = append(rules, rules[0])
		return true
	})},
	{"unknown field of a rule", rule(set("when", "always"))},
	{"no match", rule(drop("match"))},
	{"empty match", rule(set("match", object{}))},
	{"empty any", rule(set("match", object{"any": []any{}}))},
	{"empty filter", rule(set("match", object{"any": []any{object{}}}))},
	{"any and all", rule(set("match", object{"any": []any{pod}, "all": []any{pod}}))},
	{"any beside a filter", rule(set("match", object{"any": []any{pod}, "resources": pod["resources"]}))},
	{"exclude with any and all", rule(set("exclude", object{"any": []any{pod}, "all": []any{pod}}))},
	{"exclude of all that is matched", rule(func(r object) bool {
		r["match"], r["exclude"] = object{"any": []any{pod}}, object{"any": []any{pod}}
		return true
	})},
	{"no kinds", rule(set("match", object{"any": []any{object{"resources": object{"namespaces": []any{"a"}}}}}))},
	{"kinds that are empty", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{}}}}}))},
	{"kinds that are a string", rule(set("match", object{"any": []any{object{"resources": object{"kinds": "Pod"}}}}))},
	{"name and names", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "name": "a", "names": []any{"b"}}}}}))},
	{"every kind", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"*"}}}}}))},
	{"every kind beside one", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"*", "Pod"}}}}}))},
	{"operation that is none", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "operations": []any{"REMOVE"}}}}}))},
	{"selector with a bad operator", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchExpressions": []any{object{"key": "a", "operator": "Is", "values": []any{"b"}}}}}}}}))},
	{"selector without values", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchExpressions": []any{object{"key": "a", "operator": "In"}}}}}}}))},
	{"selector with a bad key", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchLabels": object{"a b": "c"}}}}}}))},
	{"empty selector", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{}}}}}))},
	{"empty namespace selector", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "namespaceSelector": object{}}}}}))},
	{"subject of no kind", rule(set("match", object{"any": []any{object{"subjects": []any{object{"name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"subject of an unknown kind", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "Robot", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"service account without a namespace", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "ServiceAccount", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"subjects in the background", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "User", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"role without a namespace", rule(set("match", object{"any": []any{object{"roles": []any{"admin"}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"variable in match", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "names": []any{"{{request.object.metadata.name}}"}}}}}))},
	{"variable in exclude", rule(set("exclude", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "names": []any{"{{request.object.metadata.name}}"}}}}}))},
	{"no body", rule(func(r object) bool {
		for _, b := range []string{"validate", "mutate", "generate", "verifyImages"} {
			delete(r, b)
		}
		return true
	})},
	{"two bodies", rule(func(r object) bool {
		_, ok := r["mutate"]
		r["mutate"] = object{"patchStrategicMerge": object{"metadata": object{"labels": object{"a": "b"}}}}
		return !ok
	})},
	{"image extractors without images", rule(func(r object) bool {
		_, images := r["verifyImages"]
		r["imageExtractors"] = object{"Task": []any{object{"path": "/spec/image"}}}
		return !images
	})},
	{"CEL preconditions of another rule", rule(func(r object) bool {
		_, cel := valueAt(r, "validate", "cel").(object)
		r["celPreconditions"] = []any{object{"name": "a", "expression": "true"}}
		return !cel
	})},

	// Context and conditions.
	{"context of no name", rule(set("context", []any{object{"variable": object{"value": "a"}}}))},
	{"context of a reserved name", rule(set("context", []any{object{"name": "request", "variable": object{"value": "a"}}}))},
	{"context of no source", rule(set("context", []any{object{"name": "a"}}))},
	{"context of two sources", rule(set("context", []any{object{"name": "a", "variable": object{"value": "a"}, "configMap": object{"name": "a", "namespace": "b"}}}))},
	{"variable of nothing", rule(set("context", []any{object{"name": "a", "variable": object{}}}))},
	{"default without a query", rule(set("context", []any{object{"name": "a", "variable": object{"default": "x"}}}))},
	{"variable whose query does not parse", rule(set("context", []any{object{"name": "a", "variable": object{"jmesPath": "a[?b"}}}))},
	{"ConfigMap without a name", rule(set("context", []any{object{"name": "a", "configMap": object{"namespace": "b"}}}))},
	{"ConfigMap without a namespace", rule(set("context", []any{object{"name": "a", "configMap": object{"name": "b"}}}))},
	{"call of nothing", rule(set("context", []any{object{"name": "a", "apiCall": object{}}}))},
	{"call of two things", rule(set("context", []any{object{"name": "a", "apiCall": object{"urlPath": "/api", "service": object{"url": "https://example.com"}}}}))},
	{"call whose query does not parse", rule(set("context", []any{object{"name": "a", "apiCall": object{"urlPath": "/api", "jmesPath": "items["}}}))},
	{"global reference without a name", rule(set("context", []any{object{"name": "a", "globalReference": object{"jmesPath": "a"}}}))},
	{"image whose query does not parse", rule(set("context", []any{object{"name": "a", "imageRegistry": object{"reference": "nginx", "jmesPath": "a["}}}))},
	{"condition of no key", rule(set("preconditions", object{"all": []any{object{"operator": "Equals", "value": "a"}}}))},
	{"condition of no operator", rule(set("preconditions", object{"all": []any{object{"key": "a", "value": "a"}}}))},
	{"condition of no value", rule(set("preconditions", object{"all": []any{object{"key": "a", "operator": "Equals"}}}))},
	{"unknown operator", rule(set("preconditions", object{"all": []any{object{"key": "a", "operator": "Is", "value": "a"}}}))},
	{"operation that no request has", rule(set("preconditions", object{"all": []any{object{"key": "{{request.operation}}", "operator": "Equals", "value": "REMOVE"}}}))},
	{"operations that no request has", rule(set("preconditions", object{"all": []any{object{"key": "{{request.operation}}", "operator": "AnyIn", "value": []any{"CREATE", "REMOVE"}}}}))},
	{"undefined variable", rule(set("preconditions", object{"all": []any{object{"key": "{{nowhere.to.be.found}}", "operator": "Equals", "value": "a"}}}))},
	{"user in the background", rule(set("preconditions", object{"all": []any{object{"key": "{{request.userInfo.username}}", "operator": "Equals", "value": "a"}}}))},
	{"service account in the background", rule(set("preconditions", object{"all": []any{object{"key": "{{serviceAccountName}}", "operator": "Equals", "value": "a"}}}))},
	{"element outside of a foreach", rule(func(r object) bool {
		r["preconditions"] = object{"all": []any{object{"key": "{{element.name}}", "operator": "Equals", "value": "a"}}}
		return true
	})},
	{"variable that does not parse", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return s + " ||| (" }))(r)
	})},
	{"unknown function of a variable", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return "to_uper(" + s + ")" }))(r)
	})},
	{"too few arguments", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return "replace_all(" + s + ")" }))(r)
	})},
	{"misspelt root of a variable", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return strings.Replace(s, "request", "reqest", 1) }))(r)
	})},

	// Validate.
	{"validate nothing", rule(set("validate", object{"message": "a"}))},
	{"pattern and deny", rule(within("validate", func(v object) bool {
		_, ok := v["pattern"]
		v["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Equals", "value": "a"}}}}
		return ok
	}))},
	{"unknown rule action", rule(within("validate", set("failureAction", "Deny")))},
	{"message that is a list", rule(within("validate", set("message", []any{"a"})))},
	{"unsupported anchor", rule(within("validate", replace("pattern", object{"metadata": object{"+(labels)": object{"a": "b"}}})))},
	{"existence anchor on no list", rule(within("validate", replace("pattern", object{"spec": object{"^(containers)": "a"}})))},
	{"existence anchor on an empty list", rule(within("validate", replace("pattern", object{"spec": object{"^(containers)": []any{}}})))},
	{"pattern of something else", rule(within("validate", replace("pattern", object{"a": object{"b": object{"c": "{{ nowhere }}"}}})))},
	{"deny with an unknown operator", rule(within("validate", func(v object) bool {
		_, ok := v["deny"].(object)
		v["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Is", "value": "b"}}}}
		return ok
	}))},
	{"foreach without a list", rule(within("validate", firstItem("foreach", drop("list"))))},
	{"foreach with two bodies", rule(within("validate", firstItem("foreach", func(f object) bool {
		f["pattern"] = object{"a": "b"}
		f["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Equals", "value": "b"}}}}
		return true
	})))},
	{"foreach with none", rule(within("validate", firstItem("foreach", func(f object) bool {
		delete(f, "pattern")
		delete(f, "anyPattern")
		delete(f, "deny")
		delete(f, "foreach")
		return true
	})))},
	{"foreach whose list does not parse", rule(within("validate", firstItem("foreach", set("list", "request.object.spec.["))))},
	{"unknown level of pod security", rule(within("validate", within("podSecurity", set("level", "strict"))))},
	{"unknown version of pod security", rule(within("validate", within("podSecurity", set("version", "1.x"))))},
	{"unknown control of pod security", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Nothing"}}))))},
	{"control that needs images", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Capabilities"}}))))},
	{"control that takes no images", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Host Namespaces", "images": []any{"*"}}}))))},

	// Mutate, generate and verifyImages.
	{"mutate nothing", rule(func(r object) bool {
		_, ok := r["mutate"]
		r["mutate"] = object{}
		return ok
	})},
	{"two ways to mutate", rule(within("mutate", func(m object) bool {
		_, ok := m["patchStrategicMerge"]
		m["patchesJson6902"] = "- op: add\n  path: /metadata/labels/a\n  value: b\n"
		return ok
	}))},
	{"JSON patch that does not parse", rule(within("mutate", replace("patchesJson6902", "- op: [")))},
	{"JSON patch of an unknown operation", rule(within("mutate", replace("patchesJson6902", "- op: set\n  path: /a\n  value: b\n")))},
	{"JSON patch without a slash", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: metadata/labels/a\n  value: b\n")))},
	{"JSON patch without a value", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: /metadata/labels/a\n")))},
	{"JSON patch with a variable in its path", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: /metadata/labels/{{request.object.metadata.name}}\n  value: b\n")))},
	{"mutate foreach without a list", rule(within("mutate", firstItem("foreach", drop("list"))))},
	{"mutate foreach of nothing", rule(within("mutate", firstItem("foreach", func(f object) bool {
		delete(f, "patchStrategicMerge")
		delete(f, "patchesJson6902")
		delete(f, "foreach")
		return true
	})))},
	{"target without a kind", rule(within("mutate", firstItem("targets", drop("kind"))))},
	{"target with an undefined variable", rule(within("mutate", firstItem("targets", set("name", "{{ nowhere }}"))))},
	{"generate without a kind", rule(within("generate", replace("kind", "")))},
	{"generate without a name", rule(within("generate", replace("name", "")))},
	{"generate from two sources", rule(within("generate", func(g object) bool {
		_, ok := g["data"]
		g["clone"] = object{"name": "a", "namespace": "b"}
		return ok
	}))},
	{"generate from nothing", rule(within("generate", func(g object) bool {
		for _, f := range []string{"data", "clone", "cloneList", "foreach"} {
			delete(g, f)
		}
		return true
	}))},
	{"generate into no namespace", rule(within("generate", drop("namespace")))},
	{"generate into a namespace of what has none", rule(within("generate", func(g object) bool {
		_, ok := g["kind"]
		g["apiVersion"], g["kind"], g["namespace"] = "v1", "Namespace", "a"
		return ok
	}))},
	{"generate what triggers it", rule(func(r object) bool {
		g, ok := r["generate"].(object)
		if !ok || g["kind"] == nil {
			return false
		}
		r["match"] = object{"any": []any{object{"resources": object{"kinds": []any{g["kind"]}}}}}
		return true
	})},
	{"generate with an anchor", rule(within("generate", replace("data", object{"spec": object{"=(a)": "b"}})))},
	{"generate with an undefined variable", rule(within("generate", replace("name", "{{ nowhere }}")))},
	{"images of no reference", rule(firstItem("verifyImages", func(v object) bool {
		delete(v, "imageReferences")
		delete(v, "image")
		return true
	}))},
	{"variable in an image reference", rule(firstItem("verifyImages", set("imageReferences", []any{"{{ request.object.metadata.name }}"})))},
	{"digest in Audit", rule(firstItem("verifyImages", func(v object) bool {
		v["failureAction"], v["mutateDigest"] = "Audit", true
		return true
	}))},
	{"attestors that are none", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{}}})))},
	{"attestor of no kind", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{}}}})))},
	{"attestor of two kinds", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{"publicKeys": "a"}, "certificates": object{"cert": "a"}}}}})))},
	{"attestor of no key", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{}}}}})))},
	{"attestors fewer than asked", rule(firstItem("verifyImages", set("attestors", []any{object{"count": int64(3), "entries": []any{object{"keys": object{"kms": "gcpkms://a"}}}}})))},
	{"attestor by a keyless nothing", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keyless": object{}}}}})))},
	{"attestor with a bad signature algorithm", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{"kms": "gcpkms://a", "signatureAlgorithm": "md5"}}}}})))},
	{"unknown type of images", rule(firstItem("verifyImages", set("type", "Docker")))},

	// CEL, wherever it stands.
	{"CEL that does not parse", celExpression(appended(" && ("))},
	{"CEL of another type", celExpression(always("42"))},
	{"CEL with an undeclared variable", celExpression(always("nowhere == 1"))},
	{"CEL with an unknown function", celExpression(always("frobnicate(object)"))},
	{"CEL with an unknown field", celExpression(always("request.nowhere == 'a'"))},
	{"CEL with a wrong argument", celExpression(always("size(1) == 1"))},
	{"CEL of operands that do not go together", celExpression(always("1 == 'a'"))},
	{"CEL with a mixed list", celExpression(always("1 in [1, 'a']"))},
	{"CEL that is empty", celExpression(always(""))},
	{"CEL message that is no string", in(func(s object) bool {
		return firstItem("validations", set("messageExpression", "1 + 1"))(s)
	}, "spec")},
	{"CEL variable that does not compile", in(func(s object) bool {
		return firstItem("variables", set("expression", "nowhere.a"))(s)
	}, "spec")},
	{"audit annotation of another type", func(o object) bool {
		if !strings.HasSuffix(o["kind"].(string), "ValidatingPolicy") {
			return false
		}
		return in(set("auditAnnotations", []any{object{"key": "a", "valueExpression": "1"}}), "spec")(o)
	}},
	{"match condition that does not compile", func(o object) bool {
		return o["apiVersion"] != "kyverno.io/v1" && o["kind"] != "PolicyException" && in(set("matchConditions", []any{object{"name": "a", "expression": "object."}}), "spec")(o)
	}},
	{"no match constraints", in(drop("matchConstraints"), "spec")},
	{"match constraints of nothing", in(replace("matchConstraints", object{"resourceRules": []any{}}), "spec")},
	{"unknown validation action", in(replace("validationActions", []any{"Refuse"}), "spec")},
	{"validation of an unknown field", in(firstItem("validations", set("expresion", "true")), "spec")},
	{"JSON patch of CEL of another type", in(firstItem("mutations", func(m object) bool {
		p, ok := m["jsonPatch"].(object)
		if ok {
			p["expression"] = "'a'"
		}
		return ok
	}), "spec")},
	{"apply configuration of another type", in(firstItem("mutations", func(m object) bool {
		p, ok := m["applyConfiguration"].(object)
		if ok {
			p["expression"] = "'a'"
		}
		return ok
	}), "spec")},
	{"bad schedule", in(replace("schedule", "every day"), "spec")},
	{"schedule of too many fields", in(replace("schedule", "* * * * * * * * *"), "spec")},
	{"empty schedule", in(replace("schedule", ""), "spec")},
}

// ofSpec applies to the spec of a ClusterPolicy or Policy.
func ofSpec(f func(object) bool) func(object) bool {
	return func(o object) bool {
		if k := o["kind"]; k != "ClusterPolicy" && k != "Policy" {
			return false
		}
		return in(f, "spec")(o)
	}
}

// within calls f with a struct of a struct.
func within(field string, f func(object) bool) func(object) bool {
	return func(m object) bool { return in(f, field)(m) }
}
