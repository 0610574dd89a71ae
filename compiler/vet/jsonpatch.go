package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// patchOperations lists the operations of RFC 6902.
var patchOperations = []string{"add", "remove", "replace", "move", "copy", "test"}

var (
	// innermostVariable is a variable that has none inside; Kyverno replaces
	// them from the inside out (pkg/engine/variables/vars.go ReplaceAllVars).
	innermostVariable = lazyregexp.New(`\{\{[^{}]*\}\}`)

	// unescaped is a path to a label or annotation whose key has a slash that
	// is not written ~1 (RFC 6901).
	unescaped = lazyregexp.New(`^(.*/metadata/(?:labels|annotations)/)([^/]*/.*)$`)
)

const (
	standIn      = "kyvernojsonpatchvariable"
	maxVariables = 64 // nested in each other
)

// withoutVariables puts a word in the place of each variable, as Kyverno does
// before it reads a patch.
func withoutVariables(text string) string {
	for range maxVariables {
		next := innermostVariable.ReplaceAllString(text, standIn)
		if next == text {
			break
		}
		text = next
	}
	return text
}

// jsonPatch checks a JSON patch, which is YAML or JSON in a string
// (pkg/validation/policy/validate.go validateJSONPatch).
func (c *checker) jsonPatch(at value) {
	docs, err := spec.ParseYAML("patch", []byte(withoutVariables(at.Text)))
	if err != nil {
		message := err.Error()
		if e, ok := err.(*spec.YAMLError); ok {
			message = e.Message
			if e.Line > 0 {
				message = fmt.Sprintf("line %d: %s", e.Line, e.Message)
			}
		}
		c.error(diag.JSONPatch, at, "the patch is no YAML: "+message, "")
		return
	}
	if len(docs) == 0 {
		c.error(diag.JSONPatch, at, "the patch has no operations: expected a list of them", "")
		return
	}
	patch := docs[0]
	if patch.Kind != spec.List {
		hint := ""
		if patch.Kind == spec.Struct {
			hint = `begin each operation with "- "`
		}
		c.error(diag.JSONPatch, at, fmt.Sprintf("the patch is a %s: expected a list of operations", patch.Kind), hint)
		return
	}
	if len(patch.Items) == 0 {
		c.error(diag.JSONPatch, at, "the patch has no operations: expected a list of them", "")
	}
	for i, operation := range patch.Items {
		c.patchOperation(at, i+1, operation)
	}
}

func (c *checker) patchOperation(at value, number int, o *spec.Node) {
	report := func(hint, format string, args ...any) {
		c.error(diag.JSONPatch, at, fmt.Sprintf("operation %d: ", number)+fmt.Sprintf(format, args...), hint)
	}
	if o.Kind != spec.Struct {
		report("", "is a %s: expected op and path", o.Kind)
		return
	}
	op := o.Get("op").Str()
	switch {
	case op == "":
		report("", "has no op: expected one of %s", strings.Join(patchOperations, ", "))
	case strings.Contains(op, standIn):
	case !slices.Contains(patchOperations, op):
		report(didYouMean(op, patchOperations), "%q is no operation: expected one of %s", op, strings.Join(patchOperations, ", "))
	}
	path := o.Get("path")
	switch {
	case path == nil || path.Kind != spec.String:
		report("", "has no path: expected one such as /metadata/labels/team")
	case strings.Contains(path.Text, standIn) && !strings.HasPrefix(path.Text, "/"):
	case !strings.HasPrefix(path.Text, "/"):
		report(fmt.Sprintf("did you mean %q?", "/"+strings.ReplaceAll(path.Text, ".", "/")), "the path %q does not begin with a slash", path.Text)
	default:
		if m := unescaped.FindStringSubmatch(path.Text); m != nil {
			report(fmt.Sprintf("did you mean %q?", m[1]+strings.ReplaceAll(m[2], "/", "~1")), "the path %q leads below a label or annotation: a slash in a key is written ~1", path.Text)
		}
		if strings.HasSuffix(path.Text, "/-") && (op == "remove" || op == "replace") {
			report("name the element by its index", "the path %q stands for the element after the last, which %s does not find", path.Text, op)
		}
	}
	switch op {
	case "add", "replace", "test":
		if !o.Has("value") {
			report(nearField(o, "value"), "%s has no value", op)
		}
	case "move", "copy":
		from := o.Get("from")
		switch {
		case from == nil || from.Kind != spec.String:
			report(nearField(o, "from"), "%s has no from: expected the path that it takes the value of", op)
		case !strings.HasPrefix(from.Text, "/") && !strings.Contains(from.Text, standIn):
			report("", "from is %q: expected a path that begins with a slash", from.Text)
		}
	}
}

// nearField says which field may be a slip for the one that is missing.
func nearField(o *spec.Node, missing string) string {
	for _, f := range o.Fields {
		if !slices.Contains([]string{"op", "path", "value", "from"}, f.Name) && diag.Nearest(f.Name, []string{missing}) != "" {
			return fmt.Sprintf("%q: did you mean %q?", f.Name, missing)
		}
	}
	return ""
}

// patchOnPod warns where a JSON patch changes Pods (pkg/validation/policy/
// validate.go jsonPatchOnPod): Kyverno's autogen makes no rules of it for the
// Pods' controllers.
func (c *checker) patchOnPod(r, patch value) {
	if r.get("mutate").Has("targets") {
		return
	}
	if slices.Contains(c.soleKinds(r), "Pod") {
		c.warn(diag.PatchOnPod, patch, "changes Pods by their paths, which autogen cannot turn into a rule for the controllers that make them", "use patchStrategicMerge, or match the controllers too")
	}
}
