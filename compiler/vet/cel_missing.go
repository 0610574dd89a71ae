package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/compiler/celenv"
	"kcue.dev/diag"
)

// optionalMetadata are the fields of metadata that a resource may lack, and
// optionalPodSpec those of a Pod's spec that neither must be there nor are
// written in by the API server (k8s.io/api/core/v1, PodSpec).
var (
	optionalMetadata = []string{"annotations", "finalizers", "generateName", "labels", "ownerReferences"}
	optionalPodSpec  = []string{
		"activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "dnsConfig", "ephemeralContainers", "hostAliases", "hostIPC", "hostNetwork", "hostPID",
		"hostUsers", "hostname", "imagePullSecrets", "initContainers", "nodeSelector", "overhead", "priorityClassName", "readinessGates",
		"runtimeClassName", "shareProcessNamespace", "subdomain", "topologySpreadConstraints",
	}
	optionalContainer = []string{
		"args", "command", "env", "envFrom", "lifecycle", "livenessProbe", "ports", "readinessProbe", "securityContext", "startupProbe", "volumeMounts",
	}
	podContainers = []string{"object", "spec", "containers"}
)

// optionalPart says which field of a chain a resource may lack, by the chain up
// to it, as it is read and as it is called; field is "" where all are there.
func optionalPart(s celenv.Selection, pods bool) (owner, field, words string) {
	names := s.Names
	switch {
	case len(names) >= 3 && names[0] == "object" &&
		(names[1] == "metadata" && slices.Contains(optionalMetadata, names[2]) || pods && names[1] == "spec" && slices.Contains(optionalPodSpec, names[2])):
		return "object." + names[1], names[2], "a resource that has no " + names[1] + "." + names[2]
	case pods && len(names) >= 2 && slices.Equal(s.Over, podContainers) && slices.Contains(optionalContainer, names[1]):
		return names[0], names[1], "a container that has no " + names[1]
	case pods && len(names) >= 3 && slices.Equal(s.Over, podContainers) && names[1] == "resources" && (names[2] == "limits" || names[2] == "requests"):
		return names[0] + ".resources", names[2], "a container that has no resources." + names[2]
	}
	return "", "", ""
}

// missingFields warns of fields that resources may lack, where nothing in the
// policy asks whether they are there: reading one fails the expression, and so
// refuses the request, or lets it pass, by failurePolicy.
func (p *celPolicy) missingFields(s value, sound []bool) {
	scope := p.scope(p.kind)
	if scope == nil || s.down("matchConstraints", "objectSelector").exists() {
		return
	}
	pods := aboutPods(s)
	type reading struct {
		slot int
		celenv.Selection
	}
	var readings []reading
	asked := map[string]bool{}
	for i, slot := range p.slots {
		text, ok := slot.expression()
		if !ok {
			continue
		}
		for _, selection := range scope.Selections(text) {
			if selection.Tested || selection.Optional > 0 || selection.Guarded {
				// What is asked of one element is taken for asked of all.
				for _, name := range selection.Names[1:] {
					asked[name] = true
				}
				continue
			}
			if _, field, _ := optionalPart(selection, pods); field != "" && sound[i] && !slot.fallible && slot.in == "" {
				if strings.Contains(text, "'"+field+"' in ") || strings.Contains(text, fmt.Sprintf("%q in ", field)) {
					asked[field] = true
				}
				readings = append(readings, reading{i, selection})
			}
		}
	}
	for _, r := range readings {
		owner, field, words := optionalPart(r.Selection, pods)
		if asked[field] {
			continue
		}
		asked[field] = true
		p.warn(diag.CELMissingField, p.slots[r.slot].at, fmt.Sprintf("the expression fails for %s%s", words, celPlace(r.Problem)),
			fmt.Sprintf("read it as %s.?%s and say by orValue() what holds without it, or ask has(%s.%s) first", owner, field, owner, field))
	}
}
