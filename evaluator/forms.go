package evaluator

import (
	"fmt"
	"runtime/debug"
	"slices"
)

// compileForms compiles a policy and the forms that autogen makes of it beside
// each other, and gives them in this order. The error is the one that compiling
// them one after the other would end with: the policy's own first, then that of
// autogen or of its first form that has one. A panic is an error too. Nothing runs
// any more when it returns.
func compileForms[T any](own func() (T, error), autogen func() ([]func() (T, error), error)) ([]T, error) {
	ends := []func() (T, error){begin(own)}
	variants, err := begin(autogen)()
	for _, variant := range variants {
		ends = append(ends, begin(variant))
	}
	forms := make([]T, len(ends))
	errs := make([]error, len(ends))
	for i, end := range ends {
		forms[i], errs[i] = end()
	}
	for _, e := range slices.Concat(errs[:1], []error{err}, errs[1:]) {
		if e != nil {
			return nil, e
		}
	}
	return forms, nil
}

// begin calls f in another goroutine; what it gives waits for the end.
func begin[T any](f func() (T, error)) func() (T, error) {
	var result T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if cause := recover(); cause != nil {
				err = fmt.Errorf("panic: %v%s", cause, panicSite(debug.Stack()))
			}
		}()
		result, err = f()
	}()
	return func() (T, error) {
		<-done
		return result, err
	}
}
