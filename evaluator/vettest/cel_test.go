package vettest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	celcompiler "github.com/kyverno/kyverno/pkg/cel/compiler"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"kcue.dev/compiler/celenv"
	"kcue.dev/evaluator/celcontext"
)

// celCase is an expression where a policy has it.
type celCase struct {
	from       string
	kind       celenv.Kind
	variables  []admissionregistrationv1.Variable // declared before it
	expression string
	result     celenv.Result
}

// TestCELVerdictsAreKyvernos compiles every CEL expression of the published
// policies, and those of celOwn, as it stands and broken in many ways, in
// Kyverno's own environments with Kyverno's own functions, and compares what is
// refused with what celenv finds.
func TestCELVerdictsAreKyvernos(t *testing.T) {
	cases := append(celOwn(), celPublished(t)...)
	seen := map[string]bool{}
	oracle := &celOracle{t: t, environments: kyvernoEnvironments(t), rules: map[string]*plugincel.CompositedCompiler{}}
	ours, err := celenv.Load()
	if err != nil {
		t.Fatal(err)
	}
	var accepted, refused, differ int
	for _, c := range cases {
		variants := []string{c.expression}
		// The kinds differ in their declarations, and not in how they are broken.
		if c.from != "celOwn" || c.kind == celenv.Mutating {
			variants = append(variants, celBroken(c.expression)...)
		}
		for _, expression := range variants {
			broken := c
			broken.expression = expression
			key := fmt.Sprint(broken.kind, broken.variables, expression, broken.result)
			if seen[key] {
				continue
			}
			seen[key] = true
			want := oracle.refuses(broken)
			problems := celProblems(t, ours, broken)
			if want == nil {
				accepted++
			} else {
				refused++
			}
			if (want != nil) != (len(problems) > 0) {
				differ++
				if differ < 20 {
					t.Errorf("%s, %s:\n%s\nKyverno: %v\ncelenv: %v", c.from, c.kind, expression, want, problems)
				}
			}
			for _, p := range problems {
				if p.Offset > len(expression) || p.Line < 1 || p.Column < 1 || p.Message == "" || strings.ContainsAny(p.Message+p.Hint, "\n^") || strings.Contains(p.Message, "ERROR") {
					t.Errorf("%s: %s\n%+v", c.from, expression, p)
				}
			}
		}
	}
	t.Logf("%d expressions, %d accepted, %d refused, %d differ", len(cases), accepted, refused, differ)
	if accepted < 100 || refused < 1000 {
		t.Errorf("%d accepted and %d refused: that compares next to nothing", accepted, refused)
	}
}

// celProblems is what celenv finds in an expression.
func celProblems(t *testing.T, envs *celenv.Environments, c celCase) []celenv.Problem {
	t.Helper()
	scope, err := envs.Scope(c.kind)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range c.variables {
		scope.Declare(v.Name, v.Expression)
	}
	return scope.Check(c.expression, c.result)
}

// celOracle asks Kyverno. Compiling a policy costs it an environment of 15 ms,
// so expressions with the same variables before them share one.
type celOracle struct {
	t            *testing.T
	environments map[celenv.Kind]*cel.Env
	declared     map[string]*cel.Env
	rules        map[string]*plugincel.CompositedCompiler
}

// refuses compiles an expression as Kyverno does in its place.
func (o *celOracle) refuses(c celCase) error {
	switch c.kind {
	case celenv.Rule, celenv.RuleParams, celenv.RuleMessage, celenv.RuleMessageParams, celenv.Webhook:
		return o.refusesRule(c)
	}
	env := o.environment(c)
	path := field.NewPath("spec")
	var errs field.ErrorList
	switch c.result {
	case celenv.Bool:
		_, errs = celcompiler.CompileMatchCondition(path, env, admissionregistrationv1.MatchCondition{Expression: c.expression})
	case celenv.String:
		_, errs = celcompiler.CompileValidation(path, env, admissionregistrationv1.Validation{Expression: "true", MessageExpression: c.expression})
	case celenv.StringOrNull:
		_, errs = celcompiler.CompileAuditAnnotation(path, env, admissionregistrationv1.AuditAnnotation{ValueExpression: c.expression})
	case celenv.Images:
		_, errs = celcompiler.CompileImageExtractors(path, env, nil, policiesv1beta1.ImageExtractor{Expression: c.expression})
	case celenv.Patches:
		_, errs = celcompiler.CompileMutation(path, env, c.expression, cel.ListType(types.NewObjectType("JSONPatch")))
	case celenv.Object:
		_, errs = celcompiler.CompileMutation(path, env, c.expression, types.NewObjectType("Object"))
	case celenv.Map:
		_, errs = celcompiler.CompileMutation(path, env, c.expression, types.NewMapType(types.StringType, types.AnyType))
	default:
		_, errs = celcompiler.CompileVariable(path, env, celcompiler.NewVariablesProvider(env.CELTypeProvider()), admissionregistrationv1.Variable{Name: "x", Expression: c.expression})
	}
	return errs.ToAggregate()
}

