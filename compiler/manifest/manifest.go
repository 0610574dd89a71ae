// Package manifest reads Kubernetes objects from files, as kubectl does: YAML
// streams, JSON, Lists, directories and standard input.
//
// Paths go in, objects come out one by one with the place that they stand in,
// so that thousands of them need no more memory than a few. What cannot be read
// is an Error of one document, beside which the others are read. The input is
// not trusted: documents are bounded as spec.ParseYAML bounds them, whatever
// the size of the file.
package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Object is a Kubernetes object: apiVersion, kind and a name are there.
type Object struct {
	Node *spec.Node
	// File is the file as the user named it, or found below a directory that
	// the user named; "-" for standard input.
	File string
	// Document counts the documents of the file from one.
	Document int
	// LinesBefore is how many lines of the file come before the text in which
	// Node's positions count. Only Located gives it.
	LinesBefore int
	// Comments has the comments of Node's values. Only Commented gives it.
	Comments spec.Comments
}

// Error is a document, or a file, that holds no Kubernetes object.
type Error struct {
	File     string
	Document int // 0 where the file as a whole is meant
	Line     int // 0 where it is not known
	Message  string
	// NotObject is set for what can be read and is no Kubernetes object, and
	// Foreign where it has neither an apiVersion nor a kind: a file of another
	// program's, perhaps.
	NotObject, Foreign bool
}

// Error gives file:line: document n: message, or as much as is known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Document > 0 {
		fmt.Fprintf(&b, ": document %d", e.Document)
	}
	return b.String() + ": " + e.Message
}

// Diagnostic gives the error as the diagnostic of a document, or of a file.
func (e *Error) Diagnostic() diag.Diagnostic {
	d := diag.Diagnostic{Code: diag.Unreadable, Pos: diag.Position{File: filepath.ToSlash(e.File)}, Message: e.Message}
	if e.Line > 0 {
		d.Code = diag.Syntax
		d.Pos.Line, d.Pos.Column = e.Line, 1
	}
	if e.Document > 1 {
		d.Message = fmt.Sprintf("document %d: %s", e.Document, d.Message)
	}
	return d
}

// Files lists the files that paths stand for: a file is itself, a directory is
// the .yaml, .yml and .json files below it, in lexical order, without those of
// hidden directories, kustomizations and Kyverno's own test files, and "-" is
// itself. A path that is not there is an error.
func Files(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if path == "-" {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, diag.Reason(err))
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", name, diag.Reason(err))
			case entry.IsDir() && name != path && strings.HasPrefix(entry.Name(), "."):
				return fs.SkipDir
			case entry.Type().IsRegular() && isManifest(entry.Name()):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// isManifest tells by its name whether a file of a directory holds objects.
func isManifest(name string) bool {
	switch name {
	case "kustomization.yaml", "kustomization.yml", "kyverno-test.yaml", "kyverno-test.yml":
		return false
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// Read reads the objects of files, in their order, and what cannot be read as
// errors of type *Error. Stdin is read for the file "-".
func Read(files []string, stdin io.Reader) iter.Seq2[Object, error] {
	return read(files, stdin, reader{wanted: func([]byte) bool { return true }})
}

// Located reads, as Read does, so that each value's place in its file is
// known. JSON is read as the YAML that it is, within the bounds of a document.
func Located(files []string, stdin io.Reader) iter.Seq2[Object, error] {
	return read(files, stdin, reader{wanted: func([]byte) bool { return true }, located: true})
}

// Commented reads as Located does, and the comments of the files too.
func Commented(files []string, stdin io.Reader) iter.Seq2[Object, error] {
	return read(files, stdin, reader{wanted: func([]byte) bool { return true }, located: true, comments: spec.Comments{}})
}

// Mentioning reads, as Read does, only the documents whose text has a word.
// Errors are left out: it is for a look ahead.
func Mentioning(word string, files []string, stdin io.Reader) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		wanted := func(text []byte) bool { return strings.Contains(string(text), word) }
		for o, err := range read(files, stdin, reader{wanted: wanted}) {
			if err == nil && !yield(o) {
				return
			}
		}
	}
}

func read(files []string, stdin io.Reader, how reader) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, file := range files {
			r := how
			r.file, r.yield = file, yield
			if !r.read(stdin) {
				return
			}
		}
	}
}

// read reads one file; it is false where no more is to be read.
func (r *reader) read(stdin io.Reader) bool {
	source := stdin
	if r.file != "-" {
		f, err := os.Open(r.file)
		if err != nil {
			return r.fail(0, "%v", diag.Reason(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return r.fail(0, "is a directory")
		}
		source = f
	}
	in := bufio.NewReaderSize(source, 64<<10)
	if !r.located && isJSON(in) {
		return r.json(in)
	}
	return r.yaml(in)
}

// isJSON tells by its beginning whether a file is JSON, and not YAML that
// begins with a flow mapping.
func isJSON(in *bufio.Reader) bool {
	head, _ := in.Peek(512)
	text := strings.TrimLeft(strings.TrimPrefix(string(head), "\ufeff"), " \t\r\n")
	rest, ok := strings.CutPrefix(text, "{")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), `"`)
}

