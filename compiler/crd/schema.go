package crd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
)

// schema is one structural schema, its sub-schemas resolved. The fields carry
// the meaning of the OpenAPI keywords of the same names.
type schema struct {
	typ         string // "" where any value will do
	nullable    bool
	intOrString bool
	preserve    bool // x-kubernetes-preserve-unknown-fields
	properties  map[string]*schema
	additional  *schema
	items       *schema
	required    []string
	oneOf       []string // exactly one of these fields is set
	notAll      []string // not all of these fields are set
	enum        []string
	format      string
	pattern     *lazyregexp.Regexp
	minimum     *float64
	maximum     *float64
	minLength   *int
	maxLength   *int
	minItems    *int
	maxItems    *int
	listType    string // "", "map" or "set"
	listKeys    []string
	def         *spec.Node
	defaults    []string // the properties that have a default, sorted
}

// opaque reports whether there is nothing to look at inside a value.
func (s *schema) opaque() bool {
	return s.preserve && s.properties == nil && s.additional == nil && s.items == nil
}

// child gives the schema of an object's field, or nil where the schema does
// not describe it.
func (s *schema) child(name string) *schema {
	if sub := s.properties[name]; sub != nil {
		return sub
	}
	return s.additional
}

// has reports whether an object has a field once the API server has dropped
// nulls and filled in defaults.
func (s *schema) has(n *spec.Node, name string) bool {
	sub := s.child(name)
	if v := n.Get(name); v != nil && (v.Kind != spec.Null || sub == nil || sub.nullable) {
		return true
	}
	return sub != nil && sub.def != nil
}

// entry is a schema as schemas.json holds it: ./gen writes the same shape. A
// sub-schema is an index into the list of entries.
type entry struct {
	Type        string          `json:"type"`
	Nullable    bool            `json:"nullable"`
	IntOrString bool            `json:"intOrString"`
	Preserve    bool            `json:"preserve"`
	Properties  map[string]int  `json:"properties"`
	Additional  *int            `json:"additional"`
	Items       *int            `json:"items"`
	Required    []string        `json:"required"`
	OneOf       []string        `json:"oneOf"`
	NotAll      []string        `json:"notAll"`
	Enum        []string        `json:"enum"`
	Format      string          `json:"format"`
	Pattern     string          `json:"pattern"`
	Minimum     *float64        `json:"minimum"`
	Maximum     *float64        `json:"maximum"`
	MinLength   *int            `json:"minLength"`
	MaxLength   *int            `json:"maxLength"`
	MinItems    *int            `json:"minItems"`
	MaxItems    *int            `json:"maxItems"`
	ListType    string          `json:"listType"`
	ListKeys    []string        `json:"listKeys"`
	Default     json.RawMessage `json:"default"`
}

// decode reads the table. Every schema stands after its sub-schemas, which
// bounds the depth of a check by the table rather than by the object.
func decode(data []byte) (*Schemas, error) {
	var table struct {
		Kyverno string `json:"kyverno"`
		Kinds   []struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Namespaced bool   `json:"namespaced"`
			Schema     int    `json:"schema"`
		} `json:"kinds"`
		Schemas []entry `json:"schemas"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&table); err != nil {
		return nil, fmt.Errorf("crd schemas: %w", err)
	}
	all := make([]schema, len(table.Schemas))
	for i := range table.Schemas {
		if err := all[i].fill(&table.Schemas[i], all[:i]); err != nil {
			return nil, fmt.Errorf("crd schemas: entry %d: %w", i, err)
		}
	}
	s := &Schemas{version: table.Kyverno, kinds: make(map[kindKey]*kindSchema, len(table.Kinds))}
	for _, k := range table.Kinds {
		root, err := at(all, k.Schema)
		if err != nil {
			return nil, fmt.Errorf("crd schemas: %s %s: %w", k.APIVersion, k.Kind, err)
		}
		s.kinds[kindKey{k.APIVersion, k.Kind}] = &kindSchema{root: root, namespaced: k.Namespaced}
	}
	return s, nil
}

func (s *schema) fill(e *entry, before []schema) error {
	*s = schema{
		typ: e.Type, nullable: e.Nullable, intOrString: e.IntOrString, preserve: e.Preserve,
		required: e.Required, oneOf: e.OneOf, notAll: e.NotAll, enum: e.Enum, format: e.Format,
		minimum: e.Minimum, maximum: e.Maximum, minLength: e.MinLength, maxLength: e.MaxLength,
		minItems: e.MinItems, maxItems: e.MaxItems, listType: e.ListType, listKeys: e.ListKeys,
	}
	var err error
	if e.Additional != nil {
		if s.additional, err = at(before, *e.Additional); err != nil {
			return err
		}
	}
	if e.Items != nil {
		if s.items, err = at(before, *e.Items); err != nil {
			return err
		}
	}
	if len(e.Properties) > 0 {
		s.properties = make(map[string]*schema, len(e.Properties))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		sub, err := at(before, e.Properties[name])
		if err != nil {
			return err
		}
		s.properties[name] = sub
		if sub.def != nil {
			s.defaults = append(s.defaults, name)
		}
	}
	if e.Pattern != "" {
		s.pattern = lazyregexp.New(e.Pattern) // gen sees that it compiles
	}
	if e.Default != nil {
		s.def, err = decodeDefault(e.Default)
	}
	return err
}

func at(before []schema, i int) (*schema, error) {
	if i < 0 || i >= len(before) {
		return nil, fmt.Errorf("refers to entry %d, which does not stand before it", i)
	}
	return &before[i], nil
}

func decodeDefault(data []byte) (*spec.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return nodeOf(v), nil
}

func nodeOf(v any) *spec.Node {
	switch v := v.(type) {
	case bool:
		return spec.NewBool(v, token.NoPos)
	case json.Number:
		return &spec.Node{Kind: spec.Number, Text: v.String()}
	case string:
		return spec.NewString(v, token.NoPos)
	case []any:
		n := spec.NewList(token.NoPos)
		for _, item := range v {
			n.Items = append(n.Items, nodeOf(item))
		}
		return n
	case map[string]any:
		n := spec.NewStruct(token.NoPos)
		for name, item := range v {
			n.Fields = append(n.Fields, spec.Field{Name: name, Value: nodeOf(item)})
		}
		slices.SortFunc(n.Fields, func(a, b spec.Field) int { return cmp.Compare(a.Name, b.Name) })
		return n
	}
	return &spec.Node{Kind: spec.Null}
}
