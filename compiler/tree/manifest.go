package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

const (
	// manifestName is the file that says which files of a directory are kcue's.
	// Only these are ever rewritten or removed.
	manifestName = ".kcue-manifest"
	manifestMark = "kcue-manifest v1"
	manifestNote = "# The files of this directory that kcue build wrote: it rewrites and removes no others. Commit this file with them."
	// maxManifest is the size from which a manifest is taken for broken: names of
	// 255 bytes for 60,000 objects.
	maxManifest = 16 << 20
)

// conflictMarks begin the lines that git adds where two branches changed the same
// place; the one in the middle has nothing after it.
var conflictMarks = []string{"<<<<<<< ", "||||||| ", ">>>>>>> "}

// manifestText gives the manifest of files: a note, the version, and a name a
// line, in order. It says nothing of contents, so that a branch which changes a
// policy does not change it, and merges seldom conflict in it.
func manifestText(names []string) []byte {
	var b bytes.Buffer
	b.WriteString(manifestNote + "\n" + manifestMark + "\n")
	for _, name := range names {
		b.WriteString(name + "\n")
	}
	return b.Bytes()
}

// parseManifest gives the names of a manifest, in order and each once. A
// manifest may come from a stranger's branch: any name that kcue does not give
// to files is an error.
//
// The marks of a merge conflict are passed over, and so the names of both sides
// are taken: each was written by a build of one branch or the other.
func parseManifest(data []byte) ([]string, error) {
	var names []string
	marked := false
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "", strings.HasPrefix(line, "#"), line == "=======",
			slices.ContainsFunc(conflictMarks, func(mark string) bool { return strings.HasPrefix(line, mark) }):
		case line == manifestMark:
			marked = true
		case !marked:
			return nil, fmt.Errorf("line %d is %s, expected %q", number, quoted(line), manifestMark)
		case !isWritten(line):
			return nil, fmt.Errorf("line %d: %s is no name that kcue gives to a file", number, quoted(line))
		default:
			names = append(names, line)
		}
	}
	if !marked {
		return nil, fmt.Errorf("it has no line %q", manifestMark)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// quoted gives text from a file for a message.
func quoted(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// readManifest gives the names in the manifest of a directory, and its text; nil
// where it has none.
func (d *directory) readManifest() (names []string, text []byte, err error) {
	info, err := d.files.Lstat(manifestName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, d.failed("read", manifestName, err)
	case !info.Mode().IsRegular():
		return nil, nil, d.broken(fmt.Errorf("it is %s", describe(info.Mode())))
	case info.Size() > maxManifest:
		return nil, nil, d.broken(fmt.Errorf("it has %d bytes", info.Size()))
	}
	text, err = d.files.ReadFile(manifestName)
	if err != nil {
		return nil, nil, d.failed("read", manifestName, err)
	}
	names, err = parseManifest(text)
	if err != nil {
		return nil, nil, d.broken(err)
	}
	return names, text, nil
}

func (d *directory) broken(err error) error {
	return fmt.Errorf("%s is broken: %w; nothing is written: restore the file from version control, or, where there is none, remove the directory and build again",
		d.path(manifestName), err)
}
