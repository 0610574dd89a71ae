package model

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

// unsayable is the one list of what Kyverno's CRDs have and the authoring model
// leaves out, by the definition where it would stand, with the reason. A value
// of an enumeration is written after "=".
var unsayable = map[string]string{
	"#ClusterPolicy.validationFailureAction":          "deprecated for validate.failureAction; kcue: failureAction",
	"#ClusterPolicy.validationFailureActionOverrides": "deprecated for validate.failureActionOverrides; kcue: failureActionOverrides",
	"#ClusterPolicy.generateExistingOnPolicyUpdate":   "deprecated for generateExisting",
	"#ClusterPolicy.schemaValidation":                 "deprecated, without effect",
	"#Filter.name":                                    "deprecated for names",
	"#Condition.operator=In":                          "deprecated for AnyIn and AllIn",
	"#Condition.operator=NotIn":                       "deprecated for AnyNotIn and AllNotIn",
	"#FailureActionOverride.action=audit":             "deprecated for Audit",
	"#FailureActionOverride.action=enforce":           "deprecated for Enforce",
	"#Validate.assert":                                "without effect since Kyverno 1.19",
	"#VerifyImages.image":                             "deprecated for imageReferences",
	"#VerifyImages.key":                               "deprecated for attestors",
	"#VerifyImages.issuer":                            "deprecated for attestors",
	"#VerifyImages.subject":                           "deprecated for attestors",
	"#VerifyImages.roots":                             "deprecated for attestors",
	"#VerifyImages.additionalExtensions":              "deprecated for attestors",
	"#VerifyImages.annotations":                       "deprecated for annotations of an attestor",
	"#Attestation.predicateType":                      "deprecated for type",
}

// narrowed is where a CRD takes any value and the model says which, because
// Kyverno reads nothing else there (api/kyverno/v1), or only as an older form.
var narrowed = map[string]string{
	"#Rule.preconditions":         "conditions under any and all; a plain list is the older form",
	"#MutateTarget.preconditions": "conditions under any and all; a plain list is the older form",
	"#Deny.conditions":            "conditions under any and all; a plain list is the older form",
	"#Validate.anyPattern":        "a list of patterns",
	"#ValidateForeach.anyPattern": "a list of patterns",
	"#ValidateForeach.foreach":    "a list of foreach",
	"#MutateForeach.foreach":      "a list of foreach",
	"#Attestor.attestor":          "a set of attestors",
}

// demanded is what the model requires although the CRDs do not: without it
// Kyverno refuses the object or fails at every request.
var demanded = map[string]string{
	"#Condition.key":                "a comparison of nothing",
	"#Condition.operator":           "an unknown operator is an error of the rule",
	"#FailureActionOverride.action": "an override of nothing",
	"#PodSecurity.level":            "an empty level is an error of the rule",
}

// crdEntry is a schema of ../crd/schemas.json; sub-schemas are indices.
type crdEntry struct {
	Type       string         `json:"type"`
	Properties map[string]int `json:"properties"`
	Additional *int           `json:"additional"`
	Items      *int           `json:"items"`
	Required   []string       `json:"required"`
	Enum       []string       `json:"enum"`
	Minimum    *float64       `json:"minimum"`
}

type crdTable struct {
	Kinds []struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Schema     int    `json:"schema"`
	} `json:"kinds"`
	Schemas []crdEntry `json:"schemas"`
}

// coverage walks a CRD's schema beside the model.
type coverage struct {
	t       *testing.T
	table   crdTable
	used    map[string]bool
	checked map[string]bool
}

