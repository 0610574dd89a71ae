package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUpToDate generates builtin.txt again where the modules that the evaluator
// requires are on the machine.
func TestUpToDate(t *testing.T) {
	dir := func(module string) string {
		cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
		cmd.Dir = "../../../evaluator"
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off")
		out, err := cmd.Output()
		dir := strings.TrimSpace(string(out))
		if err != nil || dir == "" {
			t.Skipf("SKIPPED: the module %s is not here to generate from: %v", module, err)
		}
		return dir
	}
	from := modules{
		openapi: dir("sigs.k8s.io/kubectl-validate"),
		api:     dir("k8s.io/api"),
		kyverno: dir("github.com/kyverno/kyverno"),
	}
	if err := run(from, "../builtin.txt", true); err != nil {
		t.Error(err)
	}
}

// write lays files under a new directory.
func write(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// document writes an OpenAPI document with a path and the kind of its method.
func document(paths ...[4]string) string {
	var items []string
	for _, p := range paths {
		items = append(items, `"`+p[0]+`": {"post": {"x-kubernetes-group-version-kind": {"group": "`+p[1]+`", "version": "`+p[2]+`", "kind": "`+p[3]+`"}}}`)
	}
	return `{"paths": {` + strings.Join(items, ",") + `}}`
}

func TestGenerate(t *testing.T) {
	const builtins = "pkg/openapiclient/builtins/"
	from := modules{
		openapi: write(t, "kubectl-validate@v0.1.0", map[string]string{
			builtins + "1.23/api/v1.json": "{}",
			builtins + "1.24/apis/apps/v1.json": document(
				[4]string{"/apis/apps/v1/namespaces/{namespace}/deployments", "apps", "v1", "Deployment"},
				[4]string{"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "autoscaling", "v1", "Scale"},
				[4]string{"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status", "apps", "v1", "Deployment"},
				[4]string{"/apis/apps/v1/watch/gadgets", "apps", "v1", "Gadget"}),
			builtins + "1.24/apis/apps/v1beta2.json": document(
				[4]string{"/apis/apps/v1beta2/namespaces/{namespace}/deployments", "apps", "v1beta2", "Deployment"},
				[4]string{"/apis/apps/v1beta2/things", "apps", "v1beta2", "Thing"}),
			builtins + "1.25/apis/apps/v1.json": document(
				[4]string{"/apis/apps/v1/namespaces/{namespace}/deployments", "apps", "v1", "Deployment"},
				[4]string{"/apis/apps/v1/gone", "apps", "v1", "Gone"}),
		}),
		api: write(t, "api@v0.26.1", map[string]string{
			"testdata/v1.25.0/apps.v1.Deployment.json":          "{}",
			"testdata/v1.25.0/apps.v1.Gone.json":                "{}",
			"testdata/HEAD/apps.v1.Deployment.json":             "{}",
			"testdata/HEAD/apps.v1.NewPolicy.json":              "{}",
			"apps/v1/register.go":                               `package v1; const GroupName = "apps"`,
			"apps/v1/types.go":                                  "package v1\n\n// +genclient\n// +genclient:nonNamespaced\n// +genclient:method=GetScale,verb=get,subresource=scale,result=x\n\n// NewPolicy is new.\ntype NewPolicy struct {\n\tStatus int\n}\n\n// +genclient\n// +genclient:noVerbs\n\ntype Eviction struct{}\n\ntype Part struct{}\n",
			"apps/v1beta1/register.go":                          `package v1beta1; const GroupName = "apps"`,
			"apps/v1beta1/types.go":                             "package v1beta1\n\n// +genclient\ntype Deployment struct {}\n",
			"apps/v1beta1/zz_generated.prerelease-lifecycle.go": "package v1beta1\nfunc (in *Deployment) APILifecycleRemoved() (major, minor int) {\n\treturn 1, 16\n}\n",
		}),
		kyverno: write(t, "kyverno@v1.19.1", map[string]string{
			"config/crds/kyverno/p.yaml": "spec: {group: kyverno.io, scope: Namespaced, names: {kind: Policy, plural: policies}, versions: [{name: v1, served: true, subresources: {status: {}}}, {name: v0, served: false}]}",
		}),
	}
	text, err := from.generate()
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(text), "\n[")
	var wanted []string
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "apps ") || strings.HasPrefix(line, "kyverno.io ") || strings.Contains(line, "1.26]") {
			wanted = append(wanted, strings.TrimSpace(line))
		}
	}
	want := []string{
		"Kubernetes 1.26]",
		"apps Deployment deployments namespaced v1,v1beta1@1.16,v1beta2@1.25 scale=Scale,status",
		"apps Gone gone cluster v1@1.26",
		"apps NewPolicy newpolicies cluster v1 scale=Scale,status",
		"apps Thing things cluster v1beta2@1.25",
		"kyverno.io Policy policies namespaced v1 status",
	}
	if diff := cmp.Diff(want, wanted); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestGenerateFails(t *testing.T) {
	good := write(t, "m@v0.26.0", map[string]string{"pkg/openapiclient/builtins/1.24/x.json": "{}"})
	tests := []struct {
		name string
		from modules
		err  string
	}{
		{"no version", modules{"a", "b@v0.1.0", "c@v1.0.0"}, "expected a module's directory"},
		{"no release", modules{good, "b@v1.1.0", "c@v1.0.0"}, "expected v0.MINOR.PATCH"},
		{"nothing", modules{"a@v1.0.0", "b@v0.1.0", "c@v1.0.0"}, "no such file"},
		{"no testdata", modules{good, good, good}, "no types"},
		{"a hole", modules{write(t, "n@v0.1.0", map[string]string{"pkg/openapiclient/builtins/1.24/x.json": "{}", "pkg/openapiclient/builtins/1.26/x.json": "{}"}), good, good}, "no release between 1.24 and 1.26"},
		{"no kind", modules{write(t, "n@v0.1.0", map[string]string{"pkg/openapiclient/builtins/1.24/x.json": `{"paths": {"/api/v1/pods": {"get": {}}}}`}), good, good}, "pods: no method says its kind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.from.generate(); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
