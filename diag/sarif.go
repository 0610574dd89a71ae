package diag

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// sarifText writes a log of one run in SARIF 2.1.0
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html).
//
// Every diagnostic in a file is a result. One without a file, such as an
// unknown --target, is a notification of the invocation: GitHub refuses a whole
// log where a result has no location.
func sarifText(list List, o Options) ([]byte, error) {
	w := sarifWriter{
		options: o,
		sources: newSources(o.Source),
		rules:   map[Code]int{},
		seen:    map[string]int{},
		run: sarifRun{
			Tool: sarifTool{Driver: sarifDriver{
				Name: "kcue", Version: o.Version, InformationURI: projectURL, Rules: []sarifRule{},
			}},
			Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
			BaseIDs: map[string]sarifBase{sourceRoot: {
				Description: sarifMessage{Text: "The root of the repository."},
			}},
			ColumnKind: "utf16CodeUnits",
			Results:    []sarifResult{},
		},
	}
	for _, e := range Table() {
		w.addRule(e)
	}
	for _, d := range mostSevere(list, maxResults) {
		w.add(d)
	}
	if left := len(list) - maxResults; left > 0 {
		w.notify(sarifNotification{Level: "warning", Message: sarifMessage{
			Text: fmt.Sprintf("%d more diagnostics are left out: GitHub takes %d results", left, maxResults),
		}})
	}
	return indentedJSON(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{w.run}})
}

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURL  = "https://kcue.dev"
	// sourceRoot is the name that GitHub, and the standard's examples, have for
	// the root of the repository.
	sourceRoot = "%SRCROOT%"
	// maxResults is how many results of a run GitHub code scanning takes, of
	// which it shows the 5,000 most severe; a log with more is refused. See
	// "SARIF support for code scanning" in GitHub's documentation.
	maxResults = 25_000
	// maxDescription is how many characters a rule's fullDescription has at most
	// there.
	maxDescription = 1024
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool            `json:"tool"`
	Invocations []sarifInvocation    `json:"invocations"`
	BaseIDs     map[string]sarifBase `json:"originalUriBaseIds"`
	ColumnKind  string               `json:"columnKind"`
	Results     []sarifResult        `json:"results"`
}

// sarifBase has no uri: where the repository lies is the reader's to say, and
// would make the log differ by machine.
type sarifBase struct {
	Description sarifMessage `json:"description"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               Code             `json:"id"`
	ShortDescription *sarifMessage    `json:"shortDescription,omitempty"`
	FullDescription  *sarifMessage    `json:"fullDescription,omitempty"`
	HelpURI          string           `json:"helpUri,omitempty"`
	Help             *sarifMessage    `json:"help,omitempty"`
	Configuration    *sarifLevel      `json:"defaultConfiguration,omitempty"`
	Properties       *sarifProperties `json:"properties,omitempty"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

// sarifProperties are what GitHub code scanning reads of a rule.
type sarifProperties struct {
	Tags            []string `json:"tags"`
	Precision       string   `json:"precision"`
	ProblemSeverity string   `json:"problem.severity"`
}

type sarifMessage struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string       `json:"level"`
	Message sarifMessage `json:"message"`
	Rule    *sarifRef    `json:"associatedRule,omitempty"`
}

type sarifRef struct {
	ID    Code `json:"id"`
	Index int  `json:"index"`
}

type sarifResult struct {
	RuleID       Code              `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Related      []sarifLocation   `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
}

