package diag

// practice wraps the body of a documented policy in a package.
func practice(body string) string {
	return `package policies

clusterPolicies: "pod-baseline": {
	description: "What every Pod of ours holds to."

` + body + `}
`
}

// podRule is the start of a rule of such a policy.
const podRule = `	rules: "the-rule": {
		match: kinds: ["Pod"]
		validate: {
`

// endRule ends it.
const endRule = `		}
	}
`

// ownerPattern is a sound validate, for examples that are about something else.
const ownerPattern = `			message: "The label owner is required: add it under metadata.labels."
			pattern: metadata: labels: owner: "?*"
`

// practicesTable explains the codes of best practices. docs/best-practices.md
// says more of each.
func practicesTable() []Explanation {
	var table []Explanation
	for _, part := range [][]Explanation{scopePractices(), checkPractices(), policyPractices(), otherPractices()} {
		table = append(table, part...)
	}
	return table
}

// scopePractices are about what a policy applies to.
func scopePractices() []Explanation {
	return []Explanation{
		{Code: SystemNamespaces, Name: "enforced in the cluster's own namespaces", Warning: true,
			Why: "A policy that refuses Pods everywhere refuses those of kube-system and of Kyverno too, at the worst time: when a node has failed and they are made again. Kyverno's Helm chart leaves these namespaces out in Kyverno's own configuration; a policy that does so itself holds on every cluster. Exclude them, choose namespaces in match, or audit there.",
			Bad: practice(`	failureAction: "Enforce"
` + podRule + ownerPattern + endRule),
			Good: practice(`	failureAction:           "Enforce"
	excludeSystemNamespaces: true
` + podRule + ownerPattern + endRule)},
		{Code: IdleBackground, Name: "background: true where it does nothing", Warning: true,
			Why: "A background scan evaluates rules that validate or verify images, as if what it finds were just created (pkg/controllers/report/utils). Rules that mutate or generate, and rules for updates or deletions alone, are no part of it; background: true only forbids them the variables of a request's user. What reaches existing resources is mutateExistingOnPolicyUpdate and generateExisting.",
			Bad: practice(`	background: true
	rules: "owner-label": {
		match: kinds: ["Pod"]
		mutate: patchStrategicMerge: metadata: labels: "+(owner)": "nobody"
	}
`),
			Good: practice(`	background: false
	rules: "owner-label": {
		match: kinds: ["Pod"]
		mutate: patchStrategicMerge: metadata: labels: "+(owner)": "nobody"
	}
`)},
		{Code: UnhelpfulMessage, Name: "a message that says nothing", Warning: true,
			Why: "The message is all that most people ever see of a policy. It should name what is wrong and how to mend it; the rule's own name, \"validation error\" or three words do not. In YAML a message may be missing altogether, which is the same.",
			Bad: practice(podRule + `			message: "Validation error"
			pattern: metadata: labels: owner: "?*"
` + endRule),
			Good: practice(podRule + ownerPattern + endRule)},
		{Code: AllKinds, Name: "a match on every kind", Warning: true,
			Why: "Every request to the API server, down to the Leases by which nodes say that they are alive, then waits for Kyverno, and fails with it. A filter that names resources, namespaces or one operation is taken as meant.",
			Bad: practice(`	background: false
	rules: "owner-label": {
		match: kinds: ["*"]
		validate: {
` + ownerPattern + endRule),
			Good: practice(`	background: false
	rules: "owner-label": {
		match: kinds: ["Deployment", "StatefulSet", "Service"]
		validate: {
` + ownerPattern + endRule)},
		{Code: ControllersUnchecked, Name: "a rule on Pods that no controller is held to", Warning: true,
			Why: "Kyverno extends a rule on Pods to the Deployments and Jobs that make them (autogen), unless the rule chooses by name, label or annotation, in match or in exclude, or lists Pod beside other kinds in one filter (pkg/autogen/v1/autogen.go CanAutoGen). The Deployment is then taken, and its Pods are refused where nobody looks. Choose by namespace, or in preconditions. Where Pods alone are meant, autogen: \"none\" says so.",
			Bad: practice(`	rules: "host-network": {
		match: kinds: ["Pod"]
		exclude: selector: matchLabels: "network-agent": "true"
		validate: {
			message: "hostNetwork is for network agents: leave it out."
			pattern: spec: "=(hostNetwork)": false
		}
	}
`),
			Good: practice(`	rules: "host-network": {
		match: kinds: ["Pod"]
		exclude: namespaceSelector: matchLabels: "network-agents": "true"
		validate: {
			message: "hostNetwork is for network agents: leave it out."
			pattern: spec: "=(hostNetwork)": false
		}
	}
`)},
		{Code: PodsUnchecked, Name: "a rule on controllers that passes bare Pods by", Warning: true,
			Why: "What a rule asks of the containers of a Deployment's template holds for no Pod that is made by hand, and by no other controller. Written for Pods, Kyverno's autogen extends it to all of them.",
			Bad: practice(`	rules: "not-privileged": {
		match: kinds: ["Deployment"]
		validate: {
			message: "Privileged containers are not allowed: leave privileged out."
			pattern: spec: template: spec: {
				"=(ephemeralContainers)": [{"=(securityContext)": "=(privileged)": false}]
				"=(initContainers)": [{"=(securityContext)": "=(privileged)": false}]
				containers: [{"=(securityContext)": "=(privileged)": false}]
			}
		}
	}
`),
			Good: practice(`	rules: "not-privileged": {
		match: kinds: ["Pod"]
		validate: {
			message: "Privileged containers are not allowed: leave privileged out."
			pattern: spec: {
				"=(ephemeralContainers)": [{"=(securityContext)": "=(privileged)": false}]
				"=(initContainers)": [{"=(securityContext)": "=(privileged)": false}]
				containers: [{"=(securityContext)": "=(privileged)": false}]
			}
		}
	}
`)},
	}
}

