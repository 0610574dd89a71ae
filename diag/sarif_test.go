package diag_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	cuejson "cuelang.org/go/encoding/json"
	"cuelang.org/go/encoding/jsonschema"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

// schema is SARIF's own JSON schema.
type schema struct {
	ctx   *cue.Context
	value cue.Value
}

func newSchema(t *testing.T) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash("testdata/sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	expr, err := cuejson.Extract("sarif-schema-2.1.0.json", data)
	if err != nil {
		t.Fatal(err)
	}
	ctx := cuecontext.New()
	file, err := jsonschema.Extract(ctx.BuildExpr(expr), &jsonschema.Config{DefaultVersion: jsonschema.VersionDraft4})
	if err != nil {
		t.Fatal(errors.Details(err, nil))
	}
	return schema{ctx, ctx.BuildFile(file)}
}

func (s schema) validate(text string) error {
	return s.value.Unify(s.ctx.CompileString(text)).Validate(cue.Concrete(true), cue.Final())
}

// TestSchemaRefuses sees that the validation sees: logs that are wrong in one
// place, made of one that is right.
func TestSchemaRefuses(t *testing.T) {
	s := newSchema(t)
	log := write(t, diag.SARIF, sample(), diag.Options{})
	for _, change := range [][2]string{
		{`"version": "2.1.0"`, `"version": "2.2.0"`},
		{`"startLine": 2`, `"startLine": 0`},
		{`"level": "error"`, `"level": "fatal"`},
		{`"ruleIndex": 0`, `"ruleIndex": -2`},
		{`"name": "kcue"`, `"nam": "kcue"`},
		{`"columnKind": "utf16CodeUnits"`, `"columnKind": "bytes"`},
		{`"informationUri": "https://kcue.dev"`, `"informationUri": "kcue dev"`},
		{`"executionSuccessful": false`, `"success": false`},
	} {
		wrong := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(change[0]), "0", `\d+`)).ReplaceAllLiteralString(log, change[1])
		if wrong == log {
			t.Errorf("the log does not have %s", change[0])
		} else if s.validate(wrong) == nil {
			t.Errorf("the schema allows %s", change[1])
		}
	}
}

// sarif is what the tests read of a log.
type sarif struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Name, Version, InformationURI string
				Rules                         []rule
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct {
				Level          string
				Message        struct{ Text string }
				AssociatedRule struct {
					ID    diag.Code
					Index int
				}
			}
		}
		Results []result
	}
}

type rule struct {
	ID                                      diag.Code
	ShortDescription, FullDescription, Help struct{ Text, Markdown string }
	HelpURI                                 string
	DefaultConfiguration                    struct{ Level string }
	Properties                              struct{ Tags []string }
}

type result struct {
	RuleID                      diag.Code
	RuleIndex                   int
	Level                       string
	Message                     struct{ Text string }
	Locations, RelatedLocations []location
	PartialFingerprints         map[string]string
}

type location struct {
	ID               int
	PhysicalLocation struct {
		ArtifactLocation struct{ URI, URIBaseID string }
		Region           struct{ StartLine, StartColumn, EndColumn int }
	}
	LogicalLocations []struct{ FullyQualifiedName string }
	Message          struct{ Text string }
}

func fromSARIF(t *testing.T, text string) sarif {
	t.Helper()
	var log sarif
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(log.Runs) != 1 || len(log.Runs[0].Invocations) != 1 {
		t.Fatalf("%d runs:\n%s", len(log.Runs), text)
	}
	return log
}

