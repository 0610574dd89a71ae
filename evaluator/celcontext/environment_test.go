package celcontext

import (
	"fmt"
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
func TestLibraries(t *testing.T) {
	type source struct {
		pkg    string // that of the Go types of Kyverno's
		option cel.EnvOption
	}
	sources := []source{
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
	}
	for _, option := range (kubernetes{}).CompileOptions() {
		sources = append(sources, source{"", option})
	}
	// What extends the language is never left out.
	extensions := []string{"cel.lib.optional", "cel.lib.ext.comprev2"}
	optional, err := cel.NewCustomEnv(cel.OptionalTypes())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, lib := range sources {
		env, err := optional.Extend(lib.option)
		if err != nil {
			t.Fatalf("%s: %v", lib.pkg, err)
		}
		found := slices.DeleteFunc(env.Libraries(), func(name string) bool { return slices.Contains(extensions, name) })
		if len(found) != 1 {
			if len(found) > 1 || len(env.Libraries()) == 1 && len(env.Functions()) != len(optional.Functions()) {
				t.Errorf("%s: the libraries %v", lib.pkg, found)
			}
			continue
		}
		library := found[0]
		names := got[library]
		if lib.pkg != "" {
			names = append(names, lib.pkg)
		}
		add := func(name string) {
			if strings.Trim(name, "_") != name {
				t.Errorf("%s declares the operator %s, which no policy names", library, name)
			}
			for part := range strings.SplitSeq(name, ".") {
				names = append(names, strings.TrimPrefix(part, "@"))
			}
		}
		for name := range env.Functions() {
			if !optional.HasFunction(name) {
				add(name)
			}
		}
		for _, macro := range env.Macros()[len(optional.Macros()):] {
			add(macro.Function())
		}
		for _, variable := range env.Variables() {
			add(variable.Name())
		}
		slices.Sort(names)
		got[library] = slices.Compact(names)
	}
	if diff := cmp.Diff(got, libraries); diff != "" {
		t.Errorf("(-declared +table)\n%s", diff)
	}
	if len(libraries) > 64 {
		t.Errorf("%d libraries, of which a set holds 64", len(libraries))
	}
}

func TestNamed(t *testing.T) {
	for _, tt := range []struct {
		text, want string
	}{
		{"object.spec.containers.all(c, c.image.startsWith('a'))", ""},
		{"object.metadata.?labels.?user.orValue('') == ''", ""},
		{"object . image == object.\n\timage", ""},
		{"object.spec['x'].tag == variables.f(1).digest && [1].time", ""},
		{"request.userInfo.username == 'timer'", ""},
		{"image(object.spec.image).tag() == 'x'", "kyverno.image kyverno.imagedata"},
		{"object.spec.image.tag ()", "kyverno.image"},
		{"variables.image.registry(\n)", "kyverno.image"},
		{"hash.sha256('x') == ''", "kyverno.hash"},
		{".hash.sha256('x') == ''", "kyverno.hash"},
		{"(.hash.sha256('x')) == ''", "kyverno.hash"},
		{"true ? time.now() : 1", "kyverno.time"},
		{"object.spec.a ? yaml.parse('') : 1", "kyverno.yaml"},
		{"object.spec.image // of it\n('x')", "kyverno.image kyverno.imagedata"},
		{"exceptions.allowedImages.exists(i, true)", "all"},
		{"object.exceptions", ""},
		{"Context{} == http.Context{}", "kyverno.http"},
		{"object.spec.a.split('.').join('')", "cel.lib.ext.strings"},
		{"object.spec.add", ""},
		{"object.spec.a.indexOf('a') > 0", "cel.lib.ext.strings kubernetes.lists"},
		{"math.greatest(1, 2) == 2", "cel.lib.ext.math kyverno.math"},
		{"cel.bind(x, object.spec, x.y)", "cel.lib.ext.cel.bindings"},
	} {
		got := Named(map[string]any{"message": "image", "validations": []any{map[string]any{"expression": tt.text}}})
		var names []string
		for _, name := range slices.Sorted(maps.Keys(libraries)) {
			if got&sets()[name] != 0 {
				names = append(names, name)
			}
		}
		said := strings.Join(names, " ")
		if got == All {
			said = "all"
		}
		if said != tt.want {
			t.Errorf("%q names %s, want %s", tt.text, said, tt.want)
		}
	}
}

func TestAsks(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"resource.Get('v1', 'secrets', 'a', 'b').data", true},
		{"globalContext.Get('a', '') == null", true},
		{"image.GetMetadata(object.spec.image).config == null", true},
		{"http.Get('https://a').b", true},
		{"generator.Apply('a', [])", true},
		{"object.spec.rules.all(rule, rule.http.paths == [])", false},
		{"object.spec.resource == 'resources'", false},
		{"object.spec.rules.exists(resource, resource == '')", true}, // needlessly
	} {
		if got := Asks([]any{tt.text}); got != tt.want {
			t.Errorf("%q: %v", tt.text, got)
		}
	}
	if Asks(map[string]any{"message": "http is asked"}) {
		t.Error("a message asks")
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
		if err := Compile(nil, All, func() error { got = declarations(t, v); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-Kubernetes +here)\n%s", v, diff)
		}
	}
}

