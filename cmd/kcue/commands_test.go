package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands gives the command line's tree, flattened, without the root.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	root := newRootCommand(streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard}, &globalFlags{})
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(parent *cobra.Command) {
		for _, c := range parent.Commands() {
			all = append(all, c)
			walk(c)
		}
	}
	walk(root)
	if len(all) == 0 {
		t.Fatal("the command line has no commands")
	}
	return all
}

// TestCommandsAreDescribed holds every command to the help that a user needs.
func TestCommandsAreDescribed(t *testing.T) {
	for _, c := range commands(t) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			if c.Short == "" || strings.HasSuffix(c.Short, ".") || strings.ToUpper(c.Short[:1]) != c.Short[:1] {
				t.Errorf("Short is %q: want a phrase that begins with a capital and has no full stop", c.Short)
			}
			name, arguments, _ := strings.Cut(c.Use, " ")
			if name != c.Name() {
				t.Errorf("Use is %q: want it to begin with %q", c.Use, c.Name())
			}
			if arguments == "" && c.Args == nil {
				t.Errorf("Use is %q, and the command takes any arguments: name them, or refuse them", c.Use)
			}
			if c.Long == "" {
				t.Error("there is no Long, which --help, the manual and the man page show")
			}
			if !strings.Contains(c.Example, c.CommandPath()) {
				t.Errorf("the example does not show the command:\n%s", c.Example)
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" {
					t.Errorf("the flag --%s is not described", f.Name)
				}
			})
		})
	}
}

// TestCommandsRefuse holds every command to exit status 2 on wrong usage, with
// one line on stderr and nothing on stdout.
func TestCommandsRefuse(t *testing.T) {
	type refusal struct {
		args   []string
		stderr string
	}
	tests := []refusal{
		{[]string{"nonsense"}, `unknown command "nonsense"`},
		{[]string{"--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"version", "extra"}, "takes no arguments"},
		{[]string{"completion"}, "name one shell"},
		{[]string{"completion", "bash", "zsh"}, "name one shell"},
		{[]string{"completion", "tcsh"}, `no completions for "tcsh"`},
		{[]string{"build", "-o", "toml"}, `unknown format "toml"`},
		{[]string{"build", "-o"}, "flag needs an argument"},
		{[]string{"build", "--out-dir", "x", "-o", "json"}, "does not go with"},
		{[]string{"build", "--target", "v9"}, `unknown target "v9"`},
		{[]string{"diff"}, "name the directory by --out-dir"},
		{[]string{"diff", "--out-dir", "x", "--format", "yaml"}, `unknown format "yaml"`},
		{[]string{"summary", "--format", "yaml"}, `unknown format "yaml"`},
		{[]string{"explain"}, "name the policy or base to explain"},
		{[]string{"explain", "x", "--format", "yaml"}, `unknown format "yaml"`},
	}
	for _, c := range commands(t) {
		path := strings.Fields(c.CommandPath())[1:]
		tests = append(tests, refusal{append(path, "--nonsense"), "unknown flag: --nonsense"})
		if c.Use == c.Name() {
			tests = append(tests, refusal{append(path, "nonsense"), c.CommandPath()})
		}
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := execute(tt.args, streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
			if status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			if stdout.Len() > 0 {
				t.Errorf("stdout is %q, want nothing", &stdout)
			}
			if !strings.Contains(stderr.String(), tt.stderr) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr is %q, want one line with %q", &stderr, tt.stderr)
			}
		})
	}
}

// TestExamples holds the examples in the commands' help to commands, flags and
// numbers of arguments that there are.
func TestExamples(t *testing.T) {
	for _, c := range commands(t) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			ran := 0
			for line := range strings.Lines(c.Example) {
				for _, at := range calls.FindAllStringIndex(line, -1) {
					call := line[at[1]:]
					if end := strings.IndexAny(call, "|>)#"); end >= 0 {
						call = call[:end]
					}
					ran++
					found, args, err := c.Root().Find(strings.Fields(call))
					if err != nil {
						t.Fatalf("%s: %v", strings.TrimSpace(line), err)
					}
					if err := found.ParseFlags(args); err != nil {
						t.Fatalf("%s: %v", strings.TrimSpace(line), err)
					}
					if err := found.ValidateArgs(found.Flags().Args()); err != nil {
						t.Errorf("%s: %v", strings.TrimSpace(line), err)
					}
				}
			}
			if ran == 0 {
				t.Errorf("no line runs kcue:\n%s", c.Example)
			}
		})
	}
}

// TestPanicIsNoStackTrace holds a panic to a sentence that a user can act on.
func TestPanicIsNoStackTrace(t *testing.T) {
	var stderr bytes.Buffer
	status := execute([]string{"version"}, streams{in: strings.NewReader(""), out: panicking{}, err: &stderr})
	if status != exitUsage {
		t.Errorf("exit status %d, want %d", status, exitUsage)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "kcue: internal error: ") || strings.Contains(got, "goroutine") {
		t.Errorf("stderr is %q, want a sentence", got)
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("no output today") }
