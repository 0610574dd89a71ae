package kyvernotest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/kyverno/kyverno/cmd/cli/kubectl-kyverno/apis/v1alpha1"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kcue.dev/evaluator"
	"kcue.dev/protocol"
)

// suite is one document of a suite's file, with all that it names.
type suite struct {
	path    string
	files   *tree
	dir     string
	options Options
	cache   *evaluator.Cache

	test v1alpha1.Test
	// positions has the place of each row.
	positions []string
	// problems are what is wrong with the suite as a whole.
	problems []string

	policies   []policy
	exceptions []unstructured.Unstructured
	// triggers are the resources of requests, targets those that rules with
	// mutate.targets may change.
	triggers, targets []*unstructured.Unstructured
	values            *v1alpha1.ValuesSpec
	user              v1alpha1.UserInfo
	lookups           evaluator.Values
	expected          map[string]expectedFile
}

// policy is a policy under test; refused says why a cluster would not have it.
type policy struct {
	object  *unstructured.Unstructured
	ref     evaluator.PolicyRef
	refused error
}

// loadSuite reads a suite and what it names. What cannot be read is a problem
// of the suite; the error is for a document that is no suite.
func loadSuite(path string, d document, files *tree, dir string, options Options) (*suite, error) {
	s := &suite{path: path, files: files, dir: dir, options: options, expected: map[string]expectedFile{}}
	if options.Cache != nil {
		s.cache = options.Cache.Fork()
	} else {
		s.cache = evaluator.NewCache()
	}
	if err := decode(d, "Test", &s.test); err != nil {
		return nil, err
	}
	s.positions = rowPositions(path, d, len(s.test.Results))
	if len(s.test.Results) == 0 {
		s.problem(errors.New("the suite has no results to check"))
	}
	for _, unsupported := range []struct {
		field string
		given bool
	}{
		{"jsonPayload", s.test.JSONPayload != "" || len(s.test.JSONPayloads) > 0},
		{"httpPayloads", len(s.test.HTTPPayloads) > 0},
		{"envoyPayloads", len(s.test.EnvoyPayloads) > 0},
	} {
		if unsupported.given {
			s.problem(fmt.Errorf("%s: only Kubernetes resources are evaluated", unsupported.field))
		}
	}
	s.loadPolicies()
	s.triggers = s.loadResources(s.test.Resources)
	s.targets = s.loadResources(s.test.TargetResources)
	s.loadValues()
	s.loadLookups()
	return s, nil
}

func (s *suite) problem(err error) {
	if err != nil {
		s.problems = append(s.problems, err.Error())
	}
}

// loadPolicies reads the policies and exceptions, from files and from the
// given objects.
func (s *suite) loadPolicies() {
	add := func(objects []*unstructured.Unstructured, from string) {
		for _, object := range objects {
			group := object.GroupVersionKind().Group
			switch kind := object.GetKind(); {
			case group != "kyverno.io" && group != "policies.kyverno.io":
				s.problem(fmt.Errorf("%s: %s %s is no policy of Kyverno's, and not evaluated", from, kind, object.GetName()))
			case kind == "PolicyException" || kind == "GlobalContextEntry":
				s.exceptions = append(s.exceptions, *object)
			default:
				p := policy{object: object, ref: evaluator.PolicyRef{APIVersion: object.GetAPIVersion(), Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()}}
				s.policies = append(s.policies, p)
			}
		}
	}
	if len(s.test.Policies) == 0 {
		for i := range s.options.Objects {
			add([]*unstructured.Unstructured{&s.options.Objects[i]}, "the compiled objects")
		}
	}
	for _, list := range [][]string{s.test.Policies, s.test.PolicyExceptions} {
		for _, name := range unique(list) {
			objects, err := s.files.objects(s.dir, name)
			if errors.Is(err, fs.ErrNotExist) {
				if named := s.named(name); len(named) > 0 {
					objects, err = named, nil
				}
			}
			if err == nil && len(objects) == 0 {
				err = fmt.Errorf("%s has no policy", name)
			}
			s.problem(err)
			add(objects, name)
		}
	}
	if len(s.policies) == 0 {
		s.problem(errors.New("the suite has no policies"))
	}
	if s.options.Reviewer == nil {
		return
	}
	for i := range s.policies {
		p := &s.policies[i]
		p.refused = s.cache.Accept(s.options.Reviewer, p.object, s.exceptions)
	}
}

