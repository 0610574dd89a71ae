// Package admission decides whether an API server with Kyverno installed would
// accept an object.
//
// An object goes in as unstructured content; what comes out is every reason to
// refuse it. Four checks run, in the order of a real request:
//
//   - object: apiVersion, kind and a name are there, and the scope fits;
//   - schema: the object obeys Kyverno's own CRD (the structural schema,
//     unknown fields, formats, list types and the CEL rules of the schema);
//   - decode: it decodes strictly into the Go type of its API version;
//   - policy: Kyverno's admission webhook accepts it (pkg/validation/policy,
//     the Validate methods of the API types, pkg/cel/policies/*).
//
// The checks come from Kyverno's v1.19.1 modules and read no cluster: which
// kinds are cluster-scoped is read from the resource list that Kyverno's command
// line embeds and from the CRDs. Checks that need a live cluster (service
// account permissions, whether a custom kind exists) are not made.
package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	policiesv1 "github.com/kyverno/api/api/policies.kyverno.io/v1"
	policiesv1alpha1 "github.com/kyverno/api/api/policies.kyverno.io/v1alpha1"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	kyvernov2alpha1 "github.com/kyverno/kyverno/api/kyverno/v2alpha1"
	kyvernov2beta1 "github.com/kyverno/kyverno/api/kyverno/v2beta1"

	"kcue.dev/evaluator/celcontext"
	"kcue.dev/evaluator/openapi"
)

// Check names the stage at which an object was refused.
type Check string

// The checks, in the order in which a request meets them.
const (
	// CheckObject is about what every Kubernetes object has.
	CheckObject Check = "object"
	// CheckSchema is the CRD's schema.
	CheckSchema Check = "schema"
	// CheckDecode is the strict decoding into the Go type.
	CheckDecode Check = "decode"
	// CheckPolicy is Kyverno's own admission webhook.
	CheckPolicy Check = "policy"
)

// Reason is one reason for which an object is refused.
type Reason struct {
	Check   Check
	Message string
}

// Review is the outcome for one object: it is accepted where Reasons is empty.
type Review struct {
	// Reasons holds what refuses the object, in the order of the checks.
	Reasons []Reason
	// Warnings holds what Kyverno says of an object that it accepts, such as
	// a deprecated field.
	Warnings []string
}

// RefusedError is what Accept returns for an object that is refused.
type RefusedError struct {
	// Object names the refused object, as "Kind namespace/name".
	Object string
	// Reasons is never empty.
	Reasons []Reason
}

// Error lists every reason, one a line.
func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s would be refused:", e.Object)
	for _, r := range e.Reasons {
		fmt.Fprintf(&b, "\n\t%s: %s", r.Check, r.Message)
	}
	return b.String()
}

// Reviewer holds what the checks share: the CRDs, compiled as they are first
// needed, Kyverno's API types and the table of scopes. It may be used from many
// goroutines at once.
type Reviewer struct {
	scheme *runtime.Scheme
	// prepared gives the tables, and whatever else the checks need, once ready.
	prepared func() (*tables, error)
}

// tables are those that the checks look into.
type tables struct {
	crds         crdSet
	clusterKinds sets.Set[string]
}

// NewReviewer begins to read the heads of the CRDs and the resource list that
// Kyverno embeds, and returns: the first review waits for them. It fails only
// where Kyverno's types cannot be registered.
func NewReviewer() (*Reviewer, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kyvernov1.Install, kyvernov2.Install, kyvernov2alpha1.Install, kyvernov2beta1.Install,
		policiesv1.Install, policiesv1alpha1.Install, policiesv1beta1.Install,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("registering API types: %w", err)
		}
	}
	r := &Reviewer{scheme: scheme, prepared: sync.OnceValues(func() (*tables, error) { return prepare(scheme) })}
	go r.prepared()
	return r, nil
}

// prepare reads the tables, and readies what Kyverno's code shares.
func prepare(scheme *runtime.Scheme) (*tables, error) {
	// Nothing below compiles CEL.
	ready := make(chan error, 1)
	go func() { ready <- errors.Join(celcontext.Prepare(), openapi.ForKustomize()) }()
	crds, err := readCRDs()
	if err != nil {
		return nil, err
	}
	kinds, err := clusterScopedKinds(crds, scheme)
	if err != nil {
		return nil, err
	}
	return &tables{crds, kinds}, <-ready
}

// Accept returns nil for an object that would be accepted, and otherwise a
// *RefusedError with every reason.
func (r *Reviewer) Accept(object *unstructured.Unstructured) error {
	return r.AcceptCompiled(object, nil)
}

// AcceptCompiled is Accept for a caller that compiles policies of
// policies.kyverno.io itself, which is most of the cost of reviewing one.
// Compiles, unless it is nil, says that the policy compiles, by the compiler
// that Kyverno's webhook calls; it is asked at most once. Where it does not, the
// webhook's own code is run for its reasons.
func (r *Reviewer) AcceptCompiled(object *unstructured.Unstructured, compiles func() bool) error {
	review := r.review(object, compiles)
	if len(review.Reasons) == 0 {
		return nil
	}
	return &RefusedError{Object: describe(object), Reasons: review.Reasons}
}

// Review runs every check on the object, which it leaves unchanged. A check
// that cannot run because an earlier one failed is left out: what does not
// decode at all is not given to Kyverno's webhook.
func (r *Reviewer) Review(object *unstructured.Unstructured) Review {
	return r.review(object, nil)
}

