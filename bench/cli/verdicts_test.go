package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/protocol"
)

func TestParseRows(t *testing.T) {
	output := `Loading test  ( a/kyverno-test.yaml ) ...
  Checking results ...

[
  {"ID": 1, "POLICY": "p", "RULE": "autogen-r", "RESOURCE": "apps/v1/Deployment/default/d", "RESULT": "Pass", "REASON": "Ok", "Message": "[m]"}
]


Test Summary: 1 tests passed and 0 tests failed
`
	rows, ok := parseRows([]byte(output))
	want := []row{{Policy: "p", Rule: "autogen-r", Resource: "apps/v1/Deployment/default/d", Result: "Pass", Reason: "Ok", Message: "[m]"}}
	if diff := cmp.Diff(want, rows); diff != "" || !ok {
		t.Errorf("ok %t, rows (-want +got):\n%s", ok, diff)
	}
	if rows, ok := parseRows([]byte("Loading test  ( a/kyverno-test.yaml ) ...\n  Loading resources ...\n")); ok {
		t.Errorf("a run that is given up has rows: %v", rows)
	}
	if rows, ok := parseRows([]byte("\n[]\n")); !ok || len(rows) != 0 {
		t.Errorf("no rows: %t, %v", ok, rows)
	}
}

func TestJudge(t *testing.T) {
	rows := []row{
		{Policy: "p", Rule: "autogen-r", Resource: "apps/v1/Deployment/default/d", Result: "Pass", Reason: "Ok"},
		{Policy: "p", Rule: "r", Resource: "v1/Namespace//n", Result: "Pass", Reason: "Excluded"},
		{Policy: "ns/p", Rule: "r", Resource: "example.com/v1/Custom/default/c", Result: "Fail", Reason: "Want pass, got fail"},
		{Policy: "g", Rule: "r", Resource: "/generated", Result: "Pass", Reason: "Ok"},
		{Policy: "g", Rule: "r", Resource: "/other", Result: "Fail", Reason: "Resource diff"},
		{Policy: "v", Rule: "", Resource: "v1/Pod/a/x", Result: "Pass", Reason: "Ok"},
	}
	for name, test := range map[string]struct {
		check   protocol.Check
		aborted bool
		want    verdict
	}{
		"autogen":         {protocol.Check{Policy: "p", Rule: "r", Resource: "apps/v1/Deployment/default/d"}, false, verdict{true, "Ok"}},
		"excluded":        {protocol.Check{Policy: "p", Rule: "r", Resource: "v1/Namespace/n"}, false, verdict{true, "Excluded"}},
		"custom resource": {protocol.Check{Policy: "ns/p", Rule: "r", Resource: "example.com/v1/Custom/c"}, false, verdict{false, "Want pass, got fail"}},
		"generated":       {protocol.Check{Policy: "g", Rule: "r", Resource: "v1/Namespace/n"}, false, verdict{false, "Resource diff"}},
		"CEL":             {protocol.Check{Policy: "v", Resource: "v1/Pod/a/x"}, false, verdict{true, "Ok"}},
		"other namespace": {protocol.Check{Policy: "v", Resource: "v1/Pod/b/x"}, false, verdict{true, "drops the row"}},
		"suite":           {protocol.Check{Message: "no rows"}, false, verdict{true, "says nothing"}},
		"given up":        {protocol.Check{Policy: "v", Resource: "v1/Pod/a/x"}, true, verdict{false, "gives up the run"}},
	} {
		if got := judge(test.check, rows, test.aborted); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestClassOf(t *testing.T) {
	for dir, want := range map[string]string{
		"other/a/.kyverno-test":      "legacy",
		"other-cel/a/.kyverno-test":  "legacy",
		"other-mpol/a/.kyverno-test": "mpol",
		"psa-vpol":                   "vpol",
	} {
		if got := classOf(dir); got != want {
			t.Errorf("%s is %s, want %s", dir, got, want)
		}
	}
}
