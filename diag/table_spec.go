package diag

// specTable explains the codes of load and of the schema.
func specTable() []Explanation {
	return []Explanation{
		{Code: Syntax, Name: "not CUE",
			Why: "CUE cannot parse the file. The position is where the parser stopped, which is at or after the slip.",
			Bad: `package policies

clusterPolicies: "pod-labels": rules: {
`,
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: NoSuchFile, Name: "no such file or directory",
			Why: "An argument names nothing. A directory is a package, ./... is every package below, and a name that ends in .cue is a file.",
			Bad: "$ kcue build ./polices"},
		{Code: Unreadable, Name: "a file cannot be read",
			Why: "The name is a directory, the file may not be opened, is larger than 64 MiB, is no regular file, or is a link that leads out of the module. Specs may come from a pull request: kcue never follows a path out of the tree that was named.",
			Bad: "$ kcue build policies.cue   # a directory of that name"},
		{Code: EmptyPackage, Name: "nothing to build",
			Why: "A package without CUE files, or one that declares nothing, is more likely a mistake than an intention, and a build that silently emits nothing would delete every policy in a GitOps repository.",
			Bad: `package policies
`,
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: ImportNotFound, Name: "an import cannot be found",
			Why: "The package is in no module that cue.mod/module.cue names. Imports of kcue.dev need no entry there: the binary holds that module.",
			Bad: `package policies

import "kcue.dev/paterns"

clusterPolicies: "no-privileged": rules: "no-privileged": paterns.#BlockPrivilegedContainers
`,
			Good: `package policies

import "kcue.dev/patterns"

clusterPolicies: "no-privileged": rules: "no-privileged": patterns.#BlockPrivilegedContainers
`},
		{Code: ManyPackages, Name: "several packages in one directory",
			Why: "The files of a directory have different package clauses, so the directory alone does not say which is meant.",
			Bad: "$ kcue build .   # a.cue has package a, b.cue has package b"},
		{Code: NotCUE, Name: "not a CUE file",
			Why: "kcue build reads CUE only.",
			Bad: "$ kcue build policy.yaml"},
		{Code: PinnedVersion, Name: "another version of kcue.dev is pinned or vendored", Warning: true,
			Why: "The binary always builds with the kcue.dev module that it holds, so that the checks and the patterns are of one version. A different version in cue.mod/module.cue, or a copy under cue.mod/pkg/kcue.dev of another version or with changes, is what cue and editors see instead. kcue init --vendor brings a copy up to date."},
		{Code: BadTag, Name: "a tag cannot be set",
			Why: "-t names a tag that no @tag attribute and no @if of the packages has, or gives a value that the field with the tag does not allow.",
			Bad: "$ kcue build -t environment=prod   # no field has @tag(environment)\nkcue build -t env=prd            # _env: *\"dev\" | \"prod\" @tag(env)"},
		{Code: Reference, Name: "a reference is not found",
			Why: "An identifier names no field that is in scope, no import and no let. Fields of another policy are reached through the whole path.",
			Bad: policy("\"owner-label\": _labelRule"),
			Good: policy("\"owner-label\": _labelRule") + `
_labelRule: ` + labelRule + `
`},

		{Code: UnknownField, Name: "an unknown field",
			Why: "The authoring model has no such field there. A regular field at the top of a package that is no field of #Bundle is one too: helpers have hidden names (_x), are definitions (#X) or lets.",
			Bad: `package policies

clusterPolicy: "pod-labels": rules: "owner-label": ` + labelRule + `
`,
			Good: policy("\"owner-label\": " + labelRule)},
		{Code: WrongType, Name: "a value of the wrong type",
			Why: "The authoring model, or a pattern's parameter, wants another type.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": background: "no"`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": background: false`)},
		{Code: UnknownParameter, Name: "an unknown parameter of a pattern",
			Why: "A pattern's params are closed: a misspelt one would otherwise leave the default in force, silently.",
			Bad: `package policies

import "kcue.dev/patterns"

clusterPolicies: "registries": rules: "trusted-registry": patterns.#RequireImageRegistry & {params: regisry: "ghcr.io"}
`,
			Good: `package policies

import "kcue.dev/patterns"

clusterPolicies: "registries": rules: "trusted-registry": patterns.#RequireImageRegistry & {params: registry: "ghcr.io"}
`},
		{Code: NotInEnumeration, Name: "a value that is not allowed",
			Why: "The field takes one of a few values. Kyverno's are case-sensitive.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": failureAction: "enforce"`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": failureAction: "Enforce"`)},
		{Code: MissingField, Name: "a required field is missing",
			Why: "Kyverno, or kcue, cannot do without it.",
			Bad: `package policies

clusterCleanupPolicies: "old-jobs": match: kinds: ["Job"]
`,
			Good: `package policies

clusterCleanupPolicies: "old-jobs": {
	match: kinds: ["Job"]
	schedule: "0 3 * * *"
}
`},
		{Code: Conflict, Name: "values that do not unify",
			Why: "CUE unifies what is written for one field in several places; it never lets one win. Inheritance with overrides is kcue's: see extends.",
			Bad: policy("\"owner-label\": "+labelRule) + `clusterPolicies: "pod-labels": failureAction: "Audit"
clusterPolicies: "pod-labels": failureAction: "Enforce"
`,
			Good: policy("\"owner-label\": "+labelRule) + `clusterPolicies: "pod-labels": failureAction: "Enforce"
`},
		{Code: NotConcrete, Name: "a value is not concrete",
			Why: "A type or a constraint stands where a value is needed: nothing in the package says which value it is. A tag that was not set is a common cause.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": description: string`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": description: "Every Pod says who owns it."`)},
		{Code: OutOfBounds, Name: "a value out of bounds",
			Why: "A number is too small or too large, a string does not have the form that the field wants, or a list has too few items.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": webhookTimeoutSeconds: 60`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": webhookTimeoutSeconds: 30`)},
		{Code: Evaluation, Name: "CUE cannot evaluate a value",
			Why: "An operation fails: a division by zero, a function that refuses its argument, a reference that leads back to itself.",
			Bad: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": webhookTimeoutSeconds: 30 / 0`),
			Good: policy("\"owner-label\": " + labelRule + `
clusterPolicies: "pod-labels": webhookTimeoutSeconds: 30`)},
		{Code: TooDeep, Name: "nested too deep",
			Why: "A value is nested deeper than any Kubernetes object: kcue refuses it rather than exhaust itself on hostile input."},
	}
}
