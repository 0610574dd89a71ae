package celcontext

import (
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
	for range 200 {
		wg.Go(func() {
			own := libs.NewFakeContextProvider()
			if err := Compile(own, func() {
				runtime.Gosched()
				if libs.GetLibsCtx() != libs.Context(own) {
					t.Error("a compilation sees the context of another")
				}
			}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := CompilePlain(func() {
				runtime.Gosched()
				if libs.GetLibsCtx() != before {
					t.Error("a plain compilation sees the context of another")
				}
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

func TestHTTPStaysOffline(t *testing.T) {
	if err := Compile(libs.NewFakeContextProvider(), func() {}); err != nil {
		t.Fatal(err)
	}
	// An address that answers at once, with an error of its own, if it is asked.
	_, err := compiler.NewLazyCELHTTPContext("").Get("http://127.0.0.1:1/", nil)
	const want = `URL "http://127.0.0.1:1/" is not permitted: no matching allowlist entry`
	if err == nil || !slices.Contains([]string{want, "request failed: " + want}, err.Error()) {
		t.Errorf("got %v, want %s", err, want)
	}
}
