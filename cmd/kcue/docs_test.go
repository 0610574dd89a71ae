package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/format"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// The manual is run. Each fenced code block of README.md and docs/*.md says by
// its info string what it is, and one that says nothing known fails. CUE is
// formatted, as cue fmt does it.
//
//	```cue             a whole package: compiles, in a directory of its own
//	```cue NAME.cue    one more file, of that package or of one below it;
//	                   "NAME.cue wrong" must not compile
//	```cue file NAME   a file of a module, beside those before it: commands
//	                   that follow compile it
//	```cue wrong       a whole package that must not compile
//	```cue fragment    fields of a bundle; "fragment policy" and "fragment
//	                   rule" are those of a policy or a rule: compiles once
//	                   wrapped, with the imports of kcue.dev that it uses
//	```console         lines "$ kcue …", run where the package above is, each
//	                   with all that it writes, compared as it stands; also
//	                   "$ ls DIR", "$ cat FILE", "$ echo $?" and "$ cue …"
//	```console engine  the same with kcue-engine: run by its own tests, in
//	                   evaluator/cmd/kcue-engine
//	```yaml            what `kcue build` writes for the package above;
//	                   ```yaml NAME is its object of that name
//	```cue file NAME   a file of a repository, which cue.mod/module.cue begins
//	```cue other       not a bundle, such as a module file: must parse
//	```yaml other      not ours: must parse
//	```yaml file NAME  a file beside the package, or in a directory of its own
//	```sh              kcue commands that must succeed, and cd; others are in
//	                   notRun
//	```sh scratch      the same, in a new directory
//
// go test ./cmd/kcue -update, and go test ./evaluator/cmd/kcue-engine -update,
// rewrite what blocks show.

// documents lists the files of the manual, from the root of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	docs := []string{"README.md", "CHANGELOG.md"}
	for _, f := range found {
		docs = append(docs, "docs/"+filepath.Base(f))
	}
	return docs
}

// block is a fenced code block.
type block struct {
	first, last int // the lines of its text, from 0, last exclusive
	info        []string
	text        string
}

var fence = regexp.MustCompile("^(`{3,})(.*)$")

