package celcontext

import (
	"sync"

	"github.com/kyverno/kyverno/pkg/cel/libs"
)

// gate lets compilations in that can do with the same environment, and one alone
// that has a context of its own.
type gate struct {
	mu      sync.Mutex
	changed *sync.Cond
	in      int
	// Who came first goes in first: one that nobody can join would otherwise wait
	// for all others, and be the last at work.
	came, next int
	// libraries are those that the ones within have; alone is set where the one
	// within has its own context.
	libraries Libraries
	alone     bool
	// wanted are those that any has asked for, as who comes next can do with the
	// same. One who asks for all does not count, nor do Kyverno's libraries, which
	// it adds to each environment anew.
	wanted Libraries
}

func newGate() *gate {
	g := &gate{}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// enter waits for those that have not what is needed, and puts it in place: a
// context, or nil for the silent one, and a set of environments with at least
// some libraries.
func (g *gate) enter(ctx libs.Context, need Libraries, sets *environments) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if need != All {
		g.wanted |= need &^ kyvernos()
	}
	own := g.came
	g.came++
	for g.next != own || g.in > 0 && (g.alone || ctx != nil || g.libraries&need != need) {
		g.changed.Wait()
	}
	g.next++
	defer g.changed.Broadcast()
	if g.in == 0 {
		have := need
		if need != All {
			have |= g.wanted
		}
		set, err := sets.with(have)
		if err != nil {
			return err
		}
		extend(set)
		g.libraries, g.alone = have, ctx != nil
		if ctx != nil {
			libs.LibraryContext = ctx
		}
	}
	g.in++
	return nil
}

// leave puts back the silent context behind the last.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.in--; g.in == 0 {
		libs.LibraryContext = silent{}
		g.changed.Broadcast()
	}
}
