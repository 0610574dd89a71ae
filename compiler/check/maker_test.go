package check

import (
	"testing"

	"kcue.dev/compiler/spec"
)

func TestMakers(t *testing.T) {
	tests := map[string]struct {
		file string
		path spec.Path
		want string
	}{
		"a pattern":             {`clusterPolicies: p: rules: r: patterns.#RequireImageRegistry`, nil, "patterns.#RequireImageRegistry"},
		"with parameters":       {`clusterPolicies: p: rules: r: patterns.#RequireImageRegistry & {params: registry: "a"}`, nil, "patterns.#RequireImageRegistry"},
		"embedded":              {`clusterPolicies: p: rules: r: {patterns.#RequireImageRegistry, params: registry: "a"}`, nil, "patterns.#RequireImageRegistry"},
		"by a hidden field":     {"_r: patterns.#RequireImageRegistry\nclusterPolicies: p: rules: r: _r & {params: registry: \"a\"}", nil, "patterns.#RequireImageRegistry"},
		"by a let":              {"clusterPolicies: p: {let R = patterns.#RequireImageRegistry, rules: r: R}", nil, "patterns.#RequireImageRegistry"},
		"of the package":        {"#R: {match: kinds: [\"Pod\"], ...}\nclusterPolicies: p: rules: r: #R", nil, "#R"},
		"of the package's own":  {"#R: patterns.#RequireImageRegistry\nclusterPolicies: p: rules: r: #R", nil, "#R"},
		"in a comprehension":    {`clusterPolicies: p: rules: {if true {r: patterns.#RequireImageRegistry}}`, nil, "patterns.#RequireImageRegistry"},
		"written by hand":       {`clusterPolicies: p: rules: r: {match: kinds: ["Pod"]}`, nil, ""},
		"of a library":          {`clusterPolicies: p: libraries.#SecurityBaseline`, spec.Path{"clusterPolicies", "p", "rules", "require-image-registry"}, "patterns.#RequireImageRegistry"},
		"the library itself":    {`clusterPolicies: p: libraries.#SecurityBaseline & {params: registry: "a"}`, spec.Path{"clusterPolicies", "p"}, "libraries.#SecurityBaseline"},
		"a field that is none":  {`clusterPolicies: p: rules: r: patterns.#RequireImageRegistry`, spec.Path{"clusterPolicies", "p", "rules", "s"}, ""},
		"a reference to itself": {`clusterPolicies: p: rules: r: clusterPolicies.p.rules.r.x`, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.path == nil {
				tt.path = spec.Path{"clusterPolicies", "p", "rules", "r"}
			}
			imports := "import (\n\"kcue.dev/patterns\"\n\"kcue.dev/libraries\"\n)\n_used: [patterns.#Registry, libraries.#BestPractices]\n"
			maker, ok := NewMakers(loaded(t, imports+tt.file)).Of(tt.path)
			if ok != (tt.want != "") {
				t.Errorf("found: %v", ok)
			}
			if ok && maker.String() != tt.want {
				t.Errorf("made from %s, expected %s", maker, tt.want)
			}
		})
	}
}

func TestMakerDefault(t *testing.T) {
	makers := NewMakers(loaded(t, "import \"kcue.dev/patterns\"\nclusterPolicies: p: rules: {r: patterns.#RequireImageRegistry, l: patterns.#AddDefaultLabels & {params: labels: a: \"b\"}}"))
	of := func(rule string) Maker {
		m, ok := makers.Of(spec.Path{"clusterPolicies", "p", "rules", rule})
		if !ok {
			t.Fatalf("rule %s is made from nothing", rule)
		}
		return m
	}
	if got := makers.Default(of("r"), "registry").Str(); got != "gcr.io" {
		t.Errorf("registry defaults to %q, expected gcr.io", got)
	}
	for _, none := range []struct{ rule, parameter string }{{"r", "namespace"}, {"r", "no-such"}, {"l", "labels"}} {
		if got := makers.Default(of(none.rule), none.parameter); got != nil {
			t.Errorf("%s of rule %s defaults to %v, expected nothing", none.parameter, none.rule, got)
		}
	}
}
