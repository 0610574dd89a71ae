package krm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// Config is what a functionConfig asks for, in the words of kcue build.
type Config struct {
	Packages []string // as arguments; "." where the functionConfig names none
	Tags     []string // key=value
	Names    []string
	Target   string // empty for the default
}

// Mistake is what is wrong with a functionConfig.
type Mistake struct {
	Path    string // of the field, such as spec.packages[0]
	Message string
	Hint    string
}

// Mistakes is everything that is wrong with a functionConfig.
type Mistakes []Mistake

// Error gives a line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.text()
		if mistake.Path != "" {
			lines[i] = mistake.Path + ": " + lines[i]
		}
		lines[i] = "functionConfig: " + lines[i]
	}
	return strings.Join(lines, "\n")
}

// Results gives the mistakes as results.
func (m Mistakes) Results() []Result {
	out := make([]Result, len(m))
	for i, mistake := range m {
		out[i] = Result{Message: mistake.text(), Path: mistake.Path}
	}
	return out
}

func (m Mistake) text() string {
	if m.Hint != "" {
		return m.Message + ": " + m.Hint
	}
	return m.Message
}

// Config reads the functionConfig, whose packages are relative to dir. Its
// error is of type Mistakes: an unknown field, a value of another type, and a
// package that does not lie at or below dir, be it by its name or by a link.
func (l *ResourceList) Config(dir string) (Config, error) {
	c := configReader{dir: dir}
	c.read(l.function)
	if len(c.mistakes) > 0 {
		return Config{}, c.mistakes
	}
	if len(c.config.Packages) == 0 {
		c.config.Packages = []string{"."}
	}
	return c.config, nil
}

type configReader struct {
	dir      string
	config   Config
	mistakes Mistakes
}

func (c *configReader) mistake(path, format string, args ...any) *Mistake {
	c.mistakes = append(c.mistakes, Mistake{Path: path, Message: fmt.Sprintf(format, args...)})
	return &c.mistakes[len(c.mistakes)-1]
}

func (c *configReader) read(n *spec.Node) {
	if n == nil {
		c.mistake("", "there is none: expected a %s of %s that names the packages", Kind, APIVersion)
		return
	}
	if n.Get("apiVersion").Str() != APIVersion || n.Get("kind").Str() != Kind {
		c.mistake("", "is %s: expected a %s of %s", described(n), Kind, APIVersion)
		return
	}
	c.fields(n, "", []string{"apiVersion", "kind", "metadata", "spec"}, func(name string, value *spec.Node) {
		if name == "spec" {
			c.spec(value)
		}
	})
}

func (c *configReader) spec(n *spec.Node) {
	if n.Kind == spec.Null {
		return
	}
	c.fields(n, "spec", []string{"packages", "inject", "names", "target"}, func(name string, value *spec.Node) {
		path := "spec." + name
		switch name {
		case "packages":
			c.strings(value, path, func(path, pkg string) {
				if c.inside(path, pkg) {
					c.config.Packages = append(c.config.Packages, pkg)
				}
			})
		case "inject":
			c.tags(value, path)
		case "names":
			c.strings(value, path, func(_, name string) { c.config.Names = append(c.config.Names, name) })
		case "target":
			if value.Kind != spec.String {
				c.mistake(path, "expected a string, not a %s", value.Kind)
				return
			}
			c.target(value.Text, path)
		}
	})
}

func (c *configReader) target(target, path string) {
	if !slices.Contains(lower.Targets(), target) {
		c.mistake(path, "unknown target %q: expected %s", target, strings.Join(lower.Targets(), " or "))
	}
	c.config.Target = target
}

// fields calls f with each known field of a struct.
func (c *configReader) fields(n *spec.Node, path string, known []string, f func(name string, value *spec.Node)) {
	if n.Kind != spec.Struct {
		c.mistake(path, "expected a mapping, not a %s", n.Kind)
		return
	}
	for _, field := range n.Fields {
		if slices.Contains(known, field.Name) {
			f(field.Name, field.Value)
			continue
		}
		at := spec.Label(field.Name)
		if path != "" {
			at = path + "." + at
		}
		m := c.mistake(at, "unknown field %q: expected %s", field.Name, strings.Join(known, ", "))
		if near := diag.Nearest(field.Name, known); near != "" {
			m.Message = fmt.Sprintf("unknown field %q", field.Name)
			m.Hint = fmt.Sprintf("did you mean %q?", near)
		}
	}
}

func (c *configReader) strings(n *spec.Node, path string, f func(path, value string)) {
	if n.Kind != spec.List {
		c.mistake(path, "expected a list of strings, not a %s", n.Kind)
		return
	}
	for i, item := range n.Items {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case item.Kind != spec.String:
			c.mistake(at, "expected a string, not a %s", item.Kind)
		case item.Text == "":
			c.mistake(at, "is empty")
		default:
			f(at, item.Text)
		}
	}
}

func (c *configReader) tags(n *spec.Node, path string) {
	if n.Kind != spec.Struct {
		c.mistake(path, "expected a mapping of tags to values, such as env: prod, not a %s", n.Kind)
		return
	}
	for _, f := range n.Fields {
		at := path + "." + spec.Label(f.Name)
		switch f.Value.Kind {
		case spec.String, spec.Number, spec.Bool:
			if f.Name == "" || strings.Contains(f.Name, "=") {
				c.mistake(at, "%q is no name of a tag", f.Name)
				continue
			}
			c.config.Tags = append(c.config.Tags, f.Name+"="+f.Value.Text)
		default:
			c.mistake(at, "expected a string, not a %s", f.Value.Kind)
		}
	}
}

// inside reports whether a package, as an argument names it, lies at or below
// the directory. What is not there is the loader's to report.
func (c *configReader) inside(at, pkg string) bool {
	const expected = "expected a package at or below the directory of the kustomization, such as ./..."
	if pkg == "-" {
		c.mistake(at, "standard input holds the ResourceList: %s", expected)
		return false
	}
	name := pkg
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	name = filepath.FromSlash(strings.TrimSuffix(name, "..."))
	if name == "" {
		name = "."
	}
	if !filepath.IsLocal(name) {
		c.mistake(at, "%q leads out of the directory: %s", pkg, expected)
		return false
	}
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		c.mistake(at, "the directory cannot be read: %v", err)
		return false
	}
	defer root.Close()
	if _, err := root.Stat(name); err == nil {
		return true
	}
	if _, err := os.Stat(filepath.Join(c.dir, name)); err == nil {
		c.mistake(at, "%q is a link that leads out of the directory: %s", pkg, expected)
		return false
	}
	return true
}
