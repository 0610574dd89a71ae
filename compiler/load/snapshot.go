package load

import (
	"io"
	"io/fs"
	"path"
	"sync"
)

// snapshot keeps what was read of a tree, by absolute slash paths.
type snapshot struct {
	mu    sync.Mutex
	files map[string][]byte
	dirs  map[string][]fs.DirEntry
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
