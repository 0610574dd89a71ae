package reference

import (
	"errors"
	"fmt"
	"go/doc/comment"
	"regexp"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
)

// page is Markdown in the making. The errors of its parts are gathered, so that
// all of them are told at once.
type page struct {
	b       strings.Builder
	fence   string          // the info string of examples
	names   map[string]bool // the definitions of the page, which are linked to
	current string          // the definition at hand, which is not
	errs    []error
}

func newPage(fence string, packages ...*source) *page {
	p := &page{fence: fence, names: map[string]bool{}}
	for _, pkg := range packages {
		for _, s := range pkg.sections {
			for _, d := range s.definitions {
				p.names[d.name] = true
			}
		}
	}
	return p
}

func (p *page) add(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *page) fail(err error) { p.errs = append(p.errs, err) }

func (p *page) text() (string, error) {
	if err := errors.Join(p.errs...); err != nil {
		return "", err
	}
	return strings.TrimRight(p.b.String(), "\n") + "\n", nil
}

func (p *page) definition(d *definition) {
	p.current = d.name
	p.add("### %s\n\n", d.name)
}

// prose writes a doc comment.
func (p *page) prose(d *doc) {
	for _, block := range d.content {
		p.block(block)
	}
}

func (p *page) block(block comment.Block) {
	switch block := block.(type) {
	case *comment.Paragraph:
		p.add("%s\n\n", p.inline(plain(block.Text)))
	case *comment.Heading:
		p.add("#### %s\n\n", p.inline(plain(block.Text)))
	case *comment.List:
		for _, item := range block.Items {
			var parts []string
			for _, content := range item.Content {
				if paragraph, ok := content.(*comment.Paragraph); ok {
					parts = append(parts, p.inline(plain(paragraph.Text)))
				}
			}
			p.add("- %s\n", strings.Join(parts, " "))
		}
		p.add("\n")
	case *comment.Code:
		p.example(block.Text)
	}
}

// example writes an example; what has a package clause is a whole package.
func (p *page) example(text string) {
	fence := p.fence
	if strings.HasPrefix(text, "package ") {
		fence = "cue"
	}
	p.add("```%s\n%s```\n\n", fence, text)
}

var definitionName = regexp.MustCompile(`(?:\w+\.)?#[A-Z]\w*`)

// inline writes text: what stands in backquotes as code, the names of
// definitions as links, and the rest so that Markdown reads nothing into it.
func (p *page) inline(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			b.WriteString(code(part))
			continue
		}
		rest := part
		for {
			at := definitionName.FindStringIndex(rest)
			if at == nil {
				break
			}
			b.WriteString(escaped(rest[:at[0]]))
			b.WriteString(p.link(rest[at[0]:at[1]]))
			rest = rest[at[1]:]
		}
		b.WriteString(escaped(rest))
	}
	return b.String()
}

var markdown = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `_`, `\_`, `<`, `\<`)

func escaped(text string) string { return markdown.Replace(text) }

// link gives a definition's name, with a link where it is another of the page.
func (p *page) link(name string) string {
	short := name[strings.Index(name, "#"):]
	if short == p.current || !p.names[short] {
		return code(name)
	}
	return fmt.Sprintf("[`%s`](#%s)", name, strings.ToLower(short[1:]))
}

func (p *page) links(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, p.link(name))
	}
	return strings.Join(out, ", ")
}

// cell writes a doc comment into a cell of a table, without its examples.
func (p *page) cell(d *doc) string {
	var parts []string
	for _, block := range d.content {
		if paragraph, ok := block.(*comment.Paragraph); ok {
			parts = append(parts, p.inline(plain(paragraph.Text)))
		}
	}
	return bar(strings.Join(parts, " "))
}

