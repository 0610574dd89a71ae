package vettest

import (
	"maps"
	"slices"
	"strings"
)

// mutation breaks an object in one way; apply is false where that does not
// apply to it.
type mutation struct {
	name  string
	apply func(object map[string]any) bool
}

type object = map[string]any

// valueAt gives the value at a path of fields; a number is a list's index.
func valueAt(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// in calls f with the struct at a path, if one is there.
func in(f func(m object) bool, path ...any) func(object) bool {
	return func(o object) bool {
		m, ok := valueAt(o, path...).(object)
		return ok && f(m)
	}
}

func set(field string, value any) func(object) bool {
	return func(m object) bool { m[field] = value; return true }
}

// replace sets a field that is there.
func replace(field string, value any) func(object) bool {
	return func(m object) bool {
		if _, ok := m[field]; !ok {
			return false
		}
		m[field] = value
		return true
	}
}

func drop(field string) func(object) bool {
	return func(m object) bool {
		_, ok := m[field]
		delete(m, field)
		return ok
	}
}

// rule applies to the first rule of a ClusterPolicy or Policy for which f is
// true.
func rule(f func(r object) bool) func(object) bool {
	return func(o object) bool {
		if k := o["kind"]; k != "ClusterPolicy" && k != "Policy" {
			return false
		}
		rules, _ := valueAt(o, "spec", "rules").([]any)
		for _, r := range rules {
			if m, ok := r.(object); ok && f(m) {
				return true
			}
		}
		return false
	}
}

// firstString applies to the first string below a value that f changes.
func firstString(f func(s string) (string, bool), path ...any) func(object) bool {
	var walk func(v any) (any, bool)
	walk = func(v any) (any, bool) {
		switch v := v.(type) {
		case string:
			return f(v)
		case object:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if changed, ok := walk(v[k]); ok {
					v[k] = changed
					return v, true
				}
			}
		case []any:
			for i := range v {
				if changed, ok := walk(v[i]); ok {
					v[i] = changed
					return v, true
				}
			}
		}
		return v, false
	}
	return func(o object) bool {
		v := valueAt(o, path...)
		if v == nil {
			return false
		}
		if _, isString := v.(string); isString {
			return false
		}
		_, ok := walk(v)
		return ok
	}
}

func variable(from func(inside string) string) func(s string) (string, bool) {
	return func(s string) (string, bool) {
		begin := strings.Index(s, "{{")
		end := strings.Index(s, "}}")
		if begin < 0 || end < begin+2 {
			return s, false
		}
		return s[:begin+2] + from(s[begin+2:end]) + s[end:], true
	}
}

// celExpression applies to the first CEL expression of a policy that f changes.
func celExpression(f func(s string) (string, bool)) func(object) bool {
	return func(o object) bool {
		var walk func(v any) bool
		walk = func(v any) bool {
			switch v := v.(type) {
			case object:
				if s, ok := v["expression"].(string); ok {
					if changed, ok := f(s); ok {
						v["expression"] = changed
						return true
					}
				}
				for _, k := range slices.Sorted(maps.Keys(v)) {
					if walk(v[k]) {
						return true
					}
				}
			case []any:
				for _, item := range v {
					if walk(item) {
						return true
					}
				}
			}
			return false
		}
		return walk(o["spec"])
	}
}

func always(with string) func(string) (string, bool) {
	return func(string) (string, bool) { return with, true }
}

func appended(text string) func(string) (string, bool) {
	return func(s string) (string, bool) { return s + text, true }
}

func firstItem(list string, f func(object) bool) func(object) bool {
	return func(m object) bool {
		items, _ := m[list].([]any)
		if len(items) == 0 {
			return false
		}
		item, ok := items[0].(object)
		return ok && f(item)
	}
}

// ofSpec applies to the spec of a ClusterPolicy or Policy.
func ofSpec(f func(object) bool) func(object) bool {
	return func(o object) bool {
		if k := o["kind"]; k != "ClusterPolicy" && k != "Policy" {
			return false
		}
		return in(f, "spec")(o)
	}
}

// within calls f with a struct of a struct.
func within(field string, f func(object) bool) func(object) bool {
	return func(m object) bool { return in(f, field)(m) }
}
