package celenv

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/common/types"
)

// Types of the table, by how it writes them.
var simpleTypes = map[string]*types.Type{
	"any":       types.AnyType,
	"bool":      types.BoolType,
	"bytes":     types.BytesType,
	"double":    types.DoubleType,
	"duration":  types.DurationType,
	"dyn":       types.DynType,
	"error":     types.ErrorType,
	"int":       types.IntType,
	"null":      types.NullType,
	"string":    types.StringType,
	"timestamp": types.TimestampType,
	"type":      types.TypeType,
	"uint":      types.UintType,
}

// simpleNames is simpleTypes turned around, by kind.
var simpleNames = map[types.Kind]string{
	types.AnyKind:       "any",
	types.BoolKind:      "bool",
	types.BytesKind:     "bytes",
	types.DoubleKind:    "double",
	types.DurationKind:  "duration",
	types.DynKind:       "dyn",
	types.ErrorKind:     "error",
	types.IntKind:       "int",
	types.NullTypeKind:  "null",
	types.StringKind:    "string",
	types.TimestampKind: "timestamp",
	types.UintKind:      "uint",
}

// FormatType writes a CEL type as the table has it: the name of a simple type
// ("string", "null"), "list(T)", "map(K, V)", "type(T)", "wrapper(int)", "<A>"
// for a type parameter, "!name(T)" for an opaque type such as an optional, and
// the bare name of an object type.
func FormatType(t *types.Type) string {
	if name, ok := simpleNames[t.Kind()]; ok {
		if strings.HasPrefix(t.DeclaredTypeName(), "wrapper(") {
			return "wrapper(" + name + ")"
		}
		return name
	}
	var parameters strings.Builder
	for i, p := range t.Parameters() {
		if i > 0 {
			parameters.WriteString(", ")
		}
		parameters.WriteString(FormatType(p))
	}
	inner := parameters.String()
	switch t.Kind() {
	case types.ListKind:
		return "list(" + inner + ")"
	case types.MapKind:
		return "map(" + inner + ")"
	case types.TypeKind:
		if inner == "" {
			return "type"
		}
		return "type(" + inner + ")"
	case types.TypeParamKind:
		return "<" + t.TypeName() + ">"
	case types.OpaqueKind:
		return "!" + t.TypeName() + "(" + inner + ")"
	default:
		return t.TypeName()
	}
}

// ParseType reads what FormatType writes.
func ParseType(text string) (*types.Type, error) {
	p := typeParser{text: text}
	t, err := p.parse(0)
	if err != nil {
		return nil, err
	}
	if p.pos != len(text) {
		return nil, fmt.Errorf("type %q: %q is left over", text, text[p.pos:])
	}
	return t, nil
}

// maxTypeDepth bounds how deep types nest; those of the table have four levels.
const maxTypeDepth = 32

// typeParser reads one type from the front of what is left of text.
type typeParser struct {
	text string
	pos  int
}

func (p *typeParser) parse(depth int) (*types.Type, error) {
	if depth > maxTypeDepth {
		return nil, fmt.Errorf("type %q nests deeper than %d levels", p.text, maxTypeDepth)
	}
	rest := p.text[p.pos:]
	end := strings.IndexAny(rest, "(),")
	if end < 0 {
		end = len(rest)
	}
	name := rest[:end]
	p.pos += end
	if name == "" {
		return nil, fmt.Errorf("type %q: a name is missing at %d", p.text, p.pos)
	}
	if p.pos == len(p.text) || p.text[p.pos] != '(' {
		if t, ok := simpleTypes[name]; ok {
			return t, nil
		}
		if strings.HasPrefix(name, "<") && strings.HasSuffix(name, ">") {
			return types.NewTypeParamType(name[1 : len(name)-1]), nil
		}
		return types.NewObjectType(name), nil
	}
	parameters, err := p.parameters(depth)
	if err != nil {
		return nil, err
	}
	switch {
	case name == "list" && len(parameters) == 1:
		return types.NewListType(parameters[0]), nil
	case name == "map" && len(parameters) == 2:
		return types.NewMapType(parameters[0], parameters[1]), nil
	case name == "type" && len(parameters) == 1:
		return types.NewTypeTypeWithParam(parameters[0]), nil
	case name == "wrapper" && len(parameters) == 1:
		return types.NewNullableType(parameters[0]), nil
	case name == "!optional_type" && len(parameters) == 1:
		return types.NewOptionalType(parameters[0]), nil
	case strings.HasPrefix(name, "!"):
		return types.NewOpaqueType(name[1:], parameters...), nil
	}
	return nil, fmt.Errorf("type %q: %s does not take %d parameters", p.text, name, len(parameters))
}

// parameters reads a list in parentheses, which may be empty.
func (p *typeParser) parameters(depth int) ([]*types.Type, error) {
	p.pos++
	var out []*types.Type
	if p.pos < len(p.text) && p.text[p.pos] == ')' {
		p.pos++
		return out, nil
	}
	for {
		t, err := p.parse(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if p.pos == len(p.text) {
			return nil, fmt.Errorf("type %q is not closed", p.text)
		}
		next := p.text[p.pos]
		p.pos++
		if next == ')' {
			return out, nil
		}
		p.pos += len(p.text[p.pos:]) - len(strings.TrimLeft(p.text[p.pos:], " "))
	}
}
