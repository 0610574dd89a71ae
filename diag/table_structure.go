package diag

import "slices"

// structureTable explains the codes of what is wrong inside of rules and
// settings.
func structureTable() []Explanation {
	return slices.Concat(patternTable(), conditionTable(), settingTable(), imageTable(), otherKindsTable())
}

// patternTable explains the codes of patterns and patches.
func patternTable() []Explanation {
	return []Explanation{
		{Code: Anchor, Name: "an anchor that is none",
			Why: "Kyverno's anchors are a field's name in parentheses, after one of =, X, <, ^ and + or nothing: (condition), <(global condition), =(if there), X(not there), ^(some element), +(add). Any other key is a field's name, parentheses and all, which no resource has (pkg/engine/anchor/anchor.go). Patterns take all but +(), of which Kyverno refuses a policy; patches take (), <() and +() only.",
			Bad: policy(`"no-host-network": {
	match: kinds: ["Pod"]
	validate: {
		message: "Pods do not use the network of their node."
		pattern: spec: "=(hostNetwork": false
	}
}`),
			Good: policy(`"no-host-network": {
	match: kinds: ["Pod"]
	validate: {
		message: "Pods do not use the network of their node."
		pattern: spec: "=(hostNetwork)": false
	}
}`)},
		{Code: DeadPattern, Name: "a pattern that nothing matches",
			Why: "The operators of a pattern are >, >=, <, <= and ! at its beginning, and a-b and a!-b for ranges; the first four compare numbers, Kubernetes quantities (1Gi, 500m) and Go durations (1h30m), and nothing else. Parts are joined by one | or one &. Other operators are text (pkg/engine/pattern/pattern.go).",
			Bad: policy(`"memory": {
	match: kinds: ["Pod"]
	validate: {
		message: "Containers have at most 1 GB of memory."
		pattern: spec: containers: [{resources: limits: memory: "<=1GB"}]
	}
}`),
			Good: policy(`"memory": {
	match: kinds: ["Pod"]
	validate: {
		message: "Containers have at most 1 GB of memory."
		pattern: spec: containers: [{resources: limits: memory: "<=1G"}]
	}
}`)},
		{Code: LoosePattern, Name: "a part of a pattern that is not read", Warning: true,
			Why: "Of a list in a pattern Kyverno reads the first element, which every element of the resource must match. It does not read the value of X(), a range that begins above its end holds nothing, and wildcards in names work for labels and annotations alone (pkg/engine/validate/validate.go, pkg/engine/wildcards).",
			Bad: policy(`"registry": {
	match: kinds: ["Pod"]
	validate: {
		message: "Images come from ghcr.io or quay.io."
		pattern: spec: containers: [{image: "ghcr.io/*"}, {image: "quay.io/*"}]
	}
}`),
			Good: policy(`"registry": {
	match: kinds: ["Pod"]
	validate: {
		message: "Images come from ghcr.io or quay.io."
		pattern: spec: containers: [{image: "ghcr.io/* | quay.io/*"}]
	}
}`)},
		{Code: JSONPatch, Name: "a JSON patch that cannot be applied",
			Why: "A patch is a list of operations, each with op and path; add, replace and test have a value, move and copy a from (RFC 6902). A path begins with a slash, and a slash inside a key is written ~1 (RFC 6901). Kyverno refuses some of these mistakes (pkg/validation/policy/validate.go), and fails at every request of the others.",
			Bad: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: {
		patchesJson6902: """
			- {op: add, path: /metadata/annotations/example.com/owner, value: nobody}
			"""
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: {
		patchesJson6902: """
			- {op: add, path: /metadata/annotations/example.com~1owner, value: nobody}
			"""
	}
}`)},
		{Code: PatchOnPod, Name: "a JSON patch of Pods", Warning: true,
			Why: "Kyverno's autogen turns no JSON patch into a rule for Deployments and the other controllers, so that their Pods differ from their templates; it says so when it takes the policy (pkg/validation/policy/validate.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	mutate: {
		patchesJson6902: """
			- {op: add, path: /spec/automountServiceAccountToken, value: false}
			"""
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["Pod"]
	mutate: {
		patchStrategicMerge: spec: automountServiceAccountToken: false
	}
}`)},
		{Code: MetadataValue, Name: "a label or annotation that is no string",
			Why: "Labels and annotations are strings, and Kyverno refuses patterns and patches that say otherwise (pkg/validation/policy/validate.go).",
			Bad: policy(`"tier-label": {
	match: kinds: ["Pod"]
	validate: {
		message: "The label tier is 1."
		pattern: metadata: labels: tier: 1
	}
}`),
			Good: policy(`"tier-label": {
	match: kinds: ["Pod"]
	validate: {
		message: "The label tier is 1."
		pattern: metadata: labels: tier: "1"
	}
}`)},
	}
}

