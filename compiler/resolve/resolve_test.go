package resolve_test

import (
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// bundle gives the bundle of a YAML text.
func bundle(t *testing.T, text string) *spec.Bundle {
	t.Helper()
	docs, err := spec.ParseYAML("bundle.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec.NewBundle("test", docs[0])
}

func resolved(t *testing.T, b *spec.Bundle) ([]*resolve.Policy, diag.List) {
	t.Helper()
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	return resolve.Bundle(b, m, &load.Files{Dir: "/"})
}

func text(t *testing.T, n *spec.Node) string {
	t.Helper()
	data, err := n.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBundle(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{
			"kcue's defaults",
			`clusterPolicies: {p: {}}`,
			`{"background":true,"failureAction":"Audit"}`,
		},
		{
			"the bundle's before kcue's, and the policy's before both",
			`{defaults: {background: false, severity: low, failureAction: Enforce, systemNamespaces: [x]}, clusterPolicies: {p: {severity: high}}}`,
			`{"severity":"high","background":false,"failureAction":"Enforce"}`,
		},
		{
			"defaults fill maps by key",
			`{defaults: {labels: {a: "1", b: "2"}}, clusterPolicies: {p: {labels: {b: "3"}, background: true, failureAction: Audit}}}`,
			`{"labels":{"b":"3","a":"1"},"background":true,"failureAction":"Audit"}`,
		},
		{
			"neither extends nor overrides nor params stay",
			`{bases: {b: {severity: low, params: {x: 1}}}, clusterPolicies: {p: {extends: [b], overrides: {severity: high}, params: {y: 1}, background: true, failureAction: Audit}}}`,
			`{"severity":"high","background":true,"failureAction":"Audit"}`,
		},
		{
			"an override may null a setting that the defaults then fill",
			`{defaults: {severity: info}, bases: {b: {severity: low}}, clusterPolicies: {p: {extends: [b], overrides: {severity: null}, background: true, failureAction: Audit}}}`,
			`{"background":true,"failureAction":"Audit","severity":"info"}`,
		},
		{
			"a list is replaced, a map merged",
			`{bases: {b: {labels: {a: "1"}, failureActionOverrides: [{action: Audit}, {action: Audit}]}}, clusterPolicies: {p: {extends: [b], overrides: {labels: {a: "2"}, failureActionOverrides: []}, labels: {c: "3"}, background: true, failureAction: Audit}}}`,
			`{"labels":{"a":"2","c":"3"},"failureActionOverrides":[],"background":true,"failureAction":"Audit"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policies, diags := resolved(t, bundle(t, tt.in))
			if len(diags) > 0 || len(policies) != 1 {
				t.Fatalf("got %d policies, %v", len(policies), diags)
			}
			if diff := cmp.Diff(tt.want, text(t, policies[0].Resolved)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBundleKeepsWhatItWasGiven(t *testing.T) {
	in := `{"bases":{"b":{"labels":{"a":"1"},"rules":{"r":{"mutate":{}}}}},"clusterPolicies":{"p":{"extends":["b"],"overrides":{"labels":{"a":null},"rules":{"r":null}}}}}`
	b := bundle(t, in)
	if _, diags := resolved(t, b); len(diags) > 0 {
		t.Fatal(diags)
	}
	root := spec.NewStruct(token.NoPos,
		spec.Field{Name: "bases", Value: spec.NewStruct(token.NoPos, spec.Field{Name: "b", Value: b.Bases[0].Spec})},
		spec.Field{Name: "clusterPolicies", Value: spec.NewStruct(token.NoPos, spec.Field{Name: "p", Value: b.Policies[0].Spec})})
	if diff := cmp.Diff(in, text(t, root)); diff != "" {
		t.Errorf("the bundle changed (-before +after)\n%s", diff)
	}
}

func TestSystemNamespaces(t *testing.T) {
	for in, want := range map[string][]string{
		`clusterPolicies: {p: {}}`: resolve.DefaultSystemNamespaces(),
		`{defaults: {systemNamespaces: [a, b]}, clusterPolicies: {p: {}}}`:      {"a", "b"},
		`{defaults: {systemNamespaces: []}, clusterPolicies: {p: {}}}`:          {},
		`{defaults: {excludeSystemNamespaces: true}, clusterPolicies: {p: {}}}`: resolve.DefaultSystemNamespaces(),
	} {
		policies, diags := resolved(t, bundle(t, in))
		if len(diags) > 0 {
			t.Fatalf("%s: %v", in, diags)
		}
		if diff := cmp.Diff(want, policies[0].SystemNamespaces); diff != "" {
			t.Errorf("%s (-want +got)\n%s", in, diff)
		}
	}
}

func TestBundleCodes(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // code and path of each diagnostic
	}{
		{"unknown base", `clusterPolicies: {p: {extends: [x]}}`, "KC301 clusterPolicies.p.extends.0"},
		{"namespaced base by its bare name", `{policies: {ns: {b: {}}}, clusterPolicies: {p: {extends: [b]}}}`, "KC301 clusterPolicies.p.extends.0"},
		{"ambiguous", `{bases: {b: {}}, clusterPolicies: {b: {}, p: {extends: [b]}}}`, "KC302 clusterPolicies.p.extends.0"},
		{"cycle", `bases: {a: {extends: [b]}, b: {extends: [c]}, c: {extends: [a]}}`, "KC303 bases.c.extends"},
		{"two cycles", `bases: {a: {extends: [a]}, b: {extends: [b]}}`, "KC303 bases.a.extends, KC303 bases.b.extends"},
		{"conflict", `{bases: {a: {severity: low}, b: {severity: high}}, clusterPolicies: {p: {extends: [a, b]}}}`, "KC304 clusterPolicies.p.extends"},
		{"own setting does not decide a conflict", `{bases: {a: {background: true}, b: {background: false}}, clusterPolicies: {p: {extends: [a, b], background: true}}}`, "KC304 clusterPolicies.p.extends"},
		{"own description decides", `{bases: {a: {description: a}, b: {description: b}}, clusterPolicies: {p: {extends: [a, b], description: c}}}`, ""},
		{"redefined", `{bases: {a: {rules: {r: {mutate: {}}}}}, clusterPolicies: {p: {extends: [a], rules: {r: {generate: {}}}}}}`, "KC305 clusterPolicies.p.rules.r"},
		{"order of fields is no difference", `{bases: {a: {rules: {r: {mutate: {}, title: t}}}}, clusterPolicies: {p: {extends: [a], rules: {r: {title: t, mutate: {}}}}}}`, ""},
		{"overrides nothing", `{bases: {a: {}}, clusterPolicies: {p: {extends: [a], overrides: {severity: low}}}}`, "KC306 clusterPolicies.p.overrides.severity"},
		{"overrides its own", `{bases: {a: {}}, clusterPolicies: {p: {extends: [a], severity: high, overrides: {severity: low}}}}`, "KC306 clusterPolicies.p.overrides.severity"},
		{"overrides params", `{bases: {a: {rules: {r: {mutate: {}}}}}, clusterPolicies: {p: {extends: [a], overrides: {rules: {r: {params: {x: 1}}}}}}}`, "KC307 clusterPolicies.p.overrides.rules.r.params"},
		{"repeated base", `{bases: {a: {}}, clusterPolicies: {p: {extends: [a, a]}}}`, "KC308 clusterPolicies.p.extends.1"},
		{"outcome", `{bases: {a: {severity: low}}, clusterPolicies: {p: {extends: [a], overrides: {severity: bad}}}}`, "KC204 clusterPolicies.p.overrides.severity"},
		{"heirs of a broken base are not reported", `{bases: {a: {extends: [x]}}, clusterPolicies: {p: {extends: [a]}, q: {extends: [p]}}}`, "KC301 bases.a.extends.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policies, diags := resolved(t, bundle(t, tt.in))
			var got []string
			for _, d := range diags.Sorted() {
				got = append(got, string(d.Code)+" "+d.Path)
				if d.Pos.Line != 1 {
					t.Errorf("%v has no place", d)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, p := range policies {
				for _, d := range diags {
					if strings.HasPrefix(d.Path, p.Path().String()+".") {
						t.Errorf("%s comes with a mistake", p.Path())
					}
				}
			}
		})
	}
}

// TestDeepExtends holds a chain of any length to an end.
func TestDeepExtends(t *testing.T) {
	var b strings.Builder
	b.WriteString("bases:\n  b0: {severity: low}\n")
	const deep = 2000
	for i := 1; i <= deep; i++ {
		b.WriteString("  b" + strconv.Itoa(i) + ": {extends: [b" + strconv.Itoa(i-1) + "]}\n")
	}
	b.WriteString("clusterPolicies: {p: {extends: [b" + strconv.Itoa(deep) + "]}}\n")
	policies, diags := resolved(t, bundle(t, b.String()))
	if len(diags) > 0 || policies[0].Resolved.Get("severity").Str() != "low" {
		t.Errorf("got %v", diags)
	}
}
