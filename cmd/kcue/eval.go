package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/manifest"
	"kcue.dev/compiler/spec"
	"kcue.dev/protocol"
)

type evalFlags struct {
	resources []string
	policies  []string
	format    string
	target    string
	values    string
	userInfo  string
	operation string
}

func newEvalCommand(s streams, global *globalFlags) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval -r file [packages]",
		Short: "Evaluate resources against policies in Kyverno's own engine",
		Long: `Eval says what policies do to Kubernetes resources, with Kyverno's own engine:
what each rule says of each resource, what a resource is changed to and what is
generated. Resources are YAML or JSON, of any number of documents and Lists; a
directory stands for all that is below it, and - for standard input.

Policies are the specs of packages, or files of Kyverno's objects with --policy.
What rules look up in a cluster comes from --values; Namespaces among the
resources give their labels, and objects beside the policies count as being in
the cluster. Nothing goes to a network: what is missing is an error that names
it.

Exit status: 1 where a rule whose failure action is Enforce fails, a rule cannot
be judged, or an input cannot be read.`,
		Example: `  kcue eval -r deploy/ ./policies
  kubectl get pods -A -o json | kcue eval -r - --policy policy.yaml
  kcue eval -r pod.yaml --values values.yaml --format report ./...`,
		RunE: func(_ *cobra.Command, args []string) error { return runEval(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.resources, "resource", "r", nil, "`file`, directory, or - of resources; may be repeated")
	flags.StringArrayVar(&f.policies, "policy", nil, "`file` or directory of Kyverno's objects, in place of packages or beside them; may be repeated")
	flags.StringVar(&f.format, flagFormat, "text", "`format` of the results: text, json, or report, a PolicyReport of wgpolicyk8s.io/v1alpha2")
	flags.StringVar(&f.target, flagTarget, lower.KyvernoV1, "`API` to compile to: "+strings.Join(lower.Targets(), ", "))
	flags.StringVar(&f.values, "values", "", "`file` of what rules look up: configMaps, apiCalls, globalReferences, images, namespaceLabels")
	flags.StringVar(&f.userInfo, "userinfo", "", "`file` that says who asks: username, groups, roles, clusterRoles")
	flags.StringVar(&f.operation, "operation", "CREATE", "`operation` of the requests: CREATE, UPDATE (of nothing in the resource), DELETE or CONNECT")
	return cmd
}

func runEval(s streams, global *globalFlags, f evalFlags, args []string) error {
	out, ok := map[string]func(io.Writer, evalStyle) resultWriter{
		"text": newResultText, "json": newResultJSON, "report": newResultReport,
	}[f.format]
	switch {
	case !ok:
		return usagef("unknown format %q of --%s: expected text, json or report", f.format, flagFormat)
	case len(f.resources) == 0:
		return usagef("no resources: name a file, a directory or - with -r")
	}
	switch f.operation {
	case "CREATE", "UPDATE", "DELETE", "CONNECT":
	default:
		return usagef("unknown operation %q: expected CREATE, UPDATE, DELETE or CONNECT", f.operation)
	}
	if in := slices.Concat(args, f.policies); slices.Contains(f.resources, "-") && slices.Contains(in, "-") {
		return usagef("standard input cannot be both policies and resources")
	}
	e, noEngine := startEngine()
	defer e.stop()
	evaluation := protocol.Evaluation{Operation: f.operation}
	if err := readValues(f, &evaluation); err != nil {
		return err
	}
	policies, err := readPolicies(s, global, f, args)
	if err != nil {
		return err
	}
	for _, p := range policies.objects {
		evaluation.Objects = append(evaluation.Objects, p.data)
	}
	files, err := manifest.Files(f.resources)
	if err != nil {
		return usageError{err}
	}
	in, err := newResources(files, s.in)
	if err != nil {
		return err
	}
	defer in.close()
	if err := in.namespaces(&evaluation.Values); err != nil {
		return err
	}

	if noEngine != nil {
		return noEngine
	}
	if err := e.await(); err != nil {
		return err
	}
	r := &evalRun{
		streams: s, global: global, engine: e, policies: policies, in: in, operation: f.operation,
		// Results that come on the same screen are progress enough.
		progress: newProgress(s.err, global.quiet || isTerminal(s.out)),
		out:      out(s.out, evalStyle{color: global.color(s.out), verbose: global.verbose, policies: policies}),
	}
	r.mistakes = append(r.mistakes, policies.mistakes...)
	return r.run(evaluation)
}

