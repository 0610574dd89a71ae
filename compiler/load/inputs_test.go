package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"
)

// digestOf gives the digest of the package in the directory a.
func digestOf(t *testing.T, root string, cfg Config) (Digest, bool) {
	t.Helper()
	cfg.Dir = root
	if cfg.Args == nil {
		cfg.Args = []string{"./a"}
	}
	plan, diags := NewPlan(cfg)
	defer plan.Close()
	if diags.HasErrors() || plan.Len() != 1 {
		t.Fatalf("%d packages, %v", plan.Len(), diags)
	}
	return plan.Digest(0)
}

// digestFiles is a module in which the package a has something of everything
// that a package can be made of.
var digestFiles = map[string]string{
	"cue.mod/module.cue":                 "module: \"example.com/m@v0\"\nlanguage: version: \"v0.16.0\"\n",
	"cue.mod/pkg/other.com/x/x.cue":      "package x\n\nimport \"other.com/y\"\n\nz: y.z",
	"cue.mod/gen/other.com/y/deep/y.cue": "package y",
	"top.cue":                            "package a\n\ntop: 1",
	"unrelated.cue":                      "package unrelated",
	"a/a.cue":                            "package a\n\nimport \"example.com/m/b\"\n\nimport \"other.com/x\"\n\nimport \"strings\"\n\nimport \"kcue.dev/patterns\"\n",
	"a/other.cue":                        "@if(prod)\n\npackage a",
	"b/b.cue":                            "package b\n\nimport \"example.com/m/c:d\"",
	"c/d.cue":                            "package d",
	"d/d.cue":                            "package d",
	"a/below/below.cue":                  "package below",
	"a/data.json":                        "{}",
}

// TestDigestCovers changes each thing that a package depends on, and each that
// it does not.
func TestDigestCovers(t *testing.T) {
	root := t.TempDir()
	write(t, root, digestFiles)
	before, ok := digestOf(t, root, Config{})
	if !ok {
		t.Fatal("the package has no digest")
	}
	if again, _ := digestOf(t, root, Config{}); again != before {
		t.Error("the same package has two digests")
	}
	elsewhere := t.TempDir()
	write(t, elsewhere, digestFiles)
	if other, _ := digestOf(t, elsewhere, Config{}); other != before {
		t.Error("the digest depends on where the repository stands")
	}
	covered := map[string]bool{
		"cue.mod/module.cue":                 true,
		"cue.mod/pkg/other.com/x/x.cue":      true,
		"cue.mod/gen/other.com/y/deep/y.cue": true,
		"cue.mod/usr/other.com/x/new.cue":    true,
		"top.cue":                            true,
		"a/a.cue":                            true,
		"a/other.cue":                        true,
		"a/new.cue":                          true,
		"b/b.cue":                            true,
		"c/d.cue":                            true,
		"unrelated.cue":                      false,
		"d/d.cue":                            false,
		"a/below/below.cue":                  false,
		"a/data.json":                        false,
	}
	for name, want := range covered {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, digestFiles)
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("\n// changed\n"); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			after, ok := digestOf(t, dir, Config{})
			if !ok {
				t.Fatal("the package has no digest")
			}
			if changed := after != before; changed != want {
				t.Errorf("the digest changed: %t, want %t", changed, want)
			}
		})
	}
	t.Run("removed", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, digestFiles)
		if err := os.Remove(filepath.Join(dir, "a/other.cue")); err != nil {
			t.Fatal(err)
		}
		if after, _ := digestOf(t, dir, Config{}); after == before {
			t.Error("a file is gone, and the digest is the same")
		}
	})
	for name, cfg := range map[string]Config{
		"tag":     {Tags: []string{"prod"}},
		"value":   {Tags: []string{"env=prod"}},
		"pattern": {Args: []string{"./a:a"}},
	} {
		t.Run(name, func(t *testing.T) {
			if after, ok := digestOf(t, root, cfg); !ok || after == before {
				t.Errorf("the same digest (%t)", ok)
			}
		})
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("CUE_EXPERIMENT", "something")
		if after, _ := digestOf(t, root, Config{}); after == before {
			t.Error("the same digest")
		}
	})
}

// TestDigestFromElsewhere names the package from another directory, by which
// diagnostics call its files otherwise.
func TestDigestFromElsewhere(t *testing.T) {
	root := t.TempDir()
	write(t, root, digestFiles)
	before, _ := digestOf(t, root, Config{})
	plan, _ := NewPlan(Config{Dir: filepath.Join(root, "a")})
	defer plan.Close()
	if after, ok := plan.Digest(0); !ok || after == before {
		t.Errorf("the same digest (%t)", ok)
	}
}

// TestNoDigest has packages of which not all is known.
func TestNoDigest(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		args  []string
	}{
		"file":            {args: []string{"a/a.cue"}},
		"standard input":  {args: []string{"-"}},
		"embedded file":   {files: map[string]string{"a/e.cue": "@extern(embed)\n\npackage a\n\nd: _ @embed(file=data.json)"}},
		"embedded below":  {files: map[string]string{"b/e.cue": "@extern(embed)\n\npackage b\n\nd: _ @embed(file=data.json)"}},
		"replaced module": {files: map[string]string{"cue.mod/module.cue": "module: \"example.com/m@v0\"\nlanguage: version: \"v0.17.0\"\ndeps: \"o.com/x@v0\": {v: \"v0.1.0\", replaceWith: \"./x\"}\n"}},
		"local module":    {files: map[string]string{"cue.mod/local-module.cue": "deps: {}"}},
		"broken module":   {files: map[string]string{"cue.mod/module.cue": "module: {"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, digestFiles)
			write(t, root, test.files)
			if _, ok := digestOf(t, root, Config{Args: test.args}); ok {
				t.Error("the package has a digest")
			}
		})
	}
	t.Run("link out of the module", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, digestFiles)
		outside := filepath.Join(t.TempDir(), "out.cue")
		if err := os.WriteFile(outside, []byte("package a"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(root, "a", "link.cue")); err != nil {
			t.Fatal(err)
		}
		if _, ok := digestOf(t, root, Config{}); ok {
			t.Error("the package has a digest")
		}
	})
}

// TestDigestIsWhatIsLoaded changes files after the digest was taken: what is
// loaded is what the digest is of.
func TestDigestIsWhatIsLoaded(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a/a.cue": "package a\n\nx: 1"})
	plan, _ := NewPlan(Config{Dir: root, Args: []string{"./a"}})
	defer plan.Close()
	if _, ok := plan.Digest(0); !ok {
		t.Fatal("the package has no digest")
	}
	write(t, root, map[string]string{"a/a.cue": "package a\n\nx: 2", "a/b.cue": "package a\n\ny: 3"})
	packages, diags := plan.Load(func(int) bool { return true })
	if diags.HasErrors() || packages[0] == nil {
		t.Fatal(diags)
	}
	if n := len(packages[0].Instance.Files); n != 1 {
		t.Errorf("%d files are loaded: want the one that was there", n)
	}
	text, err := format.Node(packages[0].Instance.Files[0])
	if err != nil || !strings.Contains(string(text), "x: 1") {
		t.Errorf("loaded %q, %v: want x: 1, as it was", text, err)
	}
}
