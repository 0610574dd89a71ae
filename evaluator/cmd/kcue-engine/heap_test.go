package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"kcue.dev/protocol"
)

func TestPrepareHeap(t *testing.T) {
	const users, usersLimit = 50, 1 << 40 // of the process, whoever has set them
	for name, tt := range map[string]struct {
		gogc, gomemlimit, start string
		first, percent          int
		limit                   int64
	}{
		"nothing set":           {"", "", "", gcPercent, gcPercent, memoryLimit},
		"the user's collector":  {"50", "", "", users, users, memoryLimit},
		"the user's limit":      {"", "1GiB", "", gcPercent, gcPercent, usersLimit},
		"kcue's, for the start": {"off", "", "1", firstPercent, gcPercent, memoryLimit},
		"none, by the user":     {"off", "1GiB", "", users, users, usersLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", tt.gogc)
			t.Setenv("GOMEMLIMIT", tt.gomemlimit)
			t.Setenv(protocol.StartVariable, tt.start)
			percent, limit := debug.SetGCPercent(users), debug.SetMemoryLimit(usersLimit)
			t.Cleanup(func() {
				debug.SetGCPercent(percent)
				debug.SetMemoryLimit(limit)
			})
			prepareHeap()
			if got := gcPercentOf(); got != tt.first {
				t.Errorf("GOGC is %d at first, want %d", got, tt.first)
			}
			runtime.GC()
			for range 100 { // what is to be done after a collection is done in a goroutine
				if gcPercentOf() == tt.percent {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if got := gcPercentOf(); got != tt.percent {
				t.Errorf("GOGC is %d after a collection, want %d", got, tt.percent)
			}
			if got := debug.SetMemoryLimit(math.MaxInt64); got != tt.limit {
				t.Errorf("the limit is %d, want %d", got, tt.limit)
			}
		})
	}
}

// gcPercentOf reads GOGC.
func gcPercentOf() int {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}
