package celenv

import (
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/common"
)

// Reason says what sort of problem keeps an expression from compiling.
type Reason string

// The reasons.
const (
	Syntax          Reason = "syntax"          // it is no CEL
	UnknownName     Reason = "unknownName"     // a variable or type that is not there
	UnknownFunction Reason = "unknownFunction" // a function or macro that is not there
	UnknownField    Reason = "unknownField"    // a field that a type does not have
	UnknownVariable Reason = "unknownVariable" // variables.x that the policy does not declare before
	WrongArguments  Reason = "wrongArguments"  // a function or operator does not take these types
	WrongType       Reason = "wrongType"       // a value's type does not fit where it stands
	WrongResult     Reason = "wrongResult"     // the whole expression is of the wrong type
	WrongLiteral    Reason = "wrongLiteral"    // a regular expression, duration, … that is none
	Unchecked       Reason = "unchecked"       // the expression is beyond the checker's limits
)

// Problem is one reason for which Kyverno would not compile an expression.
type Problem struct {
	Offset  int    // in the expression, in bytes
	Line    int    // in the expression, from 1
	Column  int    // in that line, from 1, in characters
	Reason  Reason //
	Name    string // the unknown function, variable or field, where it is about one
	Message string // one sentence without a full stop
	Hint    string // the likely fix, such as: did you mean "size"?; or empty
}

// at gives a problem its place.
func (p Problem) at(text string, offset int) Problem {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	p.Offset = offset
	p.Line = strings.Count(before, "\n") + 1
	p.Column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return p
}

// byteOffset turns a location of cel-go's, a line from 1 and a column from 0 in
// code points, into an offset.
func byteOffset(text string, location common.Location) int {
	if location.Line() < 1 {
		return 0
	}
	offset := 0
	for range location.Line() - 1 {
		i := strings.IndexByte(text[offset:], '\n')
		if i < 0 {
			return offset
		}
		offset += i + 1
	}
	for range location.Column() {
		if offset >= len(text) {
			return len(text)
		}
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}

// runeOffset turns an offset in code points into one in bytes.
func runeOffset(text string, runes int) int {
	offset := 0
	for ; runes > 0 && offset < len(text); runes-- {
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}
