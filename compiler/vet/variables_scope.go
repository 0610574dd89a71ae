package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// scope is what a variable can refer to at a place.
type scope struct {
	// entries are the context entries that stand before the place.
	entries []contextEntry
	// own names the context entry around the place.
	own string
	// later names the context entries of the same list that stand after it.
	later []string
	// known names the context entries of the whole rule.
	known []string
	// depth counts the foreach around the place.
	depth int
	// target is set where the resource that a rule changes is known.
	target bool
	// image is set where an image is being verified.
	image bool
	// images says why there are no images, or is empty.
	images string
	// cleanup is set where there is no request.
	cleanup bool
	// webhook is set in the context of a rule, the only one whose entries
	// Kyverno's webhook looks at.
	webhook bool
	// open is set where names are known at run time only.
	open bool
	// accepted is what Kyverno's webhook takes here, all of which has to take a
	// variable; it is empty where the webhook looks at nothing but the syntax.
	accepted []*acceptance
}

// contextEntry is a name that a context entry defines.
type contextEntry struct {
	name      string
	configMap bool
}

// requestFields lists the fields of request: those of an admission request
// (k8s.io/api/admission/v1 AdmissionRequest), and what Kyverno knows of its user
// (api/kyverno/v2 RequestInfo).
var requestFields = []string{
	"object", "oldObject", "operation", "userInfo", "namespace", "name", "kind", "resource", "subResource",
	"roles", "clusterRoles", "uid", "requestKind", "requestResource", "requestSubResource", "dryRun", "options",
}

var (
	// imageGroups lists the fields of images without imageExtractors
	// (pkg/utils/api/image.go podExtractors).
	imageGroups = []string{"containers", "initContainers", "ephemeralContainers"}
	// imageKinds lists the kinds in which Kyverno finds images by itself
	// (pkg/utils/api/image.go registeredExtractors).
	imageKinds = []string{"Pod", "DaemonSet", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "CronJob", "Job"}
	// resourceFields are the fields of every resource, which people write
	// without request.object before them.
	resourceFields = []string{"metadata", "spec", "status", "kind", "apiVersion", "object", "oldObject", "operation", "userInfo"}
	elementName    = lazyregexp.New(`^element(Index)?([0-9]+)?$`)
)

// references checks what an expression refers to. It reports whether all of it
// is known here.
func (c *checker) references(at value, shown string, expression *jmespath.Expression, nested bool, sc scope) bool {
	if sc.open {
		return true
	}
	before := len(c.findings)
	var said []string
	for _, r := range expression.References() {
		name := r.Path[0]
		if nested && name == "null" || slices.Contains(said, strings.Join(r.Path[:min(len(r.Path), 2)], ".")) {
			continue // null stands for the variable inside
		}
		if c.reference(at, shown, r.Path, sc) {
			continue
		}
		said = append(said, strings.Join(r.Path[:min(len(r.Path), 2)], "."))
	}
	if len(c.findings) == before && sc.depth == 0 && !nested && sc.accepted != nil && strings.HasPrefix(expression.Text(), "element") {
		// pkg/engine/variables/vars.go validateElementInForEach looks at the
		// first letters alone.
		c.error(diag.MisplacedVariable, at, shown+" begins with element, which Kyverno takes for the element of a foreach and refuses outside of one", "give the context entry another name")
	}
	return len(c.findings) == before
}

// reference checks a path into the context. It reports whether it is known.
func (c *checker) reference(at value, shown string, path []string, sc scope) bool {
	name, second := path[0], ""
	if len(path) > 1 {
		second = path[1]
	}
	if e, ok := sc.entry(name); ok {
		if e.configMap && second != "" && second != "data" && second != "metadata" {
			c.error(diag.UnknownVariable, at, fmt.Sprintf("%s: a ConfigMap's context entry has data and metadata, not %q", shown, second), fmt.Sprintf("did you mean %s.data.%s?", name, second))
			return false
		}
		return true
	}
	misplaced := func(message, hint string) bool {
		c.error(diag.MisplacedVariable, at, shown+": "+message, hint)
		return false
	}
	switch {
	case sc.own != "" && name == sc.own:
		c.error(diag.ContextOrder, at, fmt.Sprintf("%s uses the context entry %q within that entry: entries see only those before them", shown, name), "")
		return false
	case slices.Contains(sc.later, name):
		c.error(diag.ContextOrder, at, fmt.Sprintf("%s uses the context entry %q, which stands after it: entries see only those before them", shown, name), fmt.Sprintf("move %q before it", name))
		return false
	case sc.cleanup && name == "request":
		if second != "" && second != "namespace" {
			return misplaced("a cleanup policy has no request", "the resource is target, such as target."+strings.Join(path[min(2, len(path)):], "."))
		}
	case name == "request":
		if second != "" && !slices.Contains(requestFields, second) {
			hint := didYouMean("request."+second, prefixed("request.", requestFields))
			if hint == "" && slices.Contains(resourceFields, second) {
				hint = fmt.Sprintf("did you mean %q?", "request.object."+second)
			}
			c.error(diag.UnknownVariable, at, fmt.Sprintf("%s: request has no field %q", shown, second), hint)
			return false
		}
	case name == "serviceAccountName" || name == "serviceAccountNamespace":
		if sc.cleanup {
			return misplaced("a cleanup policy has no request, and no user", "")
		}
	case elementName.MatchString(name) && (sc.depth > 0 || !slices.Contains(sc.known, name)):
		return c.element(name, misplaced, sc)
	case name == "target":
		if !sc.target {
			return misplaced("target is the resource that a rule with mutate.targets changes, and is known in its targets and patches alone", "did you mean request.object?")
		}
	case name == "image":
		if !sc.image {
			return misplaced("image is known while an image is verified, under verifyImages", "did you mean images?")
		}
	case name == "images":
		switch {
		case sc.images != "":
			return misplaced(sc.images, "")
		case second != "" && !slices.Contains(imageGroups, second):
			c.error(diag.UnknownVariable, at, fmt.Sprintf("%s: images has %s, not %q", shown, strings.Join(imageGroups, ", "), second), didYouMean("images."+second, prefixed("images.", imageGroups)))
			return false
		}
	case slices.Contains(sc.known, name):
		return misplaced(fmt.Sprintf("the context entry %q is known where it stands, and not here", name), "move the entry to the context of the rule")
	default:
		return c.unknownVariable(at, shown, path, sc)
	}
	return true
}

