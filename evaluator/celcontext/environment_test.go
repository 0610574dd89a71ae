package celcontext

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/go-cmp/cmp"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	"github.com/kyverno/kyverno/pkg/cel/policies/vpol/compiler"
	"github.com/kyverno/sdk/extensions/cel/libs/globalcontext"
	"github.com/kyverno/sdk/extensions/cel/libs/gzip"
	"github.com/kyverno/sdk/extensions/cel/libs/hash"
	"github.com/kyverno/sdk/extensions/cel/libs/http"
	"github.com/kyverno/sdk/extensions/cel/libs/image"
	"github.com/kyverno/sdk/extensions/cel/libs/imagedata"
	"github.com/kyverno/sdk/extensions/cel/libs/json"
	"github.com/kyverno/sdk/extensions/cel/libs/math"
	"github.com/kyverno/sdk/extensions/cel/libs/random"
	"github.com/kyverno/sdk/extensions/cel/libs/resource"
	"github.com/kyverno/sdk/extensions/cel/libs/time"
	"github.com/kyverno/sdk/extensions/cel/libs/transform"
	"github.com/kyverno/sdk/extensions/cel/libs/user"
	"github.com/kyverno/sdk/extensions/cel/libs/x509"
	"github.com/kyverno/sdk/extensions/cel/libs/yaml"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

