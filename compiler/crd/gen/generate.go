package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// crdFiles are the CustomResourceDefinitions that Kyverno's chart installs for
// what users write. Reports and UpdateRequests are Kyverno's own to write.
var crdFiles = []string{
	"config/crds/kyverno/kyverno.io_*.yaml",
	"config/crds/policies.kyverno.io/*.yaml",
}

var skippedKinds = []string{"UpdateRequest"}

// table is schemas.json. Schemas are shared: equal ones stand once, and
// wherever a schema has a sub-schema there is its index in Schemas.
type table struct {
	Kyverno string
	Kinds   []kindEntry
	Schemas [][]byte
}

type kindEntry struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced,omitempty"`
	Schema     int    `json:"schema"`
}

// entry is one schema as it stands in the table; package crd decodes it.
type entry struct {
	Type        string         `json:"type,omitempty"`
	Nullable    bool           `json:"nullable,omitempty"`
	IntOrString bool           `json:"intOrString,omitempty"`
	Preserve    bool           `json:"preserve,omitempty"`
	Properties  map[string]int `json:"properties,omitempty"`
	Additional  *int           `json:"additional,omitempty"`
	Items       *int           `json:"items,omitempty"`
	Required    []string       `json:"required,omitempty"`
	OneOf       []string       `json:"oneOf,omitempty"`
	NotAll      []string       `json:"notAll,omitempty"`
	Enum        []string       `json:"enum,omitempty"`
	Format      string         `json:"format,omitempty"`
	Pattern     string         `json:"pattern,omitempty"`
	Minimum     *float64       `json:"minimum,omitempty"`
	Maximum     *float64       `json:"maximum,omitempty"`
	MinLength   *int           `json:"minLength,omitempty"`
	MaxLength   *int           `json:"maxLength,omitempty"`
	MinItems    *int           `json:"minItems,omitempty"`
	MaxItems    *int           `json:"maxItems,omitempty"`
	ListType    string         `json:"listType,omitempty"`
	ListKeys    []string       `json:"listKeys,omitempty"`
	Default     any            `json:"default,omitempty"`
}

type definition struct {
	Spec struct {
		Group string `yaml:"group"`
		Scope string `yaml:"scope"`
		Names struct {
			Kind string `yaml:"kind"`
		} `yaml:"names"`
		Versions []struct {
			Name   string `yaml:"name"`
			Served bool   `yaml:"served"`
			Schema struct {
				OpenAPIV3Schema map[string]any `yaml:"openAPIV3Schema"`
			} `yaml:"schema"`
		} `yaml:"versions"`
	} `yaml:"spec"`
}

// Generate gives the content of schemas.json for the Kyverno module at dir:
// every served version of every kind that users write. A schema keyword that
// package crd does not implement is an error, so that a new Kyverno cannot
// bring a constraint that goes unchecked.
func Generate(dir, version string) ([]byte, error) {
	g := &generator{index: map[string]int{}}
	g.out.Kyverno = version
	for _, pattern := range crdFiles {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s: no file matches %s", dir, pattern)
		}
		for _, file := range files {
			if err := g.addFile(file); err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
		}
	}
	return g.encode()
}

type generator struct {
	out   table
	index map[string]int // by the encoded schema
}

func (g *generator) addFile(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d definition
	if err := yaml.Unmarshal(data, &d); err != nil {
		return err
	}
	if slices.Contains(skippedKinds, d.Spec.Names.Kind) {
		return nil
	}
	for _, v := range d.Spec.Versions {
		if !v.Served {
			continue
		}
		root := v.Schema.OpenAPIV3Schema
		props, _ := root["properties"].(map[string]any)
		if props == nil {
			return fmt.Errorf("version %s has no properties", v.Name)
		}
		if _, ok := props["status"]; ok {
			// A subresource, which the API server drops from what users write.
			props["status"] = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		}
		props["metadata"] = objectMeta()
		i, err := g.add(root, "")
		if err != nil {
			return err
		}
		g.out.Kinds = append(g.out.Kinds, kindEntry{
			APIVersion: d.Spec.Group + "/" + v.Name,
			Kind:       d.Spec.Names.Kind,
			Namespaced: d.Spec.Scope == "Namespaced",
			Schema:     i,
		})
	}
	return nil
}

// add enters a schema and its sub-schemas into the table and gives its index.
func (g *generator) add(schema map[string]any, path string) (int, error) {
	e, err := g.convert(schema, path)
	if err != nil {
		return 0, err
	}
	data, err := encodeJSON(e)
	if err != nil {
		return 0, err
	}
	if i, ok := g.index[string(data)]; ok {
		return i, nil
	}
	i := len(g.out.Schemas)
	g.index[string(data)] = i
	g.out.Schemas = append(g.out.Schemas, data)
	return i, nil
}

func (g *generator) encode() ([]byte, error) {
	slices.SortFunc(g.out.Kinds, func(a, b kindEntry) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind))
	})
	// A line for each kind and each schema keeps an upgrade's diff readable.
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"kyverno\":%q,\n\"kinds\":[", g.out.Kyverno)
	for i, k := range g.out.Kinds {
		data, err := encodeJSON(k)
		if err != nil {
			return nil, err
		}
		writeLine(&b, i, data)
	}
	b.WriteString("],\n\"schemas\":[")
	for i, data := range g.out.Schemas {
		writeLine(&b, i, data)
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

func writeLine(b *bytes.Buffer, i int, data []byte) {
	if i > 0 {
		b.WriteByte(',')
	}
	b.WriteByte('\n')
	b.Write(data)
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
