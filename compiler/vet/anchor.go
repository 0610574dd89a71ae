package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// anchorForm is what Kyverno takes for an anchor (pkg/engine/anchor/anchor.go);
// any other key names a field, parentheses and all.
var anchorForm = lazyregexp.New(`^([+<=X^])?\((.+)\)$`)

// otherPrefixes gives what people write for Kyverno's anchors.
var otherPrefixes = map[string]string{"!": "X", "x": "X", "-": "X", "?": "=", "==": "=", "*": "^", ">": "<", "<=": "<", "++": "+"}

// key is a field's name in a pattern.
type key struct {
	anchor bool
	prefix string // of the anchor: "" for a condition, or one of + < = X ^
	name   string // of the field in the resource
}

// parseKey reads a field's name as Kyverno does. The problem says why the key
// is not the anchor that it looks like; the fix is the likely one, or empty.
func parseKey(text string) (k key, problem, fix string) {
	if isVariable(text) || !strings.ContainsAny(text, "()") {
		return key{name: text}, "", ""
	}
	trimmed := strings.TrimSpace(text)
	if m := anchorForm.FindStringSubmatch(trimmed); m != nil {
		k = key{anchor: true, prefix: m[1], name: m[2]}
		inner := strings.TrimSpace(m[2])
		switch {
		case anchorForm.MatchString(inner):
			return k, fmt.Sprintf("an anchor inside an anchor stands for a field of the name %q, which no resource has", m[2]), inner
		case strings.ContainsAny(inner, "()"):
			return k, "the parentheses are not balanced, so that it stands for a field of the name " + fmt.Sprintf("%q", m[2]), m[1] + "(" + strings.Trim(inner, "()") + ")"
		case inner != m[2]:
			return k, fmt.Sprintf("the spaces belong to the field's name, %q, which no resource has", m[2]), m[1] + "(" + inner + ")"
		}
		return k, "", ""
	}
	k = key{name: text}
	prefix, rest, _ := strings.Cut(trimmed, "(")
	name := strings.Trim(rest, "() ")
	if rest == "" { // there is a ")" only
		prefix, name = "", strings.Trim(trimmed, "() ")
	}
	problem = "Kyverno knows no such anchor and looks for a field of that very name, which no resource has"
	known := prefix == "" || len(prefix) == 1 && strings.Contains("+<=X^", prefix)
	switch {
	case name == "":
		return k, problem, ""
	case known && strings.HasSuffix(trimmed, ")") != strings.Contains(trimmed, "("):
		return k, "the parentheses are not balanced, so that Kyverno looks for a field of that very name, which no resource has", prefix + "(" + name + ")"
	case otherPrefixes[prefix] != "" && strings.HasSuffix(trimmed, ")"):
		return k, problem, otherPrefixes[prefix] + "(" + name + ")"
	}
	return k, problem, ""
}

// pattern checks a validation pattern (pkg/policy/common/validate_pattern.go,
// pkg/engine/validate/validate.go).
func (c *checker) pattern(p value) {
	if !p.exists() {
		return
	}
	switch p.Kind {
	case spec.Struct:
		c.patternStruct(p, place{})
	case spec.String:
		if isVariable(p.Text) {
			return
		}
		fallthrough
	default:
		c.error(diag.DeadPattern, p, fmt.Sprintf("the pattern is a %s, and every resource is a struct: nothing matches it", p.Kind), "write the fields that the resource must have")
	}
}

// elementPattern checks the pattern of a foreach, whose elements may be of any
// type.
func (c *checker) elementPattern(p value) {
	if p.exists() {
		c.patternValue(p, place{})
	}
}

// place says where in a resource a pattern's value stands, as far as Kyverno
// treats it differently there.
type place struct{ metadata, labels bool }

// below gives the place of a field.
func (p place) below(name string) place {
	return place{metadata: name == "metadata", labels: p.metadata && (name == "labels" || name == "annotations")}
}

func (c *checker) patternValue(v value, p place) {
	switch v.Kind {
	case spec.Struct:
		c.patternStruct(v, p)
	case spec.List:
		c.patternList(v)
	case spec.String:
		c.comparison(v)
	}
}

func (c *checker) patternStruct(v value, p place) {
	for _, f := range v.members() {
		k, problem, fix := parseKey(f.name)
		if problem != "" {
			c.anchorProblem(f, problem, fix)
			continue
		}
		if k.prefix == "+" {
			c.error(diag.Anchor, f, fmt.Sprintf("%s adds a field, which a pattern cannot: Kyverno refuses it", f.name), fmt.Sprintf("did you mean %q, which checks the field where it is there?", "=("+k.name+")"))
			continue
		}
		if isWildcard(k.name) && !p.labels && !isVariable(k.name) {
			c.warn(diag.LoosePattern, f, fmt.Sprintf("%q has a wildcard, which Kyverno knows in the names of labels and annotations only: it looks for a field of that very name", k.name), "")
		}
		c.anchored(f, k, p.below(k.name))
	}
}

func (c *checker) anchorProblem(at value, problem, fix string) {
	hint := ""
	if fix != "" {
		hint = fmt.Sprintf("did you mean %q?", fix)
	}
	c.error(diag.Anchor, at, fmt.Sprintf("%q is no anchor: %s", at.name, problem), hint)
}

func (c *checker) anchored(f value, k key, p place) {
	switch k.prefix {
	case "X":
		if f.exists() && (f.Kind != spec.String || f.Text != "null" && f.Text != "" && f.Text != "*" && f.Text != "?*") {
			c.warn(diag.LoosePattern, f, fmt.Sprintf("%s says that the field %q is not there, whatever its value: the value is not read", f.name, k.name), fmt.Sprintf("write it as %s: \"null\"; to forbid one value, write %q with the operator !", f.name, "=("+k.name+")"))
		}
	case "^":
		c.existence(f)
	default:
		c.patternValue(f, p)
	}
}

// existence checks the value of ^(): a list of structs, each of which some
// element must match (pkg/engine/anchor/handlers.go existenceHandler).
func (c *checker) existence(f value) {
	if f.Node == nil || f.Kind != spec.List || len(f.Items) == 0 {
		c.error(diag.Anchor, f, fmt.Sprintf("%s asks that a list has an element: expected a list of at least one pattern", f.name), "")
		return
	}
	for _, item := range f.items() {
		if item.Kind != spec.Struct {
			c.error(diag.Anchor, item, fmt.Sprintf("%s looks for elements that are structs, and this pattern is a %s: Kyverno fails there", f.name, item.Kind), "")
			continue
		}
		c.patternStruct(item, place{})
	}
}

// patternList checks a list of a pattern. Its first element speaks of every
// element of the resource's list, unless it is a list itself.
func (c *checker) patternList(v value) {
	items := v.items()
	if len(items) == 0 {
		c.error(diag.DeadPattern, v, "an empty list in a pattern matches nothing, not even an empty list", "leave it out, or write X() around the field's name if it must not be there")
		return
	}
	if first := items[0].Kind; len(items) > 1 && first != spec.List {
		c.warn(diag.LoosePattern, items[1], "only the first element of a pattern's list is read: every element of the resource's must match it", "write the alternatives in one string with |, or use anyPattern, or ^() for elements that must be there")
	}
	for _, item := range items {
		if item.Kind == spec.String {
			if m := anchorForm.FindStringSubmatch(item.Text); m != nil && m[1] != "" {
				c.error(diag.Anchor, item, fmt.Sprintf("%q is text here: an anchor stands around a field's name", item.Text), fmt.Sprintf("did you mean {%q: …}?", item.Text))
				continue
			}
		}
		c.patternValue(item, place{})
	}
}
