package diag

// imageTable explains the codes of verifyImages.
func imageTable() []Explanation {
	return []Explanation{
		{Code: ImageReference, Name: "a reference that no image has",
			Why: "Kyverno matches references as text, wildcards apart, against registry/path:tag, or registry/path@digest where the image has a digest: one without a tag matches nothing (pkg/utils/image/infos.go).",
			Bad: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/app"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`),
			Good: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/app:*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},
		{Code: LooseImageReference, Name: "a reference without a registry", Warning: true,
			Why: "Kyverno adds the registry to an image before it matches it, docker.io unless it is set up otherwise (pkg/utils/image/infos.go).",
			Bad: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["nginx:*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`),
			Good: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["docker.io/nginx:*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},
		{Code: KeyMaterial, Name: "a key, certificate or expression that does not parse",
			Why: "Kyverno reads keys, certificates and regular expressions only when it has an image to verify, and then refuses every one.",
			Bad: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuerRegExp: "*.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`),
			Good: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuerRegExp: ".*[.]example[.]com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},
		{Code: Attestation, Name: "an attestation that is never found",
			Why: "Kyverno looks attestations up by their type, and fails without one (pkg/engine/internal/imageverifier.go).",
			Bad: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestations: [{
			attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
		}]
	}]
}`),
			Good: policy(`"signed": {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestations: [{
			type: "https://slsa.dev/provenance/v1"
			attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
		}]
	}]
}`)},
		{Code: ImageExtractor, Name: "an image extractor that does not serve",
			Why: "Extractors say where verifyImages finds the images of custom resources; Kyverno refuses them in other rules, and a jmesPath beside mutateDigest, since it cannot write the digest back (pkg/validation/policy/validate.go).",
			Bad: policy(`"task-image": {
	match: kinds: ["ConfigMap"]
	imageExtractors: ConfigMap: [{path: "/data/image"}]
	validate: {
		message: "The image is required."
		pattern: data: image: "?*"
	}
}`),
			Good: policy(`"task-image": {
	match: kinds: ["ConfigMap"]
	validate: {
		message: "The image is required."
		pattern: data: image: "?*"
	}
}`)},
	}
}

// otherKindsTable explains the codes of cleanup policies and exceptions, and of what is out of date.
func otherKindsTable() []Explanation {
	return []Explanation{
		{Code: Schedule, Name: "a schedule that Kyverno cannot follow",
			Why: "A schedule has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or a name) and day of the week (0-6 or a name, from Sunday); or it is @hourly, @daily, @weekly, @monthly or @yearly. Kyverno's webhook and its controller read it with different parsers: \"@every 1h\" is taken and never runs. For a day that no month has, the controller deletes at once, again and again (api/kyverno/v2/cleanup_policy_types.go).",
			Bad: `package policies

clusterCleanupPolicies: "finished-jobs": {
	schedule: "0 24 * * *"
	match: kinds: ["Job"]
}
`,
			Good: `package policies

clusterCleanupPolicies: "finished-jobs": {
	schedule: "0 0 * * *"
	match: kinds: ["Job"]
}
`},
		{Code: CleanupPolicy, Name: "what a cleanup policy does not take",
			Why: "Kyverno refuses configMap and imageRegistry in its context (api/kyverno/v2/cleanup_policy_types.go).",
			Bad: `package policies

clusterCleanupPolicies: "finished-jobs": {
	schedule: "@daily"
	context: settings: configMap: {name: "settings", namespace: "kyverno"}
	match: kinds: ["Job"]
}
`,
			Good: `package policies

clusterCleanupPolicies: "finished-jobs": {
	schedule: "@daily"
	context: settings: apiCall: urlPath: "/api/v1/namespaces/kyverno/configmaps/settings"
	match: kinds: ["Job"]
}
`},
		{Code: Exception, Name: "an exception from nothing",
			Why: "An exception names a policy by its whole name, namespace/name for a namespaced one, and its rules, which take wildcards (api/kyverno/v2/policy_exception_types.go).",
			Bad: `package policies

exceptions: production: "legacy": {
	exceptions: [{policyName: "disallow-*", ruleNames: ["*"]}]
	match: {
		kinds: ["Pod"]
		names: ["legacy-*"]
	}
}
`,
			Good: `package policies

exceptions: production: "legacy": {
	exceptions: [{policyName: "disallow-host-path", ruleNames: ["*"]}]
	match: {
		kinds: ["Pod"]
		names: ["legacy-*"]
	}
}
`},
		{Code: Deprecated, Name: "a deprecated field or operator", Warning: true,
			Why: "Kyverno has replaced it, and may drop it with the next version.",
			Bad: policy(`"ttl": {
	match: kinds: ["Job"]
	preconditions: all: [{key: "{{ request.object.spec.ttlSecondsAfterFinished }}", operator: "DurationGreaterThan", value: "1h"}]
	validate: {
		message: "Jobs go after an hour."
		deny: {}
	}
}`),
			Good: policy(`"ttl": {
	match: kinds: ["Job"]
	preconditions: all: [{key: "{{ request.object.spec.ttlSecondsAfterFinished }}", operator: "GreaterThan", value: "1h"}]
	validate: {
		message: "Jobs go after an hour."
		deny: {}
	}
}`)},
		{Code: Ignored, Name: "what Kyverno takes and does not look at", Warning: true,
			Why: "The field is in Kyverno's CRD, and its code does not read it there.",
			Bad: `package policies

exceptions: production: "legacy": {
	exceptions: [{policyName: "disallow-host-path", ruleNames: ["*"]}]
	match: {
		kinds: ["Pod"]
		names: ["legacy-*"]
		operations: ["CREATE"]
	}
}
`,
			Good: `package policies

exceptions: production: "legacy": {
	exceptions: [{policyName: "disallow-host-path", ruleNames: ["*"]}]
	match: {
		kinds: ["Pod"]
		names: ["legacy-*"]
	}
}
`},
	}
}
