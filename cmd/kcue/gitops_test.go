package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/spec"
)

const gitops = "docs/gitops.md"

// documentFiles gives the files that a document shows, by name: its last
// package is policy.cue, and others are the blocks "yaml file NAME".
func documentFiles(t *testing.T, doc string) map[string]string {
	t.Helper()
	found, err := blocks(slices.Collect(strings.Lines(readDocument(t, doc))))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, b := range found {
		switch {
		case slices.Equal(b.info, []string{"cue"}):
			files["policy.cue"] = b.text
		case len(b.info) == 3 && b.info[1] == "file":
			files[b.info[2]] = b.text
		}
	}
	return files
}

// writeFiles writes some of a document's files into a directory.
func writeFiles(t *testing.T, dir string, files map[string]string, names ...string) {
	t.Helper()
	for _, name := range names {
		if files[name] == "" {
			t.Fatalf("%s shows no file %s", gitops, name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// tool finds a program that the tests use. Where KCUE_TOOLS is "required", as
// in .ci/run, that it is missing is a failure.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("KCUE_TOOLS") == "required" {
			t.Fatalf("%s is not in PATH, and KCUE_TOOLS demands it", name)
		}
		t.Skipf("%s is not in PATH: .ci/run installs it", name)
	}
	return path
}

// bin gives a directory that holds this test's binary as kcue, which it then
// is (see TestMain).
func bin(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "kcue")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// finished is how a process ended.
type finished struct {
	stdout, stderr string
	status         int
}

// process runs a program in a directory and with an environment, with nothing on
// its standard input.
func process(t *testing.T, dir string, env []string, program string, args ...string) finished {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.Command(program, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = dir, env, &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return finished{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// parsed gives the objects of a stream of YAML or of a JSON List as plain
// values, by kind, namespace and name.
func parsed(t *testing.T, text string) []map[string]any {
	t.Helper()
	nodes, err := spec.ParseYAML("output", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if len(nodes) == 1 && nodes[0].Get("kind").Str() == "List" {
		nodes = nodes[0].Get("items").Items
	}
	key := func(n *spec.Node) string {
		return n.Get("kind").Str() + "/" + n.Get("metadata").Get("namespace").Str() + "/" + n.Get("metadata").Get("name").Str()
	}
	slices.SortFunc(nodes, func(a, b *spec.Node) int { return cmp.Compare(key(a), key(b)) })
	out := make([]map[string]any, len(nodes))
	for i, n := range nodes {
		data, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// built gives the objects that kcue build makes of the document's package.
func built(t *testing.T, dir string, args ...string) []map[string]any {
	t.Helper()
	r := process(t, dir, nil, filepath.Join(bin(t), "kcue"), append([]string{"build", "-o", "json"}, args...)...)
	if r.status != exitOK {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	objects := parsed(t, r.stdout)
	if len(objects) != 2 {
		t.Fatalf("the package of %s makes %d objects, expected 2", gitops, len(objects))
	}
	return objects
}

// mistaken puts a mistake into the package of the document.
func mistaken(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "policy.cue")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(data), `"Enforce"`, `"Enforced"`, 1)
	if broken == string(data) {
		t.Fatalf("the package of %s enforces nothing", gitops)
	}
	if err := os.WriteFile(path, []byte(broken), 0o666); err != nil {
		t.Fatal(err)
	}
}

// mistake is what a user is told of it.
const mistake = `failureAction must be "Audit" or "Enforce", not "Enforced"`

func differ(t *testing.T, want, got []map[string]any) {
	t.Helper()
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("the objects differ from those of kcue build (-want +got):\n%s", d)
	}
}

// TestGitOpsFiles holds that the files of the document are Kubernetes objects,
// and that they fit together.
func TestGitOpsFiles(t *testing.T) {
	files := documentFiles(t, gitops)
	text := readDocument(t, gitops)
	objects := 0
	for name, content := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		nodes, err := spec.ParseYAML(name, []byte(content))
		if err != nil || len(nodes) != 1 {
			t.Errorf("%s: %d documents, %v", name, len(nodes), err)
			continue
		}
		objects++
		if n := nodes[0]; n.Get("apiVersion").Str() == "" || n.Get("kind").Str() == "" || n.Get("metadata").Get("name").Str() == "" && name != "kustomization.yaml" {
			t.Errorf("%s is no Kubernetes object", name)
		}
	}
	if objects != 9 {
		t.Errorf("%s shows %d files of YAML, expected 9", gitops, objects)
	}
	for name, path := range map[string]string{"application.yaml": "deploy", "flux.yaml": "./deploy"} {
		if !strings.Contains(files[name], "path: "+path+"\n") || !strings.Contains(text, "--out-dir deploy") {
			t.Errorf("%s applies another directory than is built", name)
		}
	}
	if !strings.Contains(files["application-env.yaml"], "name: kcue-env\n") || !strings.Contains(files["plugin-env.yaml"], "name: kcue-env\n") {
		t.Error("application-env.yaml names another plugin than plugin-env.yaml is")
	}
	if !strings.Contains(files["kustomization.yaml"], "- generator.yaml\n") {
		t.Error("kustomization.yaml does not name generator.yaml")
	}
}

// TestKustomizeCommitted holds that what --out-dir writes is a kustomization of
// exactly the objects, as Flux and Argo CD build it.
func TestKustomizeCommitted(t *testing.T) {
	kustomize := tool(t, "kustomize")
	dir := t.TempDir()
	writeFiles(t, dir, documentFiles(t, gitops), "policy.cue")
	want := built(t, dir, "-t", "env=prod")
	if r := process(t, dir, nil, filepath.Join(bin(t), "kcue"), "build", "-t", "env=prod", "--out-dir", "deploy", "./..."); r.status != exitOK {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	r := process(t, dir, nil, kustomize, "build", "deploy")
	if r.status != 0 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	differ(t, want, parsed(t, r.stdout))
}

// TestKustomizeGenerator runs the documented generator as a program.
func TestKustomizeGenerator(t *testing.T) {
	kustomize := tool(t, "kustomize")
	dir := t.TempDir()
	writeFiles(t, dir, documentFiles(t, gitops), "policy.cue", "kustomization.yaml", "generator.yaml")
	env := []string{"PATH=" + bin(t)}
	build := func() finished {
		return process(t, filepath.Dir(dir), env, kustomize, "build", "--enable-alpha-plugins", "--enable-exec", dir)
	}
	r := build()
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	differ(t, built(t, dir, "-t", "env=prod"), parsed(t, r.stdout))

	mistaken(t, dir)
	r = build()
	if r.status == 0 || r.stdout != "" || !strings.Contains(r.stderr, "policy.cue:9:2: KC204: ") || !strings.Contains(r.stderr, mistake) {
		t.Errorf("a mistake: status %d, %q\n%s", r.status, r.stdout, r.stderr)
	}
}

// plugin is a ConfigManagementPlugin as Argo CD reads it
// (cmpserver/plugin/config.go); more fields would be mistakes there.
type plugin struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Generate struct{ Command, Args []string }
		Discover struct{ Find struct{ Glob string } }
		// Parameters are announced to the UI.
		Parameters struct {
			Static []struct{ Name, Title, Tooltip, String string }
		}
	}
}

func readPlugin(t *testing.T, text string) plugin {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	var p plugin
	if err := decoder.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.APIVersion != "argoproj.io/v1alpha1" || p.Kind != "ConfigManagementPlugin" || p.Metadata.Name == "" || len(p.Spec.Generate.Command) == 0 {
		t.Fatalf("Argo CD refuses the plugin: %+v", p)
	}
	return p
}

// TestArgoCDPlugin runs the documented plugins as Argo CD's server does
// (cmpserver/plugin/plugin.go): in the Application's directory of a copy of the
// repository, without standard input, with the environment of the sidecar and
// the variables of the Application. There is no home directory, and the copy
// cannot be written.
func TestArgoCDPlugin(t *testing.T) {
	files := documentFiles(t, gitops)
	application := []string{
		"ARGOCD_APP_NAME=policies", "ARGOCD_APP_NAMESPACE=argocd", "ARGOCD_APP_SOURCE_PATH=policies",
		"ARGOCD_ENV_TEAM=platform", "KUBE_VERSION=1.35", "KUBE_API_VERSIONS=v1,kyverno.io/v1,",
	}
	// Two words to a shell that splits them, and then a good build.
	const injected = "prod ./..."
	tests := []struct {
		name, plugin string
		env          []string
		want         []string // of the build that it equals; nil where it fails
		stderr       string
	}{
		{"static", "plugin.yaml", nil, []string{}, ""},
		{"no parameter", "plugin-env.yaml", nil, []string{}, ""},
		{"a parameter", "plugin-env.yaml", []string{`ARGOCD_APP_PARAMETERS=[{"name":"env","string":"prod"}]`, "PARAM_ENV=prod"}, []string{"-t", "env=prod"}, ""},
		{"a value that is none", "plugin-env.yaml", []string{"PARAM_ENV=" + injected}, nil, "KC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			repo := t.TempDir()
			dir := filepath.Join(repo, "policies")
			if err := os.Mkdir(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			writeFiles(t, dir, files, "policy.cue")
			var want []map[string]any
			if tt.want != nil {
				want = built(t, dir, tt.want...)
			}
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			program := bin(t)
			env := slices.Concat([]string{"PATH=" + program + ":/usr/bin:/bin"}, application, tt.env)
			p := readPlugin(t, files[tt.plugin])
			command := slices.Concat(p.Spec.Generate.Command, p.Spec.Generate.Args)
			// The image holds it there.
			if command[0] == "/kcue" {
				command[0] = filepath.Join(program, "kcue")
			}
			r := process(t, dir, env, command[0], command[1:]...)
			if tt.want == nil {
				if r.status != exitFindings || r.stdout != "" || !strings.Contains(r.stderr, tt.stderr) {
					t.Errorf("status %d, %q\n%s", r.status, r.stdout, r.stderr)
				}
				return
			}
			if r.status != 0 || r.stderr != "" {
				t.Fatalf("status %d\n%s", r.status, r.stderr)
			}
			differ(t, want, parsed(t, r.stdout))

			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			mistaken(t, dir)
			r = process(t, dir, append(env, "PARAM_ENV=prod"), command[0], append(command[1:], forProd(tt.plugin)...)...)
			if r.status == 0 || r.stdout != "" || !strings.Contains(r.stderr, mistake) {
				t.Errorf("a mistake: status %d, %q\n%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

// forProd gives what the static plugin needs to see the mistake, which stands
// in production alone.
func forProd(plugin string) []string {
	if plugin == "plugin.yaml" {
		return []string{"-t", "env=prod"}
	}
	return nil
}

// TestArgoCDDiscovery holds that the plugin finds packages of specs, and
// directories of YAML not.
func TestArgoCDDiscovery(t *testing.T) {
	glob := readPlugin(t, documentFiles(t, gitops)["plugin.yaml"]).Spec.Discover.Find.Glob
	base, ok := strings.CutPrefix(glob, "**/")
	if !ok || strings.Contains(base, "/") {
		t.Fatalf("the glob is %q, expected one of files in any directory", glob)
	}
	for name, want := range map[string]bool{"policy.cue": true, "policy.yaml": false, "kustomization.yaml": false} {
		if got, err := filepath.Match(base, name); err != nil || got != want {
			t.Errorf("%q finds %s: %v, %v", glob, name, got, err)
		}
	}
}
