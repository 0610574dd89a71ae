package spec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/token"
	"go.yaml.in/yaml/v3"

	"kcue.dev/compiler/lazyregexp"
)

// What ParseYAML takes from a file that it does not know. Kyverno's largest
// published policy has some 1,000 values.
const (
	maxYAMLBytes = 16 << 20
	maxYAMLDepth = 256
	maxYAMLNodes = 1 << 20 // after the expansion of aliases
)

// YAMLError says where a YAML file is not what ParseYAML reads. A zero Line
// means that the mistake has no one place.
type YAMLError struct {
	File         string
	Line, Column int
	Message      string
}

// Error gives file:line:col: message.
func (e *YAMLError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// ParseYAML reads the documents of a YAML file, or a JSON file, as Kubernetes
// does: the YAML 1.1 booleans (yes, on, …) are booleans, timestamps are
// strings, keys are strings, and empty documents do not count. Aliases and
// merge keys are expanded. A repeated key is an error, as under kubectl's
// strict validation. The values' positions are in the file of the given name:
// a field's value stands at its key, as in CUE, and an alias's at its anchor.
//
// Errors are of type *YAMLError. Size, depth and the number of values are
// bounded, so that no input is too much to try.
func ParseYAML(filename string, src []byte) ([]*Node, error) {
	return parseYAML(filename, src, nil)
}

// parseYAML reads documents, and notes their comments where it is given a map
// for them.
func parseYAML(filename string, src []byte, comments Comments) ([]*Node, error) {
	if len(src) > maxYAMLBytes {
		return nil, &YAMLError{File: filename, Message: fmt.Sprintf("the file has more than %d bytes", maxYAMLBytes)}
	}
	if !utf8.Valid(src) {
		return nil, &YAMLError{File: filename, Message: "the file is no UTF-8 text"}
	}
	if len(src) > 0 && src[len(src)-1] != '\n' {
		// kubectl reads by lines and ends each, which a block scalar at the
		// file's end keeps.
		src = append(slices.Clip(src), '\n')
	}
	file := token.NewFile(filename, -1, len(src))
	file.SetLinesForContent(src)
	d := &yamlDecoder{file: file, src: src, lines: file.Lines(), anchors: map[*yaml.Node]*anchored{}, comments: comments}

	var docs []*Node
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var root yaml.Node
		err := dec.Decode(&root)
		if err == io.EOF {
			return docs, nil
		}
		if err != nil {
			return nil, syntaxError(filename, err)
		}
		if len(root.Content) != 1 {
			continue
		}
		n, err := d.node(root.Content[0], 0)
		if err != nil {
			return nil, err
		}
		if n.Kind != Null {
			docs = append(docs, d.commented(n, &root, root.Content[0]))
		}
	}
}

var yamlErrorLine = lazyregexp.New(`^yaml: line (\d+): `)

func syntaxError(filename string, err error) *YAMLError {
	e := &YAMLError{File: filename, Message: err.Error()}
	if m := yamlErrorLine.FindStringSubmatch(e.Message); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Column = 1
		e.Message = e.Message[len(m[0]):]
	}
	e.Message = strings.TrimPrefix(e.Message, "yaml: ")
	return e
}

type yamlDecoder struct {
	file    *token.File
	src     []byte
	lines   []int // the offset at which each line begins
	nodes   int   // converted so far, aliases expanded
	deepest int   // the depth reached so far
	anchors map[*yaml.Node]*anchored

	comments Comments // nil where nobody asks for them

	// The place of the last position, from which the next is counted: a line
	// may be as long as the file.
	line, column, offset int
}

// anchored is a value that aliases refer to. It is converted once and shared,
// and counts in full wherever it stands.
type anchored struct {
	value         *Node // nil while it is being converted
	nodes, height int
}

func (d *yamlDecoder) errorf(n *yaml.Node, format string, args ...any) error {
	return &YAMLError{File: d.file.Name(), Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)}
}

// pos turns the line and column of a YAML node, which counts characters, into
// a position, which counts bytes.
func (d *yamlDecoder) pos(n *yaml.Node) token.Pos {
	if n.Line < 1 || n.Line > len(d.lines) {
		return token.NoPos
	}
	if n.Line != d.line || n.Column < d.column {
		d.line, d.column, d.offset = n.Line, 1, d.lines[n.Line-1]
	}
	for ; d.column < n.Column; d.column++ {
		_, size := utf8.DecodeRune(d.src[d.offset:])
		d.offset += size
	}
	return d.file.Pos(d.offset, token.NoRelPos)
}

func (d *yamlDecoder) node(n *yaml.Node, depth int) (*Node, error) {
	if n.Kind == yaml.AliasNode {
		return d.alias(n, depth)
	}
	d.nodes++
	d.deepest = max(d.deepest, depth)
	if err := d.bounded(n); err != nil {
		return nil, err
	}
	if n.Anchor == "" {
		return d.convert(n, depth)
	}
	a := &anchored{}
	d.anchors[n] = a
	nodes, deepest := d.nodes, d.deepest
	d.deepest = depth
	v, err := d.convert(n, depth)
	a.value, a.nodes, a.height = v, 1+d.nodes-nodes, d.deepest-depth
	d.deepest = max(d.deepest, deepest)
	return v, err
}

