// Package protocol holds what crosses between kcue and kcue-engine: what a
// policy is asked, what it says, and the messages that carry both over the
// standard streams of kcue-engine.
//
// It is standard library only, so that neither side pays for the other: kcue
// does not link Kyverno's engine, and kcue-engine no CUE.
package protocol

import "strings"

// The statuses of a rule, or of a policy as a whole. The first five are
// Kyverno's (pkg/engine/api/rulestatus.go); Warn is a failure of a policy that
// is annotated policies.kyverno.io/scored: "false". Unmatched is a rule that
// the request does not concern, which Kyverno says nothing about: it is never
// a pass.
const (
	Error     = "error"
	Fail      = "fail"
	Warn      = "warn"
	Pass      = "pass"
	Skip      = "skip"
	Unmatched = "unmatched"
)

// Statuses lists the statuses from the worst to the best: what a policy says as
// a whole is the worst that any of its rules says.
func Statuses() []string { return []string{Error, Fail, Warn, Pass, Skip, Unmatched} }

// Check is one expectation of a test suite and what became of it. Each test of
// a bundle is one; so is each resource of each row of a kyverno-test.yaml.
type Check struct {
	// Suite is the package of specs, or the file of the suite, as the user
	// named it.
	Suite string `json:"suite"`
	// Test is the name of the bundle's test; empty where the suite's rows have
	// no names.
	Test string `json:"test,omitempty"`
	// Position is where the expectation is written, as file:line:column; empty
	// where that is not known.
	Position string `json:"position,omitempty"`
	// Policy is "name", or "namespace/name" for a namespaced policy.
	Policy string `json:"policy"`
	// Rule is the rule's name as its author wrote it, also where Kyverno ran an
	// autogen rule made of it; empty for the policy as a whole.
	Rule string `json:"rule"`
	// Resource is the resource as Resource.String writes it; empty where the
	// check has none.
	Resource string `json:"resource"`
	// Expected and Actual are statuses. Actual is empty where nothing could be
	// evaluated; Message then says why.
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	// OK tells that everything that the check expects holds: the status, and
	// the patched and generated resources where it names any.
	OK bool `json:"ok"`
	// Message says why a check failed, or what the policy said.
	Message string `json:"message"`
}

// Report is the outcome of a run of suites, as kcue test --format json has it.
type Report struct {
	Suites int     `json:"suites"`
	Passed int     `json:"passed"`
	Failed int     `json:"failed"`
	Checks []Check `json:"checks"`
}

// Add counts a check.
func (r *Report) Add(c Check) {
	if c.OK {
		r.Passed++
	} else {
		r.Failed++
	}
	r.Checks = append(r.Checks, c)
}

// Resource identifies a Kubernetes resource.
type Resource struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
}

// String gives apiVersion/Kind/namespace/name, without a namespace where the
// resource is in none, as Kyverno's command line names resources.
func (r Resource) String() string {
	parts := []string{r.APIVersion, r.Kind}
	if r.Namespace != "" {
		parts = append(parts, r.Namespace)
	}
	return strings.Join(append(parts, r.Name), "/")
}
