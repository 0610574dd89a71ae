package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kcue.dev/compiler"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// branch is a line of an explanation, and what stands below it.
type branch struct {
	text  string // what is there
	by    string // who says so
	color string // of by
	at    string // where
	below []branch
}

// explanationText writes an explanation as a tree of three columns: what is
// there, who says so and where. Values are cut short unless they are wanted
// whole.
func explanationText(e *compiler.Explanation, whole, color bool) []byte {
	t := treeText{explanation: e, whole: whole, color: color}
	root := branch{text: fmt.Sprintf("%s %s", e.Kind, e.Name), by: e.Definition, at: place(e.Position)}
	if e.AsWritten {
		root.below = []branch{{text: "emitted as it is written: nothing is inherited, overridden or filled in"}}
	}
	root.below = append(root.below, section("extends", t.extends(e.Extends, map[string]bool{}))...)
	root.below = append(root.below, section("settings", t.entries(e.Settings))...)
	root.below = append(root.below, section("rules", t.rules())...)
	root.below = append(root.below, section("dropped", t.dropped())...)
	t.write(root)
	return t.out.Bytes()
}

func section(name string, below []branch) []branch {
	if len(below) == 0 {
		return nil
	}
	return []branch{{text: name, below: below}}
}

// treeText writes the parts of an explanation.
type treeText struct {
	explanation *compiler.Explanation
	whole       bool
	color       bool
	out         bytes.Buffer
}

// extends gives the bases as a tree, in which what several extend stands once
// with its own bases.
func (t *treeText) extends(names []compiler.ExplainedName, seen map[string]bool) []branch {
	var out []branch
	for _, n := range names {
		i := slices.IndexFunc(t.explanation.Bases, func(b compiler.ExplainedBase) bool { return b.Name == n.Name })
		base := t.explanation.Bases[i]
		b := branch{text: base.Kind + " " + base.Name, by: base.Definition, at: place(base.Position)}
		if !seen[n.Name] {
			seen[n.Name] = true
			b.below = t.extends(base.Extends, seen)
		} else if len(base.Extends) > 0 {
			b.by = "see above"
		}
		out = append(out, b)
	}
	return out
}

func (t *treeText) entries(entries []compiler.ExplainedEntry) []branch {
	var out []branch
	for _, e := range entries {
		b := t.words(e.Path+": "+t.value(e.Value), e.ExplainedWords)
		b.below = t.history(e)
		if w := t.explanation.SystemNamespaces; e.Path == "excludeSystemNamespaces" && w != nil {
			b.below = append(b.below, t.words("leaves out "+t.value(w.Value), *w))
		}
		out = append(out, b)
	}
	return out
}

// words gives a line with who said it.
func (t *treeText) words(text string, w compiler.ExplainedWords) branch {
	b := branch{text: text, at: place(w.Position)}
	switch w.Origin {
	case compiler.OriginOwn:
		b.by = "own"
	case compiler.OriginBase:
		b.by, b.color = "from "+w.From, green
	case compiler.OriginOverride:
		b.by, b.color = "override", yellow
		if w.From != t.explanation.Name {
			b.by = "override of " + w.From
		}
	case compiler.OriginDefaults:
		b.by = "the bundle's defaults"
	case compiler.OriginKcue:
		b.by = "kcue's default"
	}
	if len(w.Via) > 0 {
		b.by += " via " + strings.Join(w.Via, ", ")
	}
	return b
}

// history gives what overrides did to an entry, and who else brought it.
func (t *treeText) history(e compiler.ExplainedEntry) []branch {
	var out []branch
	for i, c := range e.Changes {
		was := "added"
		if c.Was != nil {
			was = "was " + t.value(c.Was.Value)
		}
		if c.Path == "" {
			// The line above has the value, and says who changed it last.
			before := t.words(was, e.Initial)
			if i > 0 {
				before = t.words(was, e.Changes[i-1].ExplainedWords)
			}
			out = append([]branch{before}, out...)
			continue
		}
		now := c.Path + ": " + t.value(c.Value)
		if c.Value == nil {
			now = c.Path + " dropped"
		}
		b := t.words(now, c.ExplainedWords)
		b.below = []branch{{text: was}}
		if c.Was != nil {
			b.below[0].at = place(c.Was.Position)
		}
		out = append(out, b)
	}
	for _, w := range e.Also {
		text := "the same"
		if !spec.Equal(w.Value, e.Value) {
			text = "also " + t.value(w.Value)
		}
		out = append(out, t.words(text, w))
	}
	return out
}

