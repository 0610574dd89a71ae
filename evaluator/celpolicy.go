package evaluator

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	"github.com/kyverno/kyverno/pkg/admissionpolicy"
	celengine "github.com/kyverno/kyverno/pkg/cel/engine"
	celmatching "github.com/kyverno/kyverno/pkg/cel/matching"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"

	"kcue.dev/evaluator/celcontext"
)

// stage is when in a request a policy is evaluated.
type stage int

const (
	stageMutate stage = iota
	stageValidate
	stageGenerate
	stageDelete
)

// need is what a policy must be compiled with.
type need struct {
	libraries celcontext.Libraries
	// answers is of a policy that may ask for what a library answers.
	answers bool
}

// needOf finds what a policy of such texts needs.
func needOf(values ...any) need {
	return need{celcontext.Named(values...), celcontext.Asks(values...)}
}

// family is a policy of any other kind than ClusterPolicy and Policy. It has no
// named rules: what it says is of the policy as a whole.
type family interface {
	stage() stage
	// needs says what the policy must be compiled with.
	needs() need
	// compile prepares the policy, for which celcontext is held as that says.
	compile(c *library) error
	// evaluate gives what the policy says of the request; nothing where the
	// request does not concern it.
	evaluate(ctx context.Context, r *run) []Result
}

// pool holds compiled forms of one policy. Its CEL programs may run at once in
// many goroutines, but the library that they were compiled with answers for one
// evaluation. So a policy that asks its library anything is compiled anew
// whenever all of its forms are at work; any other has a single form.
type pool[T any] struct {
	new    func() (T, error)
	need   need
	shared T

	mu   sync.Mutex
	free []pooled[T]
}

type pooled[T any] struct {
	form    T
	library *library
}

func (p *pool[T]) needs() need { return p.need }

// compile makes the first form.
func (p *pool[T]) compile(c *library) error {
	form, err := p.new()
	if err != nil {
		return err
	}
	if !p.need.answers {
		p.shared = form
		return nil
	}
	p.free = append(p.free, pooled[T]{form, c})
	return nil
}

// use calls f with a form that answers from the given look-ups. A form in which
// f panics is not used again.
func (p *pool[T]) use(l *lookups, f func(form T, c *library) error) error {
	if !p.need.answers {
		return f(p.shared, &library{lookups: l})
	}
	taken, err := p.take()
	if err != nil {
		return err
	}
	taken.library.bind(l)
	if err := f(taken.form, taken.library); err != nil {
		return err
	}
	taken.library.bind(nil)
	p.mu.Lock()
	p.free = append(p.free, taken)
	p.mu.Unlock()
	return nil
}

func (p *pool[T]) take() (pooled[T], error) {
	p.mu.Lock()
	if last := len(p.free) - 1; last >= 0 {
		taken := p.free[last]
		p.free = p.free[:last]
		p.mu.Unlock()
		return taken, nil
	}
	p.mu.Unlock()
	made := pooled[T]{library: &library{answers: map[string]any{}}}
	err := celcontext.Compile(made.library, p.need.libraries, func() (err error) {
		made.form, err = p.new()
		return err
	})
	return made, err
}

// celExceptions are the exceptions from the policies of policies.kyverno.io.
type celExceptions []*policiesv1beta1.PolicyException

func decodeCELException(object *unstructured.Unstructured) (*policiesv1beta1.PolicyException, error) {
	exception := &policiesv1beta1.PolicyException{}
	return exception, decodeStrict(object, exception)
}

// List implements Kyverno's PolicyExceptionLister (pkg/cel/engine).
func (e celExceptions) List(labels.Selector) ([]*policiesv1beta1.PolicyException, error) {
	return e, nil
}

// of lists the exceptions from a policy, without those that have expired.
func (e celExceptions) of(kind, name string) ([]*policiesv1beta1.PolicyException, error) {
	return celengine.ListExceptions(e, kind, name)
}

