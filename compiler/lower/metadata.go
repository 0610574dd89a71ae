package lower

import (
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// metadata gives an object's metadata from a spec's own words. An annotation
// that the author wrote out wins over the field that stands for it.
func metadata(name, namespace string, s *spec.Node, autogen *spec.Field, pos token.Pos) *spec.Node {
	var m fields
	m.addString("name", name, pos)
	if namespace != "" {
		m.addString("namespace", namespace, pos)
	}
	m.add("labels", nonEmpty(s.Get("labels")))

	own := s.Get("annotations")
	var a fields
	for _, d := range spec.Descriptions() {
		if !own.Has(d.Annotation) {
			a.add(d.Annotation, s.Get(d.Field))
		}
	}
	if controls := s.Get("controls"); controls != nil && len(controls.Fields) > 0 && !own.Has(spec.ControlsAnnotation) {
		parts := make([]string, len(controls.Fields))
		for i, framework := range controls.Fields {
			parts[i] = framework.Name + ": " + strings.Join(framework.Value.Strings(), ", ")
		}
		a.addString(spec.ControlsAnnotation, strings.Join(parts, "; "), controls.Pos)
	}
	if autogen != nil && !own.Has(autogen.Name) {
		a.add(autogen.Name, autogen.Value)
	}
	a.list = append(a.list, own.Members()...)
	m.add("annotations", a.node(pos))
	return m.node(pos)
}

func nonEmpty(n *spec.Node) *spec.Node {
	if n == nil || len(n.Fields) == 0 && len(n.Items) == 0 {
		return nil
	}
	return n
}
