package evaluator

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/pkg/cel/libs/imageverify"
	"github.com/kyverno/kyverno/pkg/engine"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	"github.com/kyverno/kyverno/pkg/engine/mutate/patch"
	engineutils "github.com/kyverno/kyverno/pkg/engine/utils"
	jsonutils "github.com/kyverno/kyverno/pkg/utils/json"
	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Evaluate runs a request through the policies in the order of an API server:
// all mutate rules, each on what the one before left, then the verification of
// images, then validation; last the generate rules. A panic inside Kyverno
// becomes an error result of the rule that it happened in.
func (e *Evaluator) Evaluate(ctx context.Context, request Request) Response {
	r, err := request.normalize(e.kinds)
	if err != nil {
		return Response{Resource: refOf(request.subject()), Err: err}
	}
	response := Response{Resource: refOf(r.subject())}
	selected := e.policies
	if r.Policy != "" {
		selected = slices.DeleteFunc(slices.Clone(selected), func(p *policy) bool { return p.ref.Key() != r.Policy })
		if len(selected) == 0 {
			response.Err = fmt.Errorf("there is no policy %q", r.Policy)
			return response
		}
	}
	run := e.newRun(r)
	tables := make([]*table, len(selected))
	for i, p := range selected {
		tables[i] = newTable(p, run)
	}
	at := func(s stage) func(*policy) bool {
		return func(p *policy) bool { return p.family != nil && p.family.stage() == s }
	}
	attempt := func(ctx context.Context, p *policy, t *table) { t.attempt(ctx, p.family.evaluate) }
	phases := []struct {
		applies func(*policy) bool
		run     func(context.Context, *policy, *table)
	}{
		{func(p *policy) bool { return p.mutates }, run.mutate},
		{func(p *policy) bool { return p.existing != nil }, run.mutateExisting},
		{func(p *policy) bool { return p.verifies }, run.verifyImages},
		{at(stageMutate), attempt},
		{func(p *policy) bool { _, ok := p.family.(pinner); return ok }, func(ctx context.Context, p *policy, t *table) { t.attempt(ctx, p.family.(pinner).pin) }},
		{func(p *policy) bool { return p.validates }, run.validate},
		{at(stageValidate), attempt},
		{func(p *policy) bool { return p.generates }, run.generate},
		{at(stageGenerate), attempt},
		{at(stageDelete), attempt},
	}
	for _, phase := range phases {
		for i, p := range selected {
			if err := ctx.Err(); err != nil {
				return Response{Resource: response.Resource, Err: err}
			}
			if p.broken == nil && phase.applies(p) {
				phase.run(ctx, p, tables[i])
			}
		}
	}
	for _, t := range tables {
		t.enforceRequired()
		response.Results = append(response.Results, t.results()...)
	}
	if r.Object != nil {
		response.Patched = run.request.Object
		response.Changed = !equality.Semantic.DeepEqual(r.Object.Object, run.request.Object.Object)
	}
	return response
}

// run is the evaluation of one request.
type run struct {
	*Evaluator
	request Request // its Object changes as rules mutate it
	lookups *lookups
	engine  engineapi.Engine
	// labels are those of the request's namespace; unknown tells that they are
	// not given.
	labels  map[string]string
	unknown bool
	// shared is the context of the request, built when it is first needed and
	// again when a rule has changed the resource.
	shared *policyContext
	// verified is what verifyImages rules found out about images.
	verified engineapi.ImageVerificationMetadata
	// signatures is what ImageValidatingPolicies did, and required what they
	// then ask for.
	signatures *imageverify.ImageVerificationResults
	required   []requiredImages
}

func (e *Evaluator) newRun(r Request) *run {
	l := &lookups{
		values:  []Values{r.Values, e.options.Values},
		labels:  r.NamespaceLabels,
		known:   r.NamespaceLabels != nil,
		ns:      r.namespace(),
		kinds:   e.kinds,
		missing: map[string][]string{},
	}
	labels, known := l.namespaceLabels(l.ns)
	// With a cluster to ask, CEL rules see the labels of the namespace.
	hasCluster := true
	return &run{
		Evaluator: e,
		request:   r,
		lookups:   l,
		engine: engine.NewEngine(e.config, e.jmespath, cluster{rawClient{lookups: l}}, registry{l},
			verifications{l}, l.contextLoaders(), e.exceptions, &hasCluster),
		signatures: imageverify.NewImageVerificationResults(),
		labels:     labels,
		unknown:    !known && l.ns != "",
	}
}

