package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// generate writes the table.
func (m modules) generate() ([]byte, error) {
	var versions []string
	for _, dir := range []string{m.openapi, m.api, m.kyverno} {
		v, err := version(dir)
		if err != nil {
			return nil, err
		}
		versions = append(versions, v)
	}
	newest, ok := strings.CutPrefix(versions[1], "v0.")
	if !ok {
		return nil, fmt.Errorf("k8s.io/api@%s: expected v0.MINOR.PATCH, which names the release of Kubernetes", versions[1])
	}
	minor, err := strconv.Atoi(newest[:strings.IndexByte(newest+".", '.')])
	if err != nil {
		return nil, err
	}
	kubernetes, kyverno := table{}, table{}
	last, err := kubernetes.openAPI(filepath.Join(m.openapi, "pkg/openapiclient/builtins"))
	if err != nil {
		return nil, err
	}
	if err := kubernetes.types(m.api, last, minor); err != nil {
		return nil, err
	}
	kubernetes.old()
	if err := kyverno.crds(filepath.Join(m.kyverno, "config/crds")); err != nil {
		return nil, err
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, `# Made by go generate ./compiler/kinds; not for editing. From
# sigs.k8s.io/kubectl-validate@%s, k8s.io/api@%s
# and github.com/kyverno/kyverno@%s.
#
# A line is group (- is the core group), kind, plural, scope, versions and
# subresources. A version that is no longer served has @ and the release that
# removed it; a subresource whose kind is another than its parent's has = and
# that kind.
`, versions[0], versions[1], versions[2])
	if err := kubernetes.section(&b, fmt.Sprintf("Kubernetes 1.%d", minor)); err != nil {
		return nil, err
	}
	if err := kyverno.section(&b, "Kyverno "+strings.TrimPrefix(versions[2], "v")); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// firstRelease is the first of which the documents say the kinds of resources.
const firstRelease = 24

// openAPI reads the documents of each release, and gives the last release's
// minor version.
func (t table) openAPI(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var minors []int
	for _, e := range entries {
		minor, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "1."))
		if err != nil {
			return 0, fmt.Errorf("%s: %s is no release of Kubernetes", dir, e.Name())
		}
		if minor >= firstRelease {
			minors = append(minors, minor)
		}
	}
	slices.Sort(minors)
	if len(minors) == 0 {
		return 0, fmt.Errorf("%s: no releases", dir)
	}
	for i, minor := range minors {
		if i > 0 && minor != minors[i-1]+1 {
			return 0, fmt.Errorf("%s: no release between 1.%d and 1.%d", dir, minors[i-1], minor)
		}
		// What the release does not serve was removed by it.
		for _, e := range t {
			for v, removed := range e.versions {
				if removed == "" {
					e.versions[v] = fmt.Sprintf("1.%d", minor)
				}
			}
		}
		root := filepath.Join(dir, fmt.Sprintf("1.%d", minor))
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := t.document(text); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return minors[len(minors)-1], nil
}

// operation is what is read of a path's method.
type operation struct {
	GVK struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
}

// document reads the OpenAPI v3 document of one group and version: the paths
// of its resources, as /apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale.
func (t table) document(text []byte) error {
	var doc struct {
		Paths map[string]struct{ Get, Put, Post, Patch *operation }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	type resource struct {
		kind       *operation
		namespaced bool
		sub        map[string]*operation
	}
	resources := map[string]*resource{}
	for path, item := range doc.Paths {
		segments := strings.Split(strings.Trim(path, "/"), "/")
		switch {
		case len(segments) > 2 && segments[0] == "api":
			segments = segments[2:]
		case len(segments) > 3 && segments[0] == "apis":
			segments = segments[3:]
		default:
			continue
		}
		if segments[0] == "watch" {
			continue
		}
		namespaced := len(segments) > 2 && segments[1] == "{namespace}"
		if namespaced {
			segments = segments[2:]
		}
		name := segments[0]
		if resources[name] == nil {
			resources[name] = &resource{sub: map[string]*operation{}}
		}
		r := resources[name]
		r.namespaced = r.namespaced || namespaced
		op := firstOf(item.Post, item.Put, item.Get, item.Patch)
		if op == nil {
			continue
		}
		switch {
		case len(segments) <= 2:
			if r.kind == nil || len(segments) == 1 {
				r.kind = op
			}
		case len(segments) == 3:
			r.sub[segments[2]] = op
		}
	}
	for name, r := range resources {
		if r.kind == nil {
			return fmt.Errorf("%s: no method says its kind", name)
		}
		gvk := r.kind.GVK
		e := t.entry(gvk.Group, gvk.Kind)
		e.plural, e.namespaced = name, r.namespaced
		e.versions[gvk.Version] = ""
		for sub, op := range r.sub {
			e.subresources[sub] = op.GVK.Kind
		}
	}
	return nil
}

// firstOf gives the first method that says its kind.
func firstOf(ops ...*operation) *operation {
	for _, op := range ops {
		if op != nil && op.GVK.Kind != "" {
			return op
		}
	}
	return nil
}

// crds reads the CustomResourceDefinitions below a directory.
func (t table) crds(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var crd struct {
			Spec struct {
				Group string
				Scope string
				Names struct{ Kind, Plural string }

				Versions []struct {
					Name         string
					Served       bool
					Subresources map[string]any
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		e := t.entry(crd.Spec.Group, crd.Spec.Names.Kind)
		e.plural, e.namespaced = crd.Spec.Names.Plural, crd.Spec.Scope == "Namespaced"
		for _, v := range crd.Spec.Versions {
			if !v.Served {
				continue
			}
			e.versions[v.Name] = ""
			for sub := range v.Subresources {
				e.subresources[sub] = crd.Spec.Names.Kind
				if sub == "scale" {
					e.subresources[sub] = "Scale"
				}
			}
		}
		return nil
	})
}
