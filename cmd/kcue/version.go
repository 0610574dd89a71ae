package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/load"
)

// cuePath is the module whose version decides what CUE kcue understands.
const cuePath = "cuelang.org/go"

func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of kcue, and of the CUE and Kyverno that it speaks",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			text, err := versionText()
			if err != nil {
				return err
			}
			return s.write([]byte(text))
		},
	}
}

func versionText() (string, error) {
	schemas, err := crd.Load()
	if err != nil {
		return "", err
	}
	cue, revision := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == cuePath {
				cue = m.Version
			}
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = " " + setting.Value
			}
		}
	}
	return fmt.Sprintf("kcue %s%s\ncue %s\nkyverno %s\nmodule kcue.dev@v0 %s\n", buildVersion(), revision, cue, schemas.Version(), load.EmbeddedVersion), nil
}

// buildVersion is the version of the binary's module, "(devel)" where it was
// built from a working tree.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// noArguments rejects arguments as wrong usage.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments: see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}
