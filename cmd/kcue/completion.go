package main

import (
	"bytes"
	"strings"

	"github.com/spf13/cobra"
)

// shells lists what cobra writes completions for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for " + strings.Join(shells, ", "),
		Long: `Completion prints a script that has a shell complete kcue's commands and flags.
Where shells look for such scripts depends on the system: docs/install.md names
the usual places.`,
		Example: `  source <(kcue completion bash)
  kcue completion zsh > "${fpath[1]}/_kcue"
  kcue completion fish > ~/.config/fish/completions/kcue.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one shell: %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var b bytes.Buffer
			var err error
			root := cmd.Root()
			switch args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&b, true)
			case "zsh":
				err = root.GenZshCompletion(&b)
			case "fish":
				err = root.GenFishCompletion(&b, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&b)
			default:
				return usagef("no completions for %q: expected one of %s", args[0], strings.Join(shells, ", "))
			}
			if err != nil {
				return err
			}
			return s.write(b.Bytes())
		},
	}
}
