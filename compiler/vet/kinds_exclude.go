package vet

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// emptySet reports an exclude that leaves nothing of a match. It refuses what
// Kyverno refuses (api/kyverno/v1/rule_types.go ValidateMatchExcludeConflict,
// api/kyverno/v2/cleanup_policy_types.go), of which flat says whether filters
// may stand outside of any and all.
func (k *kindChecker) emptySet(match, exclude value, flat bool) {
	if !exclude.exists() || len(exclude.get("all").items()) > 0 || len(match.get("all").items()) > 0 {
		return
	}
	if len(match.get("any").items()) > 0 && len(exclude.get("any").items()) > 0 {
		for _, e := range exclude.get("any").items() {
			for _, m := range match.get("any").items() {
				if spec.Equal(withoutNulls(m.Node), withoutNulls(e.Node)) {
					k.error(diag.EmptyMatch, e, fmt.Sprintf("excludes all that %s matches: expected a filter that leaves some of it", Place(m.path())), "narrow the filter, or leave it out")
				}
			}
		}
		return
	}
	if len(withoutNulls(exclude.Node).Fields) == 0 || !flat {
		return
	}
	if leavesSome(match, exclude) {
		return
	}
	switch {
	case exclude.Has("any"):
		k.error(diag.EmptyMatch, exclude, "any, beside a match without it, reads to Kyverno as if it excluded everything", "write the match's filter under any too")
	case match.Has("any"):
		k.error(diag.EmptyMatch, exclude, "a filter outside of any, beside match.any, reads to Kyverno as if it excluded everything", "write the filter under any")
	default:
		k.error(diag.EmptyMatch, exclude, "excludes all that the rule matches: expected a filter that leaves some of it", "narrow the filter, or leave it out")
	}
}

// leavesSome tells whether Kyverno takes a flat exclude to leave something of a
// flat match: where the match has something that the exclude asks for and the
// match does not have.
func leavesSome(match, exclude value) bool {
	m, e := match.get("resources"), exclude.get("resources")
	for _, list := range []struct{ match, exclude value }{
		{match.get("roles"), exclude.get("roles")},
		{match.get("clusterRoles"), exclude.get("clusterRoles")},
		{match.get("subjects"), exclude.get("subjects")},
	} {
		if !coversAll(list.exclude, list.match) {
			return true
		}
	}
	if name := e.get("name").Str(); name != "" && !kinds.Match(name, m.get("name").Str()) {
		return true
	}
	if names := e.get("names").Strings(); len(names) > 0 {
		return !slices.ContainsFunc(m.get("names").Strings(), func(name string) bool {
			return slices.ContainsFunc(names, func(pattern string) bool { return kinds.Match(pattern, name) })
		})
	}
	for _, name := range []string{"namespaces", "kinds"} {
		if !coversAll(e.get(name), m.get(name)) {
			return true
		}
	}
	for _, name := range []string{"selector", "namespaceSelector"} {
		if e.get(name).exists() != m.get(name).exists() || e.get(name).exists() && !coversSelector(e.get(name), m.get(name)) {
			return true
		}
	}
	excluded, matched := e.get("annotations"), m.get("annotations")
	return excluded.exists() != matched.exists() || excluded.exists() && !spec.Equal(excluded.Node, matched.Node)
}

// coversAll tells whether a list of an exclude, if it has any, holds all of the
// match's list, which is not empty.
func coversAll(exclude, match value) bool {
	if len(exclude.items()) == 0 {
		return true
	}
	return len(match.items()) > 0 && !slices.ContainsFunc(match.items(), func(item value) bool {
		return !slices.ContainsFunc(exclude.items(), func(e value) bool { return spec.Equal(withoutNulls(e.Node), withoutNulls(item.Node)) })
	})
}

// coversSelector tells whether the labels and expressions of an exclude's
// selector, if it has any, hold all of the match's.
func coversSelector(exclude, match value) bool {
	if !coversAll(exclude.get("matchExpressions"), match.get("matchExpressions")) {
		return false
	}
	labels := exclude.get("matchLabels")
	if len(labels.members()) == 0 {
		return true
	}
	matched := match.get("matchLabels").members()
	return len(matched) > 0 && !slices.ContainsFunc(matched, func(label value) bool { return labels.Get(label.name).Str() != label.Str() })
}

// withoutNulls gives a struct as Kyverno decodes it: without nulls and empty
// strings, and in what it holds likewise.
func withoutNulls(n *spec.Node) *spec.Node {
	switch {
	case n == nil:
		return spec.NewStruct(token.NoPos)
	case n.Kind == spec.List:
		items := make([]*spec.Node, len(n.Items))
		for i, item := range n.Items {
			items[i] = withoutNulls(item)
		}
		return spec.NewList(n.Pos, items...)
	case n.Kind != spec.Struct:
		return n
	}
	var fields []spec.Field
	for _, f := range n.Fields {
		v := withoutNulls(f.Value)
		if v.Kind == spec.Null || v.Kind == spec.String && v.Text == "" || v.Kind == spec.Struct && len(v.Fields) == 0 && f.Name == "resources" {
			continue
		}
		fields = append(fields, spec.Field{Name: f.Name, Value: v})
	}
	return spec.NewStruct(n.Pos, fields...)
}
