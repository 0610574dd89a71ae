package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kcue.dev/protocol"
)

// suite is the directory of a kyverno-test.yaml, below the corpus.
type suite struct {
	dir string
	// class is legacy for suites of ClusterPolicy and Policy, otherwise the
	// abbreviation of the CEL kind that Kyverno's own directories end in.
	class string
	// aborts tells that Kyverno's command line gives up the whole run over
	// this suite.
	aborts bool
	// alone is what Kyverno's command line takes for this suite by itself.
	alone sample
}

func findSuites(corpus string) ([]*suite, error) {
	var suites []*suite
	err := filepath.WalkDir(corpus, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "kyverno-test.yaml" {
			return err
		}
		dir, err := filepath.Rel(corpus, filepath.Dir(path))
		if err != nil {
			return err
		}
		suites = append(suites, &suite{dir: dir, class: classOf(dir)})
		return nil
	})
	if err == nil && len(suites) == 0 {
		err = fmt.Errorf("%s has no suites", corpus)
	}
	return suites, err
}

func classOf(dir string) string {
	top, _, _ := strings.Cut(filepath.ToSlash(dir), "/")
	for _, class := range []string{"vpol", "mpol", "gpol"} {
		if strings.HasSuffix(top, "-"+class) {
			return class
		}
	}
	return "legacy"
}

// row is what Kyverno's command line prints of a resource of a row (the object
// of kyverno test -o json, commands/test/output.go).
type row struct {
	Policy   string `json:"POLICY"`
	Rule     string `json:"RULE"`
	Resource string `json:"RESOURCE"`
	Result   string `json:"RESULT"`
	Reason   string `json:"REASON"`
	Message  string
}

// parseRows finds the list of rows in what kyverno test -o json writes: it
// stands between lines of progress, and is not there where the run gives up.
func parseRows(output []byte) ([]row, bool) {
	start := bytes.Index(output, []byte("\n["))
	if start < 0 {
		return nil, false
	}
	var rows []row
	if err := json.NewDecoder(bytes.NewReader(output[start+1:])).Decode(&rows); err != nil {
		return nil, false
	}
	return rows, true
}

// verdict is what Kyverno's command line makes of a check of kcue's.
type verdict struct {
	passes bool
	why    string
}

// judge finds the verdict on a check among the rows of its suite. The command
// line names no resource of its own in rows about generated ones, and leaves
// out rows without a word: with those its verdict is that of the run.
func judge(c protocol.Check, rows []row, aborted bool) verdict {
	if aborted {
		return verdict{false, "gives up the run"}
	}
	if c.Policy == "" || c.Resource == "" {
		return verdict{true, "says nothing"}
	}
	found := rowsOf(c, rows, func(r row) bool { return sameName(c.Resource, r.Resource) })
	if len(found) == 0 {
		found = rowsOf(c, rows, func(r row) bool { return strings.Count(r.Resource, "/") == 1 })
	}
	if len(found) == 0 {
		return verdict{true, "drops the row"}
	}
	for _, r := range found {
		if r.Result != "Pass" {
			return verdict{false, r.Reason}
		}
	}
	return verdict{true, found[0].Reason}
}

func rowsOf(c protocol.Check, rows []row, match func(row) bool) []row {
	var found []row
	for _, r := range rows {
		if base(r.Policy) == base(c.Policy) && (c.Rule == "" || r.Rule == "" || authored(r.Rule) == c.Rule) && match(r) {
			found = append(found, r)
		}
	}
	return found
}

