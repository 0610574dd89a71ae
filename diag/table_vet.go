package diag

// vetTable explains the codes of what is said about vetting itself.
func vetTable() []Explanation {
	return []Explanation{
		{Code: Suppression, Name: "a warning cannot be turned off like this",
			Why: "@kcue(disable=CODE) behind or in a field turns off warnings in that field, and at the top of a file in the whole file. So do .kcue.yaml for a repository, the annotation kcue.dev/disable for a policy, and --disable for a run. They name codes of warnings, or KC5 for all best practices: an error cannot be turned off.",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	@kcue(disable=KC401)
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": rules: "owner-label": ` + labelRule + `
`},
		{Code: EngineRefuses, Name: "Kyverno's own validation refuses the object",
			Why: "kcue vet --engine puts what passed kcue's checks through Kyverno's own, in kcue-engine. If it finds something, kcue has a check too few: please report it.",
			Bad: "$ kcue vet --engine ./..."},
		{Code: UnusedSuppression, Name: "a warning is turned off that is not there", Warning: true,
			Why: "What @kcue(disable=CODE) or .kcue.yaml turns off was mended, or never was. Left in place, it would hide the next mistake of its kind.",
			Bad: `package policies

clusterPolicies: "pod-labels": {
	@kcue(disable=KC409)
	description: "Workloads say whose they are."
	rules: "owner-label": ` + indent(labelRule) + `
}
`,
			Good: `package policies

clusterPolicies: "pod-labels": {
	description: "Workloads say whose they are."
	rules: "owner-label": ` + indent(labelRule) + `
}
`},
	}
}

// importTable explains the codes of kcue import.
func importTable() []Explanation {
	return []Explanation{
		{Code: RoundTrip, Name: "an object that no spec builds again",
			Why: "kcue import compiles what it made of each object and compares what that builds with the object that it read. One that would come out another is left out: nothing is lost or changed in silence.",
			Bad: "$ kcue import policies/ --out-dir specs"},
		{Code: UnsayableRow, Name: "a row of a suite that is no test", Warning: true,
			Why: "kcue import --tests makes tests of kyverno-test.yaml suites. What a bundle's tests have no word for, such as a value for a variable that a rule computes, stays in the suite, which kcue test runs as it is.",
			Bad: "$ kcue import --tests policies/ --out-dir specs"},
	}
}
