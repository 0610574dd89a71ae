package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
)

func newExplainCommand(s streams, global *globalFlags) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "explain NAME [packages]",
		Short: "Say where each rule and setting of a policy came from",
		Long: `Explain resolves a policy and says where each of its rules and settings came
from: its own words, a base and through which others, an override and what it
replaced, the bundle's defaults, or kcue's own.

NAME is a policy or base: pod-security, or production/strict for a policy of a
namespace. Where it means several things, the path tells them apart:
bases.pod-security. Values are shown short; -v shows all of them.`,
		Example: `  kcue explain pod-security ./...
  kcue explain production/strict policies
  kcue explain pod-security --format json | jq '.rules[] | {name, from, position}'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("unknown format %q of --%s: expected text or json", format, flagFormat)
			}
			if len(args) == 0 {
				return usagef("name the policy or base to explain, as in: kcue explain pod-security ./...")
			}
			return runExplain(s, global, format, args[0], args[1:])
		},
	}
	cmd.Flags().StringVar(&format, flagFormat, "text", "`format` of the explanation: text or json")
	return cmd
}

func runExplain(s streams, global *globalFlags, format, name string, packages []string) error {
	explanation, warnings, err := compiler.Explain(compiler.Config{Args: packages, Tags: global.inject, Stdin: s.in}, name)
	var unknown *compiler.NameError
	if errors.As(err, &unknown) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	global.warn(s, warnings)
	if format == "text" {
		return s.write(explanationText(explanation, global.verbose, global.color(s.out)))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(explanation); err != nil {
		return err
	}
	return s.write(b.Bytes())
}
