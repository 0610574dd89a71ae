package importer

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
)

// Equal compares an object as it was read with the one that its spec builds,
// and gives the places where they say different things; none means that they
// are equal. Both are first brought to one form: with the defaults of Kyverno's
// CRDs, without what only a cluster writes, and in today's spelling of what
// Kyverno has deprecated (see Normal).
func Equal(read, built *spec.Node, schemas *crd.Schemas) []string {
	var out []string
	compare(Normal(read, schemas), Normal(built, schemas), "", &out)
	return out
}

// compare appends a line for each place where two values differ.
func compare(a, b *spec.Node, path string, out *[]string) {
	say := func() {
		*out = append(*out, fmt.Sprintf("%s: %s, built as %s", strings.TrimPrefix(path, "."), valueText(a), valueText(b)))
	}
	switch {
	case a == nil && b == nil:
	case a == nil || b == nil || a.Kind != b.Kind:
		say()
	case a.Kind == spec.Struct:
		inA, inB := byName(a), byName(b)
		for _, f := range a.Fields {
			compare(f.Value, inB[f.Name], path+"."+spec.Label(f.Name), out)
		}
		for _, f := range b.Fields {
			if inA[f.Name] == nil {
				compare(nil, f.Value, path+"."+spec.Label(f.Name), out)
			}
		}
	case a.Kind == spec.List:
		if len(a.Items) != len(b.Items) {
			say()
			return
		}
		for i := range a.Items {
			compare(a.Items[i], b.Items[i], fmt.Sprintf("%s[%d]", path, i), out)
		}
	case a.Kind == spec.Number:
		if !sameNumber(a.Text, b.Text) {
			say()
		}
	case a.Text != b.Text:
		say()
	}
}

// byName indexes a struct: a ConfigMap may have as many fields as fit a file.
func byName(n *spec.Node) map[string]*spec.Node {
	out := make(map[string]*spec.Node, len(n.Fields))
	for _, f := range n.Fields {
		out[f.Name] = f.Value
	}
	return out
}

func valueText(n *spec.Node) string {
	switch {
	case n == nil:
		return "nothing"
	case n.Kind == spec.String:
		return strconv.Quote(shorten(n.Text))
	}
	return shown(n)
}

// sameNumber compares JSON numbers by what they are: integers exactly, others
// as Kubernetes reads them.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, okA := new(big.Int).SetString(a, 10)
	y, okB := new(big.Int).SetString(b, 10)
	if okA && okB {
		return x.Cmp(y) == 0
	}
	f, errA := strconv.ParseFloat(a, 64)
	g, errB := strconv.ParseFloat(b, 64)
	return errA == nil && errB == nil && f == g
}

// Normal gives the form of an object in which Equal compares: what Kyverno
// reads, said in one way only. Deprecated spellings become those of today, a
// policy's settings stand in the rules that they are for, and every list has
// its defaults. The object is not changed.
func Normal(object *spec.Node, schemas *crd.Schemas) *spec.Node {
	n := (&converter{}).copied(object)
	k, ok := kindOf(n)
	take(n, "status")
	normalMetadata(n.Get("metadata"))
	if !ok {
		dropAllNulls(n)
		return n
	}
	dropNulls(n, n, func(gone, from *spec.Node) {})
	set(n, "apiVersion", spec.NewString(k.APIVersion, n.Pos))
	if m := n.Get("metadata"); k.Namespaced && !m.Has("namespace") {
		set(m, "namespace", spec.NewString("default", n.Pos))
	}
	if s := n.Get("spec"); s != nil && strings.HasPrefix(k.APIVersion, "kyverno.io/") {
		switch k.Field {
		case "clusterPolicies", "policies":
			normalPolicy(s)
		default:
			normalScope(s)
		}
	}
	return schemas.DefaultLists(n)
}

func normalMetadata(m *spec.Node) {
	for _, name := range serverMetadata {
		take(m, name)
	}
	if take(m.Get("annotations"), lastApplied); m != nil {
		for _, name := range []string{"labels", "annotations"} {
			if v := m.Get(name); isEmpty(v) {
				take(m, name)
			}
		}
	}
}

func dropAllNulls(n *spec.Node) {
	n.Fields = slices.DeleteFunc(n.Fields, func(f spec.Field) bool { return f.Value.Kind == spec.Null })
	for _, f := range n.Fields {
		dropAllNulls(f.Value)
	}
	for _, item := range n.Items {
		dropAllNulls(item)
	}
}

