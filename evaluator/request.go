package evaluator

import (
	"encoding/json"
	"errors"
	"fmt"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	kyvernov2 "github.com/kyverno/kyverno/api/kyverno/v2"
	"github.com/kyverno/kyverno/pkg/engine/policycontext"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Request is an admission request: a resource, and what is asked of it.
type Request struct {
	// Object is the resource; for a request to delete it is the one that goes,
	// unless OldObject has it.
	Object *unstructured.Unstructured
	// OldObject is the resource as it was, for UPDATE and DELETE.
	OldObject *unstructured.Unstructured
	// Operation is CREATE, UPDATE, DELETE or CONNECT. Unset: UPDATE where
	// OldObject is given, CREATE otherwise.
	Operation string
	// Subresource is the part of the resource that is asked about, such as
	// "status"; empty for all of it.
	Subresource string
	// UserInfo, Roles ("namespace:name") and ClusterRoles say who asks. Where
	// none is given, Kyverno does not look at what rules say of users, as in
	// a background scan.
	UserInfo     authenticationv1.UserInfo
	Roles        []string
	ClusterRoles []string
	// NamespaceLabels are the labels of the resource's namespace. Nil means
	// that they are not known, an empty map that there are none.
	NamespaceLabels map[string]string
	// Values answers look-ups of this request, before those of Options.
	Values Values
	// Policy restricts the request to the policy of this key ("name" or
	// "namespace/name"); empty for all.
	Policy string
}

// normalize checks a request and fills in what it leaves open, working on
// copies of the objects: the engine merges into what it is given.
func (r Request) normalize(k *kinds) (Request, error) {
	if r.Object == nil && r.OldObject == nil {
		return r, errors.New("the request has no resource")
	}
	if r.Operation == "" {
		r.Operation = string(kyvernov1.Create)
		if r.OldObject != nil {
			r.Operation = string(kyvernov1.Update)
		}
	}
	switch kyvernov1.AdmissionOperation(r.Operation) {
	case kyvernov1.Create, kyvernov1.Connect:
		r.OldObject = nil
	case kyvernov1.Update:
		if r.OldObject == nil {
			return r, errors.New("operation UPDATE needs the resource as it was: give the old resource")
		}
	case kyvernov1.Delete:
		if r.OldObject == nil {
			r.OldObject = r.Object
		}
		r.Object = nil
	default:
		return r, fmt.Errorf("operation %q is none of CREATE, UPDATE, DELETE, CONNECT", r.Operation)
	}
	if r.Object == nil && r.Operation != string(kyvernov1.Delete) {
		return r, errors.New("the request has no resource")
	}
	for _, o := range []**unstructured.Unstructured{&r.Object, &r.OldObject} {
		if *o == nil {
			continue
		}
		if (*o).Object == nil || (*o).GetAPIVersion() == "" || (*o).GetKind() == "" {
			return r, errors.New("the resource has no apiVersion or no kind")
		}
		*o = (*o).DeepCopy()
		if (*o).GetNamespace() == "" && k.namespaced((*o).GroupVersionKind()) {
			// Where the API server would put it.
			(*o).SetNamespace(metav1.NamespaceDefault)
		}
	}
	return r, nil
}

// subject is the resource that a request is about, whatever the operation.
func (r Request) subject() *unstructured.Unstructured {
	if r.Object != nil {
		return r.Object
	}
	return r.OldObject
}

// namespace is the namespace whose labels a namespaceSelector looks at.
func (r Request) namespace() string { return r.subject().GetNamespace() }

// requestNamespace is request.namespace: of a Namespace, an API server says that
// it is in itself (k8s.io/apiserver/pkg/endpoints/handlers/create.go and
// pkg/endpoints/request/requestinfo.go).
func (r Request) requestNamespace() string {
	subject := r.subject()
	if isNamespace(subject) {
		return subject.GetName()
	}
	return subject.GetNamespace()
}

func isNamespace(o *unstructured.Unstructured) bool {
	return o.GetKind() == "Namespace" && o.GetAPIVersion() == "v1"
}

// policyContext builds what Kyverno builds of an admission request
// (pkg/engine/policycontext), so that rules find every request.* variable that
// a cluster would give them.
func (e *Evaluator) policyContext(r Request, labels map[string]string) (*policycontext.PolicyContext, error) {
	subject := r.subject()
	gvk := subject.GroupVersionKind()
	gvr := e.kinds.resource(gvk)
	request := admissionv1.AdmissionRequest{
		Kind:            metav1.GroupVersionKind(gvk),
		Resource:        metav1.GroupVersionResource(gvr),
		RequestKind:     (*metav1.GroupVersionKind)(&gvk),
		RequestResource: (*metav1.GroupVersionResource)(&gvr),
		SubResource:     r.Subresource,
		Name:            subject.GetName(),
		Namespace:       r.requestNamespace(),
		Operation:       admissionv1.Operation(r.Operation),
		UserInfo:        r.UserInfo,
	}
	for _, o := range []struct {
		from *unstructured.Unstructured
		to   *runtime.RawExtension
	}{{r.Object, &request.Object}, {r.OldObject, &request.OldObject}} {
		if o.from == nil {
			continue
		}
		raw, err := json.Marshal(o.from.Object)
		if err != nil {
			return nil, fmt.Errorf("the resource cannot be written as JSON: %w", err)
		}
		o.to.Raw = raw
	}
	pc, err := policycontext.NewPolicyContextFromAdmissionRequest(e.jmespath, request, r.info(), gvk, e.config)
	if err != nil {
		return nil, err
	}
	return pc.WithNamespaceLabels(labels), nil
}

// info says who asks, as Kyverno's webhook passes it on.
func (r Request) info() kyvernov2.RequestInfo {
	return kyvernov2.RequestInfo{AdmissionUserInfo: r.UserInfo, Roles: r.Roles, ClusterRoles: r.ClusterRoles}
}
