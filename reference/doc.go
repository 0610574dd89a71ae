package reference

import (
	"go/doc/comment"
	"strings"

	"cuelang.org/go/cue/ast"
)

// doc is a doc comment. CUE has no form of its own for them; ours are written
// as Go's are: paragraphs, lists, and examples set in by a tab.
type doc struct{ content []comment.Block }

// docOf gives the doc comment of a node; nil where it has none.
func docOf(node ast.Node) *doc {
	for _, group := range ast.Comments(node) {
		if text := group.Text(); group.Doc && strings.TrimSpace(text) != "" {
			return &doc{(&comment.Parser{}).Parse(text).Content}
		}
	}
	return nil
}

// examples lists the texts that are set in.
func (d *doc) examples() []string {
	var out []string
	for _, block := range d.content {
		if code, ok := block.(*comment.Code); ok {
			out = append(out, code.Text)
		}
	}
	return out
}

// has reports whether a paragraph begins with the words.
func (d *doc) has(words string) bool {
	for _, block := range d.content {
		if p, ok := block.(*comment.Paragraph); ok && strings.HasPrefix(plain(p.Text), words) {
			return true
		}
	}
	return false
}

// plain gives a paragraph as one line.
func plain(text []comment.Text) string {
	var b strings.Builder
	for _, t := range text {
		switch t := t.(type) {
		case comment.Plain:
			b.WriteString(string(t))
		case comment.Italic:
			b.WriteString(string(t))
		case *comment.Link:
			b.WriteString(plain(t.Text))
		case *comment.DocLink:
			b.WriteString(plain(t.Text))
		}
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}
