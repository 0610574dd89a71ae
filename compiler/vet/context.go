package vet

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"kcue.dev/compiler/jmespath"
	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// contextSources lists what a context entry's value can come from; an entry has
// exactly one (pkg/validation/policy/validate.go validateRuleContext).
var contextSources = []string{"variable", "configMap", "apiCall", "imageRegistry", "globalReference"}

// reservedNames lists the names that no context entry takes
// (pkg/validation/policy/validate.go validateRuleContext).
var reservedNames = []string{"images", "request", "serviceAccountName", "serviceAccountNamespace", "element", "elementIndex"}

// contextEntries checks the entries of a context, each of which sees those
// before it, and gives the scope after them.
func (c *checker) contextEntries(entries value, sc scope) scope {
	list := entries.items()
	sc.entries = slices.Clone(sc.entries)
	var names []string
	for _, e := range list {
		names = append(names, e.get("name").Str())
	}
	for i, e := range list {
		sc.own, sc.later = names[i], names[i+1:]
		c.contextEntry(e, sc)
		if names[i] != "" {
			sc.entries = append(sc.entries, contextEntry{name: names[i], configMap: e.get("configMap").exists()})
		}
	}
	sc.own, sc.later = "", nil
	return sc
}

func (c *checker) contextEntry(e value, sc scope) {
	if e.Kind != spec.Struct {
		return
	}
	switch name := e.get("name"); {
	case name.Str() == "":
		c.error(diag.ContextEntry, name, "the context entry has no name: expected what variables call its value", "")
	default:
		for _, reserved := range reservedNames {
			if name.Text == reserved || strings.HasPrefix(name.Text, reserved+".") {
				c.error(diag.ContextEntry, name, fmt.Sprintf("%q is a name of Kyverno's own, which no context entry takes", name.Text), "give the entry another name")
			}
		}
	}
	c.texts(e, sc)
	present := e.having(contextSources...)
	switch len(present) {
	case 0:
		c.error(diag.ContextEntry, e, "the context entry has no value: expected one of "+strings.Join(contextSources, ", "), "")
	case 1:
	default:
		c.error(diag.ContextEntry, e.get(present[1]), fmt.Sprintf("has %s: expected one of %s", strings.Join(present, " and "), strings.Join(contextSources, ", ")), "make a context entry of each")
	}
	for _, source := range present {
		v := e.get(source)
		if v.Kind != spec.Struct {
			continue
		}
		switch source {
		case "variable":
			c.variableEntry(v, sc)
		case "configMap":
			c.configMapEntry(v, sc)
		case "apiCall":
			c.apiCallEntry(v)
			c.result(v.get("jmesPath"))
		case "imageRegistry":
			c.imageRegistryEntry(v)
			c.result(v.get("jmesPath"))
		case "globalReference":
			if c.namespace != "" && sc.webhook {
				c.error(diag.ContextEntry, v, "a namespaced policy sees no global context: Kyverno refuses globalReference in it", "make it a cluster policy, or use apiCall")
			}
			if v.get("name").Str() == "" {
				c.error(diag.ContextEntry, v.get("name"), "globalReference has no name: expected that of a GlobalContextEntry", "")
			}
			c.result(v.get("jmesPath"))
		}
	}
}

// variableEntry checks a variable: its jmesPath is evaluated on its value, and
// on the context where it has none (pkg/engine/context/loaders/variable.go).
func (c *checker) variableEntry(v value, sc scope) {
	path := v.get("jmesPath")
	hasValue := v.get("value").exists()
	switch {
	case !hasValue && path.Str() == "":
		c.error(diag.ContextEntry, v, "the variable has no value: expected value, or jmesPath, or both", "")
	case v.get("default").exists() && path.Str() == "":
		c.error(diag.ContextEntry, v.get("default"), "the variable has a default and no jmesPath that could fail to give a value", "write it as the value")
	}
	if hasValue {
		c.result(path)
	} else {
		c.query(path, sc)
	}
}

func (c *checker) configMapEntry(v value, sc scope) {
	if v.get("name").Str() == "" {
		c.error(diag.ContextEntry, v.get("name"), "configMap has no name: expected that of the ConfigMap", "")
	}
	if sc.webhook && v.get("namespace").Str() == "" {
		// Elsewhere it is the policy's own namespace, or default.
		c.error(diag.ContextEntry, v.get("namespace"), "configMap has no namespace, which Kyverno asks for in the context of a rule", `such as namespace: "default"`)
	}
	// pkg/engine/context/loaders/configmap.go
	if ns := v.get("namespace"); c.namespace != "" && ns.Str() != "" && ns.Text != c.namespace && !isVariable(ns.Text) {
		c.error(diag.ContextEntry, ns, fmt.Sprintf("a namespaced policy sees ConfigMaps of its own namespace %q alone, not of %q", c.namespace, ns.Text), "make it a cluster policy, or copy the ConfigMap")
	}
}

// namespacePath finds the namespace of a path of the Kubernetes API
// (pkg/engine/apicall/apiCall.go).
var namespacePath = lazyregexp.New(`^/apis?/.*?/namespaces/([^/]+)/?.*$`)