func TestSARIF(t *testing.T) {
	o := diag.Options{Version: "v1.2.3", Prefix: "deploy", Source: sources(map[string]string{
		"p/a.cue": "package p\n🙂: \"x\": extends: 1\n",
	})}
	list := sample()
	list[0].Pos.Column = 12 // of extends: the face has four bytes and two code units
	log := write(t, diag.SARIF, list, o)
	if err := newSchema(t).validate(log); err != nil {
		t.Error(errors.Details(err, nil))
	}
	const want = `  "invocations": [
    {
      "executionSuccessful": false,
      "toolExecutionNotifications": [
        {
          "level": "error",
          "message": {
            "text": "unknown target"
          },
          "associatedRule": {
            "id": "KC601",
            "index": RULE
          }
        }
      ]
    }
  ],
  "originalUriBaseIds": {
    "%SRCROOT%": {
      "description": {
        "text": "The root of the repository."
      }
    }
  },
  "columnKind": "utf16CodeUnits",
  "results": [
    {
      "ruleId": "KC304",
      "ruleIndex": RULE,
      "level": "error",
      "message": {
        "text": "p.\"x\".extends: two values of a <setting>\n[p/a.cue:1:1](1): one\nnowhere\ndecide in overrides:\n\toverrides: x: 1"
      },
      "locations": [
        {
          "physicalLocation": {
            "artifactLocation": {
              "uri": "deploy/p/a.cue",
              "uriBaseId": "%SRCROOT%"
            },
            "region": {
              "startLine": 2,
              "startColumn": 10,
              "endColumn": 17
            }
          },
          "logicalLocations": [
            {
              "fullyQualifiedName": "p.\"x\".extends"
            }
          ]
        }
      ],
      "relatedLocations": [
        {
          "id": 1,
          "physicalLocation": {
            "artifactLocation": {
              "uri": "deploy/p/a.cue",
              "uriBaseId": "%SRCROOT%"
            },
            "region": {
              "startLine": 1,
              "startColumn": 1,
              "endColumn": 8
            }
          },
          "message": {
            "text": "one"
          }
        }
      ],
      "partialFingerprints": {
        "kcueDiagnostic/v1": "FINGERPRINT"
      }
    },
    {
      "ruleId": "KC409",
      "ruleIndex": RULE,
      "level": "warning",
      "message": {
        "text": "odd"
      },
      "locations": [
        {
          "physicalLocation": {
            "artifactLocation": {
              "uri": "deploy/b.yaml",
              "uriBaseId": "%SRCROOT%"
            },
            "region": {
              "startLine": 1
            }
          }
        }
      ],
      "partialFingerprints": {
        "kcueDiagnostic/v1": "FINGERPRINT"
      }
    }
  ]
`
	_, got, ok := strings.Cut(log, "        }\n      },\n") // after the tool
	if !ok {
		t.Fatalf("the log has no tool:\n%s", log)
	}
	got = regexp.MustCompile(`[0-9a-f]{32}:1`).ReplaceAllString(got, "FINGERPRINT")
	got = regexp.MustCompile(`"(ruleIndex|index)": \d+`).ReplaceAllString(got, `"$1": RULE`)
	got = strings.TrimSuffix(regexp.MustCompile(`(?m)^    `).ReplaceAllString(got, ""), "  }\n  ]\n}\n")
	got, _, _ = strings.Cut(got, "\n}\n")
	if diff := cmp.Diff(want, got+"\n"); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSARIFRules holds the rules to the table of codes, and to what GitHub code
// scanning asks of rules ("SARIF support for code scanning").
func TestSARIFRules(t *testing.T) {
	log := fromSARIF(t, write(t, diag.SARIF, nil, diag.Options{Version: "v1.2.3"}))
	run := log.Runs[0]
	if d := run.Tool.Driver; d.Name != "kcue" || d.Version != "v1.2.3" || d.InformationURI == "" {
		t.Errorf("the driver is %s %s of %s", d.Name, d.Version, d.InformationURI)
	}
	if run.Results == nil || !run.Invocations[0].ExecutionSuccessful {
		t.Errorf("without diagnostics: results %v, successful %v", run.Results, run.Invocations[0].ExecutionSuccessful)
	}
	table := diag.Table()
	if len(run.Tool.Driver.Rules) != len(table) {
		t.Fatalf("%d rules, and %d codes", len(run.Tool.Driver.Rules), len(table))
	}
	for i, r := range run.Tool.Driver.Rules {
		e := table[i]
		level := "error"
		if e.Warning {
			level = "warning"
		}
		if r.ID != e.Code || r.DefaultConfiguration.Level != level {
			t.Errorf("rule %d is %s of level %s, want %s of %s", i, r.ID, r.DefaultConfiguration.Level, e.Code, level)
		}
		if want := "https://kcue.dev/docs/diagnostics.md#" + strings.ToLower(string(e.Code)); r.HelpURI != want {
			t.Errorf("%s: the help is at %s, want %s", e.Code, r.HelpURI, want)
		}
		if r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" {
			t.Errorf("%s has no description", e.Code)
		}
		if n := len([]rune(r.FullDescription.Text)); n > 1024 {
			t.Errorf("%s: the full description has %d characters, and GitHub takes 1024", e.Code, n)
		}
		if n := len(r.Properties.Tags); n == 0 || n > 20 {
			t.Errorf("%s has %d tags, and GitHub takes 20", e.Code, n)
		}
		if e.Bad != "" && !strings.Contains(r.Help.Markdown, strings.TrimSpace(strings.TrimPrefix(e.Bad, "$ "))) {
			t.Errorf("%s: the help lacks the bad example:\n%s", e.Code, r.Help.Markdown)
		}
	}
	if manual := diag.Manual(); !strings.Contains(manual, "\n## "+string(table[0].Code)+"\n") {
		t.Errorf("the manual has no heading %s, which helpUri links to", table[0].Code)
	}
}

