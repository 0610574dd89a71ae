package tree

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/diff"
	"go.yaml.in/yaml/v3"
)

// Reference names a Kubernetes object.
type Reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// String gives the kind and namespace/name.
func (r Reference) String() string {
	name := r.Name
	if r.Namespace != "" {
		name = r.Namespace + "/" + name
	}
	return printable(r.Kind + " " + name)
}

// Difference is a change as it is shown.
type Difference struct {
	Object *Reference `json:"object"` // nil for kustomization.yaml, the manifest, and what is no object
	File   string     `json:"file"`   // with the directory, and slashes
	Change Action     `json:"change"`
	Diff   string     `json:"diff"` // unified; with the headers of git, so that git apply and patch -p1 take it
}

// maxShown is the size of file from which contents are not compared by line.
const maxShown = 16 << 20

// Differences gives a plan's changes with what they change. It reads the
// directory and writes nothing.
func (p *Plan) Differences() ([]Difference, error) {
	d, err := open(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = missing(p.dir), nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	out := make([]Difference, len(p.Changes))
	for i, c := range p.Changes {
		var old []byte
		shown := true
		if c.Action != Added {
			info, err := d.files.Lstat(c.File)
			if err != nil {
				return nil, d.failed("read", c.File, err)
			}
			if shown = info.Size() <= maxShown; shown {
				if old, err = d.files.ReadFile(c.File); err != nil {
					return nil, d.failed("read", c.File, err)
				}
			}
		}
		out[i] = Difference{Object: c.reference(old), File: filepath.ToSlash(d.path(c.File)), Change: c.Action}
		if shown {
			out[i].Diff = unified(out[i].File, c.Action, old, c.data)
		} else {
			out[i].Diff = headers(out[i].File, c.Action) + "Binary files differ\n"
		}
	}
	return out, nil
}

// reference names the object that a change is about: the one that is built, or
// else the one that the file holds.
func (c Change) reference(old []byte) *Reference {
	if o := c.Object; o.Node != nil {
		return &Reference{o.APIVersion(), o.Kind(), o.Namespace(), o.Name()}
	}
	if c.Action != Removed {
		return nil
	}
	var o struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Namespace string `yaml:"namespace"`
			Name      string `yaml:"name"`
		} `yaml:"metadata"`
	}
	if err := yaml.Unmarshal(old, &o); err != nil || o.Kind == "" {
		return nil
	}
	return &Reference{o.APIVersion, o.Kind, o.Metadata.Namespace, o.Metadata.Name}
}

// unified gives a unified diff of two contents of a file.
func unified(file string, action Action, old, data []byte) string {
	if bytes.IndexByte(old, 0) >= 0 {
		return headers(file, action) + "Binary files differ\n"
	}
	text := string(diff.Diff("old", old, "new", data))
	for range 3 { // its own headers
		_, text, _ = strings.Cut(text, "\n")
	}
	return headers(file, action) + text
}

// headers are the lines above the hunks, which name a file as git does.
func headers(file string, action Action) string {
	file = strings.TrimPrefix(file, "/")
	before, after := "a/"+file, "b/"+file
	switch action {
	case Added:
		before = "/dev/null"
	case Removed:
		after = "/dev/null"
	}
	return "--- " + before + "\n+++ " + after + "\n"
}

// Style is how differences are written for a person.
type Style struct {
	Color    bool
	Terminal bool // what would move a terminal's cursor is escaped
}

// Text writes a header for each difference, which names the object, and the
// difference. Nothing is written where there are none.
func Text(differences []Difference, style Style) []byte {
	var b bytes.Buffer
	paint := func(color, line string) {
		if style.Color && color != "" {
			line = "\x1b[" + color + "m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	for _, d := range differences {
		subject := filepath.Base(d.File)
		if d.Object != nil {
			subject = d.Object.String()
		}
		paint("1", subject+" "+string(d.Change))
		for i, line := range strings.Split(strings.TrimSuffix(d.Diff, "\n"), "\n") {
			if style.Terminal {
				line = printable(line)
			}
			paint(lineColor(i, line), line)
		}
	}
	return b.Bytes()
}

// lineColor gives the SGR parameters of a line of a diff, as git has them.
func lineColor(i int, line string) string {
	switch {
	case i < 2:
		return "1"
	case strings.HasPrefix(line, "@@"):
		return "36"
	case strings.HasPrefix(line, "+"):
		return "32"
	case strings.HasPrefix(line, "-"):
		return "31"
	}
	return ""
}

// printable escapes what is no character to be seen, as Go writes it in strings.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\t' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// JSON gives differences as a list, which may be empty.
func JSON(differences []Difference) ([]byte, error) {
	if differences == nil {
		differences = []Difference{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(differences); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Summary counts changes: "1 added, 2 removed".
func Summary(changes []Change) string {
	var parts []string
	for _, action := range []Action{Added, Changed, Removed} {
		n := 0
		for _, c := range changes {
			if c.Action == action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing")
}
