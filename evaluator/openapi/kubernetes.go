package openapi

import (
	"bytes"
	_ "embed" // the table is embedded
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	smd "sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

//go:embed kubernetes.jsonl
var kubernetes []byte

// types are those of the table that have been asked for, by their names.
var types = struct {
	sync.Mutex
	lines func() map[string][]byte
	read  map[string]readType
	kinds map[schema.GroupVersionKind]*typed.ParseableType
}{
	lines: sync.OnceValue(lines),
	read:  map[string]readType{},
	kinds: map[schema.GroupVersionKind]*typed.ParseableType{},
}

// readType is a type, and those that it refers to.
type readType struct {
	smd.TypeDef
	references []string
}

// Kubernetes gives the type that objects of a kind are merged by when a
// configuration is applied, with all that it refers to: that of Kubernetes 1.32,
// by which Kyverno's command line applies them (cmd/cli/kubectl-kyverno/processor,
// openAPI). Of a kind that is none of Kubernetes' own it is an error. What kinds
// have in common is read once.
func Kubernetes(gvk schema.GroupVersionKind) (*typed.ParseableType, error) {
	types.Lock()
	defer types.Unlock()
	if known, ok := types.kinds[gvk]; ok {
		return known, nil
	}
	root, err := typeOf(gvk)
	if err != nil {
		return nil, err
	}
	var parser typed.Parser
	names := []string{root}
	seen := map[string]bool{root: true}
	for i := 0; i < len(names); i++ {
		t, err := read(names[i])
		if err != nil {
			return nil, err
		}
		parser.Schema.Types = append(parser.Schema.Types, t.TypeDef)
		for _, name := range t.references {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	made := parser.Type(root)
	types.kinds[gvk] = &made
	return &made, nil
}

// lines are the lines of the table, by the names of their types.
func lines() map[string][]byte {
	all := map[string][]byte{}
	for line := range bytes.Lines(kubernetes) {
		all[nameOf(line)] = line
	}
	return all
}

// nameOf gives the name of a type, with which its line begins.
func nameOf(line []byte) string {
	name, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(`{"name":"`)), []byte(`"`))
	return string(name)
}

// typeOf gives the name of the type of a kind.
func typeOf(gvk schema.GroupVersionKind) (string, error) {
	text, err := json.Marshal(kind(gvk))
	if err != nil {
		return "", err
	}
	at := bytes.Index(kubernetes, text)
	if at < 0 {
		return "", fmt.Errorf("the schema of %s %s is not known", gvk.GroupVersion(), gvk.Kind)
	}
	return nameOf(kubernetes[bytes.LastIndexByte(kubernetes[:at], '\n')+1:]), nil
}

// read gives the type of a name.
func read(name string) (readType, error) {
	if known, ok := types.read[name]; ok {
		return known, nil
	}
	var t typeDef
	if err := json.Unmarshal(types.lines()[name], &t); err != nil {
		return readType{}, fmt.Errorf("the schema %s cannot be read: %w", name, err)
	}
	made := readType{TypeDef: smd.TypeDef{Name: t.Name}}
	made.Atom = t.atom.merged(&made.references)
	types.read[name] = made
	return made, nil
}

// A typeDef is a type as the table has it: in the form that is
// structured-merge-diff's own (its schema/elements.go), but as JSON, and with the
// kinds whose objects are of the type.
type typeDef struct {
	Name  string `json:"name"`
	Kinds []kind `json:"kinds,omitempty"`
	atom
}

type kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

type atom struct {
	Scalar *smd.Scalar `json:"scalar,omitempty"`
	List   *list       `json:"list,omitempty"`
	Map    *object     `json:"map,omitempty"`
}

type list struct {
	ElementType         typeRef                 `json:"elementType,omitzero"`
	ElementRelationship smd.ElementRelationship `json:"elementRelationship,omitempty"`
	Keys                []string                `json:"keys,omitempty"`
}

type object struct {
	Fields              []field                 `json:"fields,omitempty"`
	ElementType         typeRef                 `json:"elementType,omitzero"`
	ElementRelationship smd.ElementRelationship `json:"elementRelationship,omitempty"`
}

type field struct {
	Name    string  `json:"name"`
	Type    typeRef `json:"type,omitzero"`
	Default any     `json:"default,omitempty"`
}

type typeRef struct {
	NamedType *string `json:"namedType,omitempty"`
	atom
	ElementRelationship *smd.ElementRelationship `json:"elementRelationship,omitempty"`
}

// merged is the atom in the form of the library that merges. The names of the
// types that it refers to are added to references.
func (a atom) merged(references *[]string) smd.Atom {
	out := smd.Atom{Scalar: a.Scalar}
	if l := a.List; l != nil {
		out.List = &smd.List{
			ElementType:         l.ElementType.merged(references),
			ElementRelationship: l.ElementRelationship,
			Keys:                l.Keys,
		}
	}
	if o := a.Map; o != nil {
		out.Map = &smd.Map{
			ElementType:         o.ElementType.merged(references),
			ElementRelationship: o.ElementRelationship,
		}
		for _, f := range o.Fields {
			out.Map.Fields = append(out.Map.Fields, smd.StructField{Name: f.Name, Type: f.Type.merged(references), Default: f.Default})
		}
	}
	return out
}

func (r typeRef) merged(references *[]string) smd.TypeRef {
	if r.NamedType != nil {
		*references = append(*references, *r.NamedType)
	}
	return smd.TypeRef{NamedType: r.NamedType, Inlined: r.atom.merged(references), ElementRelationship: r.ElementRelationship}
}
