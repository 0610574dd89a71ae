package crdcheck

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// resource is what the API server makes of one version of a CRD.
type resource struct {
	namespaced bool
	validator  validation.SchemaValidator
	structural *schema.Structural
	rules      *cel.Validator
}

// resources reads Kyverno's CRDs from its module, by apiVersion and kind.
func resources(t *testing.T) map[string]*resource {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/kyverno/kyverno").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("no module github.com/kyverno/kyverno: %v", err)
	}
	found := map[string]*resource{}
	for _, pattern := range []string{"kyverno/*.yaml", "policies.kyverno.io/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(dir, "config/crds", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no CRDs under %s (%v)", dir, err)
		}
		for _, file := range files {
			addResources(t, found, file)
		}
	}
	return found
}

func addResources(t *testing.T, found map[string]*resource, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var external apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(data, &external); err != nil {
		t.Fatal(err)
	}
	for _, v := range external.Spec.Versions {
		if !v.Served || external.Spec.Names.Kind == "UpdateRequest" {
			continue
		}
		// A subresource, which the API server drops from what users write.
		if _, ok := v.Schema.OpenAPIV3Schema.Properties["status"]; ok {
			open := true
			v.Schema.OpenAPIV3Schema.Properties["status"] = apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &open}
		}
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			t.Fatal(err)
		}
		r := &resource{namespaced: external.Spec.Scope == apiextensionsv1.NamespaceScoped}
		if r.validator, _, err = validation.NewSchemaValidator(&props); err != nil {
			t.Fatal(err)
		}
		if r.structural, err = schema.NewStructural(&props); err != nil {
			t.Fatal(err)
		}
		r.rules = cel.NewValidator(r.structural, true, celconfig.PerCallLimit)
		found[external.Spec.Group+"/"+v.Name+" "+external.Spec.Names.Kind] = r
	}
}

// admit gives the paths of all that the API server refuses or drops in an
// object, under strict validation, in the order of its own steps: defaulting,
// decoding the metadata, pruning, validation.
func (r *resource) admit(t *testing.T, obj map[string]any) map[string]string {
	t.Helper()
	obj = runtime.DeepCopyJSON(obj)
	refused := map[string]string{}
	defaulting.Default(obj, r.structural)
	meta, ok, unknown, err := objectmeta.GetObjectMetaWithOptions(obj, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	switch {
	case err != nil:
		refused["metadata"] = err.Error()
	case !ok:
		refused["metadata"] = "missing"
	default:
		if r.namespaced && meta.Namespace == "" {
			meta.Namespace = "default" // the request's
		}
		for _, e := range apivalidation.ValidateObjectMeta(meta, r.namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")) {
			refused[e.Field] = e.Error()
		}
	}
	unknown = append(unknown, pruning.PruneWithOptions(obj, r.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	for _, path := range unknown {
		refused[path] = "unknown field"
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(obj, r.structural)

	errs := validation.ValidateCustomResource(nil, obj, r.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, obj)...)
	if r.rules != nil && len(errs) == 0 {
		more, _ := r.rules.Validate(t.Context(), nil, r.structural, obj, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, more...)
	}
	for _, e := range errs {
		refused[place(e)] = e.Error()
	}
	return refused
}

var namedPlace = regexp.MustCompile(`"([^"]+)" must (?:not )?validate|in (\S+)$`)

// place gives an error's path, which some errors name only in their message.
func place(e *field.Error) string {
	if m := namedPlace.FindStringSubmatch(e.Detail); m != nil && e.Field == "<nil>" {
		return m[1] + m[2]
	}
	return e.Field
}

// decode gives JSON as the API server decodes it: integers are int64.
func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return convert(v).(map[string]any)
}

func convert(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			return fmt.Sprint(v)
		}
		return f
	case []any:
		for i := range v {
			v[i] = convert(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = convert(v[k])
		}
	}
	return v
}
