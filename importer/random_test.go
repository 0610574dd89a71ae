package importer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/importer"
)

// wanted is how many random objects a run imports.
const wanted = 600

// seeded gives a source of chance, and the number that repeats it.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("KCUE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("KCUE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1)), seed
}

// TestRandom imports random objects that satisfy Kyverno's CRDs and vet
// without an error, and demands that each is imported and that its spec builds
// it again. KCUE_SEED repeats a run.
func TestRandom(t *testing.T) {
	r, seed := seeded(t)
	g := newGenerator(t, r)
	vet := vetter(t)

	var stream strings.Builder
	kinds := map[string]int{}
	tried, accepted := 0, 0
	refused := map[string]int{}
	for accepted < wanted && tried < 20*wanted {
		tried++
		object := g.object(tried)
		found := vet(manifest.Object{Node: object})
		if found.HasErrors() {
			for _, d := range found {
				refused[d.Path+": "+d.Message]++
			}
			continue
		}
		text, err := emit.Document(object)
		if err != nil {
			t.Fatal(err)
		}
		stream.WriteString("---\n")
		stream.Write(text)
		accepted++
		kinds[object.Get("apiVersion").Str()+" "+object.Get("kind").Str()]++
	}
	if accepted < wanted {
		for _, why := range slices.SortedFunc(maps.Keys(refused), func(a, b string) int { return refused[b] - refused[a] })[:min(len(refused), 20)] {
			t.Logf("%d: %s", refused[why], why)
		}
		t.Fatalf("only %d of %d random objects are valid", accepted, tried)
	}
	t.Logf("%d of %d random objects are valid: %v", accepted, tried, kinds)

	sources, result := imported(t, stream.String(), options(t))
	if len(sources.Files) != 1 || result.Read != accepted {
		t.Fatalf("%d of %d objects were read: %v", result.Read, accepted, sources.Diagnostics)
	}
	failed := map[string]bool{}
	for _, d := range result.Diagnostics {
		if expected(d.Message) {
			failed[d.Path] = true
			continue
		}
		t.Errorf("seed %d: %v", seed, d)
	}
	if got := result.Objects + len(failed); got < accepted {
		t.Errorf("seed %d: %d objects were imported, and %d could not be said, of %d", seed, result.Objects, len(failed), accepted)
	}
	if result.Objects < 500 {
		t.Errorf("seed %d: only %d objects were imported", seed, result.Objects)
	}
	reported(t, sources, result, options(t))
	if t.Failed() {
		name := t.TempDir() + "/objects.yaml"
		t.Logf("the objects are in %s", name)
		if err := os.WriteFile(name, []byte(stream.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// reported demands that the report names every place where the objects that are
// built differ from those that were read.
func reported(t *testing.T, sources *importer.Sources, result *importer.Result, o importer.Options) {
	t.Helper()
	read := map[string]*spec.Node{}
	for _, object := range sources.Files[0].Objects {
		read[key(object.Node)] = object.Node
	}
	said := map[string][]importer.Difference{}
	for _, d := range result.Differences {
		said[d.Object] = append(said[d.Object], d)
	}
	built, diags := o.Build([]byte(cueOf(result)))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for _, b := range built {
		for _, place := range unsaid(read[key(b)], b, said[key(b)], o.Schemas) {
			t.Errorf("%s is in other words than before, and the report does not say so: %s\n%v", key(b), place, said[key(b)])
		}
	}
}

// expected tells what the authoring model cannot say of valid objects.
func expected(message string) bool {
	for _, known := range []string{
		"none of today's operators decides",
		"another entry of the context is named",
		"Kyverno has deprecated",
		"has no message",
		"excludes all that", // Kyverno does not look at the older form
		"Kyverno applies now one and now the other",
		"the overrides apply to a verifyImages rule",
	} {
		if strings.Contains(message, known) {
			return true
		}
	}
	return false
}

// entry is a schema of compiler/crd/schemas.json; sub-schemas are indices.
type entry struct {
	Type        string         `json:"type"`
	Preserve    bool           `json:"preserve"`
	IntOrString bool           `json:"intOrString"`
	Properties  map[string]int `json:"properties"`
	Additional  *int           `json:"additional"`
	Items       *int           `json:"items"`
	Required    []string       `json:"required"`
	OneOf       []string       `json:"oneOf"`
	NotAll      []string       `json:"notAll"`
	Enum        []string       `json:"enum"`
	Format      string         `json:"format"`
}

// generator makes random objects from the CRDs' schemas. What Kyverno asks
// beyond them, it knows by the names of fields.
type generator struct {
	*rand.Rand
	kinds []struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Namespaced bool   `json:"namespaced"`
		Schema     int    `json:"schema"`
	}
	schemas []entry
	names   int
}

func newGenerator(t *testing.T, r *rand.Rand) *generator {
	t.Helper()
	var table struct {
		Kinds   json.RawMessage `json:"kinds"`
		Schemas []entry         `json:"schemas"`
	}
	if err := json.Unmarshal([]byte(readFile(t, "../compiler/crd/schemas.json")), &table); err != nil {
		t.Fatal(err)
	}
	g := &generator{Rand: r, schemas: table.Schemas}
	if err := json.Unmarshal(table.Kinds, &g.kinds); err != nil {
		t.Fatal(err)
	}
	g.kinds = slices.DeleteFunc(g.kinds, func(k struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Namespaced bool   `json:"namespaced"`
		Schema     int    `json:"schema"`
	}) bool {
		return k.Kind == "GlobalContextEntry"
	})
	return g
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func str(s string) *spec.Node { return spec.NewString(s, token.NoPos) }

func object(fields ...spec.Field) *spec.Node { return spec.NewStruct(token.NoPos, fields...) }

func (g *generator) unique(prefix string) string {
	g.names++
	return fmt.Sprintf("%s-%d", prefix, g.names)
}

// object makes an object. Policies of kyverno.io come most often, as they are
// what the importer changes.
func (g *generator) object(n int) *spec.Node {
	k := pick(g, g.kinds...)
	if g.chance(60) {
		for k.Kind != "ClusterPolicy" && k.Kind != "Policy" {
			k = pick(g, g.kinds...)
		}
	}
	metadata := object(spec.Field{Name: "name", Value: str(fmt.Sprintf("object-%d", n))})
	if k.Namespaced {
		metadata.Fields = append(metadata.Fields, spec.Field{Name: "namespace", Value: str(pick(g, "team-a", "default"))})
	}
	for _, name := range []string{"labels", "annotations"} {
		if g.chance(50) {
			metadata.Fields = append(metadata.Fields, spec.Field{Name: name, Value: g.annotations(name == "labels")})
		}
	}
	schema := g.schemas[k.Schema].Properties["spec"]
	body := g.value(schema, "spec", k.Kind, 0)
	if rules, ok := g.schemas[schema].Properties["rules"]; ok {
		body = body.With("rules", g.value(rules, "rules", k.Kind, 0))
	}
	return object(
		spec.Field{Name: "apiVersion", Value: str(k.APIVersion)}, spec.Field{Name: "kind", Value: str(k.Kind)},
		spec.Field{Name: "metadata", Value: metadata}, spec.Field{Name: "spec", Value: body},
	)
}

func (g *generator) annotations(labels bool) *spec.Node {
	out := object()
	if labels {
		out.Fields = append(out.Fields, spec.Field{Name: "app.kubernetes.io/part-of", Value: str("x")}, spec.Field{Name: "on", Value: str("yes")})
		return out
	}
	for _, a := range []struct {
		name   string
		values []string
	}{
		{"policies.kyverno.io/title", []string{g.text(), ""}},
		{"policies.kyverno.io/severity", []string{"high", "medium", "urgent", "High"}},
		{"policies.kyverno.io/description", []string{g.text()}},
		{"policies.kyverno.io/minversion", []string{"1.6.0"}},
		{"pod-policies.kyverno.io/autogen-controllers", []string{"none", "Deployment,Job", "Deployment, Job", "Deployment"}},
		{"kcue.dev/controls", []string{"PCI-DSS: 2.2.1, 6.4; SOC2: CC6.1", "PCI", "a:b"}},
		{"example.com/note", []string{g.text()}},
	} {
		if g.chance(40) {
			out.Fields = append(out.Fields, spec.Field{Name: a.name, Value: str(pick(g, a.values...))})
		}
	}
	return out
}

var texts = []string{
	"", "a", "yes", "null", "1e3", "0x1F", "12:30", "~", "- a", "a: b", "# no comment", "a #b", "'", `"`, `\d+\.(x)`, `\(x)`, `"quoted"`, `"""`, `a"#b`, `\#(x)`,
	"two\nlines", "two\nlines\n", "\nleading\n\n", "\ttab\n\ttab", "  blank first\nline", "trailing  \nline  ", "one\n", "\n", "\n\n", "a\r\nb\r\n",
	"\u00e4\u00f6\u4e2d\U0001f600", "\u2028x\u2029", "\u0000\u0007", "\ufeffx", "{{ request.object.metadata.name }}", "{{ element.image || '' }}", "a\n\"\"\"\nb", "#\"x\"#\n\\n",
	"very " + "long " + "text that goes on and on, so that it is longer than any line of a program should ever be, and then some more",
}

func (g *generator) text() string { return pick(g, texts...) }

// free makes a value for a place where any may stand.
func (g *generator) free(depth int, pattern bool) *spec.Node {
	switch n := g.IntN(10); {
	case n < 3 && depth < 4:
		out := object()
		for range g.IntN(4) {
			name := pick(g, "spec", "metadata", "a b", "_x", "#y", "if", "for", "null", "true", "1", "", "x-y", "a.b", `q"`, "ü", "let", "patterns")
			if pattern {
				name = pick(g, "spec", "metadata", "=(spec)", "X(x)", "(name)", "_x", "if", "a b")
			}
			if !out.Has(name) {
				out.Fields = append(out.Fields, spec.Field{Name: name, Value: g.free(depth+1, pattern)})
			}
		}
		return out
	case n < 5 && depth < 4:
		out := spec.NewList(token.NoPos)
		for range g.IntN(3) {
			out.Items = append(out.Items, g.free(depth+1, pattern))
		}
		return out
	case n == 5:
		return spec.NewBool(g.chance(50), token.NoPos)
	case n == 6:
		return &spec.Node{Kind: spec.Number, Text: pick(g, "0", "-1", "9223372036854775807", "18446744073709551615", "0.1", "1e+21", "1e-7", "3.5")}
	case n == 7:
		return &spec.Node{Kind: spec.Null}
	}
	if pattern {
		return str(pick(g, "?*", "!latest", ">=2", "a | b", "*"))
	}
	return str(pick(g, texts...))
}
