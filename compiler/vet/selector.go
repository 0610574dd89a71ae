package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

// selectorOperators lists the operators of a label selector's requirements
// (k8s.io/apimachinery, pkg/apis/meta/v1 LabelSelectorOperator), and whether
// each takes values.
var selectorOperators = []struct {
	name   string
	values bool
}{{"In", true}, {"NotIn", true}, {"Exists", false}, {"DoesNotExist", false}}

var (
	// labelPart is the name in a label's key and a label's value, and
	// labelPrefix the DNS name before the key's slash (k8s.io/apimachinery,
	// pkg/util/validation).
	labelPart   = lazyregexp.New(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelPrefix = lazyregexp.New(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

const (
	labelValueForm = "expected at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
	labelKeyForm   = labelValueForm + ", after an optional DNS name and '/'"
	maxLabelPrefix = 253
)

func isLabelKey(key string) bool {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		return labelPart.MatchString(key)
	}
	return len(prefix) <= maxLabelPrefix && labelPrefix.MatchString(prefix) && labelPart.MatchString(name)
}

func isLabelValue(value string) bool { return value == "" || labelPart.MatchString(value) }

// selector checks a label selector. Kubernetes' code turns it into
// requirements (metav1.LabelSelectorAsSelector) at each evaluation, and one
// that it cannot turn selects nothing. Wildcards are Kyverno's own, in
// matchLabels only (pkg/engine/wildcards ReplaceInSelector).
func (c *checker) selector(s value) {
	if !s.exists() {
		return
	}
	for _, label := range s.get("matchLabels").members() {
		c.selectorKey(label, label.name, true)
		if text := label.Str(); !isWildcard(text) && !isVariable(text) && !isLabelValue(text) {
			c.error(diag.Selector, label, fmt.Sprintf("%q is no label value: %s", text, labelValueForm), "")
		}
	}
	for _, r := range s.get("matchExpressions").items() {
		c.requirement(r)
	}
}

func (c *checker) selectorKey(at value, key string, wildcards bool) {
	switch {
	case isVariable(key) || key == "":
	case isWildcard(key) && wildcards:
	case isWildcard(key):
		c.error(diag.Selector, at, fmt.Sprintf("%q has a wildcard, which Kyverno knows in matchLabels only", key), "write it under matchLabels")
	case !isLabelKey(key):
		c.error(diag.Selector, at, fmt.Sprintf("%q is no label key: %s", key, labelKeyForm), "")
	}
}

func (c *checker) requirement(r value) {
	key, operator, values := r.get("key"), r.get("operator"), r.get("values")
	c.selectorKey(key, key.Str(), false)
	var names []string
	takesValues, known := false, false
	for _, o := range selectorOperators {
		names = append(names, o.name)
		if o.name == operator.Str() {
			takesValues, known = o.values, true
		}
	}
	switch {
	case operator.Str() == "" || isVariable(operator.Text):
		return
	case !known:
		c.error(diag.Selector, operator, fmt.Sprintf("%q is no operator of a label selector: expected one of %s", operator.Text, strings.Join(names, ", ")), didYouMean(operator.Text, names))
		return
	case takesValues && len(values.items()) == 0:
		c.error(diag.Selector, values, fmt.Sprintf("%s has no values: expected at least one", operator.Text), "or use Exists or DoesNotExist, which ask for no value")
	case !takesValues && len(values.items()) > 0:
		c.error(diag.Selector, values, fmt.Sprintf("%s takes no values", operator.Text), "use In or NotIn, or leave the values out")
	}
	for _, v := range values.items() {
		switch text := v.Str(); {
		case isVariable(text) || isLabelValue(text):
		case isWildcard(text):
			c.error(diag.Selector, v, fmt.Sprintf("%q has a wildcard, which Kyverno knows in matchLabels only", text), "write it under matchLabels")
		default:
			c.error(diag.Selector, v, fmt.Sprintf("%q is no label value: %s", text, labelValueForm), "")
		}
	}
}

// resourceSelector checks the selector of a filter, which Kyverno refuses where
// it is empty (api/kyverno/v1/resource_description_types.go).
func (c *checker) resourceSelector(s value) {
	if s.exists() && len(s.get("matchLabels").members()) == 0 && len(s.get("matchExpressions").items()) == 0 {
		c.error(diag.Selector, s, "the selector is empty: expected matchLabels or matchExpressions", "leave it out to select every resource")
	}
	c.selector(s)
}

// isWildcard reports whether Kyverno takes a text for a wildcard pattern
// (ext/wildcard ContainsWildcard).
func isWildcard(text string) bool { return strings.ContainsAny(text, "*?") }

// isVariable reports whether Kyverno substitutes something in a text, so that
// nothing is known of its value.
func isVariable(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "$(")
}

// didYouMean gives the hint for a misspelt name, or "".
func didYouMean(name string, candidates []string) string {
	if near := diag.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
