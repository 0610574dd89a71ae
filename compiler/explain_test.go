package compiler_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kcue.dev/compiler"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// soundSpecs calls f with every configuration that the goldens and examples
// compile without a mistake.
func soundSpecs(t *testing.T, f func(name string, cfg compiler.Config, result *compiler.Result)) {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(goldenDir, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	sound := 0
	run := func(name string, cfg compiler.Config) {
		if result, err := compiler.Compile(cfg); err == nil {
			sound++
			f(name, cfg, result)
		}
	}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := txtar.Write(archive, dir); err != nil {
			t.Fatal(err)
		}
		comment := string(archive.Comment)
		run(filepath.Base(path), compiler.Config{Dir: dir, Args: option(comment, "args:"), Tags: option(comment, "tags:")})
	}
	if sound < 50 {
		t.Fatalf("only %d of %d goldens compile", sound, len(archives))
	}
	err = filepath.WalkDir("../examples", func(path string, entry fs.DirEntry, err error) error {
		if matches, _ := filepath.Glob(filepath.Join(path, "*.cue")); entry.IsDir() && entry.Name() != "cue.mod" && len(matches) > 0 {
			run(path, compiler.Config{Dir: path})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExplainIsTheSpec holds what Explain lists to what is resolved, over every
// policy of the goldens and examples: its settings and rules, put together, are
// the policy, and the changes of each lead from what it began with to what it
// is.
func TestExplainIsTheSpec(t *testing.T) {
	explained, changes, patterns := 0, 0, 0
	soundSpecs(t, func(name string, cfg compiler.Config, result *compiler.Result) {
		for _, b := range result.Bundles {
			for _, p := range b.Policies {
				e, _, err := compiler.Explain(cfg, p.Path().String())
				var several *compiler.NameError
				if errors.As(err, &several) {
					cfg.Args = []string{"./" + b.Package}
					e, _, err = compiler.Explain(cfg, p.Path().String())
				}
				if err != nil {
					t.Errorf("%s: %s: %v", name, p.Path(), err)
					continue
				}
				explained++
				entries := slices.Clone(e.Settings)
				for _, r := range e.Rules {
					entries = append(entries, r.ExplainedEntry)
					if r.Pattern != "" {
						patterns++
					}
					if r.Name != unlabel(r.Path)[1] {
						t.Errorf("%s: the rule of the path %s is called %q", name, r.Path, r.Name)
					}
				}
				whole := spec.NewStruct(token.NoPos)
				for _, entry := range entries {
					whole = withValue(whole, unlabel(entry.Path), entry.Value)
					value := entry.Initial.Value
					for _, c := range entry.Changes {
						changes++
						value = withValue(value, unlabel(c.Path), c.Value)
					}
					if !spec.Equal(value, entry.Value) {
						t.Errorf("%s: %s: the changes of %s lead elsewhere", name, p.Path(), entry.Path)
					}
				}
				if !spec.Equal(whole, p.Resolved) {
					t.Errorf("%s: what is told of %s is not the policy (-policy +told):\n%s", name, p.Path(), cmp.Diff(jsonText(t, p.Resolved), jsonText(t, whole)))
				}
			}
		}
	})
	if explained < 100 || changes < 10 || patterns < 40 {
		t.Errorf("explained %d policies with %d changes and %d rules of patterns: too few to show anything", explained, changes, patterns)
	}
}

// unlabel gives the names of a path's text.
func unlabel(path string) spec.Path {
	var out spec.Path
	for path != "" {
		if path[0] != '"' {
			name, rest, _ := strings.Cut(path, ".")
			out, path = append(out, name), rest
			continue
		}
		end := 1
		for path[end] != '"' {
			if path[end] == '\\' {
				end++
			}
			end++
		}
		var name string
		if err := json.Unmarshal([]byte(path[:end+1]), &name); err != nil {
			panic(err)
		}
		out, path = append(out, name), strings.TrimPrefix(path[end+1:], ".")
	}
	return out
}

// withValue gives the node with a value at a path; nil removes.
func withValue(n *spec.Node, path spec.Path, value *spec.Node) *spec.Node {
	if len(path) == 0 {
		return value
	}
	if n == nil {
		n = spec.NewStruct(token.NoPos)
	}
	if inner := withValue(n.Get(path[0]), path[1:], value); inner != nil {
		return n.With(path[0], inner)
	}
	return n.Without(path[0])
}

func jsonText(t *testing.T, n *spec.Node) string {
	t.Helper()
	data, err := n.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRuleSettings holds which settings act on a rule to what lowering does: a
// setting acts where the rule is lowered to something else without it.
func TestRuleSettings(t *testing.T) {
	acting := map[string]int{}
	soundSpecs(t, func(name string, _ compiler.Config, result *compiler.Result) {
		for _, b := range result.Bundles {
			for _, p := range b.Policies {
				lowered, _ := lower.Policy(p, b.Files)
				for i, rule := range p.Resolved.Get("rules").Members() {
					var got []string
					for _, f := range p.Resolved.Fields {
						if f.Name == "rules" {
							continue
						}
						without := &resolve.Policy{Policy: p.Policy, Resolved: p.Resolved.Without(f.Name), SystemNamespaces: p.SystemNamespaces}
						other, _ := lower.Policy(without, b.Files)
						if !spec.Equal(lowered.Node.Get("spec").Get("rules").Items[i], other.Node.Get("spec").Get("rules").Items[i]) {
							got = append(got, f.Name)
							acting[f.Name]++
						}
					}
					want := lower.RuleSettings(p, rule.Value)
					slices.Sort(got)
					slices.Sort(want)
					if d := cmp.Diff(got, want); d != "" {
						t.Errorf("%s: %s rule %s: settings that act (-in lowering +told):\n%s", name, p.Path(), rule.Name, d)
					}
				}
			}
		}
	})
	for _, setting := range []string{"match", "exclude", "excludeSystemNamespaces", "failureAction", "failureActionOverrides", "mutateExistingOnPolicyUpdate", "generateExisting"} {
		if acting[setting] == 0 {
			t.Errorf("no golden and no example has a rule on which %s acts", setting)
		}
	}
}

func TestExplainNames(t *testing.T) {
	dir := t.TempDir()
	archive := txtar.Parse([]byte(`
-- a/a.cue --
package a

_rules: r: {match: kinds: ["Pod"], validate: {message: "m", pattern: {}}}
bases: "shared": rules: _rules
clusterPolicies: "shared": rules: _rules
clusterPolicies: "both": rules: _rules
policies: ns: "one": rules: _rules
resources: "map": {apiVersion: "v1", kind: "ConfigMap", metadata: name: "m"}
-- b/b.cue --
package b

clusterPolicies: "both": rules: r: {match: kinds: ["Pod"], validate: {message: "m", pattern: {}}}
`))
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, args, want string }{ // the path and package, or the error
		{"ns/one", "./...", "policies.ns.one of a as Policy"},
		{"one", "./...", `no policy or base named "one": did you mean "ns/one"?`},
		{"map", "./...", "resources.map of a as ConfigMap"},
		{"both", "./a", "clusterPolicies.both of a as ClusterPolicy"},
		{"both", "./...", `"both" is clusterPolicies.both in a, and clusterPolicies.both in b: name its package, as in: kcue explain both ./a`},
		{"shared", "./...", `"shared" is bases.shared in a, and clusterPolicies.shared in a: name its path instead`},
		{"bases.shared", "./...", "bases.shared of a as base"},
		{"bth", "./...", `no policy or base named "bth": did you mean "both"?`},
		{"nothing-like-it", "./b", `no policy or base named "nothing-like-it" in these packages; a policy of a namespace is namespace/name`},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.args, func(t *testing.T) {
			e, _, err := compiler.Explain(compiler.Config{Dir: dir, Args: []string{tt.args}}, tt.name)
			var got string
			var unknown *compiler.NameError
			switch {
			case errors.As(err, &unknown):
				got = unknown.Message
			case err != nil:
				t.Fatal(err)
			default:
				got = e.Path + " of " + e.Package + " as " + e.Kind
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestExplainMistakes holds that specs with mistakes are not explained, and
// each of these is told.
func TestExplainMistakes(t *testing.T) {
	dir := t.TempDir()
	source := `package p

clusterPolicies: "p": {extends: ["q"], rules: r: {match: kinds: ["Pod"], validate: {message: "m", pattern: {}}}}
`
	if err := os.WriteFile(filepath.Join(dir, "p.cue"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err := compiler.Explain(compiler.Config{Dir: dir}, "p")
	var diags diag.List
	if !errors.As(err, &diags) || len(diags) != 1 || diags[0].Code != diag.UnknownBase {
		t.Errorf("got %v, expected %s", err, diag.UnknownBase)
	}
}

// TestExplainParameters tells parameters that are given from those that are
// not: of a pattern, through a library, by a reference, of a definition of the
// package's own, and with the very value of the default.
func TestExplainParameters(t *testing.T) {
	dir := t.TempDir()
	source := `package p

import (
	"kcue.dev/libraries"
	"kcue.dev/patterns"
)

#Own: {
	params: {least: *2 | int, most!: int}
	match: kinds: ["Deployment"]
	validate: {message: "At least \(params.least).", pattern: spec: replicas: ">=\(params.least) & <=\(params.most)"}
}
_ours: ["ghcr.io/acme"]
_no: false
bases: "best": libraries.#BestPractices & {params: {registries: _ours, runAsNonRoot: _no}}
clusterPolicies: "p": {
	extends: ["best"]
	rules: {
		"reference": patterns.#RequireImageRegistry & {params: registries: _ours}
		"default": patterns.#RequireImageRegistry
		"same": patterns.#RequireImageRegistry & {params: registry: "gcr.io"}
		"own": #Own & {params: most: 9}
		"more": #Own & {params: {least: 3, most: 9}}
	}
}
`
	if err := os.WriteFile(filepath.Join(dir, "p.cue"), []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	e, _, err := compiler.Explain(compiler.Config{Dir: dir}, "p")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range e.Rules {
		for _, p := range r.Params {
			text := jsonText(t, p.Value)
			if p.Given != (p.Position != nil) {
				t.Errorf("%s of rule %s is given: %v, at %v", p.Name, r.Name, p.Given, p.Position)
			}
			if p.Given {
				text += " given"
			}
			got[r.Name+"."+p.Name] = text
		}
	}
	want := map[string]string{
		"require-image-registry.registries":                `["ghcr.io/acme"] given`,
		"require-resource-limits.allowEphemeralContainers": `false`,
		"require-security-context.runAsNonRoot":            `false given`,
		"add-image-pull-policy.policy":                     `"IfNotPresent"`,
		"reference.registries":                             `["ghcr.io/acme"] given`,
		"default.registry":                                 `"gcr.io"`,
		"same.registry":                                    `"gcr.io" given`,
		"more.least":                                       `3 given`,
		"more.most":                                        `9 given`,
		"own.least":                                        `2`,
		"own.most":                                         `9 given`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
