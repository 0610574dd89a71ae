package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/spec"
)

// loaded writes the files and loads them as one package.
func loaded(t *testing.T, files ...string) *load.Package {
	t.Helper()
	return loadedWith(t, nil, files...)
}

// loadedWith sets tags, too.
func loadedWith(t *testing.T, tags []string, files ...string) *load.Package {
	t.Helper()
	dir := t.TempDir()
	for i, f := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.cue", i)), []byte("package p\n"+f), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	packages, diags := load.Packages(load.Config{Dir: dir, Tags: tags})
	if len(packages) != 1 || diags.HasErrors() {
		t.Fatalf("%d packages: %v", len(packages), diags)
	}
	return packages[0]
}

func newChecker(p *load.Package) *checker {
	return &checker{pkg: p, files: p.Files(), source: &source{files: p.Instance.Files}}
}

// entries gives a parted field with n entries of the body.
func entries(field string, n int, body string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s: \"e%d\": %s\n", field, i, body)
	}
	return b.String()
}

// TestSharded holds what the parts of a package give, put together, to what
// the package gives as a whole.
func TestSharded(t *testing.T) {
	tests := map[string][]string{
		"literals":            {entries("clusterPolicies", 9, `{description: "d"}`)},
		"in one struct":       {"clusterPolicies: {\n" + `"a": x: 1` + "\n" + `"b": x: 2` + "\n" + `"c": x: 3` + "\n" + `"d": x: 4` + "\n}"},
		"hidden base":         {`_base: description: "d"`, entries("clusterPolicies", 9, `_base & {title: "t"}`)},
		"hidden in same file": {"_base: description: \"d\"\n" + entries("clusterPolicies", 9, `_base & {title: "t"}`)},
		"definition":          {"#P: {x: int | *3, ...}\n" + entries("clusterPolicies", 9, `#P`)},
		"import":              {"import \"kcue.dev/patterns\"\n" + entries("clusterPolicies", 9, `{rules: limits: patterns.#RequireResourceLimits}`)},
		"import in one file":  {"import \"strings\"\n" + entries("clusterPolicies", 2, `{x: strings.ToUpper("a")}`), entries("resources", 7, `{y: 1}`)},
		"constraint":          {"clusterPolicies: [string]: failureAction: \"Audit\"\n" + entries("clusterPolicies", 9, `{title: "t"}`)},
		"key in constraint":   {"clusterPolicies: [Name=string]: title: Name\n" + entries("clusterPolicies", 9, `{x: 1}`)},
		"said in two files":   {entries("clusterPolicies", 9, `{title: "t"}`), entries("clusterPolicies", 9, `{description: "d"}`)},
		"several fields":      {entries("clusterPolicies", 5, `{x: 1}`) + entries("resources", 5, `{y: 1}`) + entries("tests", 5, `{z: 1}`) + "bases: b: x: 1\ndefaults: background: true\n"},
		"nested names":        {entries("policies", 9, `{p: x: 1, q: x: 2}`)},
		"names within":        {entries("clusterPolicies", 9, `{let a = "v", title: a, rules: r: message: title}`)},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			pkg := loaded(t, files...)
			c := newChecker(pkg)
			got, ok := c.sharded(2, 2)
			if !ok {
				t.Fatal("the package was not parted")
			}
			want, _, diags := c.whole()
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if !spec.Equal(got, want) {
				g, _ := got.MarshalJSON()
				w, _ := want.MarshalJSON()
				t.Errorf("parted: %s\nwhole:  %s", g, w)
			}
		})
	}
}

// TestShardedWithTags holds that environments do not make a large package slow:
// a tag in a hidden field, in the defaults and in a policy.
func TestShardedWithTags(t *testing.T) {
	file := "_env: *\"dev\" | \"prod\" @tag(env)\ndefaults: failureAction: *\"Audit\" | \"Enforce\" @tag(action)\n" +
		entries("clusterPolicies", 9, `{description: "in \(_env)", if _env == "prod" {severity: "high"}}`) +
		"clusterPolicies: e3: title: string @tag(title)\n"
	c := newChecker(loadedWith(t, []string{"env=prod", "action=Enforce", "title=t"}, file))
	got, ok := c.sharded(2, 2)
	if !ok {
		t.Fatal("the package was not parted")
	}
	want, _, diags := c.whole()
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	g, _ := got.MarshalJSON()
	w, _ := want.MarshalJSON()
	if !spec.Equal(got, want) || !strings.Contains(string(g), `"description":"in prod"`) || !strings.Contains(string(g), `"failureAction":"Enforce"`) {
		t.Errorf("parted: %s\nwhole:  %s", g, w)
	}
}