// named finds the given objects of a name, "name" or "namespace/name".
func (s *suite) named(name string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for i := range s.options.Objects {
		object := &s.options.Objects[i]
		ref := evaluator.PolicyRef{Namespace: object.GetNamespace(), Name: object.GetName()}
		if ref.Key() == name {
			found = append(found, object)
		}
	}
	return found
}

// loadResources reads resource files. A resource that is given twice counts
// once, and is a problem where the two differ.
func (s *suite) loadResources(names []string) []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, name := range unique(names) {
		objects, err := s.files.objects(s.dir, name)
		s.problem(err)
		for _, object := range objects {
			twin := slices.IndexFunc(all, func(other *unstructured.Unstructured) bool { return sameResource(other, object) })
			switch {
			case twin < 0:
				all = append(all, object)
			case !equality.Semantic.DeepEqual(all[twin].Object, object.Object):
				s.problem(fmt.Errorf("%s: %s is given twice, with different content", name, resourceOf(object)))
			}
		}
	}
	return all
}

// loadLookups gathers what rules may look up: the other resources, and the
// answers and images that the suite gives.
func (s *suite) loadLookups() {
	namespaces, err := namespaces(s.values)
	s.problem(err)
	resources := slices.Concat(namespaces, s.triggers, s.targets)
	for _, name := range unique(s.test.ParamResources) {
		objects, err := s.files.objects(s.dir, name)
		s.problem(err)
		resources = append(resources, objects...)
	}
	for _, name := range unique(s.test.ClusterResources) {
		var cluster v1alpha1.ClusterResource
		if err := s.files.decodeFile(s.dir, name, "ClusterResource", &cluster); err != nil {
			s.problem(err)
			continue
		}
		resources = append(resources, cluster.Spec.Resources...)
		for _, crd := range cluster.Spec.CRDs {
			objects, err := s.files.objects(s.dir, crd)
			s.problem(err)
			resources = append(resources, objects...)
		}
	}
	for _, row := range s.test.Results {
		if row.CloneSourceResource == "" {
			continue
		}
		objects, err := s.files.objects(s.dir, row.CloneSourceResource)
		s.problem(err)
		resources = append(resources, objects...)
	}
	if s.test.Context != "" {
		var given v1alpha1.Context
		s.problem(s.files.decodeFile(s.dir, s.test.Context, "Context", &given))
		for i := range given.Resources {
			resources = append(resources, &given.Resources[i])
		}
		s.lookups.Images = images(given.Images)
	}
	if s.lookups.APICalls, err = apiCalls(s.test.APICallResponses); err != nil {
		s.problem(err)
	}
	if s.lookups.GlobalReferences, err = s.globalReferences(); err != nil {
		s.problem(err)
	}
	s.lookups.NamespaceLabels = namespaceLabels(s.values)
	for i, object := range resources {
		if !slices.ContainsFunc(resources[:i], func(other *unstructured.Unstructured) bool { return sameResource(other, object) }) {
			s.lookups.Resources = append(s.lookups.Resources, *object)
		}
	}
}

// sameResource tells that two objects are the same resource of a cluster. The
// default namespace may be left unsaid.
func sameResource(a, b *unstructured.Unstructured) bool {
	return a.GetKind() == b.GetKind() && a.GetName() == b.GetName() && a.GetAPIVersion() == b.GetAPIVersion() &&
		sameNamespace(a.GetNamespace(), b.GetNamespace())
}

func sameNamespace(a, b string) bool {
	return a == b || a == "" && b == "default" || a == "default" && b == ""
}

func resourceOf(o *unstructured.Unstructured) protocol.Resource {
	return protocol.Resource{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

func unique(names []string) []string {
	var kept []string
	for _, name := range names {
		if name = strings.TrimSpace(name); !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// rowPositions finds where the rows of a suite are written. A suite whose
// places cannot be told apart (an alias for its results) has that of the
// document for all.
func rowPositions(path string, d document, rows int) []string {
	positions := slices.Repeat([]string{fmt.Sprintf("%s:%d:1", path, d.line)}, rows)
	var root yamlv3.Node
	if err := yamlv3.Unmarshal(d.data, &root); err != nil || len(root.Content) == 0 {
		return positions
	}
	mapping := root.Content[0].Content
	for i := 0; i+1 < len(mapping); i += 2 {
		if mapping[i].Value != "results" || len(mapping[i+1].Content) != rows {
			continue
		}
		for n, row := range mapping[i+1].Content {
			positions[n] = fmt.Sprintf("%s:%d:%d", path, d.line+row.Line-1, row.Column)
		}
	}
	return positions
}
