package celcontext

import (
	"maps"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

// environments are the sets that stand in for those of Kubernetes that Kyverno
// extends for every policy of policies.kyverno.io, and for every evaluation of
// validate.cel. To extend them is most of the cost of compiling a policy.
//
// An environment.EnvSet has two environments: that of expressions that are
// stored already, with all that any version of Kubernetes has, and that of new
// ones, with what the set's own version has. Extending a set builds both, and
// Kyverno compiles in that of stored expressions alone
// (pkg/cel/policies/vpol/compiler, pkg/cel/policies/mpol/compiler,
// pkg/image/verification/evaluator/compiler.go, pkg/admissionpolicy). In a set
// of a version older than CEL the former is the same, and the latter has
// nothing to extend.
//
// Nor is what an environment declares put together and validated before
// something is checked in it (cel.EagerlyValidateDeclarations, which Kubernetes
// sets), as most are never used: of the fourteen that Kyverno makes for an
// evaluation of validate.cel, one or two.
type environments struct {
	// full is such a set.
	full environment.EnvSet
	mu   sync.Mutex
	// reduced have the same, but for the libraries that are not theirs: of these
	// they have the names alone, and cel-go adds no library to an environment that
	// has one of its name. What names nothing of those means in one what it means
	// in the full one; and whatever is done with all that is declared, as for each
	// environment and each program, is done for less.
	reduced map[Libraries]environment.EnvSet
}

// newEnvironments makes the full set, and replaces that of validate.cel for good.
//
// Kyverno compiles in the environment of new expressions in two places, which
// keep what they make of the set when they are first called
// (pkg/cel/compiler/matchconditions.go, policy_exception.go); so they are called
// before.
func newEnvironments() (*environments, error) {
	lazy := environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.EagerlyValidateDeclarations(false)},
	}
	shared := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	whole, err := shared.Extend(lazy)
	if err != nil {
		return nil, err
	}
	*shared = *whole
	conditions := []admissionregistrationv1.MatchCondition{{Name: "prepare", Expression: "true"}}
	_ = celcompiler.CompileMatchConditionsWithKubernetesEnv(conditions, nil)
	_ = celcompiler.CompilePolicyExceptionMatchConditions(conditions, nil)

	full, err := environment.MustBaseEnvSet(version.MajorMinor(0, 0)).Extend(lazy)
	if err != nil {
		return nil, err
	}
	*shared = *full
	return &environments{full: *full, reduced: map[Libraries]environment.EnvSet{}}, nil
}

// with gives the set that has some of the libraries.
func (e *environments) with(l Libraries) (environment.EnvSet, error) {
	if l == All {
		return e.full, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if set, ok := e.reduced[l]; ok {
		return set, nil
	}
	set, err := e.full.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		// An option gives the environment to go on with.
		EnvOptions: []cel.EnvOption{func(*cel.Env) (*cel.Env, error) { return reduced(l) }},
	})
	if err != nil {
		return environment.EnvSet{}, err
	}
	e.reduced[l] = *set
	return *set, nil
}

// reduced makes the environment of stored expressions with some of the libraries.
func reduced(l Libraries) (*cel.Env, error) {
	var options []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		if l&sets()[name] == 0 {
			options = append(options, cel.Lib(empty(name)))
		}
	}
	return cel.NewEnv(append(options, cel.Lib(kubernetes{}))...)
}

// kubernetes is what Kubernetes' environment of stored expressions has beyond
// the language (k8s.io/apiserver/pkg/cel/environment, baseOpts), in its order,
// and then the libraries that Kyverno adds to it in any case
// (pkg/cel/compiler/env.go, DefaultEnvOptions): so they are added once for all
// policies.
type kubernetes struct{}

// CompileOptions implements cel.Library.
func (kubernetes) CompileOptions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.HomogeneousAggregateLiterals(),
		cel.EagerlyValidateDeclarations(false),
		cel.DefaultUTCTimeZone(true),
		library.URLs(),
		library.Regex(),
		library.Lists(),
		cel.CostEstimatorOptions(checker.PresenceTestHasCost(false)),
		library.Authz(),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		library.Quantity(),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
		),
		ext.Strings(ext.StringsVersion(2)),
		ext.Sets(),
		library.IP(),
		library.CIDR(),
		library.Format(),
		library.AuthzSelectors(),
		ext.TwoVarComprehensions(),
		library.SemverLib(library.SemverVersion(1)),
		ext.Lists(ext.ListsVersion(3)),

		ext.Bindings(),
		ext.Encoders(),
		ext.Math(),
		ext.Protos(),
		ext.Regex(ext.RegexVersion(1)),
	}
}

// ProgramOptions implements cel.Library.
func (kubernetes) ProgramOptions() []cel.ProgramOption {
	return []cel.ProgramOption{
		cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost),
		cel.CostLimit(celconfig.PerCallLimit),
		cel.CostTrackerOptions(interpreter.PresenceTestHasCost(false)),
		cel.CostTracking(&library.CostEstimator{}),
	}
}

// extend makes a set the one that Kyverno's compilers extend: those of
// ValidatingPolicy and ImageValidatingPolicy, and that of MutatingPolicy. Those
// of the other kinds extend none.
func extend(set environment.EnvSet) {
	*environment.MustBaseEnvSet(version.MajorMinor(1, 0)) = set
	*environment.MustBaseEnvSet(version.MajorMinor(2, 0)) = set
}

// empty is a library without content.
type empty string

// LibraryName implements cel.SingletonLibrary.
func (e empty) LibraryName() string { return string(e) }

// CompileOptions implements cel.Library.
func (empty) CompileOptions() []cel.EnvOption { return nil }

// ProgramOptions implements cel.Library.
func (empty) ProgramOptions() []cel.ProgramOption { return nil }
