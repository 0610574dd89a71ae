package vet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// notAllowed checks the selectors that a rule of its kind cannot have: the
// kind *, and subresources (pkg/validation/policy/validate.go validateWildcard
// and validKinds).
func (k *kindChecker) notAllowed(r value, background bool) {
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range k.filters(r.get(clause)) {
			list := f.down("resources", "kinds")
			if i := slices.Index(list.Strings(), "*"); i >= 0 {
				k.everyKind(r, list.items()[i], len(list.Items), background)
				continue
			}
			if !background || !r.get("validate").exists() {
				continue
			}
			for _, item := range list.items() {
				if s := kinds.Parse(item.Str()); s.Subresource != "" && len(k.table.Find(s)) > 0 {
					k.error(diag.KindNotAllowed, item, fmt.Sprintf("%q selects subresources, which a background scan does not see: Kyverno refuses the policy", item.Text), "set background: false")
				}
			}
		}
	}
}

// everyKind checks a rule for the kind *, of which each filter has one at most.
func (k *kindChecker) everyKind(r, item value, beside int, background bool) {
	const named = `name the kinds instead of "*"`
	for _, body := range []value{r.get("generate"), r.get("verifyImages"), r.down("validate", "foreach")} {
		if body.exists() {
			k.error(diag.KindNotAllowed, item, fmt.Sprintf(`"*" is every kind, which Kyverno takes in no rule with %s`, body.name), named)
			return
		}
	}
	switch {
	case background:
		k.error(diag.KindNotAllowed, item, `"*" is every kind, which Kyverno takes in no policy with background scans`, "set background: false, or name the kinds")
	case beside > 1:
		k.error(diag.KindNotAllowed, item, `"*" is every kind: Kyverno takes no other beside it`, "leave out the others, or name the kinds")
	}
	if at := notMetadata(r); at.parent != nil {
		k.error(diag.KindNotAllowed, at, `a rule for every kind ("*") can look at metadata only: Kyverno refuses it`, named)
	}
}

// notMetadata finds what in a rule is about more than a resource's metadata
// (pkg/validation/policy/validate.go ruleOnlyDealsWithResourceMetaData, and the
// conditions in validateWildcard). Where there is nothing, it gives the zero
// value.
func notMetadata(r value) value {
	v, m := r.get("validate"), r.get("mutate")
	maps := append([]value{v.get("pattern"), m.get("patchStrategicMerge")}, v.get("anyPattern").items()...)
	for _, pattern := range maps {
		for _, field := range pattern.members() {
			if field.name != "metadata" {
				return field
			}
		}
	}
	if patches := m.get("patchesJson6902"); beyondMetadata(patches.Str()) {
		return patches
	}
	for _, condition := range v.down("deny", "conditions").items() {
		key := condition.get("key")
		if text := key.Str(); key.exists() && !strings.Contains(text, "request.object.metadata.") &&
			(!requestVariables.MatchString(text) || strings.Contains(text, "request.object.spec")) {
			return key
		}
	}
	return value{}
}

// requestVariables is wildCardAllowedVariables of Kyverno's
// pkg/validation/policy/validate.go.
var requestVariables = lazyregexp.New(`\{\{\s*(request\.|serviceAccountName|serviceAccountNamespace)[^{}]*\}\}`)

// beyondMetadata reports whether a JSON patch leads out of the metadata. What
// is YAML is passed over, as Kyverno does here.
func beyondMetadata(patches string) bool {
	var operations []struct{ Path string }
	if json.Unmarshal([]byte(patches), &operations) != nil {
		return false
	}
	return slices.ContainsFunc(operations, func(o struct{ Path string }) bool { return !strings.HasPrefix(o.Path, "/metadata") })
}

// missedSubresources warns of a rule about a field that is also written by way
// of a subresource, which the rule does not match: kubectl scale changes
// spec.replicas, controllers change the status (pkg/validation/policy/validate.go
// checkForScaleSubresource and checkForStatusSubresource).
func (k *kindChecker) missedSubresources(r value) {
	for _, field := range []struct{ name, subresource string }{{"replicas", "scale"}, {"status", "status"}} {
		at, ok := speaksOf(r, field.name)
		if !ok {
			continue
		}
		selectors := k.selectors(r)
		if slices.ContainsFunc(selectors, func(s string) bool {
			sub := kinds.Parse(s).Subresource
			return sub == field.subresource || strings.Contains(sub, "*")
		}) {
			continue
		}
		i := slices.IndexFunc(selectors, func(s string) bool {
			parsed := kinds.Parse(s)
			found := meant(k.table.Find(parsed))
			return parsed.Subresource == "" && len(found) == 1 && found[0].HasSubresource(field.subresource)
		})
		if i >= 0 {
			k.warn(diag.SubresourceUnmatched, at,
				fmt.Sprintf("%s of a %s also changes by way of its subresource %s, which the rule does not match", field.name, selectors[i], field.subresource),
				fmt.Sprintf("match %q too, whose object is of its own form, with background: false", selectors[i]+"/"+field.subresource))
		}
	}
}

// selectors lists the kinds of a rule's match, exclude and targets.
func (k *kindChecker) selectors(r value) []string {
	var out []string
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range k.filters(r.get(clause)) {
			out = append(out, f.down("resources", "kinds").Strings()...)
		}
	}
	for _, t := range r.down("mutate", "targets").items() {
		out = append(out, t.get("kind").Str())
	}
	return out
}

var (
	replicasVariable = lazyregexp.New(`(request\.object|element|target)\.(spec\.)?replicas\b`)
	statusVariable   = lazyregexp.New(`(request\.object|target)\.status\b`)
)

// speaksOf finds where the body of a rule is about a field of the resource: as
// a key of a pattern or patch, or in a variable.
func speaksOf(r value, field string) (value, bool) {
	variable := replicasVariable
	if field == "status" {
		variable = statusVariable
	}
	var found value
	visit := func(at value, text string) bool {
		isKey := at.Node == nil || at.name == text && !(at.Kind == spec.String && at.Text == text)
		if isKey && strings.Trim(text, "+<=X^()") == field || variable.MatchString(text) {
			found = at
			return false
		}
		return true
	}
	v, m := r.get("validate"), r.get("mutate")
	bodies := append([]value{v.get("pattern"), m.get("patchStrategicMerge"), v.get("deny")}, v.get("anyPattern").items()...)
	bodies = append(bodies, v.get("foreach"), m.get("foreach"))
	for _, body := range bodies {
		if !body.walkHaving(field, visit) {
			return found, true
		}
	}
	return found, false
}