// TestNotSharded has packages in which one spec may see another, or in which
// CUE has more to say than its parts know.
func TestNotSharded(t *testing.T) {
	many := entries("clusterPolicies", 9, `{title: "t"}`)
	tests := map[string]string{
		"let":                        "let d = \"d\"\n" + entries("clusterPolicies", 9, `{description: d}`),
		"few":                        entries("clusterPolicies", 3, `{x: 1}`),
		"reference to the field":     many + `clusterPolicies: other: title: clusterPolicies.e0.title`,
		"count of the field":         many + `clusterPolicies: other: title: "\(len(clusterPolicies))"`,
		"sibling by name":            "clusterPolicies: {\n a: title: \"t\"\n b: title: a.title\n c: x: 1\n d: x: 1\n e: x: 1\n}",
		"alias of an entry":          "clusterPolicies: {\n A=\"a\": title: \"t\"\n \"b\": title: A.title\n \"c\": x: 1\n \"d\": x: 1\n}",
		"alias of the field":         "C=clusterPolicies: z: x: 1\n" + many,
		"comprehension at the top":   "for n in [\"x\"] {clusterPolicies: \"\\(n)\": title: \"t\"}\n" + many,
		"comprehension in a field":   "clusterPolicies: {for n in [\"x\"] {\"\\(n)\": title: \"t\"}}\n" + many,
		"embedding":                  "{clusterPolicies: z: x: 1}\n" + many,
		"interpolated entry":         "_n: \"z\"\nclusterPolicies: \"\\(_n)\": x: 1\n" + many,
		"conflict":                   many + "clusterPolicies: e0: title: \"u\"\n",
		"incomplete":                 many + "clusterPolicies: e0: description: string\n",
		"reference to another field": "bases: b: title: \"t\"\n" + entries("clusterPolicies", 9, `{title: bases.b.title}`),
		"value of the field":         "clusterPolicies: _all\n_all: z: x: 1\n" + many,
	}
	for name, file := range tests {
		t.Run(name, func(t *testing.T) {
			if root, ok := newChecker(loaded(t, file)).sharded(2, 2); ok {
				json, _ := root.MarshalJSON()
				t.Errorf("the package was parted: %s", json)
			}
		})
	}
}

// samePlaces reports where two trees have different positions.
func samePlaces(t *testing.T, files *load.Files, got, want *spec.Node, path spec.Path) {
	t.Helper()
	if g, w := files.Position(got.Pos), files.Position(want.Pos); g != w {
		t.Errorf("%s stands at %s: want %s", path, g, w)
	}
	for _, f := range want.Fields {
		samePlaces(t, files, got.Get(f.Name), f.Value, path.Child(f.Name))
	}
	for i, item := range want.Items {
		samePlaces(t, files, got.Items[i], item, path.Child(fmt.Sprint(i)))
	}
}

const (
	limits = `rules: "limits": patterns.#RequireResourceLimits & {params: namespace: "a"}` + "\n"
	labels = `rules: "labels": patterns.#AddDefaultLabels & {params: labels: {z: "1", a: "2"}}` + "\n"
)

