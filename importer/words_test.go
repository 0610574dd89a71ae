package importer_test

import (
	"slices"
	"strings"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
	"kcue.dev/importer"
)

// unsaid gives the places where two objects differ once both have the defaults
// of Kyverno's CRDs, and of which the differences say nothing.
func unsaid(read, built *spec.Node, said []importer.Difference, schemas *crd.Schemas) []string {
	var out []string
	today := defaulted(read.With("apiVersion", built.Get("apiVersion")), schemas)
	if read.Get("apiVersion").Str() != built.Get("apiVersion").Str() {
		// The versions of an API have the same defaults, as far as each has the field.
		today = today.With("apiVersion", read.Get("apiVersion"))
	}
	for _, place := range rawDifferences(today, defaulted(built, schemas), "") {
		if !slices.ContainsFunc(said, func(d importer.Difference) bool { return covers(d.Path, place) }) {
			out = append(out, place)
		}
	}
	return out
}

// elsewhere says where the object that is built has what a field of the one
// that was read said.
var elsewhere = map[string]func(place string) bool{
	"spec.validationFailureAction":          func(p string) bool { return strings.HasSuffix(p, ".failureAction") },
	"spec.validationFailureActionOverrides": func(p string) bool { return strings.HasSuffix(p, ".failureActionOverrides") },
	"spec.failurePolicy":                    func(p string) bool { return strings.HasPrefix(p, "spec.webhookConfiguration") },
	"spec.webhookTimeoutSeconds":            func(p string) bool { return strings.HasPrefix(p, "spec.webhookConfiguration") },
	"spec.generateExisting":                 func(p string) bool { return strings.HasSuffix(p, ".generateExisting") },
	"spec.generateExistingOnPolicyUpdate":   func(p string) bool { return strings.HasSuffix(p, ".generateExisting") },
	"spec.mutateExistingOnPolicyUpdate":     func(p string) bool { return strings.HasSuffix(p, ".mutateExistingOnPolicyUpdate") },
}

// siblings are the fields that say what a deprecated one beside them said.
var siblings = map[string][]string{
	"predicateType": {"type"}, "image": {"imageReferences"}, "name": {"names"},
	"key": {"attestors"}, "issuer": {"attestors"}, "subject": {"attestors"}, "roots": {"attestors"}, "annotations": {"attestors"},
}

func covers(path, place string) bool {
	if place == path || strings.HasPrefix(place, path+".") || strings.HasPrefix(place, path+"[") {
		return true
	}
	if f := elsewhere[path]; f != nil && f(place) {
		return true
	}
	above, field := path[:strings.LastIndexByte(path, '.')+1], path[strings.LastIndexByte(path, '.')+1:]
	return slices.ContainsFunc(siblings[field], func(s string) bool { return strings.HasPrefix(place, above+s) })
}

// defaulted gives an object with the defaults of its CRD, as far as it holds
// what a person would write: the defaults at the top of a policy's spec beside
// those in lists.
func defaulted(o *spec.Node, schemas *crd.Schemas) *spec.Node {
	o = schemas.DefaultLists(o)
	s := o.Get("spec")
	if kind := o.Get("kind").Str(); s == nil || kind != "ClusterPolicy" && kind != "Policy" {
		return o
	}
	for name, value := range map[string]*spec.Node{
		"background": spec.NewBool(true, s.Pos), "admission": spec.NewBool(true, s.Pos), "emitWarning": spec.NewBool(false, s.Pos),
		"validationFailureAction": spec.NewString("Audit", s.Pos),
	} {
		if !s.Has(name) {
			s = s.With(name, value)
		}
	}
	return o.With("spec", s)
}

func rawDifferences(a, b *spec.Node, path string) []string {
	here := []string{strings.TrimPrefix(path, ".")}
	switch {
	case a == nil || b == nil:
		return here
	case a.Kind == spec.Null && !strings.Contains(path, "pattern"):
		return nil
	case a.Kind != b.Kind || a.Kind == spec.List && len(a.Items) != len(b.Items):
		return here
	case a.Kind == spec.Struct:
		var out []string
		for _, f := range a.Fields {
			if f.Value.Kind == spec.Null && b.Get(f.Name) == nil {
				continue // the API server drops it
			}
			out = append(out, rawDifferences(f.Value, b.Get(f.Name), path+"."+spec.Label(f.Name))...)
		}
		for _, f := range b.Fields {
			if !a.Has(f.Name) {
				out = append(out, strings.TrimPrefix(path+"."+spec.Label(f.Name), "."))
			}
		}
		return out
	case a.Kind == spec.List:
		var out []string
		for i := range a.Items {
			out = append(out, rawDifferences(a.Items[i], b.Items[i], path+"["+string(rune('0'+i%10))+"]")...)
		}
		return out
	case a.Text != b.Text && a.Kind != spec.Number:
		return here
	}
	return nil
}
