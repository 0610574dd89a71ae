package compiler

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
)

// accept holds an object against Kyverno's semantics and schemas, and writes
// out the defaults inside its lists. A kind that is not Kyverno's is left as it
// is.
func accept(o *lower.Object, schemas *crd.Schemas, files *load.Files, options vet.Options) diag.List {
	if !schemas.Known(o.APIVersion(), o.Kind()) {
		return nil
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