// conditionTable explains the codes of conditions and filters.
func conditionTable() []Explanation {
	return []Explanation{
		{Code: Condition, Name: "a condition that Kyverno refuses",
			Why: "A condition has a key, an operator and a value, and an operation of a request is CREATE, UPDATE, DELETE or CONNECT (pkg/validation/policy/validate.go). Fields that Kyverno does not know it passes over.",
			Bad: policy(`"frozen": {
	match: kinds: ["Pod"]
	preconditions: all: [{key: "{{ request.operation }}", operator: "Equals", value: "CREAT"}]
	validate: {
		message: "Nothing is created here."
		deny: {}
	}
}`),
			Good: policy(`"frozen": {
	match: kinds: ["Pod"]
	preconditions: all: [{key: "{{ request.operation }}", operator: "Equals", value: "CREATE"}]
	validate: {
		message: "Nothing is created here."
		deny: {}
	}
}`)},
		{Code: ConditionValue, Name: "a condition that never holds",
			Why: "GreaterThan and its like compare numbers, quantities, Go durations and versions; Equals compares text with wildcards, and knows no other operators in it; a key is text unless it stands in {{ }} (pkg/engine/variables/operator).",
			Bad: policy(`"replicas": {
	match: kinds: ["Deployment"]
	preconditions: all: [{key: "{{ request.object.spec.replicas }}", operator: "GreaterThan", value: "ten"}]
	validate: {
		message: "At most ten replicas."
		deny: {}
	}
}`),
			Good: policy(`"replicas": {
	match: kinds: ["Deployment"]
	preconditions: all: [{key: "{{ request.object.spec.replicas }}", operator: "GreaterThan", value: 10}]
	validate: {
		message: "At most ten replicas."
		deny: {}
	}
}`)},
		{Code: ConstantCondition, Name: "a condition that is always the same", Warning: true,
			Why: "Without a variable in key or value, with an empty list, or with a text where a list is meant, a condition says nothing of the resource.",
			Bad: policy(`"names": {
	match: kinds: ["Pod"]
	preconditions: all: [{key: "{{ request.object.metadata.name }}", operator: "AnyIn", value: "a, b"}]
	validate: {
		message: "The names a and b are taken."
		deny: {}
	}
}`),
			Good: policy(`"names": {
	match: kinds: ["Pod"]
	preconditions: all: [{key: "{{ request.object.metadata.name }}", operator: "AnyIn", value: ["a", "b"]}]
	validate: {
		message: "The names a and b are taken."
		deny: {}
	}
}`)},
		{Code: Selector, Name: "a label selector that Kubernetes refuses",
			Why: "Keys and values are those of labels. In and NotIn have values, Exists and DoesNotExist none. Kyverno's wildcards work in matchLabels only, and it refuses an empty selector (api/kyverno/v1/resource_description_types.go).",
			Bad: policy(`"owner-label": {
	match: {
		kinds: ["ConfigMap"]
		selector: matchExpressions: [{key: "tier", operator: "In"}]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: {
		kinds: ["ConfigMap"]
		selector: matchExpressions: [{key: "tier", operator: "Exists"}]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`)},
		{Code: Subject, Name: "a subject or role that Kyverno refuses",
			Why: "A role is written namespace:name, a ServiceAccount has its namespace (api/kyverno/v1/user_info_types.go).",
			Bad: `package policies

clusterPolicies: "no-deletes": {
	background: false
	rules: "no-deletes": {
		match: kinds: ["ConfigMap"]
		exclude: roles: ["admin"]
		validate: {
			message: "Only the admin of a namespace changes it."
			deny: {}
		}
	}
}
`,
			Good: `package policies

clusterPolicies: "no-deletes": {
	background: false
	rules: "no-deletes": {
		match: kinds: ["ConfigMap"]
		exclude: roles: ["production:admin"]
		validate: {
			message: "Only the admin of a namespace changes it."
			deny: {}
		}
	}
}
`},
		{Code: DeadFilter, Name: "a filter that selects nothing",
			Why: "Namespaces have lower-case names; roles are compared by their whole names, without wildcards; a namespaceSelector does not apply to Namespaces themselves (pkg/engine/utils/match.go).",
			Bad: policy(`"owner-label": {
	match: {
		kinds: ["ConfigMap"]
		namespaces: ["Production"]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: {
		kinds: ["ConfigMap"]
		namespaces: ["production"]
	}
	validate: {
		message: "The label owner is required."
		pattern: metadata: labels: owner: "?*"
	}
}`)},
	}
}

