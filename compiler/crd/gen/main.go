// Gen writes schemas.json, the table that package crd checks against, from the
// CustomResourceDefinitions in a checkout of Kyverno's Go module.
//
//	go run ./gen -module DIR          # writes schemas.json
//	go run ./gen -module DIR -check   # fails where schemas.json is out of date
//
// DIR is the directory of the module github.com/kyverno/kyverno, as
// go list -m -f '{{.Dir}}' github.com/kyverno/kyverno prints it in a module
// that requires it. The module is read, never imported: it would bring 2,600
// packages into this one.
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
	module := flag.String("module", "", "`directory` of the module github.com/kyverno/kyverno@VERSION")
	out := flag.String("out", "schemas.json", "`file` to write")
	check := flag.Bool("check", false, "compare with the file instead of writing it")
	flag.Parse()
	if err := run(*module, *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(module, out string, check bool) error {
	if module == "" {
		return fmt.Errorf("-module is required")
	}
	_, version, ok := strings.Cut(filepath.Base(module), "@")
	if !ok {
		return fmt.Errorf("%s: the directory's name has no @VERSION", module)
	}
	want, err := Generate(module, version)
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
		return fmt.Errorf("%s is out of date with %s: run it without -check", out, module)
	}
	return nil
}