// context gives the policy context for a policy. The policies share one JSON
// context: the engine restores it after each rule.
func (r *run) context(prepared kyvernov1.PolicyInterface) (policyContext, error) {
	if r.shared == nil {
		pc, err := r.policyContext(r.request, r.labels)
		if err != nil {
			return policyContext{}, err
		}
		r.shared = &policyContext{pc, &jsonContext{Interface: pc.JSONContext()}}
	}
	return policyContext{r.shared.WithPolicy(prepared), r.shared.json}, nil
}

// replace puts a mutated resource in the place of the request's.
func (r *run) replace(patched unstructured.Unstructured) {
	if patched.Object == nil || r.request.Object == nil || equality.Semantic.DeepEqual(patched.Object, r.request.Object.Object) {
		return
	}
	r.request.Object = &patched
	r.shared = nil
}

// apply runs one phase of a policy and files what each rule says. When the
// engine panics, which loses the results of all the policy's rules, the rules
// are run one by one, so that the panic is the result of one rule alone.
func (r *run) apply(prepared kyvernov1.PolicyInterface, t *table, call func(policyContext) []engineapi.RuleResponse) {
	responses, err := r.guard(prepared, call)
	if err == nil {
		t.add(responses, r.lookups.take())
		return
	}
	rules := prepared.GetSpec().Rules
	for i := range rules {
		responses, err := r.guard(withRules(prepared, rules[i:i+1]), call)
		if err != nil {
			responses = []engineapi.RuleResponse{*engineapi.RuleError(rules[i].Name, ruleType(rules[i]), "Kyverno could not evaluate the rule", err, nil)}
		}
		t.add(responses, r.lookups.take())
		if prepared.GetSpec().GetApplyRules() == kyvernov1.ApplyOne && applied(responses) {
			break
		}
	}
}

// guard makes a call into the engine and turns a panic into an error.
func (r *run) guard(prepared kyvernov1.PolicyInterface, call func(policyContext) []engineapi.RuleResponse) (responses []engineapi.RuleResponse, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			// Its checkpoints are no longer in balance.
			r.shared = nil
			responses, err = nil, fmt.Errorf("panic: %v%s", cause, panicSite(debug.Stack()))
		}
	}()
	pc, err := r.context(prepared)
	if err != nil {
		return nil, err
	}
	return call(pc), nil
}

// applied reports whether a rule did something, as spec.applyRules: One counts
// it.
func applied(responses []engineapi.RuleResponse) bool {
	return slices.ContainsFunc(responses, func(r engineapi.RuleResponse) bool {
		return r.HasStatus(engineapi.RuleStatusPass, engineapi.RuleStatusFail)
	})
}

func (r *run) mutate(ctx context.Context, p *policy, t *table) {
	if r.request.Object == nil {
		// A resource that goes is not mutated.
		return
	}
	r.apply(p.all, t, func(pc policyContext) []engineapi.RuleResponse {
		response := r.engine.Mutate(ctx, pc)
		r.replace(response.PatchedResource)
		return response.PolicyResponse.Rules
	})
}

// mutateExisting runs the rules with targets as the background controller
// does: not as an admission request, in which the engine passes them over.
func (r *run) mutateExisting(ctx context.Context, p *policy, t *table) {
	r.apply(p.existing, t, func(pc policyContext) []engineapi.RuleResponse {
		return r.engine.Mutate(ctx, policyContext{pc.WithAdmissionOperation(false), pc.json}).PolicyResponse.Rules
	})
}

