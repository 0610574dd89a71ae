// Package celcontext guards what Kyverno's CEL compilers share in a process:
// the context that the functions of its CEL libraries call (resource.Get,
// globalContext.Get, http.Get, image.GetMetadata), a package variable that
// every compilation reads (pkg/cel/libs/context.go), and the list of the URLs
// that http.* may reach.
package celcontext

import (
	"sync"

	"github.com/kyverno/kyverno/pkg/cel/libs"
	"github.com/kyverno/kyverno/pkg/toggle"
)

// compiling is the one lock over Kyverno's one variable: without it, policies
// compiled at the same time would get each other's context.
var compiling sync.Mutex

// offline leaves a single URL that http.* may reach, of a domain that never
// exists (RFC 2606): Kyverno refuses any other before it asks the network.
var offline = sync.OnceValue(func() error {
	return toggle.HTTPAllowlist.Parse("https://kcue.invalid/")
})

// Compile runs f, in which policies compiled call ctx. Nothing that f does may
// call Compile. After the first call, http.* functions that no given answer
// serves fail without a connection, in the whole process.
func Compile(ctx libs.Context, f func()) error {
	compiling.Lock()
	defer compiling.Unlock()
	if err := offline(); err != nil {
		return err
	}
	before := libs.LibraryContext
	libs.LibraryContext = ctx
	defer func() { libs.LibraryContext = before }()
	f()
	return nil
}