// environment gives Kyverno's environment of a kind with its own provider of
// variables in it, to which Kyverno's own function adds the case's.
func (o *celOracle) environment(c celCase) *cel.Env {
	if len(c.variables) == 0 {
		return o.environments[c.kind]
	}
	key := fmt.Sprint(c.kind, c.variables)
	if env, ok := o.declared[key]; ok {
		return env
	}
	base := o.environments[c.kind]
	provider := celcompiler.NewVariablesProvider(base.CELTypeProvider())
	env, err := base.Extend(cel.CustomTypeProvider(provider))
	if err != nil {
		o.t.Fatal(err)
	}
	if err := celcontext.Compile(nil, celcontext.All, func() error {
		for _, v := range c.variables {
			if _, errs := celcompiler.CompileVariable(field.NewPath("spec"), env, provider, v); len(errs) > 0 {
				provider.RegisterField(v.Name, types.DynType)
			}
		}
		return nil
	}); err != nil {
		o.t.Fatal(err)
	}
	if o.declared == nil {
		o.declared = map[string]*cel.Env{}
	}
	o.declared[key] = env
	return env
}

// refusesRule compiles an expression of validate.cel
// (pkg/engine/handlers/validation/validate_cel.go).
func (o *celOracle) refusesRule(c celCase) error {
	key := fmt.Sprint(c.kind == celenv.RuleParams || c.kind == celenv.RuleMessageParams, c.variables)
	compiler, ok := o.rules[key]
	params := c.kind == celenv.RuleParams || c.kind == celenv.RuleMessageParams
	if !ok {
		compiler = ruleCompiler(o.t)
		for _, v := range c.variables {
			compiler.CompileAndStoreVariable(&plugincelExpression{name: v.Name, expression: v.Expression}, plugincel.OptionalVariableDeclarations{HasParams: params, HasAuthorizer: true}, environment.StoredExpressions)
		}
		o.rules[key] = compiler
	}
	options := plugincel.OptionalVariableDeclarations{HasParams: params, HasAuthorizer: c.kind == celenv.Rule || c.kind == celenv.RuleParams}
	x := &plugincelExpression{expression: c.expression}
	switch c.result {
	case celenv.Bool:
		x.types = []*cel.Type{cel.BoolType}
	case celenv.String:
		x.types = []*cel.Type{cel.StringType}
	case celenv.StringOrNull:
		x.types = []*cel.Type{cel.StringType, cel.NullType}
	}
	if result := compiler.CompileCELExpression(x, options, environment.StoredExpressions); result.Error != nil {
		return result.Error
	}
	return nil
}

// celBroken breaks an expression in ways that people do. Some of the results
// are sound.
func celBroken(expression string) []string {
	out := []string{
		"[" + expression + "]",
		"string(" + expression + ")",
		"(" + expression,
		expression + ")",
		expression + " &&",
		expression + " && nosuch",
		expression + " && noSuchFunction(1)",
		expression + " == 'a'",
		"{{ " + expression + " }}",
		strings.Replace(expression, "==", "=", 1),
		strings.Replace(expression, "&&", "and", 1),
		strings.Replace(expression, "object", "objct", 1),
		strings.Replace(expression, "variables.", "variables.not", 1),
		strings.Replace(expression, ".all(", ".every(", 1),
		strings.Replace(expression, ".exists(", ".any(", 1),
		strings.Replace(expression, ".orValue(", ".orElse(", 1),
		strings.Replace(expression, ".?", "?.", 1),
		strings.Replace(expression, "'", "", 1),
		strings.Replace(expression, "true", "'true'", 1),
		strings.TrimSuffix(expression, ")"),
	}
	for _, place := range celCall.FindAllStringSubmatchIndex(expression, 3) {
		out = append(out,
			expression[:place[2]]+"x"+expression[place[2]:],
			expression[:place[1]]+"1, "+expression[place[1]:],
			expression[:place[1]]+expression[place[1]+len(celArguments(expression[place[1]:])):])
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == expression })
}

var celCall = regexp.MustCompile(`\b([a-zA-Z]+)\(`)

// celArguments is what stands up to the first closing parenthesis.
func celArguments(rest string) string {
	before, _, found := strings.Cut(rest, ")")
	if !found {
		return ""
	}
	return before
}

