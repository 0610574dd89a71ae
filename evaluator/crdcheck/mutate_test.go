package crdcheck

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
)

// mutator breaks objects in one place at a time. Given the same rand, it does
// the same again.
type mutator struct {
	rand   *rand.Rand
	names  []string // all field names of the seeds
	values []*spec.Node
}

func newMutator(seeds []*spec.Node) *mutator {
	names := map[string]bool{}
	var collect func(n *spec.Node)
	collect = func(n *spec.Node) {
		for _, f := range n.Fields {
			names[f.Name] = true
			collect(f.Value)
		}
		for _, item := range n.Items {
			collect(item)
		}
	}
	for _, seed := range seeds {
		collect(seed.Get("spec"))
	}
	m := &mutator{names: slices.Sorted(maps.Keys(names))}
	for _, text := range []string{
		`null`, `""`, `"x"`, `"Audit"`, `"10s"`, `true`, `false`, `0`, `-1`, `1.5`, `2.0`, `1e3`, `3000000000`, `99999999999999999999`,
		`[]`, `{}`, `[null]`, `[{}]`, `["a", "a"]`, `{"a": null}`, `{"name": "a"}`, `"` + strings.Repeat("é", 64) + `"`, `"A_b/c d"`,
	} {
		docs, err := spec.ParseYAML("value", []byte("v: "+text))
		if err != nil {
			panic(err)
		}
		m.values = append(m.values, docs[0].Get("v"))
	}
	return m
}

// mutate gives a copy of an object with one change somewhere below its spec
// or metadata; apiVersion, kind and status stay, and so does the name, which
// is Kyverno's webhook's to judge.
func (m *mutator) mutate(obj *spec.Node) *spec.Node {
	name := "spec"
	if m.rand.IntN(8) == 0 {
		name = "metadata"
	}
	part := obj.Get(name)
	if part == nil {
		return obj
	}
	part = m.change(part)
	if name == "metadata" && (part.Kind != spec.Struct || !spec.Equal(part.Get("name"), obj.Get("metadata").Get("name")) || part.Has("generateName")) {
		return obj
	}
	return obj.With(name, part)
}

// change goes down a random path and changes what stands at its end.
func (m *mutator) change(n *spec.Node) *spec.Node {
	size := len(n.Fields) + len(n.Items)
	if size == 0 || m.rand.IntN(6) == 0 {
		return m.replace(n)
	}
	i := m.rand.IntN(size)
	c := *n
	c.Fields, c.Items = slices.Clone(n.Fields), slices.Clone(n.Items)
	if n.Kind == spec.Struct {
		c.Fields[i].Value = m.change(c.Fields[i].Value)
	} else {
		c.Items[i] = m.change(c.Items[i])
	}
	return &c
}

func (m *mutator) replace(n *spec.Node) *spec.Node {
	value := m.values[m.rand.IntN(len(m.values))]
	c := *n
	c.Fields, c.Items = slices.Clone(n.Fields), slices.Clone(n.Items)
	switch {
	case m.rand.IntN(3) == 0:
		return value
	case n.Kind == spec.Struct && len(n.Fields) > 0 && m.rand.IntN(2) == 0:
		i := m.rand.IntN(len(n.Fields))
		c.Fields = slices.Delete(c.Fields, i, i+1)
		return &c
	case n.Kind == spec.Struct:
		name := m.names[m.rand.IntN(len(m.names))]
		if m.rand.IntN(4) == 0 {
			name += "x"
		}
		return n.With(name, value)
	case n.Kind == spec.List && len(n.Items) > 0 && m.rand.IntN(2) == 0:
		c.Items = append(c.Items, n.Items[m.rand.IntN(len(n.Items))])
		return &c
	case n.Kind == spec.List:
		c.Items = append(c.Items, value)
		return &c
	}
	return value
}
