package celenv

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	celconfig "github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
)

// environment is a built environment with what problems are described by.
type environment struct {
	kind      Kind
	env       *cel.Env
	provider  *provider
	weak      bool
	plan      []cel.ProgramOption
	variables []string // names that expressions may begin with
	functions []string // names that may be called, macros among them, sorted
}

// orValueCompat is the function that Kyverno's orValue macro calls.
const orValueCompat = "__orValueCompat__"

// build makes an environment of its declarations.
func build(table *Table, entry Environment) (*environment, error) {
	fail := func(err error) (*environment, error) {
		return nil, fmt.Errorf("CEL environment %s: %w", entry.Kind, err)
	}
	e := &environment{kind: entry.Kind, weak: entry.Weak}
	libraries, err := Libraries(entry)
	if err != nil {
		return fail(err)
	}
	options := slices.Clone(libraries)
	for _, text := range entry.Idents {
		t, err := ParseType(text)
		if err != nil {
			return fail(err)
		}
		options = append(options, cel.Types(t))
	}
	structs := map[string][]field{}
	for _, i := range entry.Types {
		s := table.Types[i]
		fields := make([]field, len(s.Fields))
		for j, f := range s.Fields {
			t, err := ParseType(f.Type)
			if err != nil {
				return fail(err)
			}
			fields[j] = field{f.Name, t}
		}
		structs[s.Name] = fields
	}
	e.provider = &provider{structs: structs, dynamic: entry.DynamicObjects}
	if entry.VariablesType != "" {
		e.provider.variables = &variables{typeName: entry.VariablesType}
	}
	options = append(options, func(env *cel.Env) (*cel.Env, error) {
		e.provider.inner = env.CELTypeProvider()
		return cel.CustomTypeProvider(e.provider)(env)
	})
	for _, v := range entry.Variables {
		t, err := ParseType(v.Type)
		if err != nil {
			return fail(err)
		}
		options = append(options, cel.Variable(v.Name, t))
		e.variables = append(e.variables, v.Name)
	}
	for _, i := range entry.Functions {
		option, err := function(table.Functions[i])
		if err != nil {
			return fail(err)
		}
		options = append(options, option)
	}
	// What is declared is compared once here, and not for every expression.
	options = append(options, cel.EagerlyValidateDeclarations(true))
	if e.env, err = cel.NewEnv(options...); err != nil {
		return fail(err)
	}
	if entry.FoldsConstants {
		e.plan = append(e.plan, cel.EvalOptions(cel.OptOptimize))
	}
	if entry.CompilesRegex {
		e.plan = append(e.plan, cel.OptimizeRegex(literalPattern("find"), literalPattern("findAll")))
	}
	e.functions = callable(e.env)
	return e, nil
}

// Libraries gives the options that bring what cel-go itself has of an
// environment.
func Libraries(entry Environment) ([]cel.EnvOption, error) {
	config := celconfig.NewConfig(string(entry.Kind))
	var options []cel.EnvOption
	for _, x := range entry.Extensions {
		if x.Name == "cel.lib.optional" {
			options = append(options, cel.OptionalTypes(cel.OptionalTypesVersion(x.Version)))
			continue
		}
		option, ok := ext.ExtensionOptionFactory(celconfig.NewExtension(x.Name, x.Version))
		if !ok {
			return nil, fmt.Errorf("cel-go has no library %q", x.Name)
		}
		options = append(options, option)
	}
	for _, name := range entry.Features {
		config.AddFeatures(celconfig.NewFeature(name, true))
	}
	for _, name := range entry.Validators {
		config.AddValidators(celconfig.NewValidator(name))
	}
	options = append(options, cel.FromConfig(config))
	if entry.OrValue {
		options = append(options, cel.Macros(cel.ReceiverMacro("orValue", 1, orValue)))
	}
	return options, nil
}

// orValue writes x.orValue(y) as Kyverno's macro does.
func orValue(factory cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return factory.NewCall(orValueCompat, target, args[0]), nil
}

// function declares the overloads of one name.
func function(f Function) (cel.EnvOption, error) {
	var options []cel.FunctionOpt
	for _, o := range f.Overloads {
		result, err := ParseType(o.Result)
		if err != nil {
			return nil, err
		}
		args := make([]*cel.Type, len(o.Args))
		for i, text := range o.Args {
			if args[i], err = ParseType(text); err != nil {
				return nil, err
			}
		}
		var bindings []cel.OverloadOpt
		if len(args) == 0 {
			// A call without arguments cannot be planned unbound.
			bindings = append(bindings, cel.FunctionBinding(unbound))
		}
		if o.Member {
			options = append(options, cel.MemberOverload(o.ID, args, result, bindings...))
		} else {
			options = append(options, cel.Overload(o.ID, args, result, bindings...))
		}
	}
	return cel.Function(f.Name, options...), nil
}

// unbound stands for functions that are declared only.
func unbound(...ref.Val) ref.Val { return types.NewErr("expressions are checked only") }

// literalPattern compiles the constant pattern of a call, and does no more.
func literalPattern(name string) *interpreter.RegexOptimization {
	return &interpreter.RegexOptimization{
		Function:   name,
		RegexIndex: 1,
		Factory: func(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
			_, err := regexp.Compile(pattern)
			return call, err
		},
	}
}

// callable lists the names of functions and macros that people write.
func callable(env *cel.Env) []string {
	var names []string
	for name := range env.Functions() {
		if plain(name) {
			names = append(names, name)
		}
	}
	for _, m := range env.Macros() {
		if plain(m.Function()) {
			names = append(names, m.Function())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plain reports whether a function's name is one that people write, and not that
// of an operator or of what a macro turns into.
func plain(name string) bool {
	return name != "" && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z') && !strings.Contains(name, "@")
}
