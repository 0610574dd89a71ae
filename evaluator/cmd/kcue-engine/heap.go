package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"kcue.dev/protocol"
)

const (
	// firstPercent has the garbage collected for the first time when the heap has
	// 96 MB, as Go takes it to have begun with 4 MB. Most runs end before that.
	firstPercent = 2400
	// gcPercent is what evaluations do best with from then on: most of what one
	// allocates is garbage when the next begins. With Go's own setting collecting it
	// takes a quarter of the time; with twice this, a run takes half as much memory
	// again, and no less time.
	gcPercent = 400
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
	switch {
	case start:
		debug.SetGCPercent(firstPercent)
		runtime.AddCleanup(new(*byte), func(percent int) { debug.SetGCPercent(percent) }, gcPercent)
	case os.Getenv("GOGC") == "":
		debug.SetGCPercent(gcPercent)
	}
	if start || os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