// celOwn is what the published policies lack.
func celOwn() []celCase {
	variables := []admissionregistrationv1.Variable{
		{Name: "containers", Expression: "object.spec.containers"},
		{Name: "names", Expression: "variables.containers.map(c, string(c.name))"},
		{Name: "count", Expression: "size(variables.names)"},
		{Name: "user", Expression: "request.userInfo"},
		{Name: "image", Expression: "parseImageReference('ghcr.io/a/b:1')"},
		{Name: "maybe", Expression: "object.?spec.?replicas"},
		{Name: "broken", Expression: "nosuch"},
		{Name: "secret", Expression: "resource.Get('v1', 'secrets', 'default', 'a')"},
	}
	expressions := map[celenv.Result][]string{
		celenv.Bool: {
			"variables.count > 1 && variables.names[0].startsWith('a')",
			"variables.count.startsWith('a')",
			"variables.user.username == 'a'",
			"variables.user.nme == 'a'",
			"variables.image.tag() == 'latest'",
			"variables.maybe.orValue(1) > 1",
			"variables.maybe.hasValue()",
			"variables.broken",
			"variables.broken == 1",
			"variables.secret.data.a == 'b'",
			"true", "object.spec.hostNetwork", "bool(object.spec.hostNetwork)", "",
			"quantity('1Gi').isGreaterThan(quantity('1Mi'))",
			"ip('127.0.0.1').isLoopback() && cidr('10.0.0.0/8').containsIP('10.1.1.1')",
			"url('https://a/b').getHost() == 'a'",
			"format.named('dns1123label').value().validate('a').hasValue()",
			"[3, 1, 2].sort() == [1, 2, 3] && [{'a': 2}].sortBy(e, e.a).size() == 1",
			"sets.contains([1, 2], [1]) && math.greatest(1, 2) == 2 && [1, 2].sum() == 3",
			"cel.bind(x, object.spec, x.a == 1)",
			"object.metadata.?labels['a'].orValue('') == 'b'",
			"object.spec.containers.orValue([]).size() == 0",
			"request.object.metadata.name == request.oldObject.metadata.name",
			"request.kind.kind == 'Pod' && request.requestKind.group == ''",
			"dyn([1, 'a']).size() == 2 && [dyn(1), 'a'].size() == 2",
			"parseServiceAccount(request.userInfo.username).Namespace == 'a'",
			"user.parseServiceAccount(request.userInfo.username).Name == 'a'",
			"globalContext.Get('a', 'b').size() > 0 && globalContext.get('a').size() > 0",
			"image('a').registry() == 'a' && isImage('a')",
			"image.GetMetadata('a').config.x == 'y' && image.getMetadata('a').config.x == 'y'",
			"hash.sha256('a') == sha256('a')",
			"json.Unmarshal('{}').a == 1 && json.unmarshal('{}').a == 1",
			"yaml.Parse('a: 1').a == 1 && yaml.parse('a: 1').a == 1",
			"x509.decode('a').Subject == 'a'",
			"random('[a-z]{5}') == 'a'",
			"transform.listObjToMap([{'a': 'b'}], [{'a': 'b'}], 'a', 'a').size() == 1",
			"exceptions.allowedImages.size() == 0 && exceptions.allowedValues.exists(v, v == 'a')",
			"exceptions.nosuch.size() == 0",
			"verifyImageSignatures('a', [attestors.notary]) > 0",
			"images.containers.map(i, verifyImageSignatures(i, [attestors.a])).all(e, e > 0)",
			"verifyAttestationSignatures('a', attestations.sbom, [attestors.a]) > 0 && extractPayload('a', attestations.sbom).x == 1",
			"ref.startsWith('ghcr.io/')",
			"generator.Apply('default', [resource.Get('v1', 'secrets', 'a', 'b')])",
			"generator.Apply([resource.Get('v1', 'secrets', 'b')])",
			"generator.Apply('default', [{'kind': dyn('a'), 'metadata': dyn({'name': 'b'})}])",
			"generator.Apply('default', [{'kind': 'a', 'metadata': {'name': 'b'}}])",
			"resource.List('v1', 'pods', 'default').items.size() == 0 && resource.ToGVR('v1', 'Pod').x == 1",
			"authorizer.serviceAccount('a', 'b').group('').resource('pods').namespace('x').check('get').allowed()",
			"authorizer.requestResource.check('get').allowed()",
			"params.data.a == 'b' && params == null",
			"namespaceObject.metadata.labels.env == 'prod' && namespaceObject.metadata.annotations['a'] == 'b'",
			"oldObject == null || oldObject.spec == object.spec",
			"{'a': 'b'}.transformMap(k, v, v + k).size() == 1",
			"'a'.lowerAscii() == 'A'.lowerAscii() && 'a,b'.split(',').join('') == 'ab' && 'a'.reverse() == 'a'",
			"regex.extract('a1', '[0-9]').hasValue() && regex.replace('a', 'a', 'b') == 'b'",
			"base64.encode(b'a') == 'YQ=='",
			"type(object) == map && type(1) == int && type('a') == string",
			"object.spec.containers.all(c, c.image in ['a', 'b'])",
			"object.spec.containers.all(object.x, true)",
			"1 + 'a' == 2", "1u == 1 && 1 < 2.5", "'a' + 1", "!1", "-'a'", "[1][1.5] == 1", "object.a ? 1 : 'a'", "1 ? true : false",
			"has(object)", "has(object.a['b'])", "object.package == 'a' && object.namespace == 'b'", "namespace == 'a'",
			"object['spec']['a'] == 1 && object.`a-b` == 1", "variables == 1", "kubernetes.AdmissionRequest{name: 'a'}.name == 'a'",
			"net.IP == type(ip('1.1.1.1'))", "\"\"\"a\nb\"\"\" == r'\\d'", "'\\d' == ''", "9223372036854775808 == 1", "// only a comment", "a\nb",
			"string(1) == '1' && timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026", "int(99999999999999999999.0) == 1", "uint(-1) == 1u",
			"request.userInfo.usernam == 'a'",
			"request.object.spec.x == 1",
			"namespaceObject.metadata.label['a'] == 'b'",
			"variables.noSuchVariable",
			"[1, 'a'].size() == 2",
			"{'a': 1, 'b': 'c'}.size() == 2",
			"'a'.matches('[')",
			"'a'.find('[') == ''",
			"int('x') == 1",
			"duration('1x') == duration('1h')",
			"'%d'.format(['a']) == ''",
			"optional.of(1).orValue('a') == 1",
			"request.operation in 'CREATE'",
			"1 == 1.0",
			"authorizer.group('').resource('pods').check('get').allowed()",
			"params.x",
			"[1, 2].all(i, v, v > i)",
			"has(request.dryRun) && has(object.a[0])",
			"semver('1.2.3').isGreaterThan(semver('v1'))",
			"http.Get('https://a').b == 1",
			"resource.Get('v1', 'pods', 'a', 'b').x == 1",
			"resource.Get('v1', 'pods', 'a').x == 1",
			"Object{spec: Object.spec{a: 1}} == Object{}",
			"JSONPatch{op: 'add', paht: '/a'}.op == 'add'",
			"JSONPatch{op: 1}.op == 'add'",
			"time.now() > timestamp('2026-13-01T00:00:00Z')",
			"images.containers.size() > 0",
			"bool('maybe')", "double('x') == 1.0", "'a'.matches(object.b)", "'a'.findAll('(') == []",
		},
		celenv.String: {
			"'containers: ' + variables.names.join(', ')", "string(variables.count)", "variables.count", "object.metadata.name",
			"'%s has %d'.format([object.metadata.name, variables.count])", "request.namespace", "authorizer.path('/').check('get').reason()",
		},
		celenv.StringOrNull: {"null", "'a'", "1", "object.a", "variables.count > 1 ? 'a' : null"},
		celenv.Images: {
			"object.spec.containers.map(c, c.image)", "[object.spec.image]", "['a', 'b']", "object.images", "[1]", "'a'", "{'a': 'b'}",
		},
		celenv.Patches: {
			"[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]",
			"JSONPatch{op: 'add', path: '/a'}", "[]", "[{'op': 'add'}]", "has(object.a) ? [JSONPatch{op: 'remove', path: '/a'}] : []",
			"[JSONPatch{op: 'add', path: '/a', value: Object.spec{b: 'c'}}]", "[JSONPatch{op: 'add', path: '/a', nosuch: 1}]",
		},
		celenv.Object: {
			"Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, image: 'a'})}}",
			"Object{metadata: Object.metadata{labels: Object.metadata.labels{a: 'b'}}}", "{'spec': {}}", "object", "Object.spec{}",
		},
		celenv.Map: {
			"resource.Get('v1', 'pods', 'default', 'a')", "resource.List('v1', 'pods', 'default')", "{'a': 'b'}", "{}", "object", "[resource.Get('v1', 'pods', 'default', 'a')]",
		},
		celenv.Anything: {"object", "1", "nosuch", "variables.names", "Object{}", ""},
	}
	var out []celCase
	for _, kind := range kinds {
		for _, result := range []celenv.Result{celenv.Bool, celenv.String, celenv.StringOrNull, celenv.Images, celenv.Patches, celenv.Object, celenv.Map, celenv.Anything} {
			if isRule(kind) && result >= celenv.Images {
				continue
			}
			for _, expression := range expressions[result] {
				out = append(out, celCase{from: "celOwn", kind: kind, variables: variables, expression: expression, result: result})
			}
		}
	}
	return out
}

func isRule(kind celenv.Kind) bool {
	return slices.Contains([]celenv.Kind{celenv.Rule, celenv.RuleParams, celenv.RuleMessage, celenv.RuleMessageParams, celenv.Webhook}, kind)
}
