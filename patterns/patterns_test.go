package patterns_test

import (
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"

	"kcue.dev/patterns"
)

// build gives a package of this module.
func build(t *testing.T, ctx *cue.Context, pkg string) cue.Value {
	t.Helper()
	inst := load.Instances([]string{pkg}, &load.Config{Dir: ".."})[0]
	if inst.Err != nil {
		t.Fatal(inst.Err)
	}
	v := ctx.BuildInstance(inst)
	if err := v.Err(); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestParams holds what an author may and may not write against the patterns
// and the libraries. An error must name the text in wantErr, so that a case
// cannot fail for another reason than its own.
func TestParams(t *testing.T) {
	ctx := cuecontext.New()
	scopes := map[string]cue.Value{
		"patterns":  build(t, ctx, "./patterns"),
		"libraries": build(t, ctx, "./libraries"),
	}
	tests := []struct {
		name, scope, rule string
		wantErr           string // "" where the rule is fine
	}{
		{"registry with a path", "patterns", `#RequireImageRegistry & {params: registry: "ghcr.io/acme"}`, ""},
		{"registry with a port", "patterns", `#RequireImageRegistry & {params: registry: "localhost:5000"}`, ""},
		{"registry with a wildcard", "patterns", `#RequireImageRegistry & {params: registry: "*.example.com"}`, ""},
		{"registry or", "patterns", `#RequireImageRegistry & {params: registry: "gcr.io|*"}`, "params.registry"},
		{"registry and", "patterns", `#RequireImageRegistry & {params: registry: "gcr.io&x"}`, "params.registry"},
		{"registry not", "patterns", `#RequireImageRegistry & {params: registry: "!gcr.io"}`, "params.registry"},
		{"registry greater", "patterns", `#RequireImageRegistry & {params: registry: ">gcr.io"}`, "params.registry"},
		{"registry less", "patterns", `#RequireImageRegistry & {params: registry: "<gcr.io"}`, "params.registry"},
		{"registry with a blank", "patterns", `#RequireImageRegistry & {params: registry: "gcr.io quay.io"}`, "params.registry"},
		{"registry with a newline", "patterns", `#RequireImageRegistry & {params: registry: "gcr.io\n"}`, "params.registry"},
		{"registry with a scheme", "patterns", `#RequireImageRegistry & {params: registry: "https://gcr.io"}`, "params.registry"},
		{"registry with a closing slash", "patterns", `#RequireImageRegistry & {params: registry: "gcr.io/"}`, "params.registry"},
		{"registry empty", "patterns", `#RequireImageRegistry & {params: registry: ""}`, "params.registry"},
		{"registries", "patterns", `#RequireImageRegistry & {params: registries: ["gcr.io", "quay.io/acme"]}`, ""},
		{"registries with an operator", "patterns", `#RequireImageRegistry & {params: registries: ["gcr.io", "a | *"]}`, "params.registries.1"},
		{"registries empty", "patterns", `#RequireImageRegistry & {params: registries: []}`, "params.registries"},
		{"registry beside registries", "patterns", `#RequireImageRegistry & {params: {registry: "gcr.io", registries: ["quay.io"]}}`, "params.registry: field not allowed"},
		{"unknown parameter", "patterns", `#RequireImageRegistry & {params: regisry: "gcr.io"}`, "params.regisry: field not allowed"},
		{"empty namespace", "patterns", `#BlockPrivilegedContainers & {params: namespace: ""}`, "params.namespace"},
		{"limits for ephemeral containers", "patterns", `#RequireResourceLimits & {params: allowEphemeralContainers: "yes"}`, "params.allowEphemeralContainers"},
		{"non-root as text", "patterns", `#RequireSecurityContext & {params: runAsNonRoot: "true"}`, "params.runAsNonRoot"},
		{"level privileged", "patterns", `#EnforcePodSecurityStandard & {params: level: "privileged"}`, "params.level"},
		{"first version", "patterns", `#EnforcePodSecurityStandard & {params: version: "v1.19"}`, ""},
		{"last version", "patterns", `#EnforcePodSecurityStandard & {params: version: "v1.32"}`, ""},
		{"version unknown to Kyverno", "patterns", `#EnforcePodSecurityStandard & {params: version: "v1.33"}`, "params.version"},
		{"version without v", "patterns", `#EnforcePodSecurityStandard & {params: version: "1.29"}`, "params.version"},
		{"unknown pull policy", "patterns", `#AddImagePullPolicy & {params: policy: "Sometimes"}`, "params.policy"},
		{"labels missing", "patterns", `#AddDefaultLabels`, "params.labels"},
		{"labels empty", "patterns", `#AddDefaultLabels & {params: labels: {}}`, "params.labels"},
		{"label not a text", "patterns", `#AddDefaultLabels & {params: labels: team: 1}`, "params.labels.team"},
		{"kinds empty", "patterns", `#AddDefaultLabels & {params: {labels: a: "b", kinds: []}}`, "params.kinds"},
		{"unknown direction", "patterns", `#GenerateNetworkPolicy & {params: policyTypes: ["Both"]}`, "params.policyTypes"},
		{"no direction", "patterns", `#GenerateNetworkPolicy & {params: policyTypes: []}`, "params.policyTypes"},
		{"role without rules", "patterns", `#GenerateRBACResources & {params: rules: []}`, "params.rules"},
		{"role rule without verbs", "patterns", `#GenerateRBACResources & {params: rules: [{apiGroups: [""], resources: ["pods"]}]}`, "params.rules.0.verbs"},
		{"unknown subject", "patterns", `#GenerateRBACResources & {params: subjects: [{kind: "Robot", name: "r2"}]}`, "params.subjects.0.kind"},

		{"what a rule may add", "patterns", `#BlockPrivilegedContainers & {
			description: "Ours."
			controls: "PCI DSS 4.0": ["2.2.6"]
			match: namespaceSelector: matchLabels: a: "b"
			exclude: namespaces: ["kube-system"]
			preconditions: all: []
			validate: {message: "Ours.", failureAction: "Enforce"}
		}`, ""},
		{"exemption of a standard", "patterns", `#EnforcePodSecurityStandard & {validate: podSecurity: exclude: [{controlName: "Host Ports"}]}`, ""},
		{"another check is no addition", "patterns", `#BlockPrivilegedContainers & {validate: pattern: spec: hostPID: false}`, "hostPID: field not allowed"},

		{"library without params", "libraries", `#BestPractices`, ""},
		{"library setting", "libraries", `#ComplianceSuite & {failureAction: "Enforce"}`, ""},
		{"library rule", "libraries", `#CostOptimization & {rules: own: match: kinds: ["Pod"]}`, ""},
		{"library unknown parameter", "libraries", `#SecurityBaseline & {params: labels: a: "b"}`, "params.labels: field not allowed"},
		{"library bad registry", "libraries", `#SecurityBaseline & {params: registry: "a|b"}`, `rules."require-image-registry".params.registry`},
		{"library both registries", "libraries", `#BestPractices & {params: {registry: "a", registries: ["b"]}}`, `params.registry: field not allowed`},
		{"library bad level", "libraries", `#ComplianceSuite & {params: level: "privileged"}`, `rules."enforce-pod-security-standard".params.level`},
		{"library bad pull policy", "libraries", `#CostOptimization & {params: policy: "Sometimes"}`, `rules."add-image-pull-policy".params.policy`},
		{"library empty labels", "libraries", `#BestPractices & {params: labels: {}}`, `rules."add-default-labels".params.labels`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := ctx.CompileString(tt.rule, cue.Scope(scopes[tt.scope]))
			err := v.Validate(cue.Concrete(true))
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("unexpected error: %v", err)
			case tt.wantErr != "" && err == nil:
				t.Errorf("no error, want one that names %q", tt.wantErr)
			case tt.wantErr != "" && !strings.Contains(err.Error(), tt.wantErr):
				t.Errorf("error %q does not name %q", err, tt.wantErr)
			}
		})
	}
}

