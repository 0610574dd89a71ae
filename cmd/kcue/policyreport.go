package main

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"cuelang.org/go/cue/token"

	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
	"kcue.dev/protocol"
)

// resultReport writes PolicyReports of wgpolicyk8s.io/v1alpha2, one for each
// namespace, and a ClusterPolicyReport for what is in none.
type resultReport struct {
	w          io.Writer
	category   map[string]policyClass
	namespaces []string
	results    map[string][]*spec.Node
	counts     map[string]map[string]int
}

// policyClass is how a policy classifies itself.
type policyClass struct{ category, severity string }

// reportStatuses are the results that a report knows, in the order of its
// summary. What no rule concerns is none.
var reportStatuses = []string{protocol.Pass, protocol.Fail, protocol.Warn, protocol.Error, protocol.Skip}

func newResultReport(w io.Writer, style evalStyle) resultWriter {
	r := &resultReport{w: w, category: map[string]policyClass{}, results: map[string][]*spec.Node{}, counts: map[string]map[string]int{}}
	for _, p := range style.policies.objects {
		metadata := p.node.Get("metadata")
		key := metadata.Get("name").Str()
		if namespace := metadata.Get("namespace").Str(); namespace != "" {
			key = namespace + "/" + key
		}
		annotations := metadata.Get("annotations")
		r.category[key] = policyClass{
			category: annotations.Get("policies.kyverno.io/category").Str(),
			severity: annotations.Get("policies.kyverno.io/severity").Str(),
		}
	}
	return r
}

func text(s string) *spec.Node { return spec.NewString(s, token.NoPos) }

// mapping makes a struct of names and values; a nil value is left out.
func mapping(pairs ...any) *spec.Node {
	n := spec.NewStruct(token.NoPos)
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := pairs[i+1].(*spec.Node); value != nil {
			n.Fields = append(n.Fields, spec.Field{Name: pairs[i].(string), Value: value})
		}
	}
	return n
}

// optional is a text, or nothing.
func optional(s string) *spec.Node {
	if s == "" {
		return nil
	}
	return text(s)
}

func (r *resultReport) write(e *protocol.Evaluated) error {
	results := e.Results
	if e.Failure != "" {
		results = []protocol.Result{{Status: protocol.Error, Message: e.Failure}}
	}
	namespace := e.Resource.Namespace
	resource := mapping("apiVersion", text(e.Resource.APIVersion), "kind", text(e.Resource.Kind),
		"namespace", optional(namespace), "name", text(e.Resource.Name))
	for _, result := range results {
		if !slices.Contains(reportStatuses, result.Status) {
			continue
		}
		if r.counts[namespace] == nil {
			r.counts[namespace] = map[string]int{}
			r.namespaces = append(r.namespaces, namespace)
		}
		r.counts[namespace][result.Status]++
		class := r.category[result.Policy]
		severity := class.severity
		if !slices.Contains([]string{"critical", "high", "medium", "low", "info"}, severity) {
			severity = ""
		}
		r.results[namespace] = append(r.results[namespace], mapping(
			"source", text("kyverno"),
			"policy", text(result.Policy),
			"rule", optional(result.Rule),
			"category", optional(class.category),
			"severity", optional(severity),
			"resources", spec.NewList(token.NoPos, resource),
			"result", text(result.Status),
			"scored", spec.NewBool(result.Status != protocol.Warn, token.NoPos),
			"message", optional(result.Message),
		))
	}
	return nil
}

func (r *resultReport) end(evalSummary, []inputMistake) error {
	slices.Sort(r.namespaces)
	var reports []*spec.Node
	for _, namespace := range r.namespaces {
		kind, scope := "PolicyReport", optional(namespace)
		if namespace == "" {
			kind = "ClusterPolicyReport"
		}
		summary := mapping()
		for _, status := range reportStatuses {
			count := &spec.Node{Kind: spec.Number, Text: strconv.Itoa(r.counts[namespace][status])}
			summary.Fields = append(summary.Fields, spec.Field{Name: status, Value: count})
		}
		reports = append(reports, mapping(
			"apiVersion", text("wgpolicyk8s.io/v1alpha2"),
			"kind", text(kind),
			"metadata", mapping("name", text("kcue"), "namespace", scope),
			"summary", summary,
			"results", spec.NewList(token.NoPos, r.results[namespace]...),
		))
	}
	if len(reports) == 0 {
		return nil
	}
	data, err := emit.YAML(reports, runtime.GOMAXPROCS(0))
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	w := bufio.NewWriter(r.w)
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Flush()
}
