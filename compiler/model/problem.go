package model

import (
	"strconv"
	"strings"

	"kcue.dev/compiler/spec"
)

// Kind says in what way a value is not what the model allows.
type Kind uint8

const (
	// UnknownField is a field that its struct does not have.
	UnknownField Kind = iota
	// MissingField is a required field that is not there.
	MissingField
	// WrongType is a value of another type than expected.
	WrongType
	// NotInEnumeration is a string that is none of the allowed ones.
	NotInEnumeration
	// OutOfBounds is a number that is too small or too large, or a list with
	// too few or too many items.
	OutOfBounds
	// Malformed is a string that is empty, too short, too long or does not
	// match the expression that it should.
	Malformed
	// TooDeep is a value nested beyond what the checker follows.
	TooDeep
	// NoDefinition is a call of Check with a name that the model does not
	// have; it is no mistake in a spec.
	NoDefinition
)

func (k Kind) String() string {
	names := [...]string{"unknown field", "missing field", "wrong type", "not in enumeration", "out of bounds", "malformed", "too deep", "no definition"}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Problem is one mistake.
type Problem struct {
	Kind Kind

	// Node is the nearest value that exists, for its position: the offending
	// value itself, or the struct that lacks a field.
	Node *spec.Node

	// Path is where the offending value stands, or would stand.
	Path spec.Path

	// Field is the path's last label that is no list index.
	Field string

	// Definition is the definition that the value, or for unknown and missing
	// fields its struct, should satisfy: "#Rule", or "" within inline structs.
	Definition string

	// Expected holds what is allowed: field names, values or types, in the
	// order of the schema.
	Expected []string

	// Suggestion is what the author is likely to have meant, as it would be
	// written: a field's name, a path below the struct ("validate.message"),
	// or a value; "" where nothing is near.
	Suggestion string

	// Message says in one sentence what is wrong and what was expected.
	Message string

	// Hint explains a suggestion, or what to write instead where no single
	// name does; most often "".
	Hint string
}

// step is one label or index of a path.
type step struct {
	label string
	index int // counts where label is ""
	item  bool
}

// pathOf gives the path of the steps.
func pathOf(steps []step) spec.Path {
	p := make(spec.Path, len(steps))
	for i, s := range steps {
		p[i] = s.label
		if s.item {
			p[i] = strconv.Itoa(s.index)
		}
	}
	return p
}

// lastField gives the last label that is no index.
func lastField(steps []step) string {
	for i := len(steps) - 1; i >= 0; i-- {
		if !steps[i].item {
			return steps[i].label
		}
	}
	return ""
}

// lastText names the value at the end of a path: its last label, with the
// indexes after it.
func lastText(steps []step) string {
	i := len(steps)
	for i > 0 && steps[i-1].item {
		i--
	}
	var b strings.Builder
	if i > 0 {
		b.WriteString(spec.Path{steps[i-1].label}.String())
	}
	for _, s := range steps[i:] {
		b.WriteString("[" + strconv.Itoa(s.index) + "]")
	}
	return b.String()
}
