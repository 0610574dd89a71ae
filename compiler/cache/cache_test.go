package cache

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func key(name string) Key { return sha256.Sum256([]byte(name)) }

func mustPut(t *testing.T, s *Store, name, data string) {
	t.Helper()
	if err := s.Put(key(name), []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, s *Store, name, want string) {
	t.Helper()
	if got, ok := s.Get(key(name)); !ok || string(got) != want {
		t.Errorf("%s: %q, %t: want %q", name, got, ok, want)
	}
}

func expectNone(t *testing.T, s *Store, name string) {
	t.Helper()
	if got, ok := s.Get(key(name)); ok {
		t.Errorf("%s: %q: want nothing", name, got)
	}
}

func TestPutGet(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "new", "cache"), DefaultSize)
	expectNone(t, s, "a")
	mustPut(t, s, "a", "1")
	mustPut(t, s, "empty", "")
	expect(t, s, "a", "1")
	expect(t, s, "empty", "")
	expectNone(t, s, "b")
	mustPut(t, s, "a", "2")
	expect(t, s, "a", "2")
}

// TestCorrupt breaks an entry in every way that a disk, a killed build or
// another program may: nothing comes out, and it can be put again.
func TestCorrupt(t *testing.T) {
	const content = "what a package compiled to"
	breakings := map[string]func(t *testing.T, file string, data []byte) error{
		"empty": func(_ *testing.T, file string, _ []byte) error { return os.WriteFile(file, nil, 0o600) },
		"cut short": func(_ *testing.T, file string, data []byte) error {
			return os.WriteFile(file, data[:len(data)-1], 0o600)
		},
		"longer": func(_ *testing.T, file string, data []byte) error { return os.WriteFile(file, append(data, 0), 0o600) },
		"digest only": func(_ *testing.T, file string, data []byte) error {
			return os.WriteFile(file, data[:sha256.Size], 0o600)
		},
		"a byte of the digest": func(_ *testing.T, file string, data []byte) error {
			data[0]++
			return os.WriteFile(file, data, 0o600)
		},
		"a byte of the content": func(_ *testing.T, file string, data []byte) error {
			data[len(data)-1]++
			return os.WriteFile(file, data, 0o600)
		},
	}
	for name, breaking := range breakings {
		t.Run(name, func(t *testing.T) {
			s := Open(t.TempDir(), DefaultSize)
			mustPut(t, s, "a", content)
			data, err := os.ReadFile(s.file(key("a")))
			if err != nil {
				t.Fatal(err)
			}
			if err := breaking(t, s.file(key("a")), data); err != nil {
				t.Fatal(err)
			}
			expectNone(t, s, "a")
			mustPut(t, s, "a", content)
			expect(t, s, "a", content)
		})
	}
	t.Run("a directory", func(t *testing.T) {
		s := Open(t.TempDir(), DefaultSize)
		if err := os.MkdirAll(filepath.Join(s.file(key("a")), "below"), 0o700); err != nil {
			t.Fatal(err)
		}
		expectNone(t, s, "a")
		if err := s.Put(key("a"), nil); err == nil {
			t.Error("put in the place of a directory")
		}
	})
}

func TestNotWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := Open(file, DefaultSize)
	expectNone(t, s, "a")
	if err := s.Put(key("a"), nil); err == nil {
		t.Error("put below a file")
	}
}

// TestBeside has builds that use one store at the same time.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			s := Open(dir, 20_000)
			for i := range 50 {
				name := fmt.Sprint(i % 7)
				want := bytes.Repeat([]byte(name), 1000)
				if err := s.Put(key(name), want); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
				if got, ok := s.Get(key(name)); ok && !bytes.Equal(got, want) {
					t.Errorf("worker %d: %s has other bytes", worker, name)
				}
				if err := s.Trim(); err != nil {
					t.Errorf("worker %d: %v", worker, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestTrim(t *testing.T) {
	s := Open(t.TempDir(), 4*(100+sha256.Size))
	data := string(bytes.Repeat([]byte("x"), 100))
	for i, name := range []string{"oldest", "old", "used", "new", "newest"} {
		mustPut(t, s, name, data)
		at := time.Now().Add(-time.Duration(10-i) * 2 * time.Hour)
		if err := os.Chtimes(s.file(key(name)), at, at); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, s, "oldest", data) // and so it is no longer
	left := filepath.Join(s.dir, "00", temporary+"1")
	writing := filepath.Join(s.dir, "00", temporary+"2")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{left, writing} {
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * abandoned)
	if err := os.Chtimes(left, past, past); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(); err != nil {
		t.Fatal(err)
	}
	expectNone(t, s, "old")
	for _, name := range []string{"oldest", "used", "new", "newest"} {
		expect(t, s, name, data)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed build left is still there")
	}
	if _, err := os.Stat(writing); err != nil {
		t.Error("what another build writes is gone")
	}
	mustPut(t, s, "too large", string(bytes.Repeat([]byte("x"), 1000)))
	expectNone(t, s, "too large")
	if err := Open(filepath.Join(t.TempDir(), "none"), 1).Trim(); err != nil {
		t.Errorf("a store that is not there: %v", err)
	}
}

func TestDir(t *testing.T) {
	t.Setenv("KCUE_CACHE", "off")
	if got := Dir(); got != "" {
		t.Errorf("off: %q", got)
	}
	t.Setenv("KCUE_CACHE", "/elsewhere")
	if got := Dir(); got != "/elsewhere" {
		t.Errorf("a directory: %q", got)
	}
}