type sarifLocation struct {
	ID       int            `json:"id,omitempty"`
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	Message  *sarifMessage  `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI       string `json:"uri"`
	URIBaseID string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

// sarifLogical names the part of a spec that a result is about.
type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

type sarifWriter struct {
	options Options
	sources *sources
	run     sarifRun
	rules   map[Code]int   // the index of each rule
	seen    map[string]int // how many results have had a fingerprint
}

// addRule describes a code.
func (w *sarifWriter) addRule(e Explanation) {
	level := severityOf(e).String()
	why := []rune(e.Why)
	if len(why) > maxDescription {
		why = append(why[:maxDescription-1], '…')
	}
	w.rules[e.Code] = len(w.run.Tool.Driver.Rules)
	w.run.Tool.Driver.Rules = append(w.run.Tool.Driver.Rules, sarifRule{
		ID:               e.Code,
		ShortDescription: &sarifMessage{Text: capitalised(e.Name)},
		FullDescription:  &sarifMessage{Text: string(why)},
		HelpURI:          projectURL + "/docs/diagnostics.md#" + strings.ToLower(string(e.Code)),
		Help:             &sarifMessage{Text: e.Why, Markdown: strings.TrimSpace(e.Why + "\n" + e.examples())},
		Configuration:    &sarifLevel{Level: level},
		Properties: &sarifProperties{
			Tags:      []string{"kyverno", "kubernetes", "policy"},
			Precision: "very-high", ProblemSeverity: level,
		},
	})
}

func severityOf(e Explanation) Severity {
	if e.Warning {
		return Warning
	}
	return Error
}

// rule gives the index of a code's rule. One that the table does not explain
// has a rule without a description: a result must refer to one.
func (w *sarifWriter) rule(code Code) int {
	if _, ok := w.rules[code]; !ok {
		w.rules[code] = len(w.run.Tool.Driver.Rules)
		w.run.Tool.Driver.Rules = append(w.run.Tool.Driver.Rules, sarifRule{ID: code})
	}
	return w.rules[code]
}

func (w *sarifWriter) notify(n sarifNotification) {
	invocation := &w.run.Invocations[0]
	invocation.Notifications = append(invocation.Notifications, n)
	invocation.ExecutionSuccessful = invocation.ExecutionSuccessful && n.Level != Error.String()
}

func (w *sarifWriter) add(d Diagnostic) {
	level := d.Severity.String()
	if !d.Pos.IsValid() {
		w.notify(sarifNotification{
			Level: level, Message: sarifMessage{Text: d.described()},
			Rule: &sarifRef{ID: d.Code, Index: w.rule(d.Code)},
		})
		return
	}
	at := sarifLocation{Physical: w.physical(d.Pos)}
	if d.Path != "" {
		at.Logical = []sarifLogical{{FullyQualifiedName: d.Path}}
	}
	result := sarifResult{
		RuleID: d.Code, RuleIndex: w.rule(d.Code), Level: level,
		Locations:    []sarifLocation{at},
		Fingerprints: map[string]string{"kcueDiagnostic/v1": w.fingerprint(d)},
	}
	var text strings.Builder
	if d.Path != "" {
		text.WriteString(unlinked(d.Path) + ": ")
	}
	text.WriteString(unlinked(d.Message))
	for _, r := range d.Related {
		text.WriteByte('\n')
		if r.Pos.IsValid() {
			// GitHub shows a related place only where the message links to it.
			id := len(result.Related) + 1
			result.Related = append(result.Related, sarifLocation{
				ID: id, Physical: w.physical(r.Pos), Message: &sarifMessage{Text: unlinked(r.Message)},
			})
			fmt.Fprintf(&text, "[%s](%d): ", linkText.Replace(r.Pos.String()), id)
		}
		text.WriteString(unlinked(r.Message))
	}
	if d.Hint != "" {
		text.WriteString("\n" + unlinked(strings.TrimRight(d.Hint, "\n")))
	}
	result.Message.Text = text.String()
	w.run.Results = append(w.run.Results, result)
}

// linkText escapes what stands between the brackets of a link (SARIF 2.1.0,
// section 3.11.6).
var linkText = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`)

// unlinked keeps text from being read as a link, and leaves other brackets as
// they are: policies are full of them. Braces are not doubled, though section
// 3.11.5 asks for it: readers replace {0} only where a message has arguments,
// and show doubled braces as they stand, which would spoil every
// {{ request.object }}.
func unlinked(s string) string { return strings.ReplaceAll(s, "](", `\](`) }

// physical gives a place as a reader finds it in the repository. A diagnostic
// about a whole file stands at its first line: GitHub wants a line.
func (w *sarifWriter) physical(p Position) sarifPhysical {
	start, end := w.sources.columns(p)
	return sarifPhysical{
		Artifact: artifact(p.File, w.options.Prefix),
		Region:   sarifRegion{StartLine: max(p.Line, 1), StartColumn: start, EndColumn: end},
	}
}

// artifact names a file by a URI: relative to the root of the repository, or
// absolute where the file lies outside of the working directory's volume.
func artifact(file, prefix string) sarifArtifact {
	name := fromRoot(file, prefix)
	if filepath.IsAbs(file) {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(name, "/")}).String()}
	}
	// A colon in the first segment would end a scheme.
	escaped := strings.ReplaceAll((&url.URL{Path: name}).EscapedPath(), ":", "%3A")
	return sarifArtifact{URI: escaped, URIBaseID: sourceRoot}
}

// places are the lines and columns that a message may name.
var places = regexp.MustCompile(`:\d+:\d+`)

// fingerprint identifies a mistake from one run to the next: by what is wrong
// and in which part of which file, and not by the line, which moves with every
// edit above it. Mistakes that are alike count up.
func (w *sarifWriter) fingerprint(d Diagnostic) string {
	h := sha256.New()
	for _, s := range []string{string(d.Code), fromRoot(d.Pos.File, w.options.Prefix), d.Path, places.ReplaceAllString(d.Message, "")} {
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	sum := hex.EncodeToString(h.Sum(nil)[:16])
	w.seen[sum]++
	return sum + ":" + strconv.Itoa(w.seen[sum])
}

// mostSevere gives at most n diagnostics in their order: errors before
// warnings where some must go.
func mostSevere(list List, n int) List {
	if len(list) <= n {
		return list
	}
	errors := 0
	for _, d := range list {
		if d.Severity == Error {
			errors++
		}
	}
	room := map[Severity]int{Error: min(errors, n), Warning: max(n-errors, 0)}
	out := make(List, 0, n)
	for _, d := range list {
		if room[d.Severity] > 0 {
			room[d.Severity]--
			out = append(out, d)
		}
	}
	return out
}
