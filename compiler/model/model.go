// Package model checks specs against the authoring model.
//
// The model is CUE: the definitions of kcue.dev/schema. Unifying a large
// package with them doubles the time CUE takes and the memory it holds, and
// what comes back buries the mistake: a conflict for each value of an
// enumeration, and unknown fields only until a sibling has an error. So this
// package compiles the same definitions, from their syntax and without
// evaluating anything, into a checker of spec.Node values. CUE stays the only
// place where the model is written down; a test holds the two to the same
// verdicts.
//
// Load accepts a subset of CUE and refuses everything else, so that no part of
// the model can be skipped by mistake. The subset: definitions; fields marked
// a? or a!; pattern constraints [string]: T and [=~"re"]: T; "..." in
// structs and lists; definitions embedded in structs; the types string, bool,
// int, number, null and _; literals of strings; lists [T, ...T]; disjunctions with at most one list and one struct; and
// constraints on scalars by &, with the comparisons of CUE, strings.MinRunes
// and strings.MaxRunes.
package model

import (
	"slices"

	"kcue.dev/compiler/spec"
	"kcue.dev/schema"
)

// Bundle is the definition of a whole package of specs.
const Bundle = "#Bundle"

// Model is the compiled authoring model. It is immutable: any number of
// goroutines may check against one.
type Model struct {
	definitions map[string]*shape
	names       []string // of the definitions, sorted
}

// Load compiles the definitions of kcue.dev/schema. It fails only where they
// use CUE outside of the subset that the package comment names.
func Load() (*Model, error) {
	return compile(schema.Files)
}

// Definitions gives the names of all definitions, with their "#", sorted.
func (m *Model) Definitions() []string { return slices.Clone(m.names) }

// FieldInfo describes a field that authors may write.
type FieldInfo struct {
	Name     string
	Type     string // in short: "string", "[...#Rule]", `"Audit" | "Enforce"`
	Required bool
}

// UnknownField gives what Check says of a field that may not be written: the
// last label of a path below a definition. It reports false where the place is
// none of the model, or the field is one that may be written.
func (m *Model) UnknownField(definition string, path ...string) (Problem, bool) {
	s := m.definitions[definition]
	for i, label := range path {
		if s == nil {
			break
		}
		if i == len(path)-1 && s.fields != nil && !s.fields.open && s.at(label) == nil {
			c := &checker{}
			c.unknownField(s, spec.Field{Name: label})
			p := c.problems[0]
			p.Path, p.Field = path, label
			return p, true
		}
		s = s.at(label)
	}
	return Problem{}, false
}

// Fields gives the fields that may be written in the value at path below a
// definition, in the order of the schema; nil where there is no such place or
// it holds no struct. A path element that is no field of its struct stands for
// any name that a pattern constraint admits; in a list every element leads to
// the type of the list's items.
//
//	m.Fields("#Bundle", "clusterPolicies", "x", "rules", "y", "validate")
func (m *Model) Fields(definition string, path ...string) []FieldInfo {
	s := m.definitions[definition]
	for _, label := range path {
		if s == nil {
			return nil
		}
		s = s.at(label)
	}
	if s == nil || s.fields == nil {
		return nil
	}
	infos := make([]FieldInfo, len(s.fields.fields))
	for i, f := range s.fields.fields {
		infos[i] = FieldInfo{Name: f.name, Type: f.shape.String(), Required: f.required}
	}
	return infos
}
