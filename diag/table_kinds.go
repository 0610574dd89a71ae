package diag

// labelled gives a rule on kinds, for examples that are about these.
func labelled(kinds string) string {
	return policy(`"owner-label": {
	match: kinds: [` + kinds + `]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`)
}

// noExec gives a policy on a subresource, with the given lines before its
// rules.
func noExec(lines, kind string) string {
	return `package policies

clusterPolicies: "no-exec": {
` + lines + `	rules: "no-exec": {
		match: kinds: ["` + kind + `"]
		validate: {
			message: "Commands in Pods are run by nobody: change the image."
			deny: {}
		}
	}
}
`
}

// generating gives a rule that generates a ConfigMap, by its match and by the
// lines of its target.
func generating(match, target string) string {
	return policy(`"settings": {
	match: ` + match + `
	generate: {
		synchronize: true
		apiVersion:  "v1"
		kind:        "ConfigMap"
		name:        "settings"
` + target + `		data: data: level: "info"
	}
}`)
}

// kindsTable explains the codes of kinds and of what is generated.
func kindsTable() []Explanation {
	return []Explanation{
		{Code: MisspeltKind, Name: "no such kind",
			Why:  "A kind is written as in a resource's kind: singular, in upper and lower case, and with a version wherever a group is named: apps/v1/Deployment, Pod, Pod/exec. A CEL policy's resources are the plural in lower case. Kyverno takes a kind that there is not with a warning, and the rule then never applies. kcue knows every kind of Kubernetes and of Kyverno; a name that is one slip from one of these is an error, unless --crds declares it.",
			Bad:  labelled(`"Deploment"`),
			Good: labelled(`"Deployment"`)},
		{Code: UnknownKind, Name: "a kind that is not known", Warning: true,
			Why:  "The kind is neither Kubernetes' nor Kyverno's, nor one of the well-known projects' that kcue knows. If it is yours, give its CustomResourceDefinition, a file or a directory of them, with --crds.",
			Bad:  labelled(`"cert-manager.io/v1/Certficate"`),
			Good: labelled(`"cert-manager.io/v1/Certificate"`)},
		{Code: KindNotServed, Name: "a kind in a group, or at a version, that never served it",
			Why:  "The kind is there, but under another group or version, so nothing matches.",
			Bad:  labelled(`"apps/v2/Deployment"`),
			Good: labelled(`"apps/v1/Deployment"`)},
		{Code: KindRemoved, Name: "a kind at a version that is no longer served", Warning: true,
			Why:  "Kubernetes removes versions (https://kubernetes.io/docs/reference/using-api/deprecation-guide/). On a cluster that no longer serves it, the rule never applies.",
			Bad:  labelled(`"extensions/v1beta1/Ingress"`),
			Good: labelled(`"networking.k8s.io/v1/Ingress"`)},
		{Code: NoSubresource, Name: "no such subresource",
			Why:  "A subresource is written behind the kind: Pod/exec, Deployment/scale. Nothing matches one that the kind does not have.",
			Bad:  noExec("\tbackground: false\n", "Pod/exce"),
			Good: noExec("\tbackground: false\n", "Pod/exec")},
		{Code: KindNotAllowed, Name: "a kind that this rule cannot have",
			Why:  "Background scans see resources and no requests, so Kyverno refuses subresources in a validate rule of a policy that has them, and the kind * in any. The kind * stands alone, in rules about metadata only, and not with generate, verifyImages or validate.foreach. In a CEL policy, a scope that leaves out every resource of its rule is reported too.",
			Bad:  noExec("", "Pod/exec"),
			Good: noExec("\tbackground: false\n", "Pod/exec")},
		{Code: EmptyMatch, Name: "an exclude that leaves nothing",
			Why: "Kyverno refuses a rule of which the exclude has a filter that is also one of its match, or that covers the match.",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	exclude: kinds: ["Pod"]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["Pod"]
	exclude: {
		kinds: ["Pod"]
		namespaces: ["sandbox"]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`)},
		{Code: SubresourceUnmatched, Name: "a field that a subresource changes too", Warning: true,
			Why: "kubectl scale and autoscalers change spec.replicas by way of the subresource scale, and controllers the status by way of status. A rule that does not match these sees such changes only when the resource itself is written.",
			Bad: `package policies

clusterPolicies: replicas: rules: replicas: {
	match: kinds: ["Deployment"]
	validate: {
		message: "A Deployment has at least two replicas."
		pattern: spec: replicas: ">=2"
	}
}
`,
			Good: `package policies

clusterPolicies: replicas: {
	background: false
	rules: replicas: {
		match: kinds: ["Deployment", "Deployment/scale"]
		validate: {
			message: "A Deployment has at least two replicas."
			pattern: spec: replicas: ">=2"
		}
	}
}
`},
		{Code: GenerateTarget, Name: "a generate rule that Kyverno refuses",
			Why: "A rule generates from one of data, clone, cloneList and foreach. What it generates has a namespace exactly if its kind lives in namespaces; kinds that are cloned together live all in namespaces, or all in none; and a match without any or all is not for the kind that is generated.",
			Bad: generating(`kinds: ["Namespace"]`, ""),
			Good: generating(`kinds: ["Namespace"]`, `		namespace:   "{{request.object.metadata.name}}"
`)},
		{Code: GenerateLoop, Name: "a rule that generates what it matches", Warning: true,
			Why: "Each object that is generated is matched by the rule again.",
			Bad: generating(`kinds: ["ConfigMap"]`, `		namespace:   "settings"
`),
			Good: generating(`{
		kinds: ["ConfigMap"]
		names: ["source"]
	}`, `		namespace:   "settings"
`)},
	}
}
