package celcontext

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/kyverno/kyverno/pkg/cel/compiler"
	"github.com/kyverno/kyverno/pkg/cel/libs"
)

func TestCompileGivesEachItsOwnContext(t *testing.T) {
	if err := Prepare(); err != nil {
		t.Fatal(err)
	}
	before := libs.LibraryContext
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			own := libs.NewFakeContextProvider()
			if err := Compile(own, 0, func() error {
				runtime.Gosched()
				if libs.GetLibsCtx() != libs.Context(own) {
					t.Error("a compilation sees the context of another")
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := Compile(nil, 1<<(i%8), func() error {
				runtime.Gosched()
				if libs.GetLibsCtx() != before {
					t.Error("a compilation without a context sees that of another")
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if libs.LibraryContext != before {
		t.Error("the context is not put back")
	}
}

// What fails is tried with all libraries, and what is said of it there counts.
func TestCompileAgainWithAll(t *testing.T) {
	var had []Libraries
	last := errors.New("last")
	if err := Compile(nil, 1, func() error {
		had = append(had, compiling.libraries)
		if len(had) == 1 {
			return errors.New("first")
		}
		return last
	}); err != last {
		t.Errorf("got %v", err)
	}
	if len(had) != 2 || had[0] == All || had[0]&1 == 0 || had[1] != All {
		t.Errorf("compiled with %b", had)
	}
	had = nil
	if err := Compile(nil, All, func() error { had = append(had, compiling.libraries); return last }); err != last || len(had) != 1 {
		t.Errorf("got %v of %d attempts", err, len(had))
	}
}

// Those within have what each needs, and what was wanted before stays.
func TestGate(t *testing.T) {
	e, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	g := newGate()
	strings, sets, image := sets()["cel.lib.ext.strings"], sets()["cel.lib.ext.sets"], sets()["kyverno.image"]
	for _, tt := range []struct{ need, have Libraries }{
		{strings, strings},
		{sets | image, strings | sets | image},
		{strings, strings | sets},
		{All, All},
		{0, strings | sets},
	} {
		if err := g.enter(nil, tt.need, e); err != nil {
			t.Fatal(err)
		}
		if g.libraries != tt.have {
			t.Errorf("%b where %b is needed, want %b", g.libraries, tt.need, tt.have)
		}
		g.leave()
	}
}

// One who must be alone is not overtaken by those who could join the ones within.
func TestGateInOrder(t *testing.T) {
	e, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	g := newGate()
	entered := make(chan string)
	enter := func(name string, ctx libs.Context) {
		if err := g.enter(ctx, 0, e); err != nil {
			t.Error(err)
		}
		entered <- name
	}
	waiting := func(n int) {
		for came := 0; came < n; runtime.Gosched() {
			g.mu.Lock()
			came = g.came
			g.mu.Unlock()
		}
	}
	go enter("first", nil)
	<-entered
	go enter("alone", libs.NewFakeContextProvider())
	waiting(2)
	go enter("last", nil)
	waiting(3)
	g.leave()
	for _, want := range []string{"alone", "last"} {
		if got := <-entered; got != want {
			t.Errorf("%s is in where %s is next", got, want)
		}
		g.leave()
	}
}

func TestHTTPStaysOffline(t *testing.T) {
	if err := Compile(libs.NewFakeContextProvider(), All, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	// An address that answers at once, with an error of its own, if it is asked.
	_, err := compiler.NewLazyCELHTTPContext("").Get("http://127.0.0.1:1/", nil)
	const want = `URL "http://127.0.0.1:1/" is not permitted: no matching allowlist entry`
	if err == nil || !slices.Contains([]string{want, "request failed: " + want}, err.Error()) {
		t.Errorf("got %v, want %s", err, want)
	}
}
