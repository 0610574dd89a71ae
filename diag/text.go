package diag

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// The terminal's attributes that diagnostics are written with.
const (
	sgrReset  = "\x1b[0m"
	sgrBold   = "\x1b[1m"
	sgrFaint  = "\x1b[2m"
	sgrRed    = "\x1b[31m"
	sgrYellow = "\x1b[33m"
)

// text writes diagnostics for a person, a line each, then the places that each
// also speaks of and the hint, indented:
//
//	policies/pod.cue:14:65: KC203: clusterPolicies."x".rules."y".params.regisry: unknown parameter "regisry" of #RequireImageRegistry
//	    did you mean "registry"?
//
// In colour, the source stands between the two:
//
//	14 |         "y": patterns.#RequireImageRegistry & {params: regisry: "ghcr.io"}
//	   |                                                        ^~~~~~~
func text(list List, o Options) []byte {
	var b bytes.Buffer
	if !o.Color {
		for _, d := range list {
			b.WriteString(d.Error())
			b.WriteByte('\n')
			for _, r := range d.Related {
				fmt.Fprintf(&b, "    %s: %s\n", r.Pos, r.Message)
			}
			for h := range strings.Lines(d.Hint) {
				fmt.Fprintf(&b, "    %s\n", strings.TrimRight(h, "\n"))
			}
		}
		return b.Bytes()
	}
	s := newSources(o.Source)
	for _, d := range list {
		color := sgrRed
		if d.Severity == Warning {
			color = sgrYellow
		}
		if d.Pos.IsValid() {
			b.WriteString(sgrBold + printable(d.Pos.String()) + ":" + sgrReset + " ")
		}
		b.WriteString(color + printable(string(d.Code)))
		if d.Severity == Warning {
			b.WriteString(": warning")
		}
		b.WriteString(sgrReset + ": ")
		if d.Path != "" {
			b.WriteString(printable(d.Path) + ": ")
		}
		writeIndented(&b, d.Message)
		writeExcerpt(&b, s, d.Pos, color, o.Width)
		for _, r := range d.Related {
			b.WriteString("    " + printable(r.Pos.String()) + ": ")
			writeIndented(&b, r.Message)
		}
		if d.Hint != "" {
			b.WriteString("    ")
			writeIndented(&b, d.Hint)
		}
	}
	return b.Bytes()
}

// writeIndented writes text that begins within a line, and indents its others.
func writeIndented(b *bytes.Buffer, s string) {
	for i, line := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
		if i > 0 {
			b.WriteString("    ")
		}
		b.WriteString(printable(strings.ReplaceAll(line, "\t", tab)))
		b.WriteByte('\n')
	}
}

// tab is what a tab becomes: its width in the terminal depends on the column,
// which an excerpt does not keep.
const tab = "    "

// printable replaces what a terminal would obey and not show, such as escape
// sequences and marks that reverse the order of a text: names and messages
// hold what authors wrote.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// cell is one character of an excerpt as the terminal shows it, with the marks
// that combine with it.
type cell struct {
	text  string
	width int // columns
	at    int // its offset in the line
}

// cells gives the characters of a line.
func cells(line []byte) []cell {
	var out []cell
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		c := cell{text: string(line[at : at+size]), width: 1, at: at}
		switch {
		case r == '\t':
			c.text, c.width = tab, len(tab)
		case !unicode.IsGraphic(r) || r == utf8.RuneError:
			c.text = string(utf8.RuneError)
		case unicode.In(r, unicode.Mn, unicode.Me):
			if len(out) > 0 {
				out[len(out)-1].text += c.text
				at += size
				continue
			}
		default:
			if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
				c.width = 2
			}
		}
		out = append(out, c)
		at += size
	}
	return out
}

const (
	defaultWidth = 80
	// minExcerpt is the fewest columns that an excerpt is given: in a narrower
	// terminal it wraps, which is better than to show nothing.
	minExcerpt = 20
	// excerptReach is how many bytes around the place are looked at: more than
	// a terminal is wide, in characters of any length.
	excerptReach = 2 << 10
)

// writeExcerpt writes the line that a position is in, and a caret under the
// place, with the rest of its token underlined.
func writeExcerpt(b *bytes.Buffer, s *sources, p Position, color string, columns int) {
	line, ok := s.line(p)
	if !ok {
		return
	}
	at := p.Column - 1
	end := max(tokenEnd(line, at), at+1)
	from, to := max(0, at-excerptReach), min(len(line), at+excerptReach)
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && !utf8.RuneStart(line[to]) {
		to++
	}
	if columns <= 0 {
		columns = defaultWidth
	}
	number := fmt.Sprintf("%5d", p.Line)
	row := cells(line[from:to])
	first, last := window(row, at-from, max(columns-len(number)-len(" | "), minExcerpt))

	b.WriteString(sgrFaint + number + " |" + sgrReset + " ")
	before, under := 0, 0
	if from > 0 || first > 0 {
		b.WriteString(ellipsis)
		before++
	}
	for _, c := range row[first:last] {
		b.WriteString(c.text)
		switch {
		case c.at+from < at:
			before += c.width
		case c.at+from < end:
			under += c.width
		}
	}
	if to < len(line) || last < len(row) {
		b.WriteString(ellipsis)
	}
	b.WriteString("\n" + sgrFaint + strings.Repeat(" ", len(number)) + " |" + sgrReset + " ")
	b.WriteString(strings.Repeat(" ", before) + color + "^" + strings.Repeat("~", max(under-1, 0)) + sgrReset + "\n")
}

const ellipsis = "…"

// window gives the cells to show of a row that may be wider than the limit:
// those around the place, a little more of what follows it than of what stands
// before.
func window(row []cell, at, limit int) (first, last int) {
	total, place := 0, len(row)
	for i, c := range row {
		total += c.width
		if c.at >= at && place == len(row) {
			place = i
		}
	}
	if total < limit {
		return 0, len(row)
	}
	limit -= 2 * len([]rune(ellipsis))
	used := 0
	left := func(limit int) {
		for first > 0 && used+row[first-1].width <= limit {
			first--
			used += row[first].width
		}
	}
	first, last = place, place
	left(limit * 2 / 5)
	for last < len(row) && used+row[last].width <= limit {
		used += row[last].width
		last++
	}
	left(limit)
	return first, last
}
