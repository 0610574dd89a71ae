package importer

import (
	"strings"
	"unicode"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"

	"kcue.dev/compiler/spec"
)

// stringLiteral writes a string as CUE, for a line that is indented so many
// tabs. Text of several lines stands in lines of its own; what holds
// backslashes or quotes, as regular expressions and CEL do, is written raw.
// Whatever the form, it reads back as the same bytes.
func stringLiteral(s string, indent int) string {
	if isText(s) {
		if text := literal.String.WithTabIndent(indent + 1).Quote(s); reads(text, s) {
			return text
		}
	}
	if strings.ContainsAny(s, `\"`) && !strings.HasPrefix(s, `"`) && isPrintable(s) {
		if text := `#"` + s + `"#`; reads(text, s) {
			return text
		}
	}
	return literal.String.Quote(s)
}

// isText reports whether a string is better read over several lines.
func isText(s string) bool {
	return strings.Contains(strings.TrimRight(s, "\n"), "\n") && strings.TrimSpace(s) != ""
}

func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// reads reports whether a literal is the string.
func reads(text, s string) bool {
	got, err := literal.Unquote(text)
	return err == nil && got == s
}

// keywords are identifiers that are quoted as labels, because some place in
// CUE's grammar reads them as something else.
var keywords = map[string]bool{
	"package": true, "import": true, "for": true, "in": true, "if": true, "let": true,
	"true": true, "false": true, "null": true, "try": true, "else": true, "otherwise": true,
	"fallback": true, "func": true,
}

// label writes a field's name, quoted only where it must be.
func label(name string) string {
	if ast.StringLabelNeedsQuoting(name) || keywords[name] {
		return literal.Label.Quote(name)
	}
	return name
}

// nameLabel writes the name of a policy, a rule or another thing that authors
// name: always quoted, as a name is data.
func nameLabel(name string) string { return literal.Label.Quote(name) }

// scalar writes a value that is neither a struct nor a list.
func scalar(n *spec.Node, indent int) string {
	switch n.Kind {
	case spec.String:
		return stringLiteral(n.Text, indent)
	case spec.Null:
		return "null"
	}
	return n.Text
}