// TestModelCoversKyvernosCRDs holds the model to saying everything that the
// CRDs of Kyverno have.
func TestModelCoversKyvernosCRDs(t *testing.T) {
	data, err := os.ReadFile("../crd/schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	c := &coverage{t: t, used: map[string]bool{}, checked: map[string]bool{}}
	if err := json.Unmarshal(data, &c.table); err != nil {
		t.Fatal(err)
	}
	m := load(t)
	definitions := map[string]string{
		"kyverno.io/v1 ClusterPolicy":                            "#ClusterPolicy",
		"kyverno.io/v1 Policy":                                   "#Policy",
		"kyverno.io/v2 PolicyException":                          "#PolicyException",
		"kyverno.io/v2 CleanupPolicy":                            "#CleanupPolicy",
		"kyverno.io/v2 ClusterCleanupPolicy":                     "#ClusterCleanupPolicy",
		"policies.kyverno.io/v1 PolicyException":                 "#CELPolicyException",
		"policies.kyverno.io/v1 ValidatingPolicy":                "#ValidatingPolicy",
		"policies.kyverno.io/v1 MutatingPolicy":                  "#MutatingPolicy",
		"policies.kyverno.io/v1 GeneratingPolicy":                "#GeneratingPolicy",
		"policies.kyverno.io/v1 ImageValidatingPolicy":           "#ImageValidatingPolicy",
		"policies.kyverno.io/v1 DeletingPolicy":                  "#DeletingPolicy",
		"policies.kyverno.io/v1 NamespacedValidatingPolicy":      "#NamespacedValidatingPolicy",
		"policies.kyverno.io/v1 NamespacedMutatingPolicy":        "#NamespacedMutatingPolicy",
		"policies.kyverno.io/v1 NamespacedGeneratingPolicy":      "#NamespacedGeneratingPolicy",
		"policies.kyverno.io/v1 NamespacedImageValidatingPolicy": "#NamespacedImageValidatingPolicy",
		"policies.kyverno.io/v1 NamespacedDeletingPolicy":        "#NamespacedDeletingPolicy",
	}
	for _, k := range c.table.Kinds {
		name := k.APIVersion + " " + k.Kind
		definition, ok := definitions[name]
		if !ok {
			continue
		}
		delete(definitions, name)
		spec := c.table.Schemas[k.Schema].Properties["spec"]
		c.value(m.definitions[definition], spec, definition)
	}
	for name := range definitions {
		t.Errorf("the CRD table has no %s", name)
	}
	if len(c.checked) < 400 {
		t.Errorf("only %d places were compared", len(c.checked))
	}
	for _, table := range []map[string]string{unsayable, narrowed, demanded} {
		for _, place := range slices.Sorted(maps.Keys(table)) {
			if !c.used[place] {
				t.Errorf("%s is excepted (%s) without need", place, table[place])
			}
		}
	}
}

// excepted notes the use of an exception.
func (c *coverage) excepted(table map[string]string, place string) bool {
	_, ok := table[place]
	c.used[place] = c.used[place] || ok
	return ok
}

// value compares what may stand at a place.
func (c *coverage) value(s *shape, schema int, place string) {
	field := place
	if s.definition != "" && s.fields != nil {
		place = s.definition
	}
	if place == "#Policy" {
		// The CRDs, and so the definitions, are the same.
		place = "#ClusterPolicy"
	}
	e := c.table.Schemas[schema]
	c.checked[place] = true
	if s.any {
		return
	}
	switch e.Type {
	case "":
		if !c.excepted(narrowed, field) {
			c.t.Errorf("%s: the CRD takes anything, the model only %s", field, s)
		}
	case "string":
		c.enumeration(s, e, place)
	case "boolean":
		if !s.boolean {
			c.t.Errorf("%s: the CRD takes a bool, the model %s", place, s)
		}
	case "integer":
		if s.number == nil || !s.number.integer {
			c.t.Errorf("%s: the CRD takes an integer, the model %s", place, s)
		}
	case "array":
		c.array(s, e, place)
	case "object":
		c.object(s, e, place)
	default:
		c.t.Errorf("%s: the CRD has the type %s", place, e.Type)
	}
}

func (c *coverage) enumeration(s *shape, e crdEntry, place string) {
	if s.text == nil {
		c.t.Errorf("%s: the CRD takes a string, the model %s", place, s)
		return
	}
	if len(e.Enum) == 0 || len(s.text.literals) == 0 {
		if len(e.Enum) > 0 {
			c.t.Errorf("%s: the CRD takes one of %q, the model any string", place, e.Enum)
		}
		return
	}
	for _, v := range e.Enum {
		if !slices.Contains(s.text.literals, v) && !c.excepted(unsayable, place+"="+v) {
			c.t.Errorf("%s: the model lacks the value %q", place, v)
		}
	}
	for _, v := range s.text.literals {
		if !slices.Contains(e.Enum, v) {
			c.t.Errorf("%s: the CRD lacks the model's value %q", place, v)
		}
	}
}

func (c *coverage) array(s *shape, e crdEntry, place string) {
	switch {
	case s.list != nil && len(s.list.prefix) > 0:
		c.value(s.list.prefix[0], *e.Items, place)
	case s.list != nil && s.list.rest != nil:
		c.value(s.list.rest, *e.Items, place)
	case s.fields != nil && len(s.fields.patterns) == 1:
		// What Kyverno lists by name, the model keys by it.
		item := c.table.Schemas[*e.Items]
		item.Properties = maps.Clone(item.Properties)
		if _, ok := item.Properties["name"]; !ok {
			c.t.Errorf("%s: the model keys what the CRD gives no name", place)
		}
		delete(item.Properties, "name")
		element := s.fields.patterns[0].shape
		c.object(element, item, element.definition)
	default:
		c.t.Errorf("%s: the CRD takes a list, the model %s", place, s)
	}
}

func (c *coverage) object(s *shape, e crdEntry, place string) {
	if s.fields == nil {
		c.t.Errorf("%s: the CRD takes an object, the model %s", place, s)
		return
	}
	if e.Additional != nil {
		if len(s.fields.patterns) != 1 {
			c.t.Errorf("%s: the CRD takes any key, the model %s", place, s)
			return
		}
		c.value(s.fields.patterns[0].shape, *e.Additional, place)
		return
	}
	filter := place == "#Filter" || place == "#Match"
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		child := e.Properties[name]
		switch {
		case filter && name == "resources":
			// The model writes filters flat.
			c.object(s, c.table.Schemas[child], "#Filter")
			continue
		case place == "#ClusterPolicy" && name == "webhookConfiguration":
			inner := c.table.Schemas[child]
			for part, schema := range inner.Properties {
				field := map[string]string{"timeoutSeconds": "webhookTimeoutSeconds"}[part]
				if field == "" {
					field = part
				}
				c.field(s, field, schema, place)
			}
			continue
		}
		c.field(s, name, child, place)
	}
	for _, i := range s.fields.required {
		f := s.fields.fields[i].name
		if _, ok := e.Properties[f]; ok && !slices.Contains(e.Required, f) && !c.excepted(demanded, place+"."+f) {
			c.t.Errorf("%s.%s: the model requires what the CRD does not", place, f)
		}
	}
	for _, f := range e.Required {
		if i, ok := s.fields.index[f]; ok && !s.fields.fields[i].required && !slices.Contains([]string{"#Rule.match"}, place+"."+f) {
			c.t.Errorf("%s.%s: the CRD requires what the model does not", place, f)
		}
	}
}

func (c *coverage) field(s *shape, name string, schema int, place string) {
	at := place + "." + name
	i, ok := s.fields.index[name]
	if !ok {
		if !c.excepted(unsayable, at) {
			c.t.Errorf("%s: the model cannot say it", at)
		}
		return
	}
	c.value(s.fields.fields[i].shape, schema, at)
}
