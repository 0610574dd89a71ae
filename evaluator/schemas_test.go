package evaluator

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kube-openapi/pkg/spec3"
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
		var want, got spec3.OpenAPI
		if err := readDocument(whole[path].Schema, &want); err != nil {
			t.Fatal(err)
		}
		if err := readDocument(cut[path].Schema, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(schemasOfDocument(t, want), schemasOfDocument(t, got)); diff != "" {
			t.Errorf("%s (-whole +cut)\n%s", path, diff)
		}
		if want.Paths == nil || got.Paths != nil {
			t.Errorf("%s: paths are there: %v in the whole, %v here", path, want.Paths != nil, got.Paths != nil)
		}
	}
}

func readDocument(schema func(string) ([]byte, error), into *spec3.OpenAPI) error {
	data, err := schema(runtime.ContentTypeJSON)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// schemasOfDocument gives the schemas as JSON, by name.
func schemasOfDocument(t *testing.T, document spec3.OpenAPI) map[string]string {
	t.Helper()
	schemas := map[string]string{}
	for name, schema := range document.Components.Schemas {
		data, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = string(data)
	}
	if len(schemas) == 0 {
		t.Fatal("the document has no schemas")
	}
	return schemas
}
