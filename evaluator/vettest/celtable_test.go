package vettest

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/decls"
	celconfig "github.com/google/cel-go/common/env"
	"github.com/google/cel-go/common/types"
	"github.com/google/go-cmp/cmp"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	apiservercel "k8s.io/apiserver/pkg/cel"

	"kcue.dev/compiler/celenv"
)

var updateCELTable = flag.Bool("update-celenv", false, "write compiler/celenv/environments.json from Kyverno's environments")

// celTable is where the table stands.
var celTable = filepath.Join("..", "..", "compiler", "celenv", "environments.json")

// release is the Kyverno that go.mod asks for.
func release(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "github.com/kyverno/kyverno" {
			return f[1]
		}
	}
	t.Fatal("go.mod asks for no Kyverno")
	return ""
}

// TestCELTableIsKyvernos writes the table of CEL environments from those that
// Kyverno builds, compares it with the one that kcue embeds, and holds the
// environments built of it to the originals, declaration by declaration.
func TestCELTableIsKyvernos(t *testing.T) {
	table, originals := kyvernoTable(t)
	data, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *updateCELTable {
		if err := os.WriteFile(celTable, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	embedded, err := os.ReadFile(celTable)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(embedded), "\n"), strings.Split(string(data), "\n")); diff != "" {
		t.Errorf("%s is not what Kyverno declares; go test ./evaluator/vettest -run CELTable -update-celenv writes it (-table +Kyverno):\n%s", celTable, diff)
	}
	ours := celenv.New(table)
	for _, entry := range table.Environments {
		t.Run(string(entry.Kind), func(t *testing.T) {
			env, err := ours.Env(entry.Kind)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(declared(originals[entry.Kind]), declared(env)); diff != "" {
				t.Errorf("built of the table, the environment differs (-Kyverno +table):\n%s", diff)
			}
			if n := len(env.Functions()); n < 50 {
				t.Errorf("%d functions: that is no environment of Kyverno's", n)
			}
		})
	}
}

// declared is everything of an environment that decides what compiles, as far
// as cel-go shows it; the rest is held by the test on expressions.
func declared(env *cel.Env) map[string][]string {
	out := map[string][]string{}
	for name, f := range env.Functions() {
		if f.IsDeclarationDisabled() {
			continue
		}
		for _, o := range f.OverloadDecls() {
			out["function "+name] = append(out["function "+name], overloadLine(o))
		}
		slices.Sort(out["function "+name])
	}
	for _, v := range env.Variables() {
		out["variable "+v.Name()] = []string{celenv.FormatType(v.Type())}
	}
	for _, m := range env.Macros() {
		out["macro "+m.MacroKey()] = []string{""}
	}
	for _, v := range env.Validators() {
		out["validator "+v.Name()] = []string{""}
	}
	return out
}

func overloadLine(o *decls.OverloadDecl) string {
	return fmt.Sprint(overload(o))
}

func overload(o *decls.OverloadDecl) celenv.Overload {
	out := celenv.Overload{ID: o.ID(), Member: o.IsMemberFunction(), Result: celenv.FormatType(o.ResultType())}
	for _, a := range o.ArgTypes() {
		out.Args = append(out.Args, celenv.FormatType(a))
	}
	return out
}

