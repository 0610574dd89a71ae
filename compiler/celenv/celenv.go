// Package celenv type-checks CEL expressions as Kyverno does, without Kyverno.
//
// An expression goes in with the place that it stands in, and what comes out is
// every problem that keeps Kyverno from compiling it, each with its offset in
// the expression, in plain words.
//
// Kyverno builds an environment of variables, functions, types and macros for
// each kind of policy out of its own libraries, Kubernetes' and cel-go's. Its
// engine and k8s.io/apiserver are too heavy to link for that, so the
// declarations of the first two are a table (environments.json), which a test
// of the evaluator module takes from the real environments and holds up to
// date; cel-go itself is linked. Another test there holds the verdicts to those
// of Kyverno's own compilers, on every expression of a corpus, sound and broken.
package celenv

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
)

// Kind names what an expression may use: the kind of policy, and where it
// matters the place in it.
type Kind string

// The kinds. What differs between a policy and its namespaced form is how
// resource.* and generator.* are called.
const (
	Validating          Kind = "validating"
	Mutating            Kind = "mutating"
	Generating          Kind = "generating"
	Deleting            Kind = "deleting"
	ImageValidating     Kind = "imageValidating"
	ImageValidatingJSON Kind = "imageValidatingJSON" // evaluation.mode: JSON

	NamespacedValidating          Kind = "namespacedValidating"
	NamespacedMutating            Kind = "namespacedMutating"
	NamespacedGenerating          Kind = "namespacedGenerating"
	NamespacedDeleting            Kind = "namespacedDeleting"
	NamespacedImageValidating     Kind = "namespacedImageValidating"
	NamespacedImageValidatingJSON Kind = "namespacedImageValidatingJSON"

	// MatchImage is spec.matchImageReferences[].expression, which knows of ref
	// alone.
	MatchImage Kind = "matchImage"
	// Exception is spec.matchConditions of a PolicyException of
	// policies.kyverno.io.
	Exception Kind = "exception"

	// Rule is validate.cel and celPreconditions of a ClusterPolicy or Policy;
	// RuleParams is the same with paramKind.
	Rule       Kind = "rule"
	RuleParams Kind = "ruleParams"
	// RuleMessage is messageExpression there, without authorizer; RuleMessageParams
	// is the same with paramKind.
	RuleMessage       Kind = "ruleMessage"
	RuleMessageParams Kind = "ruleMessageParams"
	// Webhook is webhookConfiguration.matchConditions of a ClusterPolicy or
	// Policy.
	Webhook Kind = "webhook"
)

// Environments holds the environments of all kinds, each built when it is first
// asked for. It may be used from many goroutines at once.
type Environments struct {
	kyverno string
	kinds   map[Kind]func() (*environment, error)
	// names and functions hold what is known in any environment.
	names, functions func() map[string]bool
}

// Load gives the environments of the embedded table. The table is read once in
// a process.
func Load() (*Environments, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Environments, error) {
	table, err := decode(embedded)
	if err != nil {
		return nil, err
	}
	return New(table), nil
})

// New gives the environments of a table.
func New(table *Table) *Environments {
	e := &Environments{kyverno: table.Kyverno, kinds: map[Kind]func() (*environment, error){}}
	for _, entry := range table.Environments {
		e.kinds[entry.Kind] = sync.OnceValues(func() (*environment, error) { return build(table, entry) })
	}
	e.names = sync.OnceValue(func() map[string]bool {
		known := map[string]bool{}
		for _, entry := range table.Environments {
			for _, v := range entry.Variables {
				known[v.Name] = true
			}
		}
		return known
	})
	e.functions = sync.OnceValue(func() map[string]bool {
		known := map[string]bool{}
		for _, f := range table.Functions {
			known[f.Name] = true
		}
		return known
	})
	return e
}

// Kyverno is the release whose environments these are, such as "v1.19.1".
func (e *Environments) Kyverno() string { return e.kyverno }

// Env gives the environment of a kind, in which no policy has declared a
// variable yet.
func (e *Environments) Env(kind Kind) (*cel.Env, error) {
	env, err := e.environment(kind)
	if err != nil {
		return nil, err
	}
	return env.env, nil
}

func (e *Environments) environment(kind Kind) (*environment, error) {
	build, ok := e.kinds[kind]
	if !ok {
		return nil, fmt.Errorf("no CEL environment is called %q", kind)
	}
	return build()
}
