package kinds

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table(t testing.TB) *Table {
	t.Helper()
	tab, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestLoad(t *testing.T) {
	tab := table(t)
	if n := len(tab.All()); n < 400 {
		t.Errorf("%d kinds", n)
	}
	if got := tab.Release(Kubernetes); !strings.HasPrefix(got, "1.") {
		t.Errorf("release of Kubernetes %q", got)
	}
	seen := map[string]bool{}
	for _, k := range tab.All() {
		key := k.Group + "/" + k.Name
		if seen[key] {
			t.Errorf("%s stands twice", key)
		}
		seen[key] = true
		if k.Project == "" || k.Plural != strings.ToLower(k.Plural) {
			t.Errorf("%s: project %q, plural %q", key, k.Project, k.Plural)
		}
		if k.Origin == Ecosystem && !strings.Contains(k.Group, ".") {
			t.Errorf("%s: a custom resource's group has a dot", key)
		}
	}
}

func TestRead(t *testing.T) {
	tests := []struct{ name, text, err string }{
		{"columns", "[p]\na.b K ks cluster", "line 2: 4 columns"},
		{"scope", "[p]\na.b K ks global v1", `scope "global"`},
		{"version", "[p]\na.b K ks cluster v1,1", `"1" is no version`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := newTable().read(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
	got := newTable()
	if err := got.read("# c\n[Kubernetes 1.9]\n- K ks namespaced v1beta1@1.8,v1,v2 scale=Scale,status\n"); err != nil {
		t.Fatal(err)
	}
	want := &Kind{
		Name: "K", Plural: "ks", Singular: "k", Namespaced: true, Origin: Kubernetes, Project: "Kubernetes",
		Versions:     []Version{{Name: "v2", Served: true}, {Name: "v1", Served: true}, {Name: "v1beta1", Removed: "1.8"}},
		Subresources: []Subresource{{"scale", "Scale"}, {"status", "K"}},
	}
	if diff := cmp.Diff([]*Kind{want}, got.All()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	// The rows of Kyverno's own test, pkg/utils/kube/kind_test.go, among them;
	// evaluator/vettest compares with its function.
	tests := []struct {
		text string
		want Selector
	}{
		{"Pod", Selector{"*", "*", "Pod", ""}},
		{"v1/Pod", Selector{"*", "v1", "Pod", ""}},
		{"*/Pod", Selector{"*", "*", "Pod", ""}},
		{"batch/*/CronJob", Selector{"batch", "*", "CronJob", ""}},
		{"storage.k8s.io/v1/CSIDriver", Selector{"storage.k8s.io", "v1", "CSIDriver", ""}},
		{"Pod.status", Selector{"*", "*", "Pod", "status"}},
		{"v1/Pod.status", Selector{"*", "v1", "Pod", "status"}},
		{"*/Pod.status", Selector{"*", "*", "Pod", "status"}},
		{"*/status", Selector{"*", "*", "*", "status"}},
		{"*/*", Selector{"*", "*", "*", "*"}},
		{"apps/v1/Deployment/scale", Selector{"apps", "v1", "Deployment", "scale"}},
		{"a/b/c/d/e", Selector{}},
		{"", Selector{"*", "*", "", ""}},
		{"v11/Pod", Selector{"*", "*", "v11", "Pod"}},
	}
	for _, tt := range tests {
		if got := Parse(tt.text); got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	tests := []struct {
		selector string
		want     string // groups and names of the first kinds
	}{
		{"Pod", "/Pod"},
		{"Ingress", "networking.k8s.io/Ingress config.openshift.io/Ingress"},
		{"extensions/v1beta1/Ingress", ""},
		{"Event", "/Event events.k8s.io/Event"},
		{"batch/*/CronJob", "batch/CronJob"},
		{"v1/CronJob", "batch/CronJob"},
		{"v2/CronJob", ""},
		{"Deployment/scale", "apps/Deployment"},
		{"Pod/ex*", "/Pod"},
		{"Pod/scale", ""},
		{"autoscaling/v2/HorizontalPod*", "autoscaling/HorizontalPodAutoscaler"},
		{"?od", "/Pod"},
		{"policy/*/PodSecurityPolicy", ""},
	}
	tab := table(t)
	for _, tt := range tests {
		var got []string
		for _, k := range tab.Find(Parse(tt.selector)) {
			got = append(got, k.Group+"/"+k.Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.selector, got, tt.want)
		}
	}
	if all := tab.Find(Parse("*/*")); len(all) < 400 {
		t.Errorf("*/*: %d kinds", len(all))
	}
	if all := tab.Find(Parse("*/scale")); len(all) < 4 || slices.ContainsFunc(all, func(k *Kind) bool { return !k.HasSubresource("scale") }) {
		t.Errorf("*/scale: %d kinds", len(all))
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true},
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*b*", "abc", true}, {"**", "", true}, {"a*b*c", "aXbXbc", true}, {"?", "é", true},
		{strings.Repeat("a*", 100) + "b", strings.Repeat("a", 1000), false},
	}
	for _, tt := range tests {
		if got := Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	got := []string{"foo1", "v1alpha1", "v10", "v1beta2", "v2", "v11beta1", "v1", "foo10"}
	slices.SortFunc(got, compareVersions)
	want := []string{"v10", "v2", "v1", "v11beta1", "v1beta2", "v1alpha1", "foo1", "foo10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
