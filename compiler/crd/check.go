package crd

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"kcue.dev/compiler/spec"
)

// Check gives every violation of the schema of the object's kind, in the
// order of the object's fields; none means that Kyverno's CRDs admit it. An
// object of a kind that Kyverno does not serve is itself a violation.
//
// As in the API server, a null in a field that is not nullable counts as an
// absent field, and a field that has a default is never missing. What stands
// in status is not looked at.
func (s *Schemas) Check(obj *spec.Node) []Violation {
	if obj == nil || obj.Kind != spec.Struct {
		return []Violation{{Node: obj, Kind: WrongType, Message: "an object must be a struct with apiVersion and kind"}}
	}
	k := s.kindOf(obj)
	if k == nil {
		return []Violation{s.unknownKind(obj)}
	}
	c := &checker{path: make([]step, 0, 32)}
	c.object(obj, k.root)
	c.metadata(obj, k.namespaced)
	return c.out
}

func (s *Schemas) unknownKind(obj *spec.Node) Violation {
	v := Violation{Node: obj, Kind: UnknownKind}
	apiVersion, kind := obj.Get("apiVersion"), obj.Get("kind")
	for _, f := range []struct {
		name  string
		value *spec.Node
	}{{"apiVersion", apiVersion}, {"kind", kind}} {
		if f.value.Str() == "" {
			v.Path, v.Message = f.name, f.name+" is missing, or is no string: expected one that Kyverno serves"
			if f.value != nil {
				v.Node = f.value
			}
			return v
		}
	}
	var versions []string
	for key := range s.kinds {
		if key.kind == kind.Text {
			versions = append(versions, key.apiVersion)
		}
	}
	if len(versions) == 0 {
		v.Path, v.Node = "kind", kind
		v.Message = fmt.Sprintf("Kyverno %s has no kind %s in %s", s.version, quote(kind.Text), quote(apiVersion.Text))
		for key := range s.kinds {
			if key.apiVersion == apiVersion.Text {
				v.Allowed = append(v.Allowed, key.kind)
			}
		}
		slices.Sort(v.Allowed)
	} else {
		v.Path, v.Node, v.Allowed = "apiVersion", apiVersion, versions
		slices.Sort(versions)
		v.Message = fmt.Sprintf("Kyverno %s does not serve %s in %s, expected %s", s.version, kind.Text, quote(apiVersion.Text), list(versions))
	}
	return v
}

type checker struct {
	path []step
	out  []Violation
}

func (c *checker) add(n *spec.Node, kind Kind, format string, args ...any) *Violation {
	c.out = append(c.out, Violation{Path: pathString(c.path), Node: n, Kind: kind, Message: fmt.Sprintf(format, args...)})
	return &c.out[len(c.out)-1]
}

func (c *checker) pushField(name string) { c.path = append(c.path, step{name: name, field: true}) }
func (c *checker) pushIndex(i int)       { c.path = append(c.path, step{index: i}) }
func (c *checker) pop()                  { c.path = c.path[:len(c.path)-1] }

func (c *checker) value(n *spec.Node, s *schema) {
	if n.Kind == spec.Null {
		if !s.nullable && (s.typ != "" || s.intOrString) && s.def == nil {
			c.add(n, WrongType, "expected %s, found null", expected(s))
		}
		return
	}
	if !s.admits(n) {
		c.add(n, WrongType, "expected %s, found %s", expected(s), found(n))
		return
	}
	switch n.Kind {
	case spec.Struct:
		if !s.opaque() {
			c.object(n, s)
		}
	case spec.List:
		c.list(n, s)
	case spec.String:
		c.text(n, s)
	case spec.Number:
		c.number(n, s)
	}
}

// admits reports whether a value that is not null is of the schema's type.
func (s *schema) admits(n *spec.Node) bool {
	if s.intOrString {
		return n.Kind == spec.String || n.Kind == spec.Number && isInteger(n.Text)
	}
	switch s.typ {
	case "object":
		return n.Kind == spec.Struct
	case "array":
		return n.Kind == spec.List
	case "string":
		return n.Kind == spec.String
	case "boolean":
		return n.Kind == spec.Bool
	case "number":
		return n.Kind == spec.Number
	case "integer":
		return n.Kind == spec.Number && isInteger(n.Text)
	}
	return true
}

