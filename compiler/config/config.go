// Package config reads .kcue.yaml, the file in which a repository says which
// diagnostics it does not want, and leaves these out of a list:
//
//	disable: [KC503]                       # everywhere
//	policies:
//	  pod-security: {disable: [KC501]}     # for one policy
//	  production/*: {disable: [KC5]}       # for all of a namespace
//	paths:
//	  legacy/**: {disable: [KC409, KC5]}   # for some files
//
// Only warnings can be turned off: an error is a policy that Kyverno refuses,
// or that does not do what it says. A code of a family, such as KC5, stands for
// all of it. A suppression that nothing needs any more is a warning itself.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kcue.dev/diag"
)

// Name is what the file is called.
const Name = ".kcue.yaml"

// maxBytes is the largest file that is read.
const maxBytes = 1 << 20

// Find gives the file that speaks for a directory: the nearest at or above it.
// It looks no further up than the root of the git repository, or where there
// is none, that of the CUE module; and in the directory alone where there is
// neither. What lies above is someone else's, and may not quiet checks here.
func Find(dir string) (string, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	found, module := "", ""
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, Name)); err == nil && found == "" {
			found = filepath.Join(d, Name)
		}
		if exists(filepath.Join(d, ".git")) {
			return found, found != ""
		}
		if module == "" && exists(filepath.Join(d, "cue.mod")) {
			module = d
		}
		if filepath.Dir(d) == d {
			break
		}
	}
	if module == "" {
		module = dir
	}
	if found == "" || !within(filepath.Dir(found), module) {
		return "", false
	}
	return found, true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// within reports whether an absolute directory is root or lies below it.
func within(dir, root string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && filepath.IsLocal(rel)
}

// Config is what a file says. The nil Config says nothing.
type Config struct {
	// Suppressions are in the file's order, one for each code.
	Suppressions []Suppression
}

// Load reads a file. Diagnostics name files relative to dir, and so do those
// that Load gives: every mistake of the file, with its line and column. What is
// right takes effect though something else is wrong.
func Load(file, dir string) (*Config, diag.List) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, unreadable(file, err)
	}
	name := file
	if rel, err := filepath.Rel(dir, file); err == nil {
		name = filepath.ToSlash(rel)
	}
	data, err := read(file)
	if err != nil {
		return nil, unreadable(name, err)
	}
	config, mistakes := Parse(name, data)
	for i := range config.Suppressions {
		config.Suppressions[i].root, config.Suppressions[i].dir = filepath.Dir(file), dir
	}
	return config, mistakes
}

func unreadable(name string, err error) diag.List {
	return diag.List{{Code: diag.Unreadable, Pos: diag.Position{File: name}, Message: err.Error()}}
}

// read reads a regular file. A link is none: what it leads to would be quoted
// in the diagnostics of a check that runs on someone's pull request.
func read(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return nil, diag.Reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("expected a regular file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, diag.Reason(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, diag.Reason(err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("the file has more than %d bytes", maxBytes)
	}
	return data, nil
}

// Disabled reports whether the file turns a code off: for the diagnostics about
// a policy, called name or namespace/name and "" where they are about none, in
// a file as they name it. It is false for codes of errors.
func (c *Config) Disabled(code diag.Code, policy, file string) bool {
	if c == nil {
		return false
	}
	for _, s := range c.Suppressions {
		if s.Covers(diag.Diagnostic{Code: code, Severity: diag.Warning, Pos: diag.Position{File: file}}, policy) {
			return true
		}
	}
	return false
}