// element checks element, elementIndex and the numbered ones of nested foreach
// (pkg/engine/context/context.go AddElement).
func (c *checker) element(name string, misplaced func(message, hint string) bool, sc scope) bool {
	if sc.depth == 0 {
		return misplaced(name+" is known inside of a foreach, and not here", "")
	}
	digits := elementName.FindStringSubmatch(name)[2]
	if digits == "" {
		return true
	}
	for level := range sc.depth {
		if digits == fmt.Sprint(level) {
			return true
		}
	}
	return misplaced(fmt.Sprintf("the numbers of elements are those of the foreach around them, counted from 0, of which there are %d here", sc.depth), fmt.Sprintf("the innermost is %s%d", strings.TrimSuffix(name, digits), sc.depth-1))
}

func (c *checker) unknownVariable(at value, shown string, path []string, sc scope) bool {
	name := path[0]
	hint := ""
	if slices.Contains(resourceFields, name) {
		before := "request.object."
		switch {
		case sc.cleanup:
			before = "target."
		case slices.Contains(requestFields, name):
			before = "request."
		}
		hint = fmt.Sprintf("did you mean %q?", before+strings.Join(path, "."))
	} else if near := diag.Nearest(name, sc.names()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if name == "null" && hint == "" {
		hint = "the literal is written `null`"
	}
	c.error(diag.UnknownVariable, at, fmt.Sprintf("%s: there is no %q: expected one of %s", shown, name, strings.Join(sc.names(), ", ")), hint)
	return false
}

// entry gives the context entry of a name: the last, where there are several.
func (sc scope) entry(name string) (contextEntry, bool) {
	for _, e := range slices.Backward(sc.entries) {
		if e.name == name {
			return e, true
		}
	}
	return contextEntry{}, false
}

// names lists what a variable can begin with.
func (sc scope) names() []string {
	var out []string
	for _, e := range sc.entries {
		if !slices.Contains(out, e.name) {
			out = append(out, e.name)
		}
	}
	if sc.depth > 0 {
		out = append(out, "element", "elementIndex")
	}
	if sc.target {
		out = append(out, "target")
	}
	if sc.image {
		out = append(out, "image")
	}
	if !sc.cleanup {
		out = append(out, "request", "serviceAccountName", "serviceAccountNamespace")
	}
	if sc.images == "" {
		out = append(out, "images")
	}
	return out
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = prefix + name
	}
	return out
}

// imagesOf says why a rule has no images, or "": none of the kinds that it
// matches has any.
func (c *checker) imagesOf(r value) string {
	var kinds []string
	for _, f := range c.filters(r.get("match")) {
		for _, selector := range f.down("resources", "kinds").Strings() {
			kind := selector[strings.LastIndex(selector, "/")+1:]
			kind, subresource, _ := strings.Cut(kind, ".")
			if !kindName.MatchString(kind) || subresource != "" || slices.Contains(imageKinds, kind) {
				return ""
			}
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 || r.get("imageExtractors").exists() {
		return ""
	}
	return fmt.Sprintf("Kyverno finds images in %s alone, and the rule is about %s", strings.Join(imageKinds, ", "), strings.Join(kinds, ", "))
}

var kindName = lazyregexp.New(`^[A-Z][A-Za-z0-9]*$`)

// contextNames lists the context entries of a rule, wherever they stand.
func contextNames(r value) []string {
	var out []string
	add := func(entries value) {
		for _, e := range entries.items() {
			if name := e.get("name").Str(); name != "" {
				out = append(out, name)
			}
		}
	}
	var foreach func(value)
	foreach = func(v value) {
		for _, f := range v.get("foreach").items() {
			if f.Kind == spec.Struct {
				add(f.get("context"))
				foreach(f)
			}
		}
	}
	add(r.get("context"))
	for _, body := range bodies {
		foreach(r.get(body))
	}
	for _, t := range r.down("mutate", "targets").items() {
		add(t.get("context"))
	}
	return out
}
