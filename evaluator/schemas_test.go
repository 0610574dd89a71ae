package evaluator

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/openapi"
	"sigs.k8s.io/kubectl-validate/pkg/openapiclient"
)

func TestComponents(t *testing.T) {
	for name, tt := range map[string]struct{ document, want string }{
		"first":     {`{"components": {"schemas": {"a": {"type": "object"}}}, "paths": {}}`, `{"components": {"schemas": {"a": {"type": "object"}}}}`},
		"alone":     {" {\n \"components\" : { } }", " {\n \"components\" : { }}"},
		"strings":   {`{"components":{"a":"}\"}\\","b":{"c":"{"}},"paths":{}}`, `{"components":{"a":"}\"}\\","b":{"c":"{"}}}`},
		"last":      {`{"paths": {}, "components": {}}`, `{"paths": {}, "components": {}}`},
		"no object": {`{"components": [{}], "paths": {}}`, `{"components": [{}], "paths": {}}`},
		"cut off":   {`{"components": {"a": "}}`, `{"components": {"a": "}}`},
		"escape":    {`{"components": {"a": "\`, `{"components": {"a": "\`},
		"empty":     {``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			before := tt.document
			document := []byte(before)
			if got := string(components(document)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if string(document) != before {
				t.Errorf("the document was changed to %s", document)
			}
		})
	}
}

// What Kyverno reads of a document is all there, and the paths are not.
func TestOnlySchemas(t *testing.T) {
	client := openapiclient.NewHardcodedBuiltins("1.32")
	whole, err := client.Paths()
	if err != nil {
		t.Fatal(err)
	}
	cut, err := onlySchemas{client}.Paths()
	if err != nil {
		t.Fatal(err)
	}
	if len(cut) != len(whole) {
		t.Errorf("%d documents of %d", len(cut), len(whole))
	}
	for _, path := range []string{"api/v1", "apis/networking.k8s.io/v1"} {
		want, got := readDocument(t, whole[path]), readDocument(t, cut[path])
		if len(want.Components.Schemas) == 0 {
			t.Errorf("%s has no schemas", path)
		}
		if diff := cmp.Diff(want.Components, got.Components); diff != "" {
			t.Errorf("%s (-whole +cut)\n%s", path, diff)
		}
		if want.Paths == nil || got.Paths != nil {
			t.Errorf("%s: paths are there: %v in the whole, %v here", path, want.Paths != nil, got.Paths != nil)
		}
	}
}

// openAPI is what of a document the test looks at.
type openAPI struct {
	Components struct{ Schemas map[string]any }
	Paths      map[string]any
}

func readDocument(t *testing.T, version openapi.GroupVersion) (document openAPI) {
	t.Helper()
	data, err := version.Schema(runtime.ContentTypeJSON)
	if err == nil {
		err = json.Unmarshal(data, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	return document
}
