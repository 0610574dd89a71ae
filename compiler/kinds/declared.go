package kinds

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
)

// CRDError says what is wrong with a CustomResourceDefinition.
type CRDError struct {
	// Node is the value that is wrong, or the nearest above it.
	Node    *spec.Node
	Message string
}

func (e *CRDError) Error() string { return e.Message }

// With gives a table that also has the kinds of CustomResourceDefinitions, and
// of other objects takes no notice. What they say of a kind is all that the new
// table says of it. The error is of type *CRDError, for the first definition
// that an API server would refuse for what concerns names, scope or versions.
func (t *Table) With(objects ...*spec.Node) (*Table, error) {
	var declared []*Kind
	for _, object := range objects {
		if !isCRD(object) {
			continue
		}
		k, err := readCRD(object)
		if err != nil {
			return nil, err
		}
		declared = append(declared, k)
	}
	return t.with(declared), nil
}

// WithFiles gives a table that also has the kinds of the
// CustomResourceDefinitions of files and directories; other documents there are
// passed over. What cannot be read, and a path without any definition, is in
// the errors, beside which the table has everything else.
func (t *Table) WithFiles(paths []string) (*Table, []*manifest.Error) {
	var declared []*Kind
	var mistakes []*manifest.Error
	for _, path := range paths {
		files, err := manifest.Files([]string{path})
		if err != nil {
			mistakes = append(mistakes, &manifest.Error{File: path, Message: errors.Unwrap(err).Error()})
			continue
		}
		before := len(declared) + len(mistakes)
		for o, err := range manifest.Located(files, nil) {
			var mistake *manifest.Error
			switch {
			case errors.As(err, &mistake):
				if !mistake.NotObject {
					mistakes = append(mistakes, mistake)
				}
				continue
			case err != nil:
				mistakes = append(mistakes, &manifest.Error{File: path, Message: err.Error()})
				continue
			case !isCRD(o.Node):
				continue
			}
			k, err := readCRD(o.Node)
			if err != nil {
				line := 0
				if err.Node.Pos.IsValid() {
					line = err.Node.Pos.Line() + o.LinesBefore
				}
				mistakes = append(mistakes, &manifest.Error{File: o.File, Document: o.Document, Line: line, Message: err.Message})
				continue
			}
			declared = append(declared, k)
		}
		if len(declared)+len(mistakes) == before {
			mistakes = append(mistakes, &manifest.Error{File: path, Message: "holds no CustomResourceDefinition"})
		}
	}
	return t.with(declared), mistakes
}

// with gives a table in which the declared kinds stand for those of the same
// group and name.
func (t *Table) with(declared []*Kind) *Table {
	out := newTable()
	out.releases = t.releases
	is := func(a, b *Kind) bool { return a.Group == b.Group && a.Name == b.Name }
	for i, k := range declared {
		// Of two definitions the later is what an API server would have.
		if !slices.ContainsFunc(declared[i+1:], func(d *Kind) bool { return is(d, k) }) {
			out.add(k)
		}
	}
	for _, k := range t.kinds {
		if !slices.ContainsFunc(declared, func(d *Kind) bool { return is(d, k) }) {
			out.add(k)
		}
	}
	out.sort()
	return out
}

const crdGroup = "apiextensions.k8s.io"

func isCRD(object *spec.Node) bool {
	group, _, _ := strings.Cut(object.Get("apiVersion").Str(), "/")
	return group == crdGroup && object.Get("kind").Str() == "CustomResourceDefinition"
}

// readCRD reads what a CustomResourceDefinition says of names, scope and
// versions (k8s.io/apiextensions-apiserver pkg/apis/apiextensions/v1).
func readCRD(object *spec.Node) (*Kind, *CRDError) {
	r := &crdReader{object: object}
	if v := object.Get("apiVersion"); v.Str() != crdGroup+"/v1" {
		r.fail(v, "apiVersion %q is not served since Kubernetes 1.22: expected %q", v.Str(), crdGroup+"/v1")
	}
	k := &Kind{
		Group:  r.text("spec", "group"),
		Name:   r.text("spec", "names", "kind"),
		Plural: r.text("spec", "names", "plural"),
	}
	k.Singular = object.Get("spec").Get("names").Get("singular").Str()
	if k.Singular == "" {
		k.Singular = strings.ToLower(k.Name)
	}
	switch scope := r.text("spec", "scope"); scope {
	case "Namespaced":
		k.Namespaced = true
	case "Cluster", "":
	default:
		r.fail(object.Get("spec").Get("scope"), "spec.scope is %q: expected Namespaced or Cluster", scope)
	}
	if name := object.Get("metadata").Get("name"); r.err == nil && name.Str() != k.Plural+"."+k.Group {
		r.fail(name, "metadata.name is %q: expected %q, its plural and its group", name.Str(), k.Plural+"."+k.Group)
	}
	r.versions(k)
	return k, r.err
}

// crdReader keeps the first mistake.
type crdReader struct {
	object *spec.Node
	err    *CRDError
}

func (r *crdReader) fail(at *spec.Node, format string, args ...any) {
	if r.err != nil {
		return
	}
	if at == nil {
		at = r.object
	}
	r.err = &CRDError{at, "the CustomResourceDefinition's " + fmt.Sprintf(format, args...)}
}

// text gives a string that must be there.
func (r *crdReader) text(path ...string) string {
	at := r.object
	for i, name := range path {
		next := at.Get(name)
		if next == nil {
			r.fail(at, "%s is missing", strings.Join(path[:i+1], "."))
			return ""
		}
		at = next
	}
	if at.Str() == "" {
		r.fail(at, "%s is empty, or no string", strings.Join(path, "."))
	}
	return at.Str()
}

func (r *crdReader) versions(k *Kind) {
	list := r.object.Get("spec").Get("versions")
	if list == nil || list.Kind != spec.List || len(list.Items) == 0 {
		at := list
		if at == nil {
			at = r.object.Get("spec")
		}
		r.fail(at, "spec.versions has no version")
		return
	}
	for i, v := range list.Items {
		name, served := v.Get("name"), v.Get("served")
		switch {
		case name.Str() == "":
			r.fail(v, "spec.versions[%d].name is missing", i)
		case served == nil || served.Kind != spec.Bool:
			r.fail(v, "spec.versions[%d].served is missing: expected true or false", i)
		}
		k.Versions = append(k.Versions, Version{Name: name.Str(), Served: served.IsTrue()})
		if !served.IsTrue() {
			continue
		}
		for _, sub := range v.Get("subresources").Members() {
			s := Subresource{Name: sub.Name, Kind: k.Name}
			if s.Name == "scale" {
				s.Kind = "Scale"
			}
			if !slices.Contains(k.Subresources, s) {
				k.Subresources = append(k.Subresources, s)
			}
		}
	}
	slices.SortStableFunc(k.Versions, func(a, b Version) int { return compareVersions(a.Name, b.Name) })
	slices.SortFunc(k.Subresources, func(a, b Subresource) int { return strings.Compare(a.Name, b.Name) })
}
