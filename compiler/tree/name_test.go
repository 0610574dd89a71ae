package tree

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
)

func str(s string) *spec.Node { return spec.NewString(s, token.NoPos) }

func fields(pairs ...any) *spec.Node {
	n := spec.NewStruct(token.NoPos)
	for i := 0; i < len(pairs); i += 2 {
		value, ok := pairs[i+1].(*spec.Node)
		if !ok {
			value = str(pairs[i+1].(string))
		}
		n = n.With(pairs[i].(string), value)
	}
	return n
}

func object(apiVersion, kind, namespace, name string) lower.Object {
	metadata := fields("name", name)
	if namespace != "" {
		metadata = metadata.With("namespace", str(namespace))
	}
	return lower.Object{
		Node: fields("apiVersion", apiVersion, "kind", kind, "metadata", metadata),
		Path: spec.Path{"clusterPolicies", name},
	}
}

func TestFileName(t *testing.T) {
	long := strings.Repeat("a", 253)
	tests := []struct {
		o    lower.Object
		want string
	}{
		{object("kyverno.io/v1", "ClusterPolicy", "", "a.b-c"), "clusterpolicy.kyverno.io_a.b-c.yaml"},
		{object("kyverno.io/v1", "Policy", "prod", "a"), "policy.kyverno.io_prod_a.yaml"},
		{object("v1", "ConfigMap", "prod", "a"), "configmap_prod_a.yaml"},
		{object("rbac.authorization.k8s.io/v1", "Role", "prod", "system:Reader"), "role.rbac.authorization.k8s.io_prod_system%3a+reader.yaml"},
		{object("rbac.authorization.k8s.io/v1", "Role", "prod", "my_role"), "role.rbac.authorization.k8s.io_prod_my%5frole.yaml"},
		{object("rbac.authorization.k8s.io/v1", "Role", "prod", "50+% ~"), "role.rbac.authorization.k8s.io_prod_50%2b%25%20%7e.yaml"},
		{object("v1", "ConfigMap", "", ""), "configmap_.yaml"},
		{object("v1", "ConfigMap", "", "../a"), "configmap_..%2fa.yaml"},
		{object("v1", "ConfigMap", "..", "a"), "configmap_.._a.yaml"},
		{object("v1", "ConfigMap", "", "a."), "configmap_a..yaml"},
		{object("v1", "ConfigMap", "", `a\b`), "configmap_a%5cb.yaml"},
		{object("v1", "ConfigMap", "", "a\x00\n"), "configmap_a%00%0a.yaml"},
		{object("v1", "ConfigMap", "", "é"), "configmap_%c3%a9.yaml"},
		{object("v1", "ConfigMap", "", "e\u0301"), "configmap_e%cc%81.yaml"},
		{object("v1", "ConfigMap", "", "con"), "configmap_con.yaml"},
		{object("v1", "Config/Map", "", "a"), "config%2fmap_a.yaml"},
		{object("a/b/c", "ConfigMap", "", "a"), "configmap.a_a.yaml"},
		{object("v1", ".hidden", "", "a"), "%2ehidden_a.yaml"},
		{object("v1", "-rf", "", "a"), "%2drf_a.yaml"},
		{object("b.c/v1", "A", "", "a"), "a.b.c_a.yaml"},
		{object("c/v1", "A.B", "", "a"), "a%2eb.c_a.yaml"},
		{object("example.com/v1", "Con", "", "a"), "%63on.example.com_a.yaml"},
		{object("example.com/v1", "Lpt9", "", "a"), "%6cpt9.example.com_a.yaml"},
		{object("v1", "", "", "a"), "%_a.yaml"},
		{object("v1", "ConfigMap", "", long[:240]), "configmap_" + long[:240] + ".yaml"},
		{object("v1", "ConfigMap", "", long), "configmap_" + long[:199] + "~040c78d2c988ed5bf1d40a0beaf7a9f6b7cfaae7.yaml"},
	}
	for _, tt := range tests {
		if got := FileName(tt.o); got != tt.want {
			t.Errorf("FileName(%s %s %q/%q) is\n%q, want\n%q", tt.o.APIVersion(), tt.o.Kind(), tt.o.Namespace(), tt.o.Name(), got, tt.want)
		}
	}
}

// FuzzFileName holds names to be plain names on every system that are read back
// from manifests, and those of different objects to differ, even where a file
// system folds case or normalises.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"", "a", "A", "a_b", "a%5fb", "+a", "..", "/", `\`, "con", "NUL.", "é", "e\u0301", "\u212a", "a\x00", strings.Repeat("n", 260)} {
		f.Add("g.io/v1", "Kind", "ns", s, "v1", "Kind", s, "a")
		f.Add(s+"/v1", s, s, s, "v1", s, "", s)
	}
	f.Add("v1", "K", "a", "b", "v1", "K", "", "a_b")
	f.Add("c/v1", "A.B", "", "n", "b.c/v1", "A", "", "n")
	f.Fuzz(func(t *testing.T, version1, kind1, namespace1, name1, version2, kind2, namespace2, name2 string) {
		one, two := object(version1, kind1, namespace1, name1), object(version2, kind2, namespace2, name2)
		for _, o := range []lower.Object{one, two} {
			name := FileName(o)
			base, _, _ := strings.Cut(name, ".")
			switch {
			case !filepath.IsLocal(name), strings.ContainsAny(name, `/\:*?"<>|`), len(name) > 255, name[0] == '.', name[0] == '-',
				strings.Trim(name, ". ") != name, slices.Contains(devices, strings.ToLower(base)):
				t.Fatalf("%q is no file name", name)
			case !isWritten(name):
				t.Fatalf("%q would be refused in a manifest", name)
			case temporary.MatchString(name) || name == manifestName || name == kustomization:
				t.Fatalf("%q is the name of another file", name)
			case cases.Fold().String(norm.NFKC.String(name)) != name:
				t.Fatalf("%q is not the same where a file system folds names", name)
			}
		}
		lowerASCII := func(s string) string { return string(appendKind(nil, s)) }
		same := one.Group() == two.Group() && one.Namespace() == two.Namespace() && one.Name() == two.Name() &&
			lowerASCII(kind1) == lowerASCII(kind2)
		if (FileName(one) == FileName(two)) != same {
			t.Fatalf("%v and %v are both %q", one.Node, two.Node, FileName(one))
		}
	})
}
