package vet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// noVariables reports variables where a rule can have none, and escaped ones in
// match and exclude too (pkg/validation/policy/validate.go
// ruleForbiddenSectionsHaveVariables).
func (c *checker) noVariables(r value) {
	for _, name := range []string{"match", "exclude"} {
		r.get(name).walkHaving("{{", func(at value, text string) bool {
			if _, after, ok := strings.Cut(text, "{{"); ok {
				// Kyverno looks at the JSON of all of it, in which the braces of
				// JSON close those of an unclosed variable.
				shown, _, _ := strings.Cut(after, "}}")
				c.error(diag.MisplacedVariable, at, fmt.Sprintf("{{ %s }} stands in %s, which is decided before there are variables: Kyverno refuses it", clip(shown), name), "compare it in preconditions")
			}
			return true
		})
	}
	for _, v := range r.get("verifyImages").items() {
		for _, reference := range append(v.get("imageReferences").items(), v.get("image")) {
			if jmespath.HasVariables(reference.Str()) {
				c.error(diag.MisplacedVariable, reference, "an image reference has no variables: Kyverno refuses it", "use wildcards, or compare images in a validate rule")
			}
		}
	}
	patch := r.down("mutate", "patchesJson6902")
	if !jmespath.HasVariables(patch.Str()) {
		return
	}
	docs, err := spec.ParseYAML("patch", []byte(patch.Text))
	if err != nil || len(docs) == 0 {
		return // what is wrong with the patch itself is said elsewhere
	}
	for i, operation := range docs[0].Items {
		if p := operation.Get("path").Str(); jmespath.HasVariables(p) {
			c.error(diag.MisplacedVariable, patch, fmt.Sprintf("the path %q of operation %d has a variable, which Kyverno refuses outside of a foreach", p, i), "use patchStrategicMerge, or a foreach, whose patches may have variables in their paths")
		}
	}
}

// userVariable is a variable of the request's user, with what stands before it
// (pkg/validation/policy/background.go ForbiddenUserVariables).
var userVariable = lazyregexp.New(`[^\.](serviceAccountName|serviceAccountNamespace|request.userInfo|request.roles|request.clusterRoles)\b`)

// backgroundVariables reports variables of the request's user in a policy that
// is also for background scans or for its own changes, where there is none
// (pkg/validation/policy/background.go containsUserVariables). Kyverno looks
// for them in the whole object, and nowhere where a rule has targets.
func (c *checker) backgroundVariables(s value, background bool) {
	if !background {
		if substituted(c.root.Node) {
			for _, r := range s.get("rules").items() {
				for _, f := range append(c.filters(r.get("match")), c.filters(r.get("exclude"))...) {
					c.noUserInfo(f, "which a change of the policy does not have: Kyverno refuses it beside variables and mutateExistingOnPolicyUpdate", "set mutateExistingOnPolicyUpdate: false")
				}
			}
		}
		return
	}
	if hasTargets(s) {
		return
	}
	for _, f := range c.root.members() {
		switch f.name {
		case "status":
		case "spec":
			for _, m := range f.members() {
				if m.name == "rules" && m.Kind == spec.List {
					c.eachRule(c.noUserVariables)
					continue
				}
				c.noUserVariables(m)
			}
		default:
			c.noUserVariables(f)
		}
	}
}

// noUserVariables reports variables of the request's user below a value.
func (c *checker) noUserVariables(v value) {
	if !substituted(v.Node) {
		return
	}
	v.walkHaving("{{", func(at value, text string) bool {
		if at.name == lastApplied || !strings.Contains(text, "{{") {
			return true
		}
		expressions := []string{}
		for _, v := range jmespath.Variables(text) {
			expressions = append(expressions, v.Expression)
		}
		if offset, ok := jmespath.Unclosed(text); ok {
			// Kyverno looks at the JSON of the policy, in which the braces
			// of JSON close those of an unclosed variable.
			expressions = append(expressions, text[offset:])
		}
		for _, expression := range expressions {
			if m := userVariable.FindStringSubmatch(" " + expression); m != nil {
				c.error(diag.BackgroundUser, at, "uses "+m[1]+", which a background scan does not have: Kyverno refuses the policy", "set background: false")
			}
		}
		return true
	})
}

