package vet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"kcue.dev/diag"
)

// hollow are messages that say that something is wrong, which whoever reads
// them knows.
var hollow = []string{
	"validation error", "validation failed", "validation failure", "policy violation", "policy violated",
	"policy validation failed", "policy failed", "not allowed", "forbidden", "access denied", "request denied", "permission denied",
	"denied by policy", "blocked by policy", "invalid resource", "resource is invalid", "this is not allowed", "rule failed", "check failed",
}

// shortMessage is how many letters a message has at least that names a field
// and what is wrong with it.
const shortMessage = 10

// ruleMessage warns of a message from which whoever is refused learns nothing.
func (c *checker) ruleMessage(r value) {
	v := r.get("validate")
	if !v.exists() {
		return
	}
	message := v.get("message")
	if message.Str() != "" {
		c.message(message, r.get("name").Str())
		return
	}
	if v.Has("podSecurity") || v.Has("manifests") || v.Has("assert") || hasMessages(v) {
		return
	}
	c.warn(diag.UnhelpfulMessage, message, "there is no message: whoever is refused reads which rule it was, and not what to do", messageHint)
}

const messageHint = `say what is wrong and how to mend it, such as "The label team is required: add it under metadata.labels."`

// hasMessages tells whether the parts of a validate rule say what is wrong: the
// expressions of cel each, or the conditions of deny.
func hasMessages(v value) bool {
	if expressions := v.down("cel", "expressions").items(); len(expressions) > 0 {
		return !slices.ContainsFunc(expressions, func(e value) bool { return len(e.having("message", "messageExpression")) == 0 })
	}
	return slices.ContainsFunc(deniedConditions(v), func(condition value) bool { return condition.Has("message") })
}

// message looks at a message that is there, of what the names call it.
func (c *checker) message(at value, names ...string) {
	text := words(at.Str())
	letters := 0
	for _, r := range at.Str() {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	why := ""
	switch {
	case slices.Contains(hollow, text):
		why = "says that something is wrong, and not what"
	case slices.ContainsFunc(names, func(name string) bool { return text == words(name) }):
		why = "repeats the name, which is shown beside it"
	case letters < shortMessage:
		why = "is too short to say what is wrong"
	default:
		return
	}
	c.warn(diag.UnhelpfulMessage, at, "the message "+quoted(strings.TrimSpace(at.Str()))+" "+why, messageHint)
}

// words gives a text's letters and digits in lower case, with one space where
// anything else stands between them.
func words(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// denies warns of a deny that refuses whatever matches, since of no condition
// all are true (pkg/engine/variables/evaluate.go): where conditions are begun
// and none is written, and where every Pod matches. Else deny: {} is a way to
// forbid something. Of empty lists of conditions ConstantCondition speaks.
func (c *checker) denies(r value) {
	deny := r.down("validate", "deny")
	if !deny.exists() {
		return
	}
	conditions := deny.get("conditions")
	switch {
	case !conditions.exists():
		if c.matchesSystemPods(r.get("match")) && !c.filtered(r) {
			c.warn(diag.DeniesAll, deny, "there are no conditions, and the match has every Pod: none passes", "add conditions, or narrow the match")
		}
	case len(conditions.Items)+len(conditions.Fields) == 0:
		c.warn(diag.DeniesAll, conditions, "there is no condition: whatever matches is refused", "add a condition, or write deny: {} if that is meant")
	}
}

// filtered tells whether something besides kinds and namespaces chooses what a
// rule looks at.
func (c *checker) filtered(r value) bool {
	return len(r.having("exclude", "preconditions", "celPreconditions")) > 0 ||
		slices.ContainsFunc(c.filters(r.get("match")), func(f value) bool { return f.down("resources", "operations").exists() })
}

// loneAlternative warns of an anyPattern that has no alternative.
func (c *checker) loneAlternative(r value) {
	if list := r.down("validate", "anyPattern"); list.exists() && len(list.Items) == 1 {
		c.warn(diag.LoneAlternative, list, "has one pattern: expected several, of which one must hold", "write it as pattern, whose message says where a resource fails")
	}
}

// optionalParents are fields under which policies ask for what must be there.
var optionalParents = []string{"metadata", "labels", "annotations", "resources", "limits", "requests"}

// optionalParent warns of a pattern that asks for a value under a field that
// may be absent, and so asks nothing of what lacks it.
func (c *checker) optionalParent(r value) {
	for _, p := range patterns(r.get("validate")) {
		if at, wanted := optionalIn(p); wanted != "" {
			c.warn(diag.OptionalParent, at,
				fmt.Sprintf("asks for %s only where %s is there: what has no %[2]s passes", wanted, bareKey(at.name)),
				fmt.Sprintf("write %s without =( )", bareKey(at.name)))
			return
		}
	}
}

func optionalIn(p value) (at value, wanted string) {
	for _, m := range append(p.members(), p.items()...) {
		if isCondition(m.name) {
			return value{}, "" // what is asked for then depends on it
		}
		if strings.HasPrefix(m.name, "=(") && slices.Contains(optionalParents, bareKey(m.name)) {
			if wanted := wantedBelow(m); wanted != "" {
				return m, wanted
			}
		}
		if at, wanted := optionalIn(m); wanted != "" {
			return at, wanted
		}
	}
	return value{}, ""
}

// wantedBelow gives the first key that a pattern asks to be there, with any
// value.
func wantedBelow(p value) string {
	for _, m := range p.members() {
		if bareKey(m.name) != m.name {
			continue
		}
		if m.Str() == "?*" || m.Str() == "*" {
			return m.name
		}
		if wanted := wantedBelow(m); wanted != "" {
			return wanted
		}
	}
	return ""
}