// checkPractices are about what a rule asks of a resource.
func checkPractices() []Explanation {
	return []Explanation{
		{Code: InitContainers, Name: "a check that skips init containers", Warning: true,
			Why: "An image, a security context or an environment that is refused among containers runs as well among initContainers, or in an ephemeral container that kubectl debug adds. Rules of one policy may share the work: one that looks at initContainers is enough.",
			Bad: practice(podRule + `			message: "Privileged containers are not allowed: leave privileged out."
			pattern: spec: containers: [{"=(securityContext)": "=(privileged)": false}]
` + endRule),
			Good: practice(podRule + `			message: "Privileged containers are not allowed: leave privileged out."
			pattern: spec: {
				"=(ephemeralContainers)": [{"=(securityContext)": "=(privileged)": false}]
				"=(initContainers)": [{"=(securityContext)": "=(privileged)": false}]
				containers: [{"=(securityContext)": "=(privileged)": false}]
			}
` + endRule)},
		{Code: OpenImagePattern, Name: "a pattern of trusted images that takes a stranger's", Warning: true,
			Why: "A wildcard matches any characters, dots and slashes among them: gcr.io* takes gcr.io.evil.example/app, *.gcr.io/* takes evil.example/x.gcr.io/app, and ghcr.io/acme* takes ghcr.io/acme-evil/app. The host, and on a public registry the account, end with a slash.",
			Bad: practice(podRule + `			message: "Images come from gcr.io: write the registry out."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "gcr.io*"
			}]
` + endRule),
			Good: practice(podRule + `			message: "Images come from gcr.io: write the registry out."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "gcr.io/*"
			}]
` + endRule)},
		{Code: LatestTag, Name: "latest refused by name alone, or asked for", Warning: true,
			Why: "An image without a tag is latest too, and a pattern that refuses *:latest takes it: ask for a tag as well. A pattern that asks for latest asks for what changes.",
			Bad: practice(podRule + `			message: "The tag latest moves: write the version out."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "!*:latest"
			}]
` + endRule),
			Good: practice(podRule + `			message: "The tag latest moves: write the version out."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "*:* & !*:latest"
			}]
` + endRule)},
		{Code: ImplicitRegistry, Name: "Docker Hub refused by its name", Warning: true,
			Why: "Images of Docker Hub need not name it: nginx is docker.io/library/nginx, and the field of a Pod holds what its author wrote. Kyverno fills the registry in for the variable images and for verifyImages. Naming what is allowed needs no such care.",
			Bad: practice(podRule + `			message: "Images do not come from Docker Hub: use the mirror, mirror.example.com."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "!docker.io/*"
			}]
` + endRule),
			Good: practice(podRule + `			message: "Images come from the mirror: mirror.example.com/nginx, for one."
			foreach: [{
				list: "request.object.spec.[initContainers, ephemeralContainers, containers][]"
				pattern: image: "mirror.example.com/*"
			}]
` + endRule)},
		{Code: DeniesAll, Name: "a deny without a condition", Warning: true,
			Why: "Of no conditions all are true, so Kyverno refuses whatever matches (pkg/engine/variables/evaluate.go). deny: {} is a way to forbid something, and is reported only where that is every Pod; conditions that are begun and hold none, everywhere.",
			Bad: practice(podRule + `			message: "Host ports are for the ingress: leave hostPort out."
			deny: {}
` + endRule),
			Good: practice(podRule + `			message: "Host ports are for the ingress: leave hostPort out."
			deny: conditions: all: [{
				key:      "{{ request.object.spec.[initContainers, containers][].ports[].hostPort || ` + "`[]`" + ` | length(@) }}"
				operator: "GreaterThan"
				value:    0
			}]
` + endRule)},
		{Code: LoneAlternative, Name: "an anyPattern of one", Warning: true,
			Why: "It says that there are alternatives where there are none, and its message does not say at which path a resource fails, as pattern's does.",
			Bad: practice(podRule + `			message: "The label owner is required: add it under metadata.labels."
			anyPattern: [{metadata: labels: owner: "?*"}]
` + endRule),
			Good: practice(podRule + ownerPattern + endRule)},
		{Code: OptionalParent, Name: "what must be there, under what need not", Warning: true,
			Why: "=(labels) looks at labels only where there are any: an object without labels has no owner label and passes.",
			Bad: practice(podRule + `			message: "The label owner is required: add it under metadata.labels."
			pattern: metadata: "=(labels)": owner: "?*"
` + endRule),
			Good: practice(podRule + ownerPattern + endRule)},
	}
}
