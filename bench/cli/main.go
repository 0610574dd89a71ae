// Cli compares kcue test and kcue eval with Kyverno's own command line, as
// whole processes: what they say of every row of a corpus of suites, and how
// long they take. It prints tables in Markdown: what docs/performance.md and
// docs/kyverno-cli-differences.md hold.
//
//	go run ./bench/cli -kyverno PATH [-kcue PATH] [-corpus DIR] [-runs N] [verdicts] [suites] [fleet] [one]
//
// Kyverno's command line 1.19.1 is built by
//
//	CGO_ENABLED=0 go build -o PATH github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno
//
// in a module that requires github.com/kyverno/kyverno v1.19.1 and has the
// replace of its go.mod. Without a path, kcue and kcue-engine are built from
// the working directory, which must be the root of kcue's repository. All are
// without C, as they are released.
//
// What is measured is measured in one run of this program, the two commands by
// turns, so that the ratios hold on any machine; the times themselves do not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

func main() {
	var b bench
	flag.StringVar(&b.kyverno, "kyverno", "", "Kyverno's command line")
	flag.StringVar(&b.kcue, "kcue", "", "kcue, with kcue-engine beside it; built where it is not given")
	flag.StringVar(&b.corpus, "corpus", "../shared/corpus", "directory of suites")
	flag.IntVar(&b.runs, "runs", 3, "runs of each; the median counts")
	flag.Parse()
	if err := b.run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench/cli:", err)
		os.Exit(1)
	}
}

// bench is a comparison: its commands, and where it keeps what it writes.
type bench struct {
	kyverno, kcue, corpus string
	runs                  int
	dir                   string
}

func (b *bench) run(parts []string) error {
	known := []string{"verdicts", "suites", "fleet", "one"}
	if len(parts) == 0 {
		parts = known
	}
	for _, part := range parts {
		if !slices.Contains(known, part) {
			return fmt.Errorf("there is no part %q: there is %v", part, known)
		}
	}
	if b.kyverno == "" {
		return errors.New("-kyverno is not given")
	}
	dir, err := os.MkdirTemp("", "kcue-bench-cli-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	for _, path := range []*string{&b.kyverno, &b.kcue, &b.corpus} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if b.kcue == "" {
		b.kcue = filepath.Join(dir, "kcue")
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/kcue", "./evaluator/cmd/kcue-engine")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building kcue: %w", err)
		}
	}
	fmt.Printf("%d processors, %s\n", runtime.NumCPU(), runtime.Version())
	suites, err := findSuites(b.corpus)
	if err != nil {
		return err
	}
	if slices.Contains(parts, "verdicts") || slices.Contains(parts, "suites") {
		if err := b.compareVerdicts(suites, slices.Contains(parts, "verdicts")); err != nil {
			return err
		}
	}
	if slices.Contains(parts, "suites") {
		if err := b.timeSuites(suites); err != nil {
			return err
		}
	}
	if slices.Contains(parts, "fleet") {
		if err := b.timeFleet(); err != nil {
			return err
		}
	}
	if slices.Contains(parts, "one") {
		return b.timeOne()
	}
	return nil
}
