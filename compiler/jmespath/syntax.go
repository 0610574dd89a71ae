package jmespath

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	gojmespath "github.com/kyverno/go-jmespath"

	"kcue.dev/compiler/lazyregexp"
)

// tokens says what the parser's names of tokens mean.
var tokens = map[string]string{
	"tUnknown": `"="`, "tStar": `"*"`, "tDot": `"."`, "tFilter": `"[?"`, "tFlatten": `"[]"`,
	"tLparen": `"("`, "tRparen": `")"`, "tLbracket": `"["`, "tRbracket": `"]"`, "tLbrace": `"{"`, "tRbrace": `"}"`,
	"tOr": `"||"`, "tPipe": `"|"`, "tNumber": "a number", "tUnquotedIdentifier": "a name", "tQuotedIdentifier": "a quoted name",
	"tComma": `","`, "tColon": `":"`, "tLT": `"<"`, "tLTE": `"<="`, "tGT": `">"`, "tGTE": `">="`, "tEQ": `"=="`, "tNE": `"!="`,
	"tJSONLiteral": "a literal", "tStringLiteral": "a string", "tCurrent": `"@"`, "tExpref": `"&"`, "tAnd": `"&&"`, "tNot": `"!"`,
	"tEOF": "the end",
}

var (
	expected   = lazyregexp.New(`^Expected (.+), received: (t\w+)$`)
	tokenName  = lazyregexp.New(`\bt[A-Z]\w*`)
	unknown    = lazyregexp.New(`^Unknown char: (.*)$`)
	unclosed   = lazyregexp.New(`^Unclosed delimiter: (.*)$`)
	misplaced  = lazyregexp.New(`^(?:Invalid token|Unexpected token|Unexpected token at the end of the expression): (t\w+)$`)
	dashedName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*(?:[-/][A-Za-z0-9_]+)+`)
)

// syntaxProblem says in plain words what the parser found.
func syntaxProblem(expression string, err error) Problem {
	var syntax gojmespath.SyntaxError
	if !errors.As(err, &syntax) {
		return literalProblem(expression, err)
	}
	offset := min(max(syntax.Offset, 0), len(expression))
	message := strings.TrimPrefix(err.Error(), "SyntaxError: ")
	problem := Problem{Offset: offset, Hint: syntaxHint(expression, offset)}
	switch {
	case message == "Incomplete expression":
		problem.Message = "the expression ends where a value is expected"
		if problem.Hint == "" {
			problem.Hint = closing(expression)
		}
	case message == "Can't have quoted identifier as function Name.":
		problem.Message = "a function's name stands without quotes"
	case message == "Expected identifier, lbracket, or lbrace":
		problem.Message = `expected a name, "[" or "{" after "."` + found(expression, offset)
	case message == "Expected tQuotedIdentifier or tUnquotedIdentifier":
		problem.Message = `expected a key, as in {key: value}` + found(expression, offset)
	case message == "Error": // parseProjectionRHS
		problem.Message = `expected ".", "[" or an operator after a projection` + found(expression, offset)
	case expected.MatchString(message):
		m := expected.FindStringSubmatch(message)
		want := tokenName.ReplaceAllStringFunc(m[1], func(t string) string { return tokens[t] })
		if m[1] == "tStar" { // parser.go led, after "["
			want = `a whole number, ":" or "*" in the brackets`
			if problem.Hint == "" && (m[2] == "tStringLiteral" || m[2] == "tQuotedIdentifier") {
				problem.Hint = `a field is named after a dot, in double quotes where it has to be: labels."a/b"`
			}
		}
		problem.Message = "expected " + want + found(expression, offset)
		if problem.Hint == "" && m[2] == "tEOF" {
			problem.Hint = closing(expression)
		}
	case unknown.MatchString(message):
		char := unknown.FindStringSubmatch(message)[1]
		problem.Message = "the character " + char + " cannot stand outside of quotes"
	case unclosed.MatchString(message):
		problem.Message = "a quoted text does not end: expected " + unclosed.FindStringSubmatch(message)[1] + " at its end"
		problem.Hint = ""
	case misplaced.MatchString(message):
		token := misplaced.FindStringSubmatch(message)[1]
		problem.Message = tokens[token] + " cannot stand here" + near(expression, offset)
		if token == "tNumber" && problem.Hint == "" {
			problem.Hint = "a number stands in backticks: `" + number(expression[offset:]) + "`"
		}
	default:
		problem.Message = message
	}
	return problem
}

// literalProblem is for the errors that the parser passes on from strconv and
// encoding/json, without a place.
func literalProblem(expression string, err error) Problem {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return Problem{Message: "an index is a whole number: " + err.Error()}
	}
	for i := 0; i < len(expression); {
		c := expression[i]
		if c != '\'' && c != '"' && c != '`' {
			i++
			continue
		}
		end := afterQuoted(expression, i)
		content := strings.TrimSuffix(expression[i+1:end], string(c))
		switch {
		case c == '`' && !json.Valid([]byte(strings.ReplaceAll(content, "\\`", "`"))):
			return Problem{Offset: i, Message: fmt.Sprintf("`%s` is no JSON, which is what stands in backticks", clip(content)), Hint: fmt.Sprintf("a string is written '%s'", clip(content))}
		case c == '"' && !json.Valid([]byte(expression[i:end])):
			return Problem{Offset: i, Message: fmt.Sprintf("the quoted name %s is no JSON string", clip(expression[i:end]))}
		}
		i = end
	}
	return Problem{Message: "a literal is no JSON: " + err.Error()}
}

// closing says which bracket of an expression that ends too early is open.
func closing(expression string) string {
	var open []byte
	for i := 0; i < len(expression); {
		switch c := expression[i]; c {
		case '\'', '"', '`':
			i = afterQuoted(expression, i)
			continue
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			open = open[:max(len(open)-1, 0)]
		}
		i++
	}
	if len(open) == 0 {
		return ""
	}
	last := open[len(open)-1]
	return fmt.Sprintf("close %q with %q", string(last), map[byte]string{'(': ")", '[': "]", '{': "}"}[last])
}

// syntaxHint recognises the slips that break the syntax at a place.
func syntaxHint(expression string, offset int) string {
	for _, w := range words(expression) {
		if name := dashedName.FindString(expression[w.offset:]); w.offset <= offset && offset <= w.offset+len(name) && name != "" {
			return "a name with other characters than letters, digits and _ stands in double quotes: " + strconv.Quote(name)
		}
	}
	for _, at := range []int{offset, offset - 1} {
		if at >= 0 && at < len(expression) && expression[at] == '=' {
			return "values are compared with =="
		}
	}
	return ""
}

// found ends a sentence about what was expected with what stands there.
func found(expression string, offset int) string {
	if offset >= len(expression) {
		return ", and the expression ends"
	}
	return near(expression, offset)
}

// near ends a sentence with the text at a place.
func near(expression string, offset int) string {
	if offset >= len(expression) {
		return ""
	}
	return fmt.Sprintf(", at %q", clip(expression[offset:]))
}

// clip shortens a text for a message.
func clip(text string) string {
	const most = 24
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func number(text string) string {
	end := 0
	for end < len(text) && (isDigit(text[end]) || text[end] == '.' || end == 0) {
		end++
	}
	return text[:end]
}
