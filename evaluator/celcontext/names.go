package celcontext

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Libraries is a set of the CEL libraries that policies are compiled with: those
// of Kyverno, and those of Kubernetes and cel-go that are no part of the
// language. The zero value is the empty one.
type Libraries uint64

// All are all of the libraries.
const All = ^Libraries(0)

// libraries are those that can be left out, with the identifiers that reach what
// each declares: the parts of the names of its functions and variables, the names
// of its macros, and for Kyverno's the packages of its Go types, after which CEL
// calls them.
var libraries = map[string][]string{
	// Kyverno's (github.com/kyverno/sdk, extensions/cel/libs), which its compilers
	// add to any environment.
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

	// Those of environment.go.
	"cel.lib.ext.cel.bindings":  {"bind", "block", "cel"},
	"cel.lib.ext.encoders":      {"base64", "decode", "encode", "json"},
	"cel.lib.ext.lists":         {"distinct", "flatten", "lists", "range", "reverse", "slice", "sort", "sortBy", "sortByAssociatedKeys"},
	"cel.lib.ext.math":          {"abs", "bitAnd", "bitNot", "bitOr", "bitShiftLeft", "bitShiftRight", "bitXor", "ceil", "floor", "greatest", "isFinite", "isInf", "isNaN", "least", "math", "max", "min", "round", "sign", "sqrt", "trunc"},
	"cel.lib.ext.protos":        {"getExt", "hasExt"},
	"cel.lib.ext.regex":         {"extract", "extractAll", "regex", "replace"},
	"cel.lib.ext.sets":          {"contains", "equivalent", "intersects", "sets"},
	"cel.lib.ext.strings":       {"charAt", "format", "indexOf", "join", "lastIndexOf", "lowerAscii", "quote", "replace", "split", "strings", "substring", "trim", "upperAscii"},
	"kubernetes.Semver":         {"compareTo", "isGreaterThan", "isLessThan", "isSemver", "major", "minor", "patch", "semver"},
	"kubernetes.authz":          {"allowed", "check", "error", "errored", "group", "name", "namespace", "path", "reason", "resource", "serviceAccount", "subresource"},
	"kubernetes.authzSelectors": {"fieldSelector", "labelSelector"},
	"kubernetes.format":         {"byte", "date", "datetime", "dns1035Label", "dns1035LabelPrefix", "dns1123Label", "dns1123LabelPrefix", "dns1123Subdomain", "dns1123SubdomainPrefix", "format", "labelValue", "named", "qualifiedName", "uri", "uuid", "validate"},
	"kubernetes.lists":          {"indexOf", "isSorted", "lastIndexOf", "max", "min", "sum"},
	"kubernetes.net.cidr":       {"cidr", "containsCIDR", "containsIP", "ip", "isCIDR", "masked", "prefixLength", "string"},
	"kubernetes.net.ip":         {"family", "ip", "isCanonical", "isGlobalUnicast", "isIP", "isLinkLocalMulticast", "isLinkLocalUnicast", "isLoopback", "isUnspecified", "string"},
	"kubernetes.quantity":       {"add", "asApproximateFloat", "asInteger", "compareTo", "isGreaterThan", "isInteger", "isLessThan", "isQuantity", "quantity", "sign", "sub"},
	"kubernetes.regex":          {"find", "findAll"},
	"kubernetes.urls":           {"getEscapedPath", "getHost", "getHostname", "getPort", "getQuery", "getScheme", "isURL", "url"},
}

// exceptions is the variable whose value is of a Go type, which the library that
// was added last adapts (ext.NativeTypes); any other value is of JSON.
const exceptions = "exceptions"

// Named gives the libraries of which any text of values, which are of JSON, may
// name something, as an expression would: as the beginning of a name or in a
// call. It gives many that are not, for prose too, so that fields called message
// are left out: they are no expressions.
func Named(values ...any) (named Libraries) {
	identifiers(values, func(name string) { named |= declaring()[name] })
	return named
}

// sets are the sets of one library each, by its name.
var sets = sync.OnceValue(func() map[string]Libraries {
	of := map[string]Libraries{}
	for i, name := range slices.Sorted(maps.Keys(libraries)) {
		of[name] = 1 << i
	}
	return of
})

// kyvernos are Kyverno's libraries.
var kyvernos = sync.OnceValue(func() (kyvernos Libraries) {
	for name, set := range sets() {
		if strings.HasPrefix(name, "kyverno.") {
			kyvernos |= set
		}
	}
	return kyvernos
})

// declaring gives the libraries that declare something of an identifier.
var declaring = sync.OnceValue(func() map[string]Libraries {
	of := map[string]Libraries{exceptions: All}
	for library, names := range libraries {
		for _, name := range names {
			of[name] |= sets()[library]
		}
	}
	return of
})

// asking are the identifiers by which an expression reaches what answers from
// the context that it is compiled with.
var asking = []string{"GetMetadata", "generator", "getMetadata", "globalContext", "http", "resource"}

// Asks reports whether any text of values, which are as those of Named, may call
// a function that asks its context.
func Asks(values ...any) (asks bool) {
	identifiers(values, func(name string) { asks = asks || slices.Contains(asking, name) })
	return asks
}

// identifiers calls f with the identifiers of texts that may be no fields of what
// stands before them.
func identifiers(values []any, f func(name string)) {
	for _, value := range values {
		switch value := value.(type) {
		case string:
			scan(value, f)
		case map[string]any:
			for key, v := range value {
				if key != "message" {
					identifiers([]any{v}, f)
				}
			}
		case []any:
			identifiers(value, f)
		}
	}
}

func scan(text string, f func(name string)) {
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
		if commented || !selects(text[:start]) || strings.HasPrefix(strings.TrimLeft(text[end:], space), "(") {
			f(text[start:end])
		}
		start = end
	}
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