// fill gives a field a value where it has none.
func fill(n *spec.Node, name string, value *spec.Node) {
	if value != nil && n != nil && !n.Has(name) {
		set(n, name, value)
	}
}

// move moves a field into a struct, which is made where it is not there, unless
// the field is there already.
func move(n *spec.Node, name, into, as string) {
	v := take(n, name)
	if v == nil {
		return
	}
	fill(n, into, spec.NewStruct(n.Pos))
	fill(n.Get(into), as, v)
}

func normalPolicy(s *spec.Node) {
	take(s, "schemaValidation")
	move(s, "failurePolicy", "webhookConfiguration", "failurePolicy")
	move(s, "webhookTimeoutSeconds", "webhookConfiguration", "timeoutSeconds")
	if c := s.Get("webhookConfiguration"); c != nil {
		if isEmpty(c.Get("matchConditions")) {
			take(c, "matchConditions")
		}
		if isEmpty(c) {
			take(s, "webhookConfiguration")
		}
	}
	if old := take(s, "generateExistingOnPolicyUpdate"); old != nil {
		fill(s, "generateExisting", old)
	}
	for name, value := range map[string]bool{"background": true, "admission": true, "emitWarning": false} {
		if isBool(s.Get(name), value) {
			take(s, name)
		}
	}
	action := take(s, "validationFailureAction")
	if action == nil {
		action = spec.NewString("Audit", s.Pos)
	}
	overrides := take(s, "validationFailureActionOverrides")
	generate, mutate := take(s, "generateExisting"), take(s, "mutateExistingOnPolicyUpdate")
	var rules []*spec.Node
	if list := s.Get("rules"); list != nil {
		rules = list.Items
	}
	for _, r := range rules {
		if v := r.Get("validate"); v != nil {
			fill(v, "failureAction", action)
			if isEmpty(v.Get("failureActionOverrides")) {
				take(v, "failureActionOverrides")
				if !isEmpty(overrides) {
					set(v, "failureActionOverrides", (&converter{}).copied(overrides))
				}
			}
			normalActions(v)
		}
		if v := r.Get("verifyImages"); v != nil {
			for _, entry := range v.Items {
				fill(entry, "failureAction", action)
				normalActions(entry)
				normalImages(entry)
			}
		}
		if g := r.Get("generate"); g != nil {
			fill(g, "generateExisting", generate)
		}
		if m := r.Get("mutate"); m != nil && m.Has("targets") {
			fill(m, "mutateExistingOnPolicyUpdate", mutate)
		}
		normalRule(r)
	}
}

func normalActions(body *spec.Node) {
	spell := func(n *spec.Node, name string) {
		if v := n.Get(name); v != nil {
			set(n, name, spec.NewString(todays(v.Text), v.Pos))
		}
	}
	spell(body, "failureAction")
	if list := body.Get("failureActionOverrides"); list != nil {
		for _, o := range list.Items {
			spell(o, "action")
		}
	}
}

func normalRule(r *spec.Node) {
	normalScope(r)
	for _, name := range []string{"celPreconditions", "imageExtractors", "reportProperties"} {
		if isEmpty(r.Get(name)) {
			take(r, name)
		}
	}
	if v := r.Get("validate"); v != nil {
		normalConditions(v.Get("deny"), "conditions")
		normalForeach(v)
		normalAttestors(v.Get("manifests"))
	}
	if m := r.Get("mutate"); m != nil {
		if targets := m.Get("targets"); targets != nil {
			for _, t := range targets.Items {
				normalScope(t)
			}
		}
		normalForeach(m)
	}
	if g := r.Get("generate"); g != nil {
		normalForeach(g)
	}
}

func normalForeach(body *spec.Node) {
	list := body.Get("foreach")
	if list == nil {
		return
	}
	for _, entry := range list.Items {
		normalScope(entry)
		normalConditions(entry.Get("deny"), "conditions")
		normalForeach(entry)
	}
}

// normalScope normalises what rules, targets, exceptions and cleanup policies
// say of where they apply.
func normalScope(n *spec.Node) {
	normalClause(n, "match")
	normalClause(n, "exclude")
	if isEmpty(n.Get("context")) {
		take(n, "context")
	}
	normalConditions(n, "preconditions")
	normalConditions(n, "conditions")
}

