// Package server answers kcue: requests of package protocol come in, and what
// Kyverno's engine says of them goes out in their order.
//
// A run is one of tests (suites and files) or one evaluation of resources.
// Neither is held in memory: a suite is answered when it is done, a resource
// when the ones before it are.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/evaluator/admission"
	"kcue.dev/evaluator/bundle"
	"kcue.dev/evaluator/kyvernotest"
	"kcue.dev/protocol"
)

// Serve reads requests until they end, or until one cannot be answered. What
// the peer must know is sent to it as a Failure; the error is also that of the
// streams.
func Serve(ctx context.Context, hello protocol.Hello, in io.Reader, out io.Writer) error {
	s := &server{reviewer: sync.OnceValues(admission.NewReviewer), cache: evaluator.NewCache(), in: protocol.NewReader(in), out: protocol.NewWriter(out)}
	// It is needed as soon as the peer has said what it wants.
	go s.reviewer()
	err := s.serve(ctx, hello)
	if err != nil {
		s.out.Write(protocol.Reply{Failure: err.Error()})
	}
	return errors.Join(err, s.out.Flush())
}

type server struct {
	in       *protocol.Reader
	out      *protocol.Writer
	reviewer func() (*admission.Reviewer, error)
	cache    *evaluator.Cache
}

// send sends a reply now.
func (s *server) send(reply protocol.Reply) error {
	if err := s.out.Write(reply); err != nil {
		return err
	}
	return s.out.Flush()
}

func (s *server) serve(ctx context.Context, hello protocol.Hello) error {
	// The peer is told who answers before anything of its is read, so that it
	// can refuse the answer.
	if err := s.send(protocol.Reply{Hello: &hello}); err != nil {
		return err
	}
	var first protocol.Request
	if err := s.in.Read(&first); err != nil {
		return readError(err)
	}
	if err := first.Hello.Accept(); err != nil {
		return err
	}
	var request protocol.Request
	switch err := s.in.Read(&request); {
	case err == io.EOF:
	case err != nil:
		return readError(err)
	case request.Evaluation != nil:
		if err := s.evaluate(ctx, *request.Evaluation); err != nil {
			return err
		}
	default:
		if err := s.test(ctx, request); err != nil {
			return err
		}
	}
	return s.send(protocol.Reply{Done: true})
}

func readError(err error) error { return fmt.Errorf("cannot read the request: %w", err) }

// answer is a reply that is being made.
type answer struct {
	reply protocol.Reply
	err   error
}

// test answers suites and files, several at once.
func (s *server) test(ctx context.Context, request protocol.Request) error {
	reviewer, err := s.reviewer()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	// Suites wait for each other where they need the same schema or CRD first,
	// or compile what must be compiled alone, and a long one at the end should not
	// be alone: there are more than processors.
	parallel := 4 * runtime.GOMAXPROCS(0)
	slots := make(chan struct{}, parallel)
	pending := make(chan chan answer, 4*parallel)
	go func() {
		defer close(pending)
		var objects []unstructured.Unstructured
		for {
			done := make(chan answer, 1)
			job, err := s.job(&objects, request, reviewer)
			if err != nil {
				done <- answer{err: err}
				pending <- done
				return
			}
			if job != nil {
				slots <- struct{}{}
				go func() {
					defer func() { <-slots }()
					checks, err := job(ctx)
					done <- answer{protocol.Reply{Checks: &checks}, err}
				}()
				select {
				case pending <- done:
				case <-ctx.Done():
					return
				}
			}
			request = protocol.Request{}
			if err := s.in.Read(&request); err != nil {
				if err != io.EOF {
					done := make(chan answer, 1)
					done <- answer{err: readError(err)}
					pending <- done
				}
				return
			}
		}
	}()
	defer cancel()
	for done := range pending {
		a := <-done
		if a.err != nil {
			return a.err
		}
		if err := s.send(a.reply); err != nil {
			return err
		}
	}
	return nil
}

// job is the work that a request asks for; nil where it asks for none. Objects
// holds what files may name.
func (s *server) job(objects *[]unstructured.Unstructured, request protocol.Request, reviewer *admission.Reviewer) (func(context.Context) (protocol.Checks, error), error) {
	switch {
	case request.Suite != nil:
		suite := *request.Suite
		return func(ctx context.Context) (protocol.Checks, error) {
			checks, err := bundle.Run(ctx, suite, bundle.Options{Reviewer: reviewer, Cache: s.cache})
			return protocol.Checks{Suite: suite.Name, Checks: checks}, err
		}, nil
	case request.File != nil:
		file := *request.File
		options := kyvernotest.Options{Root: file.Root, Objects: *objects, Reviewer: reviewer, Cache: s.cache}
		return func(ctx context.Context) (protocol.Checks, error) {
			checks, err := kyvernotest.Run(ctx, file.Path, options)
			if err != nil && ctx.Err() == nil {
				// A file that cannot be read fails, and not the others.
				checks, err = append(checks, protocol.Check{Suite: file.Path, Message: err.Error()}), nil
			}
			if len(checks) == 0 {
				checks = []protocol.Check{{Suite: file.Path, Message: "the suite has no checks"}}
			}
			return protocol.Checks{Suite: file.Path, Checks: checks}, err
		}, nil
	case request.Objects != nil:
		decoded, err := bundle.Objects(request.Objects.Items)
		if err != nil {
			return nil, err
		}
		*objects = decoded
		return nil, nil
	}
	return nil, errors.New("a run of tests takes suites and files")
}
