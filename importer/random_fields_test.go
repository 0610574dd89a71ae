package importer_test

import (
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// strings that fields take, by their names.
var fieldTexts = map[string][]string{
	"kinds":                   {"Pod", "Deployment", "Namespace", "apps/v1/StatefulSet", "Service"},
	"jmesPath":                {"length(@)", "items[0].name"},
	"list":                    {"request.object.spec.containers"},
	"expression":              {"true", "object.metadata.name != ''"},
	"valueExpression":         {"'x'"},
	"messageExpression":       {"'x'"},
	"patchesJson6902":         {"- op: add\n  path: /metadata/labels/a\n  value: b\n", "- {op: remove, path: /spec/x}"},
	"schedule":                {"*/5 * * * *"},
	"urlPath":                 {"/api/v1/namespaces"},
	"url":                     {"https://service.default:443/x"},
	"imageReferences":         {"ghcr.io/acme/*"},
	"image":                   {"ghcr.io/acme/*"},
	"reference":               {"ghcr.io/acme/app:1"},
	"controlName":             {"Capabilities", "Seccomp"},
	"ruleNames":               {"a-rule", "autogen-*"},
	"clusterRoles":            {"cluster-admin"},
	"roles":                   {"ns:role"},
	"namespace":               {"team-a"},
	"namespaces":              {"team-a", "prod-*"},
	"apiVersion":              {"v1"},
	"path":                    {"/spec/containers/*"},
	"apiGroups":               {"", "apps"},
	"apiVersions":             {"v1"},
	"resources":               {"pods", "deployments"},
	"reason":                  {"Forbidden"},
	"resourceNames":           {"x"},
	"controllers":             {"deployments"},
	"expiresAt":               {"2027-01-31T00:00:00Z"},
	"providers":               {"amazon"},
	"policyName":              {"a-policy"},
	"message":                 {"A message.", "Two\nlines.", "Say \"please\"."},
	"repository":              {"ghcr.io/acme/signatures"},
	"publicKeys":              {"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"},
	"key":                     {"k8s://ns/secret"},
	"rekor":                   {"https://rekor.sigstore.dev"},
	"secrets":                 {"pull"},
	"images":                  {"ghcr.io/acme/*"},
	"annotationDomain":        {"example.com"},
	"evaluationMode":          {"x"},
	"uid":                     {"1"},
	"kind":                    {"ConfigMap"},
	"allowedValues":           {"a"},
	"glob":                    {"ghcr.io/*"},
	"signatureAlgorithm":      {"sha256"},
	"failureAction":           {"Audit", "Enforce"},
	"group":                   {"apps"},
	"version":                 {"v1"},
	"objects":                 {"x"},
	"fields":                  {"spec.replicas"},
	"restrictedField":         {"spec.securityContext"},
	"values":                  {"x"},
	"scope":                   {"*", "Namespaced"},
	"reinvocationPolicy":      {"Never", "IfNeeded"},
	"mode":                    {"Kubernetes", "JSON"},
	"skipImageReferences":     {"ghcr.io/acme/skip*"},
	"operations":              {"CREATE", "UPDATE"},
	"hashAlgorithm":           {"sha256"},
	"patchType":               {"JSONPatch"},
	"interpolate":             {"none"},
	"matchPolicy":             {"Exact", "Equivalent"},
	"issuer":                  {"https://issuer.example.com"},
	"subject":                 {"me@example.com"},
	"predicateType":           {"https://slsa.dev/provenance/v1"},
	"type":                    {"https://cyclonedx.org/schema"},
	"validationFailureAction": {"audit", "enforce", "Audit", "Enforce"},
}

// leftOut are fields that no valid policy has, or that need more than a schema
// says.
var leftOut = []string{
	"assert", "generateExistingOnPolicyUpdate", "roots", "additionalExtensions", "manifests", "imageExtractors",
	"secret", "kms", "cloneList", "paramRef", "paramKind", "globalReference", "issuerRegExp", "subjectRegExp", "emitWarning2",
	"mutateExistingOnPolicyUpdate", "attestor", "namespaceSelector", "selector", "objectSelector", "targetMatchConstraints", "status",
	"messageExpression", "matchImageReferences", "imageRegistryCredentials", "credentials", "matchLabels2", "certificates", "uid",
}

// value makes a value of a schema at a field.
func (g *generator) value(schema int, name, kind string, depth int) *spec.Node {
	s := g.schemas[schema]
	switch name {
	case "preconditions", "conditions":
		if s.Type != "array" {
			return g.conditions(s.Preserve && len(s.Properties) == 0)
		}
		if kind != "ImageEntry" && !strings.Contains(kind, "Policy") {
			break
		}
	case "pattern":
		return g.pattern()
	case "anyPattern":
		return spec.NewList(token.NoPos, g.pattern(), g.pattern())
	case "patchStrategicMerge", "data", "value", "default":
		if s.Preserve {
			n := g.free(1, false)
			if name == "patchStrategicMerge" || name == "data" {
				n = object(spec.Field{Name: "metadata", Value: object(spec.Field{Name: "labels", Value: object(spec.Field{Name: "a", Value: str("b")})})}, spec.Field{Name: "spec", Value: n})
			}
			return n
		}
	case "foreach":
		if s.Preserve {
			return spec.NewList(token.NoPos)
		}
	case "policyRefs":
		return spec.NewList(token.NoPos, object(spec.Field{Name: "name", Value: str("p")}, spec.Field{Name: "kind", Value: str("ValidatingPolicy")}))
	case "failureActionOverrides", "validationFailureActionOverrides":
		list := spec.NewList(token.NoPos)
		for range 1 + g.IntN(2) {
			list.Items = append(list.Items, object(
				spec.Field{Name: "action", Value: str(pick(g, g.schemas[g.schemas[*s.Items].Properties["action"]].Enum...))},
				spec.Field{Name: "namespaces", Value: spec.NewList(token.NoPos, str(g.unique("prod")))}))
		}
		return list
	case "match", "exclude":
		return g.clause(s, kind)
	case "rules":
		return g.rules(*s.Items, kind)
	}
	if name == "apiCall" {
		// Exactly one of the two says what is called.
		call := g.structure(g.lacking(s, "urlPath", "service"), name, kind, depth)
		if g.chance(50) {
			return call.With("urlPath", str(fieldTexts["urlPath"][0]))
		}
		return call.With("service", object(spec.Field{Name: "url", Value: str(fieldTexts["url"][0])}))
	}
	switch {
	case s.Type == "string" || s.IntOrString:
		if len(s.Enum) > 0 {
			return str(pick(g, s.Enum...))
		}
		if pool := fieldTexts[name]; pool != nil {
			return str(pick(g, pool...))
		}
		if name == "name" || name == "names" {
			return str(g.unique("n"))
		}
		return str(g.text())
	case s.Type == "boolean":
		return spec.NewBool(g.chance(50), token.NoPos)
	case s.Type == "integer":
		return &spec.Node{Kind: spec.Number, Text: pick(g, "1", "7", "30")}
	case s.Type == "array":
		out := spec.NewList(token.NoPos)
		for range 1 + g.IntN(2) {
			if item := g.value(*s.Items, name, kind, depth+1); !slices.ContainsFunc(out.Items, func(o *spec.Node) bool { return spec.Equal(o, item) }) {
				out.Items = append(out.Items, item)
			}
		}
		return out
	case s.Additional != nil:
		out := object()
		for i := range g.IntN(3) {
			out.Fields = append(out.Fields, spec.Field{Name: []string{"a", "b.example.com/c", "_d"}[i], Value: str("v")})
		}
		return out
	case s.Type == "object":
		return g.structure(s, name, kind, depth)
	}
	return g.free(1, false)
}

// structure makes a struct of some of the properties of a schema.
func (g *generator) structure(s entry, name, kind string, depth int) *spec.Node {
	out := object()
	names := slices.Sorted(maps.Keys(s.Properties))
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	one := ""
	if len(s.OneOf) > 0 {
		one = pick(g, slices.DeleteFunc(slices.Clone(s.OneOf), func(n string) bool { return slices.Contains(leftOut, n) })...)
	}
	for _, field := range names {
		required := slices.Contains(s.Required, field)
		switch {
		case !required && slices.Contains(leftOut, field), slices.Contains(s.OneOf, field) && field != one:
			continue
		case required, field == one:
		case depth > 6 || !g.chance(45):
			continue
		}
		v := g.value(s.Properties[field], field, kind, depth+1)
		if !required && g.chance(3) {
			v = &spec.Node{Kind: spec.Null}
		}
		out.Fields = append(out.Fields, spec.Field{Name: field, Value: v})
	}
	return out
}

func (g *generator) pattern() *spec.Node {
	return object(spec.Field{Name: "spec", Value: g.free(1, true)})
}

// conditions makes conditions under any and all, or where the schema takes
// anything sometimes the older list.
func (g *generator) conditions(mayBeList bool) *spec.Node {
	list := spec.NewList(token.NoPos)
	for range 1 + g.IntN(2) {
		operator := pick(g, "Equals", "NotEquals", "AnyIn", "AllNotIn", "GreaterThan")
		key := str(pick(g, "{{ request.operation }}", "{{ request.object.metadata.labels.a || '' }}", "a literal"))
		value := g.free(3, false)
		if mayBeList && g.chance(10) {
			operator, value = pick(g, "In", "NotIn"), spec.NewList(token.NoPos, str("CREATE"), str("a*"))
		}
		list.Items = append(list.Items, object(spec.Field{Name: "key", Value: key}, spec.Field{Name: "operator", Value: str(operator)}, spec.Field{Name: "value", Value: value}))
	}
	if mayBeList && g.chance(30) {
		return list
	}
	return object(spec.Field{Name: pick(g, "any", "all"), Value: list})
}

// clause makes match or exclude: any or all, or the older form where the schema
// has it.
func (g *generator) clause(s entry, kind string) *spec.Node {
	filter := func() *spec.Node {
		resources := object(spec.Field{Name: "kinds", Value: spec.NewList(token.NoPos, str(pick(g, fieldTexts["kinds"][:2]...)))})
		for _, f := range []struct {
			name  string
			value *spec.Node
		}{
			{pick(g, "name", "names"), str("web-*")},
			{"operations", spec.NewList(token.NoPos, str(pick(g, "CREATE", "UPDATE")))},
			{"selector", object(spec.Field{Name: "matchLabels", Value: object(spec.Field{Name: "app", Value: str("x")})})},
			{"annotations", object(spec.Field{Name: "a/b", Value: str("*")})},
			{"namespaces", spec.NewList(token.NoPos, str("prod-*"))},
		} {
			if g.chance(70) || f.name == "namespaces" && (kind == "Policy" || kind == "CleanupPolicy") {
				continue
			}
			if f.name == "names" {
				f.value = spec.NewList(token.NoPos, f.value)
			}
			resources.Fields = append(resources.Fields, spec.Field{Name: f.name, Value: f.value})
		}
		return object(spec.Field{Name: "resources", Value: resources})
	}
	if _, older := s.Properties["resources"]; older && g.chance(25) {
		return filter()
	}
	list := spec.NewList(token.NoPos, filter())
	if g.chance(40) {
		list.Items = append(list.Items, filter())
	}
	return object(spec.Field{Name: pick(g, "any", "any", "all"), Value: list})
}

// rules makes the rules of a policy: each does one thing, in one way.
func (g *generator) rules(schema int, kind string) *spec.Node {
	out := spec.NewList(token.NoPos)
	for range 1 + g.IntN(3) {
		r := g.structure(g.without(schema, "validate", "mutate", "generate", "verifyImages", "celPreconditions"), "", kind, 2)
		body := pick(g, "validate", "validate", "mutate", "generate", "verifyImages")
		s := g.schemas[g.schemas[schema].Properties[body]]
		switch body {
		case "validate":
			forms := []string{"pattern", "anyPattern", "deny", "foreach", "podSecurity", "cel"}
			form := pick(g, forms...)
			others := append(slices.DeleteFunc(slices.Clone(forms), func(f string) bool { return f == form }), form)
			v := g.structure(g.lacking(s, others...), "", kind, 3)
			for _, f := range []string{"message", form} {
				if v.Get(f) == nil {
					v.Fields = append(v.Fields, spec.Field{Name: f, Value: g.body(s.Properties[f], f, kind)})
				}
			}
			r.Fields = append(r.Fields, spec.Field{Name: body, Value: v})
		case "mutate":
			form := pick(g, "patchStrategicMerge", "patchesJson6902", "foreach")
			r.Fields = append(r.Fields, spec.Field{Name: body, Value: object(spec.Field{Name: form, Value: g.body(s.Properties[form], form, kind)})})
		case "generate":
			v := object()
			for name, value := range map[string]*spec.Node{
				"apiVersion": str("v1"), "kind": str("ConfigMap"), "name": str("made"), "namespace": str("team-a"),
				"synchronize": spec.NewBool(true, token.NoPos), "data": g.value(s.Properties["data"], "data", kind, 0),
			} {
				v.Fields = append(v.Fields, spec.Field{Name: name, Value: value})
			}
			slices.SortFunc(v.Fields, func(a, b spec.Field) int { return strings.Compare(a.Name, b.Name) })
			r.Fields = append(r.Fields, spec.Field{Name: body, Value: v})
		case "verifyImages":
			item := g.structure(g.lacking(g.schemas[*s.Items], "attestations", "attestors", "validate", "key", "issuer", "subject", "annotations", "type"), "", kind, 3)
			item.Fields = append(item.Fields, spec.Field{Name: "attestors", Value: spec.NewList(token.NoPos, object(spec.Field{Name: "entries", Value: spec.NewList(token.NoPos,
				object(spec.Field{Name: "keys", Value: object(spec.Field{Name: "publicKeys", Value: str(fieldTexts["publicKeys"][0])}, spec.Field{Name: "signatureAlgorithm", Value: str("sha256")})}))}))})
			for name, v := range map[string]*spec.Node{"mutateDigest": spec.NewBool(false, token.NoPos), "imageReferences": spec.NewList(token.NoPos, str("ghcr.io/*"))} {
				item = item.With(name, v)
			}
			slices.SortFunc(item.Fields, func(a, b spec.Field) int { return strings.Compare(a.Name, b.Name) })
			r.Fields = append(r.Fields, spec.Field{Name: body, Value: spec.NewList(token.NoPos, item)})
		}
		out.Items = append(out.Items, r)
	}
	return out
}

// body makes what a rule does.
func (g *generator) body(schema int, form, kind string) *spec.Node {
	switch form {
	case "deny":
		return object(spec.Field{Name: "conditions", Value: g.conditions(kind != "v2beta1")})
	case "foreach":
		return spec.NewList(token.NoPos, object(
			spec.Field{Name: "list", Value: str("request.object.spec.containers")},
			spec.Field{Name: "context", Value: g.contextOf(g.schemas[*g.schemas[schema].Items].Properties["context"], kind)},
			spec.Field{Name: "preconditions", Value: g.conditions(false)},
			spec.Field{Name: g.foreachForm(schema), Value: object(spec.Field{Name: "spec", Value: object(spec.Field{Name: "x", Value: str("?*")})})},
		))
	case "cel":
		return object(spec.Field{Name: "expressions", Value: spec.NewList(token.NoPos, object(
			spec.Field{Name: "expression", Value: str("object.metadata.name != ''")}, spec.Field{Name: "message", Value: str("m")}))})
	case "podSecurity":
		return object(spec.Field{Name: "level", Value: str("baseline")}, spec.Field{Name: "version", Value: str("latest")})
	}
	return g.value(schema, form, kind, 4)
}

func (g *generator) foreachForm(schema int) string {
	if _, ok := g.schemas[*g.schemas[schema].Items].Properties["patchStrategicMerge"]; ok {
		return "patchStrategicMerge"
	}
	return "pattern"
}

func (g *generator) contextOf(schema int, kind string) *spec.Node {
	return g.value(schema, "context", kind, 4)
}

// without gives a schema that lacks some properties.
func (g *generator) without(schema int, names ...string) entry {
	return g.lacking(g.schemas[schema], names...)
}

func (g *generator) lacking(s entry, names ...string) entry {
	s.Properties = maps.Clone(s.Properties)
	for _, n := range names {
		delete(s.Properties, n)
	}
	return s
}
