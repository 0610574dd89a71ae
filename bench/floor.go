package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"

	"kcue.dev/compiler"
)

// floor compares a build, up to the objects, with what CUE's evaluator alone
// takes for the same specs: loading them, evaluating them in one context, and
// validating the value. Both run in this process, after a collection of garbage.
func (b *bench) floor() error {
	specs := filepath.Join(b.dir, "fleet-1000")
	var bare, ours time.Duration
	for range b.runs {
		runtime.GC()
		start := time.Now()
		instances := load.Instances([]string{"."}, &load.Config{Dir: specs})
		value := cuecontext.New().BuildInstance(instances[0])
		if err := value.Validate(cue.Concrete(true)); err != nil {
			return err
		}
		bare = least(bare, time.Since(start))
		runtime.KeepAlive(value)

		runtime.GC()
		start = time.Now()
		result, err := compiler.Compile(compiler.Config{Dir: specs})
		if err != nil {
			return err
		}
		ours = least(ours, time.Since(start))
		if len(result.Objects) != 1000 {
			return fmt.Errorf("%d objects: want 1000", len(result.Objects))
		}
	}
	fmt.Println("| 1,000 policies, in one process | time |\n|---|--:|")
	fmt.Printf("| CUE alone: load, BuildInstance, Validate | %s |\n", round(bare))
	fmt.Printf("| kcue: load, evaluate, check, resolve, lower, vet | %s |\n", round(ours))
	return nil
}

func least(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
