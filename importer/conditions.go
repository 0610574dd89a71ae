package importer

import (
	"encoding/json"
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// conditions converts a field that holds conditions: the older plain list is
// all of its conditions (pkg/engine/variables/evaluate.go,
// evaluateOldConditions), and operators get the names that Kyverno has not
// deprecated.
func (c *converter) conditions(n *spec.Node, name, path string) {
	v := n.Get(name)
	if v == nil {
		return
	}
	at := path + "." + name
	switch v.Kind {
	case spec.List:
		if len(v.Items) == 0 {
			c.passAll(take(n, name), n)
			c.differs(v, at, "[]", "", "no condition always holds")
			return
		}
		c.differs(v, at, "a plain list", "all", "Kyverno has deprecated the list without any or all")
		all := spec.NewStruct(v.Pos, spec.Field{Name: "all", Value: v})
		set(n, name, all)
		for i, item := range v.Items {
			c.condition(item, fmt.Sprintf("%s[%d]", at, i))
		}
	case spec.Struct:
		for _, form := range []string{"any", "all"} {
			c.each(v, form, at, c.condition)
		}
	}
}

// condition converts one comparison.
func (c *converter) condition(n *spec.Node, path string) {
	operator := n.Get("operator")
	today, ok := todaysOperator(operator.Str(), n.Get("key"), n.Get("value"))
	if !ok {
		c.refuse(diag.NotInEnumeration, operator, path+".operator",
			fmt.Sprintf("Kyverno has deprecated %s, and none of today's operators decides every value of this key and value as it does", operator.Text),
			operatorHint(operator.Text))
		return
	}
	if today != operator.Str() {
		c.differs(operator, path+".operator", operator.Text, today, "Kyverno has deprecated "+operator.Text+"; here the two decide alike")
		operator.Text = today
	}
}

func operatorHint(operator string) string {
	if operator == "NotIn" {
		return "write AnyNotIn, and see that value is a list; wildcards and ranges then count as such"
	}
	return "write AnyIn where the key is one value, or AllIn where it is a list; wildcards and ranges then count as such"
}

// todaysOperator gives the operator that decides as a deprecated one does, for
// every value that key and value may take; false where there is none. It reads
// Kyverno's pkg/engine/variables/operator:
//
//   - Equal and NotEqual have the handlers of Equals and NotEquals.
//   - For a single key, In compares with a list as AnyIn does, and NotIn as
//     AnyNotIn. With a string for the value, AnyIn and AnyNotIn also know ranges
//     ("1-10"), and take a string that is no JSON for a list of one, where NotIn
//     is false.
//   - For a list as the key, In and NotIn compare exactly, and AllIn and
//     AnyNotIn with wildcards on either side; so they agree only where neither
//     has one.
func todaysOperator(operator string, key, value *spec.Node) (string, bool) {
	single, plural := "", ""
	switch operator {
	case "Equal":
		return "Equals", true
	case "NotEqual":
		return "NotEquals", true
	case "In":
		single, plural = "AnyIn", "AllIn"
	case "NotIn":
		single, plural = "AnyNotIn", "AnyNotIn"
	default:
		return operator, true
	}
	if isSingle(key) {
		return single, agreesForSingle(operator, value)
	}
	if key.Kind == spec.List {
		return plural, isPlainTexts(key) && value != nil && value.Kind == spec.List && isPlainTexts(value)
	}
	return "", false
}

// inRange is what Kyverno takes for a range (pkg/engine/operator/operator.go).
var inRange = lazyregexp.New(`^([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)-([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)$`)

// agreesForSingle reports whether a deprecated operator and its successor
// agree on every single key.
func agreesForSingle(operator string, value *spec.Node) bool {
	if value == nil || value.Kind != spec.String {
		return true
	}
	if strings.Contains(value.Text, "{{") || inRange.MatchString(value.Text) {
		return false
	}
	return operator == "In" || json.Valid([]byte(value.Text))
}

// isPlainTexts reports whether a list holds only strings that are what they
// say: no expressions, and no wildcards.
func isPlainTexts(list *spec.Node) bool {
	for _, item := range list.Items {
		if item.Kind != spec.String || strings.Contains(item.Text, "{{") || strings.ContainsAny(item.Text, "*?") {
			return false
		}
	}
	return true
}

// singleVariables are variables that hold a text in every request (AdmissionReview
// v1, and what Kyverno's JSON context adds).
var singleVariables = lazyregexp.New(`^\{\{-?\s*(request\.(operation|namespace|name|uid|subResource|kind\.(group|version|kind)|resource\.(group|version|resource)|userInfo\.(username|uid)|(object|oldObject)\.(kind|apiVersion|metadata\.(name|namespace|generateName|uid)))|serviceAccountName|serviceAccountNamespace)(\s*\|\|\s*('[^']*'|` + "`\"[^\"`]*\"`" + `))?\s*\}\}$`)

// isOneExpression reports whether a string is one expression and nothing else:
// its value may be of any type. Where more stands beside it, the result is text
// (pkg/engine/variables/vars.go).
func isOneExpression(s string) bool {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "{{":
			depth++
			i++
		case "}}":
			depth--
			i++
			if depth == 0 {
				return i == len(s)-1 && strings.HasPrefix(s, "{{")
			}
		}
	}
	return true // what it is, nobody knows
}

// isSingle reports whether a condition's key is one value, never a list,
// whatever its expressions give.
func isSingle(key *spec.Node) bool {
	if key == nil {
		return true // compared as no value, which every operator refuses alike
	}
	switch key.Kind {
	case spec.String:
		return !strings.Contains(key.Text, "{{") || !isOneExpression(key.Text) || singleVariables.MatchString(key.Text)
	case spec.List:
		return false
	}
	return true
}
