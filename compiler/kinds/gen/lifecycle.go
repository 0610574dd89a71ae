package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// old adds the kinds that were removed before the first OpenAPI document and
// of which k8s.io/api has no types any more, from Kubernetes' deprecation guide
// (https://kubernetes.io/docs/reference/using-api/deprecation-guide/) and the
// changelogs of 1.20 and 1.21.
func (t table) old() {
	for _, k := range []struct {
		group, kind, plural string
		namespaced          bool
		version, removed    string
	}{
		{"admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false, "v1beta1", "1.22"},
		{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false, "v1beta1", "1.22"},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false, "v1beta1", "1.22"},
		{"apiregistration.k8s.io", "APIService", "apiservices", false, "v1beta1", "1.22"},
		{"auditregistration.k8s.io", "AuditSink", "auditsinks", false, "v1alpha1", "1.19"},
		{"batch", "CronJob", "cronjobs", true, "v2alpha1", "1.21"},
		{"extensions", "PodSecurityPolicy", "podsecuritypolicies", false, "v1beta1", "1.16"},
		{"settings.k8s.io", "PodPreset", "podpresets", true, "v1alpha1", "1.20"},
	} {
		e := t.entry(k.group, k.kind)
		if _, known := e.versions[k.version]; !known {
			e.plural, e.namespaced = k.plural, k.namespaced
			e.versions[k.version] = k.removed
		}
	}
}

// notServed are groups of k8s.io/api that no API server serves as resources.
var notServed = []string{"admission.k8s.io", "apidiscovery.k8s.io", "imagepolicy.k8s.io"}

// goType is a kind as the types of k8s.io/api have it.
type goType struct {
	group, version, kind string
	namespaced           bool
	removed              int // the minor version that removed it; 0 where nothing says
	subresources         map[string]string
}

// types completes what the OpenAPI documents up to release last say, by the
// module of release newest: what was removed before the first document, and
// what the releases after the last brought and took.
func (t table) types(dir string, last, newest int) error {
	found, err := readTypes(dir)
	if err != nil {
		return err
	}
	then, err := samples(dir, fmt.Sprintf("v1.%d.0", last))
	if err != nil {
		return err
	}
	now, err := samples(dir, "HEAD")
	if err != nil {
		return err
	}
	for key, e := range t {
		for v, removed := range e.versions {
			if name := sample(key.group, v, key.kind); removed == "" && then[name] && !now[name] {
				e.versions[v] = fmt.Sprintf("1.%d", last+1)
			}
		}
	}
	for _, g := range found {
		if slices.Contains(notServed, g.group) {
			continue
		}
		gone := g.removed > 0 && g.removed <= newest
		e := t[groupKind{g.group, g.kind}]
		if e != nil {
			if removed, known := e.versions[g.version]; known {
				if removed == "" && gone && g.removed > last {
					e.versions[g.version] = fmt.Sprintf("1.%d", g.removed)
				}
				continue
			}
		}
		name := sample(g.group, g.version, g.kind)
		if !gone && (then[name] || !now[name]) {
			continue // a type of a subresource, or a version that is gone for longer
		}
		e = t.entry(g.group, g.kind)
		e.versions[g.version] = ""
		if gone {
			e.versions[g.version] = fmt.Sprintf("1.%d", g.removed)
		}
		if e.plural == "" {
			e.plural, e.namespaced = plural(g.kind), g.namespaced
			maps.Copy(e.subresources, g.subresources)
		}
	}
	return nil
}

// samples lists the objects that k8s.io/api keeps of each kind of a release.
func samples(dir, release string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "testdata", release, "*.json"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no testdata of %s", dir, release)
	}
	names := map[string]bool{}
	for _, file := range files {
		names[strings.TrimSuffix(filepath.Base(file), ".json")] = true
	}
	return names, err
}

// sample names the file of a kind in k8s.io/api's testdata, without its ending.
func sample(group, version, kind string) string {
	return strings.Join([]string{cmp.Or(group, "core"), version, kind}, ".")
}

var (
	groupConst = regexp.MustCompile(`const GroupName = "([^"]*)"`)
	removedIn  = regexp.MustCompile(`func \(in \*(\w+)\) APILifecycleRemoved\(\) \(major, minor int\) \{\s*return 1, (\d+)`)
	methodTag  = regexp.MustCompile(`\+genclient:method=\w+,verb=\w+,subresource=scale\b`)
	versionDir = regexp.MustCompile(`^v\d+((alpha|beta)\d+)?$`)
)

// readTypes reads the types that have a client, in the order of their files.
func readTypes(dir string) ([]goType, error) {
	var found []goType
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !versionDir.MatchString(d.Name()) {
			return err
		}
		register, err := os.ReadFile(filepath.Join(path, "register.go"))
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		m := groupConst.FindSubmatch(register)
		if m == nil {
			return fmt.Errorf("%s: no GroupName", path)
		}
		removed, err := readRemoved(filepath.Join(path, "zz_generated.prerelease-lifecycle.go"))
		if err != nil {
			return err
		}
		types, err := readFile(filepath.Join(path, "types.go"), string(m[1]), d.Name())
		for _, g := range types {
			g.removed = removed[g.kind]
			found = append(found, g)
		}
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: no types", dir)
	}
	return found, err
}

// readRemoved reads the releases that removed the kinds of a version; where
// there is no such file, nothing is planned to be.
func readRemoved(path string) (map[string]int, error) {
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	out := map[string]int{}
	for _, m := range removedIn.FindAllSubmatch(text, -1) {
		if out[string(m[1])], err = strconv.Atoi(string(m[2])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readFile(path, group, version string) ([]goType, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	// The tags stand in a comment of their own above the type's.
	tags := func(decl *ast.GenDecl, after token.Pos) string {
		var b strings.Builder
		for _, group := range f.Comments {
			if group.Pos() > after && group.End() < decl.TokPos {
				for _, c := range group.List {
					b.WriteString(c.Text + "\n")
				}
			}
		}
		return b.String()
	}
	var found []goType
	after := f.Name.End()
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE || len(d.Specs) != 1 {
			after = decl.End()
			continue
		}
		text := tags(d, after)
		after = decl.End()
		s, isStruct := d.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType)
		if !isStruct || !strings.Contains(text, "+genclient\n") || strings.Contains(text, "+genclient:noVerbs") {
			continue
		}
		g := goType{
			group: group, version: version, kind: d.Specs[0].(*ast.TypeSpec).Name.Name,
			namespaced:   !strings.Contains(text, "+genclient:nonNamespaced"),
			subresources: map[string]string{},
		}
		hasStatus := slices.ContainsFunc(s.Fields.List, func(field *ast.Field) bool {
			return len(field.Names) == 1 && field.Names[0].Name == "Status"
		})
		if hasStatus && !strings.Contains(text, "+genclient:noStatus") {
			g.subresources["status"] = g.kind
		}
		if methodTag.MatchString(text) {
			g.subresources["scale"] = "Scale"
		}
		found = append(found, g)
	}
	return found, nil
}

// plural forms a kind's plural as Kubernetes' generators do.
func plural(kind string) string {
	name := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(name, "s"), strings.HasSuffix(name, "x"), strings.HasSuffix(name, "ch"), strings.HasSuffix(name, "sh"):
		return name + "es"
	case strings.HasSuffix(name, "y") && len(name) > 1 && !strings.ContainsRune("aeiou", rune(name[len(name)-2])):
		return name[:len(name)-1] + "ies"
	}
	return name + "s"
}
