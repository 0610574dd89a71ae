package evaluator

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/ext/wildcard"
	"github.com/kyverno/kyverno/pkg/engine/anchor"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Of a name with a wildcard among the labels or annotations of a pattern, Kyverno
// looks at one key of the resource that it matches: the first in the order of a
// Go map, which is another in each run (pkg/engine/wildcards, ExpandInMetadata).
// Here it looks at each of them, one after the other. What it says of the first in
// alphabetical order is the result where it says the same of all; else there is
// no verdict to rely on.

// maxKeys is how many keys of a resource are tried for such a name.
const maxKeys = 100

// choice is what such a name stands for.
type choice struct {
	// rule is the name of the rule, name that in the pattern, with its anchor.
	rule, name string
	// keys are those of the resource, in order, of which there are several.
	keys []string
}

// hasWildcardNames reports whether a pattern, or a list of patterns, may have such
// a name.
func hasWildcardNames(pattern any) bool {
	switch pattern := pattern.(type) {
	case map[string]any:
		for key, value := range pattern {
			if names, ok := value.(map[string]any); ok && isTag(key) && slices.ContainsFunc(slices.Collect(maps.Keys(names)), wildcard.ContainsWildcard) {
				return true
			}
			if hasWildcardNames(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(pattern, hasWildcardNames)
	}
	return false
}

func isTag(key string) bool {
	return slices.Contains([]string{"labels", "annotations"}, withoutAnchor(key))
}

func withoutAnchor(key string) string {
	if a := anchor.Parse(key); a != nil {
		return a.Key()
	}
	return key
}

// replaceNames copies a pattern with what choose gives for each name in it that
// stands for several keys of the resource.
func replaceNames(pattern, resource any, choose func(name string, keys []string) string) any {
	fields, ok := pattern.(map[string]any)
	if !ok {
		return pattern
	}
	of, _ := resource.(map[string]any)
	out := map[string]any{}
	// In the order of names, so that choose is called in the same for each copy.
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		inner := replaceNames(fields[key], of[withoutAnchor(key)], choose)
		if metadata, ok := inner.(map[string]any); ok && withoutAnchor(key) == "metadata" {
			values, _ := of["metadata"].(map[string]any)
			for _, tag := range slices.Sorted(maps.Keys(metadata)) {
				if names, ok := metadata[tag].(map[string]any); ok && isTag(tag) {
					metadata[tag] = replaceTag(names, values[withoutAnchor(tag)], choose)
				}
			}
		}
		out[key] = inner
	}
	return out
}

func replaceTag(names map[string]any, resource any, choose func(name string, keys []string) string) map[string]any {
	of, _ := resource.(map[string]any)
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		value, replaced := names[name], name
		if bare := withoutAnchor(name); wildcard.ContainsWildcard(bare) {
			var keys []string
			for key, value := range of {
				if _, ok := value.(string); ok && wildcard.Match(bare, key) {
					keys = append(keys, key)
				}
			}
			if len(keys) > 1 {
				slices.Sort(keys)
				replaced = choose(name, keys)
				if a := anchor.Parse(name); a != nil {
					replaced = anchor.String(a.Type(), replaced)
				}
			}
		}
		out[replaced] = value
	}
	return out
}

// choices finds the names in the patterns of rules that stand for several keys.
func choices(rules []kyvernov1.Rule, resource *unstructured.Unstructured) (all []choice) {
	for _, rule := range rules {
		replacePatterns(rule.Validation, resource, func(name string, keys []string) string {
			all = append(all, choice{rule.Name, name, keys})
			return keys[0]
		})
	}
	return all
}

// replacePatterns copies the patterns of a rule, of which it may have none, as
// replaceNames does.
func replacePatterns(v *kyvernov1.Validation, resource *unstructured.Unstructured, choose func(name string, keys []string) string) (pattern any, anyPattern []any) {
	if v == nil {
		return nil, nil
	}
	pattern = replaceNames(v.GetPattern(), resource.Object, choose)
	anyPattern, _ = v.GetAnyPattern().([]any)
	for i := range anyPattern {
		anyPattern[i] = replaceNames(anyPattern[i], resource.Object, choose)
	}
	return pattern, anyPattern
}

// choose copies a policy in which each name stands for its first key, but for the
// one of an index, which stands for another of its keys.
func choose(prepared kyvernov1.PolicyInterface, resource *unstructured.Unstructured, index, key int) kyvernov1.PolicyInterface {
	rules := slices.Clone(prepared.GetSpec().Rules)
	seen := -1
	for i := range rules {
		pattern, anyPattern := replacePatterns(rules[i].Validation, resource, func(_ string, keys []string) string {
			if seen++; seen == index {
				return keys[key]
			}
			return keys[0]
		})
		if pattern == nil && anyPattern == nil {
			continue
		}
		v := *rules[i].Validation
		if pattern != nil {
			v.SetPattern(pattern)
		}
		if anyPattern != nil {
			v.SetAnyPattern(anyPattern)
		}
		rules[i].Validation = &v
	}
	return withRules(prepared, rules)
}

// validateWildcards validates as validate does, for a policy with such names.
func (r *run) validateWildcards(pc policyContext, validate func(policyContext) []engineapi.RuleResponse) []engineapi.RuleResponse {
	prepared, subject := pc.Policy(), r.request.subject()
	rules := prepared.GetSpec().Rules
	all := choices(rules, subject)
	if old := r.request.OldObject; old != nil && old != subject {
		// Kyverno asks the same of the resource as it was; where that has other
		// keys, no name can stand for one of both.
		if !slices.EqualFunc(all, choices(rules, old), func(a, b choice) bool { return slices.Equal(a.keys, b.keys) }) {
			all = nil
		}
	}
	if len(all) == 0 {
		return validate(pc)
	}
	with := func(index, key int) []engineapi.RuleResponse {
		return validate(policyContext{pc.WithPolicy(choose(prepared, subject, index, key)), pc.json})
	}
	responses := with(-1, 0)
	for index, c := range all {
		of := func(r engineapi.RuleResponse) bool { return r.Name() == c.rule }
		at := slices.IndexFunc(responses, of)
		if at < 0 {
			continue
		}
		fail := func(format string, args ...any) {
			responses[at] = *engineapi.RuleError(c.rule, engineapi.Validation, fmt.Sprintf(format, args...), nil, nil)
		}
		if len(c.keys) > maxKeys {
			fail("%s stands for %d keys of the resource, of which Kyverno looks at one: more than %d are not tried", c.name, len(c.keys), maxKeys)
			continue
		}
		for key := 1; key < len(c.keys); key++ {
			others := with(index, key)
			if other := slices.IndexFunc(others, of); other >= 0 && others[other].Status() != responses[at].Status() {
				fail("%s stands for %s, of which Kyverno looks at one, whichever it comes upon first: by %s the rule is %s, by %s %s. Name the keys, or compare them all in validate.deny",
					c.name, strings.Join(c.keys, ", "), c.keys[0], responses[at].Status(), c.keys[key], others[other].Status())
				break
			}
		}
	}
	return responses
}
