package crd

import (
	"testing"

	"kcue.dev/compiler/spec"
)

// Whatever stands in an object, checking and defaulting it end, leave it as
// it was, and agree on what is admitted.
func FuzzCheck(f *testing.F) {
	f.Add(readFile(f, "testdata/clusterpolicy.yaml"))
	for _, seed := range []string{
		policy("match: {any: [null, [], {resources: {kinds: 5}}]}\ncontext: [{name: null}]\nverifyImages: [{attestors: [{count: -1e99}]}]"),
		"apiVersion: policies.kyverno.io/v1\nkind: DeletingPolicy\nmetadata: {labels: {a: []}, annotations: 5, finalizers: [null]}\nspec: {conditions: [null, {}, {name: {}}, 7]}",
		"apiVersion: kyverno.io/v2\nkind: GlobalContextEntry\nmetadata: []\nspec: {apiCall: {retryLimit: 1e400, refreshInterval: 1w}}",
		"apiVersion: policies.kyverno.io/v1\nkind: ImageValidatingPolicy\nspec: {validationConfigurations: null, validationActions: [[], {}, null, null]}",
	} {
		f.Add([]byte(seed))
	}
	s := schemas(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		docs, err := spec.ParseYAML("f.yaml", src)
		if err != nil {
			return
		}
		for _, obj := range docs {
			before := jsonOf(obj)
			violations := s.Check(obj)
			out := s.DefaultLists(obj)
			if after := jsonOf(obj); after != before {
				t.Fatalf("%s became %s", before, after)
			}
			if n := len(s.Check(out)); n != len(violations) {
				t.Fatalf("%s: %d violations, and %d after defaulting", before, len(violations), n)
			}
			for _, v := range violations {
				if v.Node == nil || v.Kind == "" || v.Message == "" {
					t.Fatalf("%s: incomplete violation %+v", before, v)
				}
			}
		}
	})
}
