package manifest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"kcue.dev/diag"
)

// maxDocument is how much of a document is read; spec.ParseYAML refuses what
// is larger.
const maxDocument = 16 << 20

// yaml reads a stream of YAML documents. Each is cut out of the text first, by
// the lines that begin with ---, so that a mistake in one leaves the others as
// they are: no such line stands inside of a document.
func (r *reader) yaml(in *bufio.Reader) bool {
	var text []byte
	line, begins := 0, 1
	content, tooLarge := false, false
	end := func() bool {
		if !content && !tooLarge {
			return true
		}
		r.document++
		if tooLarge {
			return r.fail(begins, "has more than %d bytes: give its objects as documents of their own, or as a List in JSON", maxDocument)
		}
		return r.parse(text, begins)
	}
	for {
		part, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && err != io.EOF && !long {
			return r.fail(line, "%v", diag.Reason(err))
		}
		line++
		if isSeparator(part) {
			if content || tooLarge {
				if !end() {
					return false
				}
				text, content, tooLarge = text[:0], false, false
			}
			if len(text) == 0 {
				// Otherwise comments and directives above belong to it.
				begins = line
			}
			content = len(bytes.TrimSpace(part)) > 3
		} else if trimmed := bytes.TrimSpace(part); len(trimmed) > 0 && trimmed[0] != '#' && trimmed[0] != '%' {
			content = true
		}
		for {
			if tooLarge = tooLarge || len(text)+len(part) > maxDocument; !tooLarge {
				text = append(text, part...)
			} else {
				text = nil
			}
			if !long {
				break
			}
			part, err = in.ReadSlice('\n')
			long = errors.Is(err, bufio.ErrBufferFull)
			content = true
		}
		if err == io.EOF {
			return end()
		}
		if err != nil {
			return r.fail(line, "%v", diag.Reason(err))
		}
	}
}

// isSeparator tells the line that begins a document.
func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n')
}

// json reads a sequence of JSON values. The items of a List are taken from it
// one by one, so that a whole cluster's objects, which kubectl gives as one
// value, are read in little memory.
func (r *reader) json(in *bufio.Reader) bool {
	if bom, _ := in.Peek(3); string(bom) == "\ufeff" {
		in.Discard(3)
	}
	limited := &budget{reader: in, left: maxDocument}
	decoder := json.NewDecoder(limited)
	for {
		limited.left = maxDocument
		token, err := decoder.Token()
		if err == io.EOF {
			return true
		}
		r.document++
		if err == nil && token != json.Delim('{') {
			return r.refuse(&Error{Message: notObject, NotObject: true})
		}
		if err == nil {
			var more bool
			if more, err = r.jsonObject(decoder, limited); !more {
				return false
			}
		}
		if err != nil {
			// Where the next value begins, nobody knows.
			return r.fail(0, "%s", jsonReason(err, decoder.InputOffset()))
		}
	}
}

// jsonObject reads a JSON object after its brace. The items of a List come
// before its kind in what kubectl writes, so they are given before it is known
// to be one.
func (r *reader) jsonObject(decoder *json.Decoder, limited *budget) (more bool, err error) {
	var rest bytes.Buffer // the object without its items
	rest.WriteByte('{')
	isList := false
	var apiVersion, kind string
	for decoder.More() {
		limited.left = maxDocument
		key, err := decoder.Token()
		if err != nil {
			return true, err
		}
		name, err := json.Marshal(key)
		if err != nil {
			return true, err
		}
		if key == "items" {
			// An object that is not a List has no such field.
			isList = true
			open, err := decoder.Token()
			if err != nil {
				return true, err
			}
			if open != json.Delim('[') {
				return true, errors.New("items is no list")
			}
			for decoder.More() {
				limited.left = maxDocument
				r.listed, r.apiVersion, r.kind = r.listed+1, apiVersion, strings.TrimSuffix(kind, "List")
				var item json.RawMessage
				if err := decoder.Decode(&item); err != nil {
					return true, err
				}
				if !r.parse(item, 0) {
					return false, nil
				}
			}
			r.listed, r.apiVersion, r.kind = 0, "", ""
			if _, err := decoder.Token(); err != nil {
				return true, err
			}
			continue
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return true, err
		}
		switch key {
		case "apiVersion":
			json.Unmarshal(value, &apiVersion)
		case "kind":
			json.Unmarshal(value, &kind)
		}
		if rest.Len()+len(value) > maxDocument {
			return true, errTooLarge
		}
		if rest.Len() > 1 {
			rest.WriteByte(',')
		}
		fmt.Fprintf(&rest, "%s:%s", name, value)
	}
	if _, err := decoder.Token(); err != nil {
		return true, err
	}
	rest.WriteByte('}')
	if isList {
		return true, nil
	}
	return r.parse(rest.Bytes(), 0), nil
}

var errTooLarge = fmt.Errorf("has more than %d bytes", maxDocument)

// budget ends a stream that goes on without a value being complete.
type budget struct {
	reader io.Reader
	left   int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.reader.Read(p)
	b.left -= n
	return n, err
}

// jsonReason says why JSON cannot be read.
func jsonReason(err error, offset int64) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("is cut off after %d bytes", offset)
	}
	if errors.Is(err, errTooLarge) {
		return errTooLarge.Error()
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("byte %d: %v", syntax.Offset, err)
	}
	return err.Error()
}
