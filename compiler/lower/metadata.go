package lower

import (
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/spec"
)

// described maps the spec's words about itself to the annotations of the
// Kyverno policy library, in the order in which the library writes them.
var described = []struct{ field, annotation string }{
	{"title", "policies.kyverno.io/title"},
	{"category", "policies.kyverno.io/category"},
	{"severity", "policies.kyverno.io/severity"},
	{"subject", "policies.kyverno.io/subject"},
	{"minVersion", "policies.kyverno.io/minversion"},
	{"description", "policies.kyverno.io/description"},
}

// controlsAnnotation names the controls that a policy serves, as
// "PCI-DSS: 2.2.1, 6.4; SOC2: CC6.1".
const controlsAnnotation = "kcue.dev/controls"

// metadataFields lists what metadata takes out of a spec that is written flat.
var metadataFields = []string{
	"title", "description", "category", "severity", "subject", "minVersion", "controls", "labels", "annotations",
}

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
	for _, d := range described {
		if !own.Has(d.annotation) {
			a.add(d.annotation, s.Get(d.field))
		}
	}
	if controls := s.Get("controls"); controls != nil && len(controls.Fields) > 0 && !own.Has(controlsAnnotation) {
		parts := make([]string, len(controls.Fields))
		for i, framework := range controls.Fields {
			parts[i] = framework.Name + ": " + strings.Join(framework.Value.Strings(), ", ")
		}
		a.addString(controlsAnnotation, strings.Join(parts, "; "), controls.Pos)
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
