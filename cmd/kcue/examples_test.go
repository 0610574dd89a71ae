package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
)

const (
	repository = "../.."
	examples   = "examples"
	// predecessorDocument is what the examples are the kcue form of. It is no
	// part of the repository.
	predecessorDocument = repository + "/../shared/seed/kyverno-framework.md"
)

// snippets maps each snippet of the predecessor's document, in its order and
// by its section, to the policies and resources of examples/ that do what it
// promised.
var snippets = []struct {
	section string
	pkg     string
	objects []string // policies as tests name them, or keys of resources
}{
	{"Validation Policies", "quickstart", []string{"image-registry"}},
	{"Mutation Policies", "quickstart", []string{"image-pull-policy"}},
	{"Generation Policies", "quickstart", []string{"namespace-network-policy"}},
	{"Creating a Simple Policy", "quickstart", []string{"require-resource-limits"}},
	{"Creating a Policy with Multiple Rules", "quickstart", []string{"pod-security"}},
	{"Namespace-Specific Policies", "namespaces", []string{"production/strict-namespace-policy"}},
	{"Require Image Registry", "patterns", []string{"require-gcr-images"}},
	{"Require Resource Limits", "patterns", []string{"require-limits"}},
	{"Require Security Context", "patterns", []string{"require-security-context"}},
	{"Block Privileged Containers", "patterns", []string{"block-privileged"}},
	{"Enforce Pod Security Standards", "patterns", []string{"pod-security-restricted"}},
	{"Add Image Pull Policy", "patterns", []string{"add-image-pull-policy"}},
	{"Add Default Labels", "patterns", []string{"add-default-labels"}},
	{"Generate NetworkPolicy", "patterns", []string{"generate-default-deny-policy"}},
	{"Generate RBAC Resources", "patterns", []string{"generate-rbac", "generate-developer-access"}},
	{"Security Baseline", "libraries", []string{
		"baseline-require-image-registry", "baseline-require-resource-limits",
		"baseline-require-security-context", "baseline-block-privileged-containers",
	}},
	{"Compliance Suite", "libraries", []string{
		"compliance-block-privileged-containers", "compliance-enforce-pod-security-standard",
		"compliance-require-resource-limits", "compliance-require-security-context",
	}},
	{"Cost Optimization", "libraries", []string{"cost-optimization"}},
	{"Best Practices", "libraries", []string{"best-practices"}},
	{"Policy Composition", "composition", []string{"custom-policy"}},
	{"Custom Validation Rules", "context", []string{"require-owner-label"}},
	{"Context-Aware Rules", "context", []string{"context-aware-validation"}},
	{"With Compliance Framework", "integration", []string{"require-compliance-labels", "namespace-payments", "namespace-claims"}},
	{"With Policy Generation", "integration", []string{"security-baseline", "network-policy-payments", "network-policy-claims"}},
	{"With RBAC", "integration", []string{"defense-in-depth", "policy-report-reader", "policy-report-readers"}},
	{"Validate Against Policy", "testing", []string{"test-policy"}},
	{"Policy Summary", "summary", []string{"workloads", "new-namespaces"}},
	{"1. Start with Audit Mode", "best-practices", []string{"observe-first"}},
	{"2. Exclude System Namespaces", "best-practices", []string{"not-the-system"}},
	{"3. Use Namespace Selector", "best-practices", []string{"where-enforced"}},
	{"4. Combine Patterns", "best-practices", []string{"layers"}},
	{"6. Document Policies", "best-practices", []string{"documented"}},
	{"Example 1: Security-First Deployment", "composition", []string{"production-security"}},
	{"Example 2: Compliance Enforcement", "integration", []string{"pci-dss-compliance"}},
	{"Example 3: Development with Warnings", "namespaces", []string{"development/development-policies"}},
}

