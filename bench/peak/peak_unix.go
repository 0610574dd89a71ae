//go:build unix

// Package peak reads how much memory a process took that has ended.
package peak

import (
	"os"
	"runtime"
	"syscall"
)

// Memory is the peak resident set of a process that has ended, and of the
// largest that it waited for, in bytes; 0 where the system does not tell.
func Memory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	// getrusage(2): kilobytes, but on Darwin bytes.
	if runtime.GOOS == "darwin" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
