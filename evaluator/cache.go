package evaluator

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	"github.com/kyverno/kyverno/pkg/cel/libs"
	"github.com/kyverno/kyverno/pkg/config"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator/admission"
	"kcue.dev/evaluator/celcontext"
)

// Cache keeps what evaluators prepare alike: the kinds of Kubernetes, read when
// they are first needed, and the compiled policies of policies.kyverno.io. It may
// be used from many goroutines at once.
type Cache struct {
	*kubernetes
	mu       sync.Mutex
	families map[string]*compiled
}

// kubernetes is what hangs on no policy.
type kubernetes struct {
	kinds    func() (*kinds, error)
	config   config.Configuration
	jmespath jmespath.Interface
}

// NewCache makes an empty cache.
func NewCache() *Cache {
	// Kyverno's resource filters are a cluster's own configuration; here
	// every resource is looked at.
	cfg := config.NewDefaultConfiguration(true)
	return newCache(&kubernetes{kinds: sync.OnceValues(readKinds), config: cfg, jmespath: jmespath.New(cfg)})
}

func newCache(k *kubernetes) *Cache {
	return &Cache{kubernetes: k, families: map[string]*compiled{}}
}

// Fork makes a cache with the same kinds and with policies of its own. A compiled
// policy holds up to a megabyte: who runs many suites forks the cache for each, so
// that its policies go with it.
func (c *Cache) Fork() *Cache { return newCache(c.kubernetes) }

// Accept has the reviewer decide whether a cluster would accept a policy or
// another object of Kyverno's, as admission.Reviewer.Accept does. A policy that
// the reviewer compiles is compiled with the exceptions and kept, for the
// evaluators that have the same policy and exceptions.
func (c *Cache) Accept(reviewer *admission.Reviewer, object *unstructured.Unstructured, exceptions []unstructured.Unstructured) error {
	var decoded celExceptions
	for i := range exceptions {
		if exceptions[i].GroupVersionKind().Group != "policies.kyverno.io" {
			continue
		}
		if exception, err := decodeCELException(&exceptions[i]); err == nil {
			decoded = append(decoded, exception)
		}
	}
	return c.accept(reviewer, object, decoded)
}

func (c *Cache) accept(reviewer *admission.Reviewer, object *unstructured.Unstructured, exceptions celExceptions) error {
	return reviewer.AcceptCompiled(object, func() bool {
		f, err := c.family(object, exceptions)
		return err == nil && f.compile() == nil
	})
}

// compiled is a policy that is compiled when it is first needed.
type compiled struct {
	family
	// compile gives what is wrong with the policy, however often it is called.
	compile func() error
}

// family decodes a policy, which is not compiled yet. A policy that was asked
// for before, with the same exceptions, is the same one.
func (c *Cache) family(object *unstructured.Unstructured, exceptions celExceptions) (*compiled, error) {
	key, err := json.Marshal(struct {
		Object     map[string]any
		Exceptions []*policiesv1beta1.PolicyException
	}{object.Object, exceptions})
	if err != nil {
		return nil, fmt.Errorf("cannot be written as JSON: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.families[string(key)]; ok {
		return known, nil
	}
	f, err := newFamily(object, exceptions)
	if err != nil {
		return nil, err
	}
	made := &compiled{family: f, compile: sync.OnceValue(func() error { return compile(f) })}
	c.families[string(key)] = made
	return made, nil
}

// compile compiles a policy with what it needs.
func compile(f family) error {
	var l *library
	var ctx libs.Context // a nil *library in it would not be nil
	if f.needs().answers {
		l = &library{answers: map[string]any{}}
		ctx = l
	}
	return celcontext.Compile(ctx, f.needs().libraries, func() error { return guardCompile(f, l) })
}

// guardCompile turns a panic of Kyverno's compiler into an error of the policy.
func guardCompile(f family, l *library) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v%s", cause, panicSite(debug.Stack()))
		}
	}()
	return f.compile(l)
}

// newFamily decodes a policy by its kind. The versions of policies.kyverno.io
// differ in nothing but the name, so that Kyverno reads them all as v1beta1
// (pkg/utils/admission/policy.go).
func newFamily(object *unstructured.Unstructured, exceptions celExceptions) (family, error) {
	gvk := object.GroupVersionKind()
	if gvk.Group == "policies.kyverno.io" && slices.Contains([]string{"v1", "v1beta1", "v1alpha1"}, gvk.Version) {
		switch strings.TrimPrefix(gvk.Kind, "Namespaced") {
		case "ValidatingPolicy":
			return newValidating(object, exceptions)
		case "MutatingPolicy":
			return newMutating(object, exceptions)
		case "GeneratingPolicy":
			return newGenerating(object, exceptions)
		case "ImageValidatingPolicy":
			return newImageValidating(object, exceptions)
		case "DeletingPolicy":
			return newDeleting(object, exceptions)
		}
	}
	if gvk.Group == "kyverno.io" && slices.Contains([]string{"v2", "v2beta1"}, gvk.Version) && (gvk.Kind == "CleanupPolicy" || gvk.Kind == "ClusterCleanupPolicy") {
		return newCleanup(object)
	}
	return nil, fmt.Errorf("%s of %s is not evaluated", gvk.Kind, gvk.GroupVersion())
}
