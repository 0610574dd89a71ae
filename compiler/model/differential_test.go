package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	cuejson "cuelang.org/go/encoding/json"

	"kcue.dev/compiler/spec"
	"kcue.dev/schema"
)

// documents are valid bundles that between them hold every field.
var documents = []string{"testdata/policies.cue", "testdata/others.cue"}

func parseFile(t testing.TB, name string) *spec.Node {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parseCUE(t, string(src))
}

// mutation is one change of a document.
type mutation struct {
	what string
	doc  *spec.Node
}

// mutations changes a document in each of its places, one change at a time:
// another value of every type, fields dropped, renamed and added.
func mutations(root *spec.Node) []mutation {
	var out []mutation
	replacements := []*spec.Node{
		{Kind: spec.Null}, {Kind: spec.Bool, Text: "true"}, {Kind: spec.Number, Text: "7"}, {Kind: spec.Number, Text: "0"},
		{Kind: spec.Number, Text: "1.5"}, {Kind: spec.Number, Text: "1e3"}, {Kind: spec.String, Text: ""}, {Kind: spec.String, Text: "zzz"},
		{Kind: spec.List}, {Kind: spec.List, Items: []*spec.Node{{Kind: spec.String, Text: "Job"}}},
		{Kind: spec.List, Items: []*spec.Node{{Kind: spec.Struct}}},
		{Kind: spec.Struct}, {Kind: spec.Struct, Fields: []spec.Field{{Name: "zzz", Value: &spec.Node{Kind: spec.Struct}}}},
	}
	// rebuild gives the document with the node at hand replaced.
	var walk func(n *spec.Node, path spec.Path, rebuild func(*spec.Node) *spec.Node)
	walk = func(n *spec.Node, path spec.Path, rebuild func(*spec.Node) *spec.Node) {
		add := func(how string, changed *spec.Node) {
			out = append(out, mutation{path.String() + ": " + how, rebuild(changed)})
		}
		if len(path) > 0 {
			for _, r := range replacements {
				text, _ := r.MarshalJSON()
				add("now "+string(text), r)
			}
		}
		switch n.Kind {
		case spec.Struct:
			add("a field more", n.With("zzz", &spec.Node{Kind: spec.Null}))
			for i, f := range n.Fields {
				add("without "+f.Name, n.Without(f.Name))
				renamed := *n
				renamed.Fields = append([]spec.Field(nil), n.Fields...)
				renamed.Fields[i].Name += "x"
				add("renamed "+f.Name, &renamed)
				walk(f.Value, path.Child(f.Name), func(v *spec.Node) *spec.Node { return rebuild(n.With(f.Name, v)) })
			}
		case spec.List:
			for i, item := range n.Items {
				walk(item, path.Child(fmt.Sprint(i)), func(v *spec.Node) *spec.Node {
					c := *n
					c.Items = append([]*spec.Node(nil), n.Items...)
					c.Items[i] = v
					return rebuild(&c)
				})
			}
		}
	}
	walk(root, nil, func(n *spec.Node) *spec.Node { return n })
	return out
}

// oracle is CUE itself, over the same definitions.
type oracle struct {
	ctx    *cue.Context
	bundle cue.Value
	used   int
}

func (o *oracle) validate(t *testing.T, doc *spec.Node) error {
	t.Helper()
	// A context keeps everything it ever built.
	if o.used++; o.ctx == nil || o.used%500 == 0 {
		inst := build.NewContext().NewInstance("", nil)
		names, err := fs.Glob(schema.Files, "*.cue")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			src, err := fs.ReadFile(schema.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(name, src)
			if err != nil {
				t.Fatal(err)
			}
			if err := inst.AddSyntax(file); err != nil {
				t.Fatal(err)
			}
		}
		if err := inst.Complete(); err != nil {
			t.Fatal(err)
		}
		o.ctx = cuecontext.New()
		o.bundle = o.ctx.BuildInstance(inst).LookupPath(cue.ParsePath(Bundle))
		if err := o.bundle.Err(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	expr, err := cuejson.Extract("doc", data)
	if err != nil {
		t.Fatal(err)
	}
	return o.bundle.Unify(o.ctx.BuildExpr(expr)).Validate(cue.Concrete(true))
}

// TestCheckAgreesWithCUE changes the documents in every place and asks CUE and
// the model of each change.
func TestCheckAgreesWithCUE(t *testing.T) {
	m := load(t)
	for _, file := range documents {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			root := parseFile(t, file)
			var cueSays oracle
			if err := cueSays.validate(t, root); err != nil {
				t.Fatalf("CUE refuses the unchanged document: %v", err)
			}
			if p := m.Check(Bundle, root, nil); len(p) > 0 {
				t.Fatalf("the model refuses the unchanged document:\n%s", rendered(p))
			}
			// Parts of the document stand alone, or each question would
			// evaluate all of it.
			asked, refused := 0, 0
			for _, part := range parts(root) {
				for i, change := range mutations(part) {
					if testing.Short() && i%10 != 0 {
						continue
					}
					err := cueSays.validate(t, change.doc)
					problems := m.Check(Bundle, change.doc, nil)
					asked++
					if err != nil {
						refused++
					}
					if (err != nil) != (len(problems) > 0) {
						t.Errorf("%s\nCUE: %v\nmodel: %s", change.what, err, rendered(problems))
					}
					if len(problems) > 1 && !strings.Contains(change.what, "now [{}]") && !strings.Contains(change.what, "now {") {
						t.Errorf("%s: one change gives %d problems:\n%s", change.what, len(problems), rendered(problems))
					}
				}
			}
			if refused < asked/4 || refused == asked {
				t.Errorf("CUE refused %d of %d changes: the changes test little", refused, asked)
			}
			t.Logf("%d changes, %d of them refused", asked, refused)
		})
	}
}

