package importer

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// severities are those of #Severity.
var severities = []string{"critical", "high", "medium", "low", "info"}

// podControllers are those of #PodController.
var podControllers = []string{"DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob"}

// serverMetadata is what the API server writes into metadata, and no one else
// (k8s.io/apimachinery/pkg/apis/meta/v1 ObjectMeta).
var serverMetadata = []string{
	"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink",
	"deletionTimestamp", "deletionGracePeriodSeconds",
}

// metadata takes an object's metadata into the item: its name and namespace as
// keys, what describes it as fields.
func (c *converter) metadata(root *spec.Node, k spec.ObjectKind) {
	m := root.Get("metadata")
	c.serverFields(m)
	for _, name := range []string{"labels", "annotations"} {
		c.dropEmpty(m, name, "metadata")
	}
	c.out.name = m.Get("name").Str()
	if c.out.name == "" {
		c.refuse(diag.MissingField, m, "metadata.name", "the object has no name: the authoring model keys it by its name", "")
	}
	if k.Namespaced {
		c.out.namespace = m.Get("namespace").Str()
		if c.out.namespace == "" {
			c.out.namespace = "default"
			c.differs(m, "metadata.namespace", "", "default", "kcue writes the namespace out, and kubectl's own default is this one")
		}
	}
	annotations := m.Get("annotations")
	for _, d := range spec.Descriptions() {
		v := annotations.Get(d.Annotation)
		if v == nil || d.Field == "severity" && !slices.Contains(severities, v.Str()) {
			continue
		}
		set(c.out.node, d.Field, take(annotations, d.Annotation))
	}
	if v := annotations.Get(spec.ControlsAnnotation); v != nil {
		if controls := parseControls(v); controls != nil {
			c.pass(v, controls)
			take(annotations, spec.ControlsAnnotation)
			set(c.out.node, "controls", controls)
		}
	}
	autogen := annotations.Get(spec.AutogenAnnotation)
	var controllers *spec.Node
	if k.Field == "clusterPolicies" || k.Field == "policies" {
		controllers = parseAutogen(autogen)
	}
	if controllers != nil {
		take(annotations, spec.AutogenAnnotation)
		c.pass(autogen, controllers)
	}
	for _, f := range m.Fields {
		switch f.Name {
		case "name":
			c.pass(f.Value, c.out.node)
		case "namespace":
			c.pass(f.Value, c.out.node)
			if !k.Namespaced {
				c.refuse(diag.UnknownField, f.Value, "metadata.namespace", fmt.Sprintf("a %s is in no namespace", root.Get("kind").Str()), "leave it out")
			}
		case "labels", "annotations":
			if isEmpty(f.Value) {
				c.passAll(f.Value, c.out.node) // its annotations became fields
				continue
			}
			set(c.out.node, f.Name, f.Value)
		default:
			c.refuse(diag.UnknownField, f.Value, "metadata."+f.Name,
				fmt.Sprintf("the authoring model has no place for metadata.%s", f.Name), "leave it out, or keep the object as YAML")
		}
	}
	if controllers != nil {
		set(c.out.node, "autogen", controllers)
	}
	c.pass(m, c.out.node)
}

// serverFields drops what only the cluster writes.
func (c *converter) serverFields(m *spec.Node) {
	for _, name := range serverMetadata {
		if v := take(m, name); v != nil {
			c.passAll(v, m)
			if v.Kind != spec.Null {
				c.differs(v, "metadata."+name, shown(v), "", "the cluster writes it")
			}
		}
	}
	if v := take(m.Get("annotations"), lastApplied); v != nil {
		c.differs(v, "metadata.annotations."+spec.Label(lastApplied), shown(v), "", "kubectl writes it")
	}
}

// parseAutogen gives the autogen field of an annotation's value, or nil where
// the field would not emit the same bytes.
func parseAutogen(v *spec.Node) *spec.Node {
	if v.Str() == "" {
		return nil
	}
	if v.Text == "none" {
		return spec.NewString("none", v.Pos)
	}
	list := spec.NewList(v.Pos)
	for name := range strings.SplitSeq(v.Text, ",") {
		if !slices.Contains(podControllers, name) {
			return nil
		}
		list.Items = append(list.Items, spec.NewString(name, v.Pos))
	}
	return list
}

// parseControls gives the controls field of an annotation's value, or nil
// where the field would not emit the same bytes.
func parseControls(v *spec.Node) *spec.Node {
	out := spec.NewStruct(v.Pos)
	for part := range strings.SplitSeq(v.Str(), "; ") {
		framework, ids, ok := strings.Cut(part, ": ")
		if !ok || framework == "" || ids == "" || out.Has(framework) {
			return nil
		}
		list := spec.NewList(v.Pos)
		for id := range strings.SplitSeq(ids, ", ") {
			if id == "" {
				return nil
			}
			list.Items = append(list.Items, spec.NewString(id, v.Pos))
		}
		set(out, framework, list)
	}
	return out
}

// resource converts an object of a kind that is not in the authoring model:
// it is emitted as it is.
func (c *converter) resource(root *spec.Node) {
	c.out.field = "resources"
	c.out.name = root.Get("metadata").Get("name").Str()
	if c.out.name == "" {
		c.refuse(diag.MissingField, root.Get("metadata"), "metadata.name", "the object has no name, only a generateName: kubectl apply, and kcue, need one", "")
	}
	c.serverFields(root.Get("metadata"))
	if v := take(root, "status"); v != nil {
		c.passAll(v, root)
		c.differs(v, "status", shown(v), "", "the cluster writes it")
	}
	c.resourceNulls(root, "")
	c.out.node = root
	comment := c.comments[root]
	delete(c.comments, root)
	c.out.header = comment.Head
	comment.Head = ""
	// A comment above the first field is about the object.
	if v := root.Get("apiVersion"); v != nil && len(root.Fields) > 0 && root.Fields[0].Value == v {
		first := c.comments[v]
		comment.Head, first.Head = first.Head, ""
		c.comments[v] = first
		if first == (spec.Comment{}) {
			delete(c.comments, v)
		}
	}
	if comment != (spec.Comment{}) {
		c.comments[root] = comment
	}
}

// resourceNulls drops fields that are null, as kcue emits none in plain
// objects: Kubernetes takes them for absent.
func (c *converter) resourceNulls(n *spec.Node, path string) {
	n.Fields = slices.DeleteFunc(n.Fields, func(f spec.Field) bool {
		at := strings.TrimPrefix(path+"."+spec.Label(f.Name), ".")
		if f.Value.Kind != spec.Null {
			c.resourceNulls(f.Value, at)
			return false
		}
		c.passAll(f.Value, n)
		c.differs(f.Value, at, "null", "", "Kubernetes takes it for absent")
		return true
	})
	for i, it := range n.Items {
		c.resourceNulls(it, fmt.Sprintf("%s[%d]", path, i))
	}
}