// The table has each identifier that reaches what a library declares, and the
// libraries declare nothing that takes effect without being named.
func TestLibrariesAreKyvernos(t *testing.T) {
	got := map[string][]string{}
	for _, lib := range []struct {
		pkg    string // that of its Go types
		option cel.EnvOption
	}{
		{"globalcontext", globalcontext.Lib(globalcontext.Context{}, globalcontext.Latest())},
		{"gzip", gzip.Lib(gzip.Latest())},
		{"hash", hash.Lib(hash.Latest())},
		{"http", http.Lib(http.Context{}, http.Latest())},
		{"image", image.Lib(image.Latest())},
		{"imagedata", imagedata.Lib(imagedata.Context{}, imagedata.Latest(), nil)},
		{"json", json.Lib(&json.JsonImpl{}, json.Latest())},
		{"math", math.Lib(math.Latest())},
		{"random", random.Lib(random.Latest())},
		{"resource", resource.Lib(resource.Context{}, "", resource.Latest())},
		{"resource", resource.Lib(resource.Context{}, "production", resource.Latest())},
		{"time", time.Lib(time.Latest())},
		{"transform", transform.Lib(transform.Latest())},
		{"user", user.Lib(user.Latest())},
		{"x509", x509.Lib(x509.Latest())},
		{"yaml", yaml.Lib(&yaml.YamlImpl{}, yaml.Latest())},
	} {
		env, err := cel.NewCustomEnv(lib.option)
		if err != nil {
			t.Fatalf("%s: %v", lib.pkg, err)
		}
		if len(env.Macros()) > 0 || len(env.Validators()) > 0 || len(env.Libraries()) != 1 {
			t.Errorf("%s: %d macros, %d validators, libraries %v", lib.pkg, len(env.Macros()), len(env.Validators()), env.Libraries())
		}
		names := []string{lib.pkg}
		for name := range env.Functions() {
			if strings.Trim(name, "_") != name {
				t.Errorf("%s declares the operator %s, which no policy names", lib.pkg, name)
			}
			names = append(names, strings.Split(name, ".")...)
		}
		for _, variable := range env.Variables() {
			names = append(names, strings.Split(variable.Name(), ".")...)
		}
		names = append(names, got[env.Libraries()[0]]...)
		slices.Sort(names)
		got[env.Libraries()[0]] = slices.Compact(names)
	}
	if diff := cmp.Diff(got, libraries); diff != "" {
		t.Errorf("(-Kyverno +table)\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"object.spec.containers.all(c, c.image.startsWith('a'))", false},
		{"object.metadata.?labels.?user.orValue('') == ''", false},
		{"object . image == object.\n\timage", false},
		{"object.spec['x'].tag == variables.f(1).digest && [1].time", false},
		{"request.userInfo.username == 'timer'", false},
		{"image(object.spec.image).tag() == 'x'", true},
		{"object.spec.image.tag ()", true},
		{"variables.image.registry(\n)", true},
		{"hash.sha256('x') == ''", true},
		{".hash.sha256('x') == ''", true},
		{"(.hash.sha256('x')) == ''", true},
		{"true ? time.now() : 1", true},
		{"object.spec.a ? yaml.parse('') : 1", true},
		{"object.spec.image // of it\n('x')", true},
		{"exceptions.allowedImages.exists(i, true)", true},
		{"object.exceptions", false},
		{"Context{} == http.Context{}", true},
	} {
		if got := Names(map[string]any{"message": "image", "validations": []any{map[string]any{"expression": tt.text}}}); got != tt.want {
			t.Errorf("%q: %v", tt.text, got)
		}
	}
}

// The environment of stored expressions, the only one in which Kyverno compiles
// after Prepare, has all that it had.
func TestStoredExpressionsAreKept(t *testing.T) {
	if err := Prepare(); err != nil {
		t.Fatal(err)
	}
	want := declarations(t, version.MajorMinor(1, 34)) // a set that nothing replaces
	for _, v := range []*version.Version{version.MajorMinor(1, 0), version.MajorMinor(2, 0), environment.DefaultCompatibilityVersion()} {
		var got []string
		if err := Compile(nil, func() { got = declarations(t, v) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Kubernetes +here)\n%s", v, diff)
		}
	}
}

// declarations lists what the environment of a set declares.
func declarations(t *testing.T, v *version.Version) (all []string) {
	t.Helper()
	env, err := environment.MustBaseEnvSet(v).Env(environment.StoredExpressions)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range env.Functions() {
		for _, o := range f.OverloadDecls() {
			all = append(all, "function "+o.ID())
		}
	}
	for _, variable := range env.Variables() {
		all = append(all, "variable "+variable.Name())
	}
	for _, m := range env.Macros() {
		all = append(all, "macro "+m.MacroKey())
	}
	for _, l := range env.Libraries() {
		all = append(all, "library "+l)
	}
	slices.Sort(all)
	return all
}

// What an environment declares is put together when something is first checked
// in it, and not when it is extended: to most of those that Kyverno makes, that
// never happens. A function that a macro hides tells the moment.
func TestDeclarationsAreValidatedWhenTheyAreUsed(t *testing.T) {
	if err := Prepare(); err != nil {
		t.Fatal(err)
	}
	hidden := environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Function("has", cel.Overload("has_int", []*cel.Type{cel.IntType}, cel.BoolType))},
	}
	for _, v := range []*version.Version{version.MajorMinor(1, 0), version.MajorMinor(2, 0), environment.DefaultCompatibilityVersion()} {
		for name, within := range map[string]func(func()) error{"full": func(f func()) error { return Compile(nil, f) }, "plain": CompilePlain} {
			if err := within(func() {
				set, err := environment.MustBaseEnvSet(v).Extend(hidden)
				if err != nil {
					t.Errorf("%s, %s: %v", v, name, err)
					return
				}
				env, err := set.Env(environment.StoredExpressions)
				if err != nil {
					t.Error(err)
					return
				}
				if _, issues := env.Compile("true"); issues.Err() == nil {
					t.Errorf("%s, %s: what is declared is never validated", v, name)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Kyverno compiles the match conditions of webhooks and of exceptions as new
// expressions.
func TestNewExpressionsAreKept(t *testing.T) {
	if err := Prepare(); err != nil {
		t.Fatal(err)
	}
	conditions := []admissionregistrationv1.MatchCondition{{Name: "c", Expression: "ip('10.0.0.1').family() == 4 && request.name == '' && quantity('1').isInteger()"}}
	if errs := celcompiler.CompileMatchConditionsWithKubernetesEnv(conditions, nil); len(errs) > 0 {
		t.Error(errs)
	}
	if errs := celcompiler.CompilePolicyExceptionMatchConditions(conditions, nil); len(errs) > 0 {
		t.Error(errs)
	}
}

// Kyverno's libraries are unknown where policies are compiled that name nothing
// of them, and known everywhere else.
func TestCompilePlain(t *testing.T) {
	compile := func(expression string) (message string) {
		policy := &policiesv1beta1.ValidatingPolicy{}
		policy.Spec.Validations = []admissionregistrationv1.Validation{{Expression: expression}}
		if _, errs := compiler.NewCompiler().Compile(policy, nil); len(errs) > 0 {
			return errs.ToAggregate().Error()
		}
		return ""
	}
	const plain = "object.metadata.?name.orValue('') == '' && quantity('1').isInteger()"
	calls := map[string]string{
		"kyverno.globalcontext": "globalContext.Get('a', '') == null",
		"kyverno.gzip":          "gzip.compress('a') == b''",
		"kyverno.hash":          "hash.sha256('a') == ''",
		"kyverno.http":          "http.Get('a') == null",
		"kyverno.image":         "isImage('a')",
		"kyverno.imagedata":     "image.GetMetadata('a') == null",
		"kyverno.json":          "json.unmarshal('a') == null",
		"kyverno.math":          "math.round(1.5, 1) == 2.0",
		"kyverno.random":        "random() == ''",
		"kyverno.resource":      "resource.Get('v1', 'secrets', 'a', 'a') == {}",
		"kyverno.time":          "time.now() == null",
		"kyverno.transform":     "listObjToMap([], [], 'a', 'a') == {}",
		"kyverno.user":          "parseServiceAccount('a').Name == ''",
		"kyverno.x509":          "x509.decode('a') == null",
		"kyverno.yaml":          "yaml.parse('a') == null",
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(libraries)), slices.Sorted(maps.Keys(calls))); diff != "" {
		t.Errorf("no call of each library (-libraries +calls)\n%s", diff)
	}
	if Names(plain) {
		t.Errorf("%s is said to name a library", plain)
	}
	if err := CompilePlain(func() {
		if message := compile(plain); message != "" {
			t.Error(message)
		}
		for library, call := range calls {
			if !Names(call) {
				t.Errorf("%s is said to name no library", call)
			}
			// cel-go has another math.round.
			if message := compile(call); !strings.Contains(message, "undeclared reference") && !strings.Contains(message, "no matching overload for 'math.round'") {
				t.Errorf("%s is known: %s", library, message)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := Compile(nil, func() {
		for library, call := range calls {
			if message := compile(call); message != "" {
				t.Errorf("%s is not known: %s", library, message)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
}
