package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/load"
)

const (
	// cuePath is the module whose version decides what CUE kcue understands.
	cuePath = "cuelang.org/go"
	// develVersion is the version of a binary whose build knew none, as go
	// itself writes it.
	develVersion = "(devel)"
)

func newVersionCommand(s streams) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of kcue, and of the CUE and Kyverno that it speaks",
		Long: `Version tells which kcue this is, and what it speaks: the release of CUE that it
is built with, the release of Kyverno whose schemas and functions it knows, and
the CUE module kcue.dev that it holds.

All of it is what the Go toolchain wrote into the binary. A release and go
install of a version tell that version; a build in a checkout tells the commit,
with +dirty where files were changed, and (devel) where git was not asked.`,
		Example: `  kcue version
  kcue version --format json | jq -r .kyverno`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if format != "text" && format != "json" {
				return usagef("unknown format %q of --%s: expected text or json", format, flagFormat)
			}
			schemas, err := crd.Load()
			if err != nil {
				return err
			}
			info, _ := debug.ReadBuildInfo()
			v := versionOf(info, schemas.Version())
			if format == "text" {
				return s.write([]byte(v.text()))
			}
			data, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				return err
			}
			return s.write(append(data, '\n'))
		},
	}
	cmd.Flags().StringVar(&format, flagFormat, "text", "`format` of the versions: text or json")
	return cmd
}

// versions are what a kcue is and speaks. What is not known is empty, but for
// Version, which is then "(devel)", and CUE, "unknown".
type versions struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // of the repository
	Modified bool   `json:"modified"` // since that revision
	CUE      string `json:"cue"`
	Kyverno  string `json:"kyverno"`
	Module   string `json:"module"` // of the embedded CUE module kcue.dev@v0
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// versionOf reads a version from what the Go toolchain wrote into the binary,
// which is nil where it wrote nothing, and the Kyverno release of the tables.
func versionOf(info *debug.BuildInfo, kyverno string) versions {
	v := versions{
		Version:  develVersion,
		CUE:      "unknown",
		Kyverno:  kyverno,
		Module:   load.EmbeddedVersion,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info == nil {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path != cuePath {
			continue
		}
		v.CUE = m.Version
		if m.Replace != nil {
			v.CUE = strings.TrimSpace(m.Replace.Path + " " + m.Replace.Version)
		}
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

// text is a line for each thing, its name first. The Go toolchain says in the
// version itself that files were changed.
func (v versions) text() string {
	return fmt.Sprintf("kcue %s\ncue %s\nkyverno %s\nmodule kcue.dev@v0 %s\ngo %s %s\n",
		strings.TrimSpace(v.Version+" "+v.Revision), v.CUE, v.Kyverno, v.Module, v.Go, v.Platform)
}

// buildVersion is the version of the binary's module, "(devel)" where it was
// built from a working tree.
func buildVersion() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info, "").Version
}

// noArguments rejects arguments as wrong usage.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments: see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}
