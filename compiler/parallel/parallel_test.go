package parallel

import (
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	for _, limit := range []int{-1, 0, 1, 3, 100} {
		var now, most atomic.Int64
		done := make([]atomic.Int64, 50)
		Each(len(done), limit, func(i int) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			done[i].Add(1)
			now.Add(-1)
		})
		for i := range done {
			if n := done[i].Load(); n != 1 {
				t.Errorf("limit %d: %d was done %d times", limit, i, n)
			}
		}
		if m := most.Load(); m > int64(max(limit, 1)) {
			t.Errorf("limit %d: %d at once", limit, m)
		}
	}
	Each(0, 2, func(int) { t.Error("there is nothing to do") })
}

// TestEachPanics holds that a panic comes out where it can be recovered, once
// everything is done.
func TestEachPanics(t *testing.T) {
	var done atomic.Int64
	defer func() {
		if r := recover(); r != "two" {
			t.Errorf("recovered %v: want the panic", r)
		}
		if done.Load() != 9 {
			t.Errorf("%d of the others are done: want 9", done.Load())
		}
	}()
	Each(10, 2, func(i int) {
		if i == 2 {
			panic("two")
		}
		done.Add(1)
	})
}
