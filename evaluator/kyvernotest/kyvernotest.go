// Package kyvernotest runs the suites of Kyverno's command line: files named
// kyverno-test.yaml of kind Test (cli.kyverno.io/v1alpha1) with the policies,
// resources, values and expected files that they name.
//
// A suite's file goes in, a protocol.Check comes out for each resource of each
// of its rows. What a row means is taken from Kyverno 1.19.1 (its types in
// cmd/cli/kubectl-kyverno/apis/v1alpha1, its semantics in
// cmd/cli/kubectl-kyverno/commands/test), except that nothing is silently
// green. These are failures, all of which pass or disappear there:
//
//   - a row that expects pass, fail, warn or error of a rule that says nothing
//     of the resource, because it does not match it ("excluded");
//   - a row that names an unknown policy, rule or resource;
//   - a policy that does not load, or that a cluster would refuse;
//   - a file that cannot be read, or has another content than the suite says;
//   - a patched or generated resource that its file does not have;
//   - a suite without rows.
//
// A row that expects skip holds where the rule does not match the resource, as
// well as where its preconditions or an exception skip it: Kyverno's rows have
// no other word for the former. Here "unmatched" says only the former.
package kyvernotest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/evaluator/admission"
	"kcue.dev/protocol"
)

// Options says how suites are run.
type Options struct {
	// Root is the directory that files may be read from, with all below it:
	// a suite that names a file elsewhere has a failure. Empty stands for the
	// directory of the suite.
	Root string
	// Objects are policies and exceptions that a suite may name in place of
	// a file, as "name" or "namespace/name". A suite that lists no policies
	// is about all of them.
	Objects []unstructured.Unstructured
	// Reviewer, where given, refuses the policies that a cluster would
	// refuse.
	Reviewer *admission.Reviewer
	// Cache, where given, has what other suites have prepared, their policies
	// aside.
	Cache *evaluator.Cache
	// Parallel is how many suites RunAll runs at once; 0 is one for each core.
	Parallel int
}

// Find lists the files below a directory that are suites by their names,
// kyverno-test.yaml and kyverno-test.yml, in lexical order. Root may also be
// such a file itself, whatever its name. Directories named .git are left out.
func Find(root string) ([]string, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{root}, nil
	}
	var found []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case !entry.IsDir() && (entry.Name() == "kyverno-test.yaml" || entry.Name() == "kyverno-test.yml"):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

// Run runs the suites of one file, which may have several documents. What is
// wrong with a suite is a failed check, beside which its other rows are
// checked; the error is for a file that cannot be read at all, and for the end
// of the context.
func Run(ctx context.Context, path string, options Options) ([]protocol.Check, error) {
	root := options.Root
	if root == "" {
		root = filepath.Dir(path)
	}
	files, err := openTree(root)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	dir, name, err := files.locate(path)
	if err != nil {
		return nil, err
	}
	data, err := files.read(dir, name)
	if err != nil {
		return nil, fmt.Errorf("suite %s: %w", path, err)
	}
	documents, err := splitDocuments(data)
	if err != nil {
		return []protocol.Check{{Suite: path, Message: err.Error()}}, nil
	}
	if len(documents) == 0 {
		return []protocol.Check{{Suite: path, Message: "the file has no suite"}}, nil
	}
	var checks []protocol.Check
	for _, document := range documents {
		s, err := loadSuite(path, document, files, dir, options)
		if err != nil {
			checks = append(checks, protocol.Check{Suite: path, Position: fmt.Sprintf("%s:%d:1", path, document.line), Message: err.Error()})
			continue
		}
		of, err := s.run(ctx)
		if err != nil {
			return nil, err
		}
		checks = append(checks, of...)
	}
	return checks, nil
}

// RunAll runs the suites of many files at once and gives their checks in the
// order of the files. The error joins those of Run; the checks of the other
// files are there beside it.
func RunAll(ctx context.Context, paths []string, options Options) ([]protocol.Check, error) {
	parallel := options.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	if options.Cache == nil {
		options.Cache = evaluator.NewCache()
	}
	checks := make([][]protocol.Check, len(paths))
	failures := make([]error, len(paths))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(parallel, len(paths)) {
		workers.Go(func() {
			for i := range next {
				checks[i], failures[i] = Run(ctx, paths[i], options)
			}
		})
	}
	for i := range paths {
		next <- i
	}
	close(next)
	workers.Wait()
	return slices.Concat(checks...), errors.Join(failures...)
}