func (r *Reviewer) review(object *unstructured.Unstructured, compiles func() bool) (review Review) {
	t, err := r.prepared()
	if err != nil {
		review.add(CheckObject, "cannot be checked: "+err.Error())
		return review
	}
	reasons, fatal := t.checkObject(object)
	review.Reasons = reasons
	if fatal {
		return review
	}
	// The checks default and prune, so each works on a copy.
	data, err := json.Marshal(object.Object)
	if err != nil {
		review.add(CheckObject, "cannot be written as JSON: "+err.Error())
		return review
	}
	// The CRDs are large, and the first object of a kind waits for one to be
	// read.
	bySchema := make(chan Review, 1)
	go func() { bySchema <- t.schema(object) }()
	var byKyverno Review
	if r.decode(&byKyverno, data, object) {
		t.policy(&byKyverno, data, object, compiles)
	}
	for _, reason := range slices.Concat((<-bySchema).Reasons, byKyverno.Reasons) {
		review.add(reason.Check, reason.Message)
	}
	review.Warnings = byKyverno.Warnings
	return review
}

// schema holds the object against its CRD.
func (t *tables) schema(object *unstructured.Unstructured) (review Review) {
	gvk := object.GroupVersionKind()
	crd, ok := t.crds[gvk.GroupKind()]
	if !ok {
		return review
	}
	messages, err := crd.check(gvk.Version, object)
	for _, m := range messages {
		review.add(CheckSchema, m)
	}
	if err != nil {
		review.add(CheckSchema, err.Error())
	}
	return review
}

// checkObject says whether the content is an object at all; fatal reports that
// no later check can be made.
func (t *tables) checkObject(object *unstructured.Unstructured) (reasons []Reason, fatal bool) {
	add := func(message string) { reasons = append(reasons, Reason{CheckObject, message}) }
	if object == nil || object.Object == nil {
		add("is empty")
		return reasons, true
	}
	if object.GetAPIVersion() == "" {
		add("apiVersion is missing")
	}
	if object.GetKind() == "" {
		add("kind is missing")
	}
	if len(reasons) > 0 {
		return reasons, true
	}
	if object.GetName() == "" && object.GetGenerateName() == "" {
		add("metadata.name is missing")
	}
	crd, known := t.crds[object.GroupVersionKind().GroupKind()]
	if known && crd.namespaced() && object.GetNamespace() == "" {
		add("metadata.namespace is missing: " + object.GetKind() + " is namespaced")
	}
	if known && !crd.namespaced() && object.GetNamespace() != "" {
		add("metadata.namespace is set: " + object.GetKind() + " is cluster-scoped")
	}
	return reasons, false
}

// decode reports whether the object can be decoded at all into its Go type, be
// it with fields that the type does not have. A kind of no known type, a custom
// resource of somebody else's, has nothing to be checked against.
func (r *Reviewer) decode(review *Review, data []byte, object *unstructured.Unstructured) bool {
	typed, err := r.scheme.New(object.GroupVersionKind())
	if err != nil {
		typed, err = clientscheme.Scheme.New(object.GroupVersionKind())
	}
	if err != nil {
		if strings.HasSuffix(object.GroupVersionKind().Group, "kyverno.io") {
			review.add(CheckDecode, fmt.Sprintf("Kyverno has no %s in %s", object.GetKind(), object.GetAPIVersion()))
		}
		return false
	}
	strict, err := kjson.UnmarshalStrict(data, typed)
	for _, e := range strict {
		review.add(CheckDecode, e.Error())
	}
	if err != nil {
		review.add(CheckDecode, err.Error())
		return false
	}
	return true
}

// policy runs Kyverno's webhook. A panic inside Kyverno is a reason too: the
// cluster's webhook would fail on the same object.
func (t *tables) policy(review *Review, data []byte, object *unstructured.Unstructured, compiles func() bool) {
	defer func() {
		if p := recover(); p != nil {
			review.add(CheckPolicy, fmt.Sprintf("Kyverno's validation panicked: %v%s", p, panicSite(debug.Stack())))
		}
	}()
	warnings, errs := t.validatePolicy(data, object, compiles)
	review.Warnings = warnings
	for _, err := range errs {
		review.add(CheckPolicy, err.Error())
	}
}

// add appends a reason once: the schema and the Go type both know of an unknown
// field.
func (v *Review) add(check Check, message string) {
	if !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Message == message }) {
		v.Reasons = append(v.Reasons, Reason{check, message})
	}
}

// flatten takes an aggregate apart, so that each reason is reported by itself.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	var aggregate interface{ Errors() []error }
	if !errors.As(err, &aggregate) {
		return []error{err}
	}
	var out []error
	for _, e := range aggregate.Errors() {
		out = append(out, flatten(e)...)
	}
	return out
}

// describe names an object for a message.
func describe(object *unstructured.Unstructured) string {
	if object == nil || object.Object == nil {
		return "object"
	}
	kind := object.GetKind()
	if kind == "" {
		kind = "object"
	}
	name := object.GetName()
	if ns := object.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return strings.TrimSpace(kind + " " + name)
}

// panicSite finds the innermost frame of Kyverno's own code in a stack trace.
func panicSite(stack []byte) string {
	for _, line := range strings.Split(string(stack), "\n") {
		if _, site, ok := strings.Cut(line, "github.com/kyverno/"); ok && strings.Contains(line, ".go:") {
			site, _, _ = strings.Cut(site, " ")
			return " (" + site + ")"
		}
	}
	return ""
}
