package celenv

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// The types that Kubernetes lends to mutations
// (k8s.io/apiserver/pkg/cel/mutation/typeresolver.go).
const (
	objectType    = "Object"
	jsonPatchType = "JSONPatch"
)

// jsonPatchFields is jsonpatch.go of the same package.
var jsonPatchFields = []field{
	{"op", types.StringType},
	{"from", types.StringType},
	{"path", types.StringType},
	{"value", types.DynType},
}

// field is a field of an object type.
type field struct {
	name string
	typ  *types.Type
}

// provider answers what the checker asks of types: those of the table, those of
// mutations, and the policy's variables; the rest is protobuf's.
type provider struct {
	inner     types.Provider
	structs   map[string][]field
	dynamic   bool
	variables *variables // nil where the environment has none
}

// variables is the object type whose fields are a policy's own variables
// (Kyverno's pkg/cel/compiler/variables.go).
type variables struct {
	typeName string
	fields   []field
}

// set gives a variable its type; the last of a name counts, as in Kyverno.
func (v *variables) set(name string, t *types.Type) {
	for i := range v.fields {
		if v.fields[i].name == name {
			v.fields[i].typ = t
			return
		}
	}
	v.fields = append(v.fields, field{name, t})
}

// fields gives the fields of an object type; open reports that it takes fields
// of any name, which are dynamic.
func (p *provider) fields(typeName string) (fields []field, open, found bool) {
	if p.dynamic && typeName == jsonPatchType {
		return jsonPatchFields, false, true
	}
	if p.dynamic && (typeName == objectType || strings.HasPrefix(typeName, objectType+".")) {
		return nil, true, true
	}
	if p.variables != nil && typeName == p.variables.typeName {
		return p.variables.fields, false, true
	}
	fields, found = p.structs[typeName]
	return fields, false, found
}

// names lists the types that a literal can be of.
func (p *provider) names() []string {
	names := slices.Sorted(maps.Keys(p.structs))
	if p.dynamic {
		names = append(names, objectType, jsonPatchType)
	}
	return names
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(typeName string) (*types.Type, bool) {
	if _, _, found := p.fields(typeName); found {
		return types.NewTypeTypeWithParam(types.NewObjectType(typeName)), true
	}
	return p.inner.FindStructType(typeName)
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(typeName string) ([]string, bool) {
	fields, _, found := p.fields(typeName)
	if !found {
		return p.inner.FindStructFieldNames(typeName)
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(typeName, fieldName string) (*types.FieldType, bool) {
	fields, open, found := p.fields(typeName)
	if !found {
		return p.inner.FindStructFieldType(typeName, fieldName)
	}
	if open {
		return &types.FieldType{Type: types.DynType}, true
	}
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == fieldName })
	if i < 0 {
		return nil, false
	}
	return &types.FieldType{Type: fields[i].typ}, true
}

// EnumValue implements types.Provider.
func (p *provider) EnumValue(name string) ref.Val { return p.inner.EnumValue(name) }

// FindIdent implements types.Provider.
func (p *provider) FindIdent(name string) (ref.Val, bool) { return p.inner.FindIdent(name) }

// NewValue implements types.Provider; expressions are only checked here.
func (p *provider) NewValue(typeName string, fields map[string]ref.Val) ref.Val {
	return p.inner.NewValue(typeName, fields)
}
