// Package tree keeps a directory of Kubernetes objects for a GitOps tool, a file
// an object. In go a directory and the objects of a build; out comes a Plan of
// what is to change there. Build carries it out, and Differences shows it.
//
// A manifest in the directory (see manifest.go) names the files that kcue wrote.
// No other file is ever written over or removed, and no name leads out of the
// directory.
package tree

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

const (
	kustomization = "kustomization.yaml"
	mark          = "# Written by kcue build. The files under resources are rewritten, and removed, by the next one.\n"
)

// Action is what happens to a file.
type Action string

// The actions of a plan.
const (
	Added   Action = "added"
	Changed Action = "changed"
	Removed Action = "removed"
)

// Change is what happens to one file.
type Change struct {
	File   string // its name in the directory
	Action Action
	Object lower.Object // what it is to hold; no Node for a removed file, kustomization.yaml and the manifest

	data []byte // what it is to hold
}

// Plan is what a build changes in a directory.
type Plan struct {
	// Changes are ordered by file name; kustomization.yaml and the manifest
	// come last. There are none where the directory is as it should be.
	Changes []Change

	dir string // as the user names it
	// intent is the manifest that must be there before any file is written: it
	// names those of before and those to come. It is nil where the one that is
	// there names all of them.
	intent []byte
}

// content is what a build wants in a directory.
type content struct {
	names   []string // in order
	objects map[string]lower.Object
	data    map[string][]byte
}

// contentOf renders objects as files.
func contentOf(objects []lower.Object) (*content, error) {
	nodes := make([]*spec.Node, len(objects))
	for i, o := range objects {
		nodes[i] = o.Node
	}
	documents, err := emit.Documents(nodes, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	c := &content{objects: map[string]lower.Object{}, data: map[string][]byte{}}
	for i, o := range objects {
		name := FileName(o)
		if other, taken := c.objects[name]; taken {
			return nil, fmt.Errorf("the objects at %s and %s would both be %s: build them into directories of their own", other.Path, o.Path, name)
		}
		c.names = append(c.names, name)
		c.objects[name], c.data[name] = o, documents[i]
	}
	slices.Sort(c.names)
	return c, nil
}

// New plans a build of objects into a directory, and writes nothing. With part
// the objects are only some of the build: what else kcue wrote stays. The
// directory need not be there.
//
// It is an error where a file stands in the way that is not kcue's and holds
// something else, and where the manifest is broken.
func New(dir string, objects []lower.Object, part bool) (*Plan, error) {
	want, err := contentOf(objects)
	if err != nil {
		return nil, err
	}
	d, err := open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(dir).plan(want, part)
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.plan(want, part)
}

// plan compares what a build wants with what is there.
func (d *directory) plan(want *content, part bool) (*Plan, error) {
	own, manifest, err := d.readManifest()
	if err != nil {
		return nil, err
	}
	c := comparison{directory: d, own: own, plan: &Plan{dir: d.dir}}
	for _, name := range want.names {
		if err := c.compare(name, want.data[name], want.objects[name]); err != nil {
			return nil, err
		}
	}
	names := want.names
	for _, name := range own {
		if want.data[name] != nil || name == kustomization {
			continue
		}
		info, err := d.files.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, d.failed("read", name, err)
		case !info.Mode().IsRegular():
			// Not the file that kcue wrote: it is only forgotten.
		case part:
			names = append(names, name)
		default:
			c.add(Change{File: name, Action: Removed})
		}
	}
	names = slices.Sorted(slices.Values(names))
	slices.SortFunc(c.plan.Changes, func(a, b Change) int { return cmp.Compare(a.File, b.File) })
	if err := c.compare(kustomization, kustomizationText(names), lower.Object{}); err != nil {
		return nil, err
	}
	if err := c.inTheWay(); err != nil {
		return nil, err
	}
	names = append(names, kustomization)
	slices.Sort(names)
	if text := manifestText(names); !bytes.Equal(text, manifest) {
		action := Changed
		if manifest == nil {
			action = Added
		}
		c.add(Change{File: manifestName, Action: action, data: text})
	}
	union := slices.Concat(own, names)
	slices.Sort(union)
	if union = slices.Compact(union); !slices.Equal(union, own) {
		c.plan.intent = manifestText(union)
	}
	return c.plan, nil
}

// comparison is a plan that is being made.
type comparison struct {
	*directory
	own     []string // in order
	foreign []string
	plan    *Plan
}

func (c *comparison) add(change Change) { c.plan.Changes = append(c.plan.Changes, change) }

// compare plans one file that is wanted.
func (c *comparison) compare(name string, data []byte, object lower.Object) error {
	info, err := c.files.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.add(Change{File: name, Action: Added, Object: object, data: data})
		return nil
	case err != nil:
		return c.failed("read", name, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is %s, and the build needs the name for a file; nothing is written: remove it", c.path(name), describe(info.Mode()))
	}
	if info.Size() == int64(len(data)) {
		old, err := c.files.ReadFile(name)
		if err != nil {
			return c.failed("read", name, err)
		}
		if bytes.Equal(old, data) {
			return nil
		}
	}
	if _, ours := slices.BinarySearch(c.own, name); !ours {
		c.foreign = append(c.foreign, c.path(name))
		return nil
	}
	c.add(Change{File: name, Action: Changed, Object: object, data: data})
	return nil
}

// inTheWay is the error where files of somebody else have names that the build
// needs.
func (c *comparison) inTheWay() error {
	const most = 5
	foreign, rest := c.foreign, ""
	switch {
	case len(foreign) == 0:
		return nil
	case len(foreign) == 1:
		return fmt.Errorf("%s is not kcue's: %s does not name it, and it holds something else; nothing is written: choose another directory, or remove the file",
			foreign[0], c.path(manifestName))
	case len(foreign) > most:
		foreign, rest = foreign[:most], fmt.Sprintf(" and %d more", len(foreign)-most)
	}
	return fmt.Errorf("%s%s are not kcue's: %s does not name them, and they hold something else; nothing is written: choose another directory, or remove the files",
		strings.Join(foreign, ", "), rest, c.path(manifestName))
}

func kustomizationText(names []string) []byte {
	var b bytes.Buffer
	b.WriteString(mark)
	b.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n")
	for _, n := range names {
		if n[0] == '%' {
			n = "'" + n + "'" // an indicator of YAML's, 5.3
		}
		fmt.Fprintf(&b, "  - %s\n", n)
	}
	return b.Bytes()
}

// describe says what a file that is none is.
func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	}
	return "no regular file"
}

// path names a file of the directory for a person.
func (d *directory) path(name string) string { return filepath.Join(d.dir, name) }

// failed says what could not be done with a file, and why.
func (d *directory) failed(verb, name string, err error) error {
	return fmt.Errorf("cannot %s %s: %w", verb, d.path(name), diag.Reason(err))
}