// evalRun is one evaluation.
type evalRun struct {
	streams
	global    *globalFlags
	engine    *engine
	policies  *policies
	in        *resources
	operation string
	progress  *progress
	out       resultWriter
	summary   evalSummary
	mistakes  []inputMistake
}

// evalSummary counts resources, and results by status.
type evalSummary struct {
	Resources int `json:"resources"`
	Pass      int `json:"pass"`
	Fail      int `json:"fail"`
	Warn      int `json:"warn"`
	Error     int `json:"error"`
	Skip      int `json:"skip"`
	Unmatched int `json:"unmatched"`
	// Blocked counts the resources that a cluster would refuse: those that
	// fail a rule whose failure action is Enforce.
	Blocked int `json:"blocked"`
}

// inputMistake is an input that cannot be read or evaluated.
type inputMistake struct {
	File     string `json:"file"`
	Document int    `json:"document,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"`
}

func newInputMistake(e *manifest.Error) inputMistake {
	return inputMistake{File: e.File, Document: e.Document, Line: e.Line, Message: e.Message}
}

func (m inputMistake) String() string {
	return (&manifest.Error{File: m.File, Document: m.Document, Line: m.Line, Message: m.Message}).Error()
}

func (r *evalRun) run(evaluation protocol.Evaluation) error {
	for _, m := range r.mistakes {
		r.say(m)
	}
	// The inputs are read while replies come; what is wrong with them is told
	// once the run is over, in their order.
	var unread []inputMistake
	requests := func(yield func(protocol.Request) bool) {
		if !yield(protocol.Request{Evaluation: &evaluation}) {
			return
		}
		for o, err := range r.in.objects() {
			var mistake *manifest.Error
			if errors.As(err, &mistake) {
				unread = append(unread, newInputMistake(mistake))
				continue
			}
			data, err := o.Node.MarshalJSON()
			if err != nil {
				unread = append(unread, inputMistake{File: o.File, Document: o.Document, Message: err.Error()})
				continue
			}
			in := protocol.Input{Object: data}
			if r.operation == "UPDATE" {
				in.OldObject = data
			}
			if !yield(protocol.Request{Input: &in}) {
				return
			}
		}
	}
	err := r.engine.run(requests, r.handle)
	r.progress.clear()
	if err != nil {
		return err
	}
	for _, m := range unread {
		r.say(m)
	}
	r.mistakes = append(r.mistakes, unread...)
	if err := r.out.end(r.summary, r.mistakes); err != nil {
		return outputError{fmt.Errorf("cannot write the output: %w", err)}
	}
	switch {
	case r.summary.Resources == 0 && len(r.mistakes) == 0:
		return findingf("no resources to evaluate: an evaluation of nothing fails")
	case len(r.mistakes) > 0, r.summary.Blocked > 0, r.summary.Error > 0:
		return errFindings
	}
	return nil
}

// say prints a mistake for a person.
func (r *evalRun) say(m inputMistake) {
	r.progress.clear()
	fmt.Fprintf(r.streams.err, "kcue: %s\n", printable(m.String()))
}