// blocks finds the fenced code blocks of a document.
func blocks(lines []string) ([]block, error) {
	var out []block
	for i := 0; i < len(lines); i++ {
		open := fence.FindStringSubmatch(strings.TrimRight(lines[i], "\n"))
		if open == nil {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimRight(lines[end], "\n") != open[1] {
			end++
		}
		if end == len(lines) {
			return nil, fmt.Errorf("line %d: the code block does not end", i+1)
		}
		out = append(out, block{i + 1, end, strings.Fields(open[2]), strings.Join(lines[i+1:end], "")})
		i = end
	}
	return out, nil
}

// TestDocuments runs the code blocks of the manual.
func TestDocuments(t *testing.T) {
	docs := documents(t)
	if len(docs) < 7 {
		t.Fatalf("found %d documents, expected at least 7: %v", len(docs), docs)
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, doc := range docs {
		if data, err := os.ReadFile(filepath.Join(root, doc)); err == nil {
			text += string(data)
		}
	}
	for command := range notRun {
		if !strings.Contains(text, "\n"+command+"\n") {
			t.Errorf("no document has the command %q: take it out of notRun", command)
		}
	}
	for _, doc := range docs {
		if testedElsewhere[doc] != "" {
			continue
		}
		t.Run(doc, func(t *testing.T) { runDocument(t, root, doc) })
	}
}

func runDocument(t *testing.T, root, doc string) {
	path := filepath.Join(root, doc)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(data)))
	found, err := blocks(lines)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{document: t, root: root}
	ran := 0
	for _, b := range found {
		t.Run(fmt.Sprintf("line %d", b.first), func(t *testing.T) {
			got, err := s.run(t, b)
			if err != nil {
				t.Fatal(err)
			}
			ran++
			if got == b.text {
				return
			}
			if *update {
				for i := b.first; i < b.last; i++ {
					lines[i] = ""
				}
				lines[b.first-1] += got
				return
			}
			t.Errorf("%s shows what is not so (-shown +got):\n%s", doc, cmp.Diff(b.text, got))
		})
	}
	if len(found) > 0 && ran == 0 {
		t.Errorf("%s has %d code blocks and none of them ran", doc, len(found))
	}
	if text := strings.Join(lines, ""); *update && text != string(data) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// session is where a document's blocks run, one after the other.
type session struct {
	document *testing.T
	root     string // of the repository
	dir      string // of the last package
	status   int    // of the last command
}

// run runs a block and gives the text that it should have.
func (s *session) run(t *testing.T, b block) (string, error) {
	t.Helper()
	if len(b.info) == 0 {
		return "", fmt.Errorf("the code block does not say what it is")
	}
	args := b.info[1:]
	switch b.info[0] {
	case "cue":
		formatted, err := format.Source([]byte(b.text))
		if err != nil {
			return "", err
		}
		if len(args) == 2 && args[0] == "file" {
			if args[1] == "cue.mod/module.cue" {
				s.dir = ""
			}
			return string(formatted), s.file(args[1], b.text)
		}
		return string(formatted), s.cue(t, args, b.text)
	case "console":
		if slices.Equal(args, []string{"engine"}) {
			return b.text, nil
		}
		return s.console(t, b.text)
	case "yaml":
		if slices.Equal(args, []string{"other"}) {
			var v any
			return b.text, yaml.Unmarshal([]byte(b.text), &v)
		}
		if len(args) == 2 && args[0] == "file" {
			return b.text, s.file(args[1], b.text)
		}
		command := []string{"build"}
		for _, name := range args {
			command = append(command, "--name", name)
		}
		return s.kcue(t, s.dir, command), s.succeeded()
	case "sh":
		if slices.Equal(args, []string{"scratch"}) {
			s.dir = s.document.TempDir()
		}
		for command := range strings.Lines(b.text) {
			if err := s.shell(t, strings.TrimSpace(command)); err != nil {
				return "", err
			}
		}
		return b.text, nil
	}
	return "", fmt.Errorf("unknown kind of code block: %q", strings.Join(b.info, " "))
}

// file writes a file of the document's: the first begins a directory.
func (s *session) file(name, text string) error {
	if s.dir == "" {
		s.dir = s.document.TempDir()
	}
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o666)
}

// fragments says how the pieces of CUE are made a package.
var fragments = map[string]string{
	"fragment":        "%s",
	"fragment policy": "clusterPolicies: \"p\": {\n%s}\n",
	"fragment rule":   "clusterPolicies: \"p\": rules: \"r\": {\n%s}\n",
}

func (s *session) cue(t *testing.T, args []string, text string) error {
	t.Helper()
	kind := strings.Join(args, " ")
	name := "policy.cue"
	switch {
	case len(args) == 2 && args[0] == "file":
		return s.file(args[1], text)
	case kind == "other":
		return nil
	case fragments[kind] != "":
		var b strings.Builder
		b.WriteString("package fragment\n")
		for _, pkg := range []string{"schema", "patterns", "libraries"} {
			if strings.Contains(text, pkg+".#") {
				fmt.Fprintf(&b, "import %q\n", "kcue.dev/"+pkg)
			}
		}
		fmt.Fprintf(&b, fragments[kind], text)
		text = b.String()
		s.dir = s.document.TempDir()
	case len(args) > 0 && strings.HasSuffix(args[0], ".cue"):
		name = args[0]
		if s.dir == "" {
			return fmt.Errorf("no package before the file %s", name)
		}
		if kind = strings.Join(args[1:], " "); kind != "" && kind != "wrong" {
			return fmt.Errorf("unknown kind of CUE: %q", kind)
		}
	case kind == "" || kind == "wrong":
		s.dir = s.document.TempDir()
	default:
		return fmt.Errorf("unknown kind of CUE: %q", kind)
	}
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		return err
	}
	out := s.kcue(t, filepath.Dir(path), []string{"summary"})
	switch {
	case kind == "wrong" && s.status != exitFindings:
		return fmt.Errorf("should not compile, but does: %s", out)
	case kind != "wrong" && s.status != exitOK:
		return fmt.Errorf("does not compile:\n%s", out)
	}
	return nil
}

// shellCharacters are what would need a shell.
const shellCharacters = `|<>'"$&;`