func (d *yamlDecoder) alias(n *yaml.Node, depth int) (*Node, error) {
	a := d.anchors[n.Alias]
	if a == nil || a.value == nil {
		return nil, d.errorf(n, "the alias *%s stands inside the value that it names", n.Value)
	}
	d.nodes += a.nodes
	d.deepest = max(d.deepest, depth+a.height)
	return a.value, d.bounded(n)
}

func (d *yamlDecoder) bounded(n *yaml.Node) error {
	if d.deepest > maxYAMLDepth {
		return d.errorf(n, "values are nested more than %d deep", maxYAMLDepth)
	}
	if d.nodes > maxYAMLNodes {
		return d.errorf(n, "the file holds more than %d values", maxYAMLNodes)
	}
	return nil
}

func (d *yamlDecoder) convert(n *yaml.Node, depth int) (*Node, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, depth)
	case yaml.SequenceNode:
		out := &Node{Kind: List, Pos: d.pos(n)}
		for _, item := range n.Content {
			v, err := d.node(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, d.commented(v, item))
		}
		return out, nil
	}
	return d.scalar(n)
}

func (d *yamlDecoder) mapping(n *yaml.Node, depth int) (*Node, error) {
	out := &Node{Kind: Struct, Pos: d.pos(n)}
	index := make(map[string]bool, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		name, err := d.key(key, depth+1)
		if err != nil {
			return nil, err
		}
		if index[name] {
			return nil, d.errorf(key, "the key %q stands twice in one mapping", name)
		}
		index[name] = true
		pos := d.pos(key)
		v, err := d.node(value, depth+1)
		if err != nil {
			return nil, err
		}
		if value.Kind != yaml.AliasNode {
			v.Pos = pos
		}
		out.Fields = append(out.Fields, Field{name, d.commented(v, key, value)})
	}
	for _, m := range merged {
		if err := d.merge(out, index, m, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// merge adds the fields of a mapping, or of a sequence of mappings, that out
// does not have yet: the first to bring a key wins.
func (d *yamlDecoder) merge(out *Node, index map[string]bool, n *yaml.Node, depth int) error {
	source, err := d.node(n, depth)
	if err != nil {
		return err
	}
	sources := []*Node{source}
	if source.Kind == List {
		sources = source.Items
	}
	for _, s := range sources {
		if s.Kind != Struct {
			return d.errorf(n, "a merge key takes a mapping or a sequence of mappings")
		}
		for _, f := range s.Fields {
			if !index[f.Name] {
				index[f.Name] = true
				out.Fields = append(out.Fields, f)
			}
		}
	}
	return nil
}

func (d *yamlDecoder) key(n *yaml.Node, depth int) (string, error) {
	v, err := d.node(n, depth)
	if err != nil {
		return "", err
	}
	switch v.Kind {
	case List, Struct, Null:
		return "", d.errorf(n, "a key must be a string")
	case Number:
		if _, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			break
		}
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			return "", d.errorf(n, "a key must be a string")
		}
		return strconv.FormatFloat(f, 'g', -1, 32), nil // as sigs.k8s.io/yaml does
	}
	return v.Text, nil
}

const quotedStyles = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

func (d *yamlDecoder) scalar(n *yaml.Node) (*Node, error) {
	out := &Node{Kind: String, Text: n.Value, Pos: d.pos(n)}
	if n.Style&yaml.TaggedStyle == 0 {
		if n.Style&quotedStyles == 0 {
			if err := resolvePlain(out); err != nil {
				return nil, d.errorf(n, "%v", err)
			}
		}
		return out, nil
	}
	want := map[string]Kind{"!!null": Null, "!!bool": Bool, "!!int": Number, "!!float": Number}
	switch n.Tag {
	case "!!str", "!!timestamp", "!":
		return out, nil
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(n.Value)
		if err != nil {
			return nil, d.errorf(n, "the !!binary value is no base64")
		}
		out.Text = string(data)
		return out, nil
	}
	kind, ok := want[n.Tag]
	if !ok {
		return nil, d.errorf(n, "the tag %s has no meaning in Kubernetes", n.Tag)
	}
	if err := resolvePlain(out); err != nil {
		return nil, d.errorf(n, "%v", err)
	}
	if out.Kind != kind {
		return nil, d.errorf(n, "%q is no %s", n.Value, n.Tag)
	}
	return out, nil
}

var yamlFloat = lazyregexp.New(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

var errNotFinite = errors.New("infinity and NaN have no place in a Kubernetes object")

// resolvePlain gives a plain scalar the type that the YAML library of
// Kubernetes gives it (sigs.k8s.io/yaml, by way of go.yaml.in/yaml/v2's
// resolve.go), and its number the form that it takes in JSON.
func resolvePlain(n *Node) error {
	switch n.Text {
	case "", "~", "null", "Null", "NULL":
		n.Kind, n.Text = Null, ""
		return nil
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		n.Kind, n.Text = Bool, "true"
		return nil
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		n.Kind, n.Text = Bool, "false"
		return nil
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return errNotFinite
	}
	if !strings.ContainsRune("+-.0123456789", rune(n.Text[0])) {
		return nil
	}
	plain := n.Text
	if plain[0] != '.' {
		plain = strings.ReplaceAll(plain, "_", "")
		if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
			n.Kind, n.Text = Number, strconv.FormatInt(i, 10)
			return nil
		}
		if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
			n.Kind, n.Text = Number, strconv.FormatUint(u, 10)
			return nil
		}
	}
	if !yamlFloat.MatchString(plain) {
		return nil
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return nil // too large for a number, and so a string
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	n.Kind, n.Text = Number, string(text)
	return nil
}
