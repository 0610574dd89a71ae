package compiler_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler"
	"kcue.dev/compiler/cache"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// policyFile gives a package of one policy, of which there is a warning.
func policyFile(name string) string {
	return fmt.Sprintf(`package p

clusterPolicies: %q: rules: {
	generates: {
		match: kinds: ["Namespace"]
		generate: {
			apiVersion:  "v1"
			kind:        "ConfigMap"
			name:        "c"
			namespace:   "{{request.object.metadata.name}}"
			synchronize: true
			data: data: a: "b"
		}
	}
	pods: {match: kinds: ["Pod"], validate: {message: "m", pattern: spec: hostNetwork: false}}
}
`, name)
}

// keptRepository writes a repository of n packages.
func keptRepository(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("p%d", i), "policy.cue"), policyFile(fmt.Sprintf("policy-%d", i)))
	}
	return dir
}

func writeFile(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// output is what a user sees of a build.
type output struct {
	YAML     string
	Warnings diag.List
	Packages int
}

// compiled compiles all of a repository, and gives how many of its packages
// were not in the cache.
func compiled(t *testing.T, dir string, store *cache.Store) (output, int) {
	t.Helper()
	result, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}, Cache: store})
	if err != nil {
		t.Fatal(err)
	}
	objects := make([]*spec.Node, len(result.Objects))
	for i, o := range result.Objects {
		objects[i] = o.Node
	}
	yaml, err := emit.YAML(objects, 2)
	if err != nil {
		t.Fatal(err)
	}
	return output{string(yaml), result.Warnings, result.Packages}, len(result.Bundles)
}

func TestKept(t *testing.T) {
	dir := keptRepository(t, 5)
	store := cache.Open(t.TempDir(), cache.DefaultSize)
	want, _ := compiled(t, dir, nil)
	if len(want.Warnings) != 5 {
		t.Fatalf("%d warnings: want one of each policy", len(want.Warnings))
	}
	expectRun := func(when string, anew int) {
		t.Helper()
		got, n := compiled(t, dir, store)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: output differs from that without a cache (-without +with):\n%s", when, diff)
		}
		if n != anew {
			t.Errorf("%s: %d packages were compiled: want %d", when, n, anew)
		}
	}
	expectRun("with an empty cache", 5)
	expectRun("again", 0)
	writeFile(t, filepath.Join(dir, "p3", "policy.cue"), policyFile("other"))
	want, _ = compiled(t, dir, nil)
	expectRun("with one package changed", 1)
	expectRun("again, changed", 0)
}

// TestKeptCorrupt breaks every entry of the cache: the output is what it is
// without one.
func TestKeptCorrupt(t *testing.T) {
	dir := keptRepository(t, 3)
	want, _ := compiled(t, dir, nil)
	for name, breaking := range map[string]func([]byte) []byte{
		"cut short": func(data []byte) []byte { return data[:len(data)/2] },
		"changed":   func(data []byte) []byte { data[len(data)/2]++; return data },
		"empty":     func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			place := t.TempDir()
			store := cache.Open(place, cache.DefaultSize)
			compiled(t, dir, store)
			broken := 0
			err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				broken++
				return os.WriteFile(path, breaking(data), 0o600)
			})
			if err != nil || broken != 3 {
				t.Fatalf("%d entries broken, %v", broken, err)
			}
			got, anew := compiled(t, dir, store)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("output differs (-want +got):\n%s", diff)
			}
			if anew != 3 {
				t.Errorf("%d packages were compiled: want all", anew)
			}
		})
	}
}

// TestKeptBeside runs builds at the same time, with one cache.
func TestKeptBeside(t *testing.T) {
	dir := keptRepository(t, 6)
	want, _ := compiled(t, dir, nil)
	place := t.TempDir()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			got, _ := compiled(t, dir, cache.Open(place, cache.DefaultSize))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("output differs (-want +got):\n%s", diff)
			}
		})
	}
	wg.Wait()
}

// TestKeptMistakes holds a build with mistakes to all of them, whatever the
// cache has.
func TestKeptMistakes(t *testing.T) {
	dir := keptRepository(t, 3)
	store := cache.Open(t.TempDir(), cache.DefaultSize)
	compiled(t, dir, store)
	writeFile(t, filepath.Join(dir, "p1", "policy.cue"), "package p\n\nclusterPolicies: \"policy-2\": rules: r: {match: kinds: [\"Pod\"], validate: {message: \"m\", pattern: {}}}\nnonsense: 1\n")
	var want diag.List
	for _, s := range []*cache.Store{nil, store, store} {
		_, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}, Cache: s})
		got, ok := err.(diag.List)
		if !ok || !got.HasErrors() {
			t.Fatalf("no mistakes: %v", err)
		}
		if s == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("diagnostics differ from those without a cache (-without +with):\n%s", diff)
		}
	}
	codes := map[diag.Code]bool{}
	for _, d := range want {
		codes[d.Code] = true
	}
	for _, code := range []diag.Code{diag.UnknownField, diag.DuplicateObject} {
		if !codes[code] {
			t.Errorf("there is no %s in %v: the case tests nothing", code, want)
		}
	}
}

// TestKeptByTarget has builds that ask for different things of one package.
func TestKeptByTarget(t *testing.T) {
	dir := keptRepository(t, 1)
	store := cache.Open(t.TempDir(), cache.DefaultSize)
	compiled(t, dir, store)
	for name, cfg := range map[string]compiler.Config{
		"best practices": {BestPractices: true},
		"a target":       {Target: "kyverno.io/v1"},
		"declared kinds": {CRDs: []string{filepath.Join("..", "testdata", "none")}},
	} {
		cfg.Dir, cfg.Args, cfg.Cache = dir, []string{"./..."}, store
		result, err := compiler.Compile(cfg)
		if err == nil && len(result.Bundles) == 0 {
			t.Errorf("%s: comes from the cache of a build without", name)
		}
	}
}

// TestKeptTags holds that a value of a tag has packages of its own in the
// cache, and that a tag or value that is wrong is told of whatever is there.
func TestKeptTags(t *testing.T) {
	dir := keptRepository(t, 2)
	writeFile(t, filepath.Join(dir, "p0", "env.cue"), "package p\n\n_env: *\"dev\" | \"prod\" @tag(env)\nclusterPolicies: \"policy-0\": description: _env\n")
	store := cache.Open(t.TempDir(), cache.DefaultSize)
	for range 2 {
		for _, test := range []struct {
			tags  []string
			code  diag.Code // of the error; empty for none
			value string
		}{
			{nil, "", "dev"},
			{[]string{"env=prod"}, "", "prod"},
			{[]string{"env=dev"}, "", "dev"},
			{[]string{"env=prd"}, diag.BadTag, ""},
			{[]string{"en=prod"}, diag.BadTag, ""},
		} {
			result, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"./..."}, Tags: test.tags, Cache: store})
			if diags, _ := err.(diag.List); test.code != "" {
				errors := slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Severity == diag.Warning })
				if len(errors) != 1 || errors[0].Code != test.code {
					t.Errorf("%v: %v: want one %s", test.tags, err, test.code)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%v: %v", test.tags, err)
			}
			if got := result.Objects[0].Node.Get("metadata").Get("annotations").Get("policies.kyverno.io/description").Str(); got != test.value {
				t.Errorf("%v: the description is %q: want %q", test.tags, got, test.value)
			}
		}
	}
}
