package krm_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/krm"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

const header = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"

func read(t *testing.T, text string) *krm.ResourceList {
	t.Helper()
	list, err := krm.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func written(t *testing.T, list *krm.ResourceList, results []krm.Result) string {
	t.Helper()
	data, err := emit.Document(list.Node(results))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func objects(t *testing.T, text string) []*spec.Node {
	t.Helper()
	nodes, err := spec.ParseYAML("objects", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// TestReadRefuses holds Read to what a function can be given by mistake, or by
// somebody who means it harm.
func TestReadRefuses(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		before := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+before+", ", 10), ", ") + "]\n"
	}
	tests := []struct{ name, in, want string }{
		{"nothing", "", "standard input is empty"},
		{"comments", "# nothing\n---\n", "standard input is empty"},
		{"two lists", header + "---\n" + header, "holds 2 documents"},
		{"an object", "apiVersion: v1\nkind: Pod\n", "holds a Pod of v1: expected a ResourceList of config.kubernetes.io/v1"},
		{"an older list", "apiVersion: config.kubernetes.io/v1alpha1\nkind: ResourceList\n", "holds a ResourceList of config.kubernetes.io/v1alpha1"},
		{"text", "hello", "holds a string"},
		{"a mapping", "a: 1", "holds no Kubernetes object"},
		{"items", header + "items: {}\n", "items of the ResourceList is a struct"},
		{"an item", header + "items: [{}, 1]\n", "items[1] of the ResourceList is a number"},
		{"no YAML", header + "items: [\n", "standard input:"},
		{"a repeated key", header + "items: []\nitems: []\n", "twice"},
		{"depth", header + "items: " + strings.Repeat("[", 1000), "standard input:"},
		{"aliases", header + bomb, "more than 1048576 values"},
		{"size", header + "x: " + strings.Repeat("x", 16<<20), "more than 16777216 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := krm.Read(strings.NewReader(tt.in))
			if err == nil {
				t.Fatalf("read %+v", list)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %q, want one with %q", err, tt.want)
			}
		})
	}
}

// config gives a ResourceList with a functionConfig of the given spec.
func config(text string) string {
	return header + "functionConfig:\n  apiVersion: kcue.dev/v1alpha1\n  kind: KcueGenerator\n  metadata: {name: policies}\n  spec: " + text + "\n"
}

