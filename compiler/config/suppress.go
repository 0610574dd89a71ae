package config

import (
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Suppression turns one code off, everywhere or where all that it names holds.
type Suppression struct {
	// Code is a code, or KC5 for all best practices but the warning about
	// unused suppressions.
	Code diag.Code
	// Policy is a pattern of path.Match: of a policy's name, whatever its
	// namespace, or where it has a slash, of namespace/name.
	Policy string
	// Paths is a pattern of files, relative to the directory of .kcue.yaml and
	// with slashes: each part is one of path.Match, and ** is any number of
	// directories.
	Paths string
	// File and Path are for a suppression that stands beside what it is about,
	// in an annotation or an attribute: the file, as diagnostics name it, and
	// the path at and below which it holds.
	File, Path string
	// Pos is where it is written; that of a flag is invalid.
	Pos diag.Position

	root, dir string // absolute: what Paths, and what files, are relative to
}

// Covers reports whether a diagnostic about a policy is turned off. The policy
// is called name or namespace/name, and "" where it is about none. An error
// never is.
func (s Suppression) Covers(d diag.Diagnostic, policy string) bool {
	return s.has(d.Code) && d.Severity == diag.Warning && s.hasPolicy(policy) && s.hasFile(d.Pos.File) &&
		(s.File == "" || s.File == d.Pos.File) && (s.Path == "" || below(d.Path, s.Path))
}

func (s Suppression) has(code diag.Code) bool {
	return s.Code == code || s.Code == practices && strings.HasPrefix(string(code), practices) && code != diag.UnusedSuppression
}

func (s Suppression) hasPolicy(ref string) bool {
	if s.Policy == "" {
		return true
	}
	if !strings.Contains(s.Policy, "/") {
		ref = ref[strings.LastIndexByte(ref, '/')+1:]
	}
	ok, err := path.Match(s.Policy, ref)
	return ok && err == nil && ref != ""
}

func (s Suppression) hasFile(file string) bool {
	if s.Paths == "" {
		return true
	}
	name := filepath.FromSlash(file)
	if s.root != "" {
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.dir, name)
		}
		rel, err := filepath.Rel(s.root, name)
		if err != nil {
			return false
		}
		name = rel
	}
	return matchPaths(strings.Split(s.Paths, "/"), strings.Split(filepath.ToSlash(filepath.Clean(name)), "/"))
}

// matchPaths matches the parts of a path. A ** takes as few parts as will do;
// to let an earlier one take more would not help, so that only the last is
// tried again.
func matchPaths(pattern, name []string) bool {
	p, n := 0, 0
	star, taken := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == "**" {
			star, taken = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if ok, err := path.Match(pattern[p], name[n]); ok && err == nil {
				p++
				n++
				continue
			}
		}
		if star < 0 {
			return false
		}
		taken++
		p, n = star+1, taken
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}

// below reports whether a diagnostic's path is a place or stands below it.
func below(p, place string) bool {
	rest, ok := strings.CutPrefix(p, place)
	return ok && (rest == "" || strings.ContainsRune(".[:", rune(rest[0])))
}

// Run says what was vetted: where a run saw only a part of a repository, what
// turns something off in the others is not unused.
type Run struct {
	// Policies names the policies, each name or namespace/name, and Files the
	// files as diagnostics name them.
	Policies, Files []string
	// Complete is set where the run saw all that the file speaks for.
	Complete bool
}

// Filter gives the diagnostics that no suppression covers, in their order, and
// a warning (diag.UnusedSuppression) for each suppression that covers none, though the run saw what it
// is about. One of a flag is never unused: the flag may stand in a pipeline
// that many repositories share.
func Filter(suppressions []Suppression, list diag.List, run Run) (kept, unused diag.List) {
	used := make([]bool, len(suppressions))
	for _, d := range list {
		policy := PolicyOf(d.Path)
		covered := false
		for i, s := range suppressions {
			if s.Covers(d, policy) {
				covered, used[i] = true, true
			}
		}
		if !covered {
			kept = append(kept, d)
		}
	}
	for i, s := range suppressions {
		if used[i] || !s.Pos.IsValid() {
			continue
		}
		if d, ok := s.unused(run); ok && !covers(suppressions, d) {
			unused = append(unused, d)
		}
	}
	return kept, unused
}

func covers(suppressions []Suppression, d diag.Diagnostic) bool {
	for _, s := range suppressions {
		if s.Covers(d, "") {
			return true
		}
	}
	return false
}

// unused says that a suppression covers nothing, and why.
func (s Suppression) unused(run Run) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{
		Code: diag.UnusedSuppression, Severity: diag.Warning, Pos: s.Pos,
		Message: fmt.Sprintf("nothing here has %s: the suppression can go", s.Code),
	}
	switch {
	case s.File != "" || s.Path != "":
		return d, true // it was read with what it is about
	case s.Policy != "":
		for _, p := range run.Policies {
			if s.hasPolicy(p) {
				d.Message = fmt.Sprintf("no policy that %q matches has %s: the suppression can go", s.Policy, s.Code)
				return d, true
			}
		}
		d.Message = fmt.Sprintf("no policy is named %q", s.Policy)
		if near := diag.Nearest(s.Policy, names(run.Policies, s.Policy)); near != "" {
			d.Hint = fmt.Sprintf("did you mean %q?", near)
		}
	case s.Paths != "":
		for _, f := range run.Files {
			if s.hasFile(f) {
				d.Message = fmt.Sprintf("no file that %q matches has %s: the suppression can go", s.Paths, s.Code)
				return d, true
			}
		}
		d.Message = fmt.Sprintf("no file of the run matches %q", s.Paths)
	}
	return d, run.Complete
}

// names gives policies as a pattern speaks of them: with their namespaces
// where it has one.
func names(policies []string, pattern string) []string {
	var out []string
	for _, p := range policies {
		if !strings.Contains(pattern, "/") {
			p = p[strings.LastIndexByte(p, '/')+1:]
		}
		out = append(out, p)
	}
	return out
}

// PolicyOf gives the policy that a diagnostic's path leads into, as name or
// namespace/name: from a spec's path, such as policies.production."strict".rules,
// and from an object's, such as "Policy/production/strict: spec.rules". It is
// "" where the path leads into none.
func PolicyOf(p string) string {
	if kind, ref, ok := strings.Cut(p, "/"); ok && !strings.ContainsAny(kind, `." `) {
		ref, _, _ = strings.Cut(ref, ": ")
		return ref
	}
	field, rest := label(p)
	if field == "defaults" || field == "tests" {
		return ""
	}
	first, rest := label(rest)
	if k, _ := spec.ObjectKindOf(field); !k.Namespaced {
		return first
	}
	second, _ := label(rest)
	if second == "" {
		return ""
	}
	return first + "/" + second
}

// label takes the first label off a path that spec.Path wrote.
func label(p string) (name, rest string) {
	if quoted, err := strconv.QuotedPrefix(p); err == nil {
		name, err = strconv.Unquote(quoted)
		if err != nil {
			return "", ""
		}
		return name, strings.TrimPrefix(p[len(quoted):], ".")
	}
	name, rest, _ = strings.Cut(p, ".")
	return name, rest
}
