package diag

// policyTable explains the codes of composition, policy semantics and targets.
func policyTable() []Explanation {
	return []Explanation{
		{Code: UnknownBase, Name: "extends names nothing",
			Why: "A base is a policy of the same package, or stands under its bases. What another package exports becomes a base by one line: bases: org: org.bases.baseline.",
			Bad: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: extends: ["basline"]
`,
			Good: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: extends: ["baseline"]
`},
		{Code: AmbiguousBase, Name: "extends names both a base and a policy",
			Why: "The name alone does not say which is meant.",
			Bad: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `
clusterPolicies: baseline: rules: "owner-label": ` + labelRule + `
clusterPolicies: production: extends: ["baseline"]
`,
			Good: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `
clusterPolicies: everywhere: extends: ["baseline"]
clusterPolicies: production: extends: ["baseline"]
`},
		{Code: ExtendsCycle, Name: "a policy extends itself",
			Why: "The chain of extends leads back to where it began.",
			Bad: `package policies

bases: a: extends: ["b"]
bases: b: extends: ["a"]

clusterPolicies: production: {
	extends: ["a"]
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

bases: b: rules: "owner-label": ` + labelRule + `
bases: a: extends: ["b"]

clusterPolicies: production: extends: ["a"]
`},
		{Code: InheritedConflict, Name: "two bases disagree",
			Why: "Bases are merged left to right, and the same rule or setting may come from several, but not with different values. The policy decides in its overrides.",
			Bad: `package policies

bases: baseline: {
	failureAction: "Audit"
	rules: "owner-label": ` + indent(labelRule) + `
}
bases: strict: failureAction: "Enforce"

clusterPolicies: production: extends: ["baseline", "strict"]
`,
			Good: `package policies

bases: baseline: {
	failureAction: "Audit"
	rules: "owner-label": ` + indent(labelRule) + `
}
bases: strict: failureAction: "Enforce"

clusterPolicies: production: {
	extends: ["baseline", "strict"]
	overrides: failureAction: "Enforce"
}
`},
		{Code: Redefined, Name: "an inherited rule or setting is written again",
			Why: "What changes an inherited thing stands in overrides, and only there, so that a reader finds every change in one place. (A policy's own title and description need no override: they are about the policy itself.)",
			Bad: `package policies

bases: baseline: {
	failureAction: "Audit"
	rules: "owner-label": ` + indent(labelRule) + `
}

clusterPolicies: production: {
	extends: ["baseline"]
	failureAction: "Enforce"
}
`,
			Good: `package policies

bases: baseline: {
	failureAction: "Audit"
	rules: "owner-label": ` + indent(labelRule) + `
}

clusterPolicies: production: {
	extends: ["baseline"]
	overrides: failureAction: "Enforce"
}
`},
		{Code: OverridesNothing, Name: "an override of nothing",
			Why: "A path in overrides names what is not inherited: a misspelt key would otherwise change nothing, silently. Inside an inherited rule an override may add fields; it can drop only what is there.",
			Bad: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: {
	extends: ["baseline"]
	overrides: rules: "owner-lable": exclude: namespaces: ["sandbox"]
}
`,
			Good: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: {
	extends: ["baseline"]
	overrides: rules: "owner-label": exclude: namespaces: ["sandbox"]
}
`},
		{Code: OverridesParams, Name: "an override of a pattern's parameters",
			Why: "CUE has made the rule of its parameters before overrides apply, so a changed parameter would change nothing. Drop the rule, and add one from the pattern.",
			Bad: `package policies

import "kcue.dev/patterns"

bases: baseline: rules: "trusted-registry": patterns.#RequireImageRegistry

clusterPolicies: production: {
	extends: ["baseline"]
	overrides: rules: "trusted-registry": params: registry: "ghcr.io"
}
`,
			Good: `package policies

import "kcue.dev/patterns"

bases: baseline: rules: "trusted-registry": patterns.#RequireImageRegistry

clusterPolicies: production: {
	extends: ["baseline"]
	overrides: rules: "trusted-registry": null
	rules: "ghcr-registry": patterns.#RequireImageRegistry & {params: registry: "ghcr.io"}
}
`},
		{Code: RepeatedBase, Name: "a base is named twice",
			Why: "Extending a base once more adds nothing; the second name is likely meant to be another.",
			Bad: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: extends: ["baseline", "baseline"]
`,
			Good: `package policies

bases: baseline: rules: "owner-label": ` + labelRule + `

clusterPolicies: production: extends: ["baseline"]
`},

		{Code: NoRuleBody, Name: "a rule that does nothing",
			Why:  "A rule validates, mutates, generates or verifies images.",
			Bad:  policy("\"owner-label\": match: kinds: [\"Pod\"]"),
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: RuleBodies, Name: "a rule that does two things",
			Why: "Kyverno takes exactly one of validate, mutate, generate and verifyImages in a rule (api/kyverno/v1/rule_types.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
	mutate: patchStrategicMerge: metadata: labels: "+(owner)": "nobody"
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["Pod"]
	mutate: patchStrategicMerge: metadata: labels: "+(owner)": "nobody"
}`)},
		{Code: NoMatch, Name: "nothing to match",
			Why: "A rule without match, of a policy without match, applies to nothing, and Kyverno refuses it. So it does a filter that names no kinds.",
			Bad: policy(`"owner-label": validate: {
	message: "The label owner is required."
	pattern: metadata: labels: owner: "?*"
}`),
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: NoMessage, Name: "a rule without a message",
			Why: "Whoever is refused should read why, and what to do. Kyverno writes a message of its own for podSecurity and manifests, and CEL has one an expression; for the others one is asked for.",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	validate: pattern: metadata: labels: owner: "?*"
}`),
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: ObjectName, Name: "a name that Kubernetes refuses",
			Why: "Objects are named by RFC 1123: lower-case letters, digits, '-' and '.'; namespaces without '.'. A policy's name has at most 63 characters, since Kyverno puts it into labels (api/kyverno/v1, ValidatePolicyName). Of objects under resources only what Kubernetes asks of every kind is asked: some kinds, such as Role, have names like system:reader; none has one with '/' or '%'.",
			Bad: `package policies

clusterPolicies: PodLabels: rules: "owner-label": ` + labelRule + `
`,
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: RuleName, Name: "a rule's name that Kyverno refuses",
			Why:  "Kyverno's CRD takes at most 63 characters.",
			Bad:  policy("\"every-pod-has-a-label-that-says-which-team-owns-it-and-answers-for-it\": " + labelRule),
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: MatchForms, Name: "a match of two forms",
			Why: "A match is a flat filter, or any, or all. Kyverno refuses any beside all, and reads a flat filter beside them in its own way.",
			Bad: policy(`"owner-label": {
	match: {
		kinds: ["Pod"]
		any: [{kinds: ["Service"]}]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: any: [{kinds: ["Pod"]}, {kinds: ["Service"]}]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`)},
		{Code: NamespacedPolicy, Name: "a namespaced policy that looks beyond its namespace",
			Why: "A Policy applies in its own namespace. Kyverno refuses a filter by namespace in it, and kinds that live in no namespace.",
			Bad: `package policies

policies: production: "pod-labels": rules: "owner-label": {
	match: {
		kinds: ["Pod"]
		namespaces: ["production"]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}
`,
			Good: `package policies

policies: production: "pod-labels": rules: "owner-label": ` + labelRule + `
`},
		{Code: AutogenOff, Name: "a rule turns off autogen for its neighbours", Warning: true,
			Why: "Kyverno makes rules for Deployments, Jobs and the other controllers from a rule on Pods (autogen), but for all rules of a policy or for none: a rule that generates, has a JSON patch, selects by name, label or annotation, or lists Pod beside other kinds turns it off for every rule (pkg/autogen/v1/autogen.go). The controllers are then not checked, silently.",
			Bad: `package policies

import "kcue.dev/patterns"

clusterPolicies: tenancy: rules: {
	"no-privileged": patterns.#BlockPrivilegedContainers
	"default-deny":  patterns.#GenerateNetworkPolicy
}
`,
			Good: `package policies

import "kcue.dev/patterns"

clusterPolicies: tenancy: rules: "no-privileged": patterns.#BlockPrivilegedContainers

clusterPolicies: "tenancy-network": rules: "default-deny": patterns.#GenerateNetworkPolicy
`},
		{Code: NoRules, Name: "a policy without rules",
			Why: "It would be accepted and do nothing.",
			Bad: `package policies

clusterPolicies: "pod-labels": description: "Every Pod says who owns it."
`,
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: DuplicateObject, Name: "an object is made twice",
			Why: "Two specs of the build make objects of one kind, namespace and name: the one applied last would win. Kinds that differ only in the case of letters count as one: one of them is a slip.",
			Bad: `package policies

resources: a: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	metadata: name: "settings"
}
resources: b: {
	apiVersion: "v1"
	kind:       "ConfigMap"
	metadata: name: "settings"
}
`,
			Good: `package policies

resources: settings: {
	apiVersion: "v1"
	kind:       "ConfigMap"
}
`},
		{Code: BackgroundUser, Name: "a user in a background scan",
			Why: "subjects, roles and clusterRoles are of an admission request. A background scan has none, so Kyverno refuses them unless background is false (pkg/validation/policy/background.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	exclude: clusterRoles: ["cluster-admin"]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["Pod"]
	exclude: clusterRoles: ["cluster-admin"]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}
clusterPolicies: "pod-labels": background: false`)},
		{Code: ExcludeAll, Name: "excludeSystemNamespaces beside exclude.all",
			Why: "The system namespaces are one more filter of exclude. Under all every filter must hold, so one more would exclude less.",
			Bad: `package policies

defaults: excludeSystemNamespaces: true

clusterPolicies: "pod-labels": rules: "owner-label": {
	match: kinds: ["Pod"]
	exclude: all: [{namespaces: ["sandbox"]}, {names: ["debug-*"]}]
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}
`,
			Good: `package policies

defaults: excludeSystemNamespaces: true

clusterPolicies: "pod-labels": rules: "owner-label": {
	match: kinds: ["Pod"]
	exclude: {
		namespaces: ["sandbox"]
		names: ["debug-*"]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}
`},
		{Code: CRDSchema, Name: "Kyverno's CRD refuses the object",
			Why: "Every object is held against the schema of Kyverno's own CustomResourceDefinition before a byte is written. This finds what the authoring model leaves to Kyverno, such as the form of a label.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": labels: team: "the platform team"`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": labels: team: "platform"`)},
		{Code: ValidateForms, Name: "a validate of no form, or of two",
			Why: "Kyverno takes exactly one of pattern, anyPattern, deny, foreach, podSecurity, cel and manifests (pkg/validation/policy/validate/validate.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	validate: message: "The label owner is required."
}`),
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: DigestInAudit, Name: "mutateDigest in Audit",
			Why: "Kyverno cannot change an image of a resource that it only audits, and refuses the policy (api/kyverno/v1/image_verification_types.go).",
			Bad: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		mutateDigest: true
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`),
			Good: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		failureAction: "Enforce"
		mutateDigest:  true
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},
		{Code: VerifyImagesOverrides, Name: "failureActionOverrides of a verifyImages rule",
			Why: "Kyverno has overrides by namespace for validate rules only.",
			Bad: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}
clusterPolicies: "pod-labels": failureActionOverrides: [{action: "Enforce", namespaces: ["production"]}]`),
			Good: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},
		{Code: Attestor, Name: "an attestor that Kyverno refuses",
			Why: "An attestor is keys, certificates, keyless or a nested set, and says what to verify against (api/kyverno/v1/image_verification_types.go).",
			Bad: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com"}}]}]
	}]
}`),
			Good: policy(`signed: {
	match: kinds: ["Pod"]
	verifyImages: [{
		imageReferences: ["ghcr.io/acme/*"]
		attestors: [{entries: [{keyless: {issuer: "https://accounts.example.com", subject: "ci@example.com", rekor: url: "https://rekor.sigstore.dev"}}]}]
	}]
}`)},

		{Code: UnknownTarget, Name: "an unknown target",
			Why: "kcue compiles to kyverno.io/v1.",
			Bad: "$ kcue build --target kyverno.io/v3"},
	}
}
