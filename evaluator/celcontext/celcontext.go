// Package celcontext guards what Kyverno's CEL compilers share in a process:
// the context that the functions of its CEL libraries call (resource.Get,
// globalContext.Get, http.Get, image.GetMetadata), a package variable that
// every compilation reads (pkg/cel/libs/context.go); the list of the URLs that
// http.* may reach; and the environments of Kubernetes that they extend for
// every policy (environment.go).
package celcontext

import (
	"sync"

	"github.com/kyverno/kyverno/pkg/cel/libs"
	"github.com/kyverno/kyverno/pkg/toggle"
)

// compiling is the one gate to what Kyverno shares: without it, policies
// compiled at the same time would get each other's context.
var compiling = newGate()

// prepare does once what all compilations rely on.
var prepare = sync.OnceValues(func() (*environments, error) {
	// A single URL that http.* may reach, of a domain that never exists
	// (RFC 2606): Kyverno refuses any other before it asks the network.
	if err := toggle.HTTPAllowlist.Parse("https://kcue.invalid/"); err != nil {
		return nil, err
	}
	e, err := newEnvironments()
	if err != nil {
		return nil, err
	}
	libs.LibraryContext = silent{}
	return e, nil
})

// Prepare readies Kyverno's CEL for what is compiled in this process. It must
// return before anything else that compiles CEL is called, since it replaces
// what Kubernetes and Kyverno share there; Compile calls it itself. After it,
// http.* functions that no given answer serves fail without a connection, in the
// whole process.
func Prepare() error {
	_, err := prepare()
	return err
}

// Compile runs f, in which policies are compiled, with an environment that has
// the given libraries: what others declare may be unknown to them. Where f fails,
// it is run again with all libraries, for what is to be said of the policies; its
// last error is returned. Nothing that f does may call Compile.
//
// Policies compiled call ctx, while nothing else is compiled. Without a ctx they
// are compiled and not evaluated, or call only functions that ask nothing (Asks):
// any other panics. Then f runs beside others.
func Compile(ctx libs.Context, with Libraries, f func() error) error {
	e, err := prepare()
	if err != nil {
		return err
	}
	err = e.compile(ctx, with, f)
	if err != nil && with != All {
		err = e.compile(ctx, All, f)
	}
	return err
}

func (e *environments) compile(ctx libs.Context, with Libraries, f func() error) error {
	if err := compiling.enter(ctx, with, e); err != nil {
		return err
	}
	defer compiling.leave()
	return f()
}

// silent has no answers: to be asked for one is a mistake of the program's.
type silent struct{ libs.Context }

// GetHTTPMocks implements libs.Context. It is the one method that compiling a
// policy calls.
func (silent) GetHTTPMocks() map[string]any { return nil }