// expressions are the texts of exceptions that are compiled with their policy.
func expressions(exceptions []*policiesv1beta1.PolicyException) []any {
	var out []any
	for _, e := range exceptions {
		for _, c := range e.Spec.MatchConditions {
			out = append(out, c.Expression)
		}
	}
	return out
}

// pinner is a policy that first adds the digests of images.
type pinner interface {
	pin(ctx context.Context, r *run) []Result
}

// attempt evaluates a policy by one of its methods and files what it says.
func (t *table) attempt(ctx context.Context, call func(context.Context, *run) []Result) {
	t.run.lookups.rule = ""
	results := t.guard(ctx, call)
	for _, r := range results {
		if r.Status == StatusError {
			t.run.lookups.missHTTP(r.Message)
		}
	}
	if missing := t.run.lookups.take()[""]; len(missing) > 0 {
		if len(results) == 0 {
			results = []Result{{}}
		}
		for i := range results {
			results[i].Status, results[i].Message = StatusError, joinMissing(missing)
		}
	}
	for _, r := range results {
		r.Policy = t.policy.ref
		if r.Status == StatusFail {
			r.Status = t.failure()
		}
		t.byRule[""] = append(t.byRule[""], r)
	}
}

// failure is the status of a failure of the policy.
func (t *table) failure() Status {
	if t.policy.scored {
		return StatusFail
	}
	return StatusWarn
}

// guard turns a panic in a policy into its error result.
func (t *table) guard(ctx context.Context, call func(context.Context, *run) []Result) (results []Result) {
	defer func() {
		if cause := recover(); cause != nil {
			results = []Result{failed(fmt.Errorf("panic: %v%s", cause, panicSite(debug.Stack())))}
		}
	}()
	return call(ctx, t.run)
}

// failed is the result of a policy that could not be evaluated.
func failed(err error) Result {
	return Result{Status: StatusError, Message: "Kyverno could not evaluate the policy: " + err.Error()}
}

// celResult makes a Result of a rule response of Kyverno's CEL engines.
func celResult(variant string, response engineapi.RuleResponse) Result {
	result := Result{
		Variant:   variant,
		Type:      string(response.RuleType()),
		Status:    Status(response.Status()),
		Message:   response.Message(),
		Generated: response.GeneratedResources(),
	}
	for _, exception := range response.Exceptions() {
		result.Exceptions = append(result.Exceptions, exception.GetNamespace()+"/"+exception.GetName())
	}
	return result
}

// failureAction says in the terms of a ClusterPolicy what validationActions
// mean: only Deny blocks a request.
func failureAction(actions sets.Set[admissionregistrationv1.ValidationAction]) string {
	if actions.Has(admissionregistrationv1.Deny) {
		return "Enforce"
	}
	return "Audit"
}

// admissionRequest is the request as Kyverno's CEL engines take it.
func (r *run) admissionRequest(c *library) celengine.EngineRequest {
	subject := r.request.subject()
	gvk := subject.GroupVersionKind()
	var object, oldObject runtime.Object // a nil *Unstructured in them would not be nil
	if r.request.Object != nil {
		object = r.request.Object
	}
	if r.request.OldObject != nil {
		oldObject = r.request.OldObject
	}
	return celengine.Request(c, gvk, r.kinds.resource(gvk), r.request.Subresource, subject.GetName(), r.request.requestNamespace(),
		admissionv1.Operation(r.request.Operation), r.request.UserInfo, object, oldObject, false, nil)
}

// attributes are the request as Kyverno's matcher takes it.
func (r *run) attributes() admission.Attributes {
	subject := r.request.subject()
	gvk := subject.GroupVersionKind()
	object, oldObject := r.request.Object, r.request.OldObject
	if object == nil {
		object = &unstructured.Unstructured{}
	}
	if oldObject == nil {
		oldObject = &unstructured.Unstructured{}
	}
	return admission.NewAttributesRecord(object, oldObject, gvk, r.request.requestNamespace(), subject.GetName(), r.kinds.resource(gvk),
		r.request.Subresource, admission.Operation(r.request.Operation), nil, false, admissionpolicy.NewUser(r.request.UserInfo))
}

