package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"kcue.dev/diag"
)

// directory is the directory that is planned for and built into.
type directory struct {
	dir   string // as the user names it
	files files
	close func()
}

// files are the operations on a directory. Names are plain.
type files interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadFile(name string) ([]byte, error)
	// ReadDir gives the entries, in no order.
	ReadDir() ([]fs.DirEntry, error)
	// Create writes a file that is not there yet; to the disk itself, where
	// sync is asked for. A file that could not be written whole is removed.
	Create(name string, data []byte, sync bool) error
	Rename(from, to string) error
	Remove(name string) error
}

// open opens a directory. The error is one of fs.ErrNotExist where there is
// none.
func open(dir string) (*directory, error) {
	dir = filepath.Clean(dir)
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot open %s: %w", dir, diag.Reason(err))
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, fmt.Errorf("%s is a link, which is not followed, since it may lead anywhere: name the directory itself", dir)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file, and the objects go into a directory: choose another name", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", dir, diag.Reason(err))
	}
	return &directory{dir: dir, files: rootFiles{root}, close: func() { root.Close() }}, nil
}

// rootFiles are the files of an os.Root.
type rootFiles struct{ *os.Root }

// ReadDir gives the entries of the directory.
func (r rootFiles) ReadDir() ([]fs.DirEntry, error) {
	f, err := r.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// Create writes a new file.
func (r rootFiles) Create(name string, data []byte, sync bool) error {
	f, err := r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && sync {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		r.Remove(name)
	}
	return err
}

// missing is a directory that is not there.
func missing(dir string) *directory {
	return &directory{dir: filepath.Clean(dir), files: nothing{}, close: func() {}}
}

// nothing is the files of a directory that is not there.
type nothing struct{}

func (nothing) Lstat(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }
func (nothing) ReadFile(string) ([]byte, error)   { return nil, fs.ErrNotExist }
func (nothing) ReadDir() ([]fs.DirEntry, error)   { return nil, nil }
func (nothing) Create(string, []byte, bool) error { return fs.ErrNotExist }
func (nothing) Rename(string, string) error       { return fs.ErrNotExist }
func (nothing) Remove(string) error               { return fs.ErrNotExist }