// compileExamples compiles packages of examples/ and fails on any diagnostic,
// warnings included.
func compileExamples(t *testing.T, args ...string) *compiler.Result {
	t.Helper()
	result, err := compiler.Compile(compiler.Config{Dir: repository, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range result.Warnings {
		t.Errorf("warning: %v", w)
	}
	if len(result.Bundles) == 0 || len(result.Objects) == 0 {
		t.Fatalf("%v: %d packages and %d objects: expected some of both", args, len(result.Bundles), len(result.Objects))
	}
	return result
}

// packages lists the directories of examples/ that hold CUE files.
func packages(t *testing.T) []string {
	t.Helper()
	root := filepath.Join(repository, examples)
	var dirs []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".cue" || entry.IsDir() {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if dir = filepath.ToSlash(dir); dir != "cue.mod" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// shared are the packages of examples/ that hold nothing but what others
// import.
var shared = []string{"environments/baseline"}

// TestExamplesTogether builds examples/ as a GitOps repository does.
func TestExamplesTogether(t *testing.T) {
	result := compileExamples(t, "./"+examples+"/...")
	if got, want := len(result.Bundles), len(packages(t)); got != want {
		t.Errorf("built %d packages, but examples/ has %d", got, want)
	}
}

// TestExamplesAlone builds each package by itself, and holds that its tests
// speak of each of its policies: a check that nothing fails proves nothing.
func TestExamplesAlone(t *testing.T) {
	dirs := packages(t)
	if len(dirs) < 10 {
		t.Fatalf("examples/ has %d packages, expected at least 10", len(dirs))
	}
	for _, dir := range dirs {
		if slices.Contains(shared, dir) {
			continue
		}
		t.Run(dir, func(t *testing.T) {
			bundle := compileExamples(t, "./"+examples+"/"+dir).Bundles[0]
			if len(bundle.Policies) == 0 {
				t.Fatal("the package has no policies")
			}
			for _, p := range bundle.Policies {
				for _, rule := range p.Resolved.Get("rules").Members() {
					checkTested(t, bundle.Tests, p, rule.Name, rule.Value)
				}
			}
			known := policyRefs(bundle.Policies)
			for _, test := range bundle.Tests.Members() {
				if ref := test.Value.Get("policy").Str(); !slices.Contains(known, ref) {
					t.Errorf("test %q is of policy %q, which the package has not", test.Name, ref)
				}
			}
		})
	}
}

// checkTested fails unless a rule has a test that it passes and, where it
// validates, one that it fails; a test that names no rule is of all of them.
func checkTested(t *testing.T, tests *spec.Node, p *resolve.Policy, name string, rule *spec.Node) {
	t.Helper()
	expected := map[string]bool{}
	for _, test := range tests.Members() {
		of := test.Value.Get("rule").Str()
		if test.Value.Get("policy").Str() != p.Ref() || of != "" && of != name {
			continue
		}
		expect := test.Value.Get("expect").Str()
		if expect == "fail" && of == "" && len(p.Resolved.Get("rules").Members()) > 1 {
			continue // any of them may be what fails
		}
		expected[expect] = true
		for _, proof := range []string{"patched", "generated"} {
			if test.Value.Has(proof) {
				expected[proof] = true
			}
		}
	}
	need := map[string][]string{"validate": {"pass", "fail"}, "mutate": {"pass", "patched"}, "generate": {"pass", "generated"}}
	for body, proofs := range need {
		for _, proof := range proofs {
			if rule.Has(body) && !expected[proof] {
				t.Errorf("policy %s, rule %s: no test that shows %q", p.Ref(), name, proof)
			}
		}
	}
}

func policyRefs(policies []*resolve.Policy) []string {
	var refs []string
	for _, p := range policies {
		refs = append(refs, p.Ref())
	}
	return refs
}

// TestSnippets finds each of the predecessor's snippets in examples/: the
// objects, and the section's name in a comment beside them.
func TestSnippets(t *testing.T) {
	if len(snippets) != 35 {
		t.Errorf("the table has %d snippets, the document 35", len(snippets))
	}
	for _, s := range snippets {
		t.Run(s.section, func(t *testing.T) {
			bundle := compileExamples(t, "./"+examples+"/"+s.pkg).Bundles[0]
			known := policyRefs(bundle.Policies)
			for _, native := range bundle.Natives {
				known = append(known, native.Name)
			}
			if len(s.objects) == 0 {
				t.Error("the table names no object")
			}
			for _, name := range s.objects {
				if !slices.Contains(known, name) {
					t.Errorf("examples/%s has no %q; it has %v", s.pkg, name, known)
				}
			}
			if text := source(t, s.pkg); !regexp.MustCompile(`[Ss]ection "` + regexp.QuoteMeta(s.section) + `"`).MatchString(text) {
				t.Errorf("no comment of examples/%s says section %q", s.pkg, s.section)
			}
		})
	}
}

// source gives the text of a package's files, with comments that break over
// lines made whole.
func source(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, examples, pkg, "*.cue"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in examples/%s: %v", pkg, err)
	}
	var b strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.ReplaceAll(string(data), "\n// ", " "))
	}
	return b.String()
}

// TestSnippetsComplete holds the table against the document itself: each of its
// code blocks is in the table, under the heading that it stands under.
func TestSnippetsComplete(t *testing.T) {
	data, err := os.ReadFile(predecessorDocument)
	if err != nil {
		t.Skipf("SKIPPED: the predecessor's document is not here, so nothing was compared: %v", err)
	}
	var want, got []string
	heading := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "##") {
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
		if line == "```nix" {
			want = append(want, heading)
		}
	}
	for _, s := range snippets {
		got = append(got, s.section)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("sections of the document's code blocks (-) and of the table (+):\n%s", d)
	}
}

