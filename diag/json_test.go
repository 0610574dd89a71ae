package diag_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

func TestJSON(t *testing.T) {
	const want = `{
  "diagnostics": [
    {
      "code": "KC304",
      "severity": "error",
      "position": {
        "file": "p/a.cue",
        "line": 2,
        "column": 10
      },
      "path": "p.\"x\".extends",
      "message": "two values of a <setting>",
      "hint": "decide in overrides:\n\toverrides: x: 1",
      "related": [
        {
          "position": {
            "file": "p/a.cue",
            "line": 1,
            "column": 1
          },
          "message": "one"
        },
        {
          "position": {
            "file": "",
            "line": 0,
            "column": 0
          },
          "message": "nowhere"
        }
      ]
    },
    {
      "code": "KC409",
      "severity": "warning",
      "position": {
        "file": "b.yaml",
        "line": 1,
        "column": 1
      },
      "path": "",
      "message": "odd",
      "hint": "",
      "related": []
    },
    {
      "code": "KC601",
      "severity": "error",
      "position": {
        "file": "",
        "line": 0,
        "column": 0
      },
      "path": "",
      "message": "unknown target",
      "hint": "",
      "related": []
    }
  ],
  "errors": 2,
  "warnings": 1
}
`
	if diff := cmp.Diff(want, write(t, diag.JSON, sample(), diag.Options{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	const none = `{
  "diagnostics": [],
  "errors": 0,
  "warnings": 0
}
`
	if diff := cmp.Diff(none, write(t, diag.JSON, nil, diag.Options{})); diff != "" {
		t.Errorf("without diagnostics (-want +got)\n%s", diff)
	}
}

// fromJSON reads the JSON form back.
func fromJSON(t *testing.T, text string) diag.List {
	t.Helper()
	var report struct {
		Diagnostics []struct {
			diag.Diagnostic
			Severity string `json:"severity"`
		} `json:"diagnostics"`
		Errors, Warnings int
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var list diag.List
	counts := map[string]int{}
	for _, r := range report.Diagnostics {
		d := r.Diagnostic
		if r.Severity == diag.Warning.String() {
			d.Severity = diag.Warning
		}
		if len(d.Related) == 0 {
			d.Related = nil
		}
		counts[r.Severity]++
		list = append(list, d)
	}
	if counts["error"] != report.Errors || counts["warning"] != report.Warnings || len(counts) > 2 {
		t.Errorf("the severities are %v, and it says %d errors and %d warnings", counts, report.Errors, report.Warnings)
	}
	return list
}

func TestJSONRoundTrip(t *testing.T) {
	if diff := cmp.Diff(sample(), fromJSON(t, write(t, diag.JSON, sample(), diag.Options{}))); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
}
