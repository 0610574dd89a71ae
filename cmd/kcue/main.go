// Kcue compiles declarative CUE specs into Kyverno policies.
package main

import (
	"os"
	"runtime/debug"
)

func main() {
	os.Exit(run())
}

// run executes the command line and gives its exit status.
func run() int {
	// A build allocates a CUE graph, reads it once and ends: collecting it
	// often costs a third of the time. The limit keeps a large build from
	// growing without bound all the same.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	return execute(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
