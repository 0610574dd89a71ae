package evaluator

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kyverno/kyverno/pkg/config"
	enginecontext "github.com/kyverno/kyverno/pkg/engine/context"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// operations plays a sequence of operations, chosen by a random source, on a
// JSON context and writes down what look-ups give.
func operations(t *testing.T, seed uint64, c enginecontext.Interface, cfg config.Configuration) []string {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	var resources []map[string]any
	for i := range 3 {
		resources = append(resources, object(t, fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\nspec: {containers: [{name: c, image: \"gcr.io/app:%d\"}]}", i, i)).Object)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.AddResource(object(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: first}").Object))
	must(c.AddImageInfos(&unstructured.Unstructured{Object: resources[0]}, cfg))
	var log []string
	note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	depth := 0
	for range 60 {
		switch n := random.IntN(12); n {
		case 0, 1, 2:
			note("checkpoint")
			c.Checkpoint()
			depth++
		case 3, 4:
			if depth > 0 {
				note("restore")
				c.Restore()
				depth--
			}
		case 5:
			if depth > 0 {
				note("reset")
				c.Reset()
			}
		case 6, 7:
			i := random.IntN(len(resources))
			note("resource %d", i)
			must(c.AddResource(resources[i]))
		case 8:
			i := random.IntN(100)
			note("variable %d", i)
			must(c.AddVariable("v", map[string]any{"a": int64(i)}))
		case 9:
			i := random.IntN(100)
			note("element %d", i)
			must(c.AddElement(map[string]any{"name": int64(i)}, i, 0))
		default:
			query := []string{"request.object", "v", "element", "images.containers.c.tag"}[random.IntN(4)]
			value, err := c.Query(query)
			data, jsonErr := json.Marshal(value)
			must(jsonErr)
			note("%s is %s, %v", query, data, err)
		}
	}
	return log
}

func TestJSONContextIsAsKyvernosOwn(t *testing.T) {
	cfg := config.NewDefaultConfiguration(true)
	jp := jmespath.New(cfg)
	lookups := 0
	for seed := range uint64(2000) {
		want := operations(t, seed, enginecontext.NewContext(jp), cfg)
		got := operations(t, seed, &jsonContext{Interface: enginecontext.NewContext(jp)}, cfg)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-Kyverno's +got):\n%s", seed, diff)
		}
		lookups += strings.Count(strings.Join(got, "\n"), "request.object is {")
	}
	if lookups < 1000 {
		t.Errorf("only %d look-ups found a resource", lookups)
	}
}
