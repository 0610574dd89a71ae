package main

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"

	"kcue.dev/protocol"
)

// Colours of statuses and outcomes, by ANSI's numbers.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func paint(text, color string, on bool) string {
	if !on {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// reportText writes what failed with its reasons, a line for each suite, and
// the closing line.
func reportText(report protocol.Report, style reportStyle) ([]byte, error) {
	var b bytes.Buffer
	for _, suite := range bySuite(report.Checks) {
		passed, failed := 0, 0
		for _, c := range suite {
			if c.OK {
				passed++
			} else {
				failed++
			}
		}
		outcome := paint("ok", green, style.color)
		if failed > 0 {
			outcome = paint("FAIL", red, style.color)
		}
		fmt.Fprintf(&b, "%s  %s: %d passed, %d failed\n", outcome, printable(suite[0].Suite), passed, failed)
		for _, c := range suite {
			if c.OK && !style.verbose {
				continue
			}
			writeCheck(&b, c, style)
		}
	}
	fmt.Fprintf(&b, "%d suites, %d checks: %d passed, %d failed\n", report.Suites, len(report.Checks), report.Passed, report.Failed)
	return b.Bytes(), nil
}

// bySuite groups checks that follow each other and belong to one suite.
func bySuite(checks []protocol.Check) [][]protocol.Check {
	var suites [][]protocol.Check
	for i, c := range checks {
		if i == 0 || c.Suite != checks[i-1].Suite {
			suites = append(suites, nil)
		}
		last := len(suites) - 1
		suites[last] = append(suites[last], c)
	}
	return suites
}

func writeCheck(b *bytes.Buffer, c protocol.Check, style reportStyle) {
	mark := paint("pass", green, style.color)
	if !c.OK {
		mark = paint("fail", red, style.color)
	}
	fmt.Fprintf(b, "  %s  %s", mark, printable(checkName(c)))
	if c.Position != "" {
		fmt.Fprintf(b, "  (%s)", printable(c.Position))
	}
	b.WriteByte('\n')
	if c.OK {
		return
	}
	if c.Test != "" {
		fmt.Fprintf(b, "        %s\n", printable(checkSubject(c)))
	}
	if c.Expected != "" && c.Expected != c.Actual {
		fmt.Fprintf(b, "        expected %s, got %s\n", c.Expected, cmp.Or(c.Actual, "nothing"))
	}
	for line := range strings.Lines(c.Message) {
		fmt.Fprintf(b, "        %s\n", printable(strings.TrimRight(line, "\n")))
	}
}

// checkName is what a person calls a check.
func checkName(c protocol.Check) string {
	if c.Test != "" {
		return c.Test
	}
	return cmp.Or(checkSubject(c), "the suite")
}

// checkSubject says what a check is about.
func checkSubject(c protocol.Check) string {
	var parts []string
	if c.Policy != "" {
		parts = append(parts, "policy "+c.Policy)
	}
	if c.Rule != "" {
		parts = append(parts, "rule "+c.Rule)
	}
	if c.Resource != "" {
		parts = append(parts, c.Resource)
	}
	return strings.Join(parts, ", ")
}

// The form of JUnit's reports that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    string        `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func reportJUnit(report protocol.Report, _ reportStyle) ([]byte, error) {
	all := junitSuites{Name: "kcue test", Tests: len(report.Checks), Failures: report.Failed}
	for _, checks := range bySuite(report.Checks) {
		suite := junitSuite{Name: checks[0].Suite, Tests: len(checks)}
		for _, c := range checks {
			name := checkName(c)
			if c.Test == "" && c.Expected != "" {
				name += ": " + c.Expected
			}
			one := junitCase{Class: c.Suite, Name: name}
			if parts := strings.Split(c.Position, ":"); len(parts) >= 3 {
				one.File, one.Line = strings.Join(parts[:len(parts)-2], ":"), parts[len(parts)-2]
			}
			if !c.OK {
				suite.Failures++
				one.Failure = &junitFailure{
					Message: fmt.Sprintf("expected %s, got %s", cmp.Or(c.Expected, "nothing"), cmp.Or(c.Actual, "nothing")),
					Text:    checkSubject(c) + "\n" + c.Message,
				}
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	data, err := xml.MarshalIndent(all, "", "  ")
	return append([]byte(xml.Header), append(data, '\n')...), err
}
