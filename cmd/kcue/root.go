package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kcue.dev/diag"
)

// Exit statuses.
const (
	exitOK       = 0
	exitFindings = 1 // the specs, tests or diff have findings
	exitUsage    = 2 // wrong usage, or the environment
)

// The flags that several commands have, so that one name means one thing.
const (
	flagInject  = "inject"
	flagFormat  = "format"
	flagQuiet   = "quiet"
	flagVerbose = "verbose"
	flagNoColor = "no-color"
	flagOutput  = "output"
	flagOutDir  = "out-dir"
	flagTarget  = "target"
	flagName    = "name"
	flagNoCache = "no-cache"
)

// streams are a command's standard streams. Out carries data only; all that is
// said to a person goes to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// usageError is a mistake on the command line or in the environment.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs one command line and gives its exit status. It is the only
// place that prints an error.
func execute(args []string, s streams) (status int) {
	global := &globalFlags{}
	defer func() {
		// What a panic says is of use to us only; a user gets a sentence.
		if r := recover(); r != nil {
			fmt.Fprintf(s.err, "kcue: internal error: %v\nPlease report it with the specs that cause it.\n", r)
			status = exitUsage
		}
	}()
	root := newRootCommand(s, global)
	nameAsPlugin(root, os.Args[0])
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	var diags diag.List
	if errors.As(err, &diags) {
		diag.WriteText(s.err, diags, global.color(s.err))
		if len(diags) == 1 && diags[0].Code == diag.UnknownTarget {
			return exitUsage
		}
		return exitFindings
	}
	if errors.Is(err, errFindings) {
		return exitFindings
	}
	fmt.Fprintf(s.err, "kcue: %v\n", err)
	var output outputError
	var finding findingError
	if errors.As(err, &output) || errors.As(err, &finding) {
		return exitFindings
	}
	return exitUsage
}

// globalFlags are the flags of every command.
type globalFlags struct {
	inject  []string
	quiet   bool
	verbose bool
	noColor bool
}

// color reports whether to write colours to w: only to a terminal, and not
// where the user declines them (https://no-color.org).
func (g *globalFlags) color(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || g.noColor || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// diagnosticStyle is how diagnostics are written to w.
func (g *globalFlags) diagnosticStyle(w io.Writer) diag.Options {
	return diag.Options{Color: g.color(w), Source: diag.FileSource("."), Version: buildVersion()}
}

// warningsShown is how many warnings of one code are printed in full: a
// repository with one habit has the same warning in every policy.
const warningsShown = 10

// warn prints warnings, unless the user wants quiet.
func (g *globalFlags) warn(s streams, warnings diag.List) {
	if g.quiet {
		return
	}
	shown := map[diag.Code]int{}
	var list diag.List
	var rest []diag.Code
	for _, w := range warnings {
		shown[w.Code]++
		if g.verbose || shown[w.Code] <= warningsShown {
			list = append(list, w)
		} else if shown[w.Code] == warningsShown+1 {
			rest = append(rest, w.Code)
		}
	}
	diag.WriteText(s.err, list, g.color(s.err))
	for _, code := range rest {
		fmt.Fprintf(s.err, "%d more warnings %s: -v prints them all\n", shown[code]-warningsShown, code)
	}
}

func newRootCommand(s streams, global *globalFlags) *cobra.Command {
	root := &cobra.Command{
		Use:   "kcue",
		Short: "Compile declarative CUE specs into Kyverno policies",
		Long: `kcue compiles declarative CUE specs into Kyverno policies: it checks them,
resolves inheritance and overrides, and holds what it emits against Kyverno's
own schemas.

Packages are named as with cue: a directory, ./... for all below, .cue files,
or - for standard input. The default is the package in this directory.

Exit status: 0 fine; 1 the specs have mistakes, a test fails, or the output cannot
be written; 2 wrong usage, or something that kcue needs is missing.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
					return usagef("unknown command %q: did you mean %q?", args[0], near[0])
				}
				return usagef("unknown command %q: see %s --help", args[0], cmd.CommandPath())
			}
			return nil
		},
		SuggestionsMinimumDistance: 2,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w: see %s --help", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringArrayVarP(&global.inject, flagInject, "t", nil, "set the value of a tag: `key=value`, as in cue")
	flags.BoolVarP(&global.quiet, flagQuiet, "q", false, "print no warnings")
	flags.BoolVarP(&global.verbose, flagVerbose, "v", false, "say what is done")
	flags.BoolVar(&global.noColor, flagNoColor, false, "no colours, as with NO_COLOR in the environment")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		newBuildCommand(s, global),
		newDiffCommand(s, global),
		newVetCommand(s, global),
		newInitCommand(s, global),
		newImportCommand(s, global),
		newTestCommand(s, global),
		newEvalCommand(s, global),
		newSummaryCommand(s, global),
		newKRMCommand(s, global),
		newExplainCommand(s, global),
		newVersionCommand(s),
		newCompletionCommand(s),
	)
	return root
}

// outputError is a failure to write the output.
type outputError struct{ error }

// write writes a command's data.
func (s streams) write(data []byte) error {
	if _, err := s.out.Write(data); err != nil {
		return outputError{fmt.Errorf("cannot write the output: %w", err)}
	}
	return nil
}
