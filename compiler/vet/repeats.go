package vet

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"sync"

	"kcue.dev/compiler/kinds"
	"kcue.dev/compiler/spec"
)

// Repeats remembers rules of which the checks of a rule have nothing to say. The
// policies of a fleet use a few patterns with few parameters, so that most rules
// are as another is but for their names. It may be used from many goroutines at
// once.
type Repeats struct{ clean sync.Map } // of ruleKey

// ruleKey tells a rule with all that the checks of a rule look at: what it says
// but for its name, what its policy says besides its rules, and the kinds that
// there are.
type ruleKey struct {
	sum   [sha256.Size]byte
	kinds *kinds.Table
}

// policyRule is a rule while its policy is checked.
type policyRule struct {
	value
	key   ruleKey
	keyed bool // the rule can be remembered
	clean bool // one like it was, and it is not looked at again
	found bool // there is something to say
}

// policyRules gives the rules of a ClusterPolicy or Policy that are any.
func (c *checker) policyRules() []*policyRule {
	var rules []*policyRule
	var context []byte
	for _, r := range c.root.down("spec", "rules").items() {
		if r.Kind != spec.Struct {
			continue
		}
		rule := &policyRule{value: r}
		rules = append(rules, rule)
		if c.options.Repeats == nil || isVariable(r.get("name").Str()) {
			continue
		}
		if context == nil {
			context = c.ruleContext()
		}
		rule.keyed, rule.key = true, ruleKey{sha256.Sum256(appendContent(context, r.Node, "name")), c.options.Kinds}
		_, rule.clean = c.options.Repeats.clean.Load(rule.key)
	}
	return rules
}

// ruleContext is what the checks of a rule look at beyond it.
func (c *checker) ruleContext() []byte {
	s := c.root.get("spec")
	context := make([]byte, 0, 4<<10)
	for _, others := range []bool{hasTargets(s), hasUpdates(s)} {
		context = strconv.AppendBool(context, others)
	}
	for _, text := range []string{c.root.get("apiVersion").Str(), c.root.get("kind").Str(), c.namespace} {
		context = appendText(context, text)
	}
	if s.Node == nil {
		return context
	}
	return appendContent(context, s.Node, "rules")
}

// eachRule makes a check of every rule of which it is not known that there is
// nothing to say.
func (c *checker) eachRule(check func(r value)) {
	for _, r := range c.rules {
		if r.clean {
			continue
		}
		before := len(c.findings)
		check(r.value)
		r.found = r.found || len(c.findings) > before
	}
}

// remember keeps the rules of which nothing was to be said.
func (c *checker) remember() {
	for _, r := range c.rules {
		if r.keyed && !r.clean && !r.found {
			c.options.Repeats.clean.Store(r.key, true)
		}
	}
}

// appendContent adds a form of a value that no other value has, without its
// positions and one of its fields.
func appendContent(to []byte, n *spec.Node, except string) []byte {
	to = append(to, byte(n.Kind))
	to = appendText(to, n.Text)
	to = binary.AppendUvarint(to, uint64(len(n.Fields)))
	for _, f := range n.Fields {
		to = appendText(to, f.Name)
		if f.Name != except || except == "" {
			to = appendContent(to, f.Value, "")
		}
	}
	to = binary.AppendUvarint(to, uint64(len(n.Items)))
	for _, item := range n.Items {
		to = appendContent(to, item, "")
	}
	return to
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}