func (r *evalRun) handle(reply protocol.Reply) error {
	switch {
	case reply.Prepared != nil:
		for _, p := range reply.Prepared.Problems {
			m := r.policies.place(p)
			r.mistakes = append(r.mistakes, m)
			r.say(m)
		}
		if reply.Prepared.Policies == 0 {
			return findingf("no policies to evaluate: an evaluation against nothing fails")
		}
	case reply.Evaluated != nil:
		r.count(reply.Evaluated)
		r.progress.show("%d resources, %d fail, %d error", r.summary.Resources, r.summary.Fail, r.summary.Error)
		if err := r.out.write(reply.Evaluated); err != nil {
			return outputError{fmt.Errorf("cannot write the output: %w", err)}
		}
	default:
		return usagef("%s answers something else than was asked", r.engine.path)
	}
	return nil
}

func (r *evalRun) count(e *protocol.Evaluated) {
	r.summary.Resources++
	if e.Failure != "" {
		r.summary.Error++
		return
	}
	of := map[string]*int{
		protocol.Pass: &r.summary.Pass, protocol.Fail: &r.summary.Fail, protocol.Warn: &r.summary.Warn,
		protocol.Error: &r.summary.Error, protocol.Skip: &r.summary.Skip, protocol.Unmatched: &r.summary.Unmatched,
	}
	blocked := false
	for _, result := range e.Results {
		if n := of[result.Status]; n != nil {
			*n++
		}
		blocked = blocked || refuses(result)
	}
	if blocked {
		r.summary.Blocked++
	}
}

// refuses reports whether a cluster would refuse a resource for a result.
func refuses(r protocol.Result) bool {
	return r.Status == protocol.Fail && r.FailureAction == "Enforce"
}

// policies are the objects of an evaluation with their places.
type policies struct {
	objects  []policyObject
	mistakes []inputMistake
}

type policyObject struct {
	node  *spec.Node
	data  json.RawMessage
	place inputMistake // without a message
}

// place says where an object stands that the engine has a problem with.
func (p *policies) place(problem protocol.Problem) inputMistake {
	m := inputMistake{File: "policies"}
	if problem.Index >= 0 && problem.Index < len(p.objects) {
		m = p.objects[problem.Index].place
	}
	m.Message = problem.Object + ": " + problem.Message
	return m
}

