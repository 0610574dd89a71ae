package model

import (
	"slices"
	"strconv"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// A foreign name is one that an author knows from elsewhere: from Kyverno's
// YAML, where kcue says it in another place or form, or from the Nix functions
// that kcue follows on. Edit distance would not find these.
type foreign struct {
	name string
	in   string // the definition it counts in; "" for any that has the field to
	to   string // what to write, or "" where only a hint helps
	hint string
}

func foreignNames() []foreign {
	const (
		keyed    = "its name is its key"
		implied  = "the map it stands in implies its apiVersion and kind"
		flat     = "a filter is written flat: kinds, names, namespaces and the others stand directly in it"
		webhook  = "write failurePolicy, webhookTimeoutSeconds and matchConditions directly in the policy"
		specFlat = "there is no spec: write its fields directly"
		keyless  = "Kyverno deprecated it: write attestors: [{entries: [{keyless: {…}}]}]"
	)
	return []foreign{
		{"validation", "", "validate", ""},
		{"validations", "#Rule", "validate", ""},
		{"mutation", "", "mutate", ""},
		{"mutations", "#Rule", "mutate", ""},
		{"generation", "", "generate", ""},
		{"verifyImage", "", "verifyImages", ""},
		{"imageVerification", "", "verifyImages", ""},
		{"conditions", "#Rule", "preconditions", ""},
		{"preconditions", "#PolicyException", "conditions", ""},
		{"preconditions", "#CleanupPolicySpec", "conditions", ""},
		{"overlay", "#Mutate", "patchStrategicMerge", ""},
		{"patches", "#Mutate", "patchesJson6902", ""},
		{"validationFailureAction", "", "failureAction", "Kyverno deprecated it"},
		{"validationFailureActionOverrides", "", "failureActionOverrides", "Kyverno deprecated it"},
		{"webhookConfiguration", "#PolicySettings", "", webhook},
		{"timeoutSeconds", "#PolicySettings", "webhookTimeoutSeconds", ""},
		{"generateExistingOnPolicyUpdate", "", "generateExisting", "Kyverno deprecated it"},
		{"schemaValidation", "#PolicySpec", "", "Kyverno ignores it; leave it out"},
		{"podControllers", "#PolicySettings", "autogen", ""},
		{"autogenControllers", "#PolicySettings", "autogen", ""},
		{"basePolicies", "#PolicySpec", "extends", ""},
		{"base", "#PolicySpec", "extends", ""},
		{"additionalRules", "#PolicySpec", "rules", ""},
		{"policy", "#Bundle", "policies", ""},
		{"policyExceptions", "#Bundle", "exceptions", ""},
		{"base", "#Bundle", "bases", ""},
		{"resources", "#Match", "", flat},
		{"resources", "#Filter", "", flat},
		{"resource", "#Filter", "", flat},
		{"name", "#Filter", "names", "Kyverno deprecated name; names is a list"},
		{"excludeNames", "#Filter", "", "write exclude: namespaces: […] beside match"},
		{"name", "#Rule", "", keyed},
		{"name", "#ContextEntry", "", keyed},
		{"name", "#Metadata", "", keyed},
		{"namespace", "#Metadata", "", "its namespace is the key above its name"},
		{"apiVersion", "#Metadata", "", implied},
		{"kind", "#Metadata", "", implied},
		{"spec", "#Metadata", "", specFlat},
		{"metadata", "#Metadata", "", "write title, description, labels, annotations and the like directly; its name is its key"},
		{"resourceSpec", "#Generate", "", "write apiVersion, kind, name, namespace and data directly in generate"},
		{"assert", "#Validate", "", "it has no effect since Kyverno 1.19"},
		{"image", "#VerifyImages", "imageReferences", "Kyverno deprecated image"},
		{"images", "#VerifyImages", "imageReferences", ""},
		{"key", "#VerifyImages", "", "Kyverno deprecated it: write attestors: [{entries: [{keys: publicKeys: …}]}]"},
		{"issuer", "#VerifyImages", "", keyless},
		{"subject", "#VerifyImages", "", keyless},
		{"roots", "#VerifyImages", "", keyless},
		{"additionalExtensions", "#VerifyImages", "", keyless},
		{"annotations", "#VerifyImages", "", "Kyverno deprecated it here: write it in an entry of attestors"},
		{"predicateType", "#Attestation", "type", "Kyverno deprecated predicateType"},
	}
}

// suggest finds what an unknown field is likely to stand for.
func (s *structShape) suggest(name string) (suggestion, hint string) {
	for _, f := range foreignNames() {
		if f.name != name {
			continue
		}
		_, ok := s.index[f.to]
		if f.in == "" && ok || slices.Contains(s.definitions, f.in) {
			return f.to, f.hint
		}
	}
	if near := diag.Nearest(name, s.names()); near != "" {
		return near, ""
	}
	return s.fieldBelow(name), ""
}

// fieldBelow finds the one field of s whose struct has a field of this name:
// an author who writes message in a rule means validate.message.
func (s *structShape) fieldBelow(name string) string {
	found := ""
	for _, f := range s.fields {
		if f.shape.fields == nil {
			continue
		}
		if _, ok := f.shape.fields.index[name]; !ok {
			continue
		}
		if found != "" {
			return ""
		}
		found = f.name
	}
	if found == "" {
		return ""
	}
	return found + "." + name
}

// convert finds how a value of the wrong type would be written in the right
// one, or says what form to use instead.
func (s *shape) convert(n *spec.Node, field string) (suggestion, hint string) {
	switch n.Kind {
	case spec.String:
		switch {
		case s.list != nil && s.list.rest != nil && s.list.rest.text != nil:
			return "[" + clip(strconv.Quote(n.Text)) + "]", ""
		case s.boolean && (n.Text == "true" || n.Text == "false"):
			return n.Text, ""
		case s.number != nil:
			if _, err := strconv.Atoi(n.Text); err == nil {
				return n.Text, ""
			}
		}
	case spec.Number, spec.Bool:
		if s.text != nil && len(s.text.others) > 0 {
			return strconv.Quote(clip(n.Text)), ""
		}
	case spec.List:
		switch {
		case s.fields == nil:
			if s.text != nil && field == "patchesJson6902" {
				return "", "Kyverno takes the patch as text: a string of YAML or JSON"
			}
		case len(s.fields.patterns) > 0:
			return "", "kcue keys what it holds by name: " + spec.Path{field}.String() + ": NAME: {…}"
		case slices.Contains(s.fields.definitions, "#Conditions"):
			return "", "write all: […] or any: […] around the list"
		case slices.Contains(s.fields.definitions, "#Match"):
			return "", "write all: […] or any: […] around the filters"
		}
	case spec.Struct:
		if s.list != nil && s.list.rest != nil && s.list.rest.fields != nil {
			return "", "write […] around it"
		}
		if s.text != nil && field == "kinds" {
			return "", "Kyverno writes a kind as one string: \"apps/v1/Deployment\""
		}
	}
	return "", ""
}
