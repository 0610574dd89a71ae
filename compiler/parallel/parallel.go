// Package parallel does many things at once: in go their number and what to do
// with each; it is done when all are.
package parallel

import "sync"

// Each calls f for 0 to n-1, at most limit at a time. A panic of f is one of
// Each, so that whoever calls it can recover; the others are still called.
func Each(n, limit int, f func(i int)) {
	var wg sync.WaitGroup
	var once sync.Once
	var cause any
	guarded := func(i int) {
		defer func() {
			if r := recover(); r != nil {
				once.Do(func() { cause = r })
			}
		}()
		f(i)
	}
	work := make(chan int)
	for range min(max(limit, 1), n) {
		wg.Go(func() {
			for i := range work {
				guarded(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	if cause != nil {
		panic(cause)
	}
}