func (c *checker) apiCallEntry(v value) {
	urlPath, service := v.get("urlPath"), v.get("service")
	switch {
	case urlPath.Str() != "" && service.exists():
		c.error(diag.ContextEntry, service, "apiCall has urlPath, which asks the Kubernetes API, and service, which asks another: expected one of them", "")
		return
	case urlPath.Str() == "" && !service.exists():
		c.error(diag.ContextEntry, v, "apiCall asks nothing: expected urlPath, a path of the Kubernetes API, or service", `such as urlPath: "/api/v1/namespaces"`)
		return
	}
	if v.get("data").exists() && v.get("method").Str() != "POST" {
		c.warn(diag.Ignored, v.get("data"), "data is sent with method POST alone", `set method: "POST"`)
	}
	if text := urlPath.Str(); text != "" && !strings.HasPrefix(text, "/") && !isVariable(text) {
		c.error(diag.ContextEntry, urlPath, fmt.Sprintf("%q is no path of the Kubernetes API, which begins with a slash", clip(text)), fmt.Sprintf("did you mean %q?", "/"+text))
		return
	}
	if c.namespace == "" || isVariable(urlPath.Str()) {
		return
	}
	// pkg/engine/apicall/apiCall.go Fetch, which looks at the path of the
	// Kubernetes API even where a service is called.
	unescaped, err := url.PathUnescape(urlPath.Str())
	if err != nil {
		unescaped = urlPath.Str()
	}
	switch m := namespacePath.FindStringSubmatch(path.Clean(unescaped)); {
	case m == nil && service.exists():
		c.error(diag.ContextEntry, service, "a namespaced policy calls no service: Kyverno takes paths of the Kubernetes API in its namespace alone", "make it a cluster policy")
	case m == nil:
		c.error(diag.ContextEntry, urlPath, fmt.Sprintf("a namespaced policy asks for resources of its own namespace alone, and %q names no namespace", clip(urlPath.Text)), fmt.Sprintf("such as /api/v1/namespaces/%s/configmaps", c.namespace))
	case m[1] != c.namespace:
		c.error(diag.ContextEntry, urlPath, fmt.Sprintf("a namespaced policy asks for resources of its own namespace %q alone, not of %q", c.namespace, m[1]), "make it a cluster policy")
	}
}

// imageName is the grammar of github.com/distribution/reference, of which
// Kyverno's webhook asks that a reference without variables obeys it.
var imageName = lazyregexp.New(`^(?:` +
	`(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`(?::\w[\w.-]{0,127})?` +
	`(?:@(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?$`)

func (c *checker) imageRegistryEntry(v value) {
	reference := v.get("reference")
	switch text := reference.Str(); {
	case text == "":
		c.error(diag.ContextEntry, reference, "imageRegistry has no reference: expected the image that is looked up", `such as reference: "{{ element.image }}"`)
	case !jmespath.HasVariables(text) && !imageName.MatchString(text):
		c.error(diag.ContextEntry, reference, fmt.Sprintf("%q is no reference of an image: expected such as ghcr.io/acme/app:1.2", clip(text)), "")
	}
}

// globalContextEntry checks a GlobalContextEntry
// (api/kyverno/v2beta1/global_context_entry_types.go Validate).
func (c *checker) globalContextEntry(s value) {
	resource, call := s.get("kubernetesResource"), s.get("apiCall")
	switch {
	case resource.exists() && call.exists():
		c.error(diag.ContextEntry, call, "has kubernetesResource and apiCall: expected one of them", "make an entry of each")
	case !resource.exists() && !call.exists():
		c.error(diag.ContextEntry, s, "has neither kubernetesResource nor apiCall: expected where the data comes from", "")
	}
	if resource.exists() {
		if resource.get("group").Str() == "" && resource.get("version").Str() != "v1" {
			c.error(diag.ContextEntry, resource.get("group"), "kubernetesResource has no group, which only the version v1 of Kubernetes' core does without", "")
		}
		for _, name := range []string{"version", "resource"} {
			if resource.get(name).Str() == "" {
				c.error(diag.ContextEntry, resource.get(name), "kubernetesResource has no "+name, "")
			}
		}
	}
	if call.exists() {
		urlPath, service := call.get("urlPath"), call.get("service")
		if (urlPath.Str() != "") == service.exists() {
			c.error(diag.ContextEntry, call, "apiCall has urlPath, which asks the Kubernetes API, or service, which asks another: expected exactly one of them", "")
		}
		if call.get("data").exists() && call.get("method").Str() != "POST" {
			c.error(diag.ContextEntry, call.get("data"), "data is sent with method POST alone: Kyverno refuses it with another", `set method: "POST"`)
		}
	}
	own := c.root.down("metadata", "name").Str()
	for _, p := range s.get("projections").items() {
		switch name := p.get("name"); {
		case name.Str() == "":
			c.error(diag.ContextEntry, name, "the projection has no name", "")
		case name.Text == own:
			c.error(diag.ContextEntry, name, "the projection has the name of the entry itself, which Kyverno refuses", "give it another name")
		}
		if expression := p.get("jmesPath"); expression.Str() == "" {
			c.error(diag.ContextEntry, expression, "the projection has no jmesPath", "")
		} else {
			for _, problem := range jmespath.Check(expression.Text) {
				c.error(diag.JMESPath, expression, fmt.Sprintf("%q: %s", clip(expression.Text), problem.Message), problem.Hint)
			}
		}
	}
}
