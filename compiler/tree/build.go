package tree

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/lower"
	"kcue.dev/diag"
)

// Build makes a directory hold objects, as New plans it, and gives the plan that
// it carried out. With part what else kcue wrote there stays.
//
// A build that is killed at any moment leaves each file as it was or as it should
// be, and the next one repairs the rest; one that fails before the last step of
// all leaves no file changed:
//
//   - everything is first written under temporary names, which is where a full
//     disk or a read-only directory shows;
//   - a manifest that names all files of before and after takes its place before
//     any file does, so that what is written is known to be kcue's;
//   - files take their places by renames; then kustomization.yaml, which is to
//     name none that is missing; then files are removed; then the last manifest
//     takes its place.
//
// Only the first manifest is synced to the disk: the next build compares the
// bytes of every file that it names, and so repairs what a power failure tore,
// while a sync a file would cost seconds.
//
// Builds into one directory wait for each other where the system can lock
// directories (see lock). Leftovers of killed builds are removed.
func Build(dir string, objects []lower.Object, part bool) (*Plan, error) {
	want, err := contentOf(objects)
	if err != nil {
		return nil, err
	}
	d, err := open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, fmt.Errorf("cannot make %s: %w", dir, diag.Reason(err))
		}
		d, err = open(dir)
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.build(want, part)
}

func (d *directory) build(want *content, part bool) (*Plan, error) {
	unlock, locked, err := lock(d.dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p, err := d.plan(want, part)
	if err != nil {
		return nil, err
	}
	if err := d.sweep(locked); err != nil {
		return nil, err
	}
	return p, d.apply(p)
}

// temporary is the form of temporary names.
var temporary = lazyregexp.New(`^\.kcue-[0-9a-f]{16}-[0-9]+\.tmp$`)

// temporaryNames gives a function that gives names no other build has.
func temporaryNames() func() string {
	var random [8]byte
	rand.Read(random[:])
	prefix, n := ".kcue-"+hex.EncodeToString(random[:]), 0
	return func() string {
		n++
		return fmt.Sprintf("%s-%d.tmp", prefix, n)
	}
}

// sweep removes what killed builds left. Without a lock it may be of one that
// still runs, unless it is old.
func (d *directory) sweep(locked bool) error {
	const old = time.Hour
	entries, err := d.files.ReadDir()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", d.dir, diag.Reason(err))
	}
	for _, e := range entries {
		if !temporary.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); !locked && (err != nil || time.Since(info.ModTime()) < old) {
			continue
		}
		if err := d.files.Remove(e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.failed("remove", e.Name(), err)
		}
	}
	return nil
}

// apply carries a plan out.
func (d *directory) apply(p *Plan) (err error) {
	type step struct{ from, to string } // no from: to is removed
	var steps, removals []step
	name := temporaryNames()
	staged := map[string]bool{}
	defer func() {
		for name := range staged {
			d.files.Remove(name)
		}
	}()
	stage := func(to string, data []byte, sync bool) (step, error) {
		s := step{name(), to}
		if err := d.files.Create(s.from, data, sync); err != nil {
			return s, fmt.Errorf("%w; nothing is changed", d.failed("write", to, err))
		}
		staged[s.from] = true
		return s, nil
	}
	if p.intent != nil {
		s, err := stage(manifestName, p.intent, true)
		if err != nil {
			return err
		}
		steps = append(steps, s)
	}
	var last []step
	for _, c := range p.Changes {
		if c.Action == Removed {
			removals = append(removals, step{to: c.File})
			continue
		}
		if c.File == manifestName && bytes.Equal(c.data, p.intent) {
			continue
		}
		s, err := stage(c.File, c.data, false)
		if err != nil {
			return err
		}
		if c.File == manifestName {
			last = append(last, s)
		} else {
			steps = append(steps, s)
		}
	}
	for _, s := range append(append(steps, removals...), last...) {
		if s.from == "" {
			if err := d.files.Remove(s.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w; the directory is half built: build again", d.failed("remove", s.to, err))
			}
			continue
		}
		if err := d.files.Rename(s.from, s.to); err != nil {
			return fmt.Errorf("%w; the directory may be half built: build again", d.failed("write", s.to, err))
		}
		delete(staged, s.from)
	}
	return nil
}

// WriteFile writes one file below a directory under a temporary name and renames
// it, and makes the directories above it. The name has slashes. A file that
// holds the same bytes already is left alone, so that its time tells when it
// changed.
func WriteFile(root *os.Root, name string, data []byte) error {
	if old, err := root.ReadFile(filepath.FromSlash(name)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	below, _ := path.Split(name)
	if below != "" {
		if err := root.MkdirAll(filepath.FromSlash(path.Clean(below)), 0o777); err != nil {
			return err
		}
	}
	staged := filepath.FromSlash(below + temporaryNames()())
	if err := (rootFiles{root}).Create(staged, data, false); err != nil {
		return err
	}
	if err := root.Rename(staged, filepath.FromSlash(name)); err != nil {
		root.Remove(staged)
		return err
	}
	return nil
}
