package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// output is one file of CUE on its way.
type output struct {
	source string // the file that it is made of; empty where it is made of several
	name   string // slash path, with .cue
	pkg    string
	items  []*item
}

// layOut gives each file that is imported one of CUE: DIR/a/b.yaml becomes
// a/b.cue. With single, all of them make one file.
func layOut(sources []Source, items [][]*item, pkg string, single bool) []*output {
	if single {
		out := &output{pkg: pkg}
		for _, list := range items {
			out.items = append(out.items, list...)
		}
		if len(out.items) == 0 {
			return nil
		}
		return []*output{out}
	}
	var out []*output
	taken := map[string]bool{}
	for i, s := range sources {
		if len(items[i]) == 0 {
			continue
		}
		out = append(out, &output{source: s.File, name: outputName(s.Name, taken), items: items[i]})
	}
	packages := packageNames(out, pkg)
	for _, o := range out {
		o.pkg = packages[path.Dir(o.name)]
	}
	return out
}

// outputName gives the path of a file of CUE that is not taken, in any case of
// its letters. Names that CUE's loader passes over are changed: those that begin
// with "." or "_", the directories testdata and cue.mod, and files for cue's own
// tools and tests.
func outputName(name string, taken map[string]bool) string {
	parts := strings.Split(path.Clean("/" + name)[1:], "/")
	for i, part := range parts {
		if i == len(parts)-1 {
			part = strings.TrimSuffix(part, path.Ext(part))
			for _, special := range []string{"_test", "_tool"} {
				if rest, ok := strings.CutSuffix(part, special); ok {
					part = rest + "-" + special[1:]
				}
			}
		}
		part = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || strings.ContainsRune(`\:*?"<>|`, r) {
				return '-'
			}
			return r
		}, part)
		part = strings.TrimLeft(part, "._")
		switch part {
		case "testdata":
			part = "testdata-"
		case "cue.mod":
			part = "cue-mod"
		case "":
			part = "policies"
		}
		parts[i] = strings.TrimRight(part, " .")
	}
	base := strings.Join(parts, "/")
	out := base + ".cue"
	for n := 2; taken[strings.ToLower(out)]; n++ {
		out = fmt.Sprintf("%s-%d.cue", base, n)
	}
	taken[strings.ToLower(out)] = true
	return out
}

// packageNames gives each directory the name of its package. CUE unifies a
// package with the files of the same name in the directories above it, up to the
// module's root; so a directory below another that holds files gets a name of
// its own, made of its path.
func packageNames(files []*output, pkg string) map[string]string {
	dirs := map[string]bool{}
	for _, f := range files {
		dirs[path.Dir(f.name)] = true
	}
	var sorted []string
	for d := range dirs {
		sorted = append(sorted, d)
	}
	slices.Sort(sorted)
	names := map[string]string{}
	for _, d := range sorted {
		above := map[string]bool{}
		for up := d; up != "."; {
			up = path.Dir(up)
			if name := names[up]; dirs[up] {
				above[name] = true
			}
		}
		if len(above) == 0 {
			names[d] = pkg
			continue
		}
		parts := strings.Split(d, "/")
		name := ""
		for i := len(parts) - 1; i >= 0 && (name == "" || above[name]); i-- {
			name = packageName(strings.Join(parts[i:], "_"))
		}
		for base, n := name, 2; above[name]; n++ {
			name = fmt.Sprintf("%s%d", base, n)
		}
		names[d] = name
	}
	return names
}

// packageName makes a CUE package's name of a text.
func packageName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	name := strings.Trim(b.String(), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' || keywords[name] {
		name = "p" + name
	}
	return name
}

// identity is that of the object which the item builds: its namespace is always
// written out.
func (i *item) identity() spec.Identity {
	id := spec.IdentityOf(i.object.Node)
	if i.field != "resources" {
		id.Namespace = i.namespace
	}
	return id
}

func (i *item) metadataName() string { return i.object.Node.Get("metadata").Get("name").Str() }

// packagesOf groups files by the package that they make, in order.
func packagesOf(files []*output) [][]*output {
	var out [][]*output
	index := map[string]int{}
	for _, f := range files {
		key := path.Dir(f.name) + ":" + f.pkg
		at, ok := index[key]
		if !ok {
			at = len(out)
			index[key] = at
			out = append(out, nil)
		}
		out[at] = append(out[at], f)
	}
	return out
}

// keep leaves one of several objects that are the same one: the first. CUE would
// unify them silently where they agree, and refuse the package where they do
// not.
func keep(files []*output) diag.List {
	var diags diag.List
	first := map[spec.Identity]*item{}
	for _, f := range files {
		f.items = slices.DeleteFunc(f.items, func(i *item) bool {
			earlier := first[i.identity()]
			if earlier == nil {
				first[i.identity()] = i
				return false
			}
			diags = append(diags, diag.Diagnostic{
				Code: diag.DuplicateObject, Pos: position(i.object, i.object.Node), Path: objectName(i.object.Node),
				Message: "the same object is there twice in one package: the first is imported",
				Hint:    "drop one of them, or import the files into packages of their own",
				Related: []diag.Related{{Pos: position(earlier.object, earlier.object.Node), Message: "the first"}},
			})
			return true
		})
	}
	return diags
}

// keyResources gives the resources of a package their keys: the object's name,
// with the kind where two share it, and the namespace where that is not enough.
func keyResources(files []*output) {
	var all []*item
	for _, f := range files {
		for _, i := range f.items {
			if i.field == "resources" {
				all = append(all, i)
			}
		}
	}
	kind := func(i *item) string { return strings.ToLower(i.object.Node.Get("kind").Str()) }
	forms := []func(*item) string{
		func(i *item) string { return i.metadataName() },
		func(i *item) string { return kind(i) + "-" + i.metadataName() },
		func(i *item) string { return kind(i) + "-" + i.identity().Namespace + "-" + i.metadataName() },
		func(i *item) string { return fmt.Sprintf("%s-%s", i.identity().Group, i.name) },
	}
	for _, i := range all {
		i.name = forms[0](i)
	}
	for _, form := range forms[1:] {
		uses := map[string]int{}
		for _, i := range all {
			uses[i.name]++
		}
		for _, i := range all {
			if uses[i.name] > 1 {
				i.name = form(i)
			}
		}
	}
}
