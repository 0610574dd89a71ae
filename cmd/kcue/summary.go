package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
)

func newSummaryCommand(s streams, global *globalFlags) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "summary [packages]",
		Short: "Count policies, and their rules by what they do",
		Long: `Summary compiles packages of specs and prints a line for each policy: its kind,
its failure action, and how many of its rules validate, mutate, generate and
verify images. Totals follow, and how many objects of each kind a build emits.`,
		Example: `  kcue summary ./...
  kcue summary --format json | jq .rules`,
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("unknown format %q of --%s: expected text or json", format, flagFormat)
			}
			result, err := compiler.Compile(compiler.Config{Args: args, Tags: global.inject, Stdin: s.in})
			if err != nil {
				return err
			}
			global.warn(s, result.Warnings)
			if format == "json" {
				data, err := json.MarshalIndent(result.Summary(), "", "  ")
				if err != nil {
					return err
				}
				return s.write(append(data, '\n'))
			}
			return s.write(summaryText(result.Summary()))
		},
	}
	cmd.Flags().StringVar(&format, flagFormat, "text", "`format` of the summary: text or json")
	return cmd
}

func summaryText(sum compiler.Summary) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "POLICY\tKIND\tACTION\tVALIDATE\tMUTATE\tGENERATE\tVERIFYIMAGES\tRULES")
	for _, p := range sum.Policies {
		name := p.Name
		if p.Namespace != "" {
			name = p.Namespace + "/" + name
		}
		row(w, name, p.Kind, p.FailureAction, p.Rules)
	}
	row(w, fmt.Sprintf("total: %d", sum.TotalPolicies), "", "", sum.Rules)
	w.Flush()
	b.WriteByte('\n')
	for _, k := range sum.Objects {
		fmt.Fprintf(&b, "%d %s (%s)\n", k.Count, k.Kind, k.APIVersion)
	}
	return b.Bytes()
}

func row(w *tabwriter.Writer, name, kind, action string, c compiler.RuleCounts) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", name, kind, action, c.Validate, c.Mutate, c.Generate, c.VerifyImages, c.Total)
}
