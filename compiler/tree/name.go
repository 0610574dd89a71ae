package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/lower"
)

const (
	extension = ".yaml"
	// maxName is how many bytes of a name the usual file systems take
	// (NAME_MAX of Linux; NTFS and APFS count 255 units of UTF-16).
	maxName = 255
	// digest is how many hexadecimal digits of a SHA-256 end a shortened name.
	digest = 40
)

// FileName gives an object's file name: its kind as kubectl qualifies it, its
// namespace and its name, joined by underscores, such as
// policy.kyverno.io_prod_limits.yaml.
//
// It is a plain local name of lower-case ASCII on every system. What some file
// system refuses, folds or takes for something else is escaped: an upper-case
// letter is '+' and the small one, any other byte '%' and two hexadecimal
// digits; RBAC has such names, as system:auth-delegator. A name of more than 255
// bytes ends in '~' and a digest of the whole.
//
// Objects that differ in group, kind, namespace or name have different file
// names, unless only the case of their kinds' ASCII letters differs.
func FileName(o lower.Object) string {
	b := appendKind(make([]byte, 0, 96), o.Kind())
	if group := o.Group(); group != "" {
		b = appendEscaped(append(b, '.'), group)
	}
	if namespace := o.Namespace(); namespace != "" {
		b = appendEscaped(append(b, '_'), namespace)
	}
	b = appendEscaped(append(b, '_'), o.Name())
	if base, _, _ := strings.Cut(string(b), "."); slices.Contains(devices, base) {
		b = append(appendByte(nil, b[0]), b[1:]...)
	}
	if len(b)+len(extension) > maxName {
		sum := sha256.Sum256(b)
		b = append(b[:maxName-len(extension)-1-digest], '~')
		b = append(b, hex.EncodeToString(sum[:])[:digest]...)
	}
	return string(b) + extension
}

// devices are the names that Windows gives to devices, with any extension
// (https://learn.microsoft.com/windows/win32/fileio/naming-a-file). Those with
// characters besides letters and digits are escaped anyway.
var devices = []string{
	"con", "prn", "aux", "nul",
	"com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// appendKind appends a kind in lower case. Its dots are escaped, since one stands
// between kind and group; so is a dash that would begin the name, which commands
// take for an option. Where it is empty, '%' stands alone.
func appendKind(b []byte, kind string) []byte {
	if kind == "" {
		return append(b, '%')
	}
	for i := range len(kind) {
		c := kind[i]
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c == '.', c == '-' && i == 0:
			b = appendByte(b, c)
		default:
			b = appendEscaped(b, kind[i:i+1])
		}
	}
	return b
}

func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
			b = append(b, c)
		case 'A' <= c && c <= 'Z':
			b = append(b, '+', c+'a'-'A')
		default:
			b = appendByte(b, c)
		}
	}
	return b
}

func appendByte(b []byte, c byte) []byte {
	return append(append(b, '%'), hex.EncodeToString([]byte{c})...)
}

// written is the form of the names that FileName gives.
var written = lazyregexp.New(`^[a-z0-9%][a-z0-9%+.-]*[_~][a-z0-9%+._~-]*\.yaml$`)

// isWritten reports whether kcue gives such a name to a file that it writes. It
// is all that keeps what a manifest names inside of its directory.
func isWritten(name string) bool {
	return name == kustomization || len(name) <= maxName && written.MatchString(name)
}
