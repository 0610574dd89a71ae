package celcontext

import (
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
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
	// plain has besides the names of Kyverno's libraries, and nothing of
	// theirs: cel-go adds no library to an environment that has one of its name.
	// In an environment that extends it, an expression means what it means in
	// Kyverno's own, so long as it names nothing that they declare.
	plain environment.EnvSet
}

// newEnvironments makes the sets, and replaces that of validate.cel for good.
//
// Kyverno compiles in the environment of new expressions in two places, which
// keep what they make of the set when they are first called
// (pkg/cel/compiler/matchconditions.go, policy_exception.go); so they are called
// before.
func newEnvironments() (environments, error) {
	conditions := []admissionregistrationv1.MatchCondition{{Name: "prepare", Expression: "true"}}
	_ = celcompiler.CompileMatchConditionsWithKubernetesEnv(conditions, nil)
	_ = celcompiler.CompilePolicyExceptionMatchConditions(conditions, nil)

	full, err := environment.MustBaseEnvSet(version.MajorMinor(0, 0)).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.EagerlyValidateDeclarations(false)},
	})
	if err != nil {
		return environments{}, err
	}
	*environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()) = *full
	var names []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		names = append(names, cel.Lib(empty(name)))
	}
	plain, err := full.Extend(environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0), EnvOptions: names})
	if err != nil {
		return environments{}, err
	}
	return environments{full: *full, plain: *plain}, nil
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
