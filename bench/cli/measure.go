package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one run of a process and of those that it starts.
type sample struct {
	wall   time.Duration
	cpu    time.Duration // of all processes, in user and kernel mode
	memory int64         // peak resident set of the largest process, in bytes
}

// measure runs a command in a directory. Exit status 1 is that of findings.
func measure(dir, name string, args ...string) (sample, error) {
	command := exec.Command(name, args...)
	command.Dir = dir
	var complaint strings.Builder
	command.Stderr = &complaint
	start := time.Now()
	err := command.Run()
	s := sample{wall: time.Since(start)}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return s, fmt.Errorf("%s %.200s: %w\n%.2000s", name, strings.Join(args, " "), err, complaint.String())
	}
	s.cpu = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.memory = usage.Maxrss << 10
	}
	return s, nil
}

func median(samples []sample) sample {
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.wall, b.wall) })
	return samples[len(samples)/2]
}

// compare measures two commands by turns and prints a row of the table.
func (b *bench) compare(what string, kyverno, kcue []string) error {
	var theirs, ours []sample
	for range b.runs {
		s, err := measure(b.corpus, b.kyverno, kyverno...)
		if err != nil {
			return err
		}
		theirs = append(theirs, s)
		if s, err = measure(b.corpus, b.kcue, kcue...); err != nil {
			return err
		}
		ours = append(ours, s)
	}
	t, o := median(theirs), median(ours)
	fmt.Printf("| %s | %s | %s | 1/%.1f | %s | %s | 1/%.1f | %d MB | %d MB |\n", what, round(t.wall), round(o.wall),
		float64(t.wall)/float64(o.wall), round(t.cpu), round(o.cpu), float64(t.cpu)/float64(o.cpu), t.memory>>20, o.memory>>20)
	return nil
}

func header(kyverno, kcue string) {
	fmt.Printf("\n| | time: %s | %s | ratio | processor time: %[1]s | %[2]s | ratio | memory: %[1]s | %[2]s |\n"+
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|\n", kyverno, kcue)
}

func round(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
