package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// generate checks a generate rule (api/kyverno/v1/common_types.go
// Generation.Validate, pkg/policy/generate/validate.go).
func (k *kindChecker) generate(r value) {
	g := r.get("generate")
	if !g.exists() || g.Kind != spec.Struct || len(g.Fields) == 0 && len(r.having(bodies...)) > 1 {
		return
	}
	if forms := k.generateForms(g); len(forms) > 1 {
		k.error(diag.GenerateTarget, g.get(forms[1]), fmt.Sprintf("beside %s: expected one of data, clone, cloneList and foreach", forms[0]), "make a rule of each")
		return
	}
	if !g.get("foreach").exists() {
		k.generated(r, g)
		return
	}
	for _, part := range g.get("foreach").items() {
		if forms := k.generateForms(part); len(forms) > 1 {
			k.error(diag.GenerateTarget, part.get(forms[1]), fmt.Sprintf("beside %s: expected one of data, clone and cloneList", forms[0]), "make an entry of each")
			continue
		}
		k.generated(r, part)
	}
}

// isUnset reports whether nothing stands where a string is expected. What is no
// string is the schema's business.
func isUnset(v value) bool { return !v.exists() || v.Kind == spec.String && v.Text == "" }

// generateForms lists the forms in which a rule says what it generates.
func (k *kindChecker) generateForms(g value) []string {
	return slices.DeleteFunc(g.having("data", "clone", "cloneList", "foreach"), func(form string) bool {
		switch form {
		case "clone":
			return g.down("clone", "name").Str() == "" && g.down("clone", "namespace").Str() == ""
		case "cloneList":
			return !g.down("cloneList", "kinds").exists()
		}
		return false
	})
}

