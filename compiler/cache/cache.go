// Package cache keeps what packages compiled to, so that a build compiles anew
// only what changed. In goes a key, the digest of all that the result depends
// on, and bytes; out come the same bytes for the same key, or nothing.
//
// An entry is a file named by its key, which begins with the digest of the
// rest: one that was cut short, or changed in any other way, is as good as
// none. Entries are written under temporary names and renamed, so builds may run
// beside each other. The whole is bounded: the entries that were used longest
// ago go first.
package cache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Key identifies an entry: the digest of all that it depends on.
type Key [sha256.Size]byte

// DefaultSize bounds a cache, in bytes: some 3,000 packages of 20 policies.
const DefaultSize = 256 << 20

const (
	suffix = ".kcue" // of entries
	// temporary begins the names of entries that are being written.
	temporary = ".writing-"
	// fresh is how long an entry's time of use is not noted again.
	fresh = time.Hour
	// abandoned is how old a temporary file is that nobody writes any more.
	abandoned = time.Hour
)

// Store is a directory of entries.
type Store struct {
	dir  string
	size int64 // of all entries, at most
}

// Open gives the store of a directory, which need not exist. Nothing is written
// before the first Put.
func Open(dir string, size int64) *Store { return &Store{dir, size} }

// Dir gives the directory in which a user's cache stands: what the environment
// variable KCUE_CACHE says, or kcue in the user's cache directory. It is empty
// where KCUE_CACHE is off, and where there is no such directory.
func Dir() string {
	switch dir := os.Getenv("KCUE_CACHE"); {
	case dir == "off":
		return ""
	case dir != "":
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "kcue")
}

func (s *Store) file(key Key) string {
	name := hex.EncodeToString(key[:])
	return filepath.Join(s.dir, name[:2], name+suffix)
}

// Get gives the bytes that were put under a key. Whatever keeps them from being
// read, there are none.
func (s *Store) Get(key Key) ([]byte, bool) {
	file := s.file(key)
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() > s.size {
		return nil, false
	}
	data, err := os.ReadFile(file)
	if err != nil || len(data) < sha256.Size {
		return nil, false
	}
	sum, data := data[:sha256.Size], data[sha256.Size:]
	if sha256.Sum256(data) != [sha256.Size]byte(sum) {
		return nil, false
	}
	if now := time.Now(); now.Sub(info.ModTime()) > fresh {
		os.Chtimes(file, now, now) // if it fails, the entry goes earlier
	}
	return data, true
}

// Put keeps bytes under a key. An entry that is larger than the store may be is
// not kept, which is no error.
func (s *Store) Put(key Key, data []byte) error {
	if int64(len(data))+sha256.Size > s.size {
		return nil
	}
	file := s.file(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), temporary)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of what was not renamed
	sum := sha256.Sum256(data)
	_, err = f.Write(sum[:])
	if err == nil {
		_, err = f.Write(data)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// entry is a file of the store.
type entry struct {
	path string
	size int64
	used time.Time
}

// Trim removes the entries that were used longest ago, until the store has its
// size, and what killed builds left behind.
func (s *Store) Trim() error {
	var entries []entry
	var total int64
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		switch name := d.Name(); {
		case strings.HasPrefix(name, temporary):
			if time.Since(info.ModTime()) > abandoned {
				return ignoreMissing(os.Remove(path))
			}
		case strings.HasSuffix(name, suffix):
			entries = append(entries, entry{path, info.Size(), info.ModTime()})
			total += info.Size()
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, e := range entries {
		if total <= s.size {
			break
		}
		if err := ignoreMissing(os.Remove(e.path)); err != nil {
			return err
		}
		total -= e.size
	}
	return nil
}

// ignoreMissing takes what another build removed meanwhile for removed.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
