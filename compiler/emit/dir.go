package emit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/lower"
)

const (
	kustomization = "kustomization.yaml"
	// mark is how a later run knows that it wrote the directory, and so may
	// remove what it no longer writes.
	mark = "# Written by kcue build. The files under resources are rewritten, and removed, by the next one.\n"
)

// Dir writes a file an object under dir, and a kustomization.yaml that lists
// them. Files that an earlier run wrote and this one does not are removed, or,
// where the objects are only a part of the build, stay and stay listed; others
// are left alone. It gives the paths of what it wrote, in order.
//
// Every file is written to a temporary name and renamed. Where a
// kustomization.yaml is there that kcue did not write, nothing is touched.
func Dir(dir string, objects []lower.Object, part bool) ([]string, error) {
	earlier, err := earlierFiles(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	var names []string
	for _, o := range objects {
		name, err := FileName(o)
		if err != nil {
			return nil, err
		}
		doc, err := Document(o.Node)
		if err != nil {
			return nil, err
		}
		files[name] = doc
		names = append(names, name)
	}
	slices.Sort(names)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var written []string
	for _, name := range names {
		if err := WriteFile(root, name, files[name]); err != nil {
			return written, err
		}
		written = append(written, filepath.Join(dir, name))
	}
	listed := names
	if part {
		listed = slices.Compact(slices.Sorted(slices.Values(slices.Concat(names, earlier))))
	}
	if err := WriteFile(root, kustomization, kustomizationText(listed)); err != nil {
		return written, err
	}
	written = append(written, filepath.Join(dir, kustomization))
	for _, name := range earlier {
		if part || files[name] != nil {
			continue
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return written, err
		}
	}
	return written, nil
}

// FileName gives an object's file name: its kind as kubectl qualifies it, its
// namespace and its name, joined by a character that none of them can hold.
func FileName(o lower.Object) (string, error) {
	kind := strings.ToLower(o.Kind())
	if o.Group() != "" {
		kind += "." + o.Group()
	}
	parts := []string{kind}
	if o.Namespace() != "" {
		parts = append(parts, o.Namespace())
	}
	parts = append(parts, o.Name())
	name := strings.Join(parts, "_") + ".yaml"
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") || o.Name() == "" {
		return "", fmt.Errorf("the object at %s has a name that makes no file name: %q", o.Path, name)
	}
	return name, nil
}

func kustomizationText(names []string) []byte {
	var b bytes.Buffer
	b.WriteString(mark)
	b.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
	for _, n := range names {
		fmt.Fprintf(&b, "  - %s\n", n)
	}
	return b.Bytes()
}

// earlierFiles lists what an earlier run wrote into dir.
func earlierFiles(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, kustomization))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte(mark)) {
		return nil, fmt.Errorf("%s is not kcue's: choose another directory, or remove it", filepath.Join(dir, kustomization))
	}
	var k struct {
		Resources []string `yaml:"resources"`
	}
	if err := yaml.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, kustomization), err)
	}
	// A name with a separator is none that kcue wrote.
	return slices.DeleteFunc(k.Resources, func(name string) bool {
		return strings.ContainsAny(name, `/\`) || !strings.HasSuffix(name, ".yaml")
	}), nil
}

// WriteFile writes a file below a directory under a temporary name and renames
// it, and makes the directories above it. The name has slashes. A file that
// holds the same bytes already is left alone, so that its time tells when it
// changed.
func WriteFile(root *os.Root, name string, data []byte) error {
	if old, err := root.ReadFile(filepath.FromSlash(name)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	below, base := path.Split(name)
	if below != "" {
		if err := root.MkdirAll(filepath.FromSlash(path.Clean(below)), 0o777); err != nil {
			return err
		}
	}
	temporary := filepath.FromSlash(below + ".kcue-" + base)
	if err := root.WriteFile(temporary, data, 0o666); err != nil {
		root.Remove(temporary)
		return err
	}
	if err := root.Rename(temporary, filepath.FromSlash(name)); err != nil {
		root.Remove(temporary)
		return err
	}
	return nil
}
