package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/protocol"
)

// maxDifferences is how many differences of two resources are told.
const maxDifferences = 10

// patched says how the resource that the policy leaves differs from the one
// that a test expects; it is empty where it does not.
func patched(want json.RawMessage, got *unstructured.Unstructured, results []evaluator.Result) string {
	expected, err := Object(want)
	if err != nil {
		return "patched: " + err.Error()
	}
	ref := reference(expected)
	if got == nil || !same(ref, reference(got)) {
		got = nil
		var targets []string
		for _, result := range results {
			for _, target := range result.Targets {
				targets = append(targets, reference(target).String())
				if same(ref, reference(target)) {
					// The last rule to change the target leaves it so.
					got = target
				}
			}
		}
		if got == nil {
			message := fmt.Sprintf("patched: no rule changes %s", ref)
			if len(targets) > 0 {
				message += ": it changes " + strings.Join(targets, ", ")
			}
			return message
		}
	}
	differences := compare(expected, got)
	if len(differences) == 0 {
		return ""
	}
	return "patched: " + ref.String() + " is not as expected:\n" + indent(differences)
}

// generated says how the resources that the rules generate differ from those
// that a test expects.
func generated(want []json.RawMessage, results []evaluator.Result) []string {
	got := map[protocol.Resource]*unstructured.Unstructured{}
	var order []protocol.Resource
	for _, result := range results {
		for _, o := range result.Generated {
			ref := reference(o)
			if _, ok := got[ref]; !ok {
				order = append(order, ref)
			}
			got[ref] = o
		}
	}
	var reasons []string
	expected := map[protocol.Resource]bool{}
	for i, data := range want {
		e, err := Object(data)
		if err != nil || e == nil {
			reasons = append(reasons, fmt.Sprintf("generated: item %d is no resource: %v", i+1, err))
			continue
		}
		ref := reference(e)
		expected[ref] = true
		o, ok := got[ref]
		if !ok {
			reasons = append(reasons, fmt.Sprintf("generated: %s is not generated", ref))
			continue
		}
		if differences := compare(e, withoutGenerateLabels(o, e)); len(differences) > 0 {
			reasons = append(reasons, fmt.Sprintf("generated: %s is not as expected:\n%s", ref, indent(differences)))
		}
	}
	for _, ref := range order {
		if !expected[ref] {
			reasons = append(reasons, fmt.Sprintf("generated: %s is not expected", ref))
		}
	}
	return reasons
}

// withoutGenerateLabels leaves out the labels that Kyverno gives what it
// generates (pkg/background/common/labels.go), unless a test expects them.
func withoutGenerateLabels(o, expected *unstructured.Unstructured) *unstructured.Unstructured {
	o = o.DeepCopy()
	labels, wanted := o.GetLabels(), expected.GetLabels()
	for key, value := range labels {
		ours := strings.HasPrefix(key, "generate.kyverno.io/") || key == "app.kubernetes.io/managed-by" && value == "kyverno"
		if _, ok := wanted[key]; ours && !ok {
			delete(labels, key)
		}
	}
	if len(labels) == 0 {
		labels = nil
	}
	o.SetLabels(labels)
	return o
}

// same reports whether two references name one resource. The default namespace
// is where the API server puts what names none.
func same(a, b protocol.Resource) bool {
	if a.Namespace == "" || b.Namespace == "" {
		a.Namespace, b.Namespace = cmp.Or(a.Namespace, "default"), cmp.Or(b.Namespace, "default")
	}
	return a == b
}

// compare lists how got differs from want, by path.
func compare(want, got *unstructured.Unstructured) []string {
	want = want.DeepCopy()
	if want.GetNamespace() == "" && got.GetNamespace() == "default" {
		want.SetNamespace("default")
	}
	w, err := plain(want)
	if err != nil {
		return []string{err.Error()}
	}
	g, err := plain(got)
	if err != nil {
		return []string{err.Error()}
	}
	var d differences
	d.values("", w, g)
	if len(d) > maxDifferences {
		more := fmt.Sprintf("and %d more", len(d)-maxDifferences)
		return append(d[:maxDifferences], more)
	}
	return d
}

// plain is an object as JSON has it: a number is a number, whatever its Go
// type, and null is absent.
func plain(o *unstructured.Unstructured) (any, error) {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	return withoutNulls(v), nil
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if value == nil {
				delete(v, key)
			} else {
				v[key] = withoutNulls(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

// differences gathers how two values differ, a line each, in the order of the
// paths.
type differences []string

func (d *differences) values(path string, want, got any) {
	wantMap, ok := want.(map[string]any)
	if gotMap, both := got.(map[string]any); ok && both {
		keys := slices.Collect(maps.Keys(wantMap))
		for key := range gotMap {
			if _, ok := wantMap[key]; !ok {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			w, inWant := wantMap[key]
			g, inGot := gotMap[key]
			d.pair(field(path, key), w, inWant, g, inGot)
		}
		return
	}
	wantList, ok := want.([]any)
	if gotList, both := got.([]any); ok && both {
		for i := range max(len(wantList), len(gotList)) {
			var w, g any
			if i < len(wantList) {
				w = wantList[i]
			}
			if i < len(gotList) {
				g = gotList[i]
			}
			d.pair(fmt.Sprintf("%s[%d]", path, i), w, i < len(wantList), g, i < len(gotList))
		}
		return
	}
	if !reflect.DeepEqual(want, got) {
		*d = append(*d, fmt.Sprintf("%s: expected %s, got %s", path, text(want), text(got)))
	}
}

func (d *differences) pair(path string, want any, inWant bool, got any, inGot bool) {
	switch {
	case inWant && inGot:
		d.values(path, want, got)
	case inWant:
		*d = append(*d, fmt.Sprintf("%s: expected %s, got nothing", path, text(want)))
	case inGot:
		*d = append(*d, fmt.Sprintf("%s: expected nothing, got %s", path, text(got)))
	}
}

// field appends a key to a path, quoted where it is no plain word.
func field(path, key string) string {
	if strings.ContainsAny(key, "./[]\" ") || key == "" {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// text is a value on one line, of bounded length.
func text(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	// Kyverno's operators are to be read.
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	const limit = 200
	s := strings.TrimSuffix(b.String(), "\n")
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

func indent(lines []string) string { return "    " + strings.Join(lines, "\n    ") }
