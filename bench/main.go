// Bench compares kcue build with cue export, as whole processes, on fleets of
// growing size. It prints a table in Markdown: what docs/performance.md holds.
//
//	go run ./bench [-sizes 1,100,1000] [-runs 5]
//
// Every row is measured in one run of this program, kcue and cue by turns, so
// that the ratio holds on any machine; the times themselves do not.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"kcue.dev/bench/fleet"
	"kcue.dev/bench/peak"
)

// cueCommand is the release of cue that kcue is compared with: the one whose
// evaluator it links.
const cueCommand = "cuelang.org/go/cmd/cue@v0.17.1"

func main() {
	sizes := flag.String("sizes", "1,100,1000", "numbers of policies")
	runs := flag.Int("runs", 5, "runs of each; the median counts")
	flag.Parse()
	if err := run(*sizes, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(sizes string, runs int) error {
	dir, err := os.MkdirTemp("", "kcue-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kcue := filepath.Join(dir, "kcue")
	if err := command("go", "build", "-o", kcue, "./cmd/kcue"); err != nil {
		return err
	}
	install := exec.Command("go", "install", cueCommand)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOWORK=off", "GOFLAGS=-mod=mod")
	install.Dir = dir
	install.Stderr = os.Stderr
	if err := install.Run(); err != nil {
		return fmt.Errorf("cannot install cue: %w", err)
	}
	cue := filepath.Join(dir, "cue")

	fmt.Printf("%d processors, %s\n\n", runtime.NumCPU(), runtime.Version())
	fmt.Println("| policies | cue export | kcue build | ratio | kcue memory | output |")
	fmt.Println("|--:|--:|--:|--:|--:|--:|")
	for _, text := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		work := filepath.Join(dir, "fleet-"+text)
		if err := writeFleet(work, n); err != nil {
			return err
		}
		var cues, kcues []sample
		for range runs {
			c, err := measure(work, cue, "export", "--out", "json", ".")
			if err != nil {
				return err
			}
			k, err := measure(work, kcue, "build", "-q", ".")
			if err != nil {
				return err
			}
			cues, kcues = append(cues, c), append(kcues, k)
		}
		c, k := median(cues), median(kcues)
		fmt.Printf("| %d | %s | %s | %.2f | %d MB | %d kB |\n", n, round(c.wall), round(k.wall),
			float64(k.wall)/float64(c.wall), k.memory>>20, k.output>>10)
	}
	var starts []sample
	for range runs {
		s, err := measure(dir, kcue, "version")
		if err != nil {
			return err
		}
		starts = append(starts, s)
	}
	fmt.Printf("\n`kcue version`: %s, %d MB\n", round(median(starts).wall), median(starts).memory>>20)
	return nil
}

func command(name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	return c.Run()
}

// sample is one run of a process.
type sample struct {
	wall   time.Duration
	memory int64 // peak resident set, in bytes
	output int64 // bytes written to standard output
}

func median(samples []sample) sample {
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.wall, b.wall) })
	return samples[len(samples)/2]
}

func round(d time.Duration) string { return d.Round(time.Millisecond).String() }

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func measure(dir, name string, args ...string) (sample, error) {
	var out counter
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Stdout = &out
	c.Stderr = os.Stderr
	start := time.Now()
	if err := c.Run(); err != nil {
		return sample{}, fmt.Errorf("%s %v: %w", name, args, err)
	}
	return sample{wall: time.Since(start), output: int64(out), memory: peak.Memory(c.ProcessState)}, nil
}

// writeFleet writes a package of n policies of five rules each, with the
// embedded module vendored so that cue finds it too.
func writeFleet(dir string, n int) error {
	vendored := filepath.Join(dir, "cue.mod", "pkg", "kcue.dev")
	for _, pkg := range []string{"schema", "patterns"} {
		if err := copyCUE(pkg, filepath.Join(vendored, pkg)); err != nil {
			return err
		}
	}
	module := "module: \"example.com/fleet@v0\"\nlanguage: version: \"v0.16.0\"\n"
	if err := os.WriteFile(filepath.Join(dir, "cue.mod", "module.cue"), []byte(module), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "fleet.cue"), fleet.CUE(n), 0o666)
}

func copyCUE(from, to string) error {
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	names, err := fs.Glob(os.DirFS(from), "*.cue")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}
