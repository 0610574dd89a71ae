package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

// Parse reads the text of a file of the given name. Every mistake is a
// diagnostic at its place (diag.Suppression): text that is no YAML, an unknown field, a repeated
// one, a value of another type, a pattern that path.Match does not take, a code
// that is none or cannot be turned off.
func Parse(name string, src []byte) (*Config, diag.List) {
	p := &parser{file: name, lines: bytes.Split(src, []byte("\n")), codes: newCodes(diag.Table())}
	p.document(src)
	return &Config{Suppressions: p.suppressions}, p.mistakes
}

type parser struct {
	file         string
	lines        [][]byte
	codes        codes
	suppressions []Suppression
	mistakes     diag.List
}

func (p *parser) document(src []byte) {
	if !utf8.Valid(src) {
		p.mistakes = append(p.mistakes, diag.Diagnostic{Code: diag.Suppression, Pos: diag.Position{File: p.file}, Message: "the file is no UTF-8 text"})
		return
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var root, second yaml.Node
	switch err := dec.Decode(&root); {
	case err == io.EOF:
		return
	case err != nil:
		p.syntax(err)
		return
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		p.mistake(&second, "expected one document")
	case err != io.EOF:
		p.syntax(err)
	}
	if len(root.Content) == 1 && root.Content[0].Tag != "!!null" {
		p.top(root.Content[0])
	}
}

// The library's errors name a line, some of them after "line", and no column.
var yamlLine = lazyregexp.New(`^(?:yaml: )?(?:unmarshal errors:\s*)?(?:line (\d+): )?`)

func (p *parser) syntax(err error) {
	message := err.Error()
	d := diag.Diagnostic{Code: diag.Suppression, Pos: diag.Position{File: p.file}}
	m := yamlLine.FindStringSubmatch(message)
	if line, err := strconv.Atoi(m[1]); err == nil {
		d.Pos.Line, d.Pos.Column = line, 1
	}
	d.Message = "not YAML: " + strings.TrimPrefix(message, m[0])
	p.mistakes = append(p.mistakes, d)
}

// pos gives the place of a node. The library counts columns in characters.
func (p *parser) pos(n *yaml.Node) diag.Position {
	pos := diag.Position{File: p.file, Line: n.Line, Column: n.Column}
	if n.Line >= 1 && n.Line <= len(p.lines) {
		line, column := p.lines[n.Line-1], 1
		for i := 1; i < n.Column && column <= len(line); i++ {
			_, size := utf8.DecodeRune(line[column-1:])
			column += size
		}
		pos.Column = column
	}
	return pos
}

func (p *parser) mistake(n *yaml.Node, format string, args ...any) *diag.Diagnostic {
	p.mistakes = append(p.mistakes, diag.Diagnostic{Code: diag.Suppression, Pos: p.pos(n), Message: fmt.Sprintf(format, args...)})
	return &p.mistakes[len(p.mistakes)-1]
}

// fields calls f with each field of a mapping.
func (p *parser) fields(n *yaml.Node, what string, f func(key, value *yaml.Node)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		p.mistake(n, "expected %s", what)
		return
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			p.mistake(key, "expected a name")
		case slices.Contains(seen, key.Value):
			p.mistake(key, "%q stands here twice", key.Value)
		default:
			seen = append(seen, key.Value)
			f(key, value)
		}
	}
}

// resolved gives what an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

var topFields = []string{"disable", "policies", "paths"}

func (p *parser) top(n *yaml.Node) {
	p.fields(n, "a mapping of disable, policies and paths", func(key, value *yaml.Node) {
		switch key.Value {
		case "disable":
			p.disable(value, Suppression{})
		case "policies":
			p.scopes(value, "policies", func(pattern string) (Suppression, error) {
				_, err := path.Match(pattern, "")
				return Suppression{Policy: pattern}, err
			})
		case "paths":
			p.scopes(value, "paths", func(pattern string) (Suppression, error) {
				return Suppression{Paths: pattern}, checkPaths(pattern)
			})
		default:
			p.unknownField(key, topFields)
		}
	})
}

func (p *parser) unknownField(key *yaml.Node, known []string) {
	d := p.mistake(key, "unknown field %q: expected %s", key.Value, strings.Join(known, ", "))
	if near := diag.Nearest(key.Value, known); near != "" {
		d.Hint = fmt.Sprintf("did you mean %q?", near)
	}
}

// scopes reads what is turned off for some policies, or for some paths.
func (p *parser) scopes(n *yaml.Node, what string, scope func(pattern string) (Suppression, error)) {
	p.fields(n, fmt.Sprintf("a mapping of patterns of %s, such as x: {disable: [KC5]}", what), func(key, value *yaml.Node) {
		s, err := scope(key.Value)
		switch {
		case key.Value == "":
			err = errEmptyPattern
			p.mistake(key, "%v", err)
		case errors.Is(err, path.ErrBadPattern):
			p.mistake(key, "%q is no pattern: a [ has no ], or a \\ has nothing after it", key.Value)
		case err != nil:
			p.mistake(key, "%q matches no file: %v", key.Value, err)
		}
		p.fields(value, "{disable: [KC5]}", func(key, value *yaml.Node) {
			if key.Value != "disable" {
				p.unknownField(key, []string{"disable"})
				return
			}
			before := len(p.suppressions)
			p.disable(value, s)
			if err != nil {
				p.suppressions = p.suppressions[:before]
			}
		})
	})
}

var errEmptyPattern = errors.New("an empty pattern matches nothing")

// checkPaths says why a pattern of paths can match no file of the repository.
func checkPaths(pattern string) error {
	if path.IsAbs(pattern) || filepath.IsAbs(pattern) {
		return errors.New("expected a path relative to the directory of " + Name)
	}
	for segment := range strings.SplitSeq(pattern, "/") {
		switch {
		case segment == "." || segment == "..":
			return fmt.Errorf("%q stands in no path relative to the directory of %s", segment, Name)
		case segment == "":
			return errors.New("a / begins, ends or doubles")
		case segment != "**" && strings.Contains(segment, "**"):
			return errors.New("** stands between slashes, for any number of directories")
		}
		if _, err := path.Match(segment, ""); err != nil {
			return err
		}
	}
	return nil
}

// disable reads a list of codes.
func (p *parser) disable(n *yaml.Node, s Suppression) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode {
		p.mistake(n, "expected a list of codes, such as [KC503]")
		return
	}
	for _, item := range n.Content {
		item = resolved(item)
		if item.Kind != yaml.ScalarNode {
			p.mistake(item, "expected a code, such as KC503")
			continue
		}
		if d, ok := p.codes.check(item.Value, p.pos(item)); !ok {
			p.mistakes = append(p.mistakes, d)
			continue
		}
		s.Code, s.Pos = diag.Code(item.Value), p.pos(item)
		p.suppressions = append(p.suppressions, s)
	}
}
