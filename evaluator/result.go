package evaluator

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Status is what a rule says of a resource.
type Status string

// The statuses. The first five are Kyverno's (pkg/engine/api/rulestatus.go);
// StatusWarn is a failure of a policy annotated policies.kyverno.io/scored:
// "false", as in Kyverno's reports.
const (
	StatusPass  Status = "pass"
	StatusFail  Status = "fail"
	StatusWarn  Status = "warn"
	StatusError Status = "error"
	StatusSkip  Status = "skip"
	// StatusUnmatched is a rule that the request does not concern: Kyverno
	// gives no result at all. It is never a pass.
	StatusUnmatched Status = "unmatched"
)

// PolicyRef identifies a policy.
type PolicyRef struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
}

// Key is "name", or "namespace/name" for a namespaced policy: how tests and
// exceptions name a policy.
func (r PolicyRef) Key() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// ResourceRef identifies a resource.
type ResourceRef struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string
}

func refOf(o *unstructured.Unstructured) ResourceRef {
	if o == nil || o.Object == nil {
		return ResourceRef{}
	}
	name := o.GetName()
	if name == "" {
		name = o.GetGenerateName()
	}
	return ResourceRef{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: name}
}

// Result is what one rule of one policy says of one resource.
type Result struct {
	Policy PolicyRef
	// Rule is the rule's name as its author wrote it; empty for what concerns
	// the policy as a whole, which is all that a policy of policies.kyverno.io
	// or a cleanup policy has to say.
	Rule string
	// Variant is the name of the rule that Kyverno ran: "autogen-…" for one
	// made for a Pod's controller, otherwise the same as Rule. It is empty
	// for StatusUnmatched. Of a policy of policies.kyverno.io it is
	// "autogen-defaults" or "autogen-cronjobs".
	Variant string
	// Type is Kyverno's rule type: Validation, Mutation, Generation,
	// ImageVerify or Deletion; empty for StatusUnmatched.
	Type string
	// Status of a policy that deletes is pass where it would delete the
	// resource and fail where its conditions do not hold.
	Status Status
	// FailureAction is Audit or Enforce, as it holds for the resource's
	// namespace; empty for rules that only mutate or generate.
	FailureAction string
	// Message is Kyverno's.
	Message string
	// Exceptions names the exceptions that skipped the rule, as
	// "namespace/name".
	Exceptions []string
	// Targets are the existing resources that a rule with mutate.targets, or
	// a MutatingPolicy that mutates existing ones, changes, as it leaves them.
	Targets []*unstructured.Unstructured
	// Generated are the resources that a generate rule creates, with the
	// labels that Kyverno gives them, or a GeneratingPolicy, without.
	Generated []*unstructured.Unstructured
}

// Response is the outcome of a request.
type Response struct {
	// Resource identifies the resource that was asked about.
	Resource ResourceRef
	// Results has at least one result for each rule of each policy that the
	// request asks about, in the order of the policies and of their rules.
	Results []Result
	// Patched is the resource as all mutate rules together leave it; nil for
	// a request to delete.
	Patched *unstructured.Unstructured
	// Changed tells that a mutate rule changed the resource.
	Changed bool
	// Err is for a request that could not be evaluated at all: there are no
	// results then.
	Err error
}

// Blocked reports whether the cluster would refuse the request: a rule whose
// failure action is Enforce failed.
func (r Response) Blocked() bool {
	for _, result := range r.Results {
		if result.Status == StatusFail && strings.EqualFold(result.FailureAction, "Enforce") {
			return true
		}
	}
	return false
}