// lastApplied is kubectl's copy of the object, which Kyverno passes over.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// hasTargets reports whether a rule of the policy changes existing resources.
func hasTargets(s value) bool {
	return slices.ContainsFunc(s.get("rules").items(), func(r value) bool { return r.down("mutate", "targets").exists() })
}

// pathReferences checks the $(…) of a rule: each leads to another string of the
// rule, or to a number where a comparison operator stands before the path
// (pkg/engine/variables/vars.go substituteReferencesIfAny).
func (c *checker) pathReferences(r value) {
	var places map[string]*spec.Node
	var visit func(v value, at string)
	check := func(v value, text, at string) {
		for _, ref := range jmespath.PathReferences(text) {
			if places == nil {
				places = map[string]*spec.Node{}
				collectPlaces(r.Node, "", places)
			}
			c.pathReference(v, ref, at, places)
		}
	}
	visit = func(v value, at string) {
		if !substituted(v.Node) {
			return
		}
		check(v, v.Str(), at)
		for _, f := range v.members() {
			check(f, f.name, at)
			visit(f, at+"/"+strings.ReplaceAll(f.name, "/", `\/`))
		}
		for _, item := range v.items() {
			visit(item, at+"/"+item.name)
		}
	}
	visit(r, "")
}

// collectPlaces gives the values of a rule by their paths without anchors. A
// struct stands for the name of one of its fields, as in Kyverno.
func collectPlaces(n *spec.Node, at string, places map[string]*spec.Node) {
	if n.Kind != spec.List && (n.Kind != spec.Struct || len(n.Fields) > 0) {
		places[withoutAnchors(at)] = n
	}
	for _, f := range n.Fields {
		collectPlaces(f.Value, at+"/"+strings.ReplaceAll(f.Name, "/", `\/`), places)
	}
	for i, item := range n.Items {
		collectPlaces(item, fmt.Sprintf("%s/%d", at, i), places)
	}
}

var anchored = lazyregexp.New(`^[+<=X^]?\((.+)\)$`)

// withoutAnchors takes the anchors off a path's parts (pkg/engine/anchor
// RemoveAnchorsFromPath).
func withoutAnchors(at string) string {
	parts := strings.Split(strings.TrimPrefix(at, "/"), "/")
	for i, part := range parts {
		if m := anchored.FindStringSubmatch(strings.TrimSpace(part)); m != nil {
			parts[i] = m[1]
		}
	}
	return "/" + path.Join(parts...)
}

func (c *checker) pathReference(v value, ref jmespath.PathReference, at string, places map[string]*spec.Node) {
	shown := "$(" + clip(ref.Operator+ref.Path) + ")"
	absolute := ref.Path
	if !path.IsAbs(absolute) {
		absolute = path.Join(at, absolute)
	}
	const escape = `write \$(…) where it is meant as text`
	switch n := places[absolute]; {
	case ref.AfterRune != 0:
		c.error(diag.PathReference, v, fmt.Sprintf("%s stands directly after %q: Kyverno reads a part of that character into the path, and refuses the policy", shown, ref.AfterRune), "put a space, or another ASCII character, between them")
	case ref.Path == "":
		c.error(diag.PathReference, v, shown+" has no path: Kyverno replaces $(…) with another value of the rule", escape)
	case n == nil:
		c.error(diag.PathReference, v, fmt.Sprintf("%s leads to %s, where the rule has no value: Kyverno replaces $(…) with another value of the rule", shown, absolute), escape)
	case n.Kind == spec.Number && ref.Operator != "", n.Kind == spec.String, n.Kind == spec.Struct:
	case n.Kind == spec.Number:
		c.error(diag.PathReference, v, fmt.Sprintf("%s leads to a number, which stands after a comparison operator alone", shown), "write the number as a string")
	default:
		c.error(diag.PathReference, v, fmt.Sprintf("%s leads to a %s: expected a string", shown, n.Kind), "")
	}
}
