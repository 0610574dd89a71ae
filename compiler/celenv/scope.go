package celenv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"
)

// Result is what an expression must evaluate to in its place.
type Result int

// The results. Kyverno takes a type only where it is known when the expression
// is compiled: a bool that is dynamic, such as object.spec.hostNetwork, is none.
const (
	// Anything is a variable, or a placeholder of a template.
	Anything Result = iota
	// Bool is a condition, a validation, generate.expression.
	Bool
	// String is a messageExpression.
	String
	// StringOrNull is an audit annotation.
	StringOrNull
	// Images is images[].expression of an ImageValidatingPolicy.
	Images
	// Patches is jsonPatch.expression.
	Patches
	// Object is applyConfiguration.expression.
	Object
	// Map is targetMatchConstraints.expression.
	Map
)

// results lists the types that each result allows, as Kyverno compares them
// (pkg/cel/compiler/compiler.go, pkg/cel/compiler/images.go,
// pkg/cel/policies/mpol/compiler/compiler.go).
var results = map[Result][]*cel.Type{
	Bool:         {types.BoolType},
	String:       {types.StringType},
	StringOrNull: {types.StringType, types.NullType},
	Images:       {types.NewListType(types.StringType), types.DynType, types.NewListType(types.DynType)},
	Patches:      {types.NewListType(types.NewObjectType(jsonPatchType))},
	Object:       {types.NewObjectType(objectType)},
	Map:          {types.NewMapType(types.StringType, types.AnyType)},
}

// Scope is where the expressions of one policy stand: an environment and the
// policy's own variables. It is for one goroutine.
type Scope struct {
	all  *Environments
	base *environment
	own  *environment // base with the policy's variables, once there are any
	vars *variables
	// Names lists the policy's variables in their order, those too that are not
	// declared yet: the diagnostics tell a variable that is declared later from
	// one that is not there.
	Names []string
}

// Scope gives an empty scope of a kind. It fails only where the table has no
// such kind or is broken.
func (e *Environments) Scope(kind Kind) (*Scope, error) {
	base, err := e.environment(kind)
	if err != nil {
		return nil, err
	}
	s := &Scope{all: e, base: base}
	if v := base.provider.variables; v != nil {
		s.vars = &variables{typeName: v.typeName}
	}
	return s, nil
}

// In gives the scope of another kind with the same variables, which are shared:
// a messageExpression sees a rule's variables, but not its authorizer.
func (s *Scope) In(kind Kind) (*Scope, error) {
	base, err := s.all.environment(kind)
	if err != nil {
		return nil, err
	}
	return &Scope{all: s.all, base: base, vars: s.vars, Names: s.Names}, nil
}

// Declare checks the expression of a variable and adds the variable to the
// scope, with the expression's type; one that does not compile is dynamic, so
// that it is reported once.
func (s *Scope) Declare(name, expression string) []Problem {
	checked, problems := s.compile(expression)
	t := types.DynType
	if checked != nil {
		t = checked.OutputType()
		if s.base.weak {
			t = weaken(t)
		}
	}
	if s.vars != nil {
		s.vars.set(name, t)
	}
	return problems
}

// Check checks an expression that must evaluate to the result.
func (s *Scope) Check(expression string, result Result) []Problem {
	checked, problems := s.compile(expression)
	if checked == nil || len(problems) > 0 {
		return problems
	}
	allowed := results[result]
	t := checked.OutputType()
	if len(allowed) == 0 || slices.ContainsFunc(allowed, t.IsExactType) {
		return nil
	}
	return []Problem{s.wrongResult(checked, expression, result)}
}

// environment gives the environment that sees the scope's variables.
func (s *Scope) environment() (*environment, error) {
	if s.own != nil {
		return s.own, nil
	}
	if s.vars == nil || len(s.vars.fields) == 0 {
		return s.base, nil
	}
	own := *s.base
	p := *s.base.provider
	p.variables = s.vars
	own.provider = &p
	var err error
	if own.env, err = s.base.env.Extend(cel.CustomTypeProvider(own.provider)); err != nil {
		return nil, fmt.Errorf("CEL environment %s: %w", s.base.kind, err)
	}
	s.own = &own
	return s.own, nil
}

// compile gives the checked expression, or every problem in it.
func (s *Scope) compile(expression string) (checked *cel.Ast, problems []Problem) {
	// cel-go has panicked on hostile input before, and a compiler of policies
	// must not.
	defer func() {
		if p := recover(); p != nil {
			checked, problems = nil, []Problem{{Line: 1, Column: 1, Reason: Unchecked, Message: fmt.Sprintf("the expression cannot be checked: %v", p)}}
		}
	}()
	e, err := s.environment()
	if err != nil {
		return nil, []Problem{{Line: 1, Column: 1, Reason: Unchecked, Message: err.Error()}}
	}
	if strings.TrimSpace(expression) == "" {
		return nil, []Problem{{Line: 1, Column: 1, Reason: Syntax, Message: "the expression is empty"}}
	}
	parsed, issues := e.env.Parse(expression)
	if issues.Err() != nil {
		return nil, syntaxProblems(expression, issues.Errors())
	}
	checked, issues = e.env.Check(parsed)
	if issues.Err() != nil {
		d := describer{scope: s, env: e, text: expression, ast: parsed.NativeRep()}
		return nil, d.problems(issues.Errors())
	}
	if _, err := e.env.Program(checked, e.plan...); err != nil {
		return nil, []Problem{literalProblem(checked.NativeRep(), expression, err)}
	}
	return checked, nil
}

// weaken is what Kubernetes keeps of a variable's type
// (k8s.io/apiserver/pkg/admission/plugin/cel/composition.go,
// convertCelTypeToDeclType): simple types, and lists and maps of them.
func weaken(t *types.Type) *types.Type {
	switch t {
	case types.AnyType, types.BoolType, types.BytesType, types.DoubleType, types.DurationType, types.IntType,
		types.NullType, types.StringType, types.TimestampType, types.UintType:
		return t
	}
	if t.HasTrait(traits.ContainerType) && t.HasTrait(traits.IndexerType) {
		switch p := t.Parameters(); len(p) {
		case 1:
			return types.NewListType(weaken(p[0]))
		case 2:
			return types.NewMapType(weaken(p[0]), weaken(p[1]))
		}
	}
	return types.DynType
}
