// Bench compares kcue build with cue export, as whole processes, on fleets of
// policies. It prints the tables in Markdown that docs/performance.md holds.
//
//	go run ./bench [-runs 3] [-large] [-packages 50]
//
// Everything that is compared is measured in one run of this program, by turns,
// so that the ratios hold on any machine; the times themselves do not. It needs
// the Go module proxy, for cue and for Kyverno's CRDs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// cueCommand is the release of cue that kcue is compared with: the one whose
// evaluator it links.
const cueCommand = "cuelang.org/go/cmd/cue@v0.17.1"

func main() {
	runs := flag.Int("runs", 3, "runs of each; the median counts")
	large := flag.Bool("large", false, "a fleet of 10,000 policies too")
	packages := flag.Int("packages", 50, "packages of the fleet that is parted")
	flag.Parse()
	if err := run(*runs, *large, *packages); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what the tables share.
type bench struct {
	dir       string // of everything that is written
	kcue, cue string // executables
	runs      int
}

func run(runs int, large bool, packages int) (err error) {
	dir, err := os.MkdirTemp("", "kcue-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{dir: dir, kcue: filepath.Join(dir, "kcue"), cue: filepath.Join(dir, "cue"), runs: runs}
	// Both as they are released: without C, a process starts earlier.
	if err := command("", []string{"CGO_ENABLED=0"}, "go", "build", "-o", b.kcue, "./cmd/kcue"); err != nil {
		return err
	}
	if err := command(dir, []string{"CGO_ENABLED=0", "GOBIN=" + dir, "GOWORK=off", "GOFLAGS=-mod=mod"}, "go", "install", cueCommand); err != nil {
		return fmt.Errorf("cannot install cue: %w", err)
	}
	fmt.Printf("%d processors, %s, %s/%s\n", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, table := range []func() error{
		b.thousand,
		func() error { return b.sizes(large) },
		func() error { return b.parted(packages) },
		b.floor,
	} {
		fmt.Println()
		if err := table(); err != nil {
			return err
		}
	}
	return nil
}

// command runs a command with more variables in its environment.
func command(dir string, env []string, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	return c.Run()
}

// thousand compares ways to have 1,000 policies checked and written.
func (b *bench) thousand() error {
	specs := filepath.Join(b.dir, "fleet-1000")
	if err := writeFleet(specs, 1000); err != nil {
		return err
	}
	objects := filepath.Join(b.dir, "objects")
	if err := b.writeObjects(objects, specs); err != nil {
		return err
	}
	rows, err := b.byTurns(
		process{what: "kcue build", name: b.kcue, dir: specs, args: []string{"build", "-q", "--no-cache"}},
		process{what: "kcue build, `GOMEMLIMIT=128MiB`", name: b.kcue, dir: specs, args: []string{"build", "-q", "--no-cache"}, env: []string{"GOMEMLIMIT=128MiB"}},
		process{what: "cue export of the objects, CRD's schema", name: b.cue, dir: objects, args: []string{"export", "./checked"}},
		process{what: "the same as YAML", name: b.cue, dir: objects, args: []string{"export", "--out", "yaml", "./checked"}},
		process{what: "cue export of the objects, no schema", name: b.cue, dir: objects, args: []string{"export", "./plain"}},
		process{what: "the same as YAML", name: b.cue, dir: objects, args: []string{"export", "--out", "yaml", "./plain"}},
		process{what: "cue export of the specs", name: b.cue, dir: specs, args: []string{"export"}},
	)
	if err != nil {
		return err
	}
	fmt.Println("| 1,000 policies of 5 rules | time | kcue takes | memory |\n|---|--:|--:|--:|")
	for _, r := range rows {
		fmt.Printf("| %s | %s | %s | %d MB |\n", r.what, round(r.wall), ratio(rows[0], r.sample), r.memory>>20)
	}
	return nil
}

// sizes shows how cost grows.
func (b *bench) sizes(large bool) error {
	fmt.Println("| policies | cue export of the specs | kcue build, no cache | kcue takes | kcue build again | kcue takes | kcue memory | output |\n|--:|--:|--:|--:|--:|--:|--:|--:|")
	all := []int{1, 100, 1000}
	if large {
		all = append(all, 10_000)
	}
	for _, n := range all {
		specs := filepath.Join(b.dir, fmt.Sprintf("fleet-%d", n))
		if err := writeFleet(specs, n); err != nil {
			return err
		}
		again := process{name: b.kcue, dir: specs, args: []string{"build", "-q"}, env: []string{"KCUE_CACHE=" + specs + "-cache"}}
		if _, err := again.measure(); err != nil {
			return err
		}
		processes := []process{{name: b.kcue, dir: specs, args: []string{"build", "-q", "--no-cache"}}, again}
		if n <= 1000 {
			processes = append(processes, process{name: b.cue, dir: specs, args: []string{"export"}})
		}
		rows, err := b.byTurns(processes...)
		if err != nil {
			return err
		}
		var theirs, anew, cached string
		if len(rows) > 2 {
			theirs, anew, cached = round(rows[2].wall), ratio(rows[0], rows[2].sample), ratio(rows[1], rows[2].sample)
		}
		fmt.Printf("| %d | %s | %s | %s | %s | %s | %d MB | %d kB |\n", n, theirs, round(rows[0].wall), anew, round(rows[1].wall), cached, rows[0].memory>>20, rows[0].output>>10)
	}
	return nil
}

// parted measures the fleet in packages, as a repository of teams holds it:
// with and without the cache, and on one processor.
func (b *bench) parted(packages int) error {
	specs := filepath.Join(b.dir, "parted")
	if err := writeParted(specs, 1000, packages); err != nil {
		return err
	}
	build := []string{"build", "-q", "./..."}
	cached := []string{"KCUE_CACHE=" + filepath.Join(b.dir, "cache")}
	if _, err := (process{name: b.kcue, dir: specs, args: build, env: cached}).measure(); err != nil {
		return err
	}
	rows, err := b.byTurns(
		process{what: "two processors, no cache", name: b.kcue, dir: specs, args: append(build, "--no-cache"), env: []string{"GOMAXPROCS=2"}},
		process{what: "one processor, no cache", name: b.kcue, dir: specs, args: append(build, "--no-cache"), env: []string{"GOMAXPROCS=1"}},
		process{what: "nothing changed", name: b.kcue, dir: specs, args: build, env: cached},
		process{what: "one package changed", name: b.kcue, dir: specs, args: build, env: cached, before: func(run int) error { return change(specs, run) }},
	)
	if err != nil {
		return err
	}
	fmt.Printf("| 1,000 policies in %d packages | time | memory |\n|---|--:|--:|\n", packages)
	for _, r := range rows {
		fmt.Printf("| %s | %s | %d MB |\n", r.what, round(r.wall), r.memory>>20)
	}
	fmt.Printf("\nTwo processors are %.2f times as fast as one.\n", float64(rows[1].wall)/float64(rows[0].wall))
	return nil
}

// ratio says what part of another sample's time ours takes.
func ratio(ours measured, theirs sample) string {
	if ours.wall == theirs.wall {
		return ""
	}
	if theirs.wall < ours.wall {
		return fmt.Sprintf("%.2f", float64(ours.wall)/float64(theirs.wall))
	}
	return strings.TrimSuffix(fmt.Sprintf("1/%.1f", float64(theirs.wall)/float64(ours.wall)), ".0")
}