// verifyImages verifies the images and, as the webhook does
// (pkg/webhooks/resource/imageverification), notes in the resource which are
// verified: that is where the checks of required images look.
func (r *run) verifyImages(ctx context.Context, p *policy, t *table) {
	r.apply(p.all, t, func(pc policyContext) []engineapi.RuleResponse {
		// The handler reaches past the interface of the JSON context.
		pc.json.changes()
		response, verified := r.engine.VerifyAndPatchImages(ctx, pc.PolicyContext)
		patched := response.PatchedResource
		if r.verified.Merge(verified); !verified.IsEmpty() && patched.Object != nil {
			patches, err := r.verified.Patches(len(patched.GetAnnotations()) != 0, logr.Discard())
			if err == nil {
				patched, err = patchJSON(patched, patches)
			}
			if err != nil {
				for i, rule := range response.PolicyResponse.Rules {
					response.PolicyResponse.Rules[i] = *engineapi.RuleError(rule.Name(), engineapi.ImageVerify, "cannot note what is verified", err, nil)
				}
				return response.PolicyResponse.Rules
			}
		}
		r.replace(patched)
		return response.PolicyResponse.Rules
	})
}

// patchJSON applies JSON patches to a resource.
func patchJSON(resource unstructured.Unstructured, patches []jsonpatch.JsonPatchOperation) (unstructured.Unstructured, error) {
	data, err := resource.MarshalJSON()
	if err != nil {
		return resource, err
	}
	if data, err = patch.ProcessPatchJSON6902(logr.Discard(), jsonutils.JoinPatches(patch.ConvertPatches(patches...)...), data); err != nil {
		return resource, err
	}
	var patched unstructured.Unstructured
	return patched, patched.UnmarshalJSON(data)
}

func (r *run) validate(ctx context.Context, p *policy, t *table) {
	prepared := p.forKind(r.request.subject().GetKind())
	validate := func(pc policyContext) []engineapi.RuleResponse {
		return r.engine.Validate(ctx, pc).PolicyResponse.Rules
	}
	r.apply(prepared, t, func(pc policyContext) []engineapi.RuleResponse {
		if p.wildcards {
			return r.validateWildcards(pc, validate)
		}
		return validate(pc)
	})
}

func (r *run) generate(ctx context.Context, p *policy, t *table) {
	// The controller leaves the rules' context entries in the JSON context,
	// where the next policy's entries of the same names would merge with them.
	r.shared = nil
	r.apply(p.all, t, func(shared policyContext) []engineapi.RuleResponse {
		pc := shared.PolicyContext
		responses := r.engine.ApplyBackgroundChecks(ctx, pc).PolicyResponse.Rules
		kept := responses[:0]
		for _, response := range responses {
			if response.RuleType() != engineapi.Generation {
				continue
			}
			rule, ok := p.rule(response.Name())
			if ok && response.Status() == engineapi.RuleStatusPass {
				generated, err := r.generateResources(r.engine, pc, r.lookups, rule)
				if err != nil {
					response = *engineapi.RuleError(response.Name(), engineapi.Generation, "failed to generate", err, response.Properties())
				} else {
					response = *response.WithGeneratedResources(generated)
				}
			}
			kept = append(kept, response)
		}
		return kept
	})
}

// table gathers the results of one policy by the rule that its author wrote.
type table struct {
	policy *policy
	run    *run
	byRule map[string][]Result
}

func newTable(p *policy, r *run) *table {
	return &table{policy: p, run: r, byRule: map[string][]Result{}}
}

// add files what the engine said. A rule that looked up what no value was given
// for is an error, whatever the engine made of it.
func (t *table) add(responses []engineapi.RuleResponse, missing map[string][]string) {
	for _, response := range responses {
		result := t.result(response)
		if m := missing[response.Name()]; len(m) > 0 {
			delete(missing, response.Name())
			result.Status, result.Message = StatusError, joinMissing(m)
		}
		t.byRule[result.Rule] = append(t.byRule[result.Rule], result)
	}
	for _, rule := range t.policy.all.GetSpec().Rules {
		if m := missing[rule.Name]; len(m) > 0 {
			// The engine keeps silent about a generate rule whose context
			// does not load.
			response := engineapi.RuleError(rule.Name, ruleType(rule), joinMissing(m), nil, nil)
			result := t.result(*response)
			t.byRule[result.Rule] = append(t.byRule[result.Rule], result)
		}
	}
}

