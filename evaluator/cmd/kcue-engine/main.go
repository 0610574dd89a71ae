// Kcue-engine answers kcue test and kcue eval with Kyverno's own engine.
//
// It is started by kcue and speaks package protocol over its standard streams.
// By itself it only tells its version.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"kcue.dev/evaluator/server"
	"kcue.dev/protocol"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run gives the exit status.
func run(args []string) int {
	hello := greeting()
	switch {
	case len(args) == 1 && args[0] == "serve":
	case len(args) == 1 && args[0] == "version":
		fmt.Printf("kcue-engine %s\nkyverno %s\nprotocol %d\ngo %s %s/%s\n",
			strings.TrimSpace(hello.Version+" "+revision()), hello.Kyverno, hello.Protocol, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	default:
		fmt.Fprintln(os.Stderr, "kcue-engine is started by kcue test and kcue eval; kcue-engine version tells its version")
		return 2
	}
	// What Kyverno and Kubernetes log is no part of a verdict.
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	prepareHeap()
	if err := server.Serve(context.Background(), hello, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "kcue-engine: %v\n", err)
		return 1
	}
	return 0
}

// greeting says which kcue-engine this is.
func greeting() protocol.Hello {
	hello := protocol.Hello{Protocol: protocol.Version, Version: "(devel)", Kyverno: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return hello
	}
	if info.Main.Version != "" {
		hello.Version = info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/kyverno/kyverno" {
			hello.Kyverno = m.Version
		}
	}
	return hello
}

// revision is the revision of the repository that this was built from, where
// the Go toolchain knew it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
