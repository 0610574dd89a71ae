// Package openapi holds the schemas of Kubernetes' own kinds that Kyverno's
// engine merges by: those of a server-side apply, in the form in which an API
// server publishes them, and those of a strategic merge.
//
// The libraries from which Kyverno's command line has them bring along a whole
// API server, and with every schema its documentation and its paths: of 11 MB
// and 1.9 MB, the tables here keep the 0.8 MB and 0.2 MB that a merge can see.
// They are made from those libraries by
//
//	go test ./openapi -update
package openapi

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/openapi"
	kustomize "sigs.k8s.io/kustomize/kyaml/openapi"
)

var (
	//go:embed kubernetes
	kubernetes embed.FS
	//go:embed kustomize.json
	merges []byte
)

// Kubernetes gives the schemas of Kubernetes 1.32, those that Kyverno's command
// line applies configurations by (cmd/cli/kubectl-kyverno/processor, openAPI).
// Its documents hold nothing but schemas, and those no descriptions: where a kind
// is named, only those that one of the kind is made of.
func Kubernetes(kind string) openapi.Client { return client{kind} }

type client struct{ kind string }

// documents are where the documents of API groups lie, with this ending, which
// is not part of a path.
const documents, ending = "kubernetes", ".json"

// Paths implements openapi.Client: a path is api/v1 or apis/GROUP/VERSION.
func (c client) Paths() (map[string]openapi.GroupVersion, error) {
	paths := map[string]openapi.GroupVersion{}
	err := fs.WalkDir(kubernetes, documents, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path := strings.TrimSuffix(strings.TrimPrefix(file, documents+"/"), ending)
			paths[path] = groupVersion{path, c.kind}
		}
		return err
	})
	return paths, err
}

// groupVersion is the document of a path, of all kinds or of one.
type groupVersion struct{ path, kind string }

// Schema implements openapi.GroupVersion, for JSON.
func (v groupVersion) Schema(contentType string) ([]byte, error) {
	if contentType != runtime.ContentTypeJSON {
		return nil, fmt.Errorf("the schemas are not there as %s", contentType)
	}
	document, err := kubernetes.ReadFile(documents + "/" + v.path + ending)
	if err != nil || v.kind == "" {
		return document, err
	}
	return only(document, v.kind), nil
}

// only cuts a document down to the schemas of a kind and what they refer to. It
// relies on a schema being a line, as the test writes them.
func only(document []byte, kind string) []byte {
	lines := map[string][]byte{} // by the names of schemas
	var wanted []string
	of := fmt.Appendf(nil, `"kind":%q,"version"`, kind) // in x-kubernetes-group-version-kind
	for line := range bytes.Lines(document) {
		name, schema, ok := bytes.Cut(bytes.TrimPrefix(line, []byte(`"`)), []byte(`":{`))
		if !ok || !bytes.HasPrefix(line, []byte(`"`)) {
			continue
		}
		lines[string(name)] = bytes.TrimRight(line, ",\n")
		if bytes.Contains(schema, of) {
			wanted = append(wanted, string(name))
		}
	}
	out := []byte(head)
	for i := 0; i < len(wanted); i++ {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, lines[wanted[i]]...)
		for _, reference := range references.FindAllSubmatch(lines[wanted[i]], -1) {
			if name := string(reference[1]); !slices.Contains(wanted, name) {
				wanted = append(wanted, name)
			}
		}
	}
	return append(out, tail...)
}

// What stands around the schemas of a document.
const head, tail = `{"components":{"schemas":{`, "}}}"

var references = regexp.MustCompile(`"#/components/schemas/([^"]+)"`)

// ServerRelativeURL implements openapi.GroupVersion: there is no server.
func (groupVersion) ServerRelativeURL() string { return "" }

// ForKustomize has kustomize, by which Kyverno merges the patches of
// patchStrategicMerge, read its own schemas from the table, in the whole
// process. It is to be called before anything is merged.
var ForKustomize = sync.OnceValue(func() error { return kustomize.SetSchema(nil, merges, true) })