// TestRepeats holds packages whose rules are written alike to what they give as
// a whole, order and positions included.
func TestRepeats(t *testing.T) {
	const imports = "import \"kcue.dev/patterns\"\n"
	tests := map[string]struct {
		files  []string
		copies int
	}{
		"patterns":              {[]string{imports + entries("clusterPolicies", 5, "{\n"+limits+"}") + "clusterPolicies: other: " + limits}, 5},
		"two files":             {[]string{imports + entries("clusterPolicies", 5, "{\n"+limits+"}"), imports + "\n// the same\nclusterPolicies: \"other\": {description: \"d\", " + limits + "}\n"}, 5},
		"among others":          {[]string{imports + entries("clusterPolicies", 5, "{rules: {first: x: 1, \"limits\": patterns.#RequireResourceLimits, last: y: 1}}") + "clusterPolicies: z: rules: {last: y: 1, first: x: 1}\n"}, 14},
		"namespaced":            {[]string{imports + entries("policies", 5, "{p: "+limits+"}")}, 4},
		"longer label":          {[]string{imports + "clusterPolicies: a: rules: \"l\": patterns.#RequireResourceLimits\n" + entries("clusterPolicies", 4, "{rules: \"a longer label\": patterns.#RequireResourceLimits}")}, 4},
		"schema's definition":   {[]string{"import \"kcue.dev/schema\"\n" + imports + entries("clusterPolicies", 5, "schema.#ClusterPolicy & {\n"+limits+"}")}, 4},
		"package's definition":  {[]string{imports + "#Team: patterns.#RequireResourceLimits & {params: namespace: \"a\"}\n" + entries("clusterPolicies", 5, "{rules: limits: #Team}")}, 4},
		"order of the author's": {[]string{imports + entries("clusterPolicies", 5, "{"+labels+"}") + "clusterPolicies: o: rules: \"labels\": patterns.#AddDefaultLabels & {params: labels: {a: \"2\", z: \"1\"}}"}, 4},
		"other parameters":      {[]string{imports + entries("clusterPolicies", 1, "{"+limits+"}") + entries("clusterPolicies", 1, "{}") + "clusterPolicies: o: " + strings.Replace(limits, `"a"`, `"b"`, 1) + entries("resources", 5, "{x: 1}")}, 0},
		"names around it":       {[]string{entries("clusterPolicies", 5, `{title: "t", rules: r: message: title}`)}, 0},
		"names within":          {[]string{entries("clusterPolicies", 5, `{rules: r: {a: "t", message: a}}`)}, 4},
		"of the rules":          {[]string{entries("clusterPolicies", 5, `{rules: {r: message: "m", s: message: r.message}}`)}, 0},
		"constraint":            {[]string{"clusterPolicies: [string]: rules: [string]: x: 1\n" + entries("clusterPolicies", 5, `{rules: r: y: 1}`)}, 0},
		"constraint of one":     {[]string{entries("clusterPolicies", 5, `{rules: {[string]: x: 1, r: y: 1}}`)}, 0},
		"embedding":             {[]string{"_b: rules: r: x: 1\n" + entries("clusterPolicies", 5, `{_b, rules: r: y: 1}`)}, 0},
		"unified":               {[]string{"_b: rules: r: x: 1\n" + entries("clusterPolicies", 5, `_b & {rules: r: y: 1}`)}, 0},
		"said in two files":     {[]string{entries("clusterPolicies", 5, `{rules: r: x: 1}`), entries("clusterPolicies", 5, `{rules: r: y: 1}`)}, 0},
		"another import":        {[]string{"import p \"encoding/json\"\n" + entries("clusterPolicies", 4, `{rules: r: x: p.Marshal("a")}`), "import p \"encoding/yaml\"\nclusterPolicies: z: rules: r: x: p.Marshal(\"a\")\n"}, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pkg := loaded(t, test.files...)
			c := newChecker(pkg)
			if copies := len(findRepeats(pkg.Instance.Files).leftOut); copies != test.copies {
				t.Errorf("%d rules are copies: want %d", copies, test.copies)
			}
			got, ok := c.sharded(2, 2)
			if !ok {
				t.Fatal("the package was not parted")
			}
			want, _, diags := c.whole()
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			g, _ := got.MarshalJSON()
			w, _ := want.MarshalJSON()
			if string(g) != string(w) {
				t.Fatalf("parted: %s\nwhole:  %s", g, w)
			}
			for _, f := range want.Fields { // of a field said many times, any is its place
				for _, entry := range f.Value.Fields {
					samePlaces(t, pkg.Files(), got.Get(f.Name).Get(entry.Name), entry.Value, spec.Path{f.Name, entry.Name})
				}
			}
		})
	}
}