// settingTable explains the codes of rules and settings.
func settingTable() []Explanation {
	return []Explanation{
		{Code: PodSecurity, Name: "an exclusion of podSecurity that Kyverno refuses, or that excludes nothing",
			Why: "A control of containers is left out for images, one of the Pod is not; baseline has no controls of restricted; restrictedField and values belong together, and a field is one that the control's check reports (api/kyverno/v1/common_types.go, pkg/pss/evaluate.go). At the level privileged Kyverno 1.19 makes every check of restricted.",
			Bad: policy(`"baseline": {
	match: kinds: ["Pod"]
	validate: {
		message: "Pods keep to the baseline."
		podSecurity: {
			level: "baseline"
			exclude: [{controlName: "Capabilities"}]
		}
	}
}`),
			Good: policy(`"baseline": {
	match: kinds: ["Pod"]
	validate: {
		message: "Pods keep to the baseline."
		podSecurity: {
			level: "baseline"
			exclude: [{controlName: "Capabilities", images: ["ghcr.io/acme/*"]}]
		}
	}
}`)},
		{Code: ActionOverrides, Name: "failure actions in conflict",
			Why: "One namespace must not have both actions; Kyverno refuses names and patterns that overlap, and has such overrides for cluster policies only (pkg/validation/policy/validate.go).",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	failureActionOverrides: [
		{action: "Enforce", namespaces: ["prod-*"]},
		{action: "Audit", namespaces: ["prod-test"]},
	]
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": {
	failureActionOverrides: [
		{action: "Enforce", namespaces: ["prod-*"]},
		{action: "Audit", namespaces: ["test-*"]},
	]
	rules: "owner-label": ` + indent(labelRule) + `
}
`},
		{Code: Processing, Name: "a policy that never runs, or not in time",
			Why: "A policy runs at admission, in background scans, or both; only validate rules run in background scans alone. A webhook has 1 to 30 seconds, and Kyverno refuses a deprecated setting beside the one that replaces it (api/kyverno/v1/spec_types.go).",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	admission:  false
	background: false
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": {
	admission:  false
	background: true
	rules: "owner-label": ` + indent(labelRule) + `
}
`},
		{Code: AutogenControllers, Name: "a controller that autogen does not know",
			Why: "The annotation is none, or controllers with commas between them and no spaces: CronJob, DaemonSet, Deployment, Job, StatefulSet, ReplicaSet, ReplicationController. Kyverno passes over others, and refuses the former \"all\" (pkg/autogen/v1). In a spec, write autogen.",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	annotations: "pod-policies.kyverno.io/autogen-controllers": "DaemonSet,Deployment,Job,StatefulSet,Cronjob"
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": rules: "owner-label": ` + labelRule + `
`},
		{Code: AutogenPartial, Name: "autogen for some controllers only", Warning: true,
			Why: "The Pods of the controllers that are left out meet the rule all the same, one by one, where nobody who could mend them is told (pkg/validation/policy/validate.go).",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	autogen: ["Deployment", "StatefulSet"]
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": rules: "owner-label": ` + labelRule + `
`},
		{Code: MutateForms, Name: "a mutate of no form, or of two",
			Why: "Kyverno takes exactly one of patchStrategicMerge, patchesJson6902 and foreach (pkg/policy/mutate/validate.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: {
		patchStrategicMerge: data: owner: "nobody"
		patchesJson6902: """
			- {op: add, path: /data/owner, value: nobody}
			"""
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: patchStrategicMerge: data: owner: "nobody"
}`)},
		{Code: MutateTargets, Name: "a mutate of existing resources that does not say which",
			Why: "mutateExistingOnPolicyUpdate changes the resources under targets, each of which has apiVersion and kind (api/kyverno/v1/spec_types.go).",
			Bad: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: {
		mutateExistingOnPolicyUpdate: true
		patchStrategicMerge: data: owner: "nobody"
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["ConfigMap"]
	mutate: {
		mutateExistingOnPolicyUpdate: true
		targets: [{apiVersion: "v1", kind: "ConfigMap", name: "owner", namespace: "default"}]
		patchStrategicMerge: data: owner: "nobody"
	}
}`)},
		{Code: ForeachForms, Name: "a foreach without a list, of no form or of two",
			Why: "A foreach has a list, and exactly one of what it does to each element; in mutate, a nested foreach stands alone (pkg/policy/validate/validate.go, pkg/policy/mutate/validate.go).",
			Bad: policy(`"registry": {
	match: kinds: ["Pod"]
	validate: {
		message: "Images come from ghcr.io."
		foreach: [{
			pattern: image: "ghcr.io/*"
		}]
	}
}`),
			Good: policy(`"registry": {
	match: kinds: ["Pod"]
	validate: {
		message: "Images come from ghcr.io."
		foreach: [{
			list: "request.object.spec.containers"
			pattern: image: "ghcr.io/*"
		}]
	}
}`)},
	}
}
