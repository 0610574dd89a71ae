package evaluator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	engineapi "github.com/kyverno/kyverno/pkg/engine/api"
	enginecontext "github.com/kyverno/kyverno/pkg/engine/context"
	"github.com/kyverno/kyverno/pkg/engine/factories"
	"github.com/kyverno/kyverno/pkg/engine/jmespath"
	"github.com/kyverno/kyverno/pkg/globalcontext/store"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Values answers what rules look up outside of a request.
type Values struct {
	// ConfigMaps holds the data of ConfigMaps, by "namespace/name".
	ConfigMaps map[string]map[string]string
	// APICalls holds the answers to API calls, by "METHOD path" or, for GET,
	// by path; of a call to a service, the path is its URL.
	APICalls map[string]any
	// GlobalReferences holds the data of global context entries, by name, or
	// by "name.projection".
	GlobalReferences map[string]any
	// Images holds image data by reference, in the form that Kyverno's
	// imageRegistry context has: image, resolvedImage, registry, repository,
	// identifier, manifest, configData, manifestList; also digest, to which a
	// tag is resolved; verified, which tells whether all signatures and
	// attestations that policies ask of the image are good; and attestations,
	// the payloads of the latter by their predicate types.
	Images map[string]map[string]any
	// NamespaceLabels holds the labels of namespaces, by name.
	NamespaceLabels map[string]map[string]string
	// Resources are the other resources of the cluster: the targets of
	// mutate rules, the sources of generate rules that clone, the parameters
	// of CEL rules; also ConfigMaps and Namespaces.
	Resources []unstructured.Unstructured
}

// lookups answers the questions of one evaluation and keeps account of those
// that no value answers. It serves one goroutine.
type lookups struct {
	values []Values // in the order in which they are asked
	labels map[string]string
	known  bool // whether the labels of the request's namespace are given
	ns     string
	kinds  *kinds

	rule string
	// verifying is the image that the engine is about to verify.
	verifying string
	missing   map[string][]string // by rule
}

// miss records that the rule at work asked for what there is no value for, and
// says how to give it.
func (l *lookups) miss(what, where string) error {
	message := fmt.Sprintf("%s is not given: give it as %s", what, where)
	if !slices.Contains(l.missing[l.rule], message) {
		l.missing[l.rule] = append(l.missing[l.rule], message)
	}
	return errors.New(message)
}

// take returns what was missed by rule, and forgets it.
func (l *lookups) take() map[string][]string {
	missing := l.missing
	l.missing = map[string][]string{}
	return missing
}

// namespaceLabels finds the labels of a namespace. As on a cluster, its name is
// one of them.
func (l *lookups) namespaceLabels(namespace string) (map[string]string, bool) {
	labels := map[string]string{}
	known := false
	if namespace == l.ns && l.known {
		known = true
		for k, v := range l.labels {
			labels[k] = v
		}
	}
	for _, v := range l.values {
		if known {
			break
		}
		given, ok := v.NamespaceLabels[namespace]
		if o := find(v.Resources, "v1", "Namespace", "", namespace); !ok && o != nil {
			given, ok = o.GetLabels(), true
		}
		if known = ok; known {
			for k, v := range given {
				labels[k] = v
			}
		}
	}
	if namespace != "" {
		labels[corev1.LabelMetadataName] = namespace
	}
	return labels, known
}

// find looks a resource up by its identity.
func find(resources []unstructured.Unstructured, apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	for i := range resources {
		o := &resources[i]
		if o.GetKind() == kind && o.GetName() == name && o.GetAPIVersion() == apiVersion && o.GetNamespace() == namespace {
			return o
		}
	}
	return nil
}

// Get answers a configMap context entry (engineapi.ConfigmapResolver).
func (l *lookups) Get(_ context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	key := namespace + "/" + name
	for _, v := range l.values {
		if data, ok := v.ConfigMaps[key]; ok {
			return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}, nil
		}
		if o := find(v.Resources, "v1", "ConfigMap", namespace, name); o != nil {
			cm := &corev1.ConfigMap{}
			return cm, decodeStrict(o, cm)
		}
	}
	return nil, l.miss("ConfigMap "+key, fmt.Sprintf("context.configMaps[%q]", key))
}

// apiCall finds the answer to an API call.
func (l *lookups) apiCall(method, path string) ([]byte, bool, error) {
	if method == "" {
		method = "GET"
	}
	keys := []string{method + " " + path}
	if method == "GET" {
		keys = append(keys, path)
	}
	for _, v := range l.values {
		for _, key := range keys {
			if answer, ok := v.APICalls[key]; ok {
				data, err := json.Marshal(answer)
				return data, true, err
			}
		}
	}
	return nil, false, nil
}

// rawClient makes the API calls of context entries. With a default of the
// policy's own, a call without an answer is no mistake: it is the case that the
// default is for.
type rawClient struct {
	*lookups
	hasDefault bool
}