// parts cuts a bundle into bundles of one spec, and a policy into policies of
// one field.
func parts(root *spec.Node) []*spec.Node {
	var out []*spec.Node
	var cut func(n *spec.Node, depth int, rebuild func(*spec.Node) *spec.Node)
	cut = func(n *spec.Node, depth int, rebuild func(*spec.Node) *spec.Node) {
		if n.Kind != spec.Struct || depth == 0 {
			out = append(out, rebuild(n))
			return
		}
		for _, f := range n.Fields {
			cut(f.Value, depth-1, func(v *spec.Node) *spec.Node {
				return rebuild(spec.NewStruct(n.Pos, spec.Field{Name: f.Name, Value: v}))
			})
		}
	}
	for _, f := range root.Fields {
		depth := 0
		if f.Name == "clusterPolicies" {
			depth = 5
		}
		cut(f.Value, depth, func(v *spec.Node) *spec.Node {
			return spec.NewStruct(root.Pos, spec.Field{Name: f.Name, Value: v})
		})
	}
	return out
}

// TestDocumentsHoldEveryField fails where the documents leave out a field
// everywhere: an untested field would be a silent gap.
func TestDocumentsHoldEveryField(t *testing.T) {
	m := load(t)
	held := map[string]bool{} // by definition and field, or address and field
	keys := func(s *structShape) []string {
		if len(s.definitions) == 0 {
			return []string{fmt.Sprintf("%p", s)}
		}
		return s.definitions
	}
	structs := map[*structShape]string{}
	var walk func(s *shape, n *spec.Node, where string)
	walk = func(s *shape, n *spec.Node, where string) {
		if s == nil || s.any {
			return
		}
		if n.Kind == spec.Struct && s.fields != nil {
			if structs[s.fields] == "" {
				structs[s.fields] = where
			}
			for _, f := range n.Fields {
				for _, k := range keys(s.fields) {
					held[k+"."+f.Name] = true
				}
				walk(s.at(f.Name), f.Value, where+"."+f.Name)
			}
		}
		for _, item := range n.Items {
			if s.list != nil {
				walk(s.list.rest, item, where)
			}
		}
	}
	for _, file := range documents {
		walk(m.definitions[Bundle], parseFile(t, file), Bundle)
	}
	for _, name := range m.Definitions() {
		if s := m.definitions[name]; s.fields != nil {
			structs[s.fields] = name
		}
	}
	for s, where := range structs {
		for _, f := range s.fields {
			if !slices.ContainsFunc(keys(s), func(k string) bool { return held[k+"."+f.name] }) {
				t.Errorf("%s: no document has the field %s", where, f.name)
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	m := load(b)
	bundle := fleet(b, 1000, 5)
	var size bytes.Buffer
	if err := json.NewEncoder(&size).Encode(bundle); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size.Len()))
	for b.Loop() {
		if p := m.Check(Bundle, bundle, nil); len(p) > 0 {
			b.Fatal(rendered(p))
		}
	}
}

// fleet gives a bundle of so many policies of so many rules each.
func fleet(b *testing.B, policies, rules int) *spec.Node {
	rule := parseCUE(b, `{
		title: "t", severity: "high", category: "c", params: {a: 1}
		match: any: [{kinds: ["Pod"], namespaces: ["a-*", "b"], selector: matchLabels: team: "a"}]
		exclude: {kinds: ["Pod"], namespaces: ["kube-system"]}
		context: v: variable: {jmesPath: "request.object.metadata.name", default: "x"}
		preconditions: all: [{key: "{{ request.operation }}", operator: "AnyIn", value: ["CREATE", "UPDATE"]}]
		validate: {
			message: "m"
			pattern: spec: containers: [{image: "gcr.io/*", resources: limits: {cpu: "?*", memory: "?*"}}]
		}
	}`)
	policy := parseCUE(b, `{title: "t", description: "d", failureAction: "Enforce", background: true, labels: a: "b", rules: {}}`)
	all := &spec.Node{Kind: spec.Struct}
	for i := range rules {
		all.Fields = append(all.Fields, spec.Field{Name: fmt.Sprintf("rule-%d", i), Value: rule})
	}
	policy = policy.With("rules", all)
	bundle := &spec.Node{Kind: spec.Struct}
	for i := range policies {
		bundle.Fields = append(bundle.Fields, spec.Field{Name: fmt.Sprintf("policy-%d", i), Value: policy})
	}
	return spec.NewStruct(bundle.Pos, spec.Field{Name: "clusterPolicies", Value: bundle})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	m := load(f)
	for _, file := range documents {
		data, err := parseFile(f, file).MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(Bundle, string(data))
	}
	f.Add("#Rule", `{"validate":{"foreach":[{"foreach":[{}]}]}}`)
	f.Fuzz(func(t *testing.T, definition, src string) {
		n, err := parseJSON(src)
		if err != nil {
			t.Skip()
		}
		for _, p := range m.Check(definition, n, nil) {
			if p.Message == "" || p.Node == nil {
				t.Errorf("an empty problem: %+v", p)
			}
			p.Diagnostic(noPositions{})
		}
	})
}
