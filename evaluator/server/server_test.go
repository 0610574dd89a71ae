package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kcue.dev/protocol"
)

func raw(t testing.TB, text string) json.RawMessage {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return data
}

// policy denies what has no label of its name.
func policy(name string) string {
	return fmt.Sprintf(`{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: %[1]s}, spec: {rules: [
		{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {failureAction: Enforce, message: m, pattern: {metadata: {labels: {%[1]s: "?*"}}}}}]}}`, name)
}

func pod(name, label string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {%s: "x"}}, spec: {containers: []}}`, name, label)
}

// serve gives the replies to a stream of requests after a greeting, and the
// error.
func serve(t *testing.T, requests ...protocol.Request) ([]protocol.Reply, error) {
	t.Helper()
	var in bytes.Buffer
	w := protocol.NewWriter(&in)
	for _, r := range append([]protocol.Request{{Hello: &protocol.Hello{Protocol: protocol.Version}}}, requests...) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return replies(t, &in)
}

func replies(t *testing.T, in io.Reader) ([]protocol.Reply, error) {
	t.Helper()
	var out bytes.Buffer
	served := Serve(context.Background(), protocol.Hello{Protocol: protocol.Version, Version: "v"}, in, &out)
	var got []protocol.Reply
	for r := protocol.NewReader(&out); ; {
		var reply protocol.Reply
		err := r.Read(&reply)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, reply)
	}
	if len(got) == 0 || got[0].Hello == nil || got[0].Hello.Version != "v" {
		t.Fatalf("no greeting: %+v", got)
	}
	return got[1:], served
}

// brief writes replies a line each.
func brief(replies []protocol.Reply) []string {
	var lines []string
	for _, r := range replies {
		switch {
		case r.Checks != nil:
			line := "checks " + r.Checks.Suite
			for _, c := range r.Checks.Checks {
				line += fmt.Sprintf(" %s:%v", c.Actual, c.OK)
			}
			lines = append(lines, line)
		case r.Prepared != nil:
			line := fmt.Sprintf("prepared %d", r.Prepared.Policies)
			for _, p := range r.Prepared.Problems {
				line += fmt.Sprintf(" [%d] %s", p.Index, p.Object)
			}
			lines = append(lines, line)
		case r.Evaluated != nil:
			line := r.Evaluated.Resource.String()
			for _, result := range r.Evaluated.Results {
				line += fmt.Sprintf(" %s/%s %s %s", result.Policy, result.Rule, result.Status, result.FailureAction)
			}
			lines = append(lines, line)
		case r.Failure != "":
			lines = append(lines, "failure "+r.Failure)
		case r.Done:
			lines = append(lines, "done")
		}
	}
	return lines
}

// Suites are answered in their order, however many run at once.
func TestServeTests(t *testing.T) {
	var requests []protocol.Request
	var want []string
	for i := range 20 {
		label, line := "p", "pass:true"
		if i%2 == 1 {
			label, line = "q", "fail:false"
		}
		requests = append(requests, protocol.Request{Suite: &protocol.Suite{
			Name:    fmt.Sprint(i),
			Objects: []json.RawMessage{raw(t, policy("p"))},
			Tests:   []protocol.Test{{Name: "t", Policy: "p", Resource: raw(t, pod("a", label)), Expect: "pass"}},
		}})
		want = append(want, fmt.Sprintf("checks %d %s", i, line))
	}
	got, err := serve(t, requests...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, "done"), brief(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A suite of Kyverno's form may name compiled policies; a file that cannot be
// read is a failed check, and the others are run.
func TestServeFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kyverno-test.yaml")
	for name, text := range map[string]string{
		path: `{apiVersion: cli.kyverno.io/v1alpha1, kind: Test, metadata: {name: t}, policies: [p], resources: [pod.yaml],
			results: [{policy: p, rule: r, resources: [a], kind: Pod, result: pass}]}`,
		filepath.Join(dir, "pod.yaml"): pod("a", "p"),
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "missing.yaml")
	got, err := serve(t,
		protocol.Request{Objects: &protocol.Objects{Items: []json.RawMessage{raw(t, policy("p"))}}},
		protocol.Request{File: &protocol.File{Path: missing, Root: dir}},
		protocol.Request{File: &protocol.File{Path: path, Root: dir}},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"checks " + missing + " :false", "checks " + path + " pass:true", "done"}
	if diff := cmp.Diff(want, brief(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestServeEvaluation(t *testing.T) {
	requests := []protocol.Request{{Evaluation: &protocol.Evaluation{Objects: []json.RawMessage{
		raw(t, policy("p")),
		raw(t, `{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: refused}, spec: {rules: [{name: r}]}}`),
		raw(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: n}}`),
	}}}}
	want := []string{"prepared 2 [1] ClusterPolicy refused"}
	for i := range 50 {
		label, status := "p", "pass"
		if i%2 == 1 {
			label, status = "q", "fail"
		}
		requests = append(requests, protocol.Request{Input: &protocol.Input{Object: raw(t, pod(fmt.Sprint("a", i), label))}})
		want = append(want, fmt.Sprintf("v1/Pod/default/a%d p/r %s Enforce refused/ error ", i, status))
	}
	got, err := serve(t, requests...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, "done"), brief(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// What the policies change comes with the resource as it was, in the namespace
// where the API server puts it.
func TestServePatched(t *testing.T) {
	got, err := serve(t,
		protocol.Request{Evaluation: &protocol.Evaluation{Objects: []json.RawMessage{raw(t, `{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: p}, spec: {rules: [
			{name: r, match: {any: [{resources: {kinds: [ConfigMap], names: [b]}}]}, mutate: {patchStrategicMerge: {data: {x: "y"}}}}]}}`)}}},
		protocol.Request{Input: &protocol.Input{Object: raw(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`)}},
		protocol.Request{Input: &protocol.Input{Object: raw(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}`)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	a, b := got[1].Evaluated, got[2].Evaluated
	if a.Patched != nil || a.Original != nil {
		t.Errorf("%s is not patched, but has %s and %s", a.Resource, a.Patched, a.Original)
	}
	const original = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"default"}}`
	if diff := cmp.Diff([]string{original, `{"apiVersion":"v1","data":{"x":"y"},` + original[len(`{"apiVersion":"v1",`):]}, []string{string(b.Original), string(b.Patched)}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestServeRefuses(t *testing.T) {
	hello := `{"hello":{"protocol":1}}`
	cases := []struct{ name, in, want string }{
		{"nothing", "", "failure cannot read the request: EOF"},
		{"another version", `{"hello":{"protocol":7}}`, "failure another version of the protocol: it speaks 7, this is 1"},
		{"no greeting", `{"input":{}}`, "failure another version of the protocol: it sends no greeting"},
		{"no JSON", hello + "\nhello", "failure cannot read the request: invalid character 'h' looking for beginning of value"},
		{"cut off", hello + `{"suite":{"name"`, "failure cannot read the request: unexpected EOF"},
		{"an empty request", hello + `{}`, "failure a run of tests takes suites and files"},
		{"an input alone", hello + `{"input":{}}`, "failure a run of tests takes suites and files"},
		{"a suite after an evaluation", hello + `{"evaluation":{"objects":[]}}{"suite":{}}`, "failure an evaluation takes inputs"},
		{"no object", hello + `{"evaluation":{"objects":[3]}}`, "failure object 1: json: cannot unmarshal number into Go value of type map[string]interface {}"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			got, err := replies(t, strings.NewReader(tt.in))
			if err == nil {
				t.Error("no error")
			}
			lines := brief(got)
			if len(lines) == 0 {
				t.Fatal("no reply")
			}
			if diff := cmp.Diff(tt.want, lines[len(lines)-1]); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// An empty run is a run of nothing, which is kcue's to report.
func TestServeNothing(t *testing.T) {
	got, err := serve(t)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"done"}, brief(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