// TestSARIFRoundTrip reads the places back, over files whose names and lines
// hold what URIs and columns trip over.
func TestSARIFRoundTrip(t *testing.T) {
	lines := "a: 1\r\n名前: é: \"🙂\": x: 1\n\t\t\xff\xfe b\n"
	files := []string{
		"a.cue", "p/a b.cue", "100%.cue", "p#q?.cue", "a:b.cue", "é/名.cue", "%41.cue", "a\\b.cue",
		"[x].cue", "../a.cue", "a&b;c=d,e+f@g!h'(i)*.cue", "\xff\n.cue", "p//q.cue", "-",
	}
	texts := map[string]string{}
	for _, f := range files {
		texts[f] = lines
	}
	var ofEach diag.List
	for _, f := range files {
		ofEach = append(ofEach, diag.Diagnostic{Code: "KC201", Pos: at(f, 2, 9), Message: "m"})
	}
	if err := newSchema(t).validate(write(t, diag.SARIF, ofEach, diag.Options{Source: sources(texts)})); err != nil {
		t.Error(errors.Details(err, nil))
	}
	for _, f := range files {
		var list diag.List
		for i, line := range strings.Split(lines, "\n") {
			for column := 1; column <= len(strings.TrimSuffix(line, "\r"))+1; column++ {
				list = append(list, diag.Diagnostic{Code: "KC201", Pos: at(f, i+1, column), Message: "m"})
			}
		}
		text := write(t, diag.SARIF, list, diag.Options{Source: sources(texts)})
		log := fromSARIF(t, text)
		if len(log.Runs[0].Results) != len(list) {
			t.Fatalf("%q: %d results of %d diagnostics", f, len(log.Runs[0].Results), len(list))
		}
		for i, r := range log.Runs[0].Results {
			place := r.Locations[0].PhysicalLocation
			if got := pathOf(t, place.ArtifactLocation.URI); got != f || place.ArtifactLocation.URIBaseID != "%SRCROOT%" {
				t.Fatalf("%q is named %q, which leads to %q", f, place.ArtifactLocation.URI, got)
			}
			line := strings.TrimSuffix(strings.Split(lines, "\n")[list[i].Pos.Line-1], "\r")
			want := 1 + len(utf16.Encode([]rune(line[:list[i].Pos.Column-1])))
			if place.Region.StartLine != list[i].Pos.Line || place.Region.StartColumn != want {
				t.Errorf("%s stands at %d:%d, want column %d", list[i].Pos, place.Region.StartLine, place.Region.StartColumn, want)
			}
		}
	}
}

var uriReference = regexp.MustCompile(`^([A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+$`)

// pathOf reads a relative reference as RFC 3986 does.
func pathOf(t *testing.T, reference string) string {
	t.Helper()
	u, err := url.Parse(reference)
	if err != nil || u.IsAbs() || u.Host != "" || u.RawQuery != "" || u.Fragment != "" || !uriReference.MatchString(reference) {
		t.Fatalf("%q is no relative reference: %v", reference, err)
	}
	return u.Path
}

func TestSARIFOutsideOfTheRoot(t *testing.T) {
	list := diag.List{{Code: "KC201", Pos: at("/tmp/a b.cue", 1, 1), Message: "m"}}
	log := fromSARIF(t, write(t, diag.SARIF, list, diag.Options{Prefix: "p"}))
	got := log.Runs[0].Results[0].Locations[0].PhysicalLocation.ArtifactLocation
	if got.URI != "file:///tmp/a%20b.cue" || got.URIBaseID != "" {
		t.Errorf("an absolute name is %q of %q", got.URI, got.URIBaseID)
	}
}

// TestSARIFWithoutSource has no columns: those of the positions count bytes.
func TestSARIFWithoutSource(t *testing.T) {
	log := fromSARIF(t, write(t, diag.SARIF, sample(), diag.Options{}))
	region := log.Runs[0].Results[0].Locations[0].PhysicalLocation.Region
	if region.StartLine != 2 || region.StartColumn != 0 || region.EndColumn != 0 {
		t.Errorf("the region is %+v", region)
	}
	whole := diag.List{{Code: "KC103", Pos: diag.Position{File: "a.cue"}, Message: "m"}}
	log = fromSARIF(t, write(t, diag.SARIF, whole, diag.Options{}))
	if region := log.Runs[0].Results[0].Locations[0].PhysicalLocation.Region; region.StartLine != 1 {
		t.Errorf("a diagnostic of a whole file is at %+v", region)
	}
}

