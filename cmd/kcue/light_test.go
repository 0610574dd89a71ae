package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// heavy lists what a light binary must not reach: Kyverno's engine, cosign and
// the cloud SDKs that they bring. Kyverno's fork of the JMESPath parser is
// light. What only the documents are made with has no place there either.
var heavy = []string{
	"github.com/kyverno/api",
	"github.com/kyverno/kyverno",
	"github.com/kyverno/pkg",
	"github.com/kyverno/sdk",
	"github.com/sigstore/",
	"github.com/aws/",
	"github.com/Azure/",
	"cloud.google.com/",
	"google.golang.org/api/",
	"github.com/google/go-containerregistry",
	"k8s.io/apiserver",
	"k8s.io/client-go",
	"k8s.io/apiextensions-apiserver",
	"github.com/cpuguy83/go-md2man",
}

// TestImportGraph walks what the kcue binary links.
func TestImportGraph(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 50 {
		t.Fatalf("go list names %d packages: that is not the import graph", len(packages))
	}
	for _, pkg := range packages {
		for _, prefix := range heavy {
			if strings.HasPrefix(pkg, prefix) {
				t.Errorf("the light binary links %s", pkg)
			}
		}
	}
}

// TestBinarySize builds the binary as a release does and weighs it.
func TestBinarySize(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binary")
	}
	const limit = 60 << 20
	name := filepath.Join(t.TempDir(), "kcue")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > limit {
		t.Errorf("the binary has %d MB, more than %d", info.Size()>>20, limit>>20)
	}
}
