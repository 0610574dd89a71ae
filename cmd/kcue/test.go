package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
	"kcue.dev/compiler/lower"
	"kcue.dev/protocol"
)

// allTargets is the value of --target that stands for each of them.
const allTargets = "all"

type testFlags struct {
	format string
	target string
}

func newTestCommand(s streams, global *globalFlags) *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [packages or paths]",
		Short: "Run the tests of specs in Kyverno's own engine",
		Long: `Test compiles packages of specs and runs their tests in Kyverno's own engine:
what a policy must do to a resource. It also runs every kyverno-test.yaml below
the given directories, whose policies are files, or specs of the packages.

A run without any test fails, and so does a test of an unknown policy or rule.
The engine is kcue-engine, which is found beside kcue, in PATH or by the
variable KCUE_ENGINE.

Exit status: 1 where a test fails, a spec has a mistake, or nothing is tested.`,
		Example: `  kcue test ./...
  kcue test --format junit ./... > report.xml`,
		RunE: func(_ *cobra.Command, args []string) error { return runTest(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, flagFormat, "text", "`format` of the report: text, json or junit")
	flags.StringVar(&f.target, flagTarget, lower.KyvernoV1, "`API` to compile to: "+strings.Join(append(lower.Targets(), allTargets), ", "))
	return cmd
}

func runTest(s streams, global *globalFlags, f testFlags, args []string) error {
	write, ok := map[string]func(protocol.Report, reportStyle) ([]byte, error){
		"text": reportText, "json": reportJSON, "junit": reportJUnit,
	}[f.format]
	if !ok {
		return usagef("unknown format %q of --%s: expected text, json or junit", f.format, flagFormat)
	}
	e, noEngine := startEngine()
	defer e.stop()
	packages, files, err := testArguments(args)
	if err != nil {
		return err
	}
	requests, err := testRequests(s, global, f, packages, files)
	if err != nil {
		return err
	}
	suites := 0
	for _, r := range requests {
		if r.Suite != nil || r.File != nil {
			suites++
		}
	}
	report := protocol.Report{Checks: []protocol.Check{}}
	if suites > 0 {
		if noEngine != nil {
			return noEngine
		}
		if err := e.await(); err != nil {
			return err
		}
		progress := newProgress(s.err, global.quiet)
		err = e.run(slices.Values(requests), func(reply protocol.Reply) error {
			if reply.Checks == nil {
				return usagef("%s answers something else than was asked", e.path)
			}
			report.Suites++
			for _, c := range reply.Checks.Checks {
				report.Add(c)
			}
			progress.show("%d of %d suites, %d checks, %d failed", report.Suites, suites, len(report.Checks), report.Failed)
			return nil
		})
		progress.clear()
		if err != nil {
			return err
		}
		inOrder(report.Checks, files)
		if report.Suites != suites {
			return usagef("%s answers %d of %d suites", e.path, report.Suites, suites)
		}
	}
	data, err := write(report, reportStyle{color: global.color(s.out), verbose: global.verbose})
	if err != nil {
		return err
	}
	if err := s.write(data); err != nil {
		return err
	}
	switch {
	case len(report.Checks) == 0:
		return findingf("no tests: a run that checks nothing fails")
	case report.Failed > 0:
		return errFindings
	}
	return nil
}

// suiteFile is a suite of Kyverno's own form, and the directory that it may
// name files in.
type suiteFile struct{ path, root string }

// testArguments sorts arguments into packages of specs and suites. A directory
// that holds suites and no specs is no package.
func testArguments(args []string) (packages []string, files []suiteFile, err error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	add := func(path, below string) {
		path = filepath.ToSlash(path)
		if !slices.ContainsFunc(files, func(f suiteFile) bool { return f.path == path }) {
			files = append(files, suiteFile{path, below})
		}
	}
	for _, arg := range args {
		dir, recursive := strings.CutSuffix(arg, "...")
		dir = filepath.Clean(dir)
		info, err := os.Stat(dir)
		switch {
		case err != nil, arg == "-", strings.HasSuffix(arg, ".cue") && !info.IsDir():
			// What is wrong with it, the compiler says.
			packages = append(packages, arg)
			continue
		case !info.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(dir)):
			add(dir, readable(filepath.Dir(dir)))
			continue
		case !info.IsDir():
			packages = append(packages, arg)
			continue
		}
		specs, found, err := walkTests(dir, recursive)
		if err != nil {
			return nil, nil, err
		}
		if specs || len(found) == 0 {
			packages = append(packages, arg)
		}
		for _, path := range found {
			add(path, readable(dir))
		}
	}
	return packages, files, nil
}

