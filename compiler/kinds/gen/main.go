// Gen writes builtin.txt, the kinds of Kubernetes and of Kyverno that package
// kinds embeds, from three Go modules that are read and never imported.
//
//	go run ./gen -openapi DIR -api DIR -kyverno DIR          # writes builtin.txt
//	go run ./gen -openapi DIR -api DIR -kyverno DIR -check   # fails where it is out of date
//
// The directories are those of sigs.k8s.io/kubectl-validate, which holds the
// OpenAPI documents of the API server of each release since 1.24; of
// k8s.io/api, whose types say what came and went before and after these; and
// of github.com/kyverno/kyverno, for its CustomResourceDefinitions.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	var from modules
	flag.StringVar(&from.openapi, "openapi", "", "`directory` of the module sigs.k8s.io/kubectl-validate@VERSION")
	flag.StringVar(&from.api, "api", "", "`directory` of the module k8s.io/api@VERSION")
	flag.StringVar(&from.kyverno, "kyverno", "", "`directory` of the module github.com/kyverno/kyverno@VERSION")
	out := flag.String("out", "builtin.txt", "`file` to write")
	check := flag.Bool("check", false, "compare with the file instead of writing it")
	flag.Parse()
	if err := run(from, *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// modules are the directories of the modules that are read.
type modules struct{ openapi, api, kyverno string }

func run(from modules, out string, check bool) error {
	want, err := from.generate()
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(out, want, 0o644)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is out of date: run the generator without -check", out)
	}
	return nil
}

// version gives what stands after the @ of a module's directory.
func version(dir string) (string, error) {
	_, v, ok := strings.Cut(filepath.Base(dir), "@")
	if !ok {
		return "", fmt.Errorf("%q: expected a module's directory, named NAME@VERSION", dir)
	}
	return v, nil
}