// bar keeps a text within its cell.
func bar(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// fields writes the fields of a definition as a table, and the examples of the
// fields below it.
func (p *page) fields(d *definition) {
	if body := structOf(d.value); len(body.Elts) == 0 || isMap(body) {
		words, _, err := p.typeOf(d.value)
		if err != nil {
			p.fail(err)
		}
		p.add("Type: %s.\n\n", words)
		return
	}
	rows, err := d.rows()
	if err != nil {
		p.fail(err)
		return
	}
	names := embedded(d.value)
	if len(rows) == 0 {
		p.add("Its fields are those of %s.\n\n", p.links(names))
		return
	}
	if len(names) > 0 {
		p.add("It has the fields of %s, and these:\n\n", p.links(names))
	}
	p.add("| field | type | meaning |\n|---|---|---|\n")
	for _, r := range rows {
		words, _, err := p.typeOf(r.value)
		if err != nil {
			p.fail(err)
		}
		if r.required {
			words += "; required"
		}
		p.add("| `%s` | %s | %s |\n", r.path, bar(words), p.cell(r.doc))
	}
	p.add("\n")
	for _, r := range rows {
		for _, text := range r.doc.examples() {
			p.add("An example of `%s`:\n\n", r.path)
			p.example(text)
		}
	}
}

// pattern writes a pattern: what it does, its parameters, and the rest of its
// doc comment. What is no pattern is a type of parameters.
func (p *page) pattern(d *definition) {
	p.definition(d)
	params, ok := d.field("params").(*ast.StructLit)
	if !ok {
		p.prose(d.doc)
		p.fields(d)
		return
	}
	if !d.doc.has("What it does not do: ") {
		p.fail(fmt.Errorf("%s: %s does not say what it does not do", d.pos, d.name))
	}
	if len(d.doc.examples()) == 0 {
		p.fail(fmt.Errorf("%s: %s has no example", d.pos, d.name))
	}
	p.block(d.doc.content[0])
	p.add("Category %s, severity %s.\n\n", p.literal(d, "category"), p.literal(d, "severity"))
	rows, err := rowsOf(params, "")
	if err != nil {
		p.fail(err)
	}
	p.add("| parameter | type | default | meaning |\n|---|---|---|---|\n")
	for _, r := range rows {
		words, dflt, err := p.typeOf(r.value)
		switch {
		case err != nil:
			p.fail(err)
		case r.required:
			dflt = "required"
		case dflt != "":
			dflt = code(dflt)
		}
		p.add("| `%s` | %s | %s | %s |\n", r.path, bar(words), bar(dflt), p.cell(r.doc))
	}
	p.add("\n")
	for _, block := range d.doc.content[1:] {
		p.block(block)
	}
}

// literal gives a text that a pattern sets.
func (p *page) literal(d *definition, name string) string {
	if lit, ok := d.field(name).(*ast.BasicLit); ok {
		if text, err := literal.Unquote(lit.Value); err == nil {
			return text
		}
	}
	p.fail(fmt.Errorf("%s: %s has no %s", d.pos, d.name, name))
	return ""
}

// library writes a library: its rules, and the parameters with the patterns
// that they go to.
func (p *page) library(d *definition, patterns *source) {
	p.definition(d)
	rules, err := d.libraryRules()
	if err != nil {
		p.fail(err)
		return
	}
	p.block(d.doc.content[0])
	p.add("| rule | pattern | where |\n|---|---|---|\n")
	for _, r := range rules {
		where := "always"
		if r.where != "" {
			where = "`" + r.where + "` is given"
		}
		p.add("| `%s` | %s | %s |\n", r.key, p.link(r.pattern), where)
	}
	p.add("\n| parameter | meaning | of |\n|---|---|---|\n")
	rows, err := rowsOf(structOf(d.field("params")), "")
	if err != nil {
		p.fail(err)
	}
	for _, row := range rows {
		var of []string
		for _, r := range rules {
			if pattern := patterns.definition(r.pattern); pattern != nil && pattern.hasParam(row.path) {
				of = append(of, r.pattern)
			}
		}
		if len(of) == 0 {
			p.fail(fmt.Errorf("%s: parameter %s of %s is of none of its patterns", row.value.Pos().Position(), row.path, d.name))
		}
		links := p.links(of)
		if len(of) == len(rules) {
			links = "all"
		}
		p.add("| `%s` | %s | %s |\n", row.path, p.cell(row.doc), links)
	}
	p.add("\n")
	for _, block := range d.doc.content[1:] {
		p.block(block)
	}
}

func isMap(st *ast.StructLit) bool {
	_, ok := mapOf(st)
	return ok
}

// structOf gives the struct that an expression is, or an empty one.
func structOf(e ast.Expr) *ast.StructLit {
	if st, ok := e.(*ast.StructLit); ok {
		return st
	}
	return &ast.StructLit{}
}

// hasParam reports whether a pattern has a parameter of the name.
func (d *definition) hasParam(name string) bool {
	rows, _ := rowsOf(structOf(d.field("params")), "")
	for _, r := range rows {
		if r.path == name {
			return true
		}
	}
	return false
}
