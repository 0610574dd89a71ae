package celcontext

import (
	"slices"
	"strings"
)

// libraries are those of Kyverno's CEL libraries (github.com/kyverno/sdk,
// extensions/cel/libs) that its compilers add to any environment, with the
// identifiers that reach what each declares: the parts of the names of its
// functions and variables, and the packages of its Go types, after which CEL
// calls them.
var libraries = map[string][]string{
	"kyverno.globalcontext": {"Get", "get", "globalContext", "globalcontext"},
	"kyverno.gzip":          {"compress", "decompress", "gzip"},
	"kyverno.hash":          {"hash", "md5", "mylib_version", "sha1", "sha256"},
	"kyverno.http":          {"Client", "Get", "Post", "client", "get", "http", "post"},
	"kyverno.image":         {"containsDigest", "digest", "identifier", "identifierWithSeparator", "image", "isImage", "parseImageReference", "registry", "repository", "tag"},
	"kyverno.imagedata":     {"GetMetadata", "getMetadata", "image", "imagedata"},
	"kyverno.json":          {"json", "marshal", "unmarshal"},
	"kyverno.math":          {"math", "round"},
	"kyverno.random":        {"random"},
	"kyverno.resource":      {"Get", "List", "Post", "ToGVR", "get", "list", "post", "resource", "toGVR"},
	"kyverno.time":          {"now", "time", "toCron", "truncate"},
	"kyverno.transform":     {"listObjToMap", "transform"},
	"kyverno.user":          {"parseServiceAccount", "user"},
	"kyverno.x509":          {"decode", "x509"},
	"kyverno.yaml":          {"parse", "yaml"},
}

// exceptions is the variable whose value is of a Go type, which the library that
// was added last adapts (ext.NativeTypes); any other value is of JSON.
const exceptions = "exceptions"

// Names reports whether any text of values, which are of JSON, may name what
// Kyverno's CEL libraries declare, as an expression would: as the beginning of
// a name or in a call. It is also true of much that does not, such as prose, so
// that fields called message are left out: they are no expressions.
func Names(values ...any) bool {
	return slices.ContainsFunc(values, func(value any) bool {
		switch value := value.(type) {
		case string:
			return names(value)
		case map[string]any:
			for key, v := range value {
				if key != "message" && Names(v) {
					return true
				}
			}
		case []any:
			return Names(value...)
		}
		return false
	})
}

func names(text string) bool {
	// Behind a comment, what stands beside a name is not what precedes it.
	commented := strings.Contains(text, "//")
	for start := 0; start < len(text); start++ {
		if !inName(text[start]) {
			continue
		}
		end := start + 1
		for end < len(text) && inName(text[end]) {
			end++
		}
		if declared(text[start:end]) && (commented || !selects(text[:start]) || strings.HasPrefix(strings.TrimLeft(text[end:], space), "(")) {
			return true
		}
		start = end
	}
	return false
}

const space = " \t\r\n\f"

func inName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// selects reports whether what follows a text is a field of what it ends in:
// a dot alone, with nothing before it, begins an absolute name.
func selects(before string) bool {
	before = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(before, space), "?"), space)
	operand, dot := strings.CutSuffix(before, ".")
	operand = strings.TrimRight(operand, space)
	return dot && operand != "" && (inName(operand[len(operand)-1]) || strings.HasSuffix(operand, ")") ||
		strings.HasSuffix(operand, "]") || strings.HasSuffix(operand, "}"))
}

func declared(name string) bool {
	if name == exceptions {
		return true
	}
	for _, names := range libraries {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}