// declarations lists what the environment of a set declares.
func declarations(t *testing.T, v *version.Version) []string {
	t.Helper()
	env, err := environment.MustBaseEnvSet(v).Env(environment.StoredExpressions)
	if err != nil {
		t.Fatal(err)
	}
	return declared(env)
}

func declared(env *cel.Env) (all []string) {
	for _, f := range env.Functions() {
		line := "function " + f.Name() + ":"
		for _, o := range f.OverloadDecls() {
			line += " " + o.ID()
		}
		all = append(all, line)
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
	for _, v := range env.Validators() {
		all = append(all, "validator "+v.Name())
	}
	slices.Sort(all)
	return all
}

// features lists the features of an environment, for which cel-go has no names.
func features(env *cel.Env) (all []int) {
	for feature := range 64 {
		if env.HasFeature(feature) {
			all = append(all, feature)
		}
	}
	return all
}

// What Kyverno compiles policies in is the same by the reduced environments as by
// Kubernetes' own, where they leave nothing out.
func TestReducedOfAll(t *testing.T) {
	e, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	extended := func(set environment.EnvSet) *cel.Env {
		extended, err := set.Extend(environment.VersionedOptions{
			IntroducedVersion: version.MajorMinor(1, 0),
			EnvOptions:        append(celcompiler.DefaultEnvOptionsWithCompat(), cel.Variable("object", cel.DynType)),
		})
		if err != nil {
			t.Fatal(err)
		}
		env, err := extended.Env(environment.StoredExpressions)
		if err != nil {
			t.Fatal(err)
		}
		return env
	}
	set, err := e.with(All >> 1) // the last of 64 is none
	if err != nil {
		t.Fatal(err)
	}
	// A set that nothing replaces.
	kubernetes, kcue := extended(*environment.MustBaseEnvSet(version.MajorMinor(1, 34))), extended(set)
	if diff := cmp.Diff(declared(kubernetes), declared(kcue)); diff != "" {
		t.Errorf("(-Kubernetes +here)\n%s", diff)
	}
	if diff := cmp.Diff(features(kubernetes), features(kcue)); diff != "" {
		t.Errorf("features (-Kubernetes +here)\n%s", diff)
	}
	for _, expression := range []string{
		"has(object.a) && object.b.matches('^[a-z]+$')",
		"object.list.all(x, object.list.all(y, x + y < 10))",
		"object.list.map(x, object.list.map(y, object.list.map(z, object.list.map(u, object.list.map(v, x + y + z + u + v))))).size() > 0", // above the limit
		"object.b.find('[a-z]') == 'x' && ip('10.0.0.1').family() == 4 && object.b.split(',').size() == 1",
		"object.?c.orValue('d') == 'd' && timestamp('2020-01-01T00:00:00Z').getHours() == 0 && 1 < 2.5",
		"'%s'.format([object.b]) == 'x' && math.greatest(1, 2) == 2 && sets.contains(object.list, [1])",
		"url(object.b).getHost() == ''",
		"duration('x') == duration('1s')",
		"[1, 'a'] == []",
	} {
		if by, here := outcome(kubernetes, expression), outcome(kcue, expression); by != here {
			t.Errorf("%s\nKubernetes: %s\nhere: %s", expression, by, here)
		}
	}
}

// outcome says what an expression comes to, and at what cost.
func outcome(env *cel.Env, expression string) string {
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return issues.Err().Error()
	}
	program, err := env.Program(ast)
	if err != nil {
		return err.Error()
	}
	list := make([]any, 40)
	for i := range list {
		list[i] = i
	}
	value, details, err := program.Eval(map[string]any{"object": map[string]any{"a": true, "b": "x", "list": list}})
	cost := "unknown"
	if c := details.ActualCost(); c != nil {
		cost = fmt.Sprint(*c)
	}
	return fmt.Sprintf("%v %v, cost %s", value, err, cost)
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
		for name, with := range map[string]Libraries{"all": All, "none": 0} {
			if err := Compile(nil, with, func() error {
				set, err := environment.MustBaseEnvSet(v).Extend(hidden)
				if err != nil {
					t.Errorf("%s, %s: %v", v, name, err)
					return nil
				}
				env, err := set.Env(environment.StoredExpressions)
				if err != nil {
					t.Error(err)
					return nil
				}
				if _, issues := env.Compile("true"); issues.Err() == nil {
					t.Errorf("%s, %s: what is declared is never validated", v, name)
				}
				return nil
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

// Libraries are unknown where policies are compiled that name nothing of them,
// and known to those that do.
func TestReduced(t *testing.T) {
	e, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	compile := func(with Libraries, expression string) (message string) {
		policy := &policiesv1beta1.ValidatingPolicy{}
		policy.Spec.Validations = []admissionregistrationv1.Validation{{Expression: expression}}
		compiling = newGate() // which remembers nothing
		if err := e.compile(nil, with, func() error {
			if _, errs := compiler.NewCompiler().Compile(policy, nil); len(errs) > 0 {
				message = errs.ToAggregate().Error()
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return message
	}
	const plain = "object.metadata.?name.orValue('') == '' && [1].all(i, x, x == 1) && object.a.all(x, has(x.b) && x.b.matches('a') && size(x.b) < 3)"
	if named := Named(plain); named != 0 {
		t.Errorf("%s is said to name libraries: %b", plain, named)
	}
	if message := compile(0, plain); message != "" {
		t.Error(message)
	}
	calls := map[string]string{
		"cel.lib.ext.cel.bindings":  "cel.bind(x, 1, x == 1)",
		"cel.lib.ext.encoders":      "base64.encode(b'a') == ''",
		"cel.lib.ext.lists":         "[1, 2].distinct() == []",
		"cel.lib.ext.math":          "math.abs(1) == 1",
		"cel.lib.ext.protos":        "proto.hasExt(object, a.b)",
		"cel.lib.ext.regex":         "regex.replace('a', 'b', 'c') == ''",
		"cel.lib.ext.sets":          "sets.contains([1], [1])",
		"cel.lib.ext.strings":       "'a'.trim() == ''",
		"kubernetes.Semver":         "isSemver('a')",
		"kubernetes.authz":          "object.path('a').check('b').allowed()",
		"kubernetes.authzSelectors": "object.fieldSelector('a') == null",
		"kubernetes.format":         "format.dns1123Label().validate('a').hasValue()",
		"kubernetes.lists":          "[1].isSorted()",
		"kubernetes.net.cidr":       "isCIDR('a')",
		"kubernetes.net.ip":         "isIP('a')",
		"kubernetes.quantity":       "isQuantity('a')",
		"kubernetes.regex":          "'a'.find('b') == ''",
		"kubernetes.urls":           "isURL('a')",

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
	for library, call := range calls {
		own, named := sets()[library], Named(call)
		if named&own == 0 {
			t.Errorf("%s is said to name nothing of %s", call, library)
		}
		// Some names are of more than one.
		message := compile(named&^own, call)
		if !strings.Contains(message, "undeclared reference") && !strings.Contains(message, "no matching overload") {
			t.Errorf("%s is known where it is left out: %s", library, message)
		}
		in, all := compile(named, call), compile(All, call)
		if in != all {
			t.Errorf("%s: with what it names, %q; with all, %q", call, in, all)
		}
		if in != "" && library != "kubernetes.authzSelectors" && library != "kubernetes.authz" && library != "cel.lib.ext.protos" {
			t.Errorf("%s is not known: %s", library, in)
		}
	}
}
