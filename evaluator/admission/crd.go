package admission

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"

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
)

// crdFiles are the CRDs that Kyverno's command line embeds, a file each
// (cmd/cli/kubectl-kyverno/data): in the first line what a definition says
// without the schemas of its versions, then a line each of these, without their
// descriptions. Of 5.6 MB of YAML, this is an eighth. They are made by
//
//	go test ./admission -run TestCRDFiles -update
//
//go:embed crds
var crdFiles embed.FS

// crdDirectory is where they lie.
const crdDirectory = "crds"

// crdSet holds Kyverno's CRDs by the kind that each defines.
type crdSet map[schema.GroupKind]*crd

// crd is one custom resource definition. Only its head is read at first, and a
// version when it is needed.
type crd struct {
	head     apiextensionsv1.CustomResourceDefinitionSpec
	versions map[string]func() (*versionSchema, error)
}

// versionSchema is what the API server compiles of one version of a CRD.
type versionSchema struct {
	structural *structuralschema.Structural
	values     validation.SchemaValidator
	rules      *schemacel.Validator
}

// readCRDs finds Kyverno's CRDs.
func readCRDs() (crdSet, error) {
	files, err := crdFiles.ReadDir(crdDirectory)
	if err != nil {
		return nil, fmt.Errorf("reading Kyverno's CRDs: %w", err)
	}
	set := crdSet{}
	for _, file := range files {
		c, err := readCRD(file.Name())
		if err != nil {
			return nil, fmt.Errorf("the CRD %s of Kyverno: %w", file.Name(), err)
		}
		set[schema.GroupKind{Group: c.head.Group, Kind: c.head.Names.Kind}] = c
	}
	return set, nil
}

// readCRD reads the head of a CRD.
func readCRD(name string) (*crd, error) {
	content, err := crdFiles.ReadFile(path.Join(crdDirectory, name))
	if err != nil {
		return nil, err
	}
	head, versions, _ := bytes.Cut(content, []byte("\n"))
	c := &crd{versions: map[string]func() (*versionSchema, error){}}
	if err := json.Unmarshal(head, &c.head); err != nil {
		return nil, err
	}
	for _, version := range c.head.Versions {
		var line []byte
		line, versions, _ = bytes.Cut(versions, []byte("\n"))
		c.versions[version.Name] = sync.OnceValues(func() (*versionSchema, error) {
			s, err := readVersion(version, line)
			if err != nil {
				return nil, fmt.Errorf("the CRD %s of Kyverno, version %s: %w", name, version.Name, err)
			}
			return s, nil
		})
	}
	return c, nil
}

// readVersion compiles the schema of a CRD's one version; nil without an error
// is for a version that is not served.
func readVersion(version apiextensionsv1.CustomResourceDefinitionVersion, content []byte) (*versionSchema, error) {
	if !version.Served {
		return nil, nil
	}
	var published apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(content, &published); err != nil {
		return nil, err
	}
	return compile(&published)
}

// compile makes of a version's schema what the API server makes of it.
func compile(published *apiextensionsv1.JSONSchemaProps) (*versionSchema, error) {
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(published, internal, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(internal)
	if err != nil {
		return nil, err
	}
	values, _, err := validation.NewSchemaValidator(internal)
	if err != nil {
		return nil, err
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
	load, ok := c.versions[version]
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
