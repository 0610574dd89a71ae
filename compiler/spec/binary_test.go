package spec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// randomNode gives a value of every kind, with texts that repeat.
func randomNode(r *rand.Rand, depth int) *spec.Node {
	switch kind := r.IntN(6); {
	case kind == 0 && depth > 0:
		n := &spec.Node{Kind: spec.Struct}
		for i := range r.IntN(5) {
			n.Fields = append(n.Fields, spec.Field{Name: fmt.Sprintf("f%d", i), Value: randomNode(r, depth-1)})
		}
		return n
	case kind == 1 && depth > 0:
		n := &spec.Node{Kind: spec.List}
		for range r.IntN(5) {
			n.Items = append(n.Items, randomNode(r, depth-1))
		}
		return n
	case kind == 2:
		return &spec.Node{Kind: spec.Null}
	case kind == 3:
		return spec.NewBool(r.IntN(2) == 0, token.NoPos)
	case kind == 4:
		return &spec.Node{Kind: spec.Number, Text: fmt.Sprint(r.IntN(1000))}
	}
	return spec.NewString(strings.Repeat("é\x00", r.IntN(3)), token.NoPos)
}

func TestBinaryRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		values := make([]*spec.Node, r.IntN(4))
		for i := range values {
			values[i] = randomNode(r, 5)
		}
		data, err := spec.AppendBinary([]byte("before"), values)
		if err != nil {
			t.Fatal(err)
		}
		got, err := spec.DecodeBinary(data[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(values) {
			t.Fatalf("%d values: want %d", len(got), len(values))
		}
		for i := range got {
			g, _ := got[i].MarshalJSON()
			w, _ := values[i].MarshalJSON()
			if string(g) != string(w) || got[i].Kind != values[i].Kind {
				t.Fatalf("%s: want %s", g, w)
			}
		}
	}
}

func TestBinaryRefuses(t *testing.T) {
	if _, err := spec.AppendBinary(nil, []*spec.Node{{Kind: spec.Invalid}}); err == nil {
		t.Error("an invalid value has a binary form")
	}
	whole, err := spec.AppendBinary(nil, []*spec.Node{parse(t, `{"a": [1, "b", {"c": null}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := spec.DecodeBinary(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(whole))
		}
	}
	if _, err := spec.DecodeBinary(append(whole, 0)); err == nil {
		t.Error("a byte is left over, and read")
	}
	deep := parse(t, strings.Repeat("[", 2000)+strings.Repeat("]", 2000))
	data, err := spec.AppendBinary(nil, []*spec.Node{deep})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spec.DecodeBinary(data); err == nil {
		t.Error("2,000 levels are read")
	}
}

// FuzzDecodeBinary holds the reader to an error, and no panic, for whatever is
// no value.
func FuzzDecodeBinary(f *testing.F) {
	for _, text := range []string{`{}`, `[1, "a", {"b": null}]`} {
		data, err := spec.AppendBinary(nil, []*spec.Node{parse(f, text)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\x01\xff\xff\xff\xff\x0f\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := spec.DecodeBinary(data)
		if err != nil {
			return
		}
		for _, v := range values {
			if _, err := v.MarshalJSON(); err != nil {
				t.Errorf("read, and not written: %v", err)
			}
		}
	})
}
