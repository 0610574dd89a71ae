package importer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// suites turns the suites of Kyverno's command line into tests of the policies
// that are imported.
type suites struct {
	files    []*output
	policies map[string][]*item // by file
	diags    diag.List
	tests    map[*output][]*item
	names    map[string]map[string]bool // of tests, by package
}

// addTests adds a file of tests beside each file of policies that a suite is
// about. What a test cannot say is a warning: nothing is dropped silently.
func addTests(files []*output, list []Suite, options Options) ([]*output, int, diag.List) {
	s := &suites{files: files, policies: map[string][]*item{}, tests: map[*output][]*item{}, names: map[string]map[string]bool{}}
	for _, f := range files {
		for _, i := range f.items {
			key := filepath.Clean(i.object.File)
			s.policies[key] = append(s.policies[key], i)
		}
	}
	for _, one := range list {
		s.suite(one)
	}
	taken := map[string]bool{}
	for _, f := range files {
		taken[strings.ToLower(f.name)] = true
	}
	var out []*output
	count := 0
	for _, f := range files {
		out = append(out, f)
		list := s.tests[f]
		list = slices.DeleteFunc(list, s.wrong(f, list, options))
		if len(list) == 0 {
			continue
		}
		count += len(list)
		if options.Single {
			f.items = append(f.items, list...)
			continue
		}
		base := strings.TrimSuffix(f.name, ".cue") + "-tests"
		name := base + ".cue"
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s-%d.cue", base, n)
		}
		taken[strings.ToLower(name)] = true
		out = append(out, &output{source: f.source, name: name, pkg: f.pkg, items: list})
	}
	return out, count, s.diags
}

// wrong compiles tests with the policies that they are about, and tells those
// that do not fit the authoring model.
func (s *suites) wrong(f *output, tests []*item, options Options) func(*item) bool {
	refused := map[*item]bool{}
	for len(tests) > 0 && options.Build != nil {
		batch := slices.Concat(f.items, slices.DeleteFunc(slices.Clone(tests), func(i *item) bool { return refused[i] }))
		_, found := options.Build(batchSource(batch))
		if !found.HasErrors() {
			break
		}
		bad, about := blame(batch, errorsOf(found))
		before := len(refused)
		for n, i := range bad {
			if i.field == "tests" && !refused[i] {
				refused[i] = true
				d := about[min(n, len(about)-1)]
				d.Code, d.Severity = diag.UnsayableRow, diag.Warning
				s.diags = append(s.diags, d)
			}
		}
		if len(refused) == before {
			break
		}
	}
	return func(i *item) bool { return refused[i] }
}

// suiteFile is a suite while its rows are read.
type suiteFile struct {
	path      string
	dir       string
	root      string
	policies  []*item
	triggers  []*spec.Node
	targets   []*spec.Node
	values    *spec.Node
	user      *spec.Node
	context   *spec.Node // what every test is given
	namespace map[string]*spec.Node
	others    []*spec.Node // resources of the cluster that are not asked about
}

func (s *suites) warn(file *suiteFile, at *spec.Node, what, message string) {
	pos := diag.Position{File: filepath.ToSlash(file.path)}
	if at != nil && at.Pos.IsValid() {
		pos.Line, pos.Column = at.Pos.Line(), at.Pos.Column()
	}
	s.diags = append(s.diags, diag.Diagnostic{Code: diag.UnsayableRow, Severity: diag.Warning, Pos: pos, Path: what, Message: message})
}

// suite reads the suites of a file.
func (s *suites) suite(one Suite) {
	path := one.File
	file := &suiteFile{path: path, dir: filepath.Dir(path), root: one.Root}
	data, err := readBounded(path)
	if err != nil {
		s.warn(file, nil, "", "cannot be read: "+diag.Reason(err).Error())
		return
	}
	docs, err := spec.ParseYAML(path, data)
	if err != nil {
		s.warn(file, nil, "", "is no YAML: "+err.Error())
		return
	}
	for _, doc := range docs {
		s.document(&suiteFile{path: path, dir: filepath.Dir(path), root: one.Root}, doc)
	}
}

