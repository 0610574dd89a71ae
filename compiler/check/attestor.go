package check

import (
	"strconv"
	"strings"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// attestorKinds lists what an attestor can be; it is exactly one
// (api/kyverno/v1/image_verification_types.go Attestor.Validate).
var attestorKinds = []string{"keys", "certificates", "keyless", "attestor"}

// attestors checks the attestors of a verifyImages entry, or of one of its
// attestations.
func (c *policyChecker) attestors(v *spec.Node, path spec.Path) {
	for i, set := range items(v.Get("attestors")) {
		c.attestorSet(set, path.Child("attestors", strconv.Itoa(i)), v.Get("type").Str() == "Notary")
	}
	for i, attestation := range items(v.Get("attestations")) {
		c.attestors(attestation, path.Child("attestations", strconv.Itoa(i)))
	}
}

func (c *policyChecker) attestorSet(set *spec.Node, path spec.Path, notary bool) {
	entries := items(set.Get("entries"))
	if len(entries) == 0 {
		c.report(diag.Attestor, set, path, "the set of attestors is empty: expected at least one under entries", "")
	}
	if count := set.Get("count"); count != nil {
		if n, err := strconv.Atoi(count.Text); err == nil && n > len(entries) {
			c.report(diag.Attestor, count, path.Child("count"), "asks for "+count.Text+" attestors of "+strconv.Itoa(len(entries)), "")
		}
	}
	for i, e := range entries {
		c.attestor(e, path.Child("entries", strconv.Itoa(i)), notary)
	}
}

func (c *policyChecker) attestor(e *spec.Node, path spec.Path, notary bool) {
	present := having(e, attestorKinds)
	if len(present) != 1 {
		message := "the attestor is none"
		if len(present) > 1 {
			message = "the attestor is " + strings.Join(present, " and ")
		}
		c.report(diag.Attestor, e, path, message+": expected one of "+strings.Join(attestorKinds, ", "), "")
		return
	}
	kind := present[0]
	body, at := e.Get(kind), path.Child(kind)
	if notary && (kind == "keys" || kind == "keyless") {
		c.report(diag.Attestor, body, at, "Notary's signatures are checked by certificates, not by "+kind, "")
	}
	switch kind {
	case "keys":
		if len(having(body, []string{"publicKeys", "kms", "secret"})) == 0 {
			c.report(diag.Attestor, body, at, "no key: expected publicKeys, kms or secret", "")
		}
	case "certificates":
		if len(having(body, []string{"cert", "certChain"})) == 0 {
			c.report(diag.Attestor, body, at, "no certificate: expected cert or certChain", "")
		}
	case "keyless":
		if body.Get("rekor").Get("url").Str() == "" && (body.Has("rekor") || body.Get("roots").Str() == "") {
			c.report(diag.Attestor, body, at, "nothing to verify against: expected rekor: url, or roots", `such as rekor: url: "https://rekor.sigstore.dev"`)
		}
	case "attestor":
		c.attestorSet(body, at, notary)
	}
}
