package diag

import (
	"bytes"
	"encoding/json"
)

// The JSON form is one object:
//
//	{
//	  "diagnostics": [
//	    {
//	      "code": "KC203",
//	      "severity": "error",
//	      "position": {"file": "policies/pod.cue", "line": 14, "column": 65},
//	      "path": "clusterPolicies.\"x\".rules.\"y\".params.regisry",
//	      "message": "unknown parameter \"regisry\" of #RequireImageRegistry",
//	      "hint": "did you mean \"registry\"?",
//	      "related": [{"position": {…}, "message": "…"}]
//	    }
//	  ],
//	  "errors": 1,
//	  "warnings": 0
//	}
//
// Every field is always there: a string that is not known is empty, a line or
// column is 0, and a list is []. Severity is error or warning. Lines and
// columns count from one, in lines and bytes, as in text. Fields may be added,
// and are neither renamed nor taken away.
type jsonReport struct {
	Diagnostics []jsonDiagnostic `json:"diagnostics"`
	Errors      int              `json:"errors"`
	Warnings    int              `json:"warnings"`
}

type jsonDiagnostic struct {
	Code     Code          `json:"code"`
	Severity string        `json:"severity"`
	Position jsonPosition  `json:"position"`
	Path     string        `json:"path"`
	Message  string        `json:"message"`
	Hint     string        `json:"hint"`
	Related  []jsonRelated `json:"related"`
}

type jsonPosition struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type jsonRelated struct {
	Position jsonPosition `json:"position"`
	Message  string       `json:"message"`
}

func jsonText(list List) ([]byte, error) {
	r := jsonReport{Diagnostics: make([]jsonDiagnostic, 0, len(list))}
	for _, d := range list {
		if d.Severity == Warning {
			r.Warnings++
		} else {
			r.Errors++
		}
		j := jsonDiagnostic{
			Code: d.Code, Severity: d.Severity.String(), Position: jsonPosition(d.Pos),
			Path: d.Path, Message: d.Message, Hint: d.Hint,
			Related: make([]jsonRelated, 0, len(d.Related)),
		}
		for _, other := range d.Related {
			j.Related = append(j.Related, jsonRelated{jsonPosition(other.Pos), other.Message})
		}
		r.Diagnostics = append(r.Diagnostics, j)
	}
	return indentedJSON(r)
}

// indentedJSON writes a value with an indentation of two spaces, and with <, >
// and & as they are.
func indentedJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
