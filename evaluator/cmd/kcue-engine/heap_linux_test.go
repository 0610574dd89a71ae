package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// What the heap grows by is advised to the kernel: one of the process's mappings
// is of huge pages, and the room for them is free again.
func TestGrowByHugePages(t *testing.T) {
	const switches = "/sys/kernel/mm/transparent_hugepage/enabled"
	if _, err := os.Stat(switches); err != nil {
		t.Skipf("SKIPPED: this kernel has no huge pages: %v", err)
	}
	switch before, tells := advised(t); {
	case !tells:
		t.Skip("SKIPPED: this kernel does not tell of its mappings")
	case before:
		t.Fatal("the heap is of huge pages before it is asked for")
	}
	growByHugePages(heapRoom)
	runtime.GC()
	if after, _ := advised(t); !after {
		t.Error("no mapping is of huge pages")
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	if stats.HeapInuse > heapRoom || stats.HeapIdle < heapRoom {
		t.Errorf("the room is in use: %d bytes are, %d are free", stats.HeapInuse, stats.HeapIdle)
	}
}

// advised tells that a mapping of this process has the flag of MADV_HUGEPAGE
// (proc(5), VmFlags), and whether the kernel tells of such flags at all.
func advised(t *testing.T) (found, tells bool) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok {
			tells = true
			found = found || strings.Contains(flags, " hg")
		}
	}
	return found, tells
}
