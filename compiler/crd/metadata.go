package crd

import (
	"slices"
	"strings"

	"kcue.dev/compiler/spec"
)

// The limits of Kubernetes (k8s.io/apimachinery, pkg/api/validate/content and
// pkg/api/validation) and of Kyverno's webhook.
const (
	maxLabel       = 63  // a DNS label, a label's value, the name part of its key
	maxSubdomain   = 253 // an object's name
	maxAnnotations = 256 << 10

	// ValidatePolicyName in Kyverno's api/kyverno/v1/utils.go: reports carry
	// the policy's name in a label. Only the kinds below are held to it.
	maxPolicyName = 63
)

var shortNamed = []string{"ClusterPolicy", "Policy", "CleanupPolicy", "ClusterCleanupPolicy"}

// metadata checks what the CRDs leave to Kubernetes; types and unknown fields
// are the schema's.
func (c *checker) metadata(obj *spec.Node, namespaced bool) {
	meta := obj.Get("metadata")
	c.pushField("metadata")
	defer c.pop()
	if meta == nil || meta.Kind == spec.Null {
		c.add(obj, Missing, "metadata is missing, expected at least a name")
		return
	}
	if meta.Kind != spec.Struct {
		return // reported by the schema
	}
	c.name(meta, obj.Get("kind").Str())
	c.namespace(meta, namespaced)
	c.labels(meta.Get("labels"))
	c.annotations(meta.Get("annotations"))
	c.finalizers(meta.Get("finalizers"))
}

func (c *checker) name(meta *spec.Node, kind string) {
	c.pushField("name")
	defer c.pop()
	name := meta.Get("name")
	switch {
	case name == nil || name.Kind == spec.Null || name.Kind == spec.String && name.Text == "":
		c.add(meta, Missing, "the object has no name")
	case name.Kind != spec.String: // reported by the schema
	case len(name.Text) > maxPolicyName && slices.Contains(shortNamed, kind):
		c.add(name, BadMetadata, "the name has %d characters, and Kyverno admits at most %d for a %s", len(name.Text), maxPolicyName, kind)
	case !isSubdomain(name.Text):
		c.add(name, BadMetadata, "%s is no name for an object, expected at most %d lowercase letters, digits, '-' and '.', with a letter or digit at both ends of each part", quote(name.Text), maxSubdomain)
	}
}

func (c *checker) namespace(meta *spec.Node, namespaced bool) {
	ns := meta.Get("namespace")
	if ns == nil || ns.Kind != spec.String || ns.Text == "" {
		return
	}
	c.pushField("namespace")
	defer c.pop()
	switch {
	case !namespaced:
		c.add(ns, BadMetadata, "the kind is cluster-scoped, expected no namespace")
	case !isLabel(ns.Text):
		c.add(ns, BadMetadata, "%s is no namespace, expected at most %d lowercase letters, digits and '-', with a letter or digit at both ends", quote(ns.Text), maxLabel)
	}
}

func (c *checker) labels(labels *spec.Node) {
	if labels == nil || labels.Kind != spec.Struct {
		return
	}
	c.pushField("labels")
	defer c.pop()
	for _, f := range labels.Fields {
		c.pushField(f.Name)
		c.qualifiedName(f.Value, f.Name, f.Name)
		if f.Value.Kind == spec.String && f.Value.Text != "" && (len(f.Value.Text) > maxLabel || !isLabelText(f.Value.Text)) {
			c.add(f.Value, BadMetadata, "%s is no label value, expected at most %d letters, digits, '-', '_' and '.', with a letter or digit at both ends", quote(f.Value.Text), maxLabel)
		}
		c.pop()
	}
}

func (c *checker) annotations(annotations *spec.Node) {
	if annotations == nil || annotations.Kind != spec.Struct {
		return
	}
	c.pushField("annotations")
	defer c.pop()
	size := 0
	for _, f := range annotations.Fields {
		size += len(f.Name) + len(f.Value.Text)
		c.pushField(f.Name)
		c.qualifiedName(f.Value, f.Name, strings.ToLower(f.Name)) // case does not matter here
		c.pop()
	}
	if size > maxAnnotations {
		c.add(annotations, BadMetadata, "the annotations have %d bytes, and Kubernetes admits at most %d", size, maxAnnotations)
	}
}

func (c *checker) finalizers(finalizers *spec.Node) {
	if finalizers == nil || finalizers.Kind != spec.List {
		return
	}
	c.pushField("finalizers")
	defer c.pop()
	for i, f := range finalizers.Items {
		if f.Kind != spec.String {
			continue // reported by the schema
		}
		c.pushIndex(i)
		c.qualifiedName(f, f.Text, f.Text)
		c.pop()
	}
}

func (c *checker) qualifiedName(n *spec.Node, shown, key string) {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		name = key
	}
	if ok && !isSubdomain(prefix) || len(name) > maxLabel || !isLabelText(name) {
		c.add(n, BadMetadata, "%s is no key, expected a name of at most %d letters, digits, '-', '_' and '.', with a letter or digit at both ends, after an optional DNS name and '/'", quote(shown), maxLabel)
	}
}

// isLabelText reports whether s is made as the name of a label key and a
// label's value are: letters, digits, and inside them '-', '_' and '.'.
func isLabelText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case isLowerAlnum(c) || c >= 'A' && c <= 'Z':
		case (c == '-' || c == '_' || c == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

func isSubdomain(s string) bool {
	if len(s) > maxSubdomain {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !isLabelOf(part) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool { return len(s) <= maxLabel && isLabelOf(s) }

func isLabelOf(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLowerAlnum(c) && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}

func isLowerAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
