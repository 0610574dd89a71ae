package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// Binary identifies the code that runs: what it compiles changes with it, and a
// version tells too little of one that was built from a working directory. It
// is the build ID that the Go linker wrote, which is the digest of the code; of
// a binary without one, the digest of the file.
func Binary() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return identify(f)
}

// beginning is how much of an executable is searched for its build ID. In ELF it
// is a note before the code; in other formats it stands where the code begins
// (cmd/internal/buildid).
const beginning = 64 << 10

// elfNote begins a note of Go's of type 4, the build ID, after the size of what
// it says: the size of the name, that of the text, the type, and the name.
var elfNote = []byte("\x04\x00\x00\x00Go\x00\x00")

const (
	before = "\xff Go build ID: \""
	after  = "\"\n \xff"
)

// buildID finds the build ID in an executable's beginning, or gives "".
func buildID(head []byte) string {
	if i := bytes.Index(head, elfNote); i >= 8 && bytes.HasPrefix(head, []byte("\x7fELF")) {
		size := int(binary.LittleEndian.Uint32(head[i-4:]))
		if start := i + len(elfNote); size > 0 && size <= len(head)-start {
			return string(head[start : start+size])
		}
	}
	if _, rest, ok := bytes.Cut(head, []byte(before)); ok {
		if id, _, ok := bytes.Cut(rest, []byte(after)); ok {
			return string(id)
		}
	}
	return ""
}

func identify(executable io.Reader) (string, error) {
	head, err := io.ReadAll(io.LimitReader(executable, beginning))
	if err != nil {
		return "", err
	}
	if id := buildID(head); id != "" {
		return id, nil
	}
	h := sha256.New()
	h.Write(head)
	if _, err := io.Copy(h, executable); err != nil {
		return "", err
	}
	if len(head) == 0 {
		return "", errors.New("the executable is empty")
	}
	return string(h.Sum(nil)), nil
}
