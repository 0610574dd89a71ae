package main

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// pluginName is the file that kubectl starts for "kubectl kcue"
// (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).
const pluginName = "kubectl-kcue"

// calls finds the command itself where a shell would run it.
var calls = regexp.MustCompile(`(?m)(^ *|[|(] ?)kcue `)

// nameAsPlugin has a command tree show itself as "kubectl kcue" where the file
// that was started is kubectl's plugin of that name.
func nameAsPlugin(root *cobra.Command, program string) {
	if strings.TrimSuffix(filepath.Base(program), ".exe") != pluginName {
		return
	}
	name := strings.Replace(pluginName, "-", " ", 1)
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	for _, c := range root.Commands() {
		c.Example = calls.ReplaceAllString(c.Example, "${1}"+name+" ")
	}
}
