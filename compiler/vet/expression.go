package vet

import (
	"regexp"
	"sync"
)

// lazyExpression is a regular expression that is compiled when it is first used:
// there are some fifty, each object needs a few, and a command that looks at no
// policy needs none.
type lazyExpression struct{ compiled func() *regexp.Regexp }

func lazily(text string) *lazyExpression {
	return &lazyExpression{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString is that of the expression.
func (l *lazyExpression) MatchString(s string) bool { return l.compiled().MatchString(s) }

// FindStringSubmatch is that of the expression.
func (l *lazyExpression) FindStringSubmatch(s string) []string {
	return l.compiled().FindStringSubmatch(s)
}

// ReplaceAllString is that of the expression.
func (l *lazyExpression) ReplaceAllString(s, with string) string {
	return l.compiled().ReplaceAllString(s, with)
}
