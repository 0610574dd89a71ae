package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// comparing is how a condition's operator reads its value.
type comparing int

const (
	byEquality comparing = iota
	byMembership
	bySize
	byDuration
)

// operators lists the operators of conditions (api/kyverno/v1/common_types.go
// ConditionOperators), with what replaces the deprecated ones
// (pkg/engine/variables/operator).
var operators = []struct {
	name     string
	compares comparing
	instead  string
}{
	{"Equals", byEquality, ""}, {"NotEquals", byEquality, ""},
	{"AnyIn", byMembership, ""}, {"AllIn", byMembership, ""}, {"AnyNotIn", byMembership, ""}, {"AllNotIn", byMembership, ""},
	{"GreaterThan", bySize, ""}, {"GreaterThanOrEquals", bySize, ""}, {"LessThan", bySize, ""}, {"LessThanOrEquals", bySize, ""},
	{"Equal", byEquality, "Equals"}, {"NotEqual", byEquality, "NotEquals"},
	{"In", byMembership, "AnyIn or AllIn"}, {"NotIn", byMembership, "AnyNotIn or AllNotIn"},
	{"DurationGreaterThan", byDuration, "GreaterThan"}, {"DurationGreaterThanOrEquals", byDuration, "GreaterThanOrEquals"},
	{"DurationLessThan", byDuration, "LessThan"}, {"DurationLessThanOrEquals", byDuration, "LessThanOrEquals"},
}

// otherOperators gives what people write for Kyverno's operators.
var otherOperators = map[string]string{
	"=": "Equals", "==": "Equals", "Is": "Equals", "!=": "NotEquals", "IsNot": "NotEquals",
	">": "GreaterThan", ">=": "GreaterThanOrEquals", "<": "LessThan", "<=": "LessThanOrEquals",
	"Contains": "AnyIn", "OneOf": "AnyIn", "AnyOf": "AnyIn", "AllOf": "AllIn", "NoneOf": "AllNotIn",
	"GreaterOrEquals": "GreaterThanOrEquals", "LessOrEquals": "LessThanOrEquals", "LowerThan": "LessThan",
}

// conditionFields lists the fields of a condition.
var conditionFields = []string{"key", "operator", "value", "message"}

// conditions checks preconditions, or the conditions of deny, of a cleanup
// policy or an exception. The CRD leaves those of a rule open, and Kyverno
// passes over the fields that it does not know (api/kyverno/v1/wrappers.go).
func (c *checker) conditions(v value) {
	if !v.exists() {
		return
	}
	switch v.Kind {
	case spec.List:
		for _, item := range v.items() {
			if blocks := item.having("any", "all"); len(blocks) > 0 {
				c.error(diag.Condition, item.get(blocks[0]), "stands in a list of conditions: expected any and all beside each other, and no list around them", "")
				continue
			}
			c.condition(item)
		}
	case spec.Struct:
		for _, block := range v.members() {
			if block.name != "any" && block.name != "all" {
				c.error(diag.Condition, block, fmt.Sprintf("unknown field %q, which Kyverno passes over: expected any, all or both", block.name), didYouMean(block.name, []string{"any", "all"}))
				continue
			}
			if block.Kind == spec.List && len(block.Items) == 0 {
				c.warn(diag.ConstantCondition, block, fmt.Sprintf("the list is empty: %s of no condition is %t", block.name, block.name == "all"), "leave it out")
			}
			for _, item := range block.items() {
				c.condition(item)
			}
		}
	default:
		c.error(diag.Condition, v, fmt.Sprintf("is a %s: expected any, all or both, each with a list of conditions", v.Kind), "")
	}
}

