package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kcue.dev/compiler/tree"
	"kcue.dev/diag"
)

// Overwrites is the error of Write where files are there that hold something
// else.
type Overwrites struct {
	Files []string // as the user would name them
}

// Error names the files.
func (e *Overwrites) Error() string {
	const most = 5
	files := e.Files
	rest := ""
	if len(files) > most {
		files, rest = files[:most], fmt.Sprintf(" and %d more", len(files)-most)
	}
	return fmt.Sprintf("%s%s: already there, with other content; nothing is written", strings.Join(files, ", "), rest)
}

// Write writes files below a directory, each under a temporary name that is then
// renamed, and nothing outside of it, whatever links are there. A file that
// holds the same bytes is left alone; one that holds others is overwritten only
// with force, and otherwise nothing at all is written. It gives the paths of the
// files, in order.
func Write(dir string, files []File, force bool) ([]string, error) {
	if len(files) == 0 {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	conflict := &Overwrites{}
	for _, f := range files {
		old, err := root.ReadFile(filepath.FromSlash(f.Name))
		switch {
		case err == nil && !bytes.Equal(old, f.Data):
			conflict.Files = append(conflict.Files, filepath.Join(dir, filepath.FromSlash(f.Name)))
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, filepath.FromSlash(f.Name)), diag.Reason(err))
		}
	}
	if len(conflict.Files) > 0 && !force {
		return nil, conflict
	}
	var written []string
	for _, f := range files {
		name := filepath.FromSlash(f.Name)
		if err := tree.WriteFile(root, f.Name, f.Data); err != nil {
			return written, fmt.Errorf("%s: %w", filepath.Join(dir, name), diag.Reason(err))
		}
		written = append(written, filepath.Join(dir, name))
	}
	return written, nil
}
