package main

import (
	"errors"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/krm"
	"kcue.dev/diag"
)

func newKRMCommand(s streams, global *globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "krm",
		Short: "Generate objects as a KRM function, for kustomize and kpt",
		Long: `Krm is what kustomize and kpt run: it reads a ResourceList from standard input,
compiles the packages that its functionConfig names, and writes the ResourceList
with the objects added to its items. What build would print as diagnostics is
printed, and stands among the results.

The functionConfig is a KcueGenerator of kcue.dev/v1alpha1. Its spec says what
build says by arguments and flags: packages, inject, names and target. Packages
lie at or below the working directory. docs/gitops.md has examples.

Exit status: 1 where the specs, the functionConfig or the ResourceList have
mistakes.`,
		Example: `  kustomize build --enable-alpha-plugins --enable-exec .
  kcue krm`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("%s takes no arguments: the functionConfig names the packages", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return runKRM(s, global) },
	}
}

func runKRM(s streams, global *globalFlags) error {
	list, err := krm.Read(s.in)
	if err != nil {
		return findingError{err}
	}
	results, failed := generate(s, global, list)
	data, err := emit.Document(list.Node(results))
	if err != nil {
		return err
	}
	if err := s.write(data); err != nil {
		return err
	}
	return failed
}

// generate adds the objects to the list. Its results say the same as its error,
// and as the warnings that it prints.
func generate(s streams, global *globalFlags, list *krm.ResourceList) ([]krm.Result, error) {
	config, err := list.Config(".")
	if err != nil {
		var mistakes krm.Mistakes
		errors.As(err, &mistakes)
		return mistakes.Results(), findingError{err}
	}
	result, err := compiler.Compile(compiler.Config{Args: config.Packages, Tags: append(config.Tags, global.inject...), Target: config.Target, Cache: openCache(false)})
	if err != nil {
		return refused(err)
	}
	global.warn(s, result.Warnings)
	warnings := krm.Results(result.Warnings)
	objects, err := emitted(result, config.Names)
	if err != nil {
		results, err := refused(err)
		return append(warnings, results...), err
	}
	list.Add(nodes(objects))
	return warnings, nil
}

// refused gives an error as results, and as what the functionConfig leads to:
// a finding, where on a command line it would be wrong usage.
func refused(err error) ([]krm.Result, error) {
	var diags diag.List
	if errors.As(err, &diags) {
		return krm.Results(diags), err
	}
	return []krm.Result{{Message: err.Error()}}, findingError{err}
}
