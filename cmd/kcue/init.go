package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/scaffold"
)

type initFlags struct {
	module string
	vendor bool
}

func newInitCommand(s streams, global *globalFlags) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init [directory]",
		Short: "Begin a repository of policies",
		Long: `Init lays down a repository of policies in a directory, or in this one: a CUE
module, a first policy with tests, a README, a workflow for GitHub Actions and
hooks for pre-commit. It builds, vets and tests at once.

No file is overwritten: where one is there with something else in it, it is
named and nothing is written. A module file that is there stays. In a folder of
a larger git repository the workflow and the hooks are left out, since they work
at its root only.

With --vendor the module kcue.dev is laid under cue.mod/pkg too, where cue and
editors find it without a network. In a directory that is a CUE module already,
--vendor does that alone: it replaces the copy that an earlier kcue left.

Exit status: 1 where a file is in the way, or nothing can be written.`,
		Example: `  kcue init policies
  kcue init --module github.com/acme/policies --vendor
  kcue init --vendor`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one directory: %s are too many", strings.Join(args, ", "))
			}
			return runInit(s, global, f, append(args, ".")[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.module, "module", "", "`path` of the CUE module, as for cue mod init (default \""+scaffold.DefaultModule+"\")")
	flags.BoolVar(&f.vendor, "vendor", false, "lay the module kcue.dev under "+load.VendoredDir+", or bring it up to date there")
	return cmd
}

func runInit(s streams, global *globalFlags, f initFlags, dir string) error {
	result, err := scaffold.Init(dir, scaffold.Options{Module: f.module, Vendor: f.vendor})
	if err != nil {
		return initError(dir, err)
	}
	if !global.quiet {
		writeInit(s.err, global.verbose, dir, result)
	}
	return nil
}

// initError says what to do about what stands in the way.
func initError(dir string, err error) error {
	var (
		module       *scaffold.ModuleError
		notDirectory *scaffold.NotDirectoryError
		moduleFile   *scaffold.ModuleFileError
		nested       *scaffold.NestedError
		conflict     *scaffold.ConflictError
		dependency   *scaffold.DependencyError
	)
	switch {
	case errors.As(err, &module):
		return usageError{err}
	case errors.As(err, &nested):
		return findingf("%w: write packages of policies there, or run kcue init --vendor %s for its editors", err, nested.Root)
	case errors.As(err, &conflict):
		them := "it"
		if len(conflict.Files) > 1 {
			them = "them"
		}
		return findingf("%w; move %s away, or name another directory", err, them)
	case errors.As(err, &notDirectory), errors.As(err, &moduleFile), errors.As(err, &dependency):
		return findingError{err}
	}
	return outputError{fmt.Errorf("cannot write under %s: %w", dir, err)}
}

// writeInit tells what was done, and what comes next.
func writeInit(w io.Writer, verbose bool, dir string, r *scaffold.Result) {
	copied, removed := 0, len(r.Removed)
	var own []string
	for _, name := range r.Written {
		if strings.HasPrefix(name, load.VendoredDir+"/") && !verbose {
			copied++
			continue
		}
		own = append(own, name)
	}
	if verbose {
		for _, name := range r.Removed {
			fmt.Fprintf(w, "removed %s\n", filepath.Join(dir, name))
		}
	} else if copied+removed > 0 {
		fmt.Fprintf(w, "%s: kcue.dev %s: wrote %s, removed %d\n", filepath.Join(dir, load.VendoredDir), load.EmbeddedVersion, plural(copied, "file"), removed)
	}
	for _, name := range own {
		fmt.Fprintf(w, "wrote %s\n", filepath.Join(dir, name))
	}
	if len(r.Written)+removed == 0 {
		fmt.Fprintln(w, "all of it is there already")
	}
	if len(r.RootFiles) > 0 {
		fmt.Fprintf(w, "left out %s: they work at the root of the git repository only, which is %s\n", strings.Join(r.RootFiles, " and "), r.GitRoot)
	}
	if len(own) == 0 || verbose && copied == len(own) {
		return
	}
	fmt.Fprintln(w, "\nNext:")
	if dir != "." {
		fmt.Fprintf(w, "  cd %s\n", dir)
	}
	fmt.Fprint(w, `  kcue vet --strict ./...
  kcue test ./...
  kcue build --out-dir deploy ./...
`)
}
