package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
	"kcue.dev/diag"
	"kcue.dev/protocol"
)

type vetFlags struct {
	format string
	strict bool
	engine bool
	crds   []string
	off    []string
}

func newVetCommand(s streams, global *globalFlags) *cobra.Command {
	var f vetFlags
	cmd := &cobra.Command{
		Use:   "vet [packages or files]",
		Short: "Report every mistake in specs, or in Kyverno's YAML",
		Long: `Vet reports every mistake in packages of specs: what CUE, the authoring model and
Kyverno's admission webhook would refuse, what Kyverno would take and never do,
and habits that platform teams have learned to avoid (KC5xx). Files of Kyverno's
own YAML, and directories of them, are vetted by the same checks.

Each mistake is one diagnostic, at its line and column. docs/diagnostics.md
explains the codes.

Exit status: 1 where there are mistakes, or with --strict anything at all.`,
		Example: `  kcue vet ./...
  kcue vet --strict --format github ./...
  kcue vet --crds crds/ policies/require-labels.yaml`,
		RunE: func(_ *cobra.Command, args []string) error { return runVet(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, flagFormat, string(diag.Text), "`format` of the diagnostics: text, json, sarif or github")
	flags.BoolVar(&f.strict, "strict", false, "fail on warnings too")
	flags.BoolVar(&f.engine, "engine", false, "also ask Kyverno's own validation, in kcue-engine")
	flags.StringArrayVar(&f.crds, "crds", nil, "`file` or directory of CustomResourceDefinitions whose kinds policies may name; may be repeated")
	flags.StringArrayVar(&f.off, "disable", nil, "`codes` of warnings that are not wanted, separated by commas; may be repeated")
	return cmd
}

func runVet(s streams, global *globalFlags, f vetFlags, args []string) error {
	format, err := diag.ParseFormat(f.format)
	if err != nil {
		return usagef("--%s: %w", flagFormat, err)
	}
	var e *engine
	var noEngine error
	if f.engine {
		e, noEngine = startEngine()
		defer e.stop()
	}
	vetted, err := compiler.Vet(compiler.Config{Args: args, Tags: global.inject, Stdin: s.in, BestPractices: true, CRDs: f.crds, Disable: f.off})
	if err != nil {
		return err
	}
	diags := vetted.Diagnostics
	if f.engine {
		if noEngine != nil {
			return noEngine
		}
		refused, err := secondOpinion(e, vetted)
		if err != nil {
			return err
		}
		diags = append(diags, refused...).Sorted()
	}
	errors, warnings := 0, 0
	for _, d := range diags {
		if d.Severity == diag.Warning {
			warnings++
		} else {
			errors++
		}
	}
	shown := diags
	if global.quiet {
		shown = slices.DeleteFunc(slices.Clone(diags), func(d diag.Diagnostic) bool { return d.Severity == diag.Warning })
	}
	var out strings.Builder
	if err := diag.Write(&out, format, shown, global.diagnosticStyle(s.out)); err != nil {
		return err
	}
	if err := s.write([]byte(out.String())); err != nil {
		return err
	}
	if format == diag.Text && !global.quiet {
		fmt.Fprintf(s.err, "%s: %s\n", vettedText(vetted), findingsText(errors, warnings))
	}
	if errors > 0 || f.strict && warnings > 0 {
		return errFindings
	}
	return nil
}

// vettedText says what was looked at.
func vettedText(v *compiler.Vetted) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{v.Packages, "package"}, {v.Files, "file"}, {v.Objects, "object"}} {
		if p.n > 0 {
			parts = append(parts, plural(p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return "nothing vetted"
	}
	return strings.Join(parts, ", ")
}

func findingsText(errors, warnings int) string {
	if errors+warnings == 0 {
		return "nothing found"
	}
	return plural(errors, "error") + ", " + plural(warnings, "warning")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// secondOpinion asks Kyverno's own validation about the objects in which vet
// finds no error.
func secondOpinion(e *engine, vetted *compiler.Vetted) (diag.List, error) {
	objects := vetted.Accepted()
	if err := e.await(); err != nil {
		return nil, err
	}
	evaluation := protocol.Evaluation{}
	for _, o := range objects {
		data, err := json.Marshal(o.Node)
		if err != nil {
			return nil, err
		}
		evaluation.Objects = append(evaluation.Objects, data)
	}
	var diags diag.List
	err := e.run(slices.Values([]protocol.Request{{Evaluation: &evaluation}}), func(reply protocol.Reply) error {
		if reply.Prepared == nil {
			return usagef("%s answers something else than was asked", e.path)
		}
		for _, p := range reply.Prepared.Problems {
			if p.Index < 0 || p.Index >= len(objects) {
				return usagef("%s speaks of an object that it was not asked about: %s", e.path, p.Message)
			}
			o := objects[p.Index]
			diags = append(diags, diag.Diagnostic{Code: diag.EngineRefuses, Pos: o.Pos, Path: o.Path, Message: "Kyverno's own validation refuses it: " + oneLine(p.Message)})
		}
		return nil
	})
	return diags, err
}

// oneLine joins the reasons of Kyverno's that stand a line each.
func oneLine(message string) string {
	_, reasons, ok := strings.Cut(message, "would be refused:")
	if !ok {
		reasons = message
	}
	lines := strings.FieldsFunc(reasons, func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "; ")
}