// generated checks what one rule, or one entry of its foreach, generates.
func (k *kindChecker) generated(r, g value) {
	found := k.object(g.get("apiVersion"), g.get("kind"))
	if len(g.down("cloneList", "kinds").items()) == 0 {
		var missing []string
		for _, name := range []string{"apiVersion", "kind", "name"} {
			if isUnset(g.get(name)) {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			k.error(diag.GenerateTarget, g.get(missing[0]), "does not say what is generated: expected "+orList(missing, "and"), "")
		}
	}
	if k.kind == "Policy" {
		k.ownNamespace(g, found)
	} else {
		k.targetNamespace(g, found)
	}
	k.cloneList(g)
	k.generatedData(g.get("data"))
	k.sameKind(r, g, found)
}

// targetNamespace checks that there is a namespace exactly if what is generated
// is in one. Kyverno takes a kind that is a variable for a namespaced one.
func (k *kindChecker) targetNamespace(g value, found []*kinds.Kind) {
	kind, namespace := g.get("kind"), g.get("namespace")
	switch {
	case kind.Str() == "":
	case isVariable(kind.Text) || isVariable(g.get("apiVersion").Str()):
		if isUnset(namespace) {
			k.error(diag.GenerateTarget, namespace, "is missing: Kyverno takes a kind that is a variable for one in a namespace", "")
		}
	case isUnset(g.get("apiVersion")):
		// Beside a cloneList, where nothing else asks for an apiVersion.
		if isUnset(namespace) && len(g.down("cloneList", "kinds").items()) > 0 {
			k.error(diag.GenerateTarget, namespace, "is missing: Kyverno takes a kind without apiVersion for one in a namespace", "leave out the kind: cloneList says what is generated")
		}
	case len(found) == 0: // nobody knows, or there is no such kind
	case isClusterScoped(found):
		if namespace.Str() != "" {
			k.error(diag.GenerateTarget, namespace, fmt.Sprintf("%s is in no namespace", kind.Text), "leave it out")
		}
	case isUnset(namespace):
		k.error(diag.GenerateTarget, namespace, fmt.Sprintf("is missing: %s is in a namespace", kind.Text), `such as namespace: "{{request.object.metadata.name}}", for the Namespace that the rule matches`)
	}
}

// ownNamespace checks that a namespaced policy stays in its namespace
// (validateNamespacedTargetsScope).
func (k *kindChecker) ownNamespace(g value, found []*kinds.Kind) {
	if isClusterScoped(found) {
		k.error(diag.NamespacedPolicy, g.get("kind"), fmt.Sprintf("%s is in no namespace, and a namespaced policy generates in its own only", g.get("kind").Text), "make it a cluster policy")
		return
	}
	own := fmt.Sprintf("expected the policy's own namespace %q", k.namespace)
	if k.namespace == "" {
		own = "expected the policy's own namespace, which its metadata leaves out"
	}
	if ns := g.get("namespace"); ns.Str() != k.namespace || k.namespace == "" && g.get("kind").Str() != "" {
		k.error(diag.NamespacedPolicy, ns, "a namespaced policy generates in its own namespace only: "+own, "")
	}
	if ns := g.down("clone", "namespace"); g.down("clone", "name").Str() != "" && ns.Str() != k.namespace {
		k.error(diag.NamespacedPolicy, ns, "a namespaced policy clones from its own namespace only: "+own, "")
	}
}

// cloneList checks the sources that are cloned together (ValidateCloneList).
func (k *kindChecker) cloneList(g value) {
	list := g.get("cloneList")
	k.cloneSelector(list.get("selector"))
	items := list.get("kinds").items()
	if len(items) == 0 {
		return
	}
	namespace := list.get("namespace")
	var first []*kinds.Kind
	known, mixed := true, false
	for _, item := range items {
		found := k.selector(item)
		switch {
		case len(found) == 0:
			known = false
		case k.kind == "Policy" && isClusterScoped(found):
			k.error(diag.NamespacedPolicy, item, fmt.Sprintf("%s is in no namespace, and a namespaced policy clones from its own only", item.Text), "make it a cluster policy")
		case first == nil:
			first = found
		case isClusterScoped(first) != isClusterScoped(found) && !mixed:
			mixed = true
			k.error(diag.GenerateTarget, item, fmt.Sprintf("%s is %s, unlike the kinds before it: expected kinds of one scope", item.Text, scopeName(found)), "make a rule of each scope")
		}
	}
	switch {
	case k.kind == "Policy":
		if namespace.Str() != k.namespace {
			k.error(diag.NamespacedPolicy, namespace, fmt.Sprintf("a namespaced policy clones from its own namespace only: expected %q", k.namespace), "")
		}
	case mixed || first == nil:
	case !isClusterScoped(first) && isUnset(namespace):
		k.error(diag.GenerateTarget, namespace, fmt.Sprintf("is missing: %s is in a namespace", items[0].Str()), "expected the namespace of the sources")
	case isClusterScoped(first) && known && namespace.Str() != "":
		k.error(diag.GenerateTarget, namespace, fmt.Sprintf("%s is in no namespace", items[0].Str()), "leave it out")
	}
}

func scopeName(found []*kinds.Kind) string {
	if isClusterScoped(found) {
		return "in no namespace"
	}
	return "in a namespace"
}

// cloneSelector checks that a selector of sources has no wildcards, which other
// selectors may have.
func (k *kindChecker) cloneSelector(s value) {
	for _, label := range s.get("matchLabels").members() {
		if isWildcard(label.name) || isWildcard(label.Str()) {
			k.error(diag.Selector, label, "has a wildcard, which Kyverno does not know in a selector of what is cloned", "write the label out")
		}
	}
	for _, expression := range s.get("matchExpressions").items() {
		for _, v := range append([]value{expression.get("key")}, expression.get("values").items()...) {
			if isWildcard(v.Str()) {
				k.once(diag.Selector, v, "has a wildcard, which Kyverno does not know in a selector of what is cloned", "write the label out")
			}
		}
	}
}

// anchorKey is the form of an anchor (pkg/engine/anchor/anchor.go).
var anchorKey = lazyregexp.New(`^[+<=X^]?\((.+)\)$`)

// generatedData checks that an object to generate has no anchors: it is no
// pattern.
func (k *kindChecker) generatedData(data value) {
	for _, field := range data.members() {
		if m := anchorKey.FindStringSubmatch(strings.TrimSpace(field.name)); m != nil {
			k.error(diag.Anchor, field, fmt.Sprintf("%q is an anchor, and what is generated is an object and no pattern", field.name), fmt.Sprintf("write %q", m[1]))
			continue
		}
		k.generatedData(field)
	}
	for _, item := range data.items() {
		k.generatedData(item)
	}
}

// sameKind reports a rule that generates what it matches. Kyverno refuses it
// where the match is the deprecated one without any or all
// (pkg/validation/policy/actions.go); elsewhere it takes it, and each generated
// object that the match does not leave out is matched again.
func (k *kindChecker) sameKind(r, g value, found []*kinds.Kind) {
	kind := g.get("kind")
	if kind.Str() == "" {
		return
	}
	match := r.get("match")
	if slices.Contains(match.down("resources", "kinds").Strings(), kind.Text) {
		k.error(diag.GenerateTarget, kind, fmt.Sprintf("the rule matches %s too, and Kyverno takes no rule that generates what it matches", kind.Text), "match what the generated object belongs to, such as its Namespace")
		return
	}
	if len(found) != 1 || match.Has("all") || r.get("exclude").exists() || r.get("preconditions").exists() || k.kind == "Policy" {
		return
	}
	for _, f := range k.filters(match) {
		resources := f.get("resources")
		if len(f.having("subjects", "roles", "clusterRoles")) > 0 || len(resources.having("name", "names", "namespaces", "annotations", "selector", "namespaceSelector")) > 0 {
			continue
		}
		for _, item := range resources.get("kinds").items() {
			if s := kinds.Parse(item.Str()); s.Subresource == "" && slices.Contains(k.table.Find(s), found[0]) {
				k.warn(diag.GenerateLoop, kind, fmt.Sprintf("the rule matches every %s, and so also those that it generates", kind.Text), "match by name, namespace or label, or match what the generated object belongs to")
				return
			}
		}
	}
}