func (t *treeText) rules() []branch {
	var out []branch
	for _, r := range t.explanation.Rules {
		b := t.words(r.Name, r.ExplainedWords)
		if r.Pattern != "" {
			b.below = append(b.below, t.pattern(r))
		}
		b.below = append(b.below, t.history(r.ExplainedEntry)...)
		if len(r.Settings) > 0 {
			b.below = append(b.below, branch{text: "settings that act on it: " + strings.Join(r.Settings, ", ")})
		}
		out = append(out, b)
	}
	return out
}

func (t *treeText) pattern(r compiler.ExplainedRule) branch {
	b := branch{text: "pattern " + r.Pattern}
	for _, p := range r.Params {
		by := "given"
		if !p.Given {
			by = "the pattern's default"
		}
		b.below = append(b.below, branch{text: p.Name + ": " + t.value(p.Value), by: by, at: place(p.Position)})
	}
	return b
}

// dropped gives what overrides removed: whose it was, and who removed it.
func (t *treeText) dropped() []branch {
	var out []branch
	for _, e := range t.explanation.Dropped {
		text := e.Path
		if name, ok := strings.CutPrefix(e.Path, "rules."); ok {
			text = "rule " + name
		}
		b := t.words(text, e.ExplainedWords)
		b.color = red
		b.below = []branch{t.words("was "+t.value(e.Initial.Value), e.Initial)}
		out = append(out, b)
	}
	return out
}

// place writes a position; nothing where there is none.
func place(p *diag.Position) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// valueLength is how much of a value a line shows.
const valueLength = 40

// value writes a value on one line.
func (t *treeText) value(n *spec.Node) string {
	var b strings.Builder
	writeValue(&b, n)
	if t.whole || utf8.RuneCountInString(b.String()) <= valueLength {
		return b.String()
	}
	return string([]rune(b.String())[:valueLength-1]) + "…"
}

// writeValue writes a value as CUE does; nothing for nil.
func writeValue(b *strings.Builder, n *spec.Node) {
	switch {
	case n == nil:
	case n.Kind == spec.Struct:
		b.WriteByte('{')
		for i, f := range n.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(spec.Label(f.Name) + ": ")
			writeValue(b, f.Value)
		}
		b.WriteByte('}')
	case n.Kind == spec.List:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			writeValue(b, item)
		}
		b.WriteByte(']')
	case n.Kind == spec.String:
		b.WriteString(strconv.Quote(n.Text))
	case n.Kind == spec.Null:
		b.WriteString("null")
	default:
		b.WriteString(n.Text)
	}
}

// widest is how far a column may push the next one to the right.
const widest = 80

// write writes the tree.
func (t *treeText) write(root branch) {
	type line struct {
		left string
		branch
	}
	var lines []line
	var walk func(b branch, first, rest string)
	walk = func(b branch, first, rest string) {
		lines = append(lines, line{first + printable(b.text), b})
		for i, inner := range b.below {
			if i < len(b.below)-1 {
				walk(inner, rest+"├── ", rest+"│   ")
			} else {
				walk(inner, rest+"└── ", rest+"    ")
			}
		}
	}
	walk(root, "", "")
	left, by := 0, 0
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.left); n <= widest && (l.by != "" || l.at != "") {
			left = max(left, n)
		}
		if n := utf8.RuneCountInString(l.by); n <= widest && l.at != "" {
			by = max(by, n)
		}
	}
	for _, l := range lines {
		text, who := l.left, printable(l.by)
		if l.by != "" || l.at != "" {
			text += pad(text, left)
		}
		if l.color != "" {
			who = paint(who, l.color, t.color)
		}
		if l.at != "" {
			who += pad(printable(l.by), by) + printable(l.at)
		}
		fmt.Fprintln(&t.out, strings.TrimRight(text+who, " "))
	}
}

// pad gives the blanks from the end of a text to the next column, two at least.
func pad(text string, width int) string {
	return strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 0)+2)
}
