package vettest

import "strings"

var pod = object{"resources": object{"kinds": []any{"Pod"}}}

var mutations = []mutation{
	// What every object has.
	{"name in upper case", in(set("name", "Bad_Name"), "metadata")},
	{"name too long", in(set("name", strings.Repeat("a", 70)), "metadata")},
	{"no name", in(drop("name"), "metadata")},
	{"bad label", in(set("labels", object{"a b": "c"}), "metadata")},
	{"label that is no string", in(set("labels", object{"a": true}), "metadata")},
	{"namespace on a cluster-scoped policy", func(o object) bool {
		return o["kind"] == "ClusterPolicy" && in(set("namespace", "a"), "metadata")(o)
	}},
	{"unknown field of spec", in(set("unknwon", true), "spec")},
	{"no spec", drop("spec")},
	{"empty spec", set("spec", object{})},
	{"unknown version", func(o object) bool {
		group, _, _ := strings.Cut(o["apiVersion"].(string), "/")
		o["apiVersion"] = group + "/v9"
		return true
	}},

	// Settings of ClusterPolicy and Policy.
	{"rules that are a map", ofSpec(func(s object) bool { s["rules"] = object{}; return true })},
	{"no rules", ofSpec(drop("rules"))},
	{"unknown failure action", ofSpec(set("validationFailureAction", "Deny"))},
	{"timeout too long", ofSpec(set("webhookTimeoutSeconds", int64(31)))},
	{"timeout of the webhook too long", ofSpec(set("webhookConfiguration", object{"timeoutSeconds": int64(31)}))},
	{"timeout said twice", ofSpec(func(s object) bool {
		s["webhookTimeoutSeconds"] = int64(10)
		s["webhookConfiguration"] = object{"timeoutSeconds": int64(20)}
		return true
	})},
	{"failure policy said twice", ofSpec(func(s object) bool {
		s["failurePolicy"] = "Fail"
		s["webhookConfiguration"] = object{"failurePolicy": "Ignore"}
		return true
	})},
	{"match condition that is no CEL", ofSpec(set("webhookConfiguration", object{"matchConditions": []any{object{"name": "a", "expression": "object.("}}}))},
	{"match condition of another type", ofSpec(set("webhookConfiguration", object{"matchConditions": []any{object{"name": "a", "expression": "1 + 1"}}}))},
	{"neither admission nor background", ofSpec(func(s object) bool { s["admission"], s["background"] = false, false; return true })},
	{"unknown autogen controller", in(set("annotations", object{"pod-policies.kyverno.io/autogen-controllers": "all"}), "metadata")},
	{"overrides with an unknown action", ofSpec(set("validationFailureActionOverrides", []any{object{"action": "Deny", "namespaces": []any{"a"}}}))},
	{"overrides that contradict", ofSpec(set("validationFailureActionOverrides", []any{object{"action": "Audit", "namespaces": []any{"a*"}}, object{"action": "Enforce", "namespaces": []any{"ab"}}}))},
	{"generate existing said twice", ofSpec(func(s object) bool {
		s["generateExistingOnPolicyUpdate"], s["generateExisting"] = true, true
		return true
	})},
	{"mutate existing without targets", rule(within("mutate", func(m object) bool {
		delete(m, "targets")
		m["mutateExistingOnPolicyUpdate"] = true
		return true
	}))},

	// Rules.
	{"no name of a rule", rule(drop("name"))},
	{"name of a rule too long", rule(set("name", strings.Repeat("a", 64)))},
	{"two rules of one name", ofSpec(func(s object) bool {
		rules, _ := s["rules"].([]any)
		if len(rules) == 0 {
			return false
		}
		s["rules"] = append(rules, rules[0])
		return true
	})},
	{"unknown field of a rule", rule(set("when", "always"))},
	{"no match", rule(drop("match"))},
	{"empty match", rule(set("match", object{}))},
	{"empty any", rule(set("match", object{"any": []any{}}))},
	{"empty filter", rule(set("match", object{"any": []any{object{}}}))},
	{"any and all", rule(set("match", object{"any": []any{pod}, "all": []any{pod}}))},
	{"any beside a filter", rule(set("match", object{"any": []any{pod}, "resources": pod["resources"]}))},
	{"exclude with any and all", rule(set("exclude", object{"any": []any{pod}, "all": []any{pod}}))},
	{"exclude of all that is matched", rule(func(r object) bool {
		r["match"], r["exclude"] = object{"any": []any{pod}}, object{"any": []any{pod}}
		return true
	})},
	{"no kinds", rule(set("match", object{"any": []any{object{"resources": object{"namespaces": []any{"a"}}}}}))},
	{"kinds that are empty", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{}}}}}))},
	{"kinds that are a string", rule(set("match", object{"any": []any{object{"resources": object{"kinds": "Pod"}}}}))},
	{"name and names", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "name": "a", "names": []any{"b"}}}}}))},
	{"every kind", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"*"}}}}}))},
	{"every kind beside one", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"*", "Pod"}}}}}))},
	{"operation that is none", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "operations": []any{"REMOVE"}}}}}))},
	{"selector with a bad operator", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchExpressions": []any{object{"key": "a", "operator": "Is", "values": []any{"b"}}}}}}}}))},
	{"selector without values", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchExpressions": []any{object{"key": "a", "operator": "In"}}}}}}}))},
	{"selector with a bad key", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{"matchLabels": object{"a b": "c"}}}}}}))},
	{"empty selector", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "selector": object{}}}}}))},
	{"empty namespace selector", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "namespaceSelector": object{}}}}}))},
	{"subject of no kind", rule(set("match", object{"any": []any{object{"subjects": []any{object{"name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"subject of an unknown kind", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "Robot", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"service account without a namespace", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "ServiceAccount", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"subjects in the background", rule(set("match", object{"any": []any{object{"subjects": []any{object{"kind": "User", "name": "a"}}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"role without a namespace", rule(set("match", object{"any": []any{object{"roles": []any{"admin"}, "resources": object{"kinds": []any{"Pod"}}}}}))},
	{"variable in match", rule(set("match", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "names": []any{"{{request.object.metadata.name}}"}}}}}))},
	{"variable in exclude", rule(set("exclude", object{"any": []any{object{"resources": object{"kinds": []any{"Pod"}, "names": []any{"{{request.object.metadata.name}}"}}}}}))},
	{"no body", rule(func(r object) bool {
		for _, b := range []string{"validate", "mutate", "generate", "verifyImages"} {
			delete(r, b)
		}
		return true
	})},
	{"two bodies", rule(func(r object) bool {
		_, ok := r["mutate"]
		r["mutate"] = object{"patchStrategicMerge": object{"metadata": object{"labels": object{"a": "b"}}}}
		return !ok
	})},
	{"image extractors without images", rule(func(r object) bool {
		_, images := r["verifyImages"]
		r["imageExtractors"] = object{"Task": []any{object{"path": "/spec/image"}}}
		return !images
	})},
	{"CEL preconditions of another rule", rule(func(r object) bool {
		_, cel := valueAt(r, "validate", "cel").(object)
		r["celPreconditions"] = []any{object{"name": "a", "expression": "true"}}
		return !cel
	})},

	// Context and conditions.
	{"context of no name", rule(set("context", []any{object{"variable": object{"value": "a"}}}))},
	{"context of a reserved name", rule(set("context", []any{object{"name": "request", "variable": object{"value": "a"}}}))},
	{"context of no source", rule(set("context", []any{object{"name": "a"}}))},
	{"context of two sources", rule(set("context", []any{object{"name": "a", "variable": object{"value": "a"}, "configMap": object{"name": "a", "namespace": "b"}}}))},
	{"variable of nothing", rule(set("context", []any{object{"name": "a", "variable": object{}}}))},
	{"default without a query", rule(set("context", []any{object{"name": "a", "variable": object{"default": "x"}}}))},
	{"variable whose query does not parse", rule(set("context", []any{object{"name": "a", "variable": object{"jmesPath": "a[?b"}}}))},
	{"ConfigMap without a name", rule(set("context", []any{object{"name": "a", "configMap": object{"namespace": "b"}}}))},
	{"ConfigMap without a namespace", rule(set("context", []any{object{"name": "a", "configMap": object{"name": "b"}}}))},
	{"call of nothing", rule(set("context", []any{object{"name": "a", "apiCall": object{}}}))},
	{"call of two things", rule(set("context", []any{object{"name": "a", "apiCall": object{"urlPath": "/api", "service": object{"url": "https://example.com"}}}}))},
	{"call whose query does not parse", rule(set("context", []any{object{"name": "a", "apiCall": object{"urlPath": "/api", "jmesPath": "items["}}}))},
	{"global reference without a name", rule(set("context", []any{object{"name": "a", "globalReference": object{"jmesPath": "a"}}}))},
	{"image whose query does not parse", rule(set("context", []any{object{"name": "a", "imageRegistry": object{"reference": "nginx", "jmesPath": "a["}}}))},
	{"condition of no key", rule(set("preconditions", object{"all": []any{object{"operator": "Equals", "value": "a"}}}))},
	{"condition of no operator", rule(set("preconditions", object{"all": []any{object{"key": "a", "value": "a"}}}))},
	{"condition of no value", rule(set("preconditions", object{"all": []any{object{"key": "a", "operator": "Equals"}}}))},
	{"unknown operator", rule(set("preconditions", object{"all": []any{object{"key": "a", "operator": "Is", "value": "a"}}}))},
	{"operation that no request has", rule(set("preconditions", object{"all": []any{object{"key": "{{request.operation}}", "operator": "Equals", "value": "REMOVE"}}}))},
	{"operations that no request has", rule(set("preconditions", object{"all": []any{object{"key": "{{request.operation}}", "operator": "AnyIn", "value": []any{"CREATE", "REMOVE"}}}}))},
	{"undefined variable", rule(set("preconditions", object{"all": []any{object{"key": "{{nowhere.to.be.found}}", "operator": "Equals", "value": "a"}}}))},
	{"user in the background", rule(set("preconditions", object{"all": []any{object{"key": "{{request.userInfo.username}}", "operator": "Equals", "value": "a"}}}))},
	{"service account in the background", rule(set("preconditions", object{"all": []any{object{"key": "{{serviceAccountName}}", "operator": "Equals", "value": "a"}}}))},
	{"element outside of a foreach", rule(func(r object) bool {
		r["preconditions"] = object{"all": []any{object{"key": "{{element.name}}", "operator": "Equals", "value": "a"}}}
		return true
	})},
	{"variable that does not parse", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return s + " ||| (" }))(r)
	})},
	{"unknown function of a variable", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return "to_uper(" + s + ")" }))(r)
	})},
	{"too few arguments", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return "replace_all(" + s + ")" }))(r)
	})},
	{"misspelt root of a variable", rule(func(r object) bool {
		return firstString(variable(func(s string) string { return strings.Replace(s, "request", "reqest", 1) }))(r)
	})},

	// Validate.
	{"validate nothing", rule(set("validate", object{"message": "a"}))},
	{"pattern and deny", rule(within("validate", func(v object) bool {
		_, ok := v["pattern"]
		v["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Equals", "value": "a"}}}}
		return ok
	}))},
	{"unknown rule action", rule(within("validate", set("failureAction", "Deny")))},
	{"message that is a list", rule(within("validate", set("message", []any{"a"})))},
	{"unsupported anchor", rule(within("validate", replace("pattern", object{"metadata": object{"+(labels)": object{"a": "b"}}})))},
	{"existence anchor on no list", rule(within("validate", replace("pattern", object{"spec": object{"^(containers)": "a"}})))},
	{"existence anchor on an empty list", rule(within("validate", replace("pattern", object{"spec": object{"^(containers)": []any{}}})))},
	{"pattern of something else", rule(within("validate", replace("pattern", object{"a": object{"b": object{"c": "{{ nowhere }}"}}})))},
	{"deny with an unknown operator", rule(within("validate", func(v object) bool {
		_, ok := v["deny"].(object)
		v["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Is", "value": "b"}}}}
		return ok
	}))},
	{"foreach without a list", rule(within("validate", firstItem("foreach", drop("list"))))},
	{"foreach with two bodies", rule(within("validate", firstItem("foreach", func(f object) bool {
		f["pattern"] = object{"a": "b"}
		f["deny"] = object{"conditions": object{"any": []any{object{"key": "a", "operator": "Equals", "value": "b"}}}}
		return true
	})))},
	{"foreach with none", rule(within("validate", firstItem("foreach", func(f object) bool {
		delete(f, "pattern")
		delete(f, "anyPattern")
		delete(f, "deny")
		delete(f, "foreach")
		return true
	})))},
	{"foreach whose list does not parse", rule(within("validate", firstItem("foreach", set("list", "request.object.spec.["))))},
	{"unknown level of pod security", rule(within("validate", within("podSecurity", set("level", "strict"))))},
	{"unknown version of pod security", rule(within("validate", within("podSecurity", set("version", "1.x"))))},
	{"unknown control of pod security", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Nothing"}}))))},
	{"control that needs images", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Capabilities"}}))))},
	{"control that takes no images", rule(within("validate", within("podSecurity", set("exclude", []any{object{"controlName": "Host Namespaces", "images": []any{"*"}}}))))},

	// Mutate, generate and verifyImages.
	{"mutate nothing", rule(func(r object) bool {
		_, ok := r["mutate"]
		r["mutate"] = object{}
		return ok
	})},
	{"two ways to mutate", rule(within("mutate", func(m object) bool {
		_, ok := m["patchStrategicMerge"]
		m["patchesJson6902"] = "- op: add\n  path: /metadata/labels/a\n  value: b\n"
		return ok
	}))},
	{"JSON patch that does not parse", rule(within("mutate", replace("patchesJson6902", "- op: [")))},
	{"JSON patch of an unknown operation", rule(within("mutate", replace("patchesJson6902", "- op: set\n  path: /a\n  value: b\n")))},
	{"JSON patch without a slash", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: metadata/labels/a\n  value: b\n")))},
	{"JSON patch without a value", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: /metadata/labels/a\n")))},
	{"JSON patch with a variable in its path", rule(within("mutate", replace("patchesJson6902", "- op: add\n  path: /metadata/labels/{{request.object.metadata.name}}\n  value: b\n")))},
	{"mutate foreach without a list", rule(within("mutate", firstItem("foreach", drop("list"))))},
	{"mutate foreach of nothing", rule(within("mutate", firstItem("foreach", func(f object) bool {
		delete(f, "patchStrategicMerge")
		delete(f, "patchesJson6902")
		delete(f, "foreach")
		return true
	})))},
	{"target without a kind", rule(within("mutate", firstItem("targets", drop("kind"))))},
	{"target with an undefined variable", rule(within("mutate", firstItem("targets", set("name", "{{ nowhere }}"))))},
	{"generate without a kind", rule(within("generate", replace("kind", "")))},
	{"generate without a name", rule(within("generate", replace("name", "")))},
	{"generate from two sources", rule(within("generate", func(g object) bool {
		_, ok := g["data"]
		g["clone"] = object{"name": "a", "namespace": "b"}
		return ok
	}))},
	{"generate from nothing", rule(within("generate", func(g object) bool {
		for _, f := range []string{"data", "clone", "cloneList", "foreach"} {
			delete(g, f)
		}
		return true
	}))},
	{"generate into no namespace", rule(within("generate", drop("namespace")))},
	{"generate into a namespace of what has none", rule(within("generate", func(g object) bool {
		_, ok := g["kind"]
		g["apiVersion"], g["kind"], g["namespace"] = "v1", "Namespace", "a"
		return ok
	}))},
	{"generate what triggers it", rule(func(r object) bool {
		g, ok := r["generate"].(object)
		if !ok || g["kind"] == nil {
			return false
		}
		r["match"] = object{"any": []any{object{"resources": object{"kinds": []any{g["kind"]}}}}}
		return true
	})},
	{"generate with an anchor", rule(within("generate", replace("data", object{"spec": object{"=(a)": "b"}})))},
	{"generate with an undefined variable", rule(within("generate", replace("name", "{{ nowhere }}")))},
	{"images of no reference", rule(firstItem("verifyImages", func(v object) bool {
		delete(v, "imageReferences")
		delete(v, "image")
		return true
	}))},
	{"variable in an image reference", rule(firstItem("verifyImages", set("imageReferences", []any{"{{ request.object.metadata.name }}"})))},
	{"digest in Audit", rule(firstItem("verifyImages", func(v object) bool {
		v["failureAction"], v["mutateDigest"] = "Audit", true
		return true
	}))},
	{"attestors that are none", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{}}})))},
	{"attestor of no kind", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{}}}})))},
	{"attestor of two kinds", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{"publicKeys": "a"}, "certificates": object{"cert": "a"}}}}})))},
	{"attestor of no key", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{}}}}})))},
	{"attestors fewer than asked", rule(firstItem("verifyImages", set("attestors", []any{object{"count": int64(3), "entries": []any{object{"keys": object{"kms": "gcpkms://a"}}}}})))},
	{"attestor by a keyless nothing", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keyless": object{}}}}})))},
	{"attestor with a bad signature algorithm", rule(firstItem("verifyImages", set("attestors", []any{object{"entries": []any{object{"keys": object{"kms": "gcpkms://a", "signatureAlgorithm": "md5"}}}}})))},
	{"unknown type of images", rule(firstItem("verifyImages", set("type", "Docker")))},

	// CEL, wherever it stands.
	{"CEL that does not parse", celExpression(appended(" && ("))},
	{"CEL of another type", celExpression(always("42"))},
	{"CEL with an undeclared variable", celExpression(always("nowhere == 1"))},
	{"CEL with an unknown function", celExpression(always("frobnicate(object)"))},
	{"CEL with an unknown field", celExpression(always("request.nowhere == 'a'"))},
	{"CEL with a wrong argument", celExpression(always("size(1) == 1"))},
	{"CEL of operands that do not go together", celExpression(always("1 == 'a'"))},
	{"CEL with a mixed list", celExpression(always("1 in [1, 'a']"))},
	{"CEL that is empty", celExpression(always(""))},
	{"CEL message that is no string", in(func(s object) bool {
		return firstItem("validations", set("messageExpression", "1 + 1"))(s)
	}, "spec")},
	{"CEL variable that does not compile", in(func(s object) bool {
		return firstItem("variables", set("expression", "nowhere.a"))(s)
	}, "spec")},
	{"audit annotation of another type", func(o object) bool {
		if !strings.HasSuffix(o["kind"].(string), "ValidatingPolicy") {
			return false
		}
		return in(set("auditAnnotations", []any{object{"key": "a", "valueExpression": "1"}}), "spec")(o)
	}},
	{"match condition that does not compile", func(o object) bool {
		return o["apiVersion"] != "kyverno.io/v1" && o["kind"] != "PolicyException" && in(set("matchConditions", []any{object{"name": "a", "expression": "object."}}), "spec")(o)
	}},
	{"no match constraints", in(drop("matchConstraints"), "spec")},
	{"match constraints of nothing", in(replace("matchConstraints", object{"resourceRules": []any{}}), "spec")},
	{"unknown validation action", in(replace("validationActions", []any{"Refuse"}), "spec")},
	{"validation of an unknown field", in(firstItem("validations", set("expresion", "true")), "spec")},
	{"JSON patch of CEL of another type", in(firstItem("mutations", func(m object) bool {
		p, ok := m["jsonPatch"].(object)
		if ok {
			p["expression"] = "'a'"
		}
		return ok
	}), "spec")},
	{"apply configuration of another type", in(firstItem("mutations", func(m object) bool {
		p, ok := m["applyConfiguration"].(object)
		if ok {
			p["expression"] = "'a'"
		}
		return ok
	}), "spec")},
	{"bad schedule", in(replace("schedule", "every day"), "spec")},
	{"schedule of too many fields", in(replace("schedule", "* * * * * * * * *"), "spec")},
	{"empty schedule", in(replace("schedule", ""), "spec")},
}