// console runs the commands of a block and gives the block with what they
// write.
func (s *session) console(t *testing.T, text string) (string, error) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !ok {
			if b.Len() == 0 {
				return "", fmt.Errorf("output before any command: %q", line)
			}
			continue
		}
		b.WriteString(line)
		words := strings.Fields(command)
		switch {
		case command == "echo $?":
			fmt.Fprintln(&b, s.status)
		case words[0] == "ls" && len(words) == 2:
			entries, err := os.ReadDir(filepath.Join(s.dir, words[1]))
			if err != nil {
				return "", err
			}
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), ".") {
					fmt.Fprintln(&b, e.Name())
				}
			}
		case words[0] == "cat" && len(words) == 2:
			data, err := os.ReadFile(filepath.Join(s.dir, words[1]))
			if err != nil {
				return "", err
			}
			b.Write(data)
		case words[0] == "cue" && !strings.ContainsAny(command, shellCharacters):
			out, err := s.cueCommand(words[1:])
			if err != nil {
				return "", err
			}
			b.Write(out)
		case words[0] == "kcue" && !strings.ContainsAny(command, shellCharacters):
			b.WriteString(s.kcue(t, s.dir, words[1:]))
		default:
			return "", fmt.Errorf("cannot run %q", command)
		}
	}
	return b.String(), nil
}

// cueCommand runs the cue command, which this test binary is by that name, with
// no registry.
func (s *session) cueCommand(args []string) ([]byte, error) {
	cmd := exec.Command("cue", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "CUE_REGISTRY=none", "CUE_CACHE_DIR="+s.document.TempDir())
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return nil, err
	}
	s.status = cmd.ProcessState.ExitCode()
	return out, nil
}

// shell runs a command of which only success is asked.
func (s *session) shell(t *testing.T, command string) error {
	t.Helper()
	command, _, _ = strings.Cut(command, "  #")
	command = strings.TrimSpace(command)
	if command == "" || notRun[command] != "" {
		return nil
	}
	if dir, ok := strings.CutPrefix(command, "cd "); ok && s.dir != "" {
		s.dir = filepath.Join(s.dir, dir)
		_, err := os.Stat(s.dir)
		return err
	}
	rest, ok := strings.CutPrefix(command, "kcue ")
	if !ok {
		rest, ok = strings.CutPrefix(command, "go run ./cmd/kcue ")
	}
	if !ok || strings.ContainsAny(rest, shellCharacters) {
		return fmt.Errorf("cannot run %q: if no test can, say so in notRun", command)
	}
	dir := s.dir
	if strings.Contains(rest, "./"+examples) {
		// A copy, as the command may write beside them.
		dir = t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, examples), os.DirFS(filepath.Join(s.root, examples))); err != nil {
			return err
		}
	}
	if out := s.kcue(t, dir, strings.Fields(rest)); s.status != exitOK {
		return fmt.Errorf("%s:\n%s", command, out)
	}
	return nil
}

// kcue runs a command line in a directory and gives all that it writes.
func (s *session) kcue(t *testing.T, dir string, args []string) string {
	t.Helper()
	var out bytes.Buffer
	if dir == "" {
		dir = s.root
	}
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(before)
	s.status = execute(args, streams{in: strings.NewReader(""), out: &out, err: &out})
	return out.String()
}

func (s *session) succeeded() error {
	if s.status != exitOK {
		return fmt.Errorf("kcue build ended with status %d", s.status)
	}
	return nil
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ (.+)$`)
	// dropped are the characters of a heading that its anchor has not.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors gives the anchors of a document's headings, as GitHub makes them.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if m := heading.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
		}
	}
	return out
}

// TestDocumentLinks holds that what the manual links to in the repository is
// there, headings of its own pages included.
func TestDocumentLinks(t *testing.T) {
	checked := 0
	for _, doc := range documents(t) {
		data, err := os.ReadFile(filepath.Join(repository, doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			checked++
			path := filepath.Join(repository, doc)
			if target != "" {
				path = filepath.Join(repository, filepath.Dir(doc), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
				continue
			}
			if anchor != "" && !anchors(t, path)[anchor] {
				t.Errorf("%s links to %s, which is no heading there", doc, m[1])
			}
		}
	}
	if checked < 10 {
		t.Errorf("checked %d links, expected at least 10", checked)
	}
}
