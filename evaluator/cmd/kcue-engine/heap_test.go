package main

import (
	"math"
	"runtime/debug"
	"testing"

	"kcue.dev/protocol"
)

func TestPrepareHeap(t *testing.T) {
	const users = 50 // of the process, whoever has set them
	for name, tt := range map[string]struct {
		gogc, gomemlimit, start string
		percent                 int
		limit                   int64
	}{
		"nothing set":           {"", "", "", gcPercent, memoryLimit},
		"the user's collector":  {"50", "", "", users, memoryLimit},
		"the user's limit":      {"", "1GiB", "", gcPercent, users},
		"kcue's, for the start": {"off", "", "1", gcPercent, memoryLimit},
		"none, by the user":     {"off", "1GiB", "", users, users},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", tt.gogc)
			t.Setenv("GOMEMLIMIT", tt.gomemlimit)
			t.Setenv(protocol.StartVariable, tt.start)
			percent, limit := debug.SetGCPercent(users), debug.SetMemoryLimit(users)
			t.Cleanup(func() {
				debug.SetGCPercent(percent)
				debug.SetMemoryLimit(limit)
			})
			prepareHeap()
			if got := debug.SetGCPercent(users); got != tt.percent {
				t.Errorf("GOGC is %d, want %d", got, tt.percent)
			}
			if got := debug.SetMemoryLimit(math.MaxInt64); got != tt.limit {
				t.Errorf("the limit is %d, want %d", got, tt.limit)
			}
		})
	}
}
