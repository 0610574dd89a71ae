package main

import "fmt"

var classes = []string{"legacy", "vpol", "mpol", "gpol"}

// timeSuites measures the suites of each class together, in one process: those
// that Kyverno's command line does not give up. Then it measures all of a class,
// for which Kyverno's command line needs a process a suite, since it ends at the
// first that it gives up.
func (b *bench) timeSuites(suites []*suite) error {
	header("kyverno test", "kcue test")
	for _, class := range classes {
		var dirs []string
		for _, s := range suites {
			if s.class == class && !s.aborts {
				dirs = append(dirs, s.dir)
			}
		}
		if len(dirs) == 0 {
			continue
		}
		what := fmt.Sprintf("%d suites, %s", len(dirs), class)
		if err := b.compare(what, append([]string{"test"}, dirs...), kcueArguments(dirs)); err != nil {
			return err
		}
	}
	header("kyverno test, a process a suite", "kcue test")
	for _, class := range classes {
		var dirs []string
		var theirs sample
		for _, s := range suites {
			if s.class == class {
				dirs = append(dirs, s.dir)
				theirs = theirs.add(s.alone)
			}
		}
		if len(dirs) == 0 {
			continue
		}
		var ours []sample
		for range b.runs {
			s, err := measure(b.corpus, b.kcue, kcueArguments(dirs)...)
			if err != nil {
				return err
			}
			ours = append(ours, s)
		}
		printRow(fmt.Sprintf("%d suites, %s", len(dirs), class), theirs, median(ours))
	}
	return nil
}

func kcueArguments(dirs []string) []string {
	return append([]string{"test", "--format", "json"}, dirs...)
}
