package lower

import (
	"slices"
	"strconv"

	"kcue.dev/compiler/spec"
)

// SpecPath gives the place in the bundle that a place in the object was made
// of: what keyed by name became a list, and a flat filter a list of one. A
// place that stands for nothing that an author wrote gives the nearest above.
func (o Object) SpecPath(path spec.Path) spec.Path {
	out := slices.Clone(o.Path)
	if len(path) == 0 {
		return out
	}
	if o.source == nil || o.Path[0] == "resources" {
		return append(out, path...)
	}
	rest := path[1:]
	switch path[0] {
	case "metadata":
		return append(out, metadataPath(rest)...)
	case "spec":
	default:
		return out
	}
	at, source := o.Node.Get("spec"), o.source
	if len(rest) > 0 && rest[0] == "webhookConfiguration" {
		rest = rest[1:]
		if len(rest) > 0 && rest[0] == "timeoutSeconds" {
			return append(out, "webhookTimeoutSeconds")
		}
	}
	if len(rest) > 1 && rest[0] == "rules" && at.Get("rules") != nil {
		if i, err := strconv.Atoi(rest[1]); err == nil && i < len(at.Get("rules").Items) {
			at = at.Get("rules").Items[i]
			name := at.Get("name").Str()
			source = source.Get("rules").Get(name)
			out = append(out, "rules", name)
			rest = rest[2:]
			if own, inherited := source, o.source; len(rest) > 0 && !own.Has(rest[0]) && inherited.Has(rest[0]) && (rest[0] == "match" || rest[0] == "exclude") {
				source, out = inherited, out[:len(o.Path)]
			}
		}
	}
	return append(out, specPath(rest, at, source)...)
}

// specPath turns the list forms below one rule, or below a spec of kyverno.io,
// back to the author's.
func specPath(path spec.Path, at, source *spec.Node) spec.Path {
	var out spec.Path
	for i := 0; i < len(path); i++ {
		name := path[i]
		out = append(out, name)
		next := member(at, name)
		switch {
		case (name == "match" || name == "exclude") && i+2 < len(path) && (path[i+1] == "any" || path[i+1] == "all"):
			if written := source.Get(name); written == nil || written.Has("any") || written.Has("all") {
				out = append(out, path[i+1], path[i+2])
			}
			next = member(member(next, path[i+1]), path[i+2])
			i += 2
			if i+1 < len(path) && path[i+1] == "resources" {
				next = next.Get("resources")
				i++
			}
		case name == "context" && i+1 < len(path) && next != nil && next.Kind == spec.List:
			entry := member(next, path[i+1])
			if entry == nil {
				return out
			}
			out = append(out, entry.Get("name").Str())
			next = entry
			i++
		}
		at = next
	}
	return out
}

// member gives the field or the item of a name.
func member(n *spec.Node, name string) *spec.Node {
	if n == nil {
		return nil
	}
	if n.Kind == spec.List {
		if i, err := strconv.Atoi(name); err == nil && i < len(n.Items) {
			return n.Items[i]
		}
		return nil
	}
	return n.Get(name)
}

// metadataPath gives what of a spec became a member of metadata.
func metadataPath(path spec.Path) spec.Path {
	if len(path) == 0 || path[0] == "name" || path[0] == "namespace" {
		return nil
	}
	if len(path) > 1 && path[0] == "annotations" {
		for _, d := range spec.Descriptions() {
			if d.Annotation == path[1] {
				return spec.Path{d.Field}
			}
		}
		switch path[1] {
		case spec.AutogenAnnotation:
			return spec.Path{"autogen"}
		case spec.ControlsAnnotation:
			return spec.Path{"controls"}
		}
	}
	return path
}
