package main

import (
	"os"
	"runtime/debug"

	"kcue.dev/protocol"
)

const (
	// gcPercent is what an evaluation does best with: most of what it allocates
	// is garbage when the next begins. With Go's own setting collecting it takes a
	// quarter of the time; most runs of suites end before the second collection.
	gcPercent = 800
	// memoryLimit keeps a long run within what a CI machine has to spare.
	memoryLimit = 400 << 20
)

// prepareHeap takes on the settings of the garbage collector for the work, where
// the user has set none.
//
// The heap is of pages of 4 kB on purpose. Where the machine is a virtual one,
// those of 2 MB are the ones that its host takes back while they are free, and
// has to find again: of runs by turns with another program, a sixth of the time.
func prepareHeap() {
	start := os.Getenv(protocol.StartVariable) != ""
	if start || os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if start || os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
