package main

import (
	"os"
	"runtime/debug"

	"kcue.dev/protocol"
)

const (
	// gcPercent is what an evaluation does best with: most of what it allocates
	// is garbage when the next begins, and with Go's own setting collecting it
	// takes a quarter of the time.
	gcPercent = 400
	// memoryLimit keeps a long run within what a CI machine has to spare.
	memoryLimit = 400 << 20
	// heapRoom is what most runs need.
	heapRoom = 256 << 20
)

// prepareHeap takes on the settings of the garbage collector for the work, where
// the user has set none, and has the heap made ready for it. What is allocated
// next begins a collection, beside the work, of what the start has left.
func prepareHeap() {
	growByHugePages(heapRoom)
	start := os.Getenv(protocol.StartVariable) != ""
	if start || os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if start || os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