// result makes a Result of the engine's response.
func (t *table) result(response engineapi.RuleResponse) Result {
	result := Result{
		Policy:    t.policy.ref,
		Rule:      t.policy.authored[response.Name()],
		Variant:   response.Name(),
		Type:      string(response.RuleType()),
		Status:    Status(response.Status()),
		Message:   response.Message(),
		Generated: response.GeneratedResources(),
	}
	if result.Rule == "" {
		result.Rule = response.Name()
	}
	switch {
	case response.Status() == engineapi.RuleStatusWarn, response.Status() == engineapi.RuleStatusFail && !t.policy.scored:
		result.Status = StatusWarn
	}
	if target, _, _ := response.PatchedTarget(); target != nil {
		result.Targets = append(result.Targets, target)
	}
	for _, exception := range response.Exceptions() {
		result.Exceptions = append(result.Exceptions, exception.GetNamespace()+"/"+exception.GetName())
	}
	if rule, ok := t.policy.rule(response.Name()); ok && (rule.HasValidate() || rule.HasVerifyImages()) {
		result.FailureAction = t.failureAction(rule)
	}
	return result
}

// failureAction asks Kyverno what a rule's failure means for the resource.
func (t *table) failureAction(rule kyvernov1.Rule) string {
	if action, ok := t.policy.actions[rule.Name]; ok {
		return action
	}
	return failureActionOf(t.policy.source, rule, *t.run.request.subject(), t.run.labels)
}

// results lists the policy's results in the order of its rules, with a result
// for a rule about which Kyverno said nothing.
func (t *table) results() []Result {
	p := t.policy
	if p.broken != nil {
		return []Result{{Policy: p.ref, Status: StatusError, Message: p.broken.Error()}}
	}
	if p.family != nil {
		if results := t.byRule[""]; len(results) > 0 {
			return results
		}
		return []Result{{Policy: p.ref, Status: StatusUnmatched}}
	}
	var results []Result
	for _, name := range p.rules {
		rows := t.byRule[name]
		if message := t.needsLabels(name); message != "" {
			rows = []Result{{Policy: p.ref, Rule: name, Variant: name, Status: StatusError, Message: message}}
		}
		if len(rows) == 0 {
			row := Result{Policy: p.ref, Rule: name, Status: StatusUnmatched}
			if rule, ok := p.rule(name); ok && p.inert[name] != "" && t.matches(rule) {
				row.Variant, row.Type = name, string(ruleType(rule))
				row.Status, row.Message = StatusError, p.inert[name]
			}
			rows = []Result{row}
		}
		results = append(results, rows...)
	}
	return results
}

// needsLabels says that whether a rule matches hangs on the labels of a
// namespace that are not given.
func (t *table) needsLabels(name string) string {
	if !t.run.unknown {
		return ""
	}
	for computed, pinned := range t.policy.pinned {
		if t.policy.authored[computed] != name {
			continue
		}
		matched := 0
		for _, rule := range pinned {
			if t.matches(rule) {
				matched++
			}
		}
		if matched > 0 && matched < len(pinned) {
			return t.run.labelsMissing()
		}
	}
	return ""
}

// matches asks Kyverno whether the request concerns a rule.
func (t *table) matches(rule kyvernov1.Rule) bool {
	request := t.run.request
	subject := request.subject()
	return engineutils.MatchesResourceDescription(*subject, rule, request.info(), t.run.labels, t.policy.source.GetNamespace(),
		subject.GroupVersionKind(), request.Subresource, kyvernov1.AdmissionOperation(request.Operation)) == nil
}

// ruleType names what a rule does, in Kyverno's terms.
func ruleType(rule kyvernov1.Rule) engineapi.RuleType {
	switch {
	case rule.HasMutate():
		return engineapi.Mutation
	case rule.HasGenerate():
		return engineapi.Generation
	case rule.HasVerifyImages():
		return engineapi.ImageVerify
	}
	return engineapi.Validation
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
