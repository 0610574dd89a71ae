package diag

// celRules is what the examples of CEL are about.
const celRules = `matchConstraints: resourceRules: [{apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"]}]`

// celPods is celRules for Pods, which Kyverno's autogen widens.
const celPods = `matchConstraints: resourceRules: [{apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"]}]`

// celExample wraps the fields of a spec in a package.
func celExample(kind, match, fields string) string {
	return "package policies\n\n" + kind + ": \"team-data\": {\n\t" + match + "\n\t" + indent(fields) + "\n}\n"
}

// celValidation is an example of one validation.
func celValidation(expression string) string {
	return celExample("validatingPolicies", celRules, "validations: [{expression: \""+expression+"\"}]")
}

// celTable explains the codes of CEL.
func celTable() []Explanation {
	return []Explanation{
		{Code: CELSyntax, Name: "an expression that is no CEL",
			Why:  "Expressions are written in the Common Expression Language: == and not =, && and not and, 'text' in quotes. Kyverno refuses a policy with another.",
			Bad:  celValidation("object.metadata.name = 'team'"),
			Good: celValidation("object.metadata.name == 'team'")},
		{Code: CELName, Name: "an unknown name in an expression",
			Why:  "An expression begins with what Kyverno gives its place, such as object, oldObject, request, namespaceObject and variables. Not every place has all of them: a message has no authorizer, and params needs a paramKind.",
			Bad:  celValidation("objct.metadata.name == 'team'"),
			Good: celValidation("object.metadata.name == 'team'")},
		{Code: CELFunction, Name: "an unknown function in an expression",
			Why:  "Kyverno gives each kind of policy its own libraries, besides those of CEL and of Kubernetes.",
			Bad:  celValidation("object.metadata.name.startWith('team-')"),
			Good: celValidation("object.metadata.name.startsWith('team-')")},
		{Code: CELField, Name: "an unknown field in an expression",
			Why:  "The fields of request and namespaceObject are known when an expression is compiled; those of object are not, and are looked for when it is evaluated.",
			Bad:  celValidation("request.userInfo.name == 'team'"),
			Good: celValidation("request.userInfo.username == 'team'")},
		{Code: CELVariable, Name: "a variable that is not declared, or twice",
			Why:  "Kyverno compiles the variables in their order, and each sees those before it. Of two of one name, the last is evaluated. A ValidatingPolicy's matchConditions come before its variables.",
			Bad:  celExample("validatingPolicies", celRules, "variables: [{name: \"names\", expression: \"object.data.map(k, k)\"}]\nvalidations: [{expression: \"variables.name.size() > 0\"}]"),
			Good: celExample("validatingPolicies", celRules, "variables: [{name: \"names\", expression: \"object.data.map(k, k)\"}]\nvalidations: [{expression: \"variables.names.size() > 0\"}]")},
		{Code: CELTypes, Name: "a value of the wrong type in an expression",
			Why:  "Functions and operators take the types that they are declared with, as far as those are known when the expression is compiled, and the elements of a list have one type.",
			Bad:  celValidation("request.operation == 1"),
			Good: celValidation("request.operation == 'CREATE'")},
		{Code: CELResult, Name: "an expression of the wrong type",
			Why:  "A condition gives a bool and a message a string, and Kyverno asks for it when it compiles the expression: a field of object, whose type is known only when it is evaluated, is neither.",
			Bad:  celValidation("object.immutable"),
			Good: celValidation("object.immutable == true")},
		{Code: CELLiteral, Name: "a constant that cannot be read",
			Why:  "A regular expression, duration, timestamp or number that is written out is read when the expression is compiled.",
			Bad:  celValidation("object.metadata.name.matches('team-[')"),
			Good: celValidation("object.metadata.name.matches('team-[a-z]+')")},
		{Code: CELForbidden, Name: "a library that a namespaced policy may not use",
			Why:  "A policy of a namespace must not reach what is outside of it: globalContext is refused, and http too unless Kyverno runs with --allowHTTPInNamespacedPolicies.",
			Bad:  "package policies\n\nnamespacedValidatingPolicies: production: \"team-data\": {\n\t" + celRules + "\n\tvalidations: [{expression: \"globalContext.Get('teams', '').size() > 0\"}]\n}\n",
			Good: "package policies\n\nnamespacedValidatingPolicies: production: \"team-data\": {\n\t" + celRules + "\n\tvalidations: [{expression: \"resource.List('v1', 'configmaps').items.size() > 0\"}]\n}\n"},
		{Code: CELForms, Name: "fields of a CEL policy that do not go together",
			Why:  "Kyverno's compilers ask for a resource rule, for one of expression and template, for paramKind with paramRef, and so on, and refuse a policy without; or, as with a patch that patchType does not name, pass it over.",
			Bad:  celExample("validatingPolicies", "matchConstraints: namespaceSelector: matchLabels: team: \"a\"", "validations: [{expression: \"object.metadata.name == 'team'\"}]"),
			Good: celValidation("object.metadata.name == 'team'")},
		{Code: CELTemplate, Name: "a template that is no resource",
			Why:  "generate.template holds the YAML of what is generated; (( … )) in it is CEL where interpolate is cel, in values and not in names.",
			Bad:  celExample("generatingPolicies", celRules, "generate: [{template: value: \"- a\"}]"),
			Good: celExample("generatingPolicies", celRules, "generate: [{template: value: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}\"}]")},
		{Code: CELAutogen, Name: "a policy that autogen breaks",
			Why:  "Of a policy about Pods, Kyverno makes forms for Deployments, CronJobs and the others, by replacing object.spec and object.metadata in the text of the expressions, wherever they stand. Its webhook does not compile the forms; the policy is never loaded.",
			Bad:  celExample("validatingPolicies", celPods, "variables: [{name: \"nsobject\", expression: \"namespaceObject\"}]\nvalidations: [{expression: \"variables.nsobject.metadata.namespace == 'a' || variables.nsobject.metadata.name == 'b'\"}]"),
			Good: celExample("validatingPolicies", celPods, "variables: [{name: \"ns\", expression: \"namespaceObject\"}]\nvalidations: [{expression: \"variables.ns.metadata.namespace == 'a' || variables.ns.metadata.name == 'b'\"}]")},
		{Code: CELAutogenPath, Name: "a path that autogen leaves without a value", Warning: true,
			Why:  "In the forms for Pod controllers, object.metadata is that of the Pod template, which has labels and annotations and no name. Variables and JSON patches of a MutatingPolicy, and object['spec'], are not rewritten at all.",
			Bad:  celExample("validatingPolicies", celPods, "validations: [{expression: \"object.metadata.name != 'debug'\"}]"),
			Good: celExample("validatingPolicies", celPods, "autogen: podControllers: controllers: []\nvalidations: [{expression: \"object.metadata.name != 'debug'\"}]")},
		{Code: CELMissingField, Name: "a field that a resource may lack", Warning: true,
			Why:  "Reading a field that is not there fails the expression, and by failurePolicy the request. A resource without labels has no field labels.",
			Bad:  celValidation("object.metadata.labels.team == 'a'"),
			Good: celValidation("object.metadata.?labels.team.orValue('') == 'a'")},
		{Code: CELControllers, Name: "a controller that Kyverno does not know", Warning: true,
			Why:  "A CEL policy names the controllers for autogen by their plural in lower case, or as <resource>.<version>.<group>; Kyverno passes over others.",
			Bad:  celExample("validatingPolicies", celPods, "autogen: podControllers: controllers: [\"Deployment\"]\nvalidations: [{expression: \"object.spec.containers.size() == 1\"}]"),
			Good: celExample("validatingPolicies", celPods, "autogen: podControllers: controllers: [\"deployments\"]\nvalidations: [{expression: \"object.spec.containers.size() == 1\"}]")},
	}
}
