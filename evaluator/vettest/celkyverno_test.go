package vettest

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/google/cel-go/cel"
	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	"github.com/kyverno/kyverno/pkg/cel/libs"
	dpolcompiler "github.com/kyverno/kyverno/pkg/cel/policies/dpol/compiler"
	gpolcompiler "github.com/kyverno/kyverno/pkg/cel/policies/gpol/compiler"
	mpolcompiler "github.com/kyverno/kyverno/pkg/cel/policies/mpol/compiler"
	vpolcompiler "github.com/kyverno/kyverno/pkg/cel/policies/vpol/compiler"
	imageverifycache "github.com/kyverno/kyverno/pkg/image/verification/cache"
	imageevaluator "github.com/kyverno/kyverno/pkg/image/verification/evaluator"
	"github.com/kyverno/sdk/extensions/imagedataloader"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"kcue.dev/compiler/celenv"
	"kcue.dev/evaluator/celcontext"
)

// kyvernoEnvironments takes the environments from the policies that Kyverno's
// own compilers make: each holds the programs of its conditions, and a program
// its environment.
func kyvernoEnvironments(t *testing.T) map[celenv.Kind]*cel.Env {
	t.Helper()
	envs := map[celenv.Kind]*cel.Env{}
	if err := celcontext.Compile(libs.NewFakeContextProvider(), celcontext.All, func() error {
		for _, namespace := range []string{"", "production"} {
			kind := func(cluster, namespaced celenv.Kind) celenv.Kind {
				if namespace != "" {
					return namespaced
				}
				return cluster
			}
			meta := metav1.ObjectMeta{Name: "p", Namespace: namespace}
			condition := []admissionregistrationv1.MatchCondition{{Name: "c", Expression: "true"}}
			var errs field.ErrorList
			var policy any
			policy, errs = vpolcompiler.NewCompiler().Compile(&policiesv1beta1.ValidatingPolicy{ObjectMeta: meta, Spec: policiesv1beta1.ValidatingPolicySpec{MatchConditions: condition}}, nil)
			envs[kind(celenv.Validating, celenv.NamespacedValidating)] = environmentOf(t, policy, errs, "matchConditions")
			policy, errs = mpolcompiler.NewCompiler().Compile(&policiesv1beta1.MutatingPolicy{ObjectMeta: meta, Spec: policiesv1beta1.MutatingPolicySpec{MatchConditions: condition}}, nil)
			envs[kind(celenv.Mutating, celenv.NamespacedMutating)] = environmentOf(t, policy, errs, "matchConditions")
			policy, errs = gpolcompiler.NewCompiler().Compile(&policiesv1beta1.GeneratingPolicy{ObjectMeta: meta, Spec: policiesv1beta1.GeneratingPolicySpec{MatchConditions: condition}}, nil)
			envs[kind(celenv.Generating, celenv.NamespacedGenerating)] = environmentOf(t, policy, errs, "matchConditions")
			policy, errs = dpolcompiler.NewCompiler().Compile(&policiesv1beta1.DeletingPolicy{ObjectMeta: meta, Spec: policiesv1beta1.DeletingPolicySpec{Conditions: condition}}, nil)
			envs[kind(celenv.Deleting, celenv.NamespacedDeleting)] = environmentOf(t, policy, errs, "conditions")

			ictx, err := imagedataloader.NewImageContext(nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			images := imageevaluator.NewCompiler(ictx, nil, nil, imageverifycache.DisabledImageVerifyCache())
			spec := policiesv1beta1.ImageValidatingPolicySpec{MatchConditions: condition}
			policy, errs = images.Compile(&policiesv1beta1.ImageValidatingPolicy{ObjectMeta: meta, Spec: spec}, nil, nil)
			envs[kind(celenv.ImageValidating, celenv.NamespacedImageValidating)] = environmentOf(t, policy, errs, "matchConditions")
			spec.EvaluationConfiguration = &policiesv1beta1.EvaluationConfiguration{Mode: policieskyvernoio.EvaluationModeJSON}
			policy, errs = images.Compile(&policiesv1beta1.ImageValidatingPolicy{ObjectMeta: meta, Spec: spec}, nil, nil)
			envs[kind(celenv.ImageValidatingJSON, celenv.NamespacedImageValidatingJSON)] = environmentOf(t, policy, errs, "matchConditions")
		}
		var err error
		if envs[celenv.MatchImage], err = celcompiler.NewMatchImageEnv(); err != nil {
			t.Fatal(err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	envs[celenv.Exception] = exceptionEnvironment(t)
	for kind, o := range map[celenv.Kind]plugincel.OptionalVariableDeclarations{
		celenv.Rule:              {HasAuthorizer: true},
		celenv.RuleParams:        {HasAuthorizer: true, HasParams: true},
		celenv.RuleMessage:       {},
		celenv.RuleMessageParams: {HasParams: true},
		celenv.Webhook:           {},
	} {
		envs[kind] = ruleEnvironment(t, o)
	}
	return envs
}

// environmentOf reaches the environment of a compiled policy's first condition.
func environmentOf(t *testing.T, policy any, errs field.ErrorList, conditions string) *cel.Env {
	t.Helper()
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	v := reflect.ValueOf(policy)
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	f := v.Elem().FieldByName(conditions)
	if !f.IsValid() || f.Len() != 1 {
		t.Fatalf("%T has no single program in %s", policy, conditions)
	}
	programs := reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Interface().([]cel.Program)
	return programEnvironment(t, programs[0])
}

// programEnvironment reaches the environment that a program embeds.
func programEnvironment(t *testing.T, program cel.Program) *cel.Env {
	t.Helper()
	f := reflect.ValueOf(program).Elem().FieldByName("Env")
	env, ok := f.Interface().(*cel.Env)
	if !ok || env == nil {
		t.Fatalf("%T embeds no environment", program)
	}
	return env
}

// policyExceptionEnvSet is what Kyverno compiles the conditions of a
// PolicyException in, which nothing gives out (pkg/cel/compiler/policy_exception.go).
//
//go:linkname policyExceptionEnvSet github.com/kyverno/kyverno/pkg/cel/compiler.policyExceptionEnvSet
var policyExceptionEnvSet *environment.EnvSet

func exceptionEnvironment(t *testing.T) *cel.Env {
	t.Helper()
	condition := admissionregistrationv1.MatchCondition{Name: "c", Expression: "true"}
	if errs := celcompiler.CompilePolicyExceptionMatchConditions([]admissionregistrationv1.MatchCondition{condition}, nil); len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	return policyExceptionEnvSet.NewExpressionsEnv()
}

// ruleEnvironment builds what Kyverno compiles validate.cel in
// (pkg/admissionpolicy/compiler.go, NewCompiler).
func ruleEnvironment(t *testing.T, options plugincel.OptionalVariableDeclarations) *cel.Env {
	t.Helper()
	result := ruleCompiler(t).CompileCELExpression(&plugincelExpression{expression: "true"}, options, environment.StoredExpressions)
	if result.Error != nil {
		t.Fatal(result.Error)
	}
	return programEnvironment(t, result.Program)
}

func ruleCompiler(t *testing.T) *plugincel.CompositedCompiler {
	t.Helper()
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        celcompiler.OrValueCompatEnvOptions(),
	})
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := plugincel.NewCompositedCompiler(set)
	if err != nil {
		t.Fatal(err)
	}
	return compiler
}

// plugincelExpression is an expression as Kubernetes' compiler takes it.
type plugincelExpression struct {
	name, expression string
	types            []*cel.Type
}

func (e *plugincelExpression) GetName() string       { return e.name }
func (e *plugincelExpression) GetExpression() string { return e.expression }
func (e *plugincelExpression) ReturnTypes() []*cel.Type {
	if len(e.types) == 0 {
		return []*cel.Type{cel.AnyType, cel.DynType}
	}
	return e.types
}
