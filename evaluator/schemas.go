package evaluator

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"kcue.dev/evaluator/openapi"
)

// schemas gives the engine what it needs to apply a configuration: the schemas of
// Kubernetes' own kinds.
type schemas struct{}

// GetTypeConverter implements compiler.TypeConverterManager (Kyverno's
// pkg/cel/policies/mpol/compiler). The engine asks for one before it knows whether
// a configuration is applied, so that a schema is read when the converter is used.
func (schemas) GetTypeConverter(schema.GroupVersionKind) managedfields.TypeConverter {
	return converter{managedfields.NewDeducedTypeConverter()}
}

// converter is that of all kinds. It makes objects of typed values as any
// converter does.
type converter struct{ managedfields.TypeConverter }

// ObjectToTyped implements managedfields.TypeConverter.
func (converter) ObjectToTyped(object runtime.Object, options ...typed.ValidationOptions) (*typed.TypedValue, error) {
	t, err := openapi.Kubernetes(object.GetObjectKind().GroupVersionKind())
	if err != nil {
		return nil, fmt.Errorf("%w, so that a configuration cannot be applied to it: use a jsonPatch", err)
	}
	if o, ok := object.(*unstructured.Unstructured); ok {
		return t.FromUnstructured(o.UnstructuredContent(), options...)
	}
	return t.FromStructured(object, options...)
}
