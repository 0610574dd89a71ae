package importer

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
)

// candidate is a rule written as a pattern with parameters, which may build the
// same or not.
type candidate struct {
	of         *item
	rule       string // its name
	definition string
	body       *spec.Node // what is added to the definition
}

// usePatterns writes each rule that one of kcue's patterns emits, for some
// parameters, as that pattern. Parameters are read off the rule; that they are
// right is not supposed but seen: the candidate is compiled, and the objects are
// compared. A rule of which any part would be lost stays as it is.
func usePatterns(files []*output, options Options) {
	if options.Build == nil {
		return
	}
	var all []candidate
	for _, f := range files {
		for _, i := range f.items {
			if i.field != "clusterPolicies" && i.field != "policies" {
				continue
			}
			for _, r := range i.node.Get("rules").Members() {
				if !isCommentedBelow(r.Value, i.comments) {
					all = append(all, candidates(i, r)...)
				}
			}
		}
	}
	if len(all) == 0 {
		return
	}
	built := buildCandidates(all, options)
	done := map[*item]map[string]bool{}
	for n, c := range all {
		if done[c.of][c.rule] || !built[n] {
			continue
		}
		if done[c.of] == nil {
			done[c.of] = map[string]bool{}
		}
		done[c.of][c.rule] = true
		rules := c.of.node.Get("rules")
		c.of.comments[c.body] = c.of.comments[rules.Get(c.rule)]
		set(rules, c.rule, c.body)
		c.of.uses[c.body] = c.definition
	}
}

// isCommentedBelow reports whether a comment stands inside a rule: written as a
// pattern, the rule would lose it.
func isCommentedBelow(n *spec.Node, comments spec.Comments) bool {
	inside := func(v *spec.Node) bool { return comments[v] != (spec.Comment{}) || isCommentedBelow(v, comments) }
	return slices.ContainsFunc(n.Fields, func(f spec.Field) bool { return inside(f.Value) }) || slices.ContainsFunc(n.Items, inside)
}

// buildCandidates compiles each candidate beside the rule that it is made of,
// each in a policy of its own, and tells which build the same rule.
func buildCandidates(all []candidate, options Options) []bool {
	same := make([]bool, len(all))
	var batch []*item
	number := map[*item]int{}
	shell := func(c candidate, name string, body *spec.Node, uses map[*spec.Node]string) *item {
		rules := spec.NewStruct(c.of.node.Pos, spec.Field{Name: c.rule, Value: body})
		return &item{
			object: c.of.object, field: "clusterPolicies", name: name, uses: uses,
			node: spec.NewStruct(c.of.node.Pos, spec.Field{Name: "rules", Value: rules}),
		}
	}
	for n, c := range all {
		original := shell(c, fmt.Sprintf("original-%d", n), c.of.node.Get("rules").Get(c.rule), nil)
		pattern := shell(c, fmt.Sprintf("pattern-%d", n), c.body, map[*spec.Node]string{c.body: c.definition})
		number[original], number[pattern] = n, n
		batch = append(batch, original, pattern)
	}
	for len(batch) > 0 {
		objects, found := options.Build(batchSource(batch))
		if !found.HasErrors() {
			rules := map[string]*spec.Node{}
			for _, o := range objects {
				rules[o.Get("metadata").Get("name").Str()] = o.Get("spec")
			}
			for n := range all {
				var differences []string
				original, pattern := rules[fmt.Sprintf("original-%d", n)], rules[fmt.Sprintf("pattern-%d", n)]
				if original == nil || pattern == nil {
					continue
				}
				compare(original, pattern, "", &differences)
				same[n] = len(differences) == 0
			}
			return same
		}
		bad, _ := blame(batch, errorsOf(found))
		wrong := map[int]bool{}
		for _, i := range bad {
			wrong[number[i]] = true
		}
		batch = slices.DeleteFunc(batch, func(i *item) bool { return wrong[number[i]] })
	}
	return same
}

// candidates gives the ways in which a rule may be one of the patterns, the
// shortest first.
func candidates(i *item, r spec.Field) []candidate {
	var out []candidate
	for _, read := range []func(rule *spec.Node) (definition string, params, rest *spec.Node){
		imageRegistry, resourceLimits, securityContext, privileged, podSecurityStandard,
		imagePullPolicy, defaultLabels, networkPolicy, rbacResources,
	} {
		definition, params, rest := read(r.Value)
		if definition == "" {
			continue
		}
		withMessage := candidateBody(params, rest)
		if v := rest.Get("validate"); v.Get("message") != nil {
			// The pattern's own message may be what the rule says.
			rest = rest.With("validate", v.Without("message"))
			out = append(out, candidate{i, r.Name, definition, candidateBody(params, rest)})
		}
		out = append(out, candidate{i, r.Name, definition, withMessage})
	}
	return out
}

