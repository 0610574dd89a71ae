package importtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/pkg/engine/variables/operator"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/manifest"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

// TestOperators imports conditions with the operators that Kyverno has
// deprecated. Where the importer writes another operator, Kyverno's own handlers
// must agree on every value that the key and the value may take.
func TestOperators(t *testing.T) {
	// What an expression may give: anything, or where the importer supposes a
	// single value, a text.
	single := []any{"", "a", "b", "a*", "*", "5", "1-10", "10", "[]", "true", `["a"]`}
	anything := append([]any{5.0, true, nil, map[string]any{"a": "b"}, []any{}, []any{"a"}, []any{"a", "c"}, []any{"a*"}, []any{"b", "zz"}}, single...)
	keys := []struct {
		key   any
		gives []any
	}{
		{"a", []any{"a"}},
		{5.0, []any{5.0}},
		{true, []any{true}},
		{[]any{"a", "b"}, []any{[]any{"a", "b"}}},
		{[]any{"a*"}, []any{[]any{"a*"}}},
		{"{{ request.operation }}", single},
		{"{{ request.operation || 'BACKGROUND' }}", single},
		{"{{ request.object.spec.a }}", anything},
		{"{{ request.object.spec.a }}-x", []any{"-x", "a-x", "*-x"}},
	}
	values := []struct {
		value any
		gives []any
	}{
		{[]any{"a", "b"}, []any{[]any{"a", "b"}}},
		{[]any{"a*"}, []any{[]any{"a*"}}},
		{[]any{5.0, true}, []any{[]any{5.0, true}}},
		{"a", []any{"a"}},
		{"a*", []any{"a*"}},
		{"1-10", []any{"1-10"}},
		{`["a", "b"]`, []any{`["a", "b"]`}},
		{"5", []any{"5"}},
		{5.0, []any{5.0}},
		{"{{ request.object.spec.allowed }}", anything},
	}
	rewritten, refused := 0, 0
	for _, old := range []string{"Equal", "NotEqual", "In", "NotIn"} {
		for _, k := range keys {
			for _, v := range values {
				today := importedOperator(t, old, k.key, v.value)
				if today == "" {
					refused++
					continue
				}
				rewritten++
				for _, key := range k.gives {
					for _, value := range v.gives {
						want, got := decide(old, key, value), decide(today, key, value)
						if want != "panic" && want != got {
							t.Errorf("key %v (%v), value %v (%v): %s gives %s, and %s %s", k.key, key, v.value, value, old, want, today, got)
						}
					}
				}
			}
		}
	}
	t.Logf("%d conditions are rewritten, %d refused", rewritten, refused)
	if rewritten < 100 || refused < 20 {
		t.Errorf("%d conditions are rewritten and %d refused: the table has lost its sense", rewritten, refused)
	}
}

// decide asks Kyverno's handler of an operator. Handlers of deprecated operators
// panic on some lists, which no policy can mean.
func decide(name string, key, value any) (result string) {
	defer func() {
		if recover() != nil {
			result = "panic"
		}
	}()
	handler := operator.CreateOperatorHandler(logr.Discard(), nil, kyvernov1.ConditionOperator(name))
	return fmt.Sprint(handler.Evaluate(key, value))
}

// importedOperator gives the operator that a condition has once it is imported,
// and "" where the importer refuses it.
func importedOperator(t *testing.T, old string, key, value any) string {
	t.Helper()
	condition, err := json.Marshal(map[string]any{"key": key, "operator": old, "value": value})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": "p"}, "spec": {"background": false, "rules": [{
		"name": "r", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, "preconditions": {"all": [%s]}, "validate": {"message": "m", "deny": {}}}]}}`, condition)
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	result, err := importer.Import(importer.Read([]string{"-"}, strings.NewReader(text)), importer.Options{
		Single: true, Schemas: schemas, Vet: func(manifest.Object) diag.List { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Objects == 0 {
		if !strings.Contains(result.Diagnostics.Error(), "none of today's operators") {
			t.Fatal(result.Diagnostics)
		}
		return ""
	}
	found := operatorField.FindSubmatch(result.Files[0].Data)
	if found == nil {
		t.Fatalf("no operator in\n%s", result.Files[0].Data)
	}
	return string(found[1])
}

var operatorField = regexp.MustCompile(`operator:\s+"(\w+)"`)
