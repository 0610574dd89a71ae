package diag_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/diag"
)

func TestTextInColor(t *testing.T) {
	o := diag.Options{Color: true, Source: sources(map[string]string{
		"p/a.cue": "package p\r\np: \"x\": extends: [\"a\", \"b\"]\r\n",
		"b.yaml":  "kind: Policy",
	})}
	const want = "\x1b[1mp/a.cue:2:10:\x1b[0m \x1b[31mKC304\x1b[0m: p.\"x\".extends: two values of a <setting>\n" +
		"\x1b[2m    2 |\x1b[0m p: \"x\": extends: [\"a\", \"b\"]\n" +
		"\x1b[2m      |\x1b[0m          \x1b[31m^~~~~~\x1b[0m\n" +
		"    p/a.cue:1:1: one\n" +
		"    -: nowhere\n" +
		"    decide in overrides:\n" +
		"        overrides: x: 1\n" +
		"\x1b[1mb.yaml:1:1:\x1b[0m \x1b[33mKC409: warning\x1b[0m: odd\n" +
		"\x1b[2m    1 |\x1b[0m kind: Policy\n" +
		"\x1b[2m      |\x1b[0m \x1b[33m^~~~\x1b[0m\n" +
		"\x1b[31mKC601\x1b[0m: unknown target\n"
	list := sample()
	list[0].Pos.Column = 9
	if diff := cmp.Diff(strings.Replace(want, "2:10", "2:9", 1), write(t, diag.Text, list, o)); diff == "" {
		t.Fatal("the sample does not tell column 9 from 10")
	}
	if diff := cmp.Diff(want, write(t, diag.Text, sample(), o)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]+m")

// excerpt gives the two lines under a diagnostic at a column of a line.
func excerpt(t *testing.T, line string, column, width int) []string {
	t.Helper()
	list := diag.List{{Code: "KC201", Pos: at("a.cue", 1, column), Message: "m"}}
	got := write(t, diag.Text, list, diag.Options{Color: true, Width: width, Source: sources(map[string]string{"a.cue": line})})
	lines := strings.Split(strings.TrimSuffix(escapes.ReplaceAllString(got, ""), "\n"), "\n")
	return lines[1:]
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("0123456789 ", 30)
	tests := []struct {
		name   string
		line   string
		column int
		want   []string // nil where there is no excerpt
	}{
		{"a word", "a: bcd: 1", 4, []string{"    1 | a: bcd: 1", "      |    ^~~"}},
		{"a quoted string", `"a b": "c\"d" & x`, 8, []string{`    1 | "a b": "c\"d" & x`, `      |        ^~~~~~`}},
		{"a string in single quotes", `x: 'a\' b`, 4, []string{`    1 | x: 'a\' b`, `      |    ^~~~`}},
		{"a string that goes on", `x: "abc`, 4, []string{`    1 | x: "abc`, `      |    ^`}},
		{"a reference", "x: patterns.#Limits & {a: 1}", 4, []string{"    1 | x: patterns.#Limits & {a: 1}", "      |    ^~~~~~~~~~~~~~~~"}},
		{"a word before a stop", "run: it. Now", 6, []string{"    1 | run: it. Now", "      |      ^~"}},
		{"an operator", "x: 1 / 0", 6, []string{"    1 | x: 1 / 0", "      |      ^"}},
		{"tabs", "\t\ta:\tbcd", 6, []string{"    1 |         a:    bcd", "      |               ^~~"}},
		{"wide characters before", "名前: bcd", 9, []string{"    1 | 名前: bcd", "      |       ^~~"}},
		{"wide characters under", `x: "名"`, 4, []string{`    1 | x: "名"`, `      |    ^~~~`}},
		{"emoji", "🙂: bcd", 7, []string{"    1 | 🙂: bcd", "      |     ^~~"}},
		{"combining marks", "cafe\u0301: bcd", 9, []string{"    1 | cafe\u0301: bcd", "      |       ^~~"}},
		{"a narrow letter of two bytes", "é: bcd", 5, []string{"    1 | é: bcd", "      |    ^~~"}},
		{"the end of the line", "a: ", 4, []string{"    1 | a: ", "      |    ^"}},
		{"an empty line", "", 1, []string{"    1 | ", "      | ^"}},
		{"within a character", "é: b", 2, []string{"    1 | é: b", "      |  ^"}},
		{"beyond the line", "a: ", 5, nil},
		{"no column", "a: b", 0, nil},
		{"a line too long to look at", strings.Repeat("a ", 1<<16), 1, nil},
		{"control characters", "\x1b[31mred\x07\x7f\u009b\u202e\u200b: bcd", 21, []string{"    1 | \uFFFD[31mred\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD: bcd", "      |                ^~~"}},
		{"bytes that are no text", "\xff\xfe: bcd", 5, []string{"    1 | \uFFFD\uFFFD: bcd", "      |     ^~~"}},
		{"a long line at its begin", long, 1, []string{
			"    1 | 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123…",
			"      | ^~~~~~~~~~",
		}},
		{"a long line in its middle", long, 111, []string{
			"    1 | …56789 0123456789 0123456789 0123456789 0123456789 0123456789 012345678…",
			"      |                              ^~~~~~~~~~",
		}},
		{"a long line at its end", long, 331, []string{
			"    1 | …789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 ",
			"      |                                                                        ^",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := excerpt(t, tt.line, tt.column, 80)
			if len(got) == 0 {
				got = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestExcerptFits cuts every kind of line to many widths: the caret stays under
// its character, and nothing is wider than the terminal.
func TestExcerptFits(t *testing.T) {
	wide := strings.Repeat("名前 ", 100)
	for width := 1; width < 130; width++ {
		for column := 1; column <= 300; column += 7 {
			for len(wide) > column && !utf8.RuneStart(wide[column-1]) {
				column++
			}
			got := excerpt(t, wide, column, width)
			if len(got) != 2 {
				t.Fatalf("width %d, column %d: %q", width, column, got)
			}
			columns := func(s string) int {
				return utf8.RuneCountInString(s) + strings.Count(s, "名") + strings.Count(s, "前")
			}
			// The gutter has 8 columns; what is narrower than 28 wraps.
			if most := max(width, 28); columns(got[0]) > most || columns(got[1]) > most {
				t.Fatalf("width %d, column %d: wider than that:\n%s\n%s", width, column, got[0], got[1])
			}
			caret := strings.Index(got[1], "^")
			r, _ := utf8.DecodeRuneInString(wide[column-1:])
			shown, col := rune(0), 0
			for _, s := range got[0] {
				if col == caret {
					shown = s
				}
				col += columns(string(s))
			}
			if shown != r {
				t.Fatalf("width %d, column %d: the caret is under %q, not %q:\n%s\n%s", width, column, shown, r, got[0], got[1])
			}
		}
	}
}

// TestTextObeysNobody has escape sequences in everything that a user may have
// written: on a terminal none is left but kcue's own.
func TestTextObeysNobody(t *testing.T) {
	const evil = "a\x1b]0;title\x07\x1b[2J\u202eb\r"
	list := diag.List{{
		Code: "KC201", Pos: at("x"+evil, 1, 1), Path: evil, Message: evil + "\nsecond\t" + evil, Hint: evil + "\n\t" + evil,
		Related: []diag.Related{{Pos: at(evil, 1, 1), Message: evil}},
	}}
	got := write(t, diag.Text, list, diag.Options{Color: true, Source: func(string) ([]byte, bool) { return []byte(evil), true }})
	rest := escapes.ReplaceAllString(got, "")
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < ' ' && r != '\n' || r == '\u202e' }); i >= 0 {
		t.Errorf("%q is left in %q", rest[i:i+1], rest)
	}
	if !strings.Contains(rest, "    second    a") {
		t.Errorf("the second line of a message is not indented: %q", rest)
	}
}