func (c *checker) condition(v value) {
	if v.Kind != spec.Struct {
		c.error(diag.Condition, v, fmt.Sprintf("the condition is a %s: expected key, operator and value", v.Kind), "")
		return
	}
	for _, f := range v.members() {
		if !slices.Contains(conditionFields, f.name) {
			c.error(diag.Condition, f, fmt.Sprintf("unknown field %q, which Kyverno passes over: expected key, operator, value or message", f.name), didYouMean(f.name, conditionFields))
		}
	}
	complete := true
	for _, name := range []string{"key", "operator", "value"} {
		if f := v.get(name); !f.exists() || name == "operator" && f.Str() == "" {
			c.error(diag.Condition, f, "the condition has no "+name+": expected key, operator and value", "")
			complete = false
		}
	}
	operator := v.get("operator")
	if operator.Str() == "" {
		return
	}
	var names []string
	for _, o := range operators {
		if o.instead == "" {
			names = append(names, o.name)
		}
		if o.name != operator.Text {
			continue
		}
		if o.instead != "" {
			c.warn(diag.Deprecated, operator, fmt.Sprintf("the operator %s is deprecated", o.name), "use "+o.instead)
		}
		if complete {
			c.comparable(v, o.compares)
		}
		return
	}
	hint := didYouMean(operator.Text, names)
	if other, ok := otherOperators[operator.Text]; ok {
		hint = fmt.Sprintf("did you mean %q?", other)
	}
	c.error(diag.Condition, operator, fmt.Sprintf("unknown operator %q: expected one of %s", operator.Text, strings.Join(names, ", ")), hint)
}

// bareVariable is a variable without its braces.
var bareVariable = lazyregexp.New(`^(request|element|elementIndex|target|images|serviceAccountName|serviceAccountNamespace)(\.|\[|$)`)

// comparable checks that a condition can come out both ways.
func (c *checker) comparable(v value, by comparing) {
	k, val := v.get("key"), v.get("value")
	if bareVariable.MatchString(k.Str()) {
		c.error(diag.ConditionValue, k, fmt.Sprintf("%q is text, not a variable", k.Text), fmt.Sprintf("did you mean \"{{ %s }}\"?", k.Text))
		return
	}
	if c.requestOperation(k, val) {
		return
	}
	if !hasVariable(k) && !hasVariable(val) {
		c.warn(diag.ConstantCondition, k, "neither key nor value has a variable: the condition is the same for every resource", `such as key: "{{ request.object.metadata.name }}"`)
		return
	}
	switch by {
	case byEquality:
		c.equality(v, val)
	case byMembership:
		c.membership(v, val)
	case bySize, byDuration:
		c.size(v, val, by)
	}
}

// hasVariable reports whether a variable stands anywhere in a value.
func hasVariable(v value) bool {
	return !v.walk(func(_ value, text string) bool { return !isVariable(text) })
}

func (c *checker) equality(v, val value) {
	text := val.Str()
	if isVariable(text) || val.Kind != spec.String {
		return
	}
	for _, operator := range ordered {
		if operand, ok := strings.CutPrefix(text, operator); ok && isAmount(strings.TrimSpace(operand)) {
			c.error(diag.ConditionValue, val, fmt.Sprintf("%s compares with the text %q: a condition's value has no operators", v.get("operator").Text, text),
				fmt.Sprintf("did you mean operator: %q, value: %q?", otherOperators[operator], strings.TrimSpace(operand)))
			return
		}
	}
	if alternatives.MatchString(text) {
		c.warn(diag.ConstantCondition, val, fmt.Sprintf("%s compares with the text %q: a condition's value has no alternatives", v.get("operator").Text, text), "use AnyIn with a list")
	}
}

// alternatives is a pattern's "a | b", and "a, b", which conditions do not
// know.
var alternatives = lazyregexp.New(`^[^\s|,]+( ?\| ?|, ?)[^\s|,]+(( ?\| ?|, ?)[^\s|,]+)*$`)

