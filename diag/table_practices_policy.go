package diag

// policyPractices are about the settings of a policy.
func policyPractices() []Explanation {
	return []Explanation{
		{Code: DeprecatedVersion, Name: "an apiVersion that Kyverno will drop", Warning: true,
			Why:  "Kyverno 1.19 serves kyverno.io/v2beta1 and policies.kyverno.io/v1alpha1 beside newer versions of the same kinds, and its CRDs mark them as deprecated. What kcue emits is never of these; YAML may be.",
			Bad:  "$ kcue vet policies.yaml   # apiVersion: kyverno.io/v2beta1",
			Good: "$ kcue vet policies.yaml   # apiVersion: kyverno.io/v1"},
		{Code: FailOpen, Name: "failurePolicy: Ignore on what enforces", Warning: true,
			Why: "While Kyverno does not answer, the API server lets every request pass, and nothing tells which. Whoever can overload Kyverno can then create what they like.",
			Bad: practice(`	failureAction:           "Enforce"
	failurePolicy:           "Ignore"
	excludeSystemNamespaces: true
` + podRule + ownerPattern + endRule),
			Good: practice(`	failureAction:           "Enforce"
	excludeSystemNamespaces: true
` + podRule + ownerPattern + endRule)},
		{Code: LongTimeout, Name: "a long webhook timeout", Warning: true,
			Why: "The API server holds each matching request as long as the timeout when Kyverno is slow, and other controllers with it. More than 15 seconds is for policies that ask a registry or another API.",
			Bad: practice(`	webhookTimeoutSeconds: 30
` + podRule + ownerPattern + endRule),
			Good: practice(podRule + ownerPattern + endRule)},
		{Code: CriticalAudit, Name: "critical, and not enforced", Warning: true,
			Why: "Audit is where a policy begins (best practice 1); one whose severity is critical should not stay there. failureActionOverrides enforces it in one namespace after another.",
			Bad: practice(`	severity:      "critical"
	failureAction: "Audit"
` + podRule + ownerPattern + endRule),
			Good: practice(`	severity:      "critical"
	failureAction: "Audit"
	failureActionOverrides: [{action: "Enforce", namespaces: ["staging"]}]
` + podRule + ownerPattern + endRule)},
		{Code: Undocumented, Name: "a policy without a description", Warning: true,
			Why:  "Who finds a policy in a cluster, in a report or in the way needs to know what it is for. title, category and severity are shown by reports too; the warning names those that are missing beside the description.",
			Bad:  policy("\"owner-label\": " + labelRule),
			Good: practice(podRule + ownerPattern + endRule)},
	}
}

// otherPractices are about rules that generate, and the other kinds.
func otherPractices() []Explanation {
	return []Explanation{
		{Code: WideException, Name: "an exception for everything", Warning: true,
			Why: "An exception that names only kinds turns its rules off for every resource of them, in every namespace. Names, namespaces, a selector or conditions say what it is for; one for podSecurity controls is limited by these. An exception of policies.kyverno.io says it in matchConditions.",
			Bad: `package policies

exceptions: kyverno: "legacy-root": {
	exceptions: [{policyName: "pod-baseline", ruleNames: ["no-root"]}]
	match: any: [{kinds: ["Pod"]}]
}
`,
			Good: `package policies

exceptions: kyverno: "legacy-root": {
	exceptions: [{policyName: "pod-baseline", ruleNames: ["no-root"]}]
	match: any: [{kinds: ["Pod"], namespaces: ["payments"], names: ["ledger-*"]}]
}
`},
		{Code: ExceptedRules, Name: "an exception from every rule", Warning: true,
			Why: "ruleNames: [\"*\"] excepts from the rules that the policy will have tomorrow, too.",
			Bad: `package policies

exceptions: kyverno: "legacy-root": {
	exceptions: [{policyName: "pod-baseline", ruleNames: ["*"]}]
	match: any: [{kinds: ["Pod"], namespaces: ["payments"], names: ["ledger-*"]}]
}
`,
			Good: `package policies

exceptions: kyverno: "legacy-root": {
	exceptions: [{policyName: "pod-baseline", ruleNames: ["no-root", "no-privileged"]}]
	match: any: [{kinds: ["Pod"], namespaces: ["payments"], names: ["ledger-*"]}]
}
`},
		{Code: NotSynchronized, Name: "a generate rule that does not say whether to synchronize", Warning: true,
			Why: "Kyverno's default is false: the generated NetworkPolicy that somebody deletes stays away, and a change of the policy reaches new Namespaces only. Where that is meant, synchronize: false says so.",
			Bad: practice(`	rules: "default-deny": {
		match: kinds: ["Namespace"]
		generate: {
			apiVersion: "networking.k8s.io/v1"
			kind:       "NetworkPolicy"
			name:       "default-deny"
			namespace:  "{{ request.object.metadata.name }}"
			data: spec: {podSelector: {}, policyTypes: ["Ingress", "Egress"]}
		}
	}
`),
			Good: practice(`	rules: "default-deny": {
		match: kinds: ["Namespace"]
		generate: {
			apiVersion:  "networking.k8s.io/v1"
			kind:        "NetworkPolicy"
			name:        "default-deny"
			namespace:   "{{ request.object.metadata.name }}"
			synchronize: true
			data: spec: {podSelector: {}, policyTypes: ["Ingress", "Egress"]}
		}
	}
`)},
		{Code: OpenCloneSource, Name: "a clone from the namespace default", Warning: true,
			Why: "Whoever may write in the source's namespace decides what every target gets. In default stands what nobody gave a place; keep sources in a namespace of the platform's own.",
			Bad: practice(`	rules: "pull-secret": {
		match: kinds: ["Namespace"]
		generate: {
			apiVersion:  "v1"
			kind:        "Secret"
			name:        "pull-secret"
			namespace:   "{{ request.object.metadata.name }}"
			synchronize: true
			clone: {namespace: "default", name: "pull-secret"}
		}
	}
`),
			Good: practice(`	rules: "pull-secret": {
		match: kinds: ["Namespace"]
		generate: {
			apiVersion:  "v1"
			kind:        "Secret"
			name:        "pull-secret"
			namespace:   "{{ request.object.metadata.name }}"
			synchronize: true
			clone: {namespace: "platform-secrets", name: "pull-secret"}
		}
	}
`)},
		{Code: DeletesAll, Name: "a cleanup of everything", Warning: true,
			Why: "A cleanup policy without conditions, names or a selector deletes all that it matches, on each run.",
			Bad: `package policies

clusterCleanupPolicies: "finished-jobs": {
	description: "Jobs that have succeeded are deleted each night."
	schedule:    "0 3 * * *"
	match: any: [{kinds: ["Job"]}]
}
`,
			Good: `package policies

clusterCleanupPolicies: "finished-jobs": {
	description: "Jobs that have succeeded are deleted each night."
	schedule:    "0 3 * * *"
	match: any: [{kinds: ["Job"]}]
	conditions: all: [{
		key:      "{{ target.status.succeeded || ` + "`0`" + ` }}"
		operator: "GreaterThan"
		value:    0
	}]
}
`},
	}
}
