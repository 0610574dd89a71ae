package protocol

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Version is the version of the messages. It changes whenever one side would
// misread the other.
const Version = 1

// StartVariable is set in the environment of a kcue-engine whose garbage
// collector has settings of kcue's, for the time in which it starts.
const StartVariable = "KCUE_ENGINE_START"

// Hello is the first message of each side.
type Hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`           // of the binary
	Kyverno  string `json:"kyverno,omitempty"` // of kcue-engine: Kyverno's version
}

// Request is a message to kcue-engine: exactly one of its fields is set. After
// the hello come suites and files, which are answered in their order, or one
// Evaluation and its inputs. The end of the stream ends the run.
type Request struct {
	Hello *Hello `json:"hello,omitempty"`
	Suite *Suite `json:"suite,omitempty"`
	// Objects are the compiled policies and exceptions that the files after
	// it may name in place of files of their own. It has no answer.
	Objects    *Objects    `json:"objects,omitempty"`
	File       *File       `json:"file,omitempty"`
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	Input      *Input      `json:"input,omitempty"`
}

// Objects is a list of Kubernetes objects.
type Objects struct {
	Items []json.RawMessage `json:"items"`
}

// File is a suite of Kyverno's own form (cli.kyverno.io/v1alpha1 Test).
type File struct {
	// Path is the suite's file; the files that it names are relative to it.
	Path string `json:"path"`
	// Root is the directory that it may name files in.
	Root string `json:"root"`
}

// Evaluation says what the inputs that follow are evaluated against.
type Evaluation struct {
	// Objects are policies and exceptions; others count as resources of the
	// cluster.
	Objects   []json.RawMessage `json:"objects"`
	Values    Values            `json:"values"`
	UserInfo  *UserInfo         `json:"userInfo,omitempty"`
	Operation string            `json:"operation,omitempty"`
}

// Input is a resource to evaluate.
type Input struct {
	Object    json.RawMessage `json:"object"`
	OldObject json.RawMessage `json:"oldObject,omitempty"`
}

// Reply is a message from kcue-engine: exactly one of its fields is set.
type Reply struct {
	Hello *Hello `json:"hello,omitempty"`
	// Checks answers a Suite or a File.
	Checks *Checks `json:"checks,omitempty"`
	// Prepared answers an Evaluation.
	Prepared *Prepared `json:"prepared,omitempty"`
	// Evaluated answers an Input.
	Evaluated *Evaluated `json:"evaluated,omitempty"`
	// Failure is why the run ends early.
	Failure string `json:"failure,omitempty"`
	// Done is the last reply of a run that reached the end of its requests.
	Done bool `json:"done,omitempty"`
}

// Checks is what became of a suite.
type Checks struct {
	Suite  string  `json:"suite"`
	Checks []Check `json:"checks"`
}

// Prepared tells what the engine made of the objects of an Evaluation.
type Prepared struct {
	Policies int       `json:"policies"` // that can be evaluated
	Problems []Problem `json:"problems,omitempty"`
}

// Problem is an object that Kyverno refuses, or that cannot be evaluated.
type Problem struct {
	Index   int    `json:"index"`  // in Evaluation.Objects; -1 where it is not known
	Object  string `json:"object"` // "Kind name" or "Kind namespace/name"
	Message string `json:"message"`
}

// Evaluated is what the policies make of an Input.
type Evaluated struct {
	Resource Resource `json:"resource"`
	Results  []Result `json:"results"`
	// Patched is the resource as the policies leave it, and Original as it
	// was; both are absent where the policies do not change it.
	Patched  json.RawMessage `json:"patched,omitempty"`
	Original json.RawMessage `json:"original,omitempty"`
	// Failure is why the resource could not be evaluated at all.
	Failure string `json:"failure,omitempty"`
}

// Result is what a rule says of a resource.
type Result struct {
	Policy        string   `json:"policy"` // "name" or "namespace/name"
	Rule          string   `json:"rule"`   // as its author named it; empty for the policy as a whole
	Resource      Resource `json:"resource"`
	Status        string   `json:"status"`
	FailureAction string   `json:"failureAction"` // Audit or Enforce; empty where the rule only mutates or generates
	Message       string   `json:"message"`
	// Exceptions names the exceptions that skipped the rule.
	Exceptions []string `json:"exceptions,omitempty"`
	// Targets are the existing resources that the rule changes, and Generated
	// the resources that it creates.
	Targets   []json.RawMessage `json:"targets,omitempty"`
	Generated []json.RawMessage `json:"generated,omitempty"`
}

// Writer writes messages, one a line. Flush sends them.
type Writer struct {
	buffer  *bufio.Writer
	encoder *json.Encoder
}

// NewWriter gives a Writer to a stream.
func NewWriter(w io.Writer) *Writer {
	buffer := bufio.NewWriterSize(w, 64<<10)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return &Writer{buffer, encoder}
}

// Write writes a Request or a Reply.
func (w *Writer) Write(message any) error { return w.encoder.Encode(message) }

// Flush sends what is written.
func (w *Writer) Flush() error { return w.buffer.Flush() }

// Reader reads messages.
type Reader struct{ decoder *json.Decoder }

// NewReader gives a Reader of a stream.
func NewReader(r io.Reader) *Reader {
	return &Reader{json.NewDecoder(bufio.NewReaderSize(r, 64<<10))}
}

// Read reads a Request or a Reply. At the end of the stream, the error is
// io.EOF; a message that breaks off gives io.ErrUnexpectedEOF.
func (r *Reader) Read(message any) error { return r.decoder.Decode(message) }

// ErrVersion is for a peer that speaks another version of the protocol.
var ErrVersion = errors.New("another version of the protocol")

// Accept says whether a peer's hello can be answered; its absence is that of a
// peer which does not speak the protocol at all.
func (h *Hello) Accept() error {
	switch {
	case h == nil:
		return fmt.Errorf("%w: it sends no greeting", ErrVersion)
	case h.Protocol != Version:
		return fmt.Errorf("%w: it speaks %d, this is %d", ErrVersion, h.Protocol, Version)
	}
	return nil
}