// RawAbsPath implements engineapi.RawClient.
func (c rawClient) RawAbsPath(_ context.Context, path string, method string, _ io.Reader) ([]byte, error) {
	data, ok, err := c.apiCall(method, path)
	switch {
	case ok || err != nil:
		return data, err
	case c.hasDefault:
		return nil, errors.New("no answer is given")
	}
	if method == "" {
		method = "GET"
	}
	key := path
	if method != "GET" {
		key = method + " " + path
	}
	return nil, c.miss("the answer to the API call "+method+" "+path, fmt.Sprintf("context.apiCalls[%q]", key))
}

// globals answers globalReference entries (loaders.Store).
type globals struct{ *lookups }

// Get always has an entry: which projection is asked for, only the entry learns.
func (g globals) Get(key string) (store.Entry, bool) { return globalEntry{g.lookups, key}, true }

type globalEntry struct {
	*lookups
	name string
}

// Get implements store.Entry.
func (g globalEntry) Get(projection string) (any, error) {
	key := g.name
	if projection != "" {
		key += "." + projection
	}
	for _, v := range g.values {
		if data, ok := v.GlobalReferences[key]; ok {
			return data, nil
		}
	}
	return nil, g.miss("global context entry "+key, fmt.Sprintf("context.globalReferences[%q]", key))
}

// Stop implements store.Entry.
func (globalEntry) Stop() {}

// registry answers imageRegistry entries (engineapi.RegistryClientFactory and
// engineapi.RegistryClient).
type registry struct{ *lookups }

// GetClient implements engineapi.RegistryClientFactory.
func (r registry) GetClient(context.Context, *kyvernov1.ImageRegistryCredentials, string, []string) (engineapi.RegistryClient, error) {
	return r, nil
}

// ForRef implements engineapi.ImageDataClient.
func (r registry) ForRef(_ context.Context, ref string) (*engineapi.ImageData, error) {
	image, err := r.image(ref)
	if err != nil {
		return nil, err
	}
	data := &engineapi.ImageData{Image: ref, ResolvedImage: ref}
	for key, to := range map[string]*string{
		"image": &data.Image, "resolvedImage": &data.ResolvedImage, "registry": &data.Registry,
		"repository": &data.Repository, "identifier": &data.Identifier,
	} {
		if value, ok := image[key].(string); ok {
			*to = value
		}
	}
	for _, part := range []struct {
		names []string
		to    *[]byte
	}{
		{[]string{"manifest"}, &data.Manifest}, {[]string{"configData", "config"}, &data.Config}, {[]string{"manifestList", "imageIndex"}, &data.ManifestList},
	} {
		value, ok := image.field(part.names...)
		if !ok && part.to == &data.ManifestList {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("image %s: %s: %w", ref, part.names[0], err)
		}
		*part.to = raw
	}
	return data, nil
}

// FetchImageDescriptor implements engineapi.ImageDataClient.
func (r registry) FetchImageDescriptor(_ context.Context, ref string) (*remote.Descriptor, error) {
	digest, err := r.digest(ref)
	if err != nil {
		return nil, err
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil, fmt.Errorf("the digest of image %s: %w", ref, err)
	}
	return &remote.Descriptor{Descriptor: v1.Descriptor{Digest: hash}}, nil
}

// Options implements engineapi.RemoteClient. The engine asks for them to verify
// an image.
func (r registry) Options(context.Context) ([]remote.Option, []name.Option, error) {
	return nil, nil, r.unverified(r.verifying)
}

// NameOptions implements engineapi.RemoteClient.
func (registry) NameOptions() []name.Option { return nil }

// contextLoaders makes the loaders of a rule's context entries. They are
// Kyverno's own, over the values.
func (l *lookups) contextLoaders() engineapi.ContextLoaderFactory {
	inner := factories.DefaultContextLoaderFactory(l, factories.WithGlobalContextStore(globals{l}))
	return func(policy kyvernov1.PolicyInterface, rule kyvernov1.Rule) engineapi.ContextLoader {
		return contextLoader{lookups: l, rule: rule.Name, inner: inner(policy, rule)}
	}
}

type contextLoader struct {
	*lookups
	rule  string
	inner engineapi.ContextLoader
}

// Load implements engineapi.ContextLoader.
func (c contextLoader) Load(ctx context.Context, jp jmespath.Interface, _ engineapi.RawClient, _ engineapi.RegistryClientFactory, entries []kyvernov1.ContextEntry, jsonContext enginecontext.Interface) error {
	c.lookups.rule = c.rule
	if len(entries) == 0 {
		return c.inner.Load(ctx, jp, nil, nil, nil, jsonContext)
	}
	for _, entry := range entries {
		client := rawClient{lookups: c.lookups}
		if entry.APICall != nil {
			client.hasDefault = entry.APICall.Default != nil
			if entry.APICall.Service != nil && entry.APICall.URLPath == "" {
				// Kyverno's loader would call a service over HTTP itself; as a
				// path, the URL comes to the client above.
				entry.APICall = entry.APICall.DeepCopy()
				entry.APICall.URLPath = entry.APICall.Service.URL
			}
		}
		if err := c.inner.Load(ctx, jp, client, registry{c.lookups}, []kyvernov1.ContextEntry{entry}, jsonContext); err != nil {
			return err
		}
	}
	return nil
}

// joinMissing makes one message of what a rule missed.
func joinMissing(missing []string) string { return strings.Join(missing, "; ") }
