package vet

import (
	"strconv"
	"strings"

	"kcue.dev/diag"
)

// attestorKinds lists what an attestor can be; it is exactly one
// (api/kyverno/v1/image_verification_types.go Attestor.Validate).
var attestorKinds = []string{"keys", "certificates", "keyless", "attestor"}

// attestors checks the attestors of a verifyImages entry, or of one of its
// attestations.
func (c *checker) attestors(v value) {
	for _, set := range v.get("attestors").items() {
		c.attestorSet(set, v.get("type").Str() == "Notary")
	}
	for _, attestation := range v.get("attestations").items() {
		c.attestors(attestation)
	}
}

func (c *checker) attestorSet(set value, notary bool) {
	entries := set.get("entries").items()
	if len(entries) == 0 {
		c.error(diag.Attestor, set, "the set of attestors is empty: expected at least one under entries", "")
	}
	if count := set.get("count"); count.exists() {
		if n, err := strconv.Atoi(count.Text); err == nil && n > len(entries) {
			c.error(diag.Attestor, count, "asks for "+count.Text+" attestors of "+strconv.Itoa(len(entries)), "")
		}
	}
	for _, e := range entries {
		c.attestor(e, notary)
	}
}

func (c *checker) attestor(e value, notary bool) {
	present := e.having(attestorKinds...)
	if len(present) != 1 {
		message := "the attestor is none"
		if len(present) > 1 {
			message = "the attestor is " + strings.Join(present, " and ")
		}
		c.error(diag.Attestor, e, message+": expected one of "+strings.Join(attestorKinds, ", "), "")
		return
	}
	kind := present[0]
	body := e.get(kind)
	c.signatureAlgorithm(e)
	c.repository(e.get("repository"))
	c.logs(body)
	if notary && (kind == "keys" || kind == "keyless") {
		c.error(diag.Attestor, body, "Notary's signatures are checked by certificates, not by "+kind, "")
	}
	switch kind {
	case "keys":
		if len(body.having("publicKeys", "kms", "secret")) == 0 {
			c.error(diag.Attestor, body, "no key: expected publicKeys, kms or secret", "")
		}
		c.publicKeys(body.get("publicKeys"))
	case "certificates":
		if len(body.having("cert", "certChain")) == 0 {
			c.error(diag.Attestor, body, "no certificate: expected cert or certChain", "")
		}
		c.certificates(body.get("cert"), true)
		c.certificates(body.get("certChain"), false)
	case "keyless":
		if body.down("rekor", "url").Str() == "" && (body.Has("rekor") || body.get("roots").Str() == "") {
			c.error(diag.Attestor, body, "nothing to verify against: expected rekor: url, or roots", `such as rekor: url: "https://rekor.sigstore.dev"`)
		}
		c.expression(body.get("issuerRegExp"))
		c.expression(body.get("subjectRegExp"))
		c.certificates(body.get("roots"), false)
	case "attestor":
		c.attestorSet(body, notary)
	}
}
