package reference_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/load"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/reference"
)

var update = flag.Bool("update", false, "rewrite the reference pages and the examples")

// TestPages holds what is made of the doc comments to the files.
func TestPages(t *testing.T) {
	for _, tt := range []struct {
		path string
		make func() (string, error)
	}{
		{"../docs/schema.md", reference.Schema},
		{"../docs/patterns.md", reference.Patterns},
		{"../testdata/patterns/examples/examples.cue", reference.Examples},
	} {
		t.Run(filepath.Base(tt.path), func(t *testing.T) {
			want, err := tt.make()
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(tt.path, []byte(want), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := os.ReadFile(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, string(got)); d != "" {
				t.Errorf("%s is out of date: run go test ./reference -update (-want +got):\n%s", tt.path, d)
			}
		})
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.*)$`)

// TestAnchors holds that no two headings of a page have one anchor: the second
// would get another, and links to it would lead to the first.
func TestAnchors(t *testing.T) {
	for name, page := range map[string]func() (string, error){"schema": reference.Schema, "patterns": reference.Patterns} {
		text, err := page()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, m := range heading.FindAllStringSubmatch(text, -1) {
			anchor := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(m[1], "#")), " ", "-")
			if other, ok := seen[anchor]; ok {
				t.Errorf("%s: the headings %q and %q have one anchor", name, other, m[1])
			}
			seen[anchor] = m[1]
		}
		if len(seen) < 15 {
			t.Errorf("%s: found %d headings, expected at least 15", name, len(seen))
		}
	}
}

// evaluate gives a package of this module, with a file added to it where one is
// given.
func evaluate(t *testing.T, pkg, text string) cue.Value {
	t.Helper()
	cfg := &load.Config{Dir: ".."}
	if text != "" {
		file, err := filepath.Abs(filepath.Join("..", pkg, "added.cue"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Overlay = map[string]load.Source{file: load.FromString(text)}
	}
	inst := load.Instances([]string{"./" + pkg}, cfg)[0]
	if inst.Err != nil {
		t.Fatal(inst.Err)
	}
	return cuecontext.New().BuildInstance(inst)
}

// TestExamples holds that each policy of the patterns' and libraries' examples
// has a test that it passes, and one that it does not. Kyverno's engine runs
// them with those of the other packages there.
func TestExamples(t *testing.T) {
	v := evaluate(t, "testdata/patterns/examples", "")
	if err := v.Validate(cue.Concrete(true)); err != nil {
		t.Fatal(err)
	}
	var bundle struct {
		ClusterPolicies map[string]any
		Tests           map[string]struct{ Policy, Expect string }
	}
	if err := v.Decode(&bundle); err != nil {
		t.Fatal(err)
	}
	passes, others := map[string]int{}, map[string]int{}
	for _, test := range bundle.Tests {
		if test.Expect == "pass" {
			passes[test.Policy]++
		} else {
			others[test.Policy]++
		}
	}
	for name := range bundle.ClusterPolicies {
		if passes[name] == 0 || others[name] == 0 {
			t.Errorf("policy %q has %d tests that pass and %d that do not, want some of each", name, passes[name], others[name])
		}
	}
	if n := len(bundle.ClusterPolicies); n < 13 {
		t.Errorf("found %d policies, want one for each of 9 patterns and 4 libraries", n)
	}
}

// TestSchemaExamples holds that the examples of the schema's doc comments are
// formatted CUE, and that the schema takes them: as fields of a definition that
// has one of the example's name.
func TestSchemaExamples(t *testing.T) {
	examples, err := reference.SchemaExamples()
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) < 20 {
		t.Fatalf("found %d examples, expected at least 20", len(examples))
	}
	definitions := evaluate(t, "schema", "")
	holders := map[string][]string{}
	iter, err := definitions.Fields(cue.Definitions(true))
	if err != nil {
		t.Fatal(err)
	}
	for iter.Next() {
		fields, err := iter.Value().Fields(cue.Optional(true))
		if err != nil {
			continue // no struct
		}
		for fields.Next() {
			name := fields.Selector().Unquoted()
			holders[name] = append(holders[name], iter.Selector().String())
		}
	}
	var text strings.Builder
	text.WriteString("package probe\n\nimport (\n\t\"kcue.dev/schema\"\n\t\"kcue.dev/libraries\"\n)\n\n_used: libraries.#BestPractices\n")
	for i, e := range examples {
		for j, holder := range holders[firstLabel(e.Source)] {
			fmt.Fprintf(&text, "%q: schema.%s & {\n%s}\n", fmt.Sprintf("%d-%d", i, j), holder, e.Source)
		}
	}
	v := evaluate(t, "probe", text.String())
	for i, e := range examples {
		t.Run(strings.TrimSuffix(e.Definition+" "+e.Field, " "), func(t *testing.T) {
			formatted, err := format.Source([]byte(e.Source))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(formatted), e.Source); d != "" {
				t.Errorf("the example is not formatted (-want +got):\n%s", d)
			}
			var errs []error
			for j := range holders[firstLabel(e.Source)] {
				err := v.LookupPath(cue.MakePath(cue.Str(fmt.Sprintf("%d-%d", i, j)))).Validate()
				if err == nil {
					return
				}
				errs = append(errs, err)
			}
			t.Errorf("no definition takes the example: %v\n%s", errs, e.Source)
		})
	}
}

var label = regexp.MustCompile(`^"?(\w+)"?:`)

func firstLabel(source string) string {
	if m := label.FindStringSubmatch(source); m != nil {
		return m[1]
	}
	return ""
}

// guides are the pages that take authors through the schema.
var guides = []string{"../docs/authoring.md", "../docs/testing.md"}

// TestGuidesNameEveryField holds that each field of the schema stands in one of
// the guides as code: in backquotes or in a code block.
func TestGuidesNameEveryField(t *testing.T) {
	fields, err := reference.SchemaFields()
	if err != nil {
		t.Fatal(err)
	}
	if len(fields) < 200 {
		t.Fatalf("found %d fields, expected at least 200", len(fields))
	}
	named := map[string]bool{}
	word := regexp.MustCompile(`\w+`)
	for _, guide := range guides {
		data, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
				continue
			}
			for i, part := range strings.Split(line, "`") {
				if fenced || i%2 == 1 {
					for _, w := range word.FindAllString(part, -1) {
						named[w] = true
					}
				}
			}
		}
	}
	var missing []string
	for _, f := range fields {
		if !named[f] {
			missing = append(missing, strconv.Quote(f))
		}
	}
	if len(missing) > 0 {
		t.Errorf("%d fields of the schema stand in neither of %s: %s", len(missing), strings.Join(guides, " and "), strings.Join(missing, ", "))
	}
}