// TestSpecs holds the specs that prove the patterns against the schema, and
// sees to it that none of their policies goes untested and that each package has
// resources that pass and resources that do not. Kyverno's engine runs their
// tests.
func TestSpecs(t *testing.T) {
	ctx := cuecontext.New()
	bundle := build(t, ctx, "./schema").LookupPath(cue.ParsePath("#Bundle"))
	dirs, err := filepath.Glob("../testdata/patterns/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("found %d packages of specs: %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			v := build(t, ctx, "./testdata/patterns/"+filepath.Base(dir)).Unify(bundle)
			if err := v.Validate(cue.Concrete(true)); err != nil {
				t.Fatal(err)
			}
			var specs struct {
				ClusterPolicies map[string]any
				Policies        map[string]map[string]any
				Tests           map[string]struct{ Policy, Expect string }
			}
			if err := v.Decode(&specs); err != nil {
				t.Fatal(err)
			}
			tested, passes, others := map[string]bool{}, 0, 0
			for _, test := range specs.Tests {
				tested[test.Policy] = true
				if test.Expect == "pass" {
					passes++
				} else {
					others++
				}
			}
			var names []string
			for name := range specs.ClusterPolicies {
				names = append(names, name)
			}
			for namespace, policies := range specs.Policies {
				for name := range policies {
					names = append(names, namespace+"/"+name)
				}
			}
			for _, name := range names {
				if !tested[name] {
					t.Errorf("policy %q has no test", name)
				}
			}
			if passes == 0 || others == 0 {
				t.Errorf("%d tests pass and %d do not, want some of each", passes, others)
			}
		})
	}
}

// TestFiles finds the CUE sources in the binary under the names that they have
// on disk: the embedded module is made of them.
func TestFiles(t *testing.T) {
	want, err := filepath.Glob("*.cue")
	if err != nil || len(want) < 10 {
		t.Fatalf("found %d CUE files: %v", len(want), err)
	}
	for _, name := range want {
		if _, err := patterns.Files.ReadFile(name); err != nil {
			t.Error(err)
		}
	}
}
