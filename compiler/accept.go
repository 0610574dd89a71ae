package compiler

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

// accept holds an object against Kyverno's semantics and schemas, and writes
// out the defaults inside its lists. A kind that is not Kyverno's is left as it
// is, and only its names are looked at.
func accept(o *lower.Object, schemas *crd.Schemas, files *load.Files, options vet.Options) diag.List {
	if !schemas.Known(o.APIVersion(), o.Kind()) {
		return names(o, files)
	}
	var diags diag.List
	var places []string
	for _, f := range vet.Object(o.Node, options) {
		pos := o.Pos
		if f.Node.Pos.IsValid() {
			pos = f.Node.Pos
		}
		diags = append(diags, diag.Diagnostic{
			Code: f.Code, Severity: f.Severity, Pos: files.Position(pos),
			Path: o.SpecPath(f.Path).String(), Message: f.Message, Hint: f.Hint,
		})
		if f.Severity == diag.Error {
			places = append(places, f.Place())
		}
	}
	for _, v := range schemas.Check(o.Node) {
		if echoes(v, places) {
			continue
		}
		pos := o.Pos
		if v.Node != nil && v.Node.Pos.IsValid() {
			pos = v.Node.Pos
		}
		diags = append(diags, diag.Diagnostic{
			Code: diag.CRDSchema, Pos: files.Position(pos), Path: o.Path.String(),
			Message: fmt.Sprintf("Kyverno refuses the %s: %s", o.Kind(), v.Error()),
		})
	}
	if !diags.HasErrors() {
		o.Node = schemas.DefaultLists(o.Node)
	}
	return diags
}

// namespaceName is the form of a namespace's name (RFC 1123,
// k8s.io/apimachinery/pkg/util/validation IsDNS1123Label).
var namespaceName = lazyregexp.New(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// names checks the name and namespace of an object of any kind. Names must make
// one segment of a path (k8s.io/apimachinery/pkg/api/validation/content
// IsPathSegmentName); RBAC has names with colons and capitals, so nothing more
// can be asked.
func names(o *lower.Object, files *load.Files) diag.List {
	var diags diag.List
	report := func(field, message string) {
		pos := o.Pos
		if at := o.Node.Get("metadata").Get(field); at != nil && at.Pos.IsValid() {
			pos = at.Pos
		}
		diags = append(diags, diag.Diagnostic{
			Code: diag.ObjectName, Pos: files.Position(pos),
			Path: o.SpecPath([]string{"metadata", field}).String(), Message: message,
		})
	}
	switch name := o.Node.Get("metadata").Get("name"); {
	case name == nil:
		report("name", "the object has no name: expected a string")
	case name.Kind != spec.String:
		report("name", fmt.Sprintf("found a %s, expected the object's name, a string", name.Kind))
	case name.Text == "", name.Text == ".", name.Text == "..", strings.ContainsAny(name.Text, "/%"):
		report("name", fmt.Sprintf("%q is no name for a Kubernetes object: expected one without '/' and '%%' that is not empty, %q or %q", name.Text, ".", ".."))
	}
	switch namespace := o.Node.Get("metadata").Get("namespace"); {
	case namespace == nil:
	case namespace.Kind != spec.String:
		report("namespace", fmt.Sprintf("found a %s, expected the object's namespace, a string", namespace.Kind))
	case !namespaceName.MatchString(namespace.Text):
		report("namespace", fmt.Sprintf("%q is no name for a namespace: expected at most 63 lower-case letters, digits and '-', with a letter or digit at both ends", namespace.Text))
	}
	return diags
}

// echoes reports whether a violation may only repeat what is said of other
// places. That two neighbours do not go together is said of neither alone.
func echoes(v crd.Violation, places []string) bool {
	if v.Kind == crd.Duplicate || v.Kind == crd.NotExclusive {
		return slices.Contains(places, v.Path)
	}
	return isEcho(v.Path, places)
}

// isEcho reports whether what is said of a place may only repeat what is said
// of others: it stands above one of them, or below.
func isEcho(place string, others []string) bool {
	for _, other := range others {
		short, long := place, other
		if len(short) > len(long) {
			short, long = long, short
		}
		if rest, ok := strings.CutPrefix(long, short); ok && short != "" && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

// errorPlaces gives the paths of errors.
func errorPlaces(diags diag.List) []string {
	var places []string
	for _, d := range diags {
		if d.Severity == diag.Error {
			places = append(places, d.Path)
		}
	}
	return places
}

// withoutEchoes leaves out of diagnostics those that may only repeat what is
// said of places.
func withoutEchoes(diags diag.List, places []string) diag.List {
	if len(places) == 0 {
		return diags
	}
	return slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return isEcho(d.Path, places) })
}