// candidateBody gives what is added to a pattern: parameters, and what the rule
// says beyond it.
func candidateBody(params, rest *spec.Node) *spec.Node {
	body := spec.NewStruct(rest.Pos)
	if len(params.Fields) > 0 {
		set(body, "params", params)
	}
	for _, f := range rest.Fields {
		if v := f.Value; v.Kind == spec.Struct && len(v.Fields) == 0 && (f.Name == "match" || f.Name == "validate" || f.Name == "mutate" || f.Name == "generate") {
			continue // the pattern says all of it
		}
		set(body, f.Name, f.Value)
	}
	return body
}

// scope takes the kind and the one namespace of a pattern out of a rule's match:
// false where the rule is about something else. The namespace stands in
// namespaces, or for rules about Namespaces in names.
func scope(rule *spec.Node, kind, field string) (params, rest *spec.Node, ok bool) {
	m := rule.Get("match")
	if kinds := m.Get("kinds"); kinds == nil || !slices.Equal(kinds.Strings(), []string{kind}) {
		return nil, nil, false
	}
	params = spec.NewStruct(rule.Pos)
	m = m.Without("kinds")
	if v := m.Get(field); v != nil && len(v.Items) == 1 && v.Items[0].Str() != "" {
		set(params, "namespace", v.Items[0])
		m = m.Without(field)
	}
	return params, rule.With("match", m), true
}

// without gives a rule whose body lacks fields.
func without(rule *spec.Node, body string, names ...string) *spec.Node {
	return rule.With(body, rule.Get(body).Without(names...))
}

// first puts a parameter before the others, where the rule has it.
func first(params *spec.Node, name string, value *spec.Node) {
	if value == nil {
		return
	}
	params.Fields = slices.Insert(params.Fields, 0, spec.Field{Name: name, Value: value})
}

// container gives what a pattern says of containers: the only element of
// spec.containers.
func container(pattern *spec.Node) *spec.Node {
	list := pattern.Get("spec").Get("containers")
	if list == nil || len(list.Items) != 1 {
		return nil
	}
	return list.Items[0]
}

func imageRegistry(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	image := container(rule.Get("validate").Get("pattern")).Get("image")
	params, rest, ok := scope(rule, "Pod", "namespaces")
	if !ok || image.Str() == "" {
		return "", nil, nil
	}
	list := spec.NewList(image.Pos)
	for part := range strings.SplitSeq(image.Text, " | ") {
		registry, ok := strings.CutSuffix(part, "/*")
		if !ok {
			return "", nil, nil
		}
		list.Items = append(list.Items, spec.NewString(registry, image.Pos))
	}
	switch {
	case len(list.Items) > 1:
		first(params, "registries", list)
	case list.Items[0].Text != "gcr.io":
		first(params, "registry", list.Items[0])
	}
	return "patterns.#RequireImageRegistry", params, without(rest, "validate", "pattern")
}

func resourceLimits(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	pattern := rule.Get("validate").Get("pattern")
	params, rest, ok := scope(rule, "Pod", "namespaces")
	if !ok || container(pattern).Get("resources").Get("limits") == nil {
		return "", nil, nil
	}
	if !pattern.Get("spec").Has("=(ephemeralContainers)") {
		first(params, "allowEphemeralContainers", spec.NewBool(true, rule.Pos))
	}
	return "patterns.#RequireResourceLimits", params, without(rest, "validate", "pattern")
}

func securityContext(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	v := rule.Get("validate")
	params, rest, ok := scope(rule, "Pod", "namespaces")
	if !ok {
		return "", nil, nil
	}
	if container(v.Get("pattern")).Get("securityContext").Has("readOnlyRootFilesystem") {
		first(params, "runAsNonRoot", spec.NewBool(false, rule.Pos))
		return "patterns.#RequireSecurityContext", params, without(rest, "validate", "pattern")
	}
	if list := v.Get("anyPattern"); list != nil && len(list.Items) == 2 && container(list.Items[1]).Get("securityContext").Has("runAsNonRoot") {
		return "patterns.#RequireSecurityContext", params, without(rest, "validate", "anyPattern")
	}
	return "", nil, nil
}

func privileged(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	params, rest, ok := scope(rule, "Pod", "namespaces")
	if !ok || !container(rule.Get("validate").Get("pattern")).Get("=(securityContext)").Has("=(privileged)") {
		return "", nil, nil
	}
	return "patterns.#BlockPrivilegedContainers", params, without(rest, "validate", "pattern")
}

func podSecurityStandard(rule *spec.Node) (string, *spec.Node, *spec.Node) {
	standard := rule.Get("validate").Get("podSecurity")
	params, rest, ok := scope(rule, "Pod", "namespaces")
	if !ok || standard == nil {
		return "", nil, nil
	}
	if v := standard.Get("version"); v != nil && v.Str() != "latest" {
		first(params, "version", v)
	}
	if v := standard.Get("level"); v.Str() != "restricted" {
		first(params, "level", v)
	}
	v := rest.Get("validate").Without("podSecurity")
	if exclude := standard.Without("level", "version"); len(exclude.Fields) > 0 {
		v = v.With("podSecurity", exclude)
	}
	return "patterns.#EnforcePodSecurityStandard", params, rest.With("validate", v)
}
