package evaluator

import (
	"errors"
	"regexp"
	"sync"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/openapi"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// schemas gives the engine what it needs to apply a configuration
// (compiler.TypeConverterManager): the schemas of Kubernetes' own kinds and of
// the custom ones that Kyverno's command line embeds. A group and version is
// read when it is first needed, which takes tens of milliseconds.
type schemas struct {
	mu     sync.Mutex
	groups map[schema.GroupVersion]func(schema.GroupVersionKind) managedfields.TypeConverter
}

// GetTypeConverter implements compiler.TypeConverterManager. The engine asks for
// one before it knows whether a configuration is applied, so that the schema is
// read when the converter is used.
func (s *schemas) GetTypeConverter(gvk schema.GroupVersionKind) managedfields.TypeConverter {
	return converter{s, gvk}
}

// converter is that of a kind.
type converter struct {
	schemas *schemas
	gvk     schema.GroupVersionKind
}

// ObjectToTyped implements managedfields.TypeConverter.
func (c converter) ObjectToTyped(object runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	return c.schemas.read(c.gvk).ObjectToTyped(object, options...)
}

// TypedToObject implements managedfields.TypeConverter.
func (c converter) TypedToObject(value *typed.TypedValue) (runtime.Object, error) {
	return c.schemas.read(c.gvk).TypedToObject(value)
}

// read gives the converter of a kind whose schema is read.
func (s *schemas) read(gvk schema.GroupVersionKind) managedfields.TypeConverter {
	s.mu.Lock()
	of, ok := s.groups[gvk.GroupVersion()]
	if !ok {
		of = readSchemas()
		if s.groups == nil {
			s.groups = map[schema.GroupVersion]func(schema.GroupVersionKind) managedfields.TypeConverter{}
		}
		s.groups[gvk.GroupVersion()] = of
	}
	s.mu.Unlock()
	if converter := of(gvk); converter != nil {
		return converter
	}
	return noSchema{gvk}
}

// readSchemas gives the schemas of one group and version. Kyverno's own reader
// keeps what it has read, but not for many goroutines at once.
func readSchemas() func(schema.GroupVersionKind) managedfields.TypeConverter {
	var mu sync.Mutex
	var reader compiler.TypeConverterManager
	return func(gvk schema.GroupVersionKind) managedfields.TypeConverter {
		mu.Lock()
		defer mu.Unlock()
		if reader == nil {
			var clients []openapi.Client
			if crds, err := data.Crds(); err == nil {
				clients = append(clients, onlySchemas{openapiclient.NewLocalSchemaFiles(crds)})
			}
			// As in Kyverno (cmd/cli/kubectl-kyverno/processor, openAPI).
			clients = append(clients, onlySchemas{openapiclient.NewHardcodedBuiltins("1.32")})
			reader = compiler.NewStaticTypeConverterManager(openapiclient.NewComposite(clients...))
		}
		return reader.GetTypeConverter(gvk)
	}
}

// onlySchemas is a client whose documents say nothing but their schemas. Kyverno's
// reader looks at nothing else, and the paths of an API are most of its document.
type onlySchemas struct{ openapi.Client }

// Paths implements openapi.Client.
func (c onlySchemas) Paths() (map[string]openapi.GroupVersion, error) {
	paths, err := c.Client.Paths()
	for path, version := range paths {
		paths[path] = schemasOf{version}
	}
	return paths, err
}

// schemasOf is such a document.
type schemasOf struct{ openapi.GroupVersion }

// Schema implements openapi.GroupVersion.
func (v schemasOf) Schema(contentType string) ([]byte, error) {
	document, err := v.GroupVersion.Schema(contentType)
	if err != nil {
		return nil, err
	}
	return components(document), nil
}

// components cuts a document of OpenAPI down to its components, in which the
// schemas are. Where these are not its first field, as in what Kubernetes writes,
// it is left whole.
func components(document []byte) []byte {
	field := firstComponents.Find(document)
	if field == nil {
		return document
	}
	depth, quoted := 1, false
	for i := len(field); i < len(document); i++ {
		switch c := document[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return append(document[:i+1:i+1], '}')
			}
		}
	}
	return document
}

// firstComponents is how a document with components as its first field begins.
var firstComponents = regexp.MustCompile(`^\s*\{\s*"components"\s*:\s*\{`)

// noSchema is the converter of a kind whose schema is not known.
type noSchema struct{ gvk schema.GroupVersionKind }

func (n noSchema) err() error {
	return errors.New("the schema of " + n.gvk.GroupVersion().String() + " " + n.gvk.Kind + " is not known, so that a configuration cannot be applied to it: use a jsonPatch")
}

// ObjectToTyped implements managedfields.TypeConverter.
func (n noSchema) ObjectToTyped(runtime.Object, ...typed.ValidationOptions) (*typed.TypedValue, error) {
	return nil, n.err()
}

// TypedToObject implements managedfields.TypeConverter.
func (n noSchema) TypedToObject(*typed.TypedValue) (runtime.Object, error) { return nil, n.err() }
