package spec_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

// parse gives the node of a JSON text, with its fields in order.
func parse(t testing.TB, text string) *spec.Node {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	n, err := decode(dec)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// decode reads one JSON value. Of fields that are repeated the last counts, as
// in encoding/json.
func decode(dec *json.Decoder) (*spec.Node, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		n := &spec.Node{Kind: spec.List}
		if v == '{' {
			n.Kind = spec.Struct
		}
		for dec.More() {
			if n.Kind == spec.List {
				item, err := decode(dec)
				if err != nil {
					return nil, err
				}
				n.Items = append(n.Items, item)
				continue
			}
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			value, err := decode(dec)
			if err != nil {
				return nil, err
			}
			n = n.With(name.(string), value)
		}
		_, err := dec.Token()
		return n, err
	case bool:
		return spec.NewBool(v, token.NoPos), nil
	case json.Number:
		return &spec.Node{Kind: spec.Number, Text: v.String()}, nil
	case string:
		return spec.NewString(v, token.NoPos), nil
	}
	return &spec.Node{Kind: spec.Null}, nil
}

// text gives a node as JSON, and "" for nil.
func text(t testing.TB, n *spec.Node) string {
	t.Helper()
	if n == nil {
		return ""
	}
	data, err := n.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestMergePatch holds the patch to the test cases of RFC 7386, appendix A,
// and to what they leave open: order, and that the arguments stay as they are.
func TestMergePatch(t *testing.T) {
	tests := []struct{ name, target, patch, want string }{
		{"A1 replace", `{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{"A2 add", `{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{"A3 remove the only", `{"a":"b"}`, `{"a":null}`, `{}`},
		{"A4 remove one", `{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{"A5 list by string", `{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{"A6 string by list", `{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{"A7 inside", `{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{"A8 list of structs", `{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{"A9 lists are replaced", `["a","b"]`, `["c","d"]`, `["c","d"]`},
		{"A10 struct by list", `{"a":"b"}`, `["c"]`, `["c"]`},
		{"A11 null", `{"a":"foo"}`, `null`, ``},
		{"A12 string", `{"a":"foo"}`, `"bar"`, `"bar"`},
		{"A13 null of the target stays", `{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{"A14 list by struct", `[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{"A15 deep null of nothing", `{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{"order is kept", `{"z":1,"a":2,"m":3}`, `{"m":4,"z":5,"b":6}`, `{"z":5,"a":2,"m":4,"b":6}`},
		{"nothing to patch", `{"a":{"b":1}}`, `{}`, `{"a":{"b":1}}`},
		{"empty struct in the patch", `{"a":1}`, `{"a":{}}`, `{"a":{}}`},
		{"null in a list stays", `{"a":1}`, `{"a":[null]}`, `{"a":[null]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, patch := parse(t, tt.target), parse(t, tt.patch)
			if diff := cmp.Diff(tt.want, text(t, spec.MergePatch(target, patch))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := text(t, target); got != tt.target {
				t.Errorf("the target became %s", got)
			}
			if got := text(t, patch); got != tt.patch {
				t.Errorf("the patch became %s", got)
			}
		})
	}
	if got := text(t, spec.MergePatch(nil, parse(t, `{"a":{"b":null,"c":1}}`))); got != `{"a":{"c":1}}` {
		t.Errorf("a patch of nothing gives %s", got)
	}
}

// FuzzMergePatch holds MergePatch to RFC 7386's own pseudo-code, on
// encoding/json's values.
func FuzzMergePatch(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":{"b":"c"}}`, `{"a":{"b":null,"d":[null]}}`},
		{`[1]`, `{"a":{}}`},
		{`"x"`, `null`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, target, patch string) {
		if !json.Valid([]byte(target)) || !json.Valid([]byte(patch)) {
			return
		}
		got := spec.MergePatch(parse(t, target), parse(t, patch))
		want := mergePatch(value(t, target), value(t, patch))
		if got == nil {
			got = &spec.Node{Kind: spec.Null}
		}
		if !reflect.DeepEqual(want, value(t, text(t, got))) {
			t.Errorf("%s patched with %s is %s, want %v", target, patch, text(t, got), want)
		}
	})
}

func value(t *testing.T, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// mergePatch is the MergePatch of RFC 7386, section 2.
func mergePatch(target, patch any) any {
	fields, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged, ok := target.(map[string]any)
	if !ok {
		merged = map[string]any{}
	}
	for name, v := range fields {
		if v == nil {
			delete(merged, name)
		} else {
			merged[name] = mergePatch(merged[name], v)
		}
	}
	return merged
}

func TestEqual(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`, true},
		{`[]`, `[]`, true},
		{`[]`, `{}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,1]`, false},
		{`{"a":1}`, `{"a":1,"b":1}`, false},
		{`{"a":1}`, `{"b":1}`, false},
		{`{"a":null}`, `{}`, false},
		{`"1"`, `1`, false},
		{`"true"`, `true`, false},
		{`""`, `null`, false},
	}
	for _, tt := range tests {
		a, b := parse(t, tt.a), parse(t, tt.b)
		if got := spec.Equal(a, b); got != tt.want {
			t.Errorf("Equal(%s, %s) is %v", tt.a, tt.b, got)
		}
		if got := spec.Equal(b, a); got != tt.want {
			t.Errorf("Equal(%s, %s) is %v", tt.b, tt.a, got)
		}
	}
	if n := parse(t, `null`); spec.Equal(nil, n) || spec.Equal(n, nil) || !spec.Equal(nil, nil) {
		t.Error("nil is not null, and equal to itself")
	}
}

func TestWithAndWithout(t *testing.T) {
	one := spec.NewString("1", token.NoPos)
	tests := []struct {
		name, in string
		change   func(*spec.Node) *spec.Node
		want     string
	}{
		{"add at the end", `{"b":0,"a":0}`, func(n *spec.Node) *spec.Node { return n.With("c", one) }, `{"b":0,"a":0,"c":"1"}`},
		{"replace in place", `{"b":0,"a":0}`, func(n *spec.Node) *spec.Node { return n.With("b", one) }, `{"b":"1","a":0}`},
		{"into nothing", `{}`, func(n *spec.Node) *spec.Node { return n.With("b", one) }, `{"b":"1"}`},
		{"leave out several", `{"a":0,"b":0,"c":0}`, func(n *spec.Node) *spec.Node { return n.Without("c", "a", "x") }, `{"b":0}`},
		{"leave out none", `{"a":0}`, func(n *spec.Node) *spec.Node { return n.Without() }, `{"a":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := parse(t, tt.in)
			if diff := cmp.Diff(tt.want, text(t, tt.change(in))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := text(t, in); got != tt.in {
				t.Errorf("the struct itself became %s", got)
			}
		})
	}
}

// TestWithSharesNothing holds two changes of one struct apart: nodes are
// shared by policies and goroutines.
func TestWithSharesNothing(t *testing.T) {
	base := &spec.Node{Kind: spec.Struct, Fields: make([]spec.Field, 0, 8)}
	a := base.With("x", spec.NewString("a", token.NoPos))
	b := base.With("x", spec.NewString("b", token.NoPos))
	if text(t, a) != `{"x":"a"}` || text(t, b) != `{"x":"b"}` {
		t.Errorf("got %s and %s", text(t, a), text(t, b))
	}
}

func TestMarshalJSON(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"operators stay", `"<a> & b"`, `"<a> & b"`},
		{"quotes and backslashes", `"a\"b\\c"`, `"a\"b\\c"`},
		{"control characters", `"\u0000\u001b\n\t"`, `"\u0000\u001b\n\t"`},
		{"unicode", `"é世👩"`, `"é世👩"`},
		{"line separators", `"\u2028"`, `"\u2028"`},
		{"keys are escaped too", `{"a\"<b":1}`, `{"a\"<b":1}`},
		{"numbers as they are", `[1.50,1e3,-0.0,12345678901234567890]`, `[1.50,1e3,-0.0,12345678901234567890]`},
		{"order and nesting", `{"b":{"z":[],"a":{}},"a":[null,true,false]}`, `{"b":{"z":[],"a":{}},"a":[null,true,false]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, text(t, parse(t, tt.in))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAccessorsOfNil(t *testing.T) {
	var n *spec.Node
	if n.Get("a") != nil || n.Has("a") || n.Str() != "" || n.IsTrue() || n.Strings() != nil || n.Members() != nil {
		t.Error("an absent value has something in it")
	}
	if s := spec.NewString("true", token.NoPos); s.IsTrue() || s.Get("a") != nil {
		t.Error(`the string "true" is no boolean and has no fields`)
	}
}

func TestPath(t *testing.T) {
	tests := []struct {
		path spec.Path
		want string
	}{
		{nil, ""},
		{spec.Path{"clusterPolicies", "pod-security", "rules", "x"}, `clusterPolicies."pod-security".rules.x`},
		{spec.Path{"a", "0", "b c", `q"`, ""}, `a.0."b c"."q\"".""`},
		{spec.Path{"a.b", "-1"}, `"a.b"."-1"`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.path.String()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	parent := make(spec.Path, 1, 4)
	a, b := parent.Child("a"), parent.Child("b")
	if a[1] != "a" || b[1] != "b" {
		t.Errorf("children share memory: %v %v", a, b)
	}
}