// reader reads one file.
type reader struct {
	file     string
	located  bool
	wanted   func([]byte) bool
	yield    func(Object, error) bool
	document int
	// linesBefore is how many lines come before the document at hand.
	linesBefore int
	// comments are those of the document at hand; nil where nobody asks for them.
	comments spec.Comments
	// While the items of a JSON List are read: how many have begun, and what
	// the List says of them.
	listed           int
	apiVersion, kind string
}

func (r *reader) fail(line int, format string, args ...any) bool {
	return r.refuse(&Error{Line: line, Message: fmt.Sprintf(format, args...)})
}

// refuse gives an error at the document at hand.
func (r *reader) refuse(err *Error) bool {
	err.File, err.Document = r.file, r.document
	if r.listed > 0 {
		err.Message = fmt.Sprintf("item %d: %s", r.listed, err.Message)
	}
	return r.yield(Object{}, err)
}

const notObject = "is no Kubernetes object"

// parse reads the text of a document, which begins at a line of the file. The
// line is 0 where it is not known.
func (r *reader) parse(text []byte, line int) bool {
	if !r.wanted(text) {
		return true
	}
	r.linesBefore = max(line-1, 0)
	var nodes []*spec.Node
	var err error
	if r.comments != nil {
		nodes, r.comments, err = spec.ParseYAMLComments(r.file, text)
	} else {
		nodes, err = spec.ParseYAML(r.file, text)
	}
	var mistake *spec.YAMLError
	switch {
	case errors.As(err, &mistake):
		if line > 0 && mistake.Line > 0 {
			line += mistake.Line - 1
		}
		return r.fail(line, "%s", mistake.Message)
	case err != nil:
		return r.fail(line, "%v", err)
	}
	for i, n := range nodes {
		at := line
		if i > 0 {
			r.document++
		}
		if line > 0 && n.Pos.IsValid() {
			at = line + n.Pos.Line() - 1
		}
		if !r.object(n, at) {
			return false
		}
	}
	return true
}

// object gives the object, or the objects of the List, that a value is.
func (r *reader) object(n *spec.Node, line int) bool {
	if n.Kind != spec.Struct {
		return r.refuse(&Error{Line: line, Message: fmt.Sprintf("%s: it is a %s", notObject, n.Kind), NotObject: true})
	}
	if r.kind != "" {
		n = typed(n, spec.NewString(r.apiVersion, n.Pos), spec.NewString(r.kind, n.Pos))
	}
	kind, items := n.Get("kind").Str(), n.Get("items")
	if of, ok := strings.CutSuffix(kind, "List"); ok && items != nil && items.Kind == spec.List {
		for i, item := range items.Items {
			if item.Kind == spec.Struct && of != "" {
				// What the API server lists by kind does not repeat it.
				item = typed(item, n.Get("apiVersion"), spec.NewString(of, item.Pos))
			}
			at := line
			if line > 0 && item.Pos.IsValid() && n.Pos.IsValid() {
				at += item.Pos.Line() - n.Pos.Line()
			}
			if item.Kind == spec.Struct && strings.HasSuffix(item.Get("kind").Str(), "List") && item.Has("items") {
				if !r.fail(at, "item %d is a List in a List", i+1) {
					return false
				}
				continue
			}
			if !r.object(item, at) {
				return false
			}
		}
		return true
	}
	if mistake := mistake(n); mistake != "" {
		foreign := !n.Has("apiVersion") && !n.Has("kind")
		return r.refuse(&Error{Line: line, Message: notObject + ": " + mistake, NotObject: true, Foreign: foreign})
	}
	return r.yield(Object{Node: n, File: r.file, Document: r.document, LinesBefore: r.linesBefore, Comments: r.comments}, nil)
}

// typed gives an item of a list the apiVersion and kind that it leaves out.
func typed(item, apiVersion, kind *spec.Node) *spec.Node {
	if item.Has("kind") || item.Has("apiVersion") || apiVersion == nil {
		return item
	}
	fields := append([]spec.Field{{Name: "apiVersion", Value: apiVersion}, {Name: "kind", Value: kind}}, item.Fields...)
	return spec.NewStruct(item.Pos, fields...)
}

// mistake says what a Kubernetes object has and a value has not.
func mistake(n *spec.Node) string {
	for _, key := range []string{"apiVersion", "kind"} {
		switch v := n.Get(key); {
		case v == nil:
			return "it has no " + key
		case v.Kind != spec.String || v.Text == "":
			return key + " is no name"
		}
	}
	metadata := n.Get("metadata")
	if metadata == nil || metadata.Kind != spec.Struct {
		return "it has no metadata"
	}
	for _, key := range []string{"name", "generateName", "namespace"} {
		if v := metadata.Get(key); v != nil && v.Kind != spec.String && v.Kind != spec.Null {
			return fmt.Sprintf("metadata.%s is a %s, not a string", key, v.Kind)
		}
	}
	if metadata.Get("name").Str() == "" && metadata.Get("generateName").Str() == "" {
		return "it has no metadata.name"
	}
	for _, key := range []string{"labels", "annotations"} {
		v := metadata.Get(key)
		if v == nil || v.Kind == spec.Null {
			continue
		}
		if v.Kind != spec.Struct {
			return fmt.Sprintf("metadata.%s is a %s, not a mapping", key, v.Kind)
		}
		for _, f := range v.Fields {
			if f.Value.Kind != spec.String {
				return fmt.Sprintf("metadata.%s[%q] is a %s, not a string", key, f.Name, f.Value.Kind)
			}
		}
	}
	return ""
}
