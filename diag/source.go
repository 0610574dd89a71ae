package diag

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"unicode"
	"unicode/utf8"
)

// Source gives the content of a file by the name that positions have for it,
// and false where there is none: for standard input, for what is no file, and
// for a file that is gone or too large to show.
type Source func(file string) ([]byte, bool)

const (
	// maxSourceBytes is the largest file that FileSource reads: a diagnostic
	// without an excerpt is better than a slow one.
	maxSourceBytes = 16 << 20
	// maxSourceCache bounds the files that one Write holds.
	maxSourceCache = 64 << 20
	// maxLineBytes is the longest line of which anything is shown or counted. A
	// generated file may be one line, with a diagnostic at each of its values.
	maxLineBytes = 64 << 10
)

// FileSource gives the files of a directory, which names are relative to.
// Only regular files are opened: opening a named pipe would wait for ever.
func FileSource(dir string) Source {
	return func(file string) ([]byte, bool) {
		if file == "-" {
			return nil, false // standard input, whatever the directory holds
		}
		name := filepath.FromSlash(file)
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxSourceBytes {
			return nil, false
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, false
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSourceBytes+1))
		return data, err == nil && len(data) <= maxSourceBytes
	}
}

// sources finds lines of the files that a list of diagnostics names.
type sources struct {
	read  Source
	files map[string]*sourceFile
	size  int
}

type sourceFile struct {
	data  []byte
	lines []uint32 // the offset at which each line begins
}

func newSources(read Source) *sources {
	return &sources{read: read, files: map[string]*sourceFile{}}
}

func (s *sources) file(name string) *sourceFile {
	if f, ok := s.files[name]; ok {
		return f
	}
	f := &sourceFile{}
	if data, ok := s.read(name); ok && len(data) <= maxSourceBytes {
		f.data = data
		f.lines = append(f.lines, 0)
		for i, c := range data {
			if c == '\n' {
				f.lines = append(f.lines, uint32(i+1))
			}
		}
	}
	if s.size += len(f.data); s.size > maxSourceCache {
		clear(s.files)
		s.size = len(f.data)
	}
	s.files[name] = f
	return f
}

// line gives the line that a position is in, without its end. There is none
// where the position is beyond the file or the line: the file has changed
// since it was read.
func (s *sources) line(p Position) ([]byte, bool) {
	if s.read == nil || p.File == "" || p.Line < 1 || p.Column < 1 {
		return nil, false
	}
	f := s.file(p.File)
	if p.Line > len(f.lines) {
		return nil, false
	}
	line := f.data[f.lines[p.Line-1]:]
	if p.Line < len(f.lines) {
		line = f.data[f.lines[p.Line-1]:f.lines[p.Line]]
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > maxLineBytes || p.Column > len(line)+1 {
		return nil, false
	}
	return line, true
}

// columns gives where a position's token begins and ends (exclusive) in UTF-16
// code units, counted from one: what SARIF and GitHub count. An end of zero is
// not known; without the line nothing is.
func (s *sources) columns(p Position) (start, end int) {
	line, ok := s.line(p)
	if !ok {
		return 0, 0
	}
	at := p.Column - 1
	start = 1 + utf16Length(line[:at])
	if stop := tokenEnd(line, at); stop > at {
		end = start + utf16Length(line[at:stop])
	}
	return start, end
}

func utf16Length(b []byte) int {
	n := 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if n++; r > 0xFFFF {
			n++
		}
		b = b[size:]
	}
	return n
}

// tokenEnd gives the offset at which the token at an offset of a line ends, and
// the offset itself where that is not known. A token is a quoted string that
// closes on the line, or a word: an identifier, a number, a reference such as
// patterns.#RequireImageRegistry, a YAML key.
func tokenEnd(line []byte, at int) int {
	if at >= len(line) {
		return at
	}
	if quote := line[at]; quote == '"' || quote == '\'' {
		for i := at + 1; i < len(line); i++ {
			switch {
			case line[i] == '\\' && quote == '"':
				i++
			case line[i] == quote:
				return i + 1
			}
		}
		return at
	}
	end := at
	for i := at; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		i += size
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_', r == '$', r == '#':
			end = i
		case (r == '.' || r == '-' || r == '/') && end > at:
			// Part of a word only where more of it follows.
		default:
			return end
		}
	}
	return end
}