// unsayable are fields of a suite that no test can say.
var unsayable = []string{"jsonPayload", "jsonPayloads", "httpPayloads", "envoyPayloads", "exceptions", "policyExceptions", "paramResources", "clusterResources"}

func (s *suites) document(file *suiteFile, doc *spec.Node) {
	for _, name := range unsayable {
		if v := doc.Get(name); !isEmpty(v) && v.Str() != "" || !isEmpty(v) && v.Kind == spec.List {
			s.warn(file, v, name, "the suite is not imported: a test cannot say "+name)
			return
		}
	}
	for _, name := range doc.Get("policies").Strings() {
		file.policies = append(file.policies, s.policies[filepath.Clean(filepath.Join(file.dir, filepath.FromSlash(name)))]...)
	}
	if len(file.policies) == 0 {
		s.warn(file, doc.Get("policies"), "policies", "the suite is not imported: none of its policies is")
		return
	}
	var err error
	for _, list := range []struct {
		field string
		into  *[]*spec.Node
	}{{"resources", &file.triggers}, {"targetResources", &file.targets}} {
		for _, name := range doc.Get(list.field).Strings() {
			var found []*spec.Node
			if found, err = file.resources(name); err != nil {
				s.warn(file, doc.Get(list.field), list.field, "the suite is not imported: "+err.Error())
				return
			}
			*list.into = append(*list.into, found...)
		}
	}
	if err := file.given(doc); err != nil {
		s.warn(file, doc, "", "the suite is not imported: "+err.Error())
		return
	}
	rows := doc.Get("results")
	if rows == nil {
		return
	}
	for n, row := range rows.Items {
		if err := s.row(file, row); err != nil {
			s.warn(file, row, fmt.Sprintf("results[%d]", n), err.Error())
		}
	}
}

// named gives the path of a file that the suite names, which may not lie, nor
// lead, out of the directory that the user named.
func (file *suiteFile) named(name string) (string, error) {
	path := filepath.Join(file.dir, filepath.FromSlash(strings.TrimSpace(name)))
	root, err := filepath.EvalSymlinks(file.root)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", name, diag.Reason(err))
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", name, diag.Reason(err))
	}
	if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is outside of %s, and not read", name, file.root)
	}
	return path, nil
}

// resources reads the Kubernetes objects of a file that the suite names.
func (file *suiteFile) resources(name string) ([]*spec.Node, error) {
	var out []*spec.Node
	path, err := file.named(name)
	if err != nil {
		return nil, err
	}
	for o, err := range manifest.Located([]string{path}, nil) {
		if err != nil {
			var mistake *manifest.Error
			if errors.As(err, &mistake) {
				err = errors.New(mistake.Message)
			}
			return nil, fmt.Errorf("%s cannot be read: %w", name, err)
		}
		out = append(out, o.Node)
	}
	return out, nil
}

// row makes tests of one row: one for each of its resources.
func (s *suites) row(file *suiteFile, row *spec.Node) error {
	var about *item
	for _, i := range file.policies {
		ref := i.metadataName()
		if i.namespace != "" {
			ref = i.namespace + "/" + ref
		}
		if name := row.Get("policy").Str(); name == ref || name == i.metadataName() {
			about = i
			break
		}
	}
	if about == nil {
		return fmt.Errorf("the policy %q is not imported", row.Get("policy").Str())
	}
	expect := row.Get("result").Str()
	subjects, err := file.subjects(row)
	if err != nil {
		return err
	}
	if len(subjects) == 0 {
		return fmt.Errorf("the row names no resource of the suite")
	}
	rule := file.rule(about, row.Get("rule").Str())
	if rule == "" && row.Get("rule").Str() != "" && about.field != "validatingPolicies" && strings.HasSuffix(about.field, "olicies") && about.node.Has("rules") {
		return fmt.Errorf("the policy has no rule %q", row.Get("rule").Str())
	}
	for _, subject := range subjects {
		test, err := file.test(about, rule, row, subject, len(subjects))
		if err != nil {
			return err
		}
		if expect == "skip" && !concerns(about.object.Node, rule, subject, test.Get("operation").Str()) {
			// The suite has one word for both.
			set(test, "expect", spec.NewString("unmatched", row.Pos))
		}
		s.add(file, about, rule, row, subject, test)
	}
	return nil
}

