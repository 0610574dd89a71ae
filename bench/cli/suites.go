package main

import "fmt"

// timeSuites measures the suites of each class together, in one process: those
// that Kyverno's command line does not give up.
func (b *bench) timeSuites(suites []*suite) error {
	header("kyverno test", "kcue test")
	for _, class := range []string{"legacy", "vpol", "mpol", "gpol"} {
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
		kcue := append([]string{"test", "--format", "json"}, dirs...)
		if err := b.compare(what, append([]string{"test"}, dirs...), kcue); err != nil {
			return err
		}
	}
	return nil
}
