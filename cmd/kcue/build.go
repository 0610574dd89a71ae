package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kcue.dev/compiler"
	"kcue.dev/compiler/cache"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/tree"
	"kcue.dev/diag"
)

// selection are the flags that say which objects are compiled, and to what.
type selection struct {
	target  string
	names   []string
	noCache bool
}

func (f *selection) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.target, flagTarget, lower.KyvernoV1, "`API` to compile to: "+strings.Join(lower.Targets(), ", "))
	flags.StringArrayVar(&f.names, flagName, nil, "only objects of this `name`, or namespace/name; may be repeated")
	flags.BoolVar(&f.noCache, flagNoCache, false, "compile every package anew, and keep nothing")
}

// part reports whether the selection is only a part of what the packages hold.
func (f *selection) part() bool { return len(f.names) > 0 }

// compile gives the objects of packages, in the order of emission, and prints
// the warnings.
func (f *selection) compile(s streams, global *globalFlags, args []string) ([]lower.Object, error) {
	result, err := compiler.Compile(compiler.Config{Args: args, Tags: global.inject, Stdin: s.in, Target: f.target, Cache: openCache(f.noCache)})
	if err != nil {
		return nil, err
	}
	global.warn(s, result.Warnings)
	return emitted(result, f.names)
}

type buildFlags struct {
	selection
	output string
	outDir string
}

func newBuildCommand(s streams, global *globalFlags) *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "build [packages]",
		Short: "Compile specs into Kyverno objects",
		Long: `Build compiles packages of specs and writes the Kyverno objects to standard
output, or one file an object and a kustomization.yaml under --out-dir. There
it removes files that it wrote before and no longer does, and touches no others.

Nothing is written where any spec has a mistake. The same specs give the same
bytes.`,
		Example: `  kcue build ./...
  kcue build -o json policies | jq '.items[].metadata.name'
  kcue build --name pod-security ./... | kubectl apply -f -
  kcue build --out-dir deploy ./...`,
		RunE: func(_ *cobra.Command, args []string) error { return runBuild(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, flagOutput, "o", "yaml", "`format` of the objects: yaml or json")
	flags.StringVar(&f.outDir, flagOutDir, "", "write a file an object and a kustomization.yaml under `DIR`")
	f.register(flags)
	return cmd
}

func runBuild(s streams, global *globalFlags, f buildFlags, args []string) error {
	if f.output != "yaml" && f.output != "json" {
		return usagef("unknown format %q of --%s: expected yaml or json", f.output, flagOutput)
	}
	if f.outDir != "" && f.output != "yaml" {
		return usagef("--%s writes YAML: it does not go with --%s %s", flagOutDir, flagOutput, f.output)
	}
	objects, err := f.compile(s, global, args)
	if err != nil {
		return err
	}
	if f.outDir != "" {
		plan, err := tree.Build(f.outDir, objects, f.part())
		if err != nil {
			return outputError{err}
		}
		if global.verbose {
			for _, c := range plan.Changes {
				fmt.Fprintln(s.err, c.Action, filepath.Join(f.outDir, c.File))
			}
		}
		return nil
	}
	data, err := render(f.output, nodes(objects))
	if err != nil {
		return err
	}
	return s.write(data)
}

// openCache gives the user's cache of what packages compile to, or nil where it
// is off.
func openCache(off bool) *cache.Store {
	dir := cache.Dir()
	if off || dir == "" {
		return nil
	}
	return cache.Open(dir, cache.DefaultSize)
}

func render(format string, objects []*spec.Node) ([]byte, error) {
	if format == "json" {
		return emit.JSON(objects)
	}
	return emit.YAML(objects, runtime.GOMAXPROCS(0))
}

func nodes(objects []lower.Object) []*spec.Node {
	out := make([]*spec.Node, len(objects))
	for i, o := range objects {
		out[i] = o.Node
	}
	return out
}

// emitted gives the objects of a build that are to be written: those of the
// names, or all where there are none. That there is nothing is an error.
func emitted(result *compiler.Result, names []string) ([]lower.Object, error) {
	objects, err := named(result.Objects, names)
	if err == nil && len(objects) == 0 {
		err = diag.List{{
			Code:    diag.EmptyPackage,
			Message: "nothing to emit: the packages hold no policies, only bases or definitions",
			Hint:    "policies stand under clusterPolicies or policies",
		}}
	}
	return objects, err
}

// named gives the objects of the names, each a name or namespace/name.
func named(objects []lower.Object, names []string) ([]lower.Object, error) {
	if len(names) == 0 {
		return objects, nil
	}
	var out []lower.Object
	var known []string
	used := map[string]bool{}
	for _, o := range objects {
		refs := []string{o.Name()}
		if o.Namespace() != "" {
			refs = append(refs, o.Namespace()+"/"+o.Name())
		}
		known = append(known, refs...)
		for _, ref := range refs {
			if slices.Contains(names, ref) {
				used[ref] = true
				if len(out) == 0 || out[len(out)-1].Node != o.Node {
					out = append(out, o)
				}
			}
		}
	}
	for _, n := range names {
		if !used[n] {
			if near := diag.Nearest(n, known); near != "" {
				return nil, usagef("no object named %q: did you mean %q?", n, near)
			}
			return nil, usagef("no object named %q", n)
		}
	}
	return out, nil
}
