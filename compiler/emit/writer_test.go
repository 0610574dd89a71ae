package emit

import (
	"math/rand/v2"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/spec"
)

// pieces are what random strings are made of.
var pieces = []string{
	"a", "Pod", "spec", "containers", "require-labels", "{{ request.object.metadata.name }}", "?*", "=(x)", "1", "0x1F", "1e3", "true", "Null",
	" ", "  ", "\n", "\n\n", "\t", ":", ": ", "#", " #", "-", "- ", "é", "👩", "\u0085", "\ufeff", "\x00", "'", `"`, "\\", "|", "&", "*", "!", "%", "@", ".", "/", "_",
	"https://example.com/a?b=c#d", strings.Repeat("long ", 30), strings.Repeat("x", 120), "2001-01-01", "1:30", "yes", "<<", "~", ",", "[", "]", "{", "}", "\r",
}

func randomString(r *rand.Rand) string {
	if r.IntN(3) > 0 {
		return pieces[r.IntN(13)] // as most strings of policies are
	}
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func randomNode(r *rand.Rand, depth int) *spec.Node {
	switch n := r.IntN(8); {
	case n < 3 && depth > 0:
		out := spec.NewStruct(token.NoPos)
		for range r.IntN(4) {
			if name := randomString(r); !out.Has(name) {
				out = out.With(name, randomNode(r, depth-1))
			}
		}
		return out
	case n < 5 && depth > 0:
		out := spec.NewList(token.NoPos)
		for range r.IntN(4) {
			out.Items = append(out.Items, randomNode(r, depth-1))
		}
		return out
	case n == 5:
		return &spec.Node{Kind: spec.Number, Text: []string{"0", "-1", "1.5", "1e+21", "123456789012345678901234567890"}[r.IntN(5)]}
	case n == 6:
		return []*spec.Node{spec.NewBool(true, token.NoPos), {Kind: spec.Null}}[r.IntN(2)]
	}
	return spec.NewString(randomString(r), token.NoPos)
}

// TestWriterIsTheLibrary holds the writer's bytes to the YAML library's, on
// values of every shape.
func TestWriterIsTheLibrary(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, seed))
	w := newWriter()
	own := 0
	for i := range 50_000 {
		n := randomNode(r, 1+i%5)
		want, err := libraryDocument(n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.document(n)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("document %d (-library +writer)\n%s", i, cmp.Diff(string(want), string(got)))
		}
		w.buf = w.buf[:0]
		if n.Kind == spec.Struct && len(n.Fields) > 0 && w.fields(n, 0) {
			own++
		}
	}
	if own < 5_000 {
		t.Errorf("only %d documents are the writer's own: the comparison shows little", own)
	}
}