func TestConfig(t *testing.T) {
	tests := []struct {
		name, spec string
		want       krm.Config
	}{
		{"nothing", "", krm.Config{Packages: []string{"."}}},
		{"empty", "{}", krm.Config{Packages: []string{"."}}},
		{"all", "{packages: [./..., 'a:b', x.cue], inject: {env: prod, count: 3, strict: yes}, names: [a, b/c], target: kyverno.io/v1}", krm.Config{
			Packages: []string{"./...", "a:b", "x.cue"},
			Tags:     []string{"env=prod", "count=3", "strict=true"}, // as kubectl reads YAML
			Names:    []string{"a", "b/c"},
			Target:   "kyverno.io/v1",
		}},
		{"not there", "{packages: [missing]}", krm.Config{Packages: []string{"missing"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(t, config(tt.spec)).Config(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestConfigMistakes(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	for link, target := range map[string]string{"out": outside, "file.cue": filepath.Join(outside, "x.cue"), "in": "real"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "x.cue"), []byte("package x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"none", header, `functionConfig: there is none: expected a KcueGenerator of kcue.dev/v1alpha1 that names the packages`},
		{"null", header + "functionConfig: null\n", `functionConfig: there is none: expected a KcueGenerator of kcue.dev/v1alpha1 that names the packages`},
		{"text", header + "functionConfig: x\n", `functionConfig: is a string: expected a KcueGenerator of kcue.dev/v1alpha1`},
		{"another kind", header + "functionConfig: {apiVersion: v1, kind: ConfigMap}\n", `functionConfig: is a ConfigMap of v1: expected a KcueGenerator of kcue.dev/v1alpha1`},
		{"another version", header + "functionConfig: {apiVersion: kcue.dev/v9, kind: KcueGenerator}\n", `functionConfig: is a KcueGenerator of kcue.dev/v9: expected a KcueGenerator of kcue.dev/v1alpha1`},
		{"a field beside the spec", header + "functionConfig: {apiVersion: kcue.dev/v1alpha1, kind: KcueGenerator, packages: [.]}\n",
			`functionConfig: packages: unknown field "packages": expected apiVersion, kind, metadata, spec`},
		{"two mistakes", config("{pakages: [.], names: x}"), "functionConfig: spec.pakages: unknown field \"pakages\": did you mean \"packages\"?\nfunctionConfig: spec.names: expected a list of strings, not a string"},
		{"the spec", config("[]"), `functionConfig: spec: expected a mapping, not a list`},
		{"no string", config("{packages: [1]}"), `functionConfig: spec.packages[0]: expected a string, not a number`},
		{"empty", config("{packages: ['']}"), `functionConfig: spec.packages[0]: is empty`},
		{"tags", config("{inject: [env=prod]}"), `functionConfig: spec.inject: expected a mapping of tags to values, such as env: prod, not a list`},
		{"a tag", config("{inject: {env: [prod]}}"), `functionConfig: spec.inject.env: expected a string, not a list`},
		{"a tag's name", config("{inject: {a=b: c}}"), `functionConfig: spec.inject."a=b": "a=b" is no name of a tag`},
		{"a target", config("{target: v9}"), `functionConfig: spec.target: unknown target "v9": expected kyverno.io/v1`},
		{"standard input", config("{packages: ['-']}"), `functionConfig: spec.packages[0]: standard input holds the ResourceList` + expected},
		{"above", config("{packages: [.., ../x, a/../../x, ../..., '..:x']}"), strings.Join([]string{
			`functionConfig: spec.packages[0]: ".." leads out of the directory` + expected,
			`functionConfig: spec.packages[1]: "../x" leads out of the directory` + expected,
			`functionConfig: spec.packages[2]: "a/../../x" leads out of the directory` + expected,
			`functionConfig: spec.packages[3]: "../..." leads out of the directory` + expected,
			`functionConfig: spec.packages[4]: "..:x" leads out of the directory` + expected,
		}, "\n")},
		{"absolute", config("{packages: [/etc]}"), `functionConfig: spec.packages[0]: "/etc" leads out of the directory` + expected},
		{"links", config("{packages: [out, out/..., file.cue, in]}"), strings.Join([]string{
			`functionConfig: spec.packages[0]: "out" is a link that leads out of the directory` + expected,
			`functionConfig: spec.packages[1]: "out/..." is a link that leads out of the directory` + expected,
			`functionConfig: spec.packages[2]: "file.cue" is a link that leads out of the directory` + expected,
		}, "\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(t, tt.in).Config(dir)
			var mistakes krm.Mistakes
			if !errors.As(err, &mistakes) {
				t.Fatalf("%+v, %v", got, err)
			}
			if d := cmp.Diff(tt.want, err.Error()); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if len(mistakes.Results()) != strings.Count(tt.want, "\n")+1 {
				t.Errorf("%d results", len(mistakes.Results()))
			}
		})
	}
}

const expected = ": expected a package at or below the directory of the kustomization, such as ./..."

// TestAdd holds that a function keeps what it does not make, in its order, and
// that a second run changes nothing.
func TestAdd(t *testing.T) {
	list := read(t, header+`
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {a: "on", b: null}}
  - apiVersion: kyverno.io/v2beta1
    kind: ClusterPolicy
    metadata:
      name: limits
      labels: {old: "yes"}
      annotations:
        config.kubernetes.io/path: limits.yaml
        internal.config.kubernetes.io/index: "3"
        config.k8s.io/id: "2"
        example.com/config.k8s.io: other
        old: "yes"
  - {apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: limits, namespace: a}}
`)
	made := objects(t, `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: limits}
---
apiVersion: kyverno.io/v1
kind: Policy
metadata: {name: limits, namespace: b}
`)
	list.Add(made)
	want := header + `items:
  - apiVersion: v1
    kind: ConfigMap
    metadata:
      name: first
    data:
      a: "on"
      b: null
  - apiVersion: kyverno.io/v1
    kind: ClusterPolicy
    metadata:
      name: limits
      annotations:
        config.kubernetes.io/path: limits.yaml
        internal.config.kubernetes.io/index: "3"
        config.k8s.io/id: "2"
  - apiVersion: kyverno.io/v1
    kind: Policy
    metadata:
      name: limits
      namespace: a
  - apiVersion: kyverno.io/v1
    kind: Policy
    metadata:
      name: limits
      namespace: b
`
	first := written(t, list, nil)
	if d := cmp.Diff(want, first); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	again := read(t, first)
	again.Add(made)
	if d := cmp.Diff(first, written(t, again, nil)); d != "" {
		t.Errorf("a second run changes the list (-first +second):\n%s", d)
	}
}

func TestResults(t *testing.T) {
	list := read(t, config("{}"))
	results := krm.Results(diag.List{
		{Code: diag.NoMessage, Severity: diag.Warning, Pos: diag.Position{File: "a.cue", Line: 3, Column: 7}, Path: "clusterPolicies.x", Message: "no message", Hint: "say why"},
		{Code: diag.EmptyPackage, Message: "nothing"},
	})
	results = append(results, krm.Mistakes{{Path: "spec.x", Message: "unknown", Hint: "did you mean y?"}}.Results()...)
	want := header + `items: []
functionConfig:
  apiVersion: kcue.dev/v1alpha1
  kind: KcueGenerator
  metadata:
    name: policies
  spec: {}
results:
  - message: 'KC404: no message: say why'
    severity: warning
    field:
      path: clusterPolicies.x
    file:
      path: a.cue
    tags:
      code: KC404
      line: "3"
      column: "7"
  - message: 'KC104: nothing'
    severity: error
    tags:
      code: KC104
  - message: 'unknown: did you mean y?'
    severity: error
    resourceRef:
      apiVersion: kcue.dev/v1alpha1
      kind: KcueGenerator
      name: policies
    field:
      path: spec.x
`
	if d := cmp.Diff(want, written(t, list, results)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// FuzzRead holds that no input is too much for a function, and that what it
// writes can be read again.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{header, config("{packages: [./..., '-'], inject: {a: b}}"), header + "items: [{a: 1}, {metadata: {annotations: 1}}]\n"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		list, err := krm.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		_, err = list.Config(dir)
		var mistakes krm.Mistakes
		if err != nil && !errors.As(err, &mistakes) {
			t.Fatalf("%T: %v", err, err)
		}
		list.Add([]*spec.Node{spec.NewStruct(list.Node(nil).Pos)})
		data, err := emit.Document(list.Node(mistakes.Results()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := krm.Read(strings.NewReader(string(data))); err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
	})
}
