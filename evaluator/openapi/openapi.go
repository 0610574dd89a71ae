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
	"embed"
	"fmt"
	"io/fs"
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
// Its documents hold nothing but schemas, and those no descriptions.
func Kubernetes() openapi.Client { return client{} }

type client struct{}

// documents are where the documents of API groups lie, with this ending, which
// is not part of a path.
const documents, ending = "kubernetes", ".json"

// Paths implements openapi.Client: a path is api/v1 or apis/GROUP/VERSION.
func (client) Paths() (map[string]openapi.GroupVersion, error) {
	paths := map[string]openapi.GroupVersion{}
	err := fs.WalkDir(kubernetes, documents, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path := strings.TrimSuffix(strings.TrimPrefix(file, documents+"/"), ending)
			paths[path] = groupVersion(path)
		}
		return err
	})
	return paths, err
}

// groupVersion is the document of a path.
type groupVersion string

// Schema implements openapi.GroupVersion, for JSON.
func (v groupVersion) Schema(contentType string) ([]byte, error) {
	if contentType != runtime.ContentTypeJSON {
		return nil, fmt.Errorf("the schemas are not there as %s", contentType)
	}
	return kubernetes.ReadFile(documents + "/" + string(v) + ending)
}

// ServerRelativeURL implements openapi.GroupVersion: there is no server.
func (groupVersion) ServerRelativeURL() string { return "" }

// ForKustomize has kustomize, by which Kyverno merges the patches of
// patchStrategicMerge, read its own schemas from the table, in the whole
// process. It is to be called before anything is merged.
var ForKustomize = sync.OnceValue(func() error { return kustomize.SetSchema(nil, merges, true) })