func base(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// authored is the rule that an autogen rule is made of.
func authored(rule string) string {
	return strings.TrimPrefix(strings.TrimPrefix(rule, "autogen-cronjob-"), "autogen-")
}

// sameName tells that two names of apiVersion, kind, namespace and name are of
// one resource. The command line leaves an empty place for a namespace that
// there is none of, and takes custom resources to be in the default one.
func sameName(a, b string) bool {
	return plainName(a) == plainName(b)
}

func plainName(name string) string {
	parts := slices.DeleteFunc(strings.Split(name, "/"), func(part string) bool { return part == "" })
	if at := len(parts) - 2; at > 1 && parts[at] == "default" {
		parts = slices.Delete(parts, at, at+1)
	}
	return strings.Join(parts, "/")
}

// compareVerdicts runs every suite in both commands and counts the checks that
// they agree on. It marks the suites that Kyverno's command line gives up.
func (b *bench) compareVerdicts(suites []*suite, print bool) error {
	report, err := b.kcueTest(".")
	if err != nil {
		return err
	}
	checks := map[string][]protocol.Check{}
	for _, c := range report.Checks {
		dir := filepath.Dir(c.Suite)
		checks[dir] = append(checks[dir], c)
	}
	type count struct{ suites, checks, agree, failed, aborts int }
	counts := map[string]*count{}
	var differing []string
	for _, s := range suites {
		rows, aborted, alone, err := b.kyvernoTest(s.dir)
		if err != nil {
			return err
		}
		s.aborts, s.alone = aborted, alone
		n := counts[s.class]
		if n == nil {
			n = &count{}
			counts[s.class] = n
		}
		n.suites++
		if aborted {
			n.aborts++
		}
		if len(checks[s.dir]) == 0 {
			return fmt.Errorf("%s: kcue has no checks", s.dir)
		}
		for _, c := range checks[s.dir] {
			n.checks++
			v := judge(c, rows, aborted)
			if v.passes == c.OK {
				n.agree++
				if !c.OK {
					n.failed++
				}
				continue
			}
			differing = append(differing, fmt.Sprintf("| %s | %s | %s | %s | %s: %s | %s: %s |", s.dir, strings.TrimSuffix(c.Policy+"/"+c.Rule, "/"),
				c.Resource, c.Expected, word(v.passes), v.why, word(c.OK), strings.TrimSpace(c.Actual+" "+oneLine(c.Message))))
		}
	}
	if !print {
		return nil
	}
	fmt.Print("\n| suites | | that kyverno test gives up | checks | both pass | both fail | differ |\n|---|--:|--:|--:|--:|--:|--:|\n")
	var all count
	for _, class := range classes {
		n := counts[class]
		if n == nil {
			continue
		}
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %d |\n", class, n.suites, n.aborts, n.checks, n.agree-n.failed, n.failed, n.checks-n.agree)
		all = count{all.suites + n.suites, all.checks + n.checks, all.agree + n.agree, all.failed + n.failed, all.aborts + n.aborts}
	}
	fmt.Printf("| all | %d | %d | %d | %d | %d | %d |\n", all.suites, all.aborts, all.checks, all.agree-all.failed, all.failed, all.checks-all.agree)
	if len(differing) > 0 {
		fmt.Print("\n| suite | rule | resource | expected | kyverno test | kcue test |\n|---|---|---|---|---|---|\n")
		fmt.Println(strings.Join(differing, "\n"))
	}
	return nil
}

func word(passes bool) string {
	if passes {
		return "passes"
	}
	return "fails"
}

func oneLine(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// kyvernoTest runs one suite in Kyverno's command line.
func (b *bench) kyvernoTest(dir string) (rows []row, aborted bool, alone sample, err error) {
	command := exec.Command(b.kyverno, "test", dir, "--detailed-results", "--remove-color", "-o", "json")
	command.Dir = b.corpus
	start := time.Now()
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, false, sample{}, err
	}
	rows, ok := parseRows(output)
	return rows, !ok, used(command, time.Since(start)), nil
}

// kcueTest runs suites in kcue.
func (b *bench) kcueTest(paths ...string) (protocol.Report, error) {
	var report protocol.Report
	command := exec.Command(b.kcue, append([]string{"test", "--format", "json"}, paths...)...)
	command.Dir = b.corpus
	command.Stderr = os.Stderr
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return report, fmt.Errorf("kcue test: %w", err)
	}
	return report, json.Unmarshal(output, &report)
}
