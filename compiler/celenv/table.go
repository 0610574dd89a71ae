package celenv

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed environments.json
var embedded []byte

// Table is what celenv knows of Kyverno's environments. It is written by a test
// of the evaluator module, which takes it from those environments themselves
// (evaluator/vettest, -update-celenv), and holds each function and each type
// once, however many environments have it.
type Table struct {
	Kyverno      string        `json:"kyverno"` // the release
	Functions    []Function    `json:"functions"`
	Types        []StructType  `json:"types"`
	Environments []Environment `json:"environments"`
}

// Function is the overloads of one name that no library of cel-go brings.
type Function struct {
	Name      string     `json:"name"`
	Overloads []Overload `json:"overloads"`
}

// Overload is one signature of a function; types are written as FormatType does.
type Overload struct {
	ID     string   `json:"id"`
	Member bool     `json:"member,omitempty"` // the first argument is the receiver
	Args   []string `json:"args,omitempty"`
	Result string   `json:"result"`
}

// StructType is an object type and its fields.
type StructType struct {
	Name   string     `json:"name"`
	Fields []Variable `json:"fields"`
}

// Variable is a name with its type: a variable of an environment, or a field.
type Variable struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Extension is a library of cel-go at a version.
type Extension struct {
	Name    string `json:"name"`
	Version uint32 `json:"version"`
}

// Environment is what an expression of one kind may use.
type Environment struct {
	Kind       Kind        `json:"kind"`
	Extensions []Extension `json:"extensions"`
	Features   []string    `json:"features,omitempty"`   // cel-go's names
	Validators []string    `json:"validators,omitempty"` // cel-go's names
	Functions  []int       `json:"functions"`            // in Table.Functions
	Types      []int       `json:"types"`                // in Table.Types
	Idents     []string    `json:"idents,omitempty"`     // types that can be named, as in type(x) == net.IP
	Variables  []Variable  `json:"variables"`

	// VariablesType is the object type that the policy's own variables are
	// fields of; it is empty where there are none.
	VariablesType string `json:"variablesType,omitempty"`
	// Weak is set where a variable's type is known only as far as Kubernetes'
	// compiler converts it (k8s.io/apiserver/pkg/admission/plugin/cel/composition.go,
	// convertCelTypeToDeclType).
	Weak bool `json:"weak,omitempty"`
	// DynamicObjects is set where Object, Object.spec, … and JSONPatch are types
	// (k8s.io/apiserver/pkg/cel/mutation/typeresolver.go).
	DynamicObjects bool `json:"dynamicObjects,omitempty"`
	// OrValue is set where Kyverno's macro takes orValue on values that are not
	// optional (pkg/cel/compiler/env.go, OrValueCompatEnvOptions).
	OrValue bool `json:"orValue,omitempty"`
	// FoldsConstants is set where planning converts constants, so that int("x")
	// does not compile.
	FoldsConstants bool `json:"foldsConstants,omitempty"`
	// CompilesRegex is set where planning compiles constant patterns of find and
	// findAll (k8s.io/apiserver/pkg/cel/library/regex.go).
	CompilesRegex bool `json:"compilesRegex,omitempty"`
}

// Encode writes the table, always the same bytes for the same table, and with
// an entry a line, so that a change of Kyverno's can be read as a difference.
func (t *Table) Encode() ([]byte, error) {
	var b bytes.Buffer
	release, err := json.Marshal(t.Kyverno)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "{\n\"kyverno\": %s,\n", release)
	if err := encodeList(&b, "functions", t.Functions); err != nil {
		return nil, err
	}
	b.WriteString(",\n")
	if err := encodeList(&b, "types", t.Types); err != nil {
		return nil, err
	}
	b.WriteString(",\n")
	if err := encodeList(&b, "environments", t.Environments); err != nil {
		return nil, err
	}
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func encodeList[T any](b *bytes.Buffer, name string, entries []T) error {
	fmt.Fprintf(b, "%q: [", name)
	for i, e := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e); err != nil {
			return err
		}
		b.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	}
	b.WriteString("\n]")
	return nil
}

// decode reads a table and checks that what its environments refer to is there.
func decode(data []byte) (*Table, error) {
	t := &Table{}
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("table of CEL environments: %w", err)
	}
	for _, e := range t.Environments {
		for _, i := range e.Functions {
			if i < 0 || i >= len(t.Functions) {
				return nil, fmt.Errorf("table of CEL environments: %s has no function %d", e.Kind, i)
			}
		}
		for _, i := range e.Types {
			if i < 0 || i >= len(t.Types) {
				return nil, fmt.Errorf("table of CEL environments: %s has no type %d", e.Kind, i)
			}
		}
	}
	return t, nil
}
