package vet_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	gocmp "github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
)

// structureCase is a document of testdata/structure: an object with mistakes,
// the mended one, and what is found in the first. What is given is a rule, the
// spec of a ClusterPolicy or a whole object, by kind. The test in
// evaluator/vettest holds the same cases against Kyverno.
type structureCase struct {
	name      string
	kind      string
	bad, good *spec.Node
	want      []*spec.Node
}

// object makes a whole object of what a case gives.
func (c structureCase) object(given *spec.Node, match *spec.Node) *spec.Node {
	s := given
	field := func(name string, v *spec.Node) spec.Field { return spec.Field{Name: name, Value: v} }
	text := func(s string) *spec.Node { return spec.NewString(s, token.NoPos) }
	if c.kind == "object" {
		return given
	}
	if c.kind != "spec" {
		rule := given.With("name", text("case"))
		if !rule.Has("match") {
			rule = rule.With("match", match)
		}
		s = spec.NewStruct(token.NoPos, field("rules", spec.NewList(token.NoPos, rule)))
	}
	if !s.Has("rules") {
		deny := spec.NewStruct(token.NoPos, field("deny", spec.NewStruct(token.NoPos)))
		s = s.With("rules", spec.NewList(token.NoPos, spec.NewStruct(token.NoPos, field("name", text("case")), field("match", match), field("validate", deny))))
	}
	return spec.NewStruct(token.NoPos,
		field("apiVersion", text("kyverno.io/v1")), field("kind", text("ClusterPolicy")),
		field("metadata", spec.NewStruct(token.NoPos, field("name", text("case")))), field("spec", s))
}

func structureCases(t *testing.T) []structureCase {
	t.Helper()
	files, err := filepath.Glob("testdata/structure/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var cases []structureCase
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := spec.ParseYAML(file, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range docs {
			c := structureCase{name: doc.Get("name").Str(), kind: doc.Get("kind").Str()}
			match := doc.Get("match")
			if match == nil {
				match = parseOne(t, "{any: [{resources: {kinds: [Pod]}}]}")
			}
			c.bad, c.good = c.object(doc.Get("bad"), match), c.object(doc.Get("good"), match)
			c.want = doc.Get("want").Items
			if len(c.want) == 0 {
				t.Errorf("%s: nothing is to be found", c.name)
			}
			cases = append(cases, c)
		}
	}
	return cases
}

func parseOne(t *testing.T, text string) *spec.Node {
	t.Helper()
	docs, err := spec.ParseYAML("text", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return docs[0]
}

// structureFindings gives what the checks of structure find.
func structureFindings(object *spec.Node) []vet.Finding {
	return slices.DeleteFunc(vet.Object(object, vet.Options{}), func(f vet.Finding) bool { return !isStructureCode(f.Code) })
}

func line(code, severity, place string) string { return code + " " + severity + " " + place }

func TestStructure(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range structureCases(t) {
		t.Run(c.name, func(t *testing.T) {
			findings := structureFindings(c.bad)
			var got, want []string
			for _, f := range findings {
				got = append(got, line(string(f.Code), f.Severity.String(), f.Place()))
			}
			for _, w := range c.want {
				place := w.Get("at").Str()
				if c.kind == "" {
					place = "spec.rules[0]." + place
				}
				code, severity := w.Get("code").Str(), cmp.Or(w.Get("severity").Str(), "error")
				tested[code] = true
				want = append(want, line(code, severity, place))
				if !slices.ContainsFunc(findings, func(f vet.Finding) bool {
					return string(f.Code) == code && f.Place() == place && strings.Contains(f.Message, w.Get("message").Str()) && strings.Contains(f.Hint, w.Get("hint").Str())
				}) {
					t.Errorf("nothing at %s says %q with the hint %q", place, w.Get("message").Str(), w.Get("hint").Str())
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
			if t.Failed() {
				for _, f := range findings {
					t.Logf("%s: %s: %s (%s)", f.Code, f.Place(), f.Message, f.Hint)
				}
			}
			for _, f := range structureFindings(c.good) {
				t.Errorf("the mended one: %s: %s: %s", f.Code, f.Place(), f.Message)
			}
		})
	}
	for n := 460; n < 490; n++ {
		if code := fmt.Sprintf("KC%d", n); !tested[code] {
			t.Errorf("no case has %s", code)
		}
	}
}

// TestStructureNodes holds that a finding's node is the one at its path, or
// the nearest above what is missing.
func TestStructureNodes(t *testing.T) {
	checked := 0
	for _, c := range structureCases(t) {
		for _, f := range structureFindings(c.bad) {
			want := c.bad
			for _, name := range f.Path {
				next := want.Get(name)
				if want.Kind == spec.List {
					var i int
					if _, err := fmt.Sscan(name, &i); err == nil && i < len(want.Items) {
						next = want.Items[i]
					}
				}
				if next == nil {
					break
				}
				want = next
			}
			if f.Node != want {
				t.Errorf("%s: %s at %s has another node", c.name, f.Code, f.Place())
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no findings")
	}
}

// TestStructureOfAnything gives the checks values of the wrong types at every
// place: they report or pass, and never panic.
func TestStructureOfAnything(t *testing.T) {
	others := []*spec.Node{
		parseOne(t, `"text"`), parseOne(t, `5`), parseOne(t, `[{a: b}, [], c]`), parseOne(t, `{a: {}}`), {Kind: spec.Null},
	}
	objects := 0
	for _, c := range structureCases(t) {
		replaceEach(c.bad, others, func(changed *spec.Node) {
			vet.Object(changed, vet.Options{})
			objects++
		})
	}
	t.Logf("%d objects", objects)
	if objects == 0 {
		t.Error("no objects")
	}
}

// replaceEach gives visit the value with each part of it replaced by each of
// the others, and left out.
func replaceEach(n *spec.Node, others []*spec.Node, visit func(*spec.Node)) {
	for _, f := range n.Fields {
		for _, o := range others {
			visit(n.With(f.Name, o))
		}
		visit(n.Without(f.Name))
		replaceEach(f.Value, others, func(v *spec.Node) { visit(n.With(f.Name, v)) })
	}
	for i, item := range n.Items {
		with := func(v *spec.Node) *spec.Node {
			c := *n
			c.Items = slices.Clone(n.Items)
			c.Items[i] = v
			return &c
		}
		for _, o := range others {
			visit(with(o))
		}
		replaceEach(item, others, func(v *spec.Node) { visit(with(v)) })
	}
}
