package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/protocol"
)

// What a test leaves open must not become something that it says: no labels are
// other than unknown ones, nothing to be generated is other than anything.
func TestNothingIsNotUnknown(t *testing.T) {
	for _, text := range []string{
		`{"namespaceLabels":{},"generated":[]}`,
		`{"namespaceLabels":null,"generated":null}`,
	} {
		var want protocol.Test
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		w := protocol.NewWriter(&stream)
		if err := errors.Join(w.Write(protocol.Request{Suite: &protocol.Suite{Tests: []protocol.Test{want}}}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		var got protocol.Request
		if err := protocol.NewReader(&stream).Read(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.NamespaceLabels, got.Suite.Tests[0].NamespaceLabels); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
		if diff := cmp.Diff(want.Generated, got.Suite.Tests[0].Generated); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
}

func TestStream(t *testing.T) {
	var stream bytes.Buffer
	w := protocol.NewWriter(&stream)
	want := []protocol.Reply{
		{Checks: &protocol.Checks{Suite: "a<b", Checks: []protocol.Check{{Message: "line\nline"}}}},
		{Done: true},
	}
	for _, r := range want {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(stream.String(), "\n"); lines != len(want) {
		t.Errorf("%d lines for %d messages", lines, len(want))
	}
	r := protocol.NewReader(io.MultiReader(&stream, strings.NewReader(`{"done":`)))
	var got []protocol.Reply
	for range want {
		var reply protocol.Reply
		if err := r.Read(&reply); err != nil {
			t.Fatal(err)
		}
		got = append(got, reply)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := r.Read(&protocol.Reply{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a message that breaks off gives %v", err)
	}
}

func TestReportAdd(t *testing.T) {
	var report protocol.Report
	for _, ok := range []bool{true, false, true} {
		report.Add(protocol.Check{OK: ok})
	}
	if report.Passed != 2 || report.Failed != 1 || len(report.Checks) != 3 {
		t.Errorf("%d passed, %d failed, %d checks; want 2, 1, 3", report.Passed, report.Failed, len(report.Checks))
	}
}

func TestHelloAccept(t *testing.T) {
	for _, tt := range []struct {
		hello *protocol.Hello
		ok    bool
	}{
		{&protocol.Hello{Protocol: protocol.Version}, true},
		{&protocol.Hello{Protocol: protocol.Version + 1}, false},
		{&protocol.Hello{}, false},
		{nil, false},
	} {
		if err := tt.hello.Accept(); (err == nil) != tt.ok || err != nil && !errors.Is(err, protocol.ErrVersion) {
			t.Errorf("%+v: %v", tt.hello, err)
		}
	}
}

func TestResourceString(t *testing.T) {
	for _, tt := range []struct {
		resource protocol.Resource
		want     string
	}{
		{protocol.Resource{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "n", Name: "a"}, "apps/v1/Deployment/n/a"},
		{protocol.Resource{APIVersion: "v1", Kind: "Namespace", Name: "a"}, "v1/Namespace/a"},
	} {
		if got := tt.resource.String(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.resource, got, tt.want)
		}
	}
}

func TestValuesWith(t *testing.T) {
	a := protocol.Values{ConfigMaps: map[string]map[string]string{"a": {"k": "a"}, "b": {"k": "a"}}, Images: map[string]map[string]any{"i": nil}, Resources: []json.RawMessage{[]byte("1")}}
	b := protocol.Values{ConfigMaps: map[string]map[string]string{"b": {"k": "b"}}, APICalls: map[string]any{"/": 1}, Resources: []json.RawMessage{[]byte("2")}}
	want := protocol.Values{
		ConfigMaps: map[string]map[string]string{"a": {"k": "a"}, "b": {"k": "b"}}, Images: map[string]map[string]any{"i": nil},
		APICalls: map[string]any{"/": 1}, Resources: []json.RawMessage{[]byte("1"), []byte("2")},
	}
	if diff := cmp.Diff(want, a.With(b)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The package is standard library only: both binaries link it.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 10 {
		t.Fatalf("go list names %d packages: that is not the import graph", len(packages))
	}
	for _, pkg := range packages {
		if first, _, _ := strings.Cut(pkg, "/"); strings.Contains(first, ".") && pkg != "kcue.dev/protocol" {
			t.Errorf("it imports %s", pkg)
		}
	}
}
