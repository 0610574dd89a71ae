package admission

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/data"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// crdSet holds Kyverno's CRDs by the kind that each defines.
type crdSet map[schema.GroupKind]*crd

// crd is one custom resource definition. A definition is up to 1.4 MB of YAML,
// so only its head is read at first, and a version when it is needed.
type crd struct {
	head     apiextensionsv1.CustomResourceDefinitionSpec
	versions func() map[string]func() (*versionSchema, error)
}

// versionSchema is what the API server compiles of one version of a CRD.
type versionSchema struct {
	structural *structuralschema.Structural
	values     validation.SchemaValidator
	rules      *schemacel.Validator
}

// readCRDs finds Kyverno's CRDs in the files that its command line embeds
// (cmd/cli/kubectl-kyverno/data).
func readCRDs() (crdSet, error) {
	files, err := data.Crds()
	if err != nil {
		return nil, fmt.Errorf("reading Kyverno's CRDs: %w", err)
	}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading Kyverno's CRDs: %w", err)
	}
	set := crdSet{}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading Kyverno's CRDs: %w", err)
		}
		// The names and the scope come before the versions, and by
		// themselves are YAML too.
		head, versions, _ := bytes.Cut(content, []byte(versionsKey))
		definition, err := parse(name, head)
		if err != nil {
			return nil, err
		}
		c := &crd{head: definition.Spec, versions: sync.OnceValue(func() map[string]func() (*versionSchema, error) {
			load := map[string]func() (*versionSchema, error){}
			for version, item := range splitVersions(versions) {
				load[version] = sync.OnceValues(func() (*versionSchema, error) {
					return readVersion(name, version, slices.Concat(head, []byte(versionsKey), item))
				})
			}
			return load
		})}
		set[schema.GroupKind{Group: c.head.Group, Kind: c.head.Names.Kind}] = c
	}
	return set, nil
}

// The list of versions as controller-gen writes it: what begins an item, and
// its name, are indented as nothing else in it is.
const (
	versionsKey      = "\n  versions:\n"
	versionItem      = "\n  - "
	versionName      = "\n    name: "
	versionNameFirst = "  - name: "
)

// splitVersions takes the list of versions apart, by their names, without
// reading all of its YAML.
func splitVersions(list []byte) map[string][]byte {
	versions := map[string][]byte{}
	for len(list) > 0 {
		item := list
		list = nil
		if end := bytes.Index(item, []byte(versionItem)); end >= 0 {
			item, list = item[:end+1], item[end+1:]
		}
		rest, ok := bytes.CutPrefix(item, []byte(versionNameFirst))
		if !ok {
			_, rest, ok = bytes.Cut(item, []byte(versionName))
		}
		if name, _, _ := bytes.Cut(rest, []byte("\n")); ok {
			versions[string(name)] = item
		}
	}
	return versions
}

// readVersion compiles the schema of a CRD's one version; nil without an error
// is for a version that is not served.
func readVersion(file, version string, content []byte) (*versionSchema, error) {
	definition, err := parse(file, content)
	if err != nil {
		return nil, err
	}
	if v := definition.Spec.Versions; len(v) != 1 || v[0].Name != version {
		return nil, fmt.Errorf("the CRD %s of Kyverno: version %s is not found", file, version)
	}
	if !definition.Spec.Versions[0].Served {
		return nil, nil
	}
	return compile(definition.Spec.Versions[0])
}

// parse decodes a CRD, or the head of one.
func parse(name string, content []byte) (*apiextensionsv1.CustomResourceDefinition, error) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &definition); err != nil {
		return nil, fmt.Errorf("the CRD %s of Kyverno: %w", name, err)
	}
	return &definition, nil
}

// compile makes of a version's schema what the API server makes of it.
func compile(version apiextensionsv1.CustomResourceDefinitionVersion) (*versionSchema, error) {
	if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
		return nil, fmt.Errorf("version %s has no schema", version.Name)
	}
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, internal, nil); err != nil {
		return nil, fmt.Errorf("schema of version %s: %w", version.Name, err)
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, fmt.Errorf("schema of version %s: %w", version.Name, err)
	}
	values, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, fmt.Errorf("schema of version %s: %w", version.Name, err)
	}
	return &versionSchema{
		structural: structural,
		values:     values,
		rules:      schemacel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// namespaced reports the scope of the kind.
func (c *crd) namespaced() bool {
	return c.head.Scope == apiextensionsv1.NamespaceScoped
}

// check holds an object against a version of the CRD and returns a message a
// violation, an unknown field first. The error is for a version that cannot be
// checked at all.
func (c *crd) check(version string, object *unstructured.Unstructured) ([]string, error) {
	load, ok := c.versions()[version]
	if !ok {
		return nil, c.notServed(version)
	}
	s, err := load()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, c.notServed(version)
	}
	content := object.DeepCopy().Object
	var messages []string
	// What the API server prunes silently from a stored object is what
	// `kubectl apply`, with its strict field validation, refuses.
	unknown := pruning.PruneWithOptions(content, s.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(content, s.structural)
	defaulting.Default(content, s.structural)
	errs := validation.ValidateCustomResource(nil, content, s.values)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, content)...)
	// The rules of a schema assume its types, so the API server evaluates
	// them only on what has passed so far.
	if len(errs) == 0 && s.rules != nil {
		var ruleErrs field.ErrorList
		ruleErrs, _ = s.rules.Validate(context.Background(), nil, s.structural, content, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, ruleErrs...)
	}
	for _, p := range unknown {
		if !insideWrongType(p, errs) {
			messages = append(messages, fmt.Sprintf("unknown field %q", p))
		}
	}
	for _, e := range errs {
		messages = append(messages, e.Error())
	}
	return messages, nil
}

func (c *crd) notServed(version string) error {
	return fmt.Errorf("%s is not served in version %s", c.head.Names.Kind, version)
}

// insideWrongType reports whether a path lies in a value that is itself of the
// wrong type: that one has no fields, known or unknown.
func insideWrongType(p string, errs field.ErrorList) bool {
	for _, e := range errs {
		if e.Type != field.ErrorTypeTypeInvalid {
			continue
		}
		if rest, ok := strings.CutPrefix(p, e.Field); ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "[")) {
			return true
		}
	}
	return false
}