// rule gives the rule that a row is about: where it names a rule that autogen
// makes, the one that it is made of.
func (file *suiteFile) rule(about *item, name string) string {
	rules := about.node.Get("rules")
	for _, candidate := range []string{name, strings.TrimPrefix(name, "autogen-cronjob-"), strings.TrimPrefix(name, "autogen-")} {
		if rules.Has(candidate) {
			return candidate
		}
	}
	return ""
}

// subjects finds the resources that a row is about.
func (file *suiteFile) subjects(row *spec.Node) ([]*spec.Node, error) {
	names := row.Get("resources").Strings()
	if old := row.Get("resource").Str(); old != "" {
		names = append(names, old)
	}
	if row.Has("resourceSpecs") {
		return nil, fmt.Errorf("resourceSpecs is not imported")
	}
	kind := row.Get("kind").Str()
	kind = kind[strings.LastIndexByte(kind, '/')+1:]
	of := func(o *spec.Node, name string) bool {
		if kind != "" && kind != "*" && o.Get("kind").Str() != kind {
			return false
		}
		namespace, plain, qualified := strings.Cut(name, "/")
		if !qualified {
			namespace, plain = "", name
		}
		m := o.Get("metadata")
		return (name == "" || m.Get("name").Str() == plain) && (!qualified || sameNamespace(m.Get("namespace").Str(), namespace))
	}
	var out []*spec.Node
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(file.triggers), func(o *spec.Node) bool { return !of(o, name) })
		if len(found) == 0 && name != "" {
			if slices.ContainsFunc(file.targets, func(o *spec.Node) bool { return of(o, name) }) {
				if len(file.triggers) != 1 {
					return nil, fmt.Errorf("the row is about %q, which several resources may change", name)
				}
				found = file.triggers
			} else {
				return nil, fmt.Errorf("the suite has no resource %q", name)
			}
		}
		for _, o := range found {
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

func sameNamespace(a, b string) bool {
	return a == b || a == "" && b == "default" || a == "default" && b == ""
}

// verbs say what a policy does to a resource, in the names of tests.
var verbs = map[string]string{"pass": "passes", "fail": "fails", "skip": "is skipped", "warn": "warns", "error": "is an error", "unmatched": "is not matched"}

// add adds a test under a name of its own.
func (s *suites) add(file *suiteFile, about *item, rule string, row, subject, test *spec.Node) {
	var out *output
	for _, f := range s.files {
		if slices.Contains(f.items, about) {
			out = f
		}
	}
	policy := test.Get("policy").Str()
	if rule != "" && rule != policy {
		policy += "/" + rule
	}
	base := fmt.Sprintf("%s: %s %s", policy, subject.Get("metadata").Get("name").Str(), verbs[test.Get("expect").Str()])
	pkg := filepath.Dir(out.name) + ":" + out.pkg
	if s.names[pkg] == nil {
		s.names[pkg] = map[string]bool{}
	}
	name := base
	for n := 2; s.names[pkg][name]; n++ {
		name = fmt.Sprintf("%s (%d)", base, n)
	}
	s.names[pkg][name] = true
	s.tests[out] = append(s.tests[out], &item{
		object: manifest.Object{Node: row, File: filepath.ToSlash(file.path)},
		field:  "tests", name: name, node: test, uses: map[*spec.Node]string{},
	})
}

// test makes the test of a resource.
func (file *suiteFile) test(about *item, rule string, row, subject *spec.Node, subjects int) (*spec.Node, error) {
	test := spec.NewStruct(row.Pos)
	policy := about.metadataName()
	if about.namespace != "" {
		policy = about.namespace + "/" + policy
	}
	text := func(name, value string) { set(test, name, spec.NewString(value, token.NoPos)) }
	text("policy", policy)
	if rule != "" {
		text("rule", rule)
	}
	set(test, "resource", inTest(subject))
	operation, context, err := file.valuesOf(about, rule, subject)
	if err != nil {
		return nil, err
	}
	if own := row.Get("operation").Str(); own != "" {
		operation = own
	}
	if operation == "UPDATE" || operation == "DELETE" {
		// Kyverno's command line takes the resource for what it was before.
		set(test, "oldResource", inTest(subject))
	}
	if operation != "" {
		text("operation", operation)
	}
	if file.user != nil {
		set(test, "userInfo", file.user)
	}
	namespace := subject.Get("metadata").Get("namespace").Str()
	if subject.Get("kind").Str() == "Namespace" {
		namespace = subject.Get("metadata").Get("name").Str()
	}
	if labels := file.namespace[namespace]; labels != nil {
		set(test, "namespaceLabels", labels)
	}
	if clone := row.Get("cloneSourceResource").Str(); clone != "" {
		found, err := file.resources(clone)
		if err != nil {
			return nil, err
		}
		context = withResources(context, found)
	}
	reads := lookUps(about.object.Node)
	context = withResources(context, slices.DeleteFunc(slices.Concat(file.others, file.targets, file.triggers), func(o *spec.Node) bool {
		return o == subject || !reads(o)
	}))
	if context != nil && len(context.Fields) > 0 {
		set(test, "context", context)
	}
	set(test, "expect", or(row.Get("result"), spec.NewString("", row.Pos)))
	if err := file.outcome(test, row, subject, subjects); err != nil {
		return nil, err
	}
	return test, nil
}

// outcome adds what the policy must make of the resource.
func (file *suiteFile) outcome(test, row, subject *spec.Node, subjects int) error {
	patched := row.Get("patchedResources").Str()
	if patched == "" {
		patched = row.Get("patchedResource").Str()
	}
	if patched != "" && row.Get("result").Str() == "pass" {
		if len(file.policies) > 1 {
			return fmt.Errorf("patchedResources is what several policies make of the resource, and a test is about one")
		}
		found, err := file.resources(patched)
		if err != nil {
			return err
		}
		candidates := append([]*spec.Node{subject}, file.targets...)
		var as *spec.Node
		for _, o := range found {
			if slices.ContainsFunc(candidates, func(c *spec.Node) bool { return sameObject(o, c) }) {
				as = o
				break
			}
		}
		if as == nil {
			return fmt.Errorf("%s has no %s", patched, subject.Get("metadata").Get("name").Str())
		}
		set(test, "patched", inNamespaceOf(as, subject))
	}
	generated := row.Get("generatedResources").Strings()
	if one := row.Get("generatedResource").Str(); one != "" {
		generated = append(generated, one)
	}
	if len(generated) == 0 || row.Get("result").Str() != "pass" {
		return nil
	}
	list := spec.NewList(row.Pos)
	for _, name := range generated {
		found, err := file.resources(name)
		if err != nil {
			return err
		}
		for _, o := range found {
			list.Items = append(list.Items, inTest(o))
		}
	}
	if len(list.Items) > 1 && subjects > 1 {
		return fmt.Errorf("the generated resources are those of several resources, and a test is about one")
	}
	set(test, "generated", list)
	return nil
}

func sameObject(a, b *spec.Node) bool {
	x, y := a.Get("metadata"), b.Get("metadata")
	return a.Get("kind").Str() == b.Get("kind").Str() && a.Get("apiVersion").Str() == b.Get("apiVersion").Str() &&
		x.Get("name").Str() == y.Get("name").Str() && sameNamespace(x.Get("namespace").Str(), y.Get("namespace").Str())
}

// inNamespaceOf gives an expected resource the namespace of the one that it is
// compared with: one of the two may leave the default namespace unsaid.
func inNamespaceOf(o, like *spec.Node) *spec.Node {
	o = inTest(o)
	m, namespace := o.Get("metadata"), like.Get("metadata").Get("namespace")
	if namespace == nil || !sameObject(o, like) {
		return o
	}
	return o.With("metadata", m.With("namespace", namespace))
}

// inTest gives a copy of a resource for a test, in which null stays what it is:
// to a policy, a field that is null is there. In metadata it is what tools write
// for what is not.
func inTest(o *spec.Node) *spec.Node {
	out := (&converter{}).copied(o)
	if m := out.Get("metadata"); m != nil {
		dropAllNulls(m)
	}
	return out
}
