package main

import (
	"regexp"
	"strings"
	"testing"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// TestExplanationColors holds that colours change nothing but colours, and that
// what comes from elsewhere cannot steer a terminal.
func TestExplanationColors(t *testing.T) {
	value := spec.NewString("a\x1b[2Jb", token.NoPos)
	pos := &diag.Position{File: "p\x1b.cue", Line: 1, Column: 2}
	e := &compiler.Explanation{
		Kind: "ClusterPolicy", Name: "p\x1b[2J", Position: pos,
		Settings: []compiler.ExplainedEntry{
			{Path: "title", ExplainedWords: compiler.ExplainedWords{Origin: compiler.OriginOverride, From: "p\x1b[2J", Value: value, Position: pos}},
			{Path: "severity", ExplainedWords: compiler.ExplainedWords{Origin: compiler.OriginBase, From: "b", Value: value}},
		},
	}
	plain := string(explanationText(e, false, false))
	colored := string(explanationText(e, false, true))
	if strings.Contains(plain, "\x1b") {
		t.Errorf("the text steers the terminal: %q", plain)
	}
	for _, want := range []string{"\x1b[33moverride\x1b[0m", "\x1b[32mfrom b\x1b[0m"} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in %q", want, colored)
		}
	}
	if bare := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(colored, ""); bare != plain {
		t.Errorf("with colours:\n%s\nwithout:\n%s", bare, plain)
	}
}