// kyvernoTable makes the table, and gives the environments that it is of.
func kyvernoTable(t *testing.T) (*celenv.Table, map[celenv.Kind]*cel.Env) {
	t.Helper()
	originals := kyvernoEnvironments(t)
	w := &tableWriter{table: celenv.Table{Kyverno: release(t)}, functions: map[string]int{}, types: map[string]int{}}
	for _, kind := range kinds {
		env := originals[kind]
		if env == nil {
			t.Fatalf("no environment of Kyverno's for %s", kind)
		}
		if err := w.add(t, kind, env); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	return &w.table, originals
}

var kinds = []celenv.Kind{
	celenv.Validating, celenv.NamespacedValidating,
	celenv.Mutating, celenv.NamespacedMutating,
	celenv.Generating, celenv.NamespacedGenerating,
	celenv.Deleting, celenv.NamespacedDeleting,
	celenv.ImageValidating, celenv.NamespacedImageValidating,
	celenv.ImageValidatingJSON, celenv.NamespacedImageValidatingJSON,
	celenv.MatchImage, celenv.Exception,
	celenv.Rule, celenv.RuleParams, celenv.RuleMessage, celenv.RuleMessageParams, celenv.Webhook,
}

// tableWriter writes environments into a table that shares what they share.
type tableWriter struct {
	table     celenv.Table
	functions map[string]int
	types     map[string]int
}

func (w *tableWriter) add(t *testing.T, kind celenv.Kind, env *cel.Env) error {
	entry := celenv.Environment{Kind: kind}
	entry.Extensions = librariesOf(t, env)
	config, err := configOf(env)
	if err != nil {
		return err
	}
	for _, f := range config.Features {
		if f.Enabled {
			entry.Features = append(entry.Features, f.Name)
		}
	}
	for _, v := range config.Validators {
		entry.Validators = append(entry.Validators, v.Name)
	}
	entry.OrValue = env.HasFunction("__orValueCompat__")
	// The libraries declare types as variables too.
	options, err := celenv.Libraries(entry)
	if err != nil {
		return err
	}
	base, err := cel.NewEnv(options...)
	if err != nil {
		return err
	}
	w.addFunctions(&entry, env, base)
	provider := env.CELTypeProvider()
	for _, v := range env.Variables() {
		if !slices.ContainsFunc(base.Variables(), func(b *decls.VariableDecl) bool { return b.Name() == v.Name() }) {
			entry.Variables = append(entry.Variables, celenv.Variable{Name: v.Name(), Type: celenv.FormatType(v.Type())})
		}
		if v.Name() == "variables" {
			entry.VariablesType = v.Type().TypeName()
			entry.Weak = entry.VariablesType == "kubernetes.variables"
		}
	}
	slices.SortFunc(entry.Variables, func(a, b celenv.Variable) int { return strings.Compare(a.Name, b.Name) })
	entry.Variables = slices.Compact(entry.Variables)
	_, entry.DynamicObjects = provider.FindStructType("Object.spec")
	entry.FoldsConstants = compiles(env, `int("1") == 1`) && !compiles(env, `int("x") == 1`)
	entry.CompilesRegex = compiles(env, `"a".find("a") == ""`) && !compiles(env, `"a".find("[") == ""`)
	w.addTypes(&entry, env)
	w.table.Environments = append(w.table.Environments, entry)
	return nil
}

// librariesOf lists cel-go's own libraries in an environment with their versions;
// Kubernetes' and Kyverno's are functions of the table.
func librariesOf(t *testing.T, env *cel.Env) []celenv.Extension {
	libraries := *unexported[map[string]cel.SingletonLibrary](env, "libraries")
	var out []celenv.Extension
	for name, library := range libraries {
		if !strings.HasPrefix(name, "cel.lib.") || name == "cel.lib.std" {
			continue
		}
		// Only that of optional values tells its version.
		number := reflect.Indirect(reflect.ValueOf(library)).FieldByName("version")
		if !number.IsValid() {
			t.Fatalf("library %s has no version", name)
		}
		x := celenv.Extension{Name: name, Version: uint32(number.Uint())}
		out = append(out, x)
	}
	// Others need the library of optional values before them.
	slices.SortFunc(out, func(a, b celenv.Extension) int {
		if optional := "cel.lib.optional"; (a.Name == optional) != (b.Name == optional) {
			if a.Name == optional {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// configOf gives the features and validators of an environment. The libraries
// are left out of it: cel-go adds each to an empty environment, which those of
// Kyverno do not survive.
func configOf(env *cel.Env) (*celconfig.Config, error) {
	bare, err := env.Extend()
	if err != nil {
		return nil, err
	}
	*unexported[map[string]cel.SingletonLibrary](bare, "libraries") = nil
	return bare.ToConfig("features")
}

// unexported reaches a field that cel-go keeps to itself.
func unexported[T any](env *cel.Env, field string) *T {
	f := reflect.ValueOf(env).Elem().FieldByName(field)
	if f.Type() != reflect.TypeFor[T]() {
		panic(fmt.Sprintf("cel.Env.%s is a %s", field, f.Type()))
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr()))
}

// compiles reports whether an expression compiles and can be planned.
func compiles(env *cel.Env, expression string) bool {
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return false
	}
	_, err := env.Program(checked)
	return err == nil
}

// addFunctions adds the overloads that are not of cel-go's libraries.
func (w *tableWriter) addFunctions(entry *celenv.Environment, env, base *cel.Env) {
	known := base.Functions()
	names := make([]string, 0, len(env.Functions()))
	for name, f := range env.Functions() {
		if !f.IsDeclarationDisabled() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		f := celenv.Function{Name: name}
		for _, o := range env.Functions()[name].OverloadDecls() {
			if k, ok := known[name]; ok && slices.ContainsFunc(k.OverloadDecls(), func(b *decls.OverloadDecl) bool { return b.ID() == o.ID() }) {
				continue
			}
			f.Overloads = append(f.Overloads, overload(o))
		}
		if len(f.Overloads) > 0 {
			entry.Functions = append(entry.Functions, share(w.functions, &w.table.Functions, f))
		}
	}
}

// addTypes adds the object types that the variables and functions lead to.
func (w *tableWriter) addTypes(entry *celenv.Environment, env *cel.Env) {
	provider := env.CELTypeProvider()
	declaredTypes := apiservercel.NewDeclTypeProvider(celcompiler.NamespaceType, celcompiler.RequestType)
	seen := map[string]bool{entry.VariablesType: true}
	var found []celenv.StructType
	var walk func(t *types.Type)
	walk = func(t *types.Type) {
		for _, p := range t.Parameters() {
			walk(p)
		}
		name := t.TypeName()
		if t.Kind() != types.StructKind && t.Kind() != types.OpaqueKind || seen[name] || strings.HasPrefix(name, "google.") ||
			entry.DynamicObjects && (name == "Object" || name == "JSONPatch") {
			return
		}
		seen[name] = true
		if ident, ok := provider.FindIdent(name); ok {
			if t, ok := ident.(*types.Type); ok && name != "optional_type" {
				entry.Idents = append(entry.Idents, celenv.FormatType(t))
			}
		}
		names, ok := provider.FindStructFieldNames(name)
		if d, declared := declaredTypes.FindDeclType(name); !ok && declared {
			// Kubernetes' provider finds fields, but does not list them.
			names, ok = slices.Collect(maps.Keys(d.Fields)), true
		}
		if !ok {
			return
		}
		s := celenv.StructType{Name: name, Fields: []celenv.Variable{}}
		for _, field := range slices.Sorted(slices.Values(names)) {
			f, ok := provider.FindStructFieldType(name, field)
			if !ok || f.Type == nil {
				continue
			}
			s.Fields = append(s.Fields, celenv.Variable{Name: field, Type: celenv.FormatType(f.Type)})
			walk(f.Type)
		}
		found = append(found, s)
	}
	for _, name := range slices.Sorted(slices.Values(declaredTypes.TypeNames())) {
		if d, ok := declaredTypes.FindDeclType(name); ok && d.IsObject() {
			if _, ok := provider.FindStructType(name); ok {
				walk(types.NewObjectType(name))
			}
		}
	}
	for _, v := range env.Variables() {
		walk(v.Type())
	}
	for _, f := range env.Functions() {
		for _, o := range f.OverloadDecls() {
			walk(o.ResultType())
			for _, a := range o.ArgTypes() {
				walk(a)
			}
		}
	}
	slices.Sort(entry.Idents)
	slices.SortFunc(found, func(a, b celenv.StructType) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range found {
		entry.Types = append(entry.Types, share(w.types, &w.table.Types, s))
	}
	slices.Sort(entry.Types)
}

// share gives the place of an entry in a list that holds each once.
func share[T any](places map[string]int, list *[]T, entry T) int {
	key, err := json.Marshal(entry)
	if err != nil {
		panic(err)
	}
	if i, ok := places[string(key)]; ok {
		return i
	}
	places[string(key)] = len(*list)
	*list = append(*list, entry)
	return len(*list) - 1
}
