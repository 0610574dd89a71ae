package compiler

import (
	"kcue.dev/compiler/spec"
)

// RuleCounts counts rules by what they do.
type RuleCounts struct {
	Validate     int `json:"validate"`
	Mutate       int `json:"mutate"`
	Generate     int `json:"generate"`
	VerifyImages int `json:"verifyImages"`
	Total        int `json:"total"`
}

// PolicySummary counts the rules of one policy.
type PolicySummary struct {
	Kind          string     `json:"kind"`
	Namespace     string     `json:"namespace,omitempty"`
	Name          string     `json:"name"`
	FailureAction string     `json:"failureAction"`
	Rules         RuleCounts `json:"rules"`
}

// KindCount counts objects of a kind.
type KindCount struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Count      int    `json:"count"`
}

// Summary counts what a compilation emits.
type Summary struct {
	Policies      []PolicySummary `json:"policies"`      // ClusterPolicies and Policies, in the order of emission
	TotalPolicies int             `json:"totalPolicies"` // their number
	Rules         RuleCounts      `json:"rules"`         // of all of them
	Objects       []KindCount     `json:"objects"`       // every kind that is emitted, policies included
	TotalObjects  int             `json:"totalObjects"`
}

func (c *RuleCounts) add(rule *spec.Node) {
	switch {
	case rule.Has("validate"):
		c.Validate++
	case rule.Has("mutate"):
		c.Mutate++
	case rule.Has("generate"):
		c.Generate++
	case rule.Has("verifyImages"):
		c.VerifyImages++
	}
	c.Total++
}

// Summary counts the result's policies, rules and objects.
func (r *Result) Summary() Summary {
	s := Summary{Policies: []PolicySummary{}, Objects: []KindCount{}}
	failureActions := map[string]string{}
	for _, b := range r.Bundles {
		for _, p := range b.Policies {
			failureActions[p.Ref()] = p.Resolved.Get("failureAction").Str()
		}
	}
	for _, o := range r.Objects {
		s.TotalObjects++
		if last := len(s.Objects) - 1; last >= 0 && s.Objects[last].Kind == o.Kind() && s.Objects[last].APIVersion == o.APIVersion() {
			s.Objects[last].Count++
		} else {
			s.Objects = append(s.Objects, KindCount{o.APIVersion(), o.Kind(), 1})
		}
		if o.Kind() != "ClusterPolicy" && o.Kind() != "Policy" || o.APIVersion() != "kyverno.io/v1" {
			continue
		}
		ref := o.Name()
		if o.Namespace() != "" {
			ref = o.Namespace() + "/" + ref
		}
		p := PolicySummary{Kind: o.Kind(), Namespace: o.Namespace(), Name: o.Name(), FailureAction: failureActions[ref]}
		for _, rule := range o.Node.Get("spec").Get("rules").Items {
			p.Rules.add(rule)
			s.Rules.add(rule)
		}
		s.TotalPolicies++
		s.Policies = append(s.Policies, p)
	}
	return s
}
