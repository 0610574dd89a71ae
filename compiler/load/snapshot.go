package load

import (
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"cuelang.org/go/cue/parser"
)

// snapshot keeps what was read of a tree, by absolute slash paths.
type snapshot struct {
	mu    sync.Mutex
	files map[string][]byte
	dirs  map[string][]fs.DirEntry
	heads map[string]fileHead
}

// fileHead is what a CUE file says of itself before anything else.
type fileHead struct {
	parsed  bool   // whether it can be; of what cannot, nothing is known
	pkg     string // empty where it has no package clause
	imports []string
}

func (s *snapshot) file(name string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.files[path.Clean("/"+name)]
	return data, ok
}

func (s *snapshot) dir(name string) ([]fs.DirEntry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, ok := s.dirs[path.Clean("/"+name)]
	return entries, ok
}

// keepFile reads a file for good.
func (t *tree) keepFile(name string) ([]byte, error) {
	if data, ok := t.kept.file(name); ok {
		return data, nil
	}
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	if t.kept.files == nil {
		t.kept.files = map[string][]byte{}
	}
	t.kept.files[path.Clean("/"+name)] = data
	return data, nil
}

// keepHead reads the head of a CUE file for good: packages below a directory
// share its files. The data is the file's.
func (t *tree) keepHead(name string, data []byte) fileHead {
	t.kept.mu.Lock()
	head, ok := t.kept.heads[name]
	t.kept.mu.Unlock()
	if ok {
		return head
	}
	if syntax, err := parser.ParseFile(name, data, parser.ImportsOnly); err == nil {
		head = fileHead{parsed: true, pkg: syntax.PackageName()}
		for spec := range syntax.ImportSpecs() {
			head.imports = append(head.imports, strings.Trim(spec.Path.Value, `"`))
		}
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	if t.kept.heads == nil {
		t.kept.heads = map[string]fileHead{}
	}
	t.kept.heads[name] = head
	return head
}

// keepDir lists a directory for good.
func (t *tree) keepDir(name string) ([]fs.DirEntry, error) {
	if entries, ok := t.kept.dir(name); ok {
		return entries, nil
	}
	entries, err := t.ReadDir(name)
	if err != nil {
		return nil, err
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	if t.kept.dirs == nil {
		t.kept.dirs = map[string][]fs.DirEntry{}
	}
	t.kept.dirs[path.Clean("/"+name)] = entries
	return entries, nil
}
