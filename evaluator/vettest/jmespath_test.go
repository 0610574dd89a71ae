package vettest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	gojmespath "github.com/kyverno/go-jmespath"
	"github.com/kyverno/kyverno/pkg/config"
	kyvernojmespath "github.com/kyverno/kyverno/pkg/engine/jmespath"
	"github.com/kyverno/kyverno/pkg/engine/variables"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/spec"
)

// publishedPolicies holds Kyverno's published policies, where they are at hand.
const publishedPolicies = "../../../shared/corpus"

// publishedObjects gives the objects of the published policies' files, with
// the names of their files.
func publishedObjects(t *testing.T, visit func(file string, object *spec.Node)) {
	t.Helper()
	if _, err := os.Stat(publishedPolicies); err != nil {
		t.Skipf("SKIPPED: the published policies are not at hand: %v", err)
	}
	err := filepath.WalkDir(publishedPolicies, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects, err := spec.ParseYAML(path, data)
		if err != nil {
			return nil // a file of templates
		}
		for _, object := range objects {
			visit(path, object)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// publishedExpressions gives every JMESPath expression of the published
// policies: variables, jmesPath fields and the lists of foreach.
func publishedExpressions(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	publishedObjects(t, func(_ string, object *spec.Node) {
		if group, _, _ := strings.Cut(object.Get("apiVersion").Str(), "/"); group == "kyverno.io" {
			collectExpressions(object, found)
		}
	})
	var out []string
	for expression := range found {
		out = append(out, expression)
	}
	slices.Sort(out)
	if len(out) < 150 {
		t.Fatalf("%d expressions found", len(out))
	}
	return out
}

func collectExpressions(n *spec.Node, found map[string]bool) {
	for _, v := range jmespath.Variables(n.Str()) {
		found[v.Expression] = true
	}
	for _, f := range n.Fields {
		if text := f.Value.Str(); (f.Name == "jmesPath" || f.Name == "list") && text != "" && !jmespath.HasVariables(text) {
			found[text] = true
		}
		collectExpressions(f.Value, found)
	}
	for _, item := range n.Items {
		collectExpressions(item, found)
	}
}

var (
	anyCall     = regexp.MustCompile(`[a-z_0-9]+\(`)
	lastOfCall  = regexp.MustCompile(`,[^,()]*\)`)
	closedCall  = regexp.MustCompile(`\)`)
	quoted      = regexp.MustCompile(`'[^']*'`)
	anyBracket  = regexp.MustCompile("[][(){}'\"`]")
	anyOperator = regexp.MustCompile(`\|\||&&|==|\.|\||,`)
)

// broken gives an expression broken in each of several ways, at each place.
func broken(expression string) []string {
	var out []string
	replace := func(re *regexp.Regexp, with ...func(string) string) {
		for _, at := range re.FindAllStringIndex(expression, -1) {
			for _, w := range with {
				out = append(out, expression[:at[0]]+w(expression[at[0]:at[1]])+expression[at[1]:])
			}
		}
	}
	drop := func(string) string { return "" }
	replace(anyBracket, drop, func(s string) string { return s + s })
	replace(anyOperator, drop, func(s string) string { return s + s }, func(string) string { return "=" }, func(string) string { return " " })
	replace(anyCall, func(s string) string { return s[1:] }, func(s string) string { return s[:len(s)-2] + "x(" }, func(s string) string { return strings.ToUpper(s) },
		func(string) string { return "to_upper(" }, func(string) string { return "length(" }, func(string) string { return "sort_by(" }, func(string) string { return "merge(" })
	replace(lastOfCall, func(string) string { return ")" }, func(string) string { return ", `1`)" }, func(string) string { return ", `[\"a\"]`)" })
	replace(closedCall, func(string) string { return ", 'x')" }, func(string) string { return ", &x)" })
	replace(quoted, func(string) string { return "`7`" }, func(string) string { return "`true`" }, func(string) string { return "`x`" }, func(string) string { return "a == b" })
	return out
}

// publishedBroken are the expressions of a published policy that Kyverno does
// not load (cost-optimization/schedule-based-quotas).
var publishedBroken = []string{
	"isBusinessHours ? '20' : '10'",
	"isBusinessHours ? '40Gi' : '20Gi'",
	"mockTime || time.Now() | time.ParseInLocation('America/Los_Angeles')",
}

// TestCheckAgainstKyverno holds Check to Kyverno's own parser and functions: on
// the published expressions, and on each broken in every way above, it finds a
// problem exactly where Kyverno refuses the expression, or a call in it fails
// whatever the values of its fields are.
func TestCheckAgainstKyverno(t *testing.T) {
	caller := kyvernoCaller()
	interpreter := kyvernojmespath.New(config.NewDefaultConfiguration(false))
	var tried, refused int
	check := func(expression string) {
		tried++
		why := ""
		if _, err := interpreter.Query(expression); err != nil {
			why = err.Error()
		} else if ast, err := gojmespath.NewParser().Parse(expression); err != nil {
			t.Fatal(err)
		} else {
			why = neverWorks(caller, ast)
		}
		problems := jmespath.Check(expression)
		if why != "" {
			refused++
		}
		if (why != "") != (len(problems) > 0) {
			t.Errorf("%s\n\tKyverno: %q\n\tCheck: %v", expression, why, problems)
		}
	}
	seen := map[string]bool{"": true}
	for _, expression := range publishedExpressions(t) {
		if problems := jmespath.Check(expression); len(problems) > 0 && !slices.Contains(publishedBroken, expression) {
			t.Errorf("a published expression has problems: %s: %v", expression, problems)
		}
		for _, e := range append(broken(expression), expression) {
			if e = strings.TrimSpace(e); !seen[e] {
				seen[e] = true
				check(e)
			}
		}
	}
	t.Logf("%d expressions, of which Kyverno cannot evaluate %d", tried, refused)
	if tried < 3000 || refused < 1000 {
		t.Errorf("%d expressions, %d of them broken: too few to tell", tried, refused)
	}
}

// neverWorks says why an expression fails whatever it is evaluated on, or "":
// it calls Kyverno's functions with those arguments that are literals, and with
// such values for the others as the function takes.
func neverWorks(caller *gojmespath.FunctionCaller, n gojmespath.ASTNode) (why string) {
	for _, child := range n.Children {
		if why := neverWorks(caller, child); why != "" {
			return why
		}
	}
	switch n.NodeType {
	case gojmespath.ASTEmpty:
		return "an empty node"
	case gojmespath.ASTFunctionExpression:
		name, ok := n.Value.(string)
		if !ok {
			return "invalid node value type"
		}
		return callFails(caller, name, n.Children)
	}
	return ""
}

// callFails reports the error of a call that fails for each of several values
// of those arguments that are not known.
func callFails(caller *gojmespath.FunctionCaller, name string, arguments []gojmespath.ASTNode) (why string) {
	interpreter := gojmespath.NewInterpreter()
	var possible [][]any
	for _, a := range arguments {
		possible = append(possible, valuesOf(a))
	}
	var last string
	for _, values := range combinations(possible) {
		last = func() (why string) {
			defer func() {
				if r := recover(); r != nil {
					why = fmt.Sprint(r)
				}
			}()
			_, err := caller.CallFunction(name, values, interpreter)
			if err == nil {
				return ""
			}
			for _, certain := range []string{"unknown function", "incorrect number of args", "Invalid arity", "Invalid type for", "is not of type", "out of bounds"} {
				if strings.Contains(err.Error(), certain) {
					return err.Error()
				}
			}
			return "" // it depends on the values
		}()
		if last == "" {
			return ""
		}
	}
	return last
}

// valuesOf gives values that stand for those that an argument can have.
func valuesOf(n gojmespath.ASTNode) []any {
	expression, _ := gojmespath.NewInterpreter().Execute(gojmespath.ASTNode{NodeType: gojmespath.ASTExpRef, Children: []gojmespath.ASTNode{{NodeType: gojmespath.ASTCurrentNode}}}, nil)
	text, list, object := any("a"), any([]any{}), any(map[string]any{})
	switch n.NodeType {
	case gojmespath.ASTLiteral:
		return []any{n.Value}
	case gojmespath.ASTExpRef:
		return []any{expression}
	case gojmespath.ASTComparator, gojmespath.ASTNotExpression:
		return []any{true}
	case gojmespath.ASTMultiSelectHash:
		return []any{object}
	case gojmespath.ASTMultiSelectList, gojmespath.ASTProjection, gojmespath.ASTFilterProjection, gojmespath.ASTValueProjection, gojmespath.ASTFlatten, gojmespath.ASTSlice:
		return []any{list}
	case gojmespath.ASTPipe:
		return valuesOf(n.Children[1])
	case gojmespath.ASTOrExpression, gojmespath.ASTAndExpression:
		return append(valuesOf(n.Children[0]), valuesOf(n.Children[1])...)
	case gojmespath.ASTFunctionExpression:
		for _, f := range kyvernojmespath.GetFunctions(config.NewDefaultConfiguration(false)) {
			if f.Name != n.Value || len(f.ReturnType) != 1 {
				continue
			}
			switch f.ReturnType[0] {
			case gojmespath.JpString:
				return []any{text}
			case gojmespath.JpNumber:
				return []any{1.0}
			case gojmespath.JpObject:
				return []any{object}
			case gojmespath.JpArray, gojmespath.JpArrayString:
				return []any{list}
			case "bool":
				return []any{true}
			}
		}
	}
	return []any{text, 1.0, list, object, expression, nil}
}

// combinations gives every choice of one value a place.
func combinations(possible [][]any) [][]any {
	out := [][]any{{}}
	for _, values := range possible {
		var next [][]any
		for _, prefix := range out {
			for _, v := range values {
				next = append(next, append(slices.Clone(prefix), v))
			}
		}
		out = next
	}
	return out
}

// recorder is a context in which every query has the value null.
type recorder struct{ queries []string }

func (r *recorder) Query(query string) (any, error) {
	r.queries = append(r.queries, query)
	if !utf8.ValidString(query) || len(r.queries) > 1000 {
		return nil, errors.New("no query")
	}
	return nil, nil
}

func (r *recorder) QueryOperation() string { return "" }

func (r *recorder) HasChanged(string) (bool, error) { return false, nil }

// TestVariablesAgainstKyverno holds Variables to the queries of Kyverno's own
// substitution, on every text of the published policies and on each changed.
func TestVariablesAgainstKyverno(t *testing.T) {
	texts := map[string]bool{}
	publishedObjects(t, func(_ string, object *spec.Node) { collectTexts(object, texts) })
	var tried, found int
	check := func(text string) {
		tried++
		r := &recorder{}
		_, err := variables.SubstituteAll(logr.Discard(), r, text)
		if last := len(r.queries) - 1; last >= 0 && !utf8.ValidString(r.queries[last]) {
			// The blanks after the rest of a character are no matter.
			r.queries[last] = r.queries[last][:1] + strings.TrimSpace(r.queries[last][1:])
		}
		var got []string
		for _, v := range jmespath.Variables(text) {
			if v.AfterRune != 0 {
				v.Expression = string([]byte(string(v.AfterRune))[1:]) + v.Expression
			}
			if got = append(got, v.Expression); v.AfterRune != 0 && err != nil {
				break // Kyverno fails, and looks at no further variable
			}
		}
		if diff := cmp.Diff(r.queries, got); diff != "" {
			t.Errorf("%q (-Kyverno +ours):\n%s", text, diff)
		}
		found += len(got)
	}
	for text := range texts {
		check(text)
		for _, brace := range []string{"{{", "}}"} {
			for _, with := range []string{"", "{", "}", "{{{", "}}}", "\\{{", "é{{", "{{ a }}{{", "{{-", "{{ {{", "}} }}", "}}{{ b }}"} {
				check(strings.Replace(text, brace, with, 1))
				check(strings.ReplaceAll(text, brace, with))
			}
		}
	}
	t.Logf("%d texts, %d variables", tried, found)
	if tried < 3000 || found < 3000 {
		t.Errorf("%d texts, %d variables: too few to tell", tried, found)
	}
}

// collectTexts gathers the strings with braces, without those that Kyverno
// replaces otherwise.
func collectTexts(n *spec.Node, texts map[string]bool) {
	if text := n.Str(); strings.Contains(text, "{{") && !strings.Contains(text, "$(") && !strings.Contains(text, "@") {
		texts[text] = true
	}
	for _, f := range n.Fields {
		collectTexts(f.Value, texts)
	}
	for _, item := range n.Items {
		collectTexts(item, texts)
	}
}
