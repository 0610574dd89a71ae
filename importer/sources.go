package importer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Source is one file to import.
type Source struct {
	File    string // as the user named it, or found below a directory
	Name    string // its slash path below the argument that it was found by
	Objects []manifest.Object
}

// PassedOver is a file of a directory that holds no object to import.
type PassedOver struct {
	File string
	Why  string
}

// Suite is a file of tests of Kyverno's command line.
type Suite struct {
	File string
	Root string // the directory that was named: nothing outside of it is read
}

// Sources is what paths stand for.
type Sources struct {
	Files      []Source
	PassedOver []PassedOver
	// Suites are the files named kyverno-test.yaml below the directories.
	Suites []Suite
	// Diagnostics speak of what could not be read.
	Diagnostics diag.List
}

// Read reads the files that paths stand for: a file is itself, a directory is
// the YAML and JSON files below it, and "-" is standard input. In directories,
// what is no part of a deployment is passed over: the tests of Kyverno's command
// line and of chainsaw with their resources, kustomizations, files of Helm and
// of Artifact Hub, and whatever is in hidden directories. What cannot be read is
// a diagnostic, beside which the rest is read.
func Read(paths []string, stdin io.Reader) *Sources {
	s := &Sources{}
	for _, path := range paths {
		if path == "-" {
			var text strings.Builder
			s.read(Source{File: "-", Name: "stdin.yaml"}, io.TeeReader(stdin, &text), false, func() string { return text.String() })
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			s.fail(diag.NoSuchFile, path, diag.Reason(err).Error())
			continue
		}
		if !info.IsDir() {
			s.read(Source{File: path, Name: filepath.Base(path)}, nil, false, fileText(path))
			continue
		}
		s.directory(path)
	}
	return s
}

func (s *Sources) fail(code diag.Code, file, message string) {
	s.Diagnostics = append(s.Diagnostics, diag.Diagnostic{Code: code, Pos: diag.Position{File: filepath.ToSlash(file)}, Message: message})
}

// Why files are passed over.
const (
	ofTests    = "of tests"
	ofHidden   = "in hidden directories"
	ofOthers   = "of Kustomize, Helm or Artifact Hub"
	noManifest = "without a Kubernetes object"
)

// otherPrograms are names of files that hold no object to apply.
var otherPrograms = map[string]bool{
	"kustomization.yaml": true, "kustomization.yml": true, "Kustomization": true,
	"artifacthub-pkg.yaml": true, "artifacthub-pkg.yml": true, "artifacthub-repo.yml": true,
	"Chart.yaml": true, "Chart.lock": true,
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml" || ext == ".json"
}

func isSuite(name string) bool { return name == "kyverno-test.yaml" || name == "kyverno-test.yml" }

func isChainsaw(name string) bool { return name == "chainsaw-test.yaml" || name == "chainsaw-test.yml" }

// directory reads the files below a directory, in lexical order.
func (s *Sources) directory(root string) {
	var files []string
	hidden := map[string]bool{} // directories
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			s.fail(diag.Unreadable, path, diag.Reason(err).Error())
			if entry != nil && entry.IsDir() {
				return fs.SkipDir
			}
		case entry.IsDir():
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			if path != root && (strings.HasPrefix(entry.Name(), ".") || hidden[filepath.Dir(path)]) {
				hidden[path] = true
			}
		case entry.Type().IsRegular() && isYAML(entry.Name()):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		s.fail(diag.Unreadable, root, diag.Reason(err).Error())
	}
	tests := map[string]bool{} // files, and directories that are a test as a whole
	for _, f := range files {
		switch name := filepath.Base(f); {
		case isChainsaw(name):
			tests[filepath.Dir(f)] = true
		case isSuite(name):
			s.Suites = append(s.Suites, Suite{f, root})
			tests[f] = true
			for _, named := range suiteFiles(f) {
				tests[filepath.Join(filepath.Dir(f), filepath.FromSlash(named))] = true
			}
		}
	}
	for _, f := range files {
		why := ""
		switch dir, name := filepath.Split(f); {
		case tests[f] || tests[filepath.Clean(dir)]:
			why = ofTests
		case hidden[filepath.Clean(dir)]:
			why = ofHidden
		case otherPrograms[name]:
			why = ofOthers
		}
		if why != "" {
			s.PassedOver = append(s.PassedOver, PassedOver{f, why})
			continue
		}
		rel, err := filepath.Rel(root, f)
		if err != nil {
			rel = filepath.Base(f)
		}
		s.read(Source{File: f, Name: filepath.ToSlash(rel)}, nil, true, fileText(f))
	}
}

