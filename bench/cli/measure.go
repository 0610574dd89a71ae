package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"kcue.dev/bench/peak"
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
	wall := time.Since(start)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return sample{}, fmt.Errorf("%s %.200s: %w\n%.2000s", name, strings.Join(args, " "), err, complaint.String())
	}
	return used(command, wall), nil
}

// used is what a command that has ended took.
func used(command *exec.Cmd, wall time.Duration) sample {
	cpu := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return sample{wall: wall, cpu: cpu, memory: peak.Memory(command.ProcessState)}
}

// add makes one sample of processes that run after each other.
func (s sample) add(next sample) sample {
	return sample{wall: s.wall + next.wall, cpu: s.cpu + next.cpu, memory: max(s.memory, next.memory)}
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
	printRow(what, median(theirs), median(ours))
	return nil
}

// printRow prints a row of the table.
func printRow(what string, kyverno, kcue sample) {
	fmt.Printf("| %s | %s | %s | 1/%.1f | %s | %s | 1/%.1f | %d MB | %d MB |\n", what, round(kyverno.wall), round(kcue.wall),
		float64(kyverno.wall)/float64(kcue.wall), round(kyverno.cpu), round(kcue.cpu), float64(kyverno.cpu)/float64(kcue.cpu), kyverno.memory>>20, kcue.memory>>20)
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
