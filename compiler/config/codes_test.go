package config

import (
	"testing"

	"kcue.dev/diag"
)

// TestCheck has a table of its own, so that it does not depend on which codes
// there are.
func TestCheck(t *testing.T) {
	c := newCodes([]diag.Explanation{
		{Code: "KC201"}, {Code: "KC409", Warning: true}, {Code: "KC501", Warning: true}, {Code: "KC502"}, {Code: "KC601"},
	})
	for code, want := range map[string]string{
		"KC409": "", "KC501": "", "KC502": "", "KC5": "",
		"KC201": "KC201 is an error, which cannot be turned off: only warnings can",
		"KC6":   "KC6 holds errors, which cannot be turned off: expected single codes, or KC5 for all best practices",
		"KC503": `unknown code "KC503"`,
		"KC50":  `unknown code "KC50"`,
		"KC":    `unknown code "KC"`,
	} {
		d, ok := c.check(code, diag.Position{})
		if ok != (want == "") || d.Message != want {
			t.Errorf("%q: %v, %s; want %s", code, ok, d.Message, want)
		}
	}
}
