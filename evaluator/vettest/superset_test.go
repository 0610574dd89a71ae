package vettest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/evaluator/admission"
)

// candidate is an object that Kyverno and kcue vet are both asked about.
type candidate struct {
	name    string
	object  *unstructured.Unstructured
	refused string // why Kyverno refuses it; empty where it does not
	errors  diag.List
}

// judge asks Kyverno and kcue vet about every candidate.
func judge(t *testing.T, candidates []candidate) {
	t.Helper()
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := crd.Load()
	if err != nil {
		t.Fatal(err)
	}
	log.SetLogger(logr.Discard())
	dir := t.TempDir()
	var wg sync.WaitGroup
	work := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				if err := reviewer.Accept(defaulted(schemas, candidates[i].object)); err != nil {
					candidates[i].refused = err.Error()
				}
			}
		})
	}
	for i := range candidates {
		data, err := json.MarshalIndent(candidates[i].object, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), data, 0o666); err != nil {
			t.Fatal(err)
		}
		work <- i
	}
	close(work)
	wg.Wait()
	vetted, err := compiler.Vet(compiler.Config{Dir: dir, Args: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if vetted.Files != len(candidates) {
		t.Errorf("%d of %d objects are vetted", vetted.Files, len(candidates))
	}
	for _, d := range vetted.Diagnostics {
		if d.Severity != diag.Error {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(filepath.Base(d.Pos.File), "%d.json", &i); err != nil {
			t.Fatalf("%v is at no file of ours", d)
		}
		candidates[i].errors = append(candidates[i].errors, d)
	}
}

// defaulted gives an object as the API server hands it to the webhook, which
// it has filled in defaults for: with mutateDigest, for one.
func defaulted(schemas *crd.Schemas, object *unstructured.Unstructured) *unstructured.Unstructured {
	data, err := object.MarshalJSON()
	if err != nil {
		return object
	}
	nodes, err := spec.ParseYAML("", data)
	if err != nil || len(nodes) != 1 || len(schemas.Check(nodes[0])) > 0 {
		return object
	}
	if data, err = schemas.DefaultLists(nodes[0]).MarshalJSON(); err != nil {
		return object
	}
	out := &unstructured.Unstructured{}
	if out.UnmarshalJSON(data) != nil {
		return object
	}
	return out
}

// validPolicies gives Kyverno's objects among the published policies and those
// that the examples and goldens compile to.
func validPolicies(t *testing.T) []candidate {
	t.Helper()
	var out []candidate
	add := func(name string, node *spec.Node) {
		if group, _, _ := strings.Cut(node.Get("apiVersion").Str(), "/"); group != "kyverno.io" && group != "policies.kyverno.io" {
			return
		}
		data, err := node.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(data); err != nil {
			return
		}
		out = append(out, candidate{name: name, object: object})
	}
	result, err := compiler.Compile(compiler.Config{Dir: "../../examples", Args: []string{"./..."}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range result.Objects {
		add(o.Path.String(), o.Node)
	}
	if len(out) == 0 {
		t.Fatal("the examples give no policies")
	}
	publishedObjects(t, func(file string, object *spec.Node) { add(file, object) })
	return out
}

// TestNoFalseAlarm holds that vet finds no error in what Kyverno accepts.
func TestNoFalseAlarm(t *testing.T) {
	candidates := validPolicies(t)
	judge(t, candidates)
	accepted := 0
	for _, c := range candidates {
		switch {
		case c.refused == "":
			accepted++
			if len(c.errors) > 0 {
				t.Errorf("%s: Kyverno accepts it, and vet does not:\n%v", c.name, c.errors)
			}
		case len(c.errors) == 0:
			t.Errorf("%s: Kyverno refuses it, and vet does not:\n%s", c.name, c.refused)
		}
	}
	t.Logf("%d of %d objects are accepted by both", accepted, len(candidates))
	if accepted < 250 {
		t.Errorf("only %d objects are accepted: that shows little", accepted)
	}
}

// TestSuperset breaks valid policies, each in every way that applies to it, and
// holds that vet refuses whatever Kyverno's own validation refuses.
func TestSuperset(t *testing.T) {
	if testing.Short() {
		t.Skip("breaks every published policy in every way")
	}
	const most = 25 // policies for each way
	var broken []candidate
	ways := map[string]int{}
	policies := validPolicies(t)
	for i, m := range mutations {
		// Each way begins at another policy, so that all of them are broken.
		for j := range policies {
			c := policies[(i*7+j)%len(policies)]
			object := c.object.DeepCopy()
			if ways[m.name] == most || !m.apply(object.Object) {
				continue
			}
			broken = append(broken, candidate{name: m.name + ": " + c.name, object: object})
			ways[m.name]++
		}
	}
	judge(t, broken)
	refused := map[string]int{}
	missed := map[string][]candidate{}
	for _, c := range broken {
		way, _, _ := strings.Cut(c.name, ": ")
		if c.refused == "" {
			continue
		}
		refused[way]++
		if len(c.errors) == 0 {
			missed[way] = append(missed[way], c)
		}
	}
	var report bytes.Buffer
	working := 0
	for _, m := range mutations {
		fmt.Fprintf(&report, "%-40s %4d broken, %4d refused by Kyverno, %4d of those missed\n", m.name, ways[m.name], refused[m.name], len(missed[m.name]))
		if refused[m.name] > 0 {
			working++
		}
	}
	t.Logf("%d broken policies\n%s", len(broken), report.String())
	if working < 25 {
		t.Errorf("only %d ways of breaking a policy make Kyverno refuse one", working)
	}
	for _, m := range mutations {
		for i, c := range missed[m.name] {
			if i == 3 {
				t.Errorf("%s: %d more", m.name, len(missed[m.name])-i)
				break
			}
			t.Errorf("%s\n%s", c.name, c.refused)
		}
	}
}
