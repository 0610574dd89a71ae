package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"time"

	"kcue.dev/bench/peak"
)

// process is a command that is measured.
type process struct {
	what   string
	name   string
	dir    string
	args   []string
	env    []string            // more variables
	before func(run int) error // what is done before each run, unmeasured
}

// sample is one run of a process.
type sample struct {
	wall   time.Duration
	memory int64 // peak resident set, in bytes
	output int64 // bytes written to standard output
}

// measured is a process and the median of its samples.
type measured struct {
	process
	sample
}

// byTurns runs processes after each other, several times.
func (b *bench) byTurns(processes ...process) ([]measured, error) {
	// A process begins with the peak of the one that starts it.
	debug.FreeOSMemory()
	samples := make([][]sample, len(processes))
	for run := range b.runs {
		for i, p := range processes {
			if p.before != nil {
				if err := p.before(run); err != nil {
					return nil, err
				}
			}
			s, err := p.measure()
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	out := make([]measured, len(processes))
	for i, p := range processes {
		slices.SortFunc(samples[i], func(a, b sample) int { return cmp.Compare(a.wall, b.wall) })
		out[i] = measured{p, samples[i][len(samples[i])/2]}
	}
	return out, nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (p process) measure() (sample, error) {
	var out counter
	c := exec.Command(p.name, p.args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), p.env...)
	c.Stdout = &out
	c.Stderr = os.Stderr
	start := time.Now()
	if err := c.Run(); err != nil {
		return sample{}, fmt.Errorf("%s %v: %w", p.name, p.args, err)
	}
	return sample{wall: time.Since(start), output: int64(out), memory: peak.Memory(c.ProcessState)}, nil
}

func round(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
