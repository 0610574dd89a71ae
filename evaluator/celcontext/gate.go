package celcontext

import (
	"sync"

	"github.com/kyverno/kyverno/pkg/cel/libs"
)

// kind tells the environments of policies apart.
type kind int

const (
	full kind = iota
	plain
)

// sharing is what compilations at the same time have in common.
type sharing struct {
	environment kind
	// context is that of a single compilation; nil is the silent one.
	context libs.Context
}

// gate lets compilations in that share the same, and one alone that has a
// context of its own.
type gate struct {
	mu    sync.Mutex
	empty *sync.Cond
	of    sharing
	in    int
}

func newGate() *gate {
	g := &gate{}
	g.empty = sync.NewCond(&g.mu)
	return g
}

// enter waits for those that share something else, and puts in place what it
// is to be shared.
func (g *gate) enter(s sharing, e environments) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.in > 0 && (s.context != nil || g.of != s) {
		g.empty.Wait()
	}
	if g.in++; g.in > 1 {
		return
	}
	g.of = s
	if s.context != nil {
		libs.LibraryContext = s.context
	}
	if s.environment == full {
		extend(e.full)
	} else {
		extend(e.plain)
	}
}

// leave puts back the silent context behind the last.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.in--; g.in == 0 {
		libs.LibraryContext = silent{}
		g.empty.Broadcast()
	}
}
