package model

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"cuelang.org/go/cue/cuecontext"

	"kcue.dev/compiler/spec"
)

// parseJSON gives a JSON document as a node, with its fields in order. Of
// equal names in a struct the last wins, as nodes demand unique ones.
func parseJSON(src string) (*spec.Node, error) {
	dec := json.NewDecoder(strings.NewReader(src))
	dec.UseNumber()
	n, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one document")
	}
	return n, nil
}

func parseValue(dec *json.Decoder) (*spec.Node, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case nil:
		return &spec.Node{Kind: spec.Null}, nil
	case bool:
		return &spec.Node{Kind: spec.Bool, Text: fmt.Sprint(t)}, nil
	case json.Number:
		return &spec.Node{Kind: spec.Number, Text: t.String()}, nil
	case string:
		return &spec.Node{Kind: spec.String, Text: t}, nil
	case json.Delim:
		n := &spec.Node{Kind: spec.List}
		if t == '{' {
			n.Kind = spec.Struct
		}
		for dec.More() {
			var name string
			if n.Kind == spec.Struct {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				name = key.(string)
			}
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			if n.Kind == spec.Struct {
				*n = *n.With(name, v)
			} else {
				n.Items = append(n.Items, v)
			}
		}
		_, err := dec.Token()
		return n, err
	}
	return nil, fmt.Errorf("unexpected token %v", t)
}

// parseCUE gives a CUE value, of data only, as a node.
func parseCUE(t testing.TB, src string) *spec.Node {
	t.Helper()
	data, err := cuecontext.New().CompileString(src).MarshalJSON()
	if err != nil {
		t.Fatalf("%v in:\n%s", err, src)
	}
	n, err := parseJSON(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func load(t testing.TB) *Model {
	t.Helper()
	m, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return m
}
