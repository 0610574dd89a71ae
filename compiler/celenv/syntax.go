package celenv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common"
)

// syntaxProblems describes what the parser reports. After the first error of
// the grammar it guesses, so that one stands alone.
func syntaxProblems(text string, errs []*common.Error) []Problem {
	errs = slices.Clone(errs)
	slices.SortStableFunc(errs, func(a, b *common.Error) int {
		return byteOffset(text, a.Location) - byteOffset(text, b.Location)
	})
	for _, err := range errs {
		if rest, ok := strings.CutPrefix(err.Message, "Syntax error: "); ok {
			return []Problem{grammarProblem(text, byteOffset(text, err.Location), rest)}
		}
	}
	var problems []Problem
	for _, err := range errs {
		p := Problem{Reason: Syntax, Message: err.Message}
		if name, ok := strings.CutPrefix(err.Message, "reserved identifier: "); ok {
			p.Message = fmt.Sprintf("%q is a word that CEL reserves, and cannot be a name", name)
			p.Name = name
		} else if m, ok := parserMessages[err.Message]; ok {
			p.Message = m
		} else if strings.Contains(err.Message, "limit") {
			p.Reason = Unchecked
		}
		problems = append(problems, p.at(text, byteOffset(text, err.Location)))
	}
	return problems
}

// parserMessages says cel-go's words in plain ones (parser/macro.go,
// parser/parser.go, ext).
var parserMessages = map[string]string{
	"invalid argument to has() macro":                    "has() takes the selection of a field, such as has(object.spec.replicas)",
	"argument must be a simple name":                     "the first argument names the element, so it must be a simple name, such as c",
	"argument is not an identifier":                      "the first argument names the element, so it must be a simple name, such as c",
	"iteration variable overwrites accumulator variable": "the element cannot be named __result__",
	"unsupported syntax '.?'":                            "optional fields (.?) are not available here",
	"unsupported syntax '[?'":                            "optional elements ([?) are not available here",
	"unsupported syntax '?'":                             "optional entries (?) are not available here",
	"invalid int literal":                                "the number does not fit an int of 64 bits",
	"invalid uint literal":                               "the number does not fit a uint of 64 bits",
	"invalid double literal":                             "the number is no double",
}

// offending finds what the grammar did not expect in a message of ANTLR's.
func offending(message string) string {
	for _, prefix := range []string{"mismatched input '", "extraneous input '", "token recognition error at: '"} {
		if rest, ok := strings.CutPrefix(message, prefix); ok {
			if before, _, found := strings.Cut(rest, "' expecting "); found {
				return before
			}
			return strings.TrimSpace(strings.TrimSuffix(rest, "'"))
		}
	}
	return ""
}

// grammarProblem describes an error of the grammar.
func grammarProblem(text string, offset int, message string) Problem {
	p := Problem{Reason: Syntax}
	if strings.Contains(text, "{{") && strings.Contains(text, "}}") {
		if i := strings.Index(text, "{{"); strings.Contains(message, "{") || offset >= i {
			p.Message = "{{ }} is a variable of JMESPath, which CEL does not have"
			p.Hint = "write the path itself, such as request.object as object"
			return p.at(text, i)
		}
	}
	if open, closing, at := unbalanced(text); at >= 0 {
		switch {
		case open == '"' || open == '\'':
			p.Message = fmt.Sprintf("the string that begins here is not closed with %c", open)
		case closing == 0:
			p.Message = fmt.Sprintf("%q is not closed", open)
		case open == 0:
			p.Message = fmt.Sprintf("%q closes nothing", closing)
		default:
			p.Message = fmt.Sprintf("%q closes %q", closing, open)
		}
		return p.at(text, at)
	}
	token := offending(message)
	switch {
	case token == "<EOF>" || offset >= len(text):
		p.Message = "the expression ends where a value is expected"
		return p.at(text, len(strings.TrimRight(text, " \t\r\n")))
	case strings.HasPrefix(message, "token recognition error"):
		p.Message = fmt.Sprintf("%q is not part of CEL", token)
		p.Hint = symbolHints[token[:min(1, len(token))]]
	case token != "":
		p.Message = fmt.Sprintf("%q is not expected here", token)
		p.Hint = symbolHints[token]
	default:
		p.Message = "this is not an expression of CEL"
	}
	return p.at(text, offset)
}

// symbolHints says what CEL writes for what people know from elsewhere.
var symbolHints = map[string]string{
	"=":   "equality is ==",
	"&":   "and is &&",
	"|":   "or is ||",
	"and": "and is &&",
	"or":  "or is ||",
	"not": "not is !",
}

// unbalanced finds the first bracket or string that is not closed, or that
// closes what was not opened; at is -1 where all is well.
func unbalanced(text string) (open, closing rune, at int) {
	type bracket struct {
		r  rune
		at int
	}
	var stack []bracket
	pairs := map[byte]byte{')': '(', ']': '[', '}': '{'}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '/':
			if strings.HasPrefix(text[i:], "//") {
				n := strings.IndexByte(text[i:], '\n')
				if n < 0 {
					i = len(text)
				} else {
					i += n
				}
			}
		case '"', '\'':
			end := stringEnd(text, i)
			if end < 0 {
				return rune(c), 0, i
			}
			i = end
		case '(', '[', '{':
			stack = append(stack, bracket{rune(c), i})
		case ')', ']', '}':
			if len(stack) == 0 {
				return 0, rune(c), i
			}
			top := stack[len(stack)-1]
			if top.r != rune(pairs[c]) {
				return top.r, rune(c), i
			}
			stack = stack[:len(stack)-1]
		}
	}
	if len(stack) > 0 {
		return stack[len(stack)-1].r, 0, stack[len(stack)-1].at
	}
	return 0, 0, -1
}

// stringEnd gives the offset of the last quote of the string literal whose first
// quote is at start, or -1.
func stringEnd(text string, start int) int {
	quote := text[start : start+1]
	triple := strings.HasPrefix(text[start:], strings.Repeat(quote, 3))
	raw := start > 0 && (text[start-1]|0x20) == 'r' && (start < 2 || !letter(text[start-2]) || (text[start-2]|0x20) == 'b')
	i := start + 1
	if triple {
		quote = strings.Repeat(quote, 3)
		i = start + 3
	}
	for i < len(text) {
		switch {
		case text[i] == '\\' && !raw:
			i += 2
			continue
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote) - 1
		case text[i] == '\n' && !triple:
			return -1
		}
		i++
	}
	return -1
}

// letter reports whether a byte can be part of a name.
func letter(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
