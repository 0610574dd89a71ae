// Package krm speaks the protocol of KRM functions, by which kustomize, kpt and
// others run programs that generate objects: a ResourceList comes in, with the
// functionConfig that says what to generate, and goes out again with what was
// generated and what there is to say of it.
//
// In go the bytes of standard input; out come the packages to compile (Config),
// and the ResourceList to write (Node). Compiling is the caller's. The protocol
// is kustomize's cmd/config/docs/api-conventions/functions-spec.md.
package krm

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

const (
	// APIVersion and Kind are those of the functionConfig.
	APIVersion = "kcue.dev/v1alpha1"
	Kind       = "KcueGenerator"

	listAPIVersion = "config.kubernetes.io/v1"
	listKind       = "ResourceList"
)

// maxInput is what spec.ParseYAML takes.
const maxInput = 16 << 20

// ResourceList is the objects of a pipeline on their way through a function.
type ResourceList struct {
	function *spec.Node // the functionConfig; nil where there is none
	items    []*spec.Node
}

// Read reads a ResourceList. Its error says what keeps the input from being
// one; size, depth and the expansion of aliases are bounded as
// spec.ParseYAML bounds them.
func Read(in io.Reader) (*ResourceList, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the ResourceList: %w", err)
	}
	docs, err := spec.ParseYAML("standard input", data)
	if err != nil {
		return nil, err
	}
	switch {
	case len(docs) == 0:
		return nil, fmt.Errorf("standard input is empty: expected a %s of %s, as kustomize and kpt give it to functions", listKind, listAPIVersion)
	case len(docs) > 1:
		return nil, fmt.Errorf("standard input holds %d documents: expected one %s", len(docs), listKind)
	}
	root := docs[0]
	apiVersion, kind := root.Get("apiVersion").Str(), root.Get("kind").Str()
	if apiVersion != listAPIVersion || kind != listKind {
		return nil, fmt.Errorf("standard input holds %s: expected a %s of %s, as kustomize and kpt give it to functions", described(root), listKind, listAPIVersion)
	}
	list := &ResourceList{}
	if f := root.Get("functionConfig"); f != nil && f.Kind != spec.Null {
		list.function = f
	}
	items := root.Get("items")
	if items == nil || items.Kind == spec.Null {
		return list, nil
	}
	if items.Kind != spec.List {
		return nil, fmt.Errorf("items of the %s is a %s: expected a list of objects", listKind, items.Kind)
	}
	for i, item := range items.Items {
		if item.Kind != spec.Struct {
			return nil, fmt.Errorf("items[%d] of the %s is a %s: expected an object", i, listKind, item.Kind)
		}
	}
	list.items = slices.Clone(items.Items)
	return list, nil
}

// described says in a few words what a document is.
func described(n *spec.Node) string {
	apiVersion, kind := n.Get("apiVersion").Str(), n.Get("kind").Str()
	switch {
	case n.Kind != spec.Struct:
		return "a " + n.Kind.String()
	case apiVersion == "" || kind == "":
		return "no Kubernetes object"
	}
	return fmt.Sprintf("a %s of %s", kind, apiVersion)
}

// Add puts generated objects into the list: each in the place of the first item
// of its group, kind, namespace and name, otherwise at the end. The other items
// are kept as they are. Adding what was added before changes nothing.
func (l *ResourceList) Add(objects []*spec.Node) {
	index := map[spec.Identity]int{}
	for i := len(l.items) - 1; i >= 0; i-- {
		index[spec.IdentityOf(l.items[i])] = i
	}
	for _, o := range objects {
		if i, ok := index[spec.IdentityOf(o)]; ok {
			l.items[i] = withOrigin(o, l.items[i])
		} else {
			l.items = append(l.items, o)
		}
	}
}

