package emit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
)

func str(s string) *spec.Node { return spec.NewString(s, token.NoPos) }

func fields(pairs ...any) *spec.Node {
	n := spec.NewStruct(token.NoPos)
	for i := 0; i < len(pairs); i += 2 {
		value, ok := pairs[i+1].(*spec.Node)
		if !ok {
			value = str(pairs[i+1].(string))
		}
		n = n.With(pairs[i].(string), value)
	}
	return n
}

func object(apiVersion, kind, namespace, name string) lower.Object {
	metadata := fields("name", name)
	if namespace != "" {
		metadata = metadata.With("namespace", str(namespace))
	}
	return lower.Object{
		Node: fields("apiVersion", apiVersion, "kind", kind, "metadata", metadata),
		Path: spec.Path{"clusterPolicies", name},
	}
}

// files gives the contents of a directory by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(data)
	}
	return out
}

func TestFileName(t *testing.T) {
	tests := []struct {
		o    lower.Object
		want string // "" where there is none
	}{
		{object("kyverno.io/v1", "ClusterPolicy", "", "a.b-c"), "clusterpolicy.kyverno.io_a.b-c.yaml"},
		{object("kyverno.io/v1", "Policy", "prod", "a"), "policy.kyverno.io_prod_a.yaml"},
		{object("v1", "ConfigMap", "prod", "a"), "configmap_prod_a.yaml"},
		{object("rbac.authorization.k8s.io/v1", "Role", "prod", "system:reader"), "role.rbac.authorization.k8s.io_prod_system:reader.yaml"},
		{object("v1", "ConfigMap", "", ""), ""},
		{object("v1", "ConfigMap", "", "../a"), ""},
		{object("v1", "ConfigMap", "..", "a"), "configmap_.._a.yaml"},
		{object("v1", "ConfigMap", "", `a\b`), ""},
		{object("v1", "Config/Map", "", "a"), ""},
		{object("a/b/c", "ConfigMap", "", "a"), "configmap.a_a.yaml"},
		{object("v1", ".hidden", "", "a"), ""},
	}
	for _, tt := range tests {
		got, err := emit.FileName(tt.o)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("FileName(%s %s/%s) is %q, %v; want %q", tt.o.Kind(), tt.o.Namespace(), tt.o.Name(), got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), tt.o.Path.String()) {
			t.Errorf("%q does not say where the object is: %s", err, tt.o.Path)
		}
	}
}

func TestDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "deploy")
	a, b := object("kyverno.io/v1", "ClusterPolicy", "", "a"), object("kyverno.io/v1", "ClusterPolicy", "", "b")
	written, err := emit.Dir(dir, []lower.Object{b, a}, false)
	if err != nil {
		t.Fatal(err)
	}
	aName, bName := "clusterpolicy.kyverno.io_a.yaml", "clusterpolicy.kyverno.io_b.yaml"
	want := []string{filepath.Join(dir, aName), filepath.Join(dir, bName), filepath.Join(dir, "kustomization.yaml")}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("written (-want +got)\n%s", diff)
	}
	first := files(t, dir)
	if diff := cmp.Diff("apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: a\n", first[aName]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	// What holds the same bytes keeps its time.
	old := time.Now().Add(-time.Hour)
	for name := range first {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := emit.Dir(dir, []lower.Object{a, b}, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, files(t, dir)); diff != "" {
		t.Errorf("the second build differs (-first +second)\n%s", diff)
	}
	for name := range first {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().After(old.Add(time.Minute)) {
			t.Errorf("%s was written again", name)
		}
	}

	// What is no longer emitted goes; what kcue did not write stays.
	own := map[string]string{"README.md": "own", "own.yaml": "own: true\n", ".kcue-left": "own"}
	for name, text := range own {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := emit.Dir(dir, []lower.Object{b}, false); err != nil {
		t.Fatal(err)
	}
	after := files(t, dir)
	if _, there := after[aName]; there {
		t.Errorf("%s is still there", aName)
	}
	for name, text := range own {
		if after[name] != text {
			t.Errorf("%s became %q", name, after[name])
		}
	}
	if len(after) != len(own)+2 {
		t.Errorf("the directory holds %d files, want %d", len(after), len(own)+2)
	}
}

// TestDirRemovesInside holds removal to the directory: a kustomization.yaml
// that was tampered with cannot name a file elsewhere.
func TestDirRemovesInside(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "deploy")
	if _, err := emit.Dir(dir, []lower.Object{object("v1", "ConfigMap", "", "a")}, false); err != nil {
		t.Fatal(err)
	}
	victims := []string{filepath.Join(top, "victim.yaml"), filepath.Join(dir, "sub", "victim.yaml"), filepath.Join(dir, "notes.txt")}
	for _, v := range victims {
		if err := os.MkdirAll(filepath.Dir(v), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(v, []byte("keep"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "kustomization.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, "  - ../victim.yaml\n  - "+victims[0]+"\n  - sub/victim.yaml\n  - notes.txt\n  - ..\n"...)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := emit.Dir(dir, []lower.Object{object("v1", "ConfigMap", "", "b")}, false); err != nil {
		t.Fatal(err)
	}
	for _, v := range victims {
		if data, err := os.ReadFile(v); err != nil || string(data) != "keep" {
			t.Errorf("%s is gone: %v", v, err)
		}
	}
}

// TestDirFollowsNoLinks holds writing to the directory: a link in the place of
// a file is replaced, not written through.
func TestDirFollowsNoLinks(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "deploy")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(top, "outside.yaml")
	if err := os.WriteFile(outside, []byte("keep"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "configmap_a.yaml")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if _, err := emit.Dir(dir, []lower.Object{object("v1", "ConfigMap", "", "a")}, false); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "keep" {
		t.Errorf("the file outside became %q, %v", data, err)
	}
	if got := files(t, dir)["configmap_a.yaml"]; !strings.Contains(got, "kind: ConfigMap") {
		t.Errorf("the file inside is %q", got)
	}
}

func TestDirRefusesForeign(t *testing.T) {
	for name, text := range map[string]string{
		"another tool's":  "resources: [a.yaml]\n",
		"empty":           "",
		"kcue's, damaged": "# Written by kcue build. The files under resources are rewritten, and removed, by the next one.\nresources: {a\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			written, err := emit.Dir(dir, []lower.Object{object("v1", "ConfigMap", "", "a")}, false)
			if err == nil || !strings.Contains(err.Error(), "kustomization.yaml") {
				t.Errorf("got %v, want an error that names the file", err)
			}
			if diff := cmp.Diff(map[string]string{"kustomization.yaml": text}, files(t, dir)); diff != "" || written != nil {
				t.Errorf("the directory changed (-want +got)\n%s", diff)
			}
		})
	}
}

// TestDirPart writes a part of a build over the whole: nothing is removed, and
// everything stays listed.
func TestDirPart(t *testing.T) {
	dir := t.TempDir()
	a, b := object("kyverno.io/v1", "ClusterPolicy", "", "a"), object("kyverno.io/v1", "ClusterPolicy", "", "b")
	if _, err := emit.Dir(dir, []lower.Object{a, b}, false); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := emit.Dir(dir, []lower.Object{a}, true); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Errorf("kustomization.yaml was\n%s\nand is\n%s", before, after)
	}
	if _, err := os.Stat(filepath.Join(dir, "clusterpolicy.kyverno.io_b.yaml")); err != nil {
		t.Error(err)
	}
}
