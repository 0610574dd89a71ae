package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// kinds checks what an object says of kinds: that there are such, at that
// version, and that what is asked of them suits their scope. Of an unknown kind
// Kyverno only warns, and then makes none of its later checks
// (pkg/validation/policy/validate.go validKinds); its rule never applies.
func (c *checker) kinds(table *kinds.Table) {
	k := &kindChecker{checker: c, table: table, kind: c.root.get("kind").Str()}
	s := c.root.get("spec")
	group, _, _ := strings.Cut(c.root.get("apiVersion").Str(), "/")
	switch {
	case group == "policies.kyverno.io":
		k.constraints(s)
	case group != "kyverno.io":
	case k.kind == "ClusterPolicy" || k.kind == "Policy":
		k.policy(s)
	case k.kind == "CleanupPolicy" || k.kind == "ClusterCleanupPolicy":
		k.clauses(s)
		k.emptySet(s.get("match"), s.get("exclude"), false)
	case k.kind == "PolicyException":
		k.clauses(s)
	case k.kind == "GlobalContextEntry":
		k.globalContext(s.get("kubernetesResource"))
	}
}

// kindChecker is a checker with the kinds of a cluster.
type kindChecker struct {
	*checker
	table *kinds.Table
	kind  string // of the object
}

// namespaced reports whether the object acts in its own namespace only.
func (k *kindChecker) namespaced() bool {
	switch k.kind {
	case "Policy", "CleanupPolicy":
		return true
	}
	return strings.HasPrefix(k.kind, "Namespaced")
}

// policy checks a ClusterPolicy or Policy.
func (k *kindChecker) policy(s value) {
	// pkg/validation/policy/validate.go Validate
	if ns := k.root.down("metadata", "namespace"); k.kind == "ClusterPolicy" && ns.Str() != "" {
		k.error(diag.NamespacedPolicy, ns, "a ClusterPolicy is in no namespace", "leave it out, or make it a Policy, which applies in its own namespace")
	}
	background := s.get("background")
	k.eachRule(func(r value) {
		k.clauses(r)
		k.emptySet(r.get("match"), r.get("exclude"), true)
		k.notAllowed(r, !background.exists() || background.IsTrue())
		k.missedSubresources(r)
		k.mutateTargets(r)
		k.paramKind(r.down("validate", "cel", "paramKind"))
		k.generate(r)
	})
}

// clauses checks the kinds of match and exclude.
func (k *kindChecker) clauses(r value) {
	for _, clause := range []string{"match", "exclude"} {
		for _, f := range k.filters(r.get(clause)) {
			resources := f.get("resources")
			for _, item := range resources.get("kinds").items() {
				found := k.selector(item)
				if k.namespaced() && isClusterScoped(found) {
					// api/kyverno/v1/resource_description_types.go
					k.once(diag.NamespacedPolicy, item, fmt.Sprintf("%s is in no namespace, and a namespaced policy sees only those of its own", item.Text), "make it a cluster policy")
				}
			}
		}
	}
}

// once reports an error where no other check has reported the same.
func (k *kindChecker) once(code diag.Code, at value, message, hint string) {
	if !slices.ContainsFunc(k.findings, func(f Finding) bool { return f.Code == code && f.Node == at.nearest() }) {
		k.error(code, at, message, hint)
	}
}

// isClusterScoped reports whether kinds of which one is meant live in no
// namespace. A name alone means Kubernetes' kind, where it has one: Node is not
// Longhorn's.
func isClusterScoped(found []*kinds.Kind) bool {
	return len(found) > 0 && !slices.ContainsFunc(meant(found), func(k *kinds.Kind) bool { return k.Namespaced })
}

// meant leaves out the kinds of other projects where Kubernetes, Kyverno or the
// user's definitions have one of the name.
func meant(found []*kinds.Kind) []*kinds.Kind {
	i := slices.IndexFunc(found, func(k *kinds.Kind) bool { return k.Origin == kinds.Ecosystem })
	if i > 0 {
		return found[:i]
	}
	return found
}

// selector checks a selector of kinds, and gives what it stands for.
func (k *kindChecker) selector(at value) []*kinds.Kind {
	if at.Node == nil || at.Kind != spec.String || isVariable(at.Text) {
		return nil
	}
	found, m := k.table.Check(at.Text)
	if m != nil {
		k.mistake(at, m, m.Selector(at.Text))
	}
	return found
}

// object checks an apiVersion and a kind that stand beside each other, and
// gives what they stand for. Where either is missing, or only known when the
// rule is evaluated, it says nothing.
func (k *kindChecker) object(apiVersion, kind value) []*kinds.Kind {
	if apiVersion.Str() == "" || kind.Str() == "" || isVariable(apiVersion.Text) || isVariable(kind.Text) {
		return nil
	}
	found, m := k.table.CheckObject(apiVersion.Text, kind.Text)
	if m == nil {
		return found
	}
	at, instead := kind, ""
	if m.Meant != nil {
		instead = m.Meant.Name
		if m.MeantSubresource != "" {
			instead += "/" + m.MeantSubresource
		}
	}
	if m.Part == kinds.PartGroup || m.Part == kinds.PartVersion {
		at = apiVersion
		if m.Meant != nil {
			instead = m.Meant.APIVersion()
		}
	}
	k.mistake(at, m, instead)
	return nil
}

// mistake reports a kind that no cluster has, or only another one: what is
// certain is an error, the rest a warning.
func (k *kindChecker) mistake(at value, m *kinds.Mistake, instead string) {
	const (
		declare = "if a CustomResourceDefinition makes it, give that with --crds"
		never   = ": nothing matches it"
	)
	hint := ""
	if instead != "" {
		hint = fmt.Sprintf("did you mean %q?", instead)
	}
	switch {
	case m.Reason == kinds.Removed:
		if instead != "" {
			hint = fmt.Sprintf("use %q", instead)
		}
		k.warn(diag.KindRemoved, at, m.Message, hint)
	case !m.Certain:
		if hint != "" {
			hint += " "
		}
		k.warn(diag.UnknownKind, at, m.Message, hint+declare)
	case m.Reason == kinds.Misspelt:
		k.error(diag.MisspeltKind, at, m.Message+never, hint)
	case m.Reason == kinds.NoSubresource:
		k.error(diag.NoSubresource, at, m.Message, hint)
	default:
		k.error(diag.KindNotServed, at, m.Message, hint)
	}
}

// mutateTargets checks the kinds of the existing resources that a rule mutates;
// a wildcard is as good there as in a match (pkg/engine/handlers/mutation
// getTargets).
func (k *kindChecker) mutateTargets(r value) {
	for _, t := range r.down("mutate", "targets").items() {
		apiVersion, kind := t.get("apiVersion"), t.get("kind")
		if !isWildcard(apiVersion.Str()) && !isWildcard(kind.Str()) {
			k.object(apiVersion, kind)
		}
		// api/kyverno/v1/rule_types.go ValidateMutationRuleTargetNamespace
		if ns := t.get("namespace"); k.kind == "Policy" && ns.Str() != "" && ns.Text != k.namespace {
			k.error(diag.NamespacedPolicy, ns, fmt.Sprintf("a namespaced policy mutates targets in its own namespace %q only", k.namespace), "leave it out")
		}
	}
}

// paramKind checks the kind of the parameters of validate.cel.
func (k *kindChecker) paramKind(p value) {
	k.object(p.get("apiVersion"), p.get("kind"))
}
