package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"kcue.dev/bench/fleet"
)

const moduleFile = "module: \"bench.example/fleet@v0\"\nlanguage: version: \"v0.16.0\"\n"

// writeFleet writes a package of n policies of five rules each, with the
// embedded module vendored so that cue finds it too.
func writeFleet(dir string, n int) error {
	if err := writeModule(dir); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "fleet.cue"), fleet.CUE(n), 0o666)
}

// writeParted writes the same policies in packages of their own.
func writeParted(dir string, n, packages int) error {
	if err := writeModule(dir); err != nil {
		return err
	}
	for i := range packages {
		file := partFile(dir, i)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(file, fleet.Part(n, i, packages), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func partFile(dir string, i int) string {
	return filepath.Join(dir, fmt.Sprintf("p%02d", i), "fleet.cue")
}

// change changes a policy of one package, another one in each run.
func change(dir string, run int) error {
	file := partFile(dir, run)
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed := bytes.Replace(data, []byte("Fleet policy"), []byte("Changed policy"), 1)
	if bytes.Equal(changed, data) {
		return fmt.Errorf("%s: nothing to change", file)
	}
	return os.WriteFile(file, changed, 0o666)
}

func writeModule(dir string) error {
	vendored := filepath.Join(dir, "cue.mod", "pkg", "kcue.dev")
	for _, pkg := range []string{"schema", "patterns"} {
		if err := copyCUE(pkg, filepath.Join(vendored, pkg)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cue.mod", "module.cue"), []byte(moduleFile), 0o666)
}

func copyCUE(from, to string) error {
	if err := os.MkdirAll(to, 0o777); err != nil {
		return err
	}
	names, err := fs.Glob(os.DirFS(from), "*.cue")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// writeObjects writes what the specs of a directory compile to as two packages
// of CUE: plain, and checked by a schema that cue makes of Kyverno's CRD.
func (b *bench) writeObjects(dir, specs string) error {
	if err := os.MkdirAll(filepath.Join(dir, "cue.mod"), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "cue.mod", "module.cue"), []byte(moduleFile), 0o666); err != nil {
		return err
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kyverno/kyverno")
	list.Dir = "evaluator"
	kyverno, err := list.Output()
	if err != nil {
		return fmt.Errorf("cannot find Kyverno's module: %w", err)
	}
	crd := filepath.Join(strings.TrimSpace(string(kyverno)), "config", "crds", "kyverno", "kyverno.io_clusterpolicies.yaml")
	if err := command(dir, nil, b.cue, "get", "crd", "--group", "kyverno.io", crd); err != nil {
		return fmt.Errorf("cannot make a schema of the CRD: %w", err)
	}
	build := exec.Command(b.kcue, "build", "-q", "--no-cache", "-o", "json")
	build.Dir = specs
	data, err := build.Output()
	if err != nil {
		return fmt.Errorf("cannot build the objects: %w", err)
	}
	var objects struct{ Items []json.RawMessage }
	if err := json.Unmarshal(data, &objects); err != nil {
		return err
	}
	var text bytes.Buffer
	for i, o := range objects.Items {
		fmt.Fprintf(&text, "objects: \"%05d\": %s\n", i, o)
	}
	const head = "package fleet\n\n"
	for name, before := range map[string]string{
		"plain":   head,
		"checked": head + "import \"bench.example/fleet/v1\"\n\nobjects: [string]: v1.#ClusterPolicy\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name, "objects.cue"), append([]byte(before), text.Bytes()...), 0o666); err != nil {
			return err
		}
	}
	return nil
}