func normalClause(n *spec.Node, name string) {
	m := n.Get(name)
	if m == nil || m.Kind != spec.Struct {
		return
	}
	if len(m.Fields) == 0 && name == "exclude" {
		take(n, name)
		return
	}
	if !m.Has("any") && !m.Has("all") {
		m = spec.NewStruct(m.Pos, spec.Field{Name: "any", Value: spec.NewList(m.Pos, m)})
		set(n, name, m)
	}
	for _, form := range []string{"any", "all"} {
		list := m.Get(form)
		if list == nil {
			continue
		}
		for _, f := range list.Items {
			resources := f.Get("resources")
			if old := take(resources, "name"); old != nil && old.Str() != "" {
				fill(resources, "names", spec.NewList(old.Pos, old))
			}
			if isEmpty(resources) {
				take(f, "resources")
			}
		}
	}
}

func normalConditions(n *spec.Node, name string) {
	v := n.Get(name)
	switch {
	case v == nil:
		return
	case v.Kind == spec.List && len(v.Items) == 0:
		take(n, name)
		return
	case v.Kind == spec.List:
		v = spec.NewStruct(v.Pos, spec.Field{Name: "all", Value: v})
		set(n, name, v)
	}
	normalAnyAll(v)
}

func normalAnyAll(v *spec.Node) {
	for _, form := range []string{"any", "all"} {
		list := v.Get(form)
		if list == nil {
			continue
		}
		for _, condition := range list.Items {
			if today, ok := todaysOperator(condition.Get("operator").Str(), condition.Get("key"), condition.Get("value")); ok && today != "" {
				set(condition, "operator", spec.NewString(today, condition.Pos))
			}
		}
	}
}

// normalImages does as Kyverno's ImageVerification.Convert.
func normalImages(v *spec.Node) {
	if image := take(v, "image"); image.Str() != "" {
		fill(v, "imageReferences", spec.NewList(v.Pos))
		references := v.Get("imageReferences")
		references.Items = append(references.Items, image)
	}
	key, issuer := take(v, "key"), take(v, "issuer")
	if key.Str() != "" || issuer.Str() != "" {
		attestor := spec.NewStruct(v.Pos)
		if annotations := take(v, "annotations"); !isEmpty(annotations) {
			set(attestor, "annotations", annotations)
		}
		if key.Str() != "" {
			set(attestor, "keys", spec.NewStruct(v.Pos, spec.Field{Name: "publicKeys", Value: key}))
		} else {
			keyless := spec.NewStruct(v.Pos, spec.Field{Name: "issuer", Value: issuer})
			fill(keyless, "subject", take(v, "subject"))
			fill(keyless, "roots", take(v, "roots"))
			set(attestor, "keyless", keyless)
		}
		fill(v, "attestors", spec.NewList(v.Pos))
		list := v.Get("attestors")
		list.Items = append(list.Items, spec.NewStruct(v.Pos, spec.Field{Name: "entries", Value: spec.NewList(v.Pos, attestor)}))
	}
	normalAttestors(v)
	if list := v.Get("attestations"); list != nil {
		for _, a := range list.Items {
			if old := take(a, "predicateType"); old != nil {
				fill(a, "type", old)
			}
			normalAttestors(a)
			if conditions := a.Get("conditions"); conditions != nil {
				for _, entry := range conditions.Items {
					normalAnyAll(entry)
				}
			}
		}
	}
	normalConditions(v.Get("validate").Get("deny"), "conditions")
}

// normalAttestors leaves out a default of the CRD that it deprecates, at any
// depth, since the CRD's schema ends where sets of attestors nest.
func normalAttestors(v *spec.Node) {
	list := v.Get("attestors")
	if list == nil {
		return
	}
	for _, set := range list.Items {
		normalAttestorSet(set)
	}
}

func normalAttestorSet(set *spec.Node) {
	entries := set.Get("entries")
	if entries == nil {
		return
	}
	for _, a := range entries.Items {
		if keys := a.Get("keys"); isString(keys.Get("signatureAlgorithm"), "sha256") {
			take(keys, "signatureAlgorithm")
		}
		if nested := a.Get("attestor"); nested != nil {
			normalAttestorSet(nested)
		}
	}
}
