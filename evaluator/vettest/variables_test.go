package vettest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	policyvalidation "github.com/kyverno/kyverno/pkg/validation/policy"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

var (
	firstName    = regexp.MustCompile(`\{\{-?\s*"?[A-Za-z_]`)
	firstBracket = regexp.MustCompile(`[\])}]`)
)

// brokenTexts gives a text with variables broken in each of several ways.
func brokenTexts(text string) []string {
	out := []string{
		firstName.ReplaceAllString(text, "{{ "),
		strings.Replace(text, "}}", "", 1),
		strings.Replace(text, "}}", "}", 1),
		strings.Replace(text, "}}", "]}}", 1),
		strings.Replace(text, "}}", " | to_uper(@)}}", 1),
		strings.Replace(text, "}}", " || }}", 1),
		strings.Replace(text, "{{", "é{{", 1),
		strings.Replace(text, "{{", "é {{", 1),
		strings.Replace(text, "{{", `\{{`, 1),
		strings.ReplaceAll(text, "request.", "requst."),
		strings.ReplaceAll(text, "request.object", "target"),
		strings.ReplaceAll(text, "request.object", "object"),
		strings.ReplaceAll(text, "element", "elements"),
		firstBracket.ReplaceAllString(text, ""),
		text + " $(date)",
		text + ` \$(date)`,
		text + " $(./../name)",
		text + " {{ a.{{ b }} }}",
	}
	for _, expression := range []string{
		"serviceAccountName", "request.userInfo.username", "request.roles", "x.y", "element", "element.name", "elementIndex", "elementIndex0", "element1", "elementary",
		"images", "images.containers", "image.name", "request", "'x'", "`1`", "", "-", "@", "(x)", "not_null(x)", "target", "target.metadata.name", "my-name", "null", "[0",
	} {
		out = append(out, "{{ "+expression+" }}", "a {{"+expression+"}} b", "{{ "+expression)
	}
	return out
}

// replacements gives a tree with one string replaced in each of several ways.
func replacements(n any, change func(text string) []string, yield func()) {
	switch v := n.(type) {
	case map[string]any:
		for key, member := range v {
			if text, ok := member.(string); ok {
				for _, broken := range change(text) {
					v[key] = broken
					yield()
				}
				v[key] = text
				continue
			}
			replacements(member, change, yield)
		}
	case []any:
		for i, item := range v {
			if text, ok := item.(string); ok {
				for _, broken := range change(text) {
					v[i] = broken
					yield()
				}
				v[i] = text
				continue
			}
			replacements(item, change, yield)
		}
	}
}

// entryChanges breaks a context entry.
var entryChanges = []func(entry map[string]any){
	func(entry map[string]any) { delete(entry, "name") },
	func(entry map[string]any) { entry["name"] = "renamed" },
	func(entry map[string]any) { entry["name"] = "request" },
	func(entry map[string]any) { entry["name"] = "element.x" },
	func(entry map[string]any) { entry["name"] = "elements" },
	func(entry map[string]any) { entry["name"] = "images" },
	func(entry map[string]any) { setSource(entry, "configMap", map[string]any{"name": "x"}) },
	func(entry map[string]any) { setSource(entry, "configMap", map[string]any{"namespace": "x"}) },
	func(entry map[string]any) {
		setSource(entry, "configMap", map[string]any{"name": "x", "namespace": "x"})
	},
	func(entry map[string]any) { setSource(entry, "variable", map[string]any{"default": "x"}) },
	func(entry map[string]any) { setSource(entry, "variable", map[string]any{"default": "x", "value": "y"}) },
	func(entry map[string]any) { setSource(entry, "variable", map[string]any{}) },
	func(entry map[string]any) { setSource(entry, "variable", map[string]any{"jmesPath": "a["}) },
	func(entry map[string]any) { setSource(entry, "variable", map[string]any{"jmesPath": "{{ a[ }}"}) },
	func(entry map[string]any) { setSource(entry, "globalReference", map[string]any{}) },
	func(entry map[string]any) {
		setSource(entry, "globalReference", map[string]any{"name": "x", "jmesPath": "'a"})
	},
	func(entry map[string]any) {
		setSource(entry, "apiCall", map[string]any{"urlPath": "/x", "service": map[string]any{"url": "https://x"}})
	},
	func(entry map[string]any) {
		setSource(entry, "apiCall", map[string]any{"urlPath": "/x", "jmesPath": "a b"})
	},
	func(entry map[string]any) { setSource(entry, "imageRegistry", map[string]any{}) },
	func(entry map[string]any) { setSource(entry, "imageRegistry", map[string]any{"reference": "A B"}) },
	func(entry map[string]any) {
		setSource(entry, "imageRegistry", map[string]any{"reference": "UPPER/case:x"})
	},
	func(entry map[string]any) {
		setSource(entry, "imageRegistry", map[string]any{"reference": "ghcr.io/a:b@sha256:1"})
	},
	func(entry map[string]any) {
		setSource(entry, "imageRegistry", map[string]any{"reference": "{{ element.image }}", "jmesPath": "]"})
	},
	func(entry map[string]any) { setSource(entry, "") },
	func(entry map[string]any) {
		entry["variable"], entry["configMap"] = map[string]any{"value": "x"}, map[string]any{"name": "x", "namespace": "x"}
	},
}

