package manifest_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/manifest"
)

// read gives objects as "document Kind namespace/name" and errors as they are.
func read(text string) []string {
	var got []string
	for o, err := range manifest.Read([]string{"-"}, strings.NewReader(text)) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		m := o.Node.Get("metadata")
		got = append(got, fmt.Sprintf("%d %s %s %s/%s", o.Document, o.Node.Get("apiVersion").Str(), o.Node.Get("kind").Str(), m.Get("namespace").Str(), m.Get("name").Str()))
	}
	return got
}

const pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: t\n"

func TestRead(t *testing.T) {
	deepJSON := `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": ` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_001)
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 8; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10))
	}
	cases := []struct {
		name, text string
		want       []string
	}{
		{"one", pod, []string{"1 v1 Pod t/a"}},
		{"nothing", "", nil},
		{"comments only", "# a\n---\n# b\n---\n", nil},
		{"a stream", pod + "---\n" + pod + "--- # third\n" + pod, []string{"1 v1 Pod t/a", "2 v1 Pod t/a", "3 v1 Pod t/a"}},
		{"begins with a separator, Windows lines", strings.ReplaceAll("---\n"+pod+"---\n"+pod, "\n", "\r\n"), []string{"1 v1 Pod t/a", "2 v1 Pod t/a"}},
		{"a directive and comments above", "%YAML 1.1\n# c\n---\n" + pod, []string{"1 v1 Pod t/a"}},
		{"no newline at the end", strings.TrimSuffix(pod, "\n"), []string{"1 v1 Pod t/a"}},
		{"dashes inside of a text", pod + "data:\n  k: |\n    ---\n    x\n---x: y\n", []string{"1 v1 Pod t/a"}},
		{"ended by dots", pod + "...\n---\n" + pod, []string{"1 v1 Pod t/a", "2 v1 Pod t/a"}},
		{"flow", "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n" + pod, []string{"1 v1 Pod /a", "2 v1 Pod t/a"}},
		{"only a name to be made", "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}", []string{"1 v1 Pod /"}},
		{"a List", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n---\n" + pod, []string{"1 v1 Pod /a", "1 v1 Secret /b", "2 v1 Pod t/a"}},
		{"a list of a kind", "apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: a}}]", []string{"1 apps/v1 Deployment /a"}},
		{"an empty List", "{apiVersion: v1, kind: List, items: []}", nil},
		{"JSON", `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}`, []string{"1 v1 Pod /a"}},
		{"JSON values", "{\n\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}}\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}", []string{"1 v1 Pod /a", "2 v1 Pod /b"}},
		{"a JSON List as kubectl writes it", `{"apiVersion": "v1", "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}], "kind": "List", "metadata": {"resourceVersion": ""}}`, []string{"1 v1 Pod /a", "1 v1 Pod /b"}},
		{"a JSON list as the API server writes it", `{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}`, []string{"1 v1 Pod /a"}},
		{"an empty JSON List", `{"apiVersion": "v1", "items": [], "kind": "List"}`, nil},

		{"no apiVersion", "kind: Pod", []string{"-:1: document 1: is no Kubernetes object: it has no apiVersion"}},
		{"no kind", pod + "---\n\napiVersion: v1\nmetadata: {name: a}\n---\n" + pod, []string{"1 v1 Pod t/a", "-:8: document 2: is no Kubernetes object: it has no kind", "3 v1 Pod t/a"}},
		{"kind is no string", "{apiVersion: v1, kind: 3}", []string{"-:1: document 1: is no Kubernetes object: kind is no name"}},
		{"no metadata", "{apiVersion: v1, kind: Pod}", []string{"-:1: document 1: is no Kubernetes object: it has no metadata"}},
		{"no name", "{apiVersion: v1, kind: Pod, metadata: {}}", []string{"-:1: document 1: is no Kubernetes object: it has no metadata.name"}},
		{"a number for a name", "{apiVersion: v1, kind: Pod, metadata: {name: 3}}", []string{"-:1: document 1: is no Kubernetes object: metadata.name is a number, not a string"}},
		{"a label that is true", "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {x: yes}}}", []string{`-:1: document 1: is no Kubernetes object: metadata.labels["x"] is a bool, not a string`}},
		{"a text", "hello", []string{"-:1: document 1: is no Kubernetes object: it is a string"}},
		{"a list", "[1]", []string{"-:1: document 1: is no Kubernetes object: it is a list"}},
		{"no object in a List", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {kind: x}\n", []string{"1 v1 Pod /a", "-:5: document 1: is no Kubernetes object: it has no apiVersion"}},
		{"a List in a List", "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: []}]}", []string{"-:1: document 1: item 1 is a List in a List"}},
		{"a mistake leaves the others", pod + "---\na: [\n---\n" + pod, []string{"1 v1 Pod t/a", "-:7: document 2: did not find expected node content", "3 v1 Pod t/a"}},
		{"a repeated key", "a: 1\nb: 2\na: 3\n---\n" + pod, []string{`-:3: document 1: the key "a" stands twice in one mapping`, "2 v1 Pod t/a"}},
		{"cut off", pod + "spec: {containers: [", []string{"-:6: document 1: did not find expected node content"}},
		{"JSON that is cut off", `{"apiVersion": "v1", "items": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, {"api`, []string{"1 v1 Pod /a", "-: document 1: item 2: is cut off after 94 bytes"}},
		{"no object in a JSON List", `{"apiVersion": "v1", "items": [{"kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}], "kind": "List"}`, []string{"-: document 1: item 1: is no Kubernetes object: it has no apiVersion", "1 v1 Pod /b"}},
		{"broken JSON", `{"apiVersion": "v1" "kind": "Pod"}`, []string{"-: document 1: byte 20: invalid character '\"' after object key:value pair"}},
		{"ten thousand deep", pod + "spec: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\n---\n" + pod, []string{"-:6: document 1: values are nested more than 256 deep", "2 v1 Pod t/a"}},
		{"ten thousand deep in JSON", deepJSON, []string{"-: document 1: exceeded max depth of 10000"}},
		{"aliases without end", bomb + "---\n" + pod, []string{"-:6: document 1: the file holds more than 1048576 values", "2 v1 Pod t/a"}},
		{"no UTF-8", "a: \xff\n---\n" + pod, []string{"-:1: document 1: the file is no UTF-8 text", "2 v1 Pod t/a"}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, read(tt.text)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// endless gives a text again and again, and counts what is read of it.
type endless struct {
	text string
	at   int
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.left > 0 {
		c := copy(p[n:min(len(p), n+e.left)], e.text[e.at:])
		e.at = (e.at + c) % len(e.text)
		e.left -= c
		n += c
	}
	return n, nil
}

// A document of 100 MB is an error, and the one after it is read.
func TestReadTooLarge(t *testing.T) {
	const size = 100 << 20
	cases := []struct {
		name         string
		head, fill   string
		want         []string
		closed, tail string
	}{
		{"a YAML document", pod + "data: {x: y}\nlist:\n", strings.Repeat("- x\n", 1<<12), []string{"-:1: document 1: has more than 16777216 bytes: give its objects as documents of their own, or as a List in JSON", "2 v1 Pod t/a"}, "\n", "---\n" + pod},
		{"a YAML line", pod + "line: ", strings.Repeat("x", 1<<12), []string{"-:1: document 1: has more than 16777216 bytes: give its objects as documents of their own, or as a List in JSON", "2 v1 Pod t/a"}, "\n", "---\n" + pod},
		{"a JSON value", `{"apiVersion": "v1", "spec": "`, strings.Repeat("x", 1<<12), []string{"-: document 1: has more than 16777216 bytes"}, `"}`, ""},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			in := io.MultiReader(strings.NewReader(tt.head), &endless{text: tt.fill, left: size}, strings.NewReader(tt.closed+tt.tail))
			var got []string
			for o, err := range manifest.Read([]string{"-"}, in) {
				if err != nil {
					got = append(got, err.Error())
				} else {
					m := o.Node.Get("metadata")
					got = append(got, fmt.Sprintf("%d v1 Pod %s/%s", o.Document, m.Get("namespace").Str(), m.Get("name").Str()))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A List of 20,000 objects in JSON, larger than a document may be, is read.
func TestReadLargeJSONList(t *testing.T) {
	item := `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": "` + strings.Repeat("x", 1000) + `"},`
	const n = 20_000
	in := io.MultiReader(strings.NewReader(`{"apiVersion": "v1", "items": [`), &endless{text: item, left: n * len(item)}, strings.NewReader(item[:len(item)-1]+`], "kind": "List"}`))
	objects := 0
	for _, err := range manifest.Read([]string{"-"}, in) {
		if err != nil {
			t.Fatal(err)
		}
		objects++
	}
	if objects != n+1 {
		t.Errorf("%d objects, want %d", objects, n+1)
	}
}

func TestMentioning(t *testing.T) {
	text := pod + "---\n{apiVersion: v1, kind: Namespace, metadata: {name: t}}\n---\nNamespace: [\n"
	var got []string
	for o := range manifest.Mentioning("Namespace", []string{"-"}, strings.NewReader(text)) {
		got = append(got, o.Node.Get("kind").Str())
	}
	if diff := cmp.Diff([]string{"Namespace"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a/c.yml", "a/d.json", "a/e.txt", "a/kustomization.yaml", "a/kyverno-test.yaml", ".git/f.yaml", "a/.hidden/g.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pod), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := manifest.Files([]string{dir, filepath.Join(dir, "a/e.txt"), "-"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if rel, err := filepath.Rel(dir, got[i]); err == nil {
			got[i] = filepath.ToSlash(rel)
		}
	}
	if diff := cmp.Diff([]string{"a/c.yml", "a/d.json", "b.yaml", "a/e.txt", "-"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	missing := filepath.Join(dir, "missing")
	if _, err := manifest.Files([]string{missing}); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), missing+": ") {
		t.Errorf("a missing path gives %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{pod, pod + "---\na: [", `{"apiVersion": "v1", "items": [{"kind": 1}], "kind": "List"}`, "%YAML\n---\n...\n", "--- |\n---\n---"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for o, err := range manifest.Read([]string{"-"}, strings.NewReader(text)) {
			var mistake *manifest.Error
			if err != nil {
				if !errors.As(err, &mistake) {
					t.Fatalf("%T: %v", err, err)
				}
				continue
			}
			if o.Document < 1 || o.Node.Get("kind").Str() == "" {
				t.Fatalf("%+v", o)
			}
		}
	})
}
