package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"kcue.dev/compiler/tree"
)

type diffFlags struct {
	selection
	outDir string
	format string
}

func newDiffCommand(s streams, global *globalFlags) *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff [packages]",
		Short: "Show what build would change in a directory",
		Long: `Diff compiles packages as build does and shows, object by object, what build
--out-dir with the same arguments would change in the directory: files that it
would add, change and remove. Files that somebody edited since show too. Nothing
is written.

The text form is a patch: git apply and patch -p1 take it.

Exit status: 0 where nothing would change, 1 where anything would.`,
		Example: `  kcue diff --out-dir deploy ./...
  kcue diff --out-dir deploy --format json ./... | jq -r '.[].file'
  kcue diff --out-dir deploy ./... | git apply`,
		RunE: func(_ *cobra.Command, args []string) error { return runDiff(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.outDir, flagOutDir, "", "compare with `DIR`, which build --out-dir wrote")
	flags.StringVar(&f.format, flagFormat, "text", "`format` of the differences: text or json")
	f.register(flags)
	return cmd
}

func runDiff(s streams, global *globalFlags, f diffFlags, args []string) error {
	if f.format != "text" && f.format != "json" {
		return usagef("unknown format %q of --%s: expected text or json", f.format, flagFormat)
	}
	if f.outDir == "" {
		return usagef("nothing to compare with: name the directory by --%s", flagOutDir)
	}
	objects, err := f.compile(s, global, args)
	if err != nil {
		return err
	}
	plan, err := tree.New(f.outDir, objects, f.part())
	if err != nil {
		return outputError{err}
	}
	differences, err := plan.Differences()
	if err != nil {
		return outputError{err}
	}
	data := tree.Text(differences, tree.Style{Color: global.color(s.out), Terminal: isTerminal(s.out)})
	if f.format == "json" {
		if data, err = tree.JSON(differences); err != nil {
			return err
		}
	}
	if err := s.write(data); err != nil {
		return err
	}
	if len(differences) == 0 {
		return nil
	}
	if !global.quiet {
		fmt.Fprintf(s.err, "%s: not what the specs say: %s\n", f.outDir, tree.Summary(plan.Changes))
	}
	return errFindings
}
