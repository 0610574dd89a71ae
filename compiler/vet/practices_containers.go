package vet

import (
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// bareKey gives a pattern's key without its anchor: image for =(image).
func bareKey(key string) string {
	if open := strings.IndexByte(key, '('); open >= 0 && open <= 1 && strings.HasSuffix(key, ")") {
		return key[open+1 : len(key)-1]
	}
	return key
}

// sharedFields are those of a container whose danger is the same in an init or
// ephemeral one. Ports, probes and lifecycle belong to containers that last,
// and an ephemeral one can have no resources.
var sharedFields = []string{"image", "securityContext", "env", "envFrom"}

// sharedExpression finds the same in JMESPath and CEL, where image may also be
// a part of another name.
var sharedExpression = lazyregexp.New(`\.\??(image|securityContext|env|envFrom)\b`)

// containerExpression finds the containers of a Pod's spec, or their images, in
// JMESPath and CEL.
var containerExpression = lazyregexp.New(`\bspec\.(template\.spec\.)?\??\[?"?containers\b|\bimages\.containers\b`)

// initContainers warns of a policy whose rules look at containers alone: what
// they refuse there runs as an init container. Rules of one policy may share
// the work, so one that looks at init containers speaks for all.
func (c *checker) initContainers(rules []value) {
	if slices.ContainsFunc(rules, func(r value) bool { return mentions(r, "initContainers") }) {
		return
	}
	for _, r := range rules {
		v := r.get("validate")
		if at, ok := checkedContainers(v); ok {
			c.warn(diag.InitContainers, at, "looks at containers and not at initContainers and ephemeralContainers: what is refused here still runs there",
				`say the same of "=(initContainers)" and "=(ephemeralContainers)"; in an expression, list [initContainers, ephemeralContainers, containers][]`)
		}
	}
}

// checkedContainers gives the first place where a validate rule looks at a
// field of containers that init containers have too.
func checkedContainers(v value) (value, bool) {
	for _, p := range patterns(v) {
		if at, ok := containersIn(p); ok {
			return at, true
		}
	}
	for _, f := range v.get("foreach").items() {
		list := f.get("list")
		if containerExpression.MatchString(list.Str()) && looksAtShared(f) {
			return list, true
		}
	}
	for _, body := range []value{v.get("deny"), v.get("cel")} {
		if at, ok := containersExpressed(body); ok {
			return at, true
		}
	}
	return value{}, false
}

// containersExpressed gives the first expression of a value that looks at a
// field of containers that init containers have too.
func containersExpressed(v value) (at value, found bool) {
	v.walk(func(text value, s string) bool {
		if text.Kind == spec.String && containerExpression.MatchString(s) && (sharedExpression.MatchString(s) || strings.Contains(s, "images.containers")) {
			at, found = text, true
		}
		return !found
	})
	return at, found
}

// looksAtShared tells whether a foreach is about a shared field of its element.
func looksAtShared(f value) bool {
	for _, p := range patterns(f) {
		if hasShared(p) {
			return true
		}
	}
	if sharedExpression.MatchString(f.get("list").Str()) {
		return true
	}
	return !f.get("deny").walk(func(_ value, text string) bool { return !elementExpression.MatchString(text) })
}

// elementExpression finds a shared field of a foreach's element, or what a
// registry says of its image, in JMESPath.
var elementExpression = lazyregexp.New(`\belement\.(image|securityContext|env|envFrom)\b|\.registry\b`)

// patterns gives pattern, and those of anyPattern.
func patterns(v value) []value {
	out := v.get("anyPattern").items()
	if p := v.get("pattern"); p.exists() {
		out = append(out, p)
	}
	return out
}

// containersIn gives the containers of a pattern that asks all of them for a
// shared field. A condition chooses the resources, and asks for nothing; an
// existence anchor asks one container.
func containersIn(p value) (value, bool) {
	for _, m := range p.members() {
		if bareKey(m.name) == "containers" && !strings.HasPrefix(m.name, "^") && hasShared(m) {
			return m, true
		}
		if at, ok := containersIn(m); ok {
			return at, true
		}
	}
	return value{}, false
}

func hasShared(p value) bool {
	return slices.ContainsFunc(append(p.members(), p.items()...), func(m value) bool {
		return slices.Contains(sharedFields, bareKey(m.name)) && !isCondition(m.name) || hasShared(m)
	})
}

// isCondition tells whether a pattern's key has a conditional or a global
// anchor, which choose what is checked.
func isCondition(key string) bool {
	return strings.HasSuffix(key, ")") && (strings.HasPrefix(key, "(") || strings.HasPrefix(key, "<("))
}

// templateExpression finds the containers of a Pod template.
var templateExpression = lazyregexp.New(`\bspec\.template\.spec\.\[?"?(initC|ephemeralC|c)ontainers\b`)

// checksTemplate tells whether a validate rule looks at a shared field of the
// containers of a Pod template.
func checksTemplate(v value) bool {
	for _, p := range patterns(v) {
		if at, ok := containersIn(p); ok && slices.ContainsFunc(at.path(), func(name string) bool { return bareKey(name) == "template" }) {
			return true
		}
	}
	for _, f := range v.get("foreach").items() {
		if templateExpression.MatchString(f.get("list").Str()) && looksAtShared(f) {
			return true
		}
	}
	found := false
	for _, body := range []value{v.get("deny"), v.get("cel")} {
		body.walk(func(_ value, text string) bool {
			found = found || templateExpression.MatchString(text) && sharedExpression.MatchString(text)
			return !found
		})
	}
	return found
}
