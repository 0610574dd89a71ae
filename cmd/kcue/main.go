// Kcue compiles declarative CUE specs into Kyverno policies.
package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run executes the command line and gives its exit status.
func run() int {
	// A build allocates a CUE graph, reads it once and ends: with Go's own
	// setting, collecting garbage costs a third of the time (docs/performance.md).
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	// A reader that goes away is an error of ours to report, not a death by
	// signal with half of the output written.
	signal.Ignore(syscall.SIGPIPE)
	return execute(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