// suiteFiles lists the files that a suite of Kyverno's command line names,
// its policies apart.
func suiteFiles(path string) []string {
	data, err := readBounded(path)
	if err != nil {
		return nil
	}
	docs, err := spec.ParseYAML(path, data)
	if err != nil {
		return nil
	}
	var out []string
	add := func(n *spec.Node) {
		if n.Str() != "" {
			out = append(out, n.Text)
		}
		for _, name := range n.Strings() {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	for _, d := range docs {
		for _, field := range []string{"resources", "targetResources", "variables", "userinfo", "userInfo", "context", "paramResources", "clusterResources"} {
			add(d.Get(field))
		}
		if results := d.Get("results"); results != nil {
			for _, row := range results.Items {
				for _, field := range []string{"patchedResource", "patchedResources", "generatedResource", "cloneSourceResource"} {
					add(row.Get(field))
				}
			}
		}
	}
	return out
}

// maxText bounds how much of a file is read to say what is wrong with it.
const maxText = 16 << 20

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxText))
}

func fileText(path string) func() string {
	return func() string {
		data, _ := readBounded(path)
		return string(data)
	}
}

// read reads the objects of one file. Found by a walk, a file may be another
// program's.
func (s *Sources) read(source Source, stdin io.Reader, walked bool, text func() string) {
	failed := false
	for o, err := range manifest.Commented([]string{source.File}, stdin) {
		if err == nil {
			if isTestObject(o.Node) {
				continue
			}
			o.File = filepath.ToSlash(o.File)
			source.Objects = append(source.Objects, o)
			continue
		}
		var mistake *manifest.Error
		if !errors.As(err, &mistake) {
			s.fail(diag.Unreadable, source.File, err.Error())
			failed = true
			continue
		}
		if mistake.Foreign && walked {
			continue
		}
		failed = true
		s.Diagnostics = append(s.Diagnostics, unreadable(mistake, text))
	}
	if n := len(source.Objects); n > 0 {
		// What is commented out behind the last object belongs to no document.
		if rest := trailingComment(text()); rest != "" {
			last := source.Objects[n-1]
			c := last.Comments[last.Node]
			c.Foot = joined(c.Foot, rest)
			last.Comments[last.Node] = c
		}
	}
	switch {
	case len(source.Objects) > 0:
		s.Files = append(s.Files, source)
	case walked && !failed:
		s.PassedOver = append(s.PassedOver, PassedOver{source.File, noManifest})
	case !failed:
		s.fail(diag.EmptyPackage, source.File, "holds no Kubernetes object")
	}
}

// trailingComment gives the comments of a document at the end of a file that
// holds nothing else.
func trailingComment(text string) string {
	at := strings.LastIndex(text, "\n---")
	if at < 0 {
		return ""
	}
	_, rest, _ := strings.Cut(text[at+1:], "\n")
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return ""
		}
	}
	return strings.TrimSpace(rest)
}

// isTestObject tells objects that no cluster has: those of Kyverno's command
// line, of chainsaw and of Kustomize.
func isTestObject(o *spec.Node) bool {
	group, _, _ := strings.Cut(o.Get("apiVersion").Str(), "/")
	return slices.Contains([]string{"cli.kyverno.io", "chainsaw.kyverno.io", "kustomize.config.k8s.io"}, group)
}

// helmAction matches what Helm's templates have and YAML with Kyverno's
// variables has not.
var helmAction = lazyregexp.New(`\{\{-?\s*(if|else|end|range|with|include|template|define|block|tpl|toYaml|required|default|quote|\$|/\*|\.(Values|Release|Chart|Capabilities|Files|Template)\b)`)

// unreadable speaks of a document, or of a whole file, that holds no object.
func unreadable(mistake *manifest.Error, text func() string) diag.Diagnostic {
	d := mistake.Diagnostic()
	if helmAction.MatchString(text()) {
		d.Message = fmt.Sprintf("a Helm template, and no YAML (%s)", mistake.Message)
		d.Hint = "render it first: helm template CHART | kcue import -"
	}
	return d
}
