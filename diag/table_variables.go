package diag

// deniedBy is a rule that denies by a condition, with what stands beside it.
func deniedBy(key, rest string) string {
	return policy(`"owner-label": {
	match: kinds: ["Pod"]` + rest + `
	validate: {
		message: "The label owner is required."
		deny: conditions: any: [{
			key:      "` + key + `"
			operator: "Equals"
			value:    ""
		}]
	}
}`)
}

// variablesTable explains the codes of JMESPath, variables and context entries.
func variablesTable() []Explanation {
	const owner = "{{ request.object.metadata.labels.owner || '' }}"
	return []Explanation{
		{Code: JMESPath, Name: "an expression is no JMESPath, or calls what is none of its functions",
			Why:  "Kyverno refuses what its JMESPath parser cannot read. A function that does not exist, or that is called with the wrong number or types of arguments, it takes, and fails over it in every request (pkg/engine/jmespath). Names with other characters than letters, digits and _ stand in double quotes, strings in single ones, and numbers in backticks.",
			Bad:  deniedBy("{{ to_uper(request.object.metadata.labels.owner || '') }}", ""),
			Good: deniedBy("{{ to_upper(request.object.metadata.labels.owner || '') }}", "")},
		{Code: UnknownVariable, Name: "a variable that nothing defines",
			Why:  "A variable begins with request, images, serviceAccountName, serviceAccountNamespace, the name of a context entry or, where they are known, element, elementIndex, target and image. Of another name Kyverno knows nothing, and the rule fails in every request.",
			Bad:  deniedBy("{{ request.objct.metadata.labels.owner || '' }}", ""),
			Good: deniedBy(owner, "")},
		{Code: MisplacedVariable, Name: "a variable where it is not known, or not allowed",
			Why:  "element is known inside of a foreach, target in a rule with mutate.targets, image while images are verified. match, exclude, image references and the paths of JSON patches have no variables at all. And Kyverno's webhook asks more of a variable than that it is known: that it begins with the name of a context entry, or holds one of request., element, images. and image., or a call of a function (pkg/validation/policy/validate.go).",
			Bad:  deniedBy("{{ element.metadata.labels.owner || '' }}", ""),
			Good: deniedBy(owner, "")},
		{Code: ContextEntry, Name: "a context entry that cannot bring its value",
			Why: "A context entry has a name that is none of Kyverno's own, and exactly one source, with what that asks for (pkg/validation/policy/validate.go validateRuleContext).",
			Bad: deniedBy(owner, `
	context: request: variable: value: "none"`),
			Good: deniedBy(owner, `
	context: fallback: variable: value: "none"`)},
		{Code: ContextOrder, Name: "a context entry uses one that stands after it",
			Why: "Kyverno loads an entry's value where it is first used, and lets it see the entries before it only.",
			Bad: deniedBy("{{ owner }}", `
	context: {
		owner: variable: value:     "{{ labels.owner || '' }}"
		labels: variable: jmesPath: "request.object.metadata.labels"
	}`),
			Good: deniedBy("{{ owner }}", `
	context: {
		labels: variable: jmesPath: "request.object.metadata.labels"
		owner: variable: value:     "{{ labels.owner || '' }}"
	}`)},
		{Code: PathReference, Name: "$(…) leads to no value",
			Why: "Kyverno replaces $(path) with another value of the same rule, anywhere in it, and refuses a policy in which there is no such value: a shell's $(command) in a generated resource too. \\$(…) is text.",
			Bad: policy(`"start-script": {
	match: kinds: ["Namespace"]
	generate: {
		apiVersion: "v1"
		kind:       "ConfigMap"
		name:       "start-script"
		namespace:  "{{ request.object.metadata.name }}"
		data: data: "start.sh": "echo started at $(date)"
	}
}`),
			Good: policy(`"start-script": {
	match: kinds: ["Namespace"]
	generate: {
		apiVersion: "v1"
		kind:       "ConfigMap"
		name:       "start-script"
		namespace:  "{{ request.object.metadata.name }}"
		data: data: "start.sh": "echo started at \\$(date)"
	}
}`)},
		{Code: UnclosedVariable, Name: "braces that do not close", Warning: true,
			Why: "Kyverno takes {{ for plain text where no }} is after it, and the text then stands in the message or the resource as it is.",
			Bad: policy(`"owner-label": {
	match: kinds: ["Pod"]
	validate: {
		message: "{{ request.object.metadata.name } has no label owner."
		pattern: metadata: labels: owner: "?*"
	}
}`),
			Good: policy(`"owner-label": {
	match: kinds: ["Pod"]
	validate: {
		message: "{{ request.object.metadata.name }} has no label owner."
		pattern: metadata: labels: owner: "?*"
	}
}`)},
	}
}
