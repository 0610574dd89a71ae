package celenv_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/cel-go/common/types"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/celenv"
)

// written is how a problem is compared: place, reason, message and hint.
func written(problems []celenv.Problem) []string {
	var out []string
	for _, p := range problems {
		line := fmt.Sprintf("%d:%d %s: %s", p.Line, p.Column, p.Reason, p.Message)
		if p.Hint != "" {
			line += " [" + p.Hint + "]"
		}
		out = append(out, line)
	}
	return out
}

func TestCheck(t *testing.T) {
	cases := []struct {
		kind       celenv.Kind
		result     celenv.Result
		expression string
		want       []string
	}{
		{celenv.Validating, celenv.Bool, "object.spec.containers.all(c, c.image.startsWith('ghcr.io/'))", nil},
		{celenv.Mutating, celenv.Patches, "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]", nil},
		{celenv.RuleParams, celenv.Bool, "params.x == 1 && authorizer.path('a').check('b').allowed()", nil},
		{celenv.ImageValidating, celenv.Bool, "images.containers.all(i, verifyImageSignatures(i, [attestors.notary]) > 0)", nil},
		{celenv.MatchImage, celenv.Bool, "ref.startsWith('ghcr.io/')", nil},
		{celenv.Validating, celenv.Bool, "object.spec.containers.any(c, c.image == 'a')", []string{
			`1:24 unknownFunction: unknown function "any" [did you mean "exists"?]`,
		}},
		{celenv.Validating, celenv.Bool, "objct.spec.x == 1 && object.name.startWith('a')", []string{
			`1:1 unknownName: unknown name "objct" [did you mean "object"?]`,
			`1:34 unknownFunction: unknown function "startWith" [did you mean "startsWith"?]`,
		}},
		{celenv.Validating, celenv.Bool, "request.userInfo.usernam == 'a'", []string{
			`1:18 unknownField: request.userInfo has no field "usernam" [did you mean "username"?]`,
		}},
		{celenv.Validating, celenv.Bool, "request.?userInf.username == 'a'", []string{
			`1:8 unknownField: request has no field "userInf" [did you mean "userInfo"?]`,
			`1:27 wrongArguments: == cannot compare optional_type(dyn) with string`,
		}},
		{celenv.Validating, celenv.Bool, "object.spec.hostNetwork", []string{
			`1:1 wrongResult: the expression is of type dyn (known only at run time), and must be a bool [compare it with true, or wrap it in bool()]`,
		}},
		{celenv.Validating, celenv.Bool, "object.spec.replicas + 1", []string{
			`1:1 wrongResult: the expression is of type int, and must be a bool`,
		}},
		{celenv.Validating, celenv.Bool, "(object.a == 1 && (object.b == 2)", []string{
			`1:1 syntax: '(' is not closed`,
		}},
		{celenv.Validating, celenv.Bool, "object.a == 1)", []string{
			`1:14 syntax: ')' closes nothing`,
		}},
		{celenv.Validating, celenv.Bool, "object.a = 1", []string{
			`1:10 syntax: "=" is not part of CEL [equality is ==]`,
		}},
		{celenv.Validating, celenv.Bool, "object.a == 1 and object.b == 2", []string{
			`1:15 syntax: "and" is not expected here [and is &&]`,
		}},
		{celenv.Validating, celenv.Bool, "object.a == 1 & object.b == 2", []string{
			`1:15 syntax: "&" is not part of CEL [and is &&]`,
		}},
		{celenv.Validating, celenv.Bool, "object.a == 'abc", []string{
			`1:13 syntax: the string that begins here is not closed with '`,
		}},
		{celenv.Validating, celenv.Bool, "object.a ==", []string{
			`1:12 syntax: the expression ends where a value is expected`,
		}},
		{celenv.Validating, celenv.Bool, "{{ request.object.metadata.name }} == 'a'", []string{
			`1:1 syntax: {{ }} is a variable of JMESPath, which CEL does not have [write the path itself, such as request.object as object]`,
		}},
		{celenv.Validating, celenv.Bool, "'a'.startsWith(1)", []string{
			`1:5 wrongArguments: startsWith() does not take (int) on a value of type string [it is called as string.startsWith(string)]`,
		}},
		{celenv.Validating, celenv.Bool, "'a'.startsWith('a', 'b')", []string{
			`1:5 wrongArguments: startsWith() does not take (string, string) on a value of type string [it is called as string.startsWith(string)]`,
		}},
		{celenv.Validating, celenv.Bool, "'a' == 1", []string{
			`1:5 wrongArguments: == cannot compare string with int`,
		}},
		{celenv.Validating, celenv.Bool, "'a' && true", []string{
			`1:1 wrongType: this is of type string, where bool is expected`,
		}},
		{celenv.Validating, celenv.Bool, "true ? 'a' : 1", []string{
			`1:6 wrongArguments: the values after ? and : have different types, string and int`,
		}},
		{celenv.Validating, celenv.Bool, "[1, 'a'].size() == 2", []string{
			`1:5 wrongType: this is of type string in a literal of int, and Kyverno allows one type only [wrap one in dyn() to mix types]`,
		}},
		{celenv.Validating, celenv.Bool, "'a'.matches('[')", []string{
			`1:13 wrongLiteral: this is no regular expression of RE2`,
		}},
		{celenv.Validating, celenv.Bool, "'a'.find('[') == ''", []string{
			`1:10 wrongLiteral: this is no regular expression of RE2`,
		}},
		{celenv.Validating, celenv.Bool, "int('x') == 1", []string{
			`1:5 wrongLiteral: "x" cannot be converted with int()`,
		}},
		{celenv.Validating, celenv.Bool, "variables.x == 1", []string{
			`1:11 unknownVariable: the policy declares no variable "x"`,
		}},
		{celenv.Validating, celenv.Bool, "params.x == 1 && authorizer.path('a').check('b').allowed() && ref == 'a' && verifyImageSignatures('a', []) > 0", []string{
			`1:1 unknownName: "params" is not available here`,
			`1:18 unknownName: "authorizer" is not available here`,
			`1:63 unknownName: "ref" is not available here`,
			`1:77 unknownFunction: the function "verifyImageSignatures" is not available here`,
		}},
		{celenv.Validating, celenv.Bool, "math.greatst(1, 2) == 2", []string{
			`1:1 unknownFunction: unknown function "math.greatst" [did you mean "math.greatest"?]`,
		}},
		{celenv.Validating, celenv.Bool, "resource.Get('v1', 'pods', 'a').x == 1", []string{
			`1:10 wrongArguments: resource.Get() does not take (string, string, string) [it is called as resource.Get(schema.GroupVersionResource, string, string), or resource.Get(string, string, string, string)]`,
		}},
		{celenv.Validating, celenv.Bool, "has(object)", []string{
			`1:5 syntax: has() takes the selection of a field, such as has(object.spec.replicas)`,
		}},
		{celenv.Validating, celenv.Bool, "object.spec.containers.all(c.x, true)", []string{
			`1:29 syntax: the first argument names the element, so it must be a simple name, such as c`,
		}},
		{celenv.Validating, celenv.Bool, "request.operation in 'CREATE'", []string{
			`1:19 wrongArguments: in looks for a value of a list or a key of a map, and not for string in string`,
		}},
		{celenv.Validating, celenv.Bool, "1.all(c, true)", []string{
			`1:1 wrongType: this is of type int, and only a list or a map has elements to go through`,
		}},
		{celenv.Validating, celenv.Bool, "request.operation.x == 1", []string{
			`1:19 wrongType: a value of type string has no fields`,
		}},
		{celenv.Validating, celenv.Bool, "object.spec.orValue(1, 2) == 3", []string{
			`1:13 wrongArguments: orValue() does not take (int, int) on a value of type dyn (known only at run time) [it is called as optional_type(V).orValue(V)]`,
		}},
		{celenv.Validating, celenv.Bool, "len(object.spec) == 3", []string{
			`1:1 unknownFunction: unknown function "len" [did you mean "size"?]`,
		}},
		{celenv.Validating, celenv.Bool, "foo.bar(1) == 3 && !1 && -'a' == 2", []string{
			`1:1 unknownName: unknown name "foo"`,
			`1:5 unknownFunction: unknown function "bar"`,
			`1:20 wrongArguments: ! does not take a value of type int`,
			`1:26 wrongArguments: - does not take a value of type string`,
		}},
		{celenv.Validating, celenv.Bool, "'%d'.format(['a']) == ''", []string{
			`1:14 wrongType: the format does not fit what it is given: decimal clause can only be used on integers, was given string`,
		}},
		{celenv.Validating, celenv.Bool, "namespace == 'a'", []string{
			`1:1 syntax: "namespace" is a word that CEL reserves, and cannot be a name`,
		}},
		{celenv.Validating, celenv.Bool, "a\nb", []string{
			`2:1 syntax: "b" is not expected here`,
		}},
		{celenv.Validating, celenv.Bool, "object.metadata.labels['a'] ==\n  'b' &&\n  objectt.x == 'ä' && objet.y", []string{
			`3:3 unknownName: unknown name "objectt" [did you mean "object"?]`,
			`3:23 unknownName: unknown name "objet" [did you mean "object"?]`,
		}},
		{celenv.Validating, celenv.String, "1", []string{
			`1:1 wrongResult: the expression is of type int, and must be a string [wrap it in string()]`,
		}},
		{celenv.Validating, celenv.String, "object.metadata.name", []string{
			`1:1 wrongResult: the expression is of type dyn (known only at run time), and must be a string [wrap it in string()]`,
		}},
		{celenv.Mutating, celenv.Patches, "JSONPatch{op: 'add'}", []string{
			`1:1 wrongResult: the expression is of type JSONPatch, and must be a list of JSONPatch{} [put it into a list: [JSONPatch{...}]]`,
		}},
		{celenv.Mutating, celenv.Patches, "[JSONPatch{op: 'add', paht: 'a'}]", []string{
			`1:27 unknownField: JSONPatch has no field "paht" [did you mean "path"?]`,
		}},
		{celenv.Mutating, celenv.Patches, "[JSONPatch{op: 1}]", []string{
			`1:14 wrongType: field "op" is of type string, and this is int`,
		}},
		{celenv.Mutating, celenv.Object, "{'spec': 1}", []string{
			`1:1 wrongResult: the expression is of type map(string, int), and must be an Object{} [write Object{...}, and Object.spec{...} inside it, instead of a map]`,
		}},
		{celenv.Mutating, celenv.Map, "object", []string{
			`1:1 wrongResult: the expression is of type dyn (known only at run time), and must be a map(string, any), such as a resource that resource.Get() gives`,
		}},
		{celenv.Mutating, celenv.Object, "Objct{spec: 1}", []string{
			`1:1 unknownName: unknown type "Objct" [did you mean "Object"?]`,
		}},
		{celenv.Rule, celenv.Bool, "params.x == 1", []string{
			`1:1 unknownName: "params" is not available here [params is there where the rule has a paramKind]`,
		}},
		{celenv.Rule, celenv.Bool, "request.object.x == 1", []string{
			`1:9 unknownField: request has no field "object"`,
		}},
		{celenv.Deleting, celenv.Bool, "images.containers == 1", []string{
			`1:1 unknownName: "images" is not available here`,
		}},
		{celenv.Validating, celenv.Bool, "optional.of(1).orValu(2) == 1 && optional.of('a').orValue() == 1 && [1].first()", []string{
			`1:16 unknownFunction: unknown function "orValu" [did you mean "orValue"?]`,
			`1:51 wrongArguments: orValue() does not take () on a value of type optional_type(string) [it is called as optional_type(V).orValue(V)]`,
			`1:73 wrongType: this is of type optional_type(int), where bool is expected`,
		}},
		{celenv.Validating, celenv.Bool, "object.spec.containers[?0].x == 1 && 'a'[0] == 'a' && 'a'.?b == 1", []string{
			`1:41 wrongArguments: a value of type string is not indexed by int`,
			`1:58 wrongType: a value of type string has no fields`,
			`1:62 wrongArguments: == cannot compare optional_type(dyn) with int`,
		}},
	}
	for _, c := range cases {
		t.Run(string(c.kind)+" "+c.expression, func(t *testing.T) {
			problems := newScope(t, c.kind).Check(c.expression, c.result)
			if diff := cmp.Diff(c.want, written(problems)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, p := range problems {
				before := c.expression[:p.Offset]
				if line := strings.Count(before, "\n") + 1; line != p.Line {
					t.Errorf("offset %d is in line %d, not %d", p.Offset, line, p.Line)
				}
			}
		})
	}
}

// TestDeclare holds variables to their order and their types.
func TestDeclare(t *testing.T) {
	scope := newScope(t, celenv.Validating)
	scope.Names = []string{"names", "count", "late"}
	if problems := scope.Declare("names", "object.spec.containers.map(c, string(c.name))"); len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff([]string{`1:16 unknownVariable: variables.late is not declared yet: an expression sees only the variables before it`},
		written(scope.Declare("count", "size(variables.late)"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for expression, want := range map[string][]string{
		"variables.names[0].startsWith('a')": nil,
		// What did not compile is reported once.
		"variables.count > 1":         nil,
		"variables.names == 1":        {`1:17 wrongArguments: == cannot compare list(string) with int`},
		"variables.nams.size() == 1":  {`1:11 unknownVariable: the policy declares no variable "nams" [did you mean "names"?]`},
		"names.size() == 1":           {`1:1 unknownName: unknown name "names" [did you mean "variables.names"?]`},
		"variables.?names.hasValue()": nil,
	} {
		if diff := cmp.Diff(want, written(scope.Check(expression, celenv.Bool))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expression, diff)
		}
	}
}

// TestIn holds a scope in another environment to the variables of the first.
func TestIn(t *testing.T) {
	scope := newScope(t, celenv.Rule)
	scope.Declare("user", "request.userInfo")
	scope.Declare("names", "object.names.map(n, string(n))")
	message, err := scope.In(celenv.RuleMessage)
	if err != nil {
		t.Fatal(err)
	}
	if problems := message.Check("'for ' + variables.names.join(', ')", celenv.String); len(problems) > 0 {
		t.Error(problems)
	}
	// Kubernetes forgets the types of objects.
	if problems := message.Check("string(variables.user.nosuch)", celenv.String); len(problems) > 0 {
		t.Error(problems)
	}
	want := []string{`1:8 unknownName: "authorizer" is not available here`}
	if diff := cmp.Diff(want, written(message.Check("string(authorizer.path('/').check('get').allowed())", celenv.String))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestScopesAreApart holds the variables of one policy out of the next.
func TestScopesAreApart(t *testing.T) {
	newScope(t, celenv.Validating).Declare("mine", "1")
	if problems := newScope(t, celenv.Validating).Check("variables.mine == 1", celenv.Bool); len(problems) != 1 {
		t.Errorf("another policy's variable is seen: %v", problems)
	}
}

// TestSelections holds the chains of fields to how they are written.
func TestSelections(t *testing.T) {
	want := []celenv.Selection{
		{Names: []string{"object", "metadata", "labels", "a/b"}, Indexed: 3, Problem: celenv.Problem{Line: 1, Column: 1}},
		{Names: []string{"object", "spec", "x"}, Tested: true, Problem: celenv.Problem{Offset: 44, Line: 1, Column: 45}},
		{Names: []string{"object", "spec", "x", "y"}, Optional: 2, Guarded: true, Problem: celenv.Problem{Offset: 63, Line: 2, Column: 2}},
		{Names: []string{"http"}, Problem: celenv.Problem{Offset: 95, Line: 2, Column: 34}},
	}
	got := newScope(t, celenv.Validating).Selections("object.metadata.labels['a/b'] == 'c' && has(object.spec.x) &&\n object.spec.?x.y.orValue('') == http.Get('a')")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range newScope(t, celenv.Validating).Selections("object.spec.containers.all(c, c.image != '') && [1].all(d, d.x == 1)") {
		switch {
		case s.Names[0] == "c" && !cmp.Equal(s.Over, []string{"object", "spec", "containers"}):
			t.Errorf("c goes over %v", s.Over)
		case s.Names[0] == "d" && s.Over != nil:
			t.Errorf("d goes over %v", s.Over)
		}
	}
	if got := newScope(t, celenv.Validating).Selections("a ="); got != nil {
		t.Errorf("what is no CEL reads %v", got)
	}
}

// TestParallel checks policies of all kinds at once, each with its variables.
func TestParallel(t *testing.T) {
	envs, err := celenv.Decode()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			kind := []celenv.Kind{celenv.Validating, celenv.Mutating, celenv.Rule}[i%3]
			scope, err := envs.Scope(kind)
			if err != nil {
				t.Error(err)
				return
			}
			name := fmt.Sprintf("v%d", i)
			scope.Declare(name, "object.spec.containers.map(c, string(c.name))")
			if problems := scope.Check("variables."+name+".size() > 1", celenv.Bool); len(problems) > 0 {
				t.Errorf("%s: %v", kind, problems)
			}
			if problems := scope.Check("variables.none == 1", celenv.Bool); len(problems) != 1 {
				t.Errorf("%s: %v", kind, problems)
			}
		})
	}
	group.Wait()
}

func TestUnknownKind(t *testing.T) {
	if _, err := load(t).Scope("nosuch"); err == nil {
		t.Error("a scope of no kind")
	}
}

// TestHostileExpressions holds the checker to answering, whatever it is given.
func TestHostileExpressions(t *testing.T) {
	for name, expression := range map[string]string{
		"deep":        strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000),
		"deep lists":  strings.Repeat("[", 5_000),
		"long":        strings.Repeat("a+", 100_000) + "a",
		"NUL":         "object.a\x00",
		"many errors": strings.Repeat("nosuch(1) && ", 500) + "true",
	} {
		t.Run(name, func(t *testing.T) {
			problems := newScope(t, celenv.Validating).Check(expression, celenv.Bool)
			if len(problems) == 0 {
				t.Error("accepted")
			}
			for _, p := range problems {
				if p.Offset > len(expression) || p.Message == "" || strings.Contains(p.Message, "\n") {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

func TestTypes(t *testing.T) {
	for _, text := range []string{
		"string", "dyn", "any", "null", "timestamp", "list(string)", "map(string, list(int))", "type", "type(string)", "<A>",
		"wrapper(int)", "!optional_type(map(string, <V>))", "!net.IP()", "kubernetes.AdmissionRequest",
	} {
		typ, err := celenv.ParseType(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := celenv.FormatType(typ); got != text {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	if got := celenv.FormatType(types.NewOptionalType(types.IntType)); got != "!optional_type(int)" {
		t.Errorf("optional int is written as %s", got)
	}
	for _, text := range []string{"", "list(", "list(int", "list(int, int)", "map(string)", "list(int))", "list()", strings.Repeat("list(", 100)} {
		if typ, err := celenv.ParseType(text); err == nil {
			t.Errorf("%q is read as %v", text, typ)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("object.spec.containers.all(c, c.image.startsWith('a'))")
	f.Add("variables.x == r\"a\" && '''b''' == \"\"\"c")
	f.Add("[JSONPatch{op: 'add'}, {1: 2}][?0].?a.orValue(1)")
	envs := load(f)
	f.Fuzz(func(t *testing.T, expression string) {
		for _, kind := range []celenv.Kind{celenv.Validating, celenv.Mutating, celenv.RuleMessage} {
			scope, err := envs.Scope(kind)
			if err != nil {
				t.Fatal(err)
			}
			scope.Declare("x", expression)
			for _, p := range scope.Check(expression, celenv.Bool) {
				if p.Offset < 0 || p.Offset > len(expression) || p.Message == "" {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}