// sees reports whether a policy of a namespace, or of none, is asked about the
// request (pkg/webhooks/resource, NamespacedPolicy).
func (r *run) sees(policyNamespace string) bool {
	return policyNamespace == "" || policyNamespace == r.lookups.ns
}

// namespace resolves a namespace for Kyverno's engines
// (pkg/cel/engine/namespace.go). Of one that is being created, there is none
// yet; of one that changes or goes, the old one.
func (r *run) namespace(name string) *corev1.Namespace {
	if !isNamespace(r.request.subject()) || name != r.request.subject().GetName() {
		return r.lookups.namespace(name)
	}
	if r.request.OldObject == nil {
		return nil
	}
	ns := &corev1.Namespace{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(r.request.OldObject.Object, ns); err != nil {
		return nil
	}
	return ns
}

// namespace is the namespace of a name, for namespaceObject and selectors.
func (l *lookups) namespace(name string) *corev1.Namespace {
	ns := &corev1.Namespace{}
	for _, v := range l.values {
		if o := find(v.Resources, "v1", "Namespace", "", name); o != nil {
			if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, ns) == nil {
				break
			}
		}
	}
	labels, _ := l.namespaceLabels(name)
	ns.ObjectMeta.Name, ns.ObjectMeta.Labels = name, labels
	ns.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
	return ns
}

// asksForLabels reports whether a namespace selector looks at any label but the
// namespace's name, which is known without being given.
func asksForLabels(selector *metav1.LabelSelector) bool {
	for key := range selector.MatchLabels {
		if key != corev1.LabelMetadataName {
			return true
		}
	}
	return slices.ContainsFunc(selector.MatchExpressions, func(e metav1.LabelSelectorRequirement) bool {
		return e.Key != corev1.LabelMetadataName
	})
}

// needsNamespaceLabels gives an error result where it hangs on labels of the
// request's namespace, which are not given, whether the request concerns a
// policy.
func (r *run) needsNamespaceLabels(constraints *admissionregistrationv1.MatchResources) []Result {
	if !r.unknown || constraints == nil || constraints.NamespaceSelector == nil {
		return nil
	}
	if !asksForLabels(constraints.NamespaceSelector) {
		return nil
	}
	anywhere := constraints.DeepCopy()
	anywhere.NamespaceSelector = nil
	ok, err := celmatching.NewMatcher().Match(&celmatching.MatchCriteria{Constraints: anywhere}, r.attributes(), r.lookups.namespace(r.lookups.ns))
	if err != nil || !ok {
		return nil
	}
	return []Result{{Status: StatusError, Message: r.labelsMissing()}}
}

// labelsMissing says that the labels of the request's namespace are not given.
func (r *run) labelsMissing() string {
	return fmt.Sprintf("the labels of namespace %q are not given, and the rule selects by them: give them as namespaceLabels", r.lookups.ns)
}

// variantName names a form of a policy that Kyverno makes for the controllers
// of Pods, after the configuration that it is made from: "autogen-defaults",
// "autogen-cronjobs".
func variantName(config string) string { return "autogen-" + strings.ToLower(config) }

// compileError makes one error of what Kyverno's compiler says. It adds an
// error at no path that only says that there are others.
func compileError(variant string, errs field.ErrorList) error {
	specific := slices.DeleteFunc(slices.Clone(errs), func(e *field.Error) bool {
		return e.Type == field.ErrorTypeInternal && (e.Field == "" || e.Field == "<nil>")
	})
	if len(specific) == 0 {
		specific = errs
	}
	if variant != "" {
		return fmt.Errorf("as %s: %w", variant, specific.ToAggregate())
	}
	return specific.ToAggregate()
}