// setSource gives an entry one source, or none.
func setSource(entry map[string]any, source string, content ...map[string]any) {
	for _, name := range []string{"variable", "configMap", "apiCall", "imageRegistry", "globalReference"} {
		delete(entry, name)
	}
	if source != "" {
		entry[source] = content[0]
	}
}

// TestVetVariablesAgainstKyverno breaks the variables and the context entries of
// the published policies: whatever Kyverno's validation refuses, vet refuses.
func TestVetVariablesAgainstKyverno(t *testing.T) {
	var tried, refused, more int
	compare := func(name string, policy map[string]any, whole bool) {
		data, err := json.Marshal(policy)
		if err != nil {
			t.Fatal(err)
		}
		object, err := spec.ParseYAML(name, data)
		if err != nil {
			t.Fatal(err)
		}
		// What a change of the policy needs is a part of the whole validation.
		whole = whole || strings.Contains(string(data), `"mutateExistingOnPolicyUpdate":true`)
		kyvernos, err := kyvernoRefuses(data, policy["kind"] == "Policy", whole)
		if err != nil {
			return // not what the API server would hand over
		}
		tried++
		ours := ""
		for _, f := range vet.Object(object[0], vet.Options{}) {
			if f.Severity == diag.Error {
				ours = f.Place() + ": " + f.Message
				break
			}
		}
		switch {
		case kyvernos != "" && ours == "":
			t.Errorf("%s: Kyverno refuses, and vet does not: %s\n%s", name, kyvernos, data)
		case kyvernos != "":
			refused++
		case ours != "":
			more++
		}
	}
	seen := map[string]bool{}
	turn := 0
	publishedObjects(t, func(file string, object *spec.Node) {
		if !strings.HasPrefix(object.Get("apiVersion").Str(), "kyverno.io/v1") || !strings.HasSuffix(object.Get("kind").Str(), "Policy") {
			return
		}
		data, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(data)] {
			return
		}
		seen[string(data)] = true
		var policy map[string]any
		if err := json.Unmarshal(data, &policy); err != nil {
			t.Fatal(err)
		}
		content, _ := policy["spec"].(map[string]any)
		rules, _ := content["rules"].([]any)
		background := content["background"]
		for _, b := range []any{true, false} {
			content["background"] = b
			left := 60
			for _, r := range rules {
				replacements(r, func(text string) []string {
					if !jmespath.HasVariables(text) || left <= 0 {
						return nil
					}
					broken := brokenTexts(text)
					left -= len(broken)
					return broken
				}, func() {
					// Every policy is broken in a third of the ways: there are
					// enough for each way to meet each sort of text.
					if turn++; turn%3 == 0 {
						compare(file, policy, false)
					}
				})
			}
		}
		content["background"] = background
		for _, r := range rules {
			rule, _ := r.(map[string]any)
			for _, name := range []string{"match", "exclude", "verifyImages"} {
				replacements(rule[name], func(text string) []string {
					return []string{"{{ request.namespace }}", `a \{{x}} b`, "{{ x", "$(x)"}
				}, func() { compare(file, policy, false) })
			}
			if mutate, ok := rule["mutate"].(map[string]any); ok {
				original, patched := mutate["patchesJson6902"]
				for _, patch := range []string{"- {op: remove, path: \"/a/{{ request.namespace }}\"}", "- op: remove\n  path: /a/{{request.namespace}}", "- op: remove\n  path: /a\n- op: add\n  path: /b\n  value: {{ request.namespace }}", "- op: remove\n  path: {{ x }}"} {
					mutate["patchesJson6902"] = patch
					compare(file, policy, false)
				}
				if mutate["patchesJson6902"] = original; !patched {
					delete(mutate, "patchesJson6902")
				}
			}
			entries, _ := rule["context"].([]any)
			for i := range entries {
				original := entries[i]
				for _, change := range entryChanges {
					entry := map[string]any{}
					for k, v := range original.(map[string]any) {
						entry[k] = v
					}
					change(entry)
					entries[i] = entry
					compare(file, policy, true)
				}
				entries[i] = original
				if i > 0 {
					entries[i], entries[i-1] = entries[i-1], entries[i]
					compare(file, policy, true)
					entries[i], entries[i-1] = entries[i-1], entries[i]
				}
			}
		}
	})
	t.Logf("%d policies, of which Kyverno refuses %d, and vet %d more", tried, refused, more)
	if tried < 3000 || refused < 1000 {
		t.Errorf("%d policies, %d refused: too few to tell", tried, refused)
	}
}

// kyvernoRefuses gives Kyverno's reason to refuse a policy: of all of its
// validation, or of what it says of variables.
func kyvernoRefuses(data []byte, namespaced, whole bool) (string, error) {
	var policy kyvernov1.PolicyInterface = &kyvernov1.ClusterPolicy{}
	if namespaced {
		policy = &kyvernov1.Policy{}
	}
	if err := json.Unmarshal(data, policy); err != nil {
		return "", err
	}
	var err error
	if whole {
		_, err = policyvalidation.Validate(policy, nil, nil, true, "", "")
	} else {
		err = policyvalidation.ValidateVariables(policy, policy.BackgroundProcessingEnabled())
	}
	if err != nil {
		return err.Error(), nil
	}
	return "", nil
}