// isInteger reports whether a JSON number is integral in the API server's
// eyes: 3, 3.0 and 3e0 are, as long as a float64 holds the latter exactly.
func isInteger(text string) bool {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return true
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

func (c *checker) object(n *spec.Node, s *schema) {
	for i := range n.Fields {
		f := &n.Fields[i]
		sub := s.child(f.Name)
		if sub == nil {
			if !s.preserve {
				c.unknownField(f, s)
			}
			continue
		}
		if f.Value.Kind == spec.Null && !sub.nullable {
			continue // the API server drops it
		}
		c.pushField(f.Name)
		c.value(f.Value, sub)
		c.pop()
	}
	for _, name := range s.required {
		if !s.has(n, name) {
			c.pushField(name)
			c.add(n, Missing, "the field is required, and missing")
			c.pop()
		}
	}
	if len(s.oneOf) > 0 {
		c.exactlyOne(n, s)
	}
	if len(s.notAll) > 0 && !slices.ContainsFunc(s.notAll, func(name string) bool { return !s.has(n, name) }) {
		c.add(n, NotExclusive, "%s exclude each other: expected only one of them", conjunction(s.notAll))
	}
}

func (c *checker) unknownField(f *spec.Field, s *schema) {
	allowed := slices.Sorted(maps.Keys(s.properties))
	c.pushField(f.Name)
	defer c.pop()
	message := "unknown field " + quote(f.Name)
	if n := len(allowed); n > 0 && n <= 12 {
		message += ", expected " + list(allowed)
	}
	c.add(f.Value, UnknownField, "%s", message).Allowed = allowed
}

func (c *checker) exactlyOne(n *spec.Node, s *schema) {
	var set []string
	for _, name := range s.oneOf {
		if s.has(n, name) {
			set = append(set, name)
		}
	}
	switch {
	case len(set) == 0:
		c.add(n, NotExclusive, "expected exactly one of %s, found none", list(s.oneOf))
	case len(set) > 1:
		c.add(n, NotExclusive, "expected exactly one of %s, found %s", list(s.oneOf), conjunction(set))
	}
}

func conjunction(words []string) string {
	out := words[0]
	for i, w := range words[1:] {
		if i == len(words)-2 {
			out += " and " + w
		} else {
			out += ", " + w
		}
	}
	return out
}

func (c *checker) list(n *spec.Node, s *schema) {
	if s.minItems != nil && len(n.Items) < *s.minItems {
		c.add(n, BadLength, "expected at least %s, found %d", count(*s.minItems, "item"), len(n.Items))
	}
	if s.maxItems != nil && len(n.Items) > *s.maxItems {
		c.add(n, BadLength, "expected at most %s, found %d", count(*s.maxItems, "item"), len(n.Items))
	}
	if s.items != nil {
		for i, item := range n.Items {
			c.pushIndex(i)
			c.value(item, s.items)
			c.pop()
		}
	}
	if s.listType != "" {
		c.unique(n, s)
	}
}

// unique checks a list that is a set, or a map by some of its items' fields.
// Each key is reported once, at its first repetition.
func (c *checker) unique(n *spec.Node, s *schema) {
	seen := make(map[string]int, len(n.Items))
	for i, item := range n.Items {
		key := keyOf(item, s)
		seen[key]++
		if seen[key] != 2 {
			continue
		}
		c.pushIndex(i)
		if s.listType == "map" {
			c.add(item, Duplicate, "expected items that differ in %s: another has %s", conjunction(s.listKeys), key)
		} else {
			c.add(item, Duplicate, "expected items that differ: %s stands here twice", key)
		}
		c.pop()
	}
}

func keyOf(item *spec.Node, s *schema) string {
	if s.listType == "set" {
		return jsonOf(item)
	}
	key := spec.NewStruct(item.Pos)
	for _, name := range s.listKeys {
		v := item.Get(name)
		var sub *schema
		if s.items != nil {
			sub = s.items.child(name)
		}
		if sub != nil && sub.def != nil && (v == nil || missing(v, sub)) {
			v = sub.def
		}
		if v != nil {
			key.Fields = append(key.Fields, spec.Field{Name: name, Value: v})
		}
	}
	return jsonOf(key)
}

// jsonOf cannot fail: a Node holds nothing that has no JSON form.
func jsonOf(n *spec.Node) string {
	data, _ := n.MarshalJSON()
	return string(data)
}

func (c *checker) text(n *spec.Node, s *schema) {
	if len(s.enum) > 0 && !slices.Contains(s.enum, n.Text) {
		c.add(n, NotAllowed, "%s is not allowed, expected %s", quote(n.Text), list(s.enum)).Allowed = s.enum
		return
	}
	if s.minLength != nil && utf8.RuneCountInString(n.Text) < *s.minLength {
		c.add(n, BadLength, "expected at least %s, found %d", count(*s.minLength, "character"), utf8.RuneCountInString(n.Text))
	}
	// Bytes bound characters, and most strings are short.
	if s.maxLength != nil && len(n.Text) > *s.maxLength && utf8.RuneCountInString(n.Text) > *s.maxLength {
		c.add(n, BadLength, "expected at most %s, found %d", count(*s.maxLength, "character"), utf8.RuneCountInString(n.Text))
	}
	if s.pattern != nil && !s.pattern.MatchString(n.Text) {
		c.add(n, BadPattern, "%s does not match the pattern %s", quote(n.Text), s.pattern)
	}
	switch s.format {
	case "date-time":
		// Stricter than the API server's format, which also lets pass what
		// metav1.Time does not decode.
		if _, err := time.Parse(time.RFC3339, n.Text); err != nil {
			c.add(n, BadFormat, "%s is no time, expected RFC 3339 as in 2026-01-31T12:00:00Z", quote(n.Text))
		}
	case "duration":
		// Stricter for the same reason: metav1.Duration decodes no "1 day".
		if _, err := time.ParseDuration(n.Text); err != nil {
			c.add(n, BadFormat, "%s is no duration, expected one as in 90s, 10m or 1h30m", quote(n.Text))
		}
	}
}

func (c *checker) number(n *spec.Node, s *schema) {
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		c.add(n, BadFormat, "%s is out of the range of numbers", n.Text)
		return
	}
	if s.format == "int32" && (f < math.MinInt32 || f > math.MaxInt32) {
		c.add(n, BadFormat, "%s does not fit in 32 bits", n.Text)
	}
	if s.minimum != nil && f < *s.minimum {
		c.add(n, OutOfRange, "%s is too small, expected at least %v", n.Text, *s.minimum)
	}
	if s.maximum != nil && f > *s.maximum {
		c.add(n, OutOfRange, "%s is too large, expected at most %v", n.Text, *s.maximum)
	}
}
