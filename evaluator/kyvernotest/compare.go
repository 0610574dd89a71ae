package kyvernotest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/apis/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/protocol"
)

// compare holds what a rule says against a row, and writes the outcome into
// its check: the status of each result, and the resources that the row has
// files for.
func (r *runner) compare(c *protocol.Check, row v1alpha1.TestResult, results group) {
	c.Actual = protocol.Unmatched
	c.OK = true
	for _, o := range results {
		c.Actual, c.Message = string(o.Status), o.Message
		if !accepts(c.Expected, c.Actual) {
			c.OK = false
			if c.Message == "" && o.Status == evaluator.StatusUnmatched {
				c.Message = "the rule does not match the resource"
			}
			return
		}
	}
	if len(results) == 0 {
		c.OK = accepts(c.Expected, c.Actual)
		c.Message = "the rule does not match the resource"
		return
	}
	if c.Actual == protocol.Unmatched && c.Message == "" {
		c.Message = "the rule does not match the resource"
		return
	}
	for _, o := range results {
		if err := r.compareResources(row, o); err != nil {
			c.OK, c.Message = false, err.Error()
			return
		}
	}
}

func (r *runner) compareResources(row v1alpha1.TestResult, o outcome) error {
	if row.PatchedResources != "" && o.patched != nil {
		// Only where the rule passes does the file have to know the resource.
		must := o.Status == evaluator.StatusPass || row.FailOnMissingResources
		if err := r.compareWith([]string{row.PatchedResources}, o.patched, must, tidy); err != nil {
			return fmt.Errorf("patchedResources: %w", err)
		}
	}
	files := row.GeneratedResources
	field := "generatedResources"
	if len(files) == 0 && row.GeneratedResource != "" {
		files, field = []string{row.GeneratedResource}, "generatedResource"
	}
	if len(files) == 0 || o.Status != evaluator.StatusPass {
		return nil
	}
	if len(o.Generated) == 0 {
		return fmt.Errorf("%s: the rule generates nothing", field)
	}
	for _, generated := range o.Generated {
		if err := r.compareWith(files, generated, true, tidyGenerated); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// expectedFile is a file of expected resources.
type expectedFile struct {
	objects []*unstructured.Unstructured
	err     error
}

func (s *suite) expectedOf(name string) expectedFile {
	file, ok := s.expected[name]
	if !ok {
		file.objects, file.err = s.files.objects(s.dir, name)
		s.expected[name] = file
	}
	return file
}

// compareWith holds a resource against the one of the same identity in the
// files. Where several have it, one must be equal.
func (r *runner) compareWith(files []string, actual *unstructured.Unstructured, must bool, tidy func(*unstructured.Unstructured) any) error {
	var difference error
	for _, name := range files {
		file := r.expectedOf(name)
		if file.err != nil {
			return file.err
		}
		for _, expected := range file.objects {
			if !sameResource(expected, actual) {
				continue
			}
			expected := expected.DeepCopy()
			expected.SetNamespace(actual.GetNamespace())
			lines := differences(nil, "", tidy(expected), tidy(actual))
			if len(lines) == 0 {
				return nil
			}
			difference = fmt.Errorf("%s: %s", name, strings.Join(lines, "; "))
		}
	}
	if difference == nil && must {
		difference = fmt.Errorf("%s has no %s", strings.Join(files, ", "), resourceOf(actual))
	}
	return difference
}

// tidy gives an object without empty values, which Kyverno's command line does
// not tell from none (cmd/cli/kubectl-kyverno/resource/tidy.go), in the form of
// decoded JSON.
func tidy(o *unstructured.Unstructured) any {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return err.Error()
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err.Error()
	}
	return withoutEmpty(value)
}

// tidyGenerated is tidy, without the labels that Kyverno puts on what it
// generates (cmd/cli/kubectl-kyverno/resource/labels.go).
func tidyGenerated(o *unstructured.Unstructured) any {
	o = o.DeepCopy()
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["app.kubernetes.io/managed-by"] = "kyverno"
	maps.DeleteFunc(labels, func(key, _ string) bool { return strings.HasPrefix(key, "generate.kyverno.io/") })
	o.SetLabels(labels)
	return tidy(o)
}

func withoutEmpty(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, field := range value {
			if field = withoutEmpty(field); field != nil {
				kept[key] = field
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		var kept []any
		for _, item := range value {
			if item = withoutEmpty(item); item != nil {
				kept = append(kept, item)
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	}
	return value
}

// maxDifferences is how many differing fields a message lists.
const maxDifferences = 5

// differences lists where two decoded values differ, in the order of their
// fields.
func differences(lines []string, path string, expected, actual any) []string {
	if len(lines) >= maxDifferences || reflect.DeepEqual(expected, actual) {
		return lines
	}
	switch expected := expected.(type) {
	case map[string]any:
		if actual, ok := actual.(map[string]any); ok {
			keys := map[string]bool{}
			for key := range expected {
				keys[key] = true
			}
			for key := range actual {
				keys[key] = true
			}
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				lines = differences(lines, strings.TrimPrefix(path+"."+key, "."), expected[key], actual[key])
			}
			return lines
		}
	case []any:
		if actual, ok := actual.([]any); ok && len(actual) == len(expected) {
			for i := range expected {
				lines = differences(lines, fmt.Sprintf("%s[%d]", path, i), expected[i], actual[i])
			}
			return lines
		}
	}
	return append(lines, fmt.Sprintf("%s is %s, expected %s", path, short(actual), short(expected)))
}

// short writes a value in little space.
func short(value any) string {
	if value == nil {
		return "not there"
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	const most = 120
	text := []rune(string(data))
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