// TestExampleSummary counts what the predecessor's "Policy Summary" promised.
func TestExampleSummary(t *testing.T) {
	got := compileExamples(t, "./"+examples+"/summary").Summary()
	want := compiler.RuleCounts{Validate: 2, Mutate: 1, Generate: 1, Total: 4}
	if got.TotalPolicies != 2 || got.Rules != want {
		t.Errorf("%d policies with rules %+v, expected 2 with %+v", got.TotalPolicies, got.Rules, want)
	}
}

// TestComplianceLabelsAreChecked holds that the example's labels refuse what
// the predecessor's took: a level that there is not, and no owner.
func TestComplianceLabelsAreChecked(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"good", `framework: "HIPAA", level: "high", owner: "claims"`, ""},
		{"the document's level", `framework: "PCI-DSS", level: "strict", owner: "payments"`, "level"},
		{"no such framework", `framework: "PCI", level: "high", owner: "payments"`, "framework"},
		{"no owner", `framework: "PCI-DSS", level: "high"`, "owner"},
		{"an owner that makes no label", `framework: "PCI-DSS", level: "high", owner: "the payments team"`, "owner"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, examples, "integration"))); err != nil {
				t.Fatal(err)
			}
			extra := "package integration\n\n_more: #ComplianceLabels & {" + tt.args + "}\n" +
				"resources: more: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: {name: \"more\", labels: _more.labels}}\n"
			if err := os.WriteFile(filepath.Join(dir, "more.cue"), []byte(extra), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := compiler.Compile(compiler.Config{Dir: dir})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && err == nil:
				t.Error("accepted")
			case tt.want != "" && !strings.Contains(err.Error(), tt.want):
				t.Errorf("the error does not name %s: %v", tt.want, err)
			}
		})
	}
}

// TestEnvironments holds the environments to what they say: all observed in
// dev, one rule enforced in staging, all in prod; as directories and by the tag,
// short and long, and dev where there is none.
func TestEnvironments(t *testing.T) {
	want := map[string]string{
		"dev":     "resource-limits Audit, no-privileged Audit, trusted-registry Audit",
		"staging": "resource-limits Audit, no-privileged Enforce, trusted-registry Audit",
		"prod":    "resource-limits Enforce, no-privileged Enforce, trusted-registry Enforce",
	}
	for _, tt := range []struct {
		dir  string
		tags []string
		env  string
	}{
		{"dev", nil, "dev"},
		{"staging", nil, "staging"},
		{"prod", nil, "prod"},
		{"tagged", nil, "dev"},
		{"tagged", []string{"env=dev"}, "dev"},
		{"tagged", []string{"env=staging"}, "staging"},
		{"tagged", []string{"env=prod"}, "prod"},
		{"tagged", []string{"prod"}, "prod"},
	} {
		t.Run(strings.Join(append([]string{tt.dir}, tt.tags...), " "), func(t *testing.T) {
			result, err := compiler.Compile(compiler.Config{
				Dir: filepath.Join(repository, examples, "environments"), Args: []string{"./" + tt.dir}, Tags: tt.tags,
			})
			if err != nil || len(result.Objects) != 1 {
				t.Fatalf("%v: %v", result, err)
			}
			var got []string
			for _, rule := range result.Objects[0].Node.Get("spec").Get("rules").Items {
				got = append(got, rule.Get("name").Str()+" "+rule.Get("validate").Get("failureAction").Str())
			}
			if d := cmp.Diff(want[tt.env], strings.Join(got, ", ")); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
