package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
)

// acceptance is what Kyverno's webhook takes for a variable that is defined
// (pkg/engine/context/mock_context.go MockContext). It is looser than what a
// request knows, and stricter in places: both have to be right.
type acceptance struct {
	expression *lazyregexp.Regexp
	names      []contextEntry
	// user is set where a variable of the request's user is reported anyway.
	user bool
}

// The expressions of pkg/validation/policy/validate.go and
// pkg/engine/context/context.go ReservedKeys. They match anywhere in a variable.
var (
	allowedVariables                   = lazyregexp.New(`request|serviceAccountName|serviceAccountNamespace|element|elementIndex|@|images|image|([a-z_0-9]+\()[^{}]`)
	allowedVariablesBackground         = lazyregexp.New(`request\.|element|elementIndex|@|images|images\.|image\.|([a-z_0-9]+\()[^{}]`)
	allowedVariablesInTarget           = lazyregexp.New(`request\.|serviceAccountName|serviceAccountNamespace|element|elementIndex|@|images|images\.|image\.|target\.|([a-z_0-9]+\()[^{}]`)
	allowedVariablesBackgroundInTarget = lazyregexp.New(`request\.|element|elementIndex|@|images|images\.|image\.|target\.|([a-z_0-9]+\()[^{}]`)
)

// accepted gives what the webhook takes in a rule: the names of the rule's
// context, and of those of its foreach and targets, but of no foreach inside of
// another (pkg/validation/policy/validate.go buildContext).
func accepted(r value, background, target bool) *acceptance {
	lists := []value{r.get("context")}
	for _, body := range []string{"validate", "mutate", "generate"} {
		for _, f := range r.down(body, "foreach").items() {
			lists = append(lists, f.get("context"))
		}
	}
	for _, t := range r.down("mutate", "targets").items() {
		lists = append(lists, t.get("context"))
	}
	a := acceptedNames(background, target, lists...)
	for _, v := range r.get("verifyImages").items() {
		if !v.get("validate").exists() {
			continue
		}
		for _, attestation := range v.get("attestations").items() {
			if name := attestation.get("name").Str(); name != "" {
				a.names = append(a.names, contextEntry{name: name})
			}
		}
	}
	return a
}

func acceptedNames(background, target bool, lists ...value) *acceptance {
	a := &acceptance{}
	switch {
	case target && background:
		a.expression = allowedVariablesBackgroundInTarget
	case target:
		a.expression = allowedVariablesInTarget
	case background:
		a.expression = allowedVariablesBackground
	default:
		a.expression = allowedVariables
	}
	for _, entries := range lists {
		for _, e := range entries.items() {
			a.names = append(a.names, contextEntry{name: e.get("name").Str(), configMap: e.get("configMap").exists()})
		}
	}
	return a
}

func (a *acceptance) accepts(expression string) bool {
	expression = strings.ReplaceAll(strings.TrimSpace(expression), `"`, "")
	if a.expression.MatchString(expression) {
		return true
	}
	for _, e := range a.names {
		rest, ok := strings.CutPrefix(expression, e.name)
		if !ok {
			continue
		}
		if !e.configMap || rest == ".data" || rest == ".metadata" || strings.HasPrefix(rest, ".data.") || strings.HasPrefix(rest, ".metadata.") {
			return true
		}
	}
	return false
}

// isUser reports whether a variable of the request's user is said elsewhere.
func (a *acceptance) isUser(expression string) bool {
	return a.user && userVariable.MatchString(" "+expression)
}

// refusedHint says how a variable that is defined gets past the webhook.
func (sc scope) refusedHint(expression string) string {
	for _, e := range sc.entries {
		if e.configMap && strings.HasPrefix(strings.ReplaceAll(expression, `"`, ""), e.name) {
			return fmt.Sprintf("it takes %s.data, %[1]s.metadata and what is in them", e.name)
		}
	}
	if userVariable.MatchString(" " + expression) {
		return "set background: false"
	}
	return "a call gets past it, such as not_null(…) or to_string(…)"
}
