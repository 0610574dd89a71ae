package evaluator

import (
	"errors"
	"sync"

	"github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"kcue.dev/evaluator/openapi"
)

// schemas gives the engine what it needs to apply a configuration
// (compiler.TypeConverterManager): the schemas of Kubernetes' own kinds. Those of
// a kind are read when they are first needed.
type schemas struct {
	mu    sync.Mutex
	kinds map[schema.GroupVersionKind]func() managedfields.TypeConverter
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
	read, ok := s.kinds[gvk]
	if !ok {
		read = sync.OnceValue(func() managedfields.TypeConverter {
			return compiler.NewStaticTypeConverterManager(openapi.Kubernetes(gvk.Kind)).GetTypeConverter(gvk)
		})
		if s.kinds == nil {
			s.kinds = map[schema.GroupVersionKind]func() managedfields.TypeConverter{}
		}
		s.kinds[gvk] = read
	}
	s.mu.Unlock()
	if converter := read(); converter != nil {
		return converter
	}
	return noSchema{gvk}
}

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