func (c *checker) membership(v, val value) {
	operator := v.get("operator").Text
	switch val.Kind {
	case spec.List:
		if len(val.Items) == 0 {
			c.warn(diag.ConstantCondition, val, "the list is empty: nothing is in it", "")
		}
	case spec.String:
		if isVariable(val.Text) {
			return
		}
		if alternatives.MatchString(val.Text) {
			c.warn(diag.ConstantCondition, val, fmt.Sprintf("%s compares with the text %q: a condition's value has no alternatives", operator, val.Text), "write a list")
		}
		c.reversedRange(val, val.Text)
	case spec.Struct:
		c.error(diag.ConditionValue, val, fmt.Sprintf("%s compares with a list, and this value is a struct: the condition never holds", operator), "")
	default:
		c.warn(diag.ConstantCondition, val, fmt.Sprintf("%s compares with a list, and this value is a %s: of a text or number it never holds", operator, val.Kind), fmt.Sprintf("did you mean [%s]?", val.Text))
	}
}

// size checks a value that is compared by size: a number, a quantity, a
// duration, or a version (pkg/engine/variables/operator/numeric.go and
// duration.go).
func (c *checker) size(v, val value, by comparing) {
	operator := v.get("operator").Text
	expected := "a number, a quantity such as 1Gi, a duration such as 1h30m or a version such as 1.2.3"
	if by == byDuration {
		expected = "a duration such as 1h30m, or a number of seconds"
	}
	switch val.Kind {
	case spec.Number:
		return
	case spec.String:
		if isVariable(val.Text) || isDuration(val.Text) || by == bySize && (isSize(val.Text) || versionForm.MatchString(val.Text)) {
			return
		}
		hint := ""
		if near := nearestAmount(val.Text); near != "" && (by == bySize || isDuration(near)) {
			hint = fmt.Sprintf("did you mean %q?", near)
		} else if versionForm.MatchString(strings.TrimPrefix(val.Text, "v")) && by == bySize {
			hint = fmt.Sprintf("did you mean %q?", strings.TrimPrefix(val.Text, "v"))
		}
		c.error(diag.ConditionValue, val, fmt.Sprintf("%s can never hold with %q: expected %s", operator, val.Text, expected), hint)
	default:
		c.error(diag.ConditionValue, val, fmt.Sprintf("%s can never hold with a %s: expected %s", operator, val.Kind, expected), "")
	}
}

func isSize(text string) bool {
	if isQuantity(text) {
		return true
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// admissionOperations lists the operations of an admission request.
var admissionOperations = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}

// operationKey is request.operation, with what stands for it in a background
// scan.
var operationKey = lazyregexp.New(`^\{\{request\.operation(\|\|['"` + "`" + `]+([A-Za-z]*)['"` + "`" + `]+)?\}\}$`)

// requestOperation checks the value that the request's operation is compared
// with (pkg/validation/policy/validate.go validateConditionValuesKeyRequestOperation).
// It reports whether the key is that.
func (c *checker) requestOperation(k, val value) bool {
	m := operationKey.FindStringSubmatch(strings.ReplaceAll(k.Str(), " ", ""))
	if m == nil {
		return false
	}
	allowed := admissionOperations
	if m[1] != "" {
		allowed = append(slices.Clone(allowed), m[2])
	}
	operations := []value{val}
	switch val.Kind {
	case spec.List:
		operations = val.items()
	case spec.String:
		if strings.HasPrefix(val.Text, "{{") && strings.HasSuffix(val.Text, "}}") {
			return true
		}
	}
	for _, o := range operations {
		switch {
		case o.Kind == spec.String && slices.Contains(allowed, o.Text):
		case m[1] != "" && (isWildcard(o.Str()) || isVariable(o.Str())):
		case m[1] != "" && strings.HasPrefix(o.Str(), "["): // a list as JSON text
		default:
			hint := didYouMean(strings.ToUpper(o.Str()), allowed)
			if upper := strings.ToUpper(o.Str()); slices.Contains(allowed, upper) {
				hint = fmt.Sprintf("did you mean %q?", upper)
			}
			c.error(diag.Condition, o, fmt.Sprintf("%s is no operation of a request: expected %s", shown(o), strings.Join(allowed, ", ")), hint)
		}
	}
	return true
}

// shown writes a scalar as it stands in a message.
func shown(v value) string {
	switch v.Kind {
	case spec.String:
		return strconv.Quote(v.Text)
	case spec.Number, spec.Bool:
		return v.Text
	}
	return "a " + v.Kind.String()
}
