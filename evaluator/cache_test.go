package evaluator

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator/admission"
)

// cachedPolicy is a ValidatingPolicy with an expression.
func cachedPolicy(t *testing.T, expression string) unstructured.Unstructured {
	t.Helper()
	return *object(t, `{apiVersion: policies.kyverno.io/v1, kind: ValidatingPolicy, metadata: {name: p}, spec: {
		matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]},
		validations: [{message: m, expression: "`+expression+`"}]}}`)
}

// Evaluators of one cache compile a policy once; a policy with other exceptions,
// and one of a forked cache, is another.
func TestCacheSharesPolicies(t *testing.T) {
	cache := NewCache()
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	policy := cachedPolicy(t, "object.metadata.name == 'a'")
	exception := *object(t, `{apiVersion: policies.kyverno.io/v1, kind: PolicyException, metadata: {name: e, namespace: team}, spec: {
		policyRefs: [{name: p, kind: ValidatingPolicy}], matchConditions: [{name: c, expression: "object.metadata.name == 'b'"}]}}`)
	family := func(cache *Cache, objects ...unstructured.Unstructured) family {
		t.Helper()
		if err := cache.Accept(reviewer, &objects[0], objects[1:]); err != nil {
			t.Fatal(err)
		}
		e, err := New(objects, Options{Cache: cache})
		if err != nil || len(e.Problems()) > 0 {
			t.Fatalf("%v %v", err, e.Problems())
		}
		return e.policies[0].family
	}
	first := family(cache, policy)
	if first != family(cache, policy) || len(cache.families) != 1 {
		t.Errorf("a policy is prepared twice: %d policies", len(cache.families))
	}
	if first == family(cache, policy, exception) || len(cache.families) != 2 {
		t.Errorf("a policy with an exception is prepared as without: %d policies", len(cache.families))
	}
	fork := cache.Fork()
	if first == family(fork, policy) || len(cache.families) != 2 {
		t.Error("a forked cache shares policies")
	}
	if fork.kubernetes != cache.kubernetes {
		t.Error("a forked cache has other kinds")
	}
}

// What Kyverno says of a policy that does not compile does not hang on the
// libraries that it was first compiled without.
func TestCacheCompileErrors(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	for _, expression := range []string{"object.(", "nothing(object)", "hash.nothing(object)", "sha256(1)", "object.metadata.name"} {
		policy := cachedPolicy(t, expression)
		want := reviewer.Accept(&policy)
		if want == nil {
			t.Fatalf("%s is accepted", expression)
		}
		if got := NewCache().Accept(reviewer, &policy, nil); got == nil || got.Error() != want.Error() {
			t.Errorf("%s: got %v, want %v", expression, got, want)
		}
		e, err := New([]unstructured.Unstructured{policy}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if problems := e.Problems(); len(problems) != 1 || !strings.Contains(want.Error(), problems[0].Err.Error()) {
			t.Errorf("%s: got %v, want what is said at admission: %v", expression, problems, want)
		}
	}
}

// Policies that name Kyverno's libraries and policies that do not are compiled
// and evaluated at the same time.
func TestCacheConcurrently(t *testing.T) {
	cache := NewCache()
	var wg sync.WaitGroup
	for _, expression := range []string{
		"object.metadata.name == 'a'",
		"sha256(object.metadata.name) == 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'",
		"resource.Get('v1', 'configmaps', 'team', 'c').data.name == object.metadata.name",
	} {
		for range 3 {
			policy := cachedPolicy(t, expression)
			wg.Go(func() {
				e, err := New([]unstructured.Unstructured{policy}, Options{Cache: cache, Values: Values{ConfigMaps: map[string]map[string]string{"team/c": {"name": "a"}}}})
				if err != nil {
					t.Error(err)
					return
				}
				var got []Status
				for _, name := range []string{"a", "b"} {
					pod := object(t, `{apiVersion: v1, kind: Pod, metadata: {name: `+name+`, namespace: team}, spec: {containers: []}}`)
					for _, result := range e.Evaluate(context.Background(), Request{Object: pod}).Results {
						got = append(got, result.Status)
					}
				}
				if diff := cmp.Diff([]Status{StatusPass, StatusFail}, got); diff != "" {
					t.Errorf("%s (-want +got)\n%s", expression, diff)
				}
			})
		}
	}
	wg.Wait()
	if len(cache.families) != 3 {
		t.Errorf("%d policies are compiled, want 3", len(cache.families))
	}
}
