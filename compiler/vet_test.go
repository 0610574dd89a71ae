package compiler_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/compiler"
)

// vetFile vets a file of a content and demands that each diagnostic is in it.
func vetFile(t *testing.T, name, content string) *compiler.Vetted {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	vetted, err := compiler.Vet(compiler.Config{Dir: dir, Args: []string{name}, BestPractices: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range vetted.Diagnostics {
		if d.Pos.File != name {
			t.Errorf("%v is at no place of the user's", d)
		}
		if strings.Contains(d.Message, "panic") {
			t.Errorf("%v", d)
		}
	}
	return vetted
}

// FuzzVetYAML holds that no YAML makes vet panic.
func FuzzVetYAML(f *testing.F) {
	policy := func(body string) string {
		return "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\nspec:\n  rules:\n  - name: r\n    match: {any: [{resources: {kinds: [Pod]}}]}\n" + body
	}
	for _, seed := range []string{
		policy("    validate: {message: m, pattern: {spec: {'=(a)': '?*', '^(b)': [{c: '>=1Gi & <2'}]}}}\n"),
		policy("    validate: {message: '{{ request.object.metadata.name }}', deny: {conditions: {any: [{key: '{{ a.b[?c].d | to_upper(@) }}', operator: AnyIn, value: [1h]}]}}}\n"),
		policy("    mutate: {patchesJson6902: \"- op: add\\n  path: /a\\n  value: b\"}\n"),
		policy("    validate: {cel: {expressions: [{expression: 'object.a.all(x, x.b == 1)'}]}}\n"),
		policy("    verifyImages: [{imageReferences: ['*'], attestors: [{entries: [{keys: {publicKeys: '-----BEGIN PUBLIC KEY-----'}}]}]}]\n"),
		policy("    validate: {podSecurity: {level: baseline, version: v1.30, exclude: [{controlName: Capabilities, images: ['*']}]}}\n"),
		policy("    generate: {kind: ConfigMap, apiVersion: v1, name: '{{ a }}', data: {}}\n    context: [{name: a, apiCall: {urlPath: /a}}]\n"),
		"apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nmetadata: {name: a}\nspec: {matchConstraints: {resourceRules: [{resources: [pods]}]}, mutations: [{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{op: \"add\"}]'}}]}\n",
		"apiVersion: kyverno.io/v2\nkind: CleanupPolicy\nmetadata: {name: a, namespace: b}\nspec: {schedule: '*/5 * * * *', match: {any: [{resources: {kinds: [Pod]}}]}}\n",
		"apiVersion: kyverno.io/v2\nkind: PolicyException\nmetadata: {name: a, namespace: b}\nspec: {exceptions: [{policyName: a, ruleNames: [b]}], match: {any: [{resources: {kinds: [Pod]}}]}}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) { vetFile(t, "policy.yaml", content) })
}

// FuzzVetCUE holds that no CUE makes vet panic.
func FuzzVetCUE(f *testing.F) {
	for _, seed := range []string{
		"package a\n\nclusterPolicies: a: rules: r: {match: kinds: [\"Pod\"], validate: {message: \"m\", pattern: {}}}\n",
		"package a\n\nimport \"kcue.dev/patterns\"\n\nclusterPolicies: a: rules: r: patterns.#RequireImageRegistry & {params: registry: \"a\"}\n",
		"package a\n\nbases: b: rules: r: {}\nclusterPolicies: a: {extends: [\"b\"], overrides: rules: r: null} @kcue(disable=KC5)\n",
		"package a\n\nclusterPolicies: {for x in [1, 2] {\"\\(x)\": rules: r: {match: any: []}}}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if strings.Contains(content, "import") && !strings.Contains(content, "kcue.dev/") {
			t.Skip("names a module of elsewhere")
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "policy.cue"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		vetted, err := compiler.Vet(compiler.Config{Dir: dir, BestPractices: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range vetted.Diagnostics {
			if strings.Contains(d.Message, "failed on this package") {
				t.Logf("CUE's own: %v", d)
			}
		}
	})
}
