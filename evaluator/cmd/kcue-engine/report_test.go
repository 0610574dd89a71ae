package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	policyreport "github.com/kyverno/kyverno/api/policyreport/v1alpha2"
	"github.com/rogpeppe/go-internal/txtar"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// TestPolicyReport decodes what kcue eval --format report writes, as the script
// eval_report has it, into the API's own types.
func TestPolicyReport(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join(scriptDir, "eval_report.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want-stdout" })
	if i < 0 {
		t.Fatal("the script expects no output")
	}
	results := 0
	for _, document := range strings.Split(string(archive.Files[i].Data), "\n---\n") {
		data, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		var report policyreport.PolicyReport
		var cluster policyreport.ClusterPolicyReport
		into, count := any(&report), func() (policyreport.PolicyReportSummary, []policyreport.PolicyReportResult) {
			return report.Summary, report.Results
		}
		if strings.Contains(document, "kind: ClusterPolicyReport\n") {
			into, count = &cluster, func() (policyreport.PolicyReportSummary, []policyreport.PolicyReportResult) {
				return cluster.Summary, cluster.Results
			}
		}
		strict, err := kjson.UnmarshalStrict(data, into)
		if err != nil || len(strict) > 0 {
			t.Fatalf("%v %v in\n%s", err, strict, document)
		}
		summary, rows := count()
		if sum := summary.Pass + summary.Fail + summary.Warn + summary.Error + summary.Skip; sum != len(rows) {
			t.Errorf("the summary counts %d of %d results in\n%s", sum, len(rows), document)
		}
		results += len(rows)
	}
	if results == 0 {
		t.Error("the reports have no results")
	}
}