// readPolicies compiles packages and reads the files of --policy. The package
// in the working directory is the default only without such files.
func readPolicies(s streams, global *globalFlags, f evalFlags, args []string) (*policies, error) {
	p := &policies{}
	add := func(node *spec.Node, place inputMistake) error {
		data, err := node.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%s: %w", place.File, err)
		}
		p.objects = append(p.objects, policyObject{node, data, place})
		return nil
	}
	if len(args) > 0 || len(f.policies) == 0 {
		result, err := compiler.Compile(compiler.Config{Args: args, Tags: global.inject, Stdin: s.in, Target: f.target})
		if err != nil {
			return nil, err
		}
		global.warn(s, result.Warnings)
		for _, b := range result.Bundles {
			for _, o := range b.Objects {
				pos := b.Files.Position(o.Pos)
				if err := add(o.Node, inputMistake{File: pos.File, Line: pos.Line}); err != nil {
					return nil, err
				}
			}
		}
	}
	files, err := manifest.Files(f.policies)
	if err != nil {
		return nil, usageError{err}
	}
	for o, err := range manifest.Read(files, s.in) {
		var mistake *manifest.Error
		if errors.As(err, &mistake) {
			p.mistakes = append(p.mistakes, newInputMistake(mistake))
			continue
		}
		if err := add(o.Node, inputMistake{File: o.File, Document: o.Document}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// readValues reads the files of --values and --userinfo.
func readValues(f evalFlags, evaluation *protocol.Evaluation) error {
	if f.values != "" {
		// Tests say context before them, and so do the engine's messages.
		var values struct {
			protocol.Values
			Context protocol.Values `json:"context"`
		}
		if err := readFields(f.values, &values); err != nil {
			return err
		}
		evaluation.Values = values.Values.With(values.Context)
	}
	if f.userInfo == "" {
		return nil
	}
	// Kyverno's own file has who asks one level deeper, and its roles above.
	var user struct {
		protocol.UserInfo
		APIVersion string             `json:"apiVersion"`
		Kind       string             `json:"kind"`
		Metadata   any                `json:"metadata"`
		Inner      *protocol.UserInfo `json:"userInfo"`
	}
	if err := readFields(f.userInfo, &user); err != nil {
		return err
	}
	evaluation.UserInfo = &user.UserInfo
	if inner := user.Inner; inner != nil {
		evaluation.UserInfo.Username, evaluation.UserInfo.UID, evaluation.UserInfo.Groups = inner.Username, inner.UID, inner.Groups
	}
	return nil
}

// readFields reads a YAML or JSON file of one value, whose fields are all
// known.
func readFields(path string, into any) error {
	file, err := os.Open(path)
	if err != nil {
		return usagef("%s: %w", path, pathReason(err))
	}
	defer file.Close()
	const limit = 16<<20 + 1 // which spec.ParseYAML refuses
	data, err := io.ReadAll(io.LimitReader(file, limit))
	if err != nil {
		return usagef("%s: %w", path, pathReason(err))
	}
	documents, err := spec.ParseYAML(path, data)
	if err != nil {
		return usageError{err}
	}
	if len(documents) != 1 {
		return usagef("%s: has %d documents: expected one", path, len(documents))
	}
	text, err := documents[0].MarshalJSON()
	if err != nil {
		return usagef("%s: %w", path, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return usagef("%s: %s", path, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// resources are the inputs of an evaluation. They are read twice: Namespaces
// first, whose labels rules look at wherever in the input they stand.
type resources struct {
	files []string
	stdin *os.File // what standard input gave; nil where it is not read
}

func newResources(files []string, stdin io.Reader) (*resources, error) {
	r := &resources{files: files}
	for _, file := range files {
		if file != "-" || r.stdin != nil {
			continue
		}
		spool, err := os.CreateTemp("", "kcue-*")
		if err != nil {
			return nil, usagef("standard input cannot be kept: %w", err)
		}
		r.stdin = spool
		if _, err := io.Copy(spool, stdin); err != nil {
			r.close()
			return nil, usagef("standard input cannot be read: %w", err)
		}
	}
	return r, nil
}

func (r *resources) close() {
	if r.stdin != nil {
		r.stdin.Close()
		os.Remove(r.stdin.Name())
	}
}

func (r *resources) rewind() (io.Reader, error) {
	if r.stdin == nil {
		return strings.NewReader(""), nil
	}
	_, err := r.stdin.Seek(0, io.SeekStart)
	return r.stdin, err
}

// namespaces adds the labels of the Namespaces among the resources to those
// that are given; the latter count.
func (r *resources) namespaces(values *protocol.Values) error {
	stdin, err := r.rewind()
	if err != nil {
		return usagef("standard input cannot be read again: %w", err)
	}
	for o := range manifest.Mentioning("Namespace", r.files, stdin) {
		if o.Node.Get("kind").Str() != "Namespace" || o.Node.Get("apiVersion").Str() != "v1" {
			continue
		}
		metadata := o.Node.Get("metadata")
		name := metadata.Get("name").Str()
		if _, given := values.NamespaceLabels[name]; given || name == "" {
			continue
		}
		labels := map[string]string{}
		for _, f := range metadata.Get("labels").Members() {
			labels[f.Name] = f.Value.Str()
		}
		if values.NamespaceLabels == nil {
			values.NamespaceLabels = map[string]map[string]string{}
		}
		values.NamespaceLabels[name] = labels
	}
	return nil
}

func (r *resources) objects() iter.Seq2[manifest.Object, error] {
	stdin, err := r.rewind()
	if err != nil {
		return func(yield func(manifest.Object, error) bool) {
			yield(manifest.Object{}, &manifest.Error{File: "-", Message: err.Error()})
		}
	}
	return manifest.Read(r.files, stdin)
}
