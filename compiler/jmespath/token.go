package jmespath

import "strings"

// word is an unquoted identifier of an expression. The parser's tree has no
// positions, and what a broken expression calls is not in a tree at all.
type word struct {
	offset int
	text   string
	called bool // a parenthesis follows
	member bool // a dot is before it
}

// words gives an expression's unquoted identifiers, in their order, without
// what stands in quotes and backticks.
func words(expression string) []word {
	var out []word
	before := byte(0) // the last byte that is no blank
	for i := 0; i < len(expression); {
		c := expression[i]
		switch {
		case c == '\'' || c == '"' || c == '`':
			i = afterQuoted(expression, i)
		case isBlank(c):
			i++
			continue
		case isLetter(c):
			end := i + 1
			for end < len(expression) && (isLetter(expression[end]) || isDigit(expression[end])) {
				end++
			}
			next := end
			for next < len(expression) && isBlank(expression[next]) {
				next++
			}
			out = append(out, word{
				offset: i, text: expression[i:end],
				called: next < len(expression) && expression[next] == '(',
				member: before == '.',
			})
			i = end
		default:
			i++
		}
		before = c
	}
	return out
}

// afterQuoted gives the place after the quoted text that begins at start, or
// the end of the expression where it does not end.
func afterQuoted(expression string, start int) int {
	for i := start + 1; i < len(expression); i++ {
		switch expression[i] {
		case '\\':
			i++
		case expression[start]:
			return i + 1
		}
	}
	return len(expression)
}

func isBlank(c byte) bool  { return strings.IndexByte(" \t\n\r", c) >= 0 }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