// TestSARIFLinks has text that reads as a link to another place.
func TestSARIFLinks(t *testing.T) {
	list := diag.List{{
		Code: "KC201", Pos: at("a.cue", 1, 1), Path: "a[](1)", Message: "see [here](1) and items[0]", Hint: "[x](1)",
		Related: []diag.Related{{Pos: at(`[a]\.cue`, 1, 2), Message: "[y](1)"}},
	}}
	got := fromSARIF(t, write(t, diag.SARIF, list, diag.Options{})).Runs[0].Results[0].Message.Text
	const want = `a[\](1): see [here\](1) and items[0]` + "\n" + `[\[a\]\\.cue:1:2](1): [y\](1)` + "\n" + `[x\](1)`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func fingerprints(t *testing.T, list diag.List) []string {
	t.Helper()
	var out []string
	for _, r := range fromSARIF(t, write(t, diag.SARIF, list, diag.Options{})).Runs[0].Results {
		if len(r.PartialFingerprints) != 1 {
			t.Fatalf("%d fingerprints", len(r.PartialFingerprints))
		}
		for _, v := range r.PartialFingerprints {
			out = append(out, v)
		}
	}
	return out
}

func TestFingerprints(t *testing.T) {
	base := diag.Diagnostic{Code: "KC201", Pos: at("a.cue", 3, 4), Path: "p", Message: "m, see b.cue:1:2"}
	same := base
	same.Pos.Line, same.Pos.Column, same.Message = 90, 1, "m, see b.cue:17:20"
	same.Hint, same.Severity = "another", diag.Warning
	others := diag.List{base, base, base, base, base}
	others[1].Code = "KC202"
	others[2].Pos.File = "b.cue"
	others[3].Path = "q"
	others[4].Message = "n"

	if got, want := fingerprints(t, diag.List{same}), fingerprints(t, diag.List{base}); !slices.Equal(got, want) {
		t.Errorf("a mistake that moved has %v, and had %v", got, want)
	}
	all := fingerprints(t, append(others, base, same))
	for i, f := range all {
		if slices.Contains(all[:i], f) {
			t.Errorf("two results have the fingerprint %s", f)
		}
	}
	if strings.Split(all[0], ":")[0] != strings.Split(all[6], ":")[0] || !strings.HasSuffix(all[6], ":3") {
		t.Errorf("the third of three that are alike is %s, and the first %s", all[6], all[0])
	}
}

// TestSARIFUnknownCode has a code that the table does not explain.
func TestSARIFUnknownCode(t *testing.T) {
	list := diag.List{{Code: "KC999", Pos: at("a.cue", 1, 1), Message: "m"}, {Code: "KC999", Message: "m"}}
	run := fromSARIF(t, write(t, diag.SARIF, list, diag.Options{})).Runs[0]
	rules := run.Tool.Driver.Rules
	n := run.Invocations[0].ToolExecutionNotifications[0].AssociatedRule
	if len(rules) != len(diag.Table())+1 || rules[run.Results[0].RuleIndex].ID != "KC999" || rules[n.Index].ID != n.ID {
		t.Errorf("%d rules for %d codes; the result refers to %d, the notification to %d", len(rules), len(diag.Table()), run.Results[0].RuleIndex, n.Index)
	}
}

// TestSARIFLimit has more diagnostics than GitHub takes: warnings go first, and
// the log says so.
func TestSARIFLimit(t *testing.T) {
	var list diag.List
	for i := range 25_010 {
		d := diag.Diagnostic{Code: "KC409", Severity: diag.Warning, Pos: at("a.cue", i+1, 1), Message: strconv.Itoa(i)}
		if i%5 == 0 {
			d.Severity = diag.Error
		}
		list = append(list, d)
	}
	run := fromSARIF(t, write(t, diag.SARIF, list, diag.Options{})).Runs[0]
	errs := 0
	for i, r := range run.Results {
		if r.Level == "error" {
			errs++
		}
		if i > 0 && r.Locations[0].PhysicalLocation.Region.StartLine <= run.Results[i-1].Locations[0].PhysicalLocation.Region.StartLine {
			t.Fatalf("result %d is out of order", i)
		}
	}
	if len(run.Results) != 25_000 || errs != 5002 {
		t.Errorf("%d results, of them %d errors", len(run.Results), errs)
	}
	notes := run.Invocations[0].ToolExecutionNotifications
	if len(notes) != 1 || !strings.HasPrefix(notes[0].Message.Text, "10 more diagnostics") || !run.Invocations[0].ExecutionSuccessful {
		t.Errorf("the invocation says %v", fmt.Sprint(notes))
	}
}
