package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tested = `package policies

import "kcue.dev/patterns"

clusterPolicies: "no-privileged": {
	description:             "No container is privileged."
	failureAction:           "Enforce"
	excludeSystemNamespaces: true
	rules: "no-privileged": patterns.#BlockPrivilegedContainers
}

tests: "a plain container passes": {
	policy: "no-privileged"
	resource: {
		apiVersion: "v1"
		kind:       "Pod"
		metadata: {name: "app", namespace: "shop"}
		spec: containers: [{name: "app", image: "ghcr.io/acme/app:1.0"}]
	}
	expect: "pass"
}
`

const policy = `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: owner
  annotations:
    policies.kyverno.io/title: Owner
    policies.kyverno.io/description: Deployments say whose they are.
    policies.kyverno.io/category: Other
    policies.kyverno.io/severity: low
spec:
  background: true
  rules:
    - name: owner
      match:
        any:
          - resources:
              kinds: [Deployment]
      exclude:
        any:
          - resources:
              namespaces: [kube-system, kyverno]
      validate:
        failureAction: Enforce
        allowExistingViolations: true
        message: A Deployment has no label "owner". Set metadata.labels.owner to your team.
        pattern:
          metadata:
            labels:
              owner: "?*"
`

// preCommitConfigs gives the configurations that docs/ci.md shows.
func preCommitConfigs(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```yaml other\n(repos:.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	if len(out) != 2 {
		t.Fatalf("docs/ci.md shows %d configurations of pre-commit, expected 2", len(out))
	}
	return out
}

// preCommit is pre-commit on a machine of its own, which finds this working
// tree under the documented address and version of kcue's repository.
type preCommit struct {
	program string
	env     []string
}

func newPreCommit(t *testing.T) *preCommit {
	t.Helper()
	if testing.Short() {
		t.Skip("builds kcue as pre-commit does")
	}
	program, err := exec.LookPath("pre-commit")
	if err != nil {
		if os.Getenv("KCUE_TOOLS") == "required" {
			t.Fatal("pre-commit is not in PATH, and KCUE_TOOLS demands it")
		}
		t.Skip("pre-commit is not in PATH: .ci/run installs Debian's")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	engine := filepath.Join(dir, "kcue-engine")
	if err := os.Symlink(self, engine); err != nil {
		t.Fatal(err)
	}
	hooks := filepath.Join(dir, "hooks")
	config := fmt.Sprintf("[url %q]\n\tinsteadOf = https://kcue.dev\n[user]\n\tname = test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n", "file://"+hooks)
	if err := os.WriteFile(filepath.Join(dir, ".gitconfig"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	p := &preCommit{program, append(os.Environ(),
		"HOME="+dir, "PRE_COMMIT_HOME="+filepath.Join(dir, "pre-commit"), "KCUE_ENGINE="+engine,
		"GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOPROXY="+goEnv(t, "GOPROXY"),
	)}
	copyTree(t, hooks)
	p.repository(t, hooks)
	p.git(t, hooks, "commit", "--quiet", "--message", "kcue")
	p.git(t, hooks, "tag", "v0.1.0")
	return p
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// copyTree copies what git knows of the working tree, or would.
func copyTree(t *testing.T, to string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(repository, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, to, name, string(data))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (p *preCommit) git(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir, command.Env = dir, p.env
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// repository makes a directory a repository with all of its files added.
func (p *preCommit) repository(t *testing.T, dir string) {
	t.Helper()
	p.git(t, dir, "init", "--quiet")
	p.git(t, dir, "add", "--all")
}

func (p *preCommit) run(t *testing.T, dir string) (string, bool) {
	t.Helper()
	p.git(t, dir, "add", "--all")
	command := exec.Command(p.program, "run", "--all-files", "--color", "never")
	command.Dir, command.Env = dir, p.env
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

// TestPreCommit runs the documented configurations in pre-commit itself, which
// fetches kcue's repository and builds it.
func TestPreCommit(t *testing.T) {
	configs := preCommitConfigs(t)
	p := newPreCommit(t)
	tests := []struct {
		name, config string
		file, text   string
		hooks        []string
		// What a change from this to that makes fail, and how.
		this, that, message string
	}{
		{
			"specs", configs[0], "policies/policy.cue", tested, []string{"kcue vet", "kcue test"},
			`"Enforce"`, `"Enforced"`, "policies/policy.cue:7:2: KC204: ",
		},
		{
			"tests", configs[0], "policies/policy.cue", tested, []string{"kcue vet", "kcue test"},
			`expect: "pass"`, `expect: "fail"`, "1 failed",
		},
		{
			"YAML", configs[1], "policies/owner.yaml", policy, []string{"kcue vet"},
			"kinds: [Deployment]", "kinds: [Deploymint]", "policies/owner.yaml:17:23: KC450: ",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, ".pre-commit-config.yaml", tt.config)
			write(t, dir, tt.file, tt.text)
			p.repository(t, dir)
			out, ok := p.run(t, dir)
			for _, hook := range tt.hooks {
				if !ok || !regexp.MustCompile(`(?m)^`+hook+`\.+Passed$`).MatchString(out) {
					t.Errorf("%s does not pass:\n%s", hook, out)
				}
			}
			changed := strings.Replace(tt.text, tt.this, tt.that, 1)
			if changed == tt.text {
				t.Fatal("nothing is changed")
			}
			write(t, dir, tt.file, changed)
			out, ok = p.run(t, dir)
			if ok || !strings.Contains(out, "Failed\n") || !strings.Contains(out, tt.message) {
				t.Errorf("a mistake passes, or is not shown:\n%s", out)
			}
		})
	}
}