// readable is the directory that the suites below dir may name files in: the
// working directory where dir lies in it, since suites often stand beside what
// they test.
func readable(dir string) string {
	if filepath.IsLocal(dir) {
		return "."
	}
	return dir
}

// walkTests looks below a directory for suites, and for specs: in the directory
// itself, or in all below it.
func walkTests(dir string, recursive bool) (specs bool, suites []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return usagef("%s: %w", path, pathReason(err))
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "cue.mod"):
			return fs.SkipDir
		case entry.IsDir():
		case entry.Name() == "kyverno-test.yaml" || entry.Name() == "kyverno-test.yml":
			suites = append(suites, path)
		case filepath.Ext(path) == ".cue" && (recursive || filepath.Dir(path) == dir):
			specs = true
		}
		return nil
	})
	return specs, suites, err
}

// testRequests compiles the packages and makes the requests of a run.
func testRequests(s streams, global *globalFlags, f testFlags, packages []string, files []suiteFile) ([]protocol.Request, error) {
	var requests []protocol.Request
	var objects protocol.Objects
	targets := []string{f.target}
	if f.target == allTargets {
		targets = lower.Targets()
	}
	for i, target := range targets {
		if len(packages) == 0 {
			break
		}
		result, err := compiler.Compile(compiler.Config{Args: packages, Tags: global.inject, Stdin: s.in, Target: target})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			global.warn(s, result.Warnings)
		}
		for _, b := range result.Bundles {
			suite, err := b.Suite()
			if err != nil {
				return nil, err
			}
			if f.target == allTargets {
				suite.Name += " (" + target + ")"
			}
			if i == 0 {
				objects.Items = append(objects.Items, suite.Objects...)
			}
			switch {
			case b.Tests != nil:
				requests = append(requests, protocol.Request{Suite: &suite})
			case len(suite.Objects) > 0 && !global.quiet:
				fmt.Fprintf(s.err, "%s: no tests\n", suite.Name)
			}
		}
	}
	if len(files) > 0 && len(objects.Items) > 0 {
		requests = append(requests, protocol.Request{Objects: &objects})
	}
	for _, file := range largestFirst(files) {
		requests = append(requests, protocol.Request{File: &protocol.File{Path: file.path, Root: file.root}})
	}
	return requests, nil
}

// largestFirst gives suites in the order that they are best run in: a long one at
// the end would keep one processor busy, and the others waiting. How much there is
// to compile is told, without reading it, by the size of what lies beside a suite
// and, where it may name files there, in the directory above.
func largestFirst(files []suiteFile) []suiteFile {
	below := map[string]int64{}
	size := func(dir string) int64 {
		if known, ok := below[dir]; ok {
			return known
		}
		entries, _ := os.ReadDir(dir) // of what cannot be read, the engine tells
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
				below[dir] += info.Size()
			}
		}
		return below[dir]
	}
	work := map[string]int64{}
	for _, f := range files {
		dir := filepath.Dir(f.path)
		above := filepath.Dir(dir)
		work[f.path] = size(dir)
		if rel, err := filepath.Rel(f.root, above); err == nil && filepath.IsLocal(rel) {
			work[f.path] += size(above)
		}
	}
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b suiteFile) int { return cmp.Compare(work[b.path], work[a.path]) })
	return sorted
}

// inOrder puts the checks of suites in the order of these; what was asked before
// them stays before them.
func inOrder(checks []protocol.Check, files []suiteFile) {
	place := map[string]int{}
	for i, f := range files {
		place[f.path] = 1 + i
	}
	slices.SortStableFunc(checks, func(a, b protocol.Check) int { return cmp.Compare(place[a.Suite], place[b.Suite]) })
}

// reportStyle says how a report is written for a person.
type reportStyle struct{ color, verbose bool }

func reportJSON(report protocol.Report, _ reportStyle) ([]byte, error) {
	return indentedJSON(report)
}

// indentedJSON writes a value as people read JSON: operators as they are.
func indentedJSON(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return []byte(b.String()), err
}
