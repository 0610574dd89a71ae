package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

var (
	// inRange and notInRange are the ranges of pkg/engine/operator/operator.go.
	inRange    = lazyregexp.New(`^([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)-([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)$`)
	notInRange = lazyregexp.New(`^([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)!-([-|\+]?\d+(?:\.\d+)?[A-Za-z]*)$`)

	// foreignOperator is an operator of other languages. Kyverno takes it, or
	// what follows its own first character, for text.
	foreignOperator = lazyregexp.New(`^(==|!=|<>|=>|=<|=)\s*([^=\s].*)$`)
)

// ordered lists Kyverno's operators that compare sizes, the longer first.
var ordered = []string{">=", "<=", ">", "<"}

// comparison checks a string of a pattern. Kyverno splits it at "|" and then
// at "&", and reads an operator at the beginning of each part
// (pkg/engine/pattern/pattern.go). A text equal to the whole pattern passes
// before that, so a pattern without an operator always matches something.
func (c *checker) comparison(at value) {
	text := at.Text
	if text == "" || isVariable(text) {
		return
	}
	alternatives := strings.Split(text, "|")
	for i, alternative := range alternatives {
		if strings.TrimSpace(alternative) == "" && i > 0 && i < len(alternatives)-1 && hasOperator(text) {
			c.warn(diag.LoosePattern, at, fmt.Sprintf("%q has an empty part between two |, which lets an empty value pass", text), "write | once")
		}
		parts := strings.Split(alternative, "&")
		for _, part := range parts {
			part = strings.TrimSpace(part)
			if part == "" && len(parts) > 1 && hasOperator(text) {
				c.error(diag.DeadPattern, at, fmt.Sprintf("%q has an empty part beside &, which only an empty value matches", text), "write & once")
				break
			}
			c.comparisonPart(at, part)
		}
	}
}

// hasOperator reports whether a text is meant as a pattern, and not as the
// very text.
func hasOperator(text string) bool { return strings.ContainsAny(text, "<>!*?") }

func (c *checker) comparisonPart(at value, part string) {
	if len(part) < 2 {
		return
	}
	if m := foreignOperator.FindStringSubmatch(part); m != nil && (m[1] != "=" || isAmount(m[2])) {
		c.error(diag.DeadPattern, at, fmt.Sprintf("%q has the operator %s, which Kyverno does not know and takes for text: expected one of >, >=, <, <=, ! or none", part, m[1]), meantInstead(m[1], m[2]))
		return
	}
	for _, operator := range ordered {
		operand, ok := strings.CutPrefix(part, operator)
		if !ok {
			continue
		}
		operand = strings.TrimSpace(operand)
		if !isAmount(operand) && !strings.HasSuffix(operand, ">") {
			c.error(diag.DeadPattern, at, fmt.Sprintf("%q can never hold: %s compares numbers, quantities such as 1Gi and durations such as 1h30m, and %q is none", part, operator, operand), amountHint(operator, operand))
		} else if isAmount(operand) && !strings.ContainsAny(operand, "0123456789") {
			c.warn(diag.LoosePattern, at, fmt.Sprintf("%q compares with 0: %q has no number", part, operand), "")
		}
		return
	}
	if operand, ok := strings.CutPrefix(part, "!"); ok {
		if m := inRange.FindStringSubmatch(strings.TrimSpace(operand)); m != nil && isAmount(m[1]) && isAmount(m[2]) {
			c.error(diag.DeadPattern, at, fmt.Sprintf("%q is every value but the text %q: expected the range that is left out as %s!-%s", part, m[0], m[1], m[2]), fmt.Sprintf("did you mean %q?", m[1]+"!-"+m[2]))
		}
		return
	}
	c.reversedRange(at, part)
}

// reversedRange reports a range that begins above its end: nothing is in it.
func (c *checker) reversedRange(at value, text string) {
	if m := notInRange.FindStringSubmatch(text); m != nil && isReversed(m[1], m[2]) {
		c.warn(diag.LoosePattern, at, fmt.Sprintf("every value is outside of the range %q, which begins above its end", text), fmt.Sprintf("did you mean %q?", m[2]+"!-"+m[1]))
		return
	}
	if m := inRange.FindStringSubmatch(text); m != nil && isReversed(m[1], m[2]) {
		c.warn(diag.LoosePattern, at, fmt.Sprintf("no value is in the range %q, which begins above its end", text), fmt.Sprintf("did you mean %q?", m[2]+"-"+m[1]))
	}
}

// meantInstead gives the hint for an operator of another language.
func meantInstead(operator, operand string) string {
	own := map[string]string{"==": "", "=": "", "!=": "!", "<>": "!", "=>": ">=", "=<": "<="}[operator]
	return fmt.Sprintf("did you mean %q?", own+operand)
}

// amountHint gives the hint for an operand that has no size.
func amountHint(operator, operand string) string {
	if near := nearestAmount(operand); near != "" {
		return fmt.Sprintf("did you mean %q?", operator+near)
	}
	if versionForm.MatchString(strings.TrimPrefix(operand, "v")) || dateForm.MatchString(operand) {
		return "patterns know no versions and dates: use deny with a condition, such as operator: \"GreaterThan\", or the functions semver_compare and time_after"
	}
	return ""
}

var (
	versionForm = lazyregexp.New(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	dateForm    = lazyregexp.New(`^\d{4}-\d{2}-\d{2}`)
)