// withOrigin gives an object the annotations by which the orchestrator knows
// the item that it replaces: the file that it came from, its place there and
// its number. A function must keep them.
func withOrigin(object, replaced *spec.Node) *spec.Node {
	metadata := object.Get("metadata")
	annotations := metadata.Get("annotations")
	for _, f := range replaced.Get("metadata").Get("annotations").Members() {
		domain, _, _ := strings.Cut(f.Name, "/")
		if !strings.HasSuffix("."+domain, ".config.kubernetes.io") && !strings.HasSuffix("."+domain, ".config.k8s.io") {
			continue
		}
		if annotations == nil {
			annotations = spec.NewStruct(token.NoPos)
		}
		annotations = annotations.With(f.Name, f.Value)
	}
	if annotations == nil {
		return object
	}
	return object.With("metadata", metadata.With("annotations", annotations))
}

// Result is one thing that a function has to say.
type Result struct {
	Severity diag.Severity
	Message  string
	Path     string // the field that is meant; empty where it is none
	File     diag.Position
	Code     diag.Code // empty for what is wrong with the functionConfig
}

// Results gives diagnostics as results.
func Results(diags diag.List) []Result {
	var out []Result
	for _, d := range diags {
		r := Result{Severity: d.Severity, Message: string(d.Code) + ": " + d.Message, Path: d.Path, File: d.Pos, Code: d.Code}
		if d.Hint != "" {
			r.Message += ": " + d.Hint
		}
		out = append(out, r)
	}
	return out
}

// Node gives the list as a function writes it, with its results.
func (l *ResourceList) Node(results []Result) *spec.Node {
	fields := []spec.Field{
		{Name: "apiVersion", Value: str(listAPIVersion)},
		{Name: "kind", Value: str(listKind)},
		{Name: "items", Value: spec.NewList(token.NoPos, l.items...)},
	}
	if l.function != nil {
		fields = append(fields, spec.Field{Name: "functionConfig", Value: l.function})
	}
	if len(results) > 0 {
		nodes := make([]*spec.Node, len(results))
		for i, r := range results {
			nodes[i] = l.result(r)
		}
		fields = append(fields, spec.Field{Name: "results", Value: spec.NewList(token.NoPos, nodes...)})
	}
	return spec.NewStruct(token.NoPos, fields...)
}

func (l *ResourceList) result(r Result) *spec.Node {
	severity := "error"
	if r.Severity == diag.Warning {
		severity = "warning"
	}
	fields := []spec.Field{{Name: "message", Value: str(r.Message)}, {Name: "severity", Value: str(severity)}}
	if r.Code == "" && l.function != nil {
		f := l.function
		fields = append(fields, spec.Field{Name: "resourceRef", Value: spec.NewStruct(token.NoPos,
			spec.Field{Name: "apiVersion", Value: str(f.Get("apiVersion").Str())},
			spec.Field{Name: "kind", Value: str(f.Get("kind").Str())},
			spec.Field{Name: "name", Value: str(f.Get("metadata").Get("name").Str())},
		)})
	}
	if r.Path != "" {
		fields = append(fields, spec.Field{Name: "field", Value: spec.NewStruct(token.NoPos, spec.Field{Name: "path", Value: str(r.Path)})})
	}
	if r.File.File != "" {
		fields = append(fields, spec.Field{Name: "file", Value: spec.NewStruct(token.NoPos, spec.Field{Name: "path", Value: str(r.File.File)})})
	}
	if tags := tags(r); len(tags) > 0 {
		fields = append(fields, spec.Field{Name: "tags", Value: spec.NewStruct(token.NoPos, tags...)})
	}
	return spec.NewStruct(token.NoPos, fields...)
}

// tags holds what the protocol has no field for. Its values are strings.
func tags(r Result) []spec.Field {
	var out []spec.Field
	if r.Code != "" {
		out = append(out, spec.Field{Name: "code", Value: str(string(r.Code))})
	}
	if r.File.Line > 0 {
		out = append(out,
			spec.Field{Name: "line", Value: str(fmt.Sprint(r.File.Line))},
			spec.Field{Name: "column", Value: str(fmt.Sprint(r.File.Column))})
	}
	return out
}

func str(s string) *spec.Node { return spec.NewString(s, token.NoPos) }
