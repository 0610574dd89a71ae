package vettest

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	policiesv1beta1 "github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"kcue.dev/compiler/celenv"
)

// celPublished gives the CEL expressions of the published policies.
func celPublished(t *testing.T) []celCase {
	t.Helper()
	const published = "../../../shared/corpus"
	if _, err := os.Stat(published); err != nil {
		t.Logf("PARTLY SKIPPED: the published policies are not at hand: %v", err)
		return nil
	}
	var out []celCase
	err := filepath.WalkDir(published, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, document := range bytes.Split(data, []byte("\n---")) {
			content, err := yaml.YAMLToJSON(document)
			if err == nil {
				out = append(out, celCases(filepath.Base(path), content)...)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 250 {
		t.Fatalf("%d expressions in the published policies: too few", len(out))
	}
	return out
}

// celCases lists the expressions of an object, if it is a policy that has some.
func celCases(from string, content []byte) []celCase {
	var head struct{ APIVersion, Kind string }
	if json.Unmarshal(content, &head) != nil {
		return nil
	}
	group, _, _ := strings.Cut(head.APIVersion, "/")
	kind, namespaced := strings.CutPrefix(head.Kind, "Namespaced")
	w := celWalk{from: from}
	of := func(cluster, other celenv.Kind) {
		w.kind = cluster
		if namespaced {
			w.kind = other
		}
	}
	switch {
	case group == "kyverno.io" && (kind == "ClusterPolicy" || kind == "Policy"):
		var p kyvernov1.ClusterPolicy
		if json.Unmarshal(content, &p) == nil {
			w.policy(&p.Spec)
		}
	case group == "policies.kyverno.io" && kind == "ValidatingPolicy":
		of(celenv.Validating, celenv.NamespacedValidating)
		var p policiesv1beta1.ValidatingPolicy
		if json.Unmarshal(content, &p) == nil {
			w.conditions(p.Spec.MatchConditions)
			w.declare(p.Spec.Variables)
			w.validations(p.Spec.Validations)
			w.annotations(p.Spec.AuditAnnotations)
		}
	case group == "policies.kyverno.io" && kind == "MutatingPolicy":
		of(celenv.Mutating, celenv.NamespacedMutating)
		var p policiesv1beta1.MutatingPolicy
		if json.Unmarshal(content, &p) == nil {
			w.declare(p.Spec.Variables)
			w.conditions(p.Spec.MatchConditions)
			for _, m := range p.Spec.Mutations {
				if m.JSONPatch != nil {
					w.add(m.JSONPatch.Expression, celenv.Patches)
				}
				if m.ApplyConfiguration != nil {
					w.add(m.ApplyConfiguration.Expression, celenv.Object)
				}
			}
		}
	case group == "policies.kyverno.io" && kind == "GeneratingPolicy":
		of(celenv.Generating, celenv.NamespacedGenerating)
		var p policiesv1beta1.GeneratingPolicy
		if json.Unmarshal(content, &p) == nil {
			w.conditions(p.Spec.MatchConditions)
			w.declare(p.Spec.Variables)
			for _, g := range p.Spec.Generation {
				if g.Expression != "" {
					w.add(g.Expression, celenv.Bool)
				}
			}
		}
	case group == "policies.kyverno.io" && kind == "DeletingPolicy":
		of(celenv.Deleting, celenv.NamespacedDeleting)
		var p policiesv1beta1.DeletingPolicy
		if json.Unmarshal(content, &p) == nil {
			w.declare(p.Spec.Variables)
			w.conditions(p.Spec.Conditions)
		}
	case group == "policies.kyverno.io" && kind == "ImageValidatingPolicy":
		of(celenv.ImageValidating, celenv.NamespacedImageValidating)
		var p policiesv1beta1.ImageValidatingPolicy
		if json.Unmarshal(content, &p) == nil {
			w.conditions(p.Spec.MatchConditions)
			w.declare(p.Spec.Variables)
			w.validations(p.Spec.Validations)
		}
	}
	return w.cases
}

// celWalk gathers the expressions of one policy.
type celWalk struct {
	from     string
	kind     celenv.Kind
	declared []admissionregistrationv1.Variable
	cases    []celCase
}

func (w *celWalk) add(expression string, result celenv.Result) {
	w.cases = append(w.cases, celCase{from: w.from, kind: w.kind, variables: slices.Clone(w.declared), expression: expression, result: result})
}

func (w *celWalk) declare(variables []admissionregistrationv1.Variable) {
	for _, v := range variables {
		w.add(v.Expression, celenv.Anything)
		w.declared = append(w.declared, v)
	}
}

func (w *celWalk) conditions(conditions []admissionregistrationv1.MatchCondition) {
	for _, c := range conditions {
		w.add(c.Expression, celenv.Bool)
	}
}

func (w *celWalk) validations(validations []admissionregistrationv1.Validation) {
	for _, v := range validations {
		w.add(v.Expression, celenv.Bool)
		if v.MessageExpression != "" {
			w.add(v.MessageExpression, celenv.String)
		}
	}
}

func (w *celWalk) annotations(annotations []admissionregistrationv1.AuditAnnotation) {
	for _, a := range annotations {
		w.add(a.ValueExpression, celenv.StringOrNull)
	}
}

// policy gathers the expressions of a ClusterPolicy.
func (w *celWalk) policy(spec *kyvernov1.Spec) {
	for _, rule := range spec.Rules {
		if rule.Validation == nil || rule.Validation.CEL == nil {
			continue
		}
		c := rule.Validation.CEL
		w.declared = nil
		full, message := celenv.Rule, celenv.RuleMessage
		if c.HasParam() {
			full, message = celenv.RuleParams, celenv.RuleMessageParams
		}
		w.kind = full
		w.declare(c.Variables)
		w.conditions(rule.CELPreconditions)
		for _, x := range c.Expressions {
			w.add(x.Expression, celenv.Bool)
			if x.MessageExpression != "" {
				w.kind = message
				w.add(x.MessageExpression, celenv.String)
				w.kind = full
			}
		}
		w.annotations(c.AuditAnnotations)
	}
}
