package vet

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/diag"
)

const (
	publicKeyBegin = "-----BEGIN PUBLIC KEY-----"
	publicKeyEnd   = "-----END PUBLIC KEY-----"
)

// keyReference is the beginning of a key that cosign fetches: of a cloud's
// store, a Secret, a variable of the environment or a URL
// (github.com/sigstore/sigstore, pkg/signature/kms; cosign, pkg/signature).
var keyReference = lazyregexp.New(`^([a-z0-9]+://|pkcs11:)`)

// publicKeys checks the keys of an attestor (pkg/image/verifiers/cpol/cosign
// buildCosignOptions, pkg/engine/internal splitPEM).
func (c *checker) publicKeys(at value) {
	text := strings.TrimSpace(at.Str())
	if text == "" || isVariable(text) {
		return
	}
	if !strings.Contains(text, "-----BEGIN") {
		if !keyReference.MatchString(text) && !strings.HasPrefix(text, "/") {
			c.error(diag.KeyMaterial, at, "is neither a key in PEM nor a reference to one: expected "+publicKeyBegin+", or such as k8s://namespace/secret", "")
		}
		return
	}
	for i, block := range strings.SplitAfter(text, publicKeyEnd) {
		if block = strings.TrimSpace(block); block == "" {
			continue
		}
		if problem := publicKeyProblem(block); problem != "" {
			c.error(diag.KeyMaterial, at, fmt.Sprintf("key %d %s", i+1, problem), "")
		}
	}
}

func publicKeyProblem(text string) string {
	if !strings.HasPrefix(text, publicKeyBegin) {
		return "does not begin with " + publicKeyBegin + ", so that Kyverno takes it for a file's name"
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "is no PEM: expected base64 between " + publicKeyBegin + " and " + publicKeyEnd
	}
	if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return "is no public key: " + strings.TrimPrefix(err.Error(), "x509: ")
	}
	return ""
}

// certificates checks certificates in PEM.
func (c *checker) certificates(at value, base64Too bool) {
	text := at.Str()
	if text == "" || isVariable(text) {
		return
	}
	rest := []byte(text)
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil && base64Too {
		rest = decoded
	}
	found := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		found++
		if block.Type != "CERTIFICATE" {
			c.error(diag.KeyMaterial, at, fmt.Sprintf("block %d is %s: expected CERTIFICATE", found, block.Type), "")
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			c.error(diag.KeyMaterial, at, fmt.Sprintf("block %d is no certificate: %s", found, strings.TrimPrefix(err.Error(), "x509: ")), "")
		}
	}
	if found == 0 {
		c.error(diag.KeyMaterial, at, "is no certificate in PEM: expected -----BEGIN CERTIFICATE-----", "")
	}
}

// expression checks a regular expression, which Kyverno compiles when it has
// an image (pkg/image/verifiers/cpol/cosign matchCertificateData).
func (c *checker) expression(at value) {
	if at.Str() == "" || isVariable(at.Text) {
		return
	}
	if _, err := regexp.Compile(at.Text); err != nil {
		hint := ""
		if isWildcard(at.Text) {
			hint = "wildcards such as * are for issuer and subject; here it is .*"
		}
		c.error(diag.KeyMaterial, at, "is no regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), hint)
	}
}

// logs checks the transparency logs of an attestor.
func (c *checker) logs(a value) {
	if at := a.down("rekor", "url"); at.Str() != "" && !isVariable(at.Text) {
		if u, err := url.Parse(at.Text); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			c.error(diag.KeyMaterial, at, fmt.Sprintf("%q is no URL: expected such as https://rekor.sigstore.dev", at.Text), "")
		}
	}
	for _, log := range []struct{ of, unless string }{{"rekor", "ignoreTlog"}, {"ctlog", "ignoreSCT"}} {
		at := a.down(log.of, "pubkey")
		if text := strings.TrimSpace(at.Str()); text != "" && !isVariable(text) && !a.down(log.of, log.unless).IsTrue() {
			if block, _ := pem.Decode([]byte(text)); block == nil {
				c.error(diag.KeyMaterial, at, "is no key in PEM: expected "+publicKeyBegin, "")
			} else if problem := publicKeyProblem(text); problem != "" {
				c.error(diag.KeyMaterial, at, problem, "")
			}
		}
	}
	c.certificates(a.down("ctlog", "tsaCertChain"), false)
}

// hashes lists the algorithms that a signature can have
// (api/kyverno/v1/image_verification_types.go signatureAlgorithmMap).
var hashes = []string{"sha224", "sha256", "sha384", "sha512"}

// signatureAlgorithm checks the algorithm of an attestor, which the entry says
// for certificates, and keys for keys (pkg/engine/internal/imageverifier.go
// buildCosignVerifier).
func (c *checker) signatureAlgorithm(entry value) {
	for _, at := range []value{entry.get("signatureAlgorithm"), entry.down("keys", "signatureAlgorithm")} {
		if text := at.Str(); text != "" && !isVariable(text) && !slices.Contains(hashes, text) {
			c.error(diag.Attestor, at, fmt.Sprintf("%q is no signature algorithm: expected one of %s", text, strings.Join(hashes, ", ")), didYouMean(text, hashes))
			return
		}
	}
	own := entry.get("signatureAlgorithm")
	keys := entry.down("keys", "signatureAlgorithm").Str()
	if keys == "" {
		keys = "sha256" // the CRD's default
	}
	if entry.Has("keys") && own.Str() != "" && !isVariable(own.Text) && own.Text != keys {
		c.warn(diag.Ignored, own, fmt.Sprintf("Kyverno 1.19 reads the algorithm of keys from keys.signatureAlgorithm, which is %s: this has no effect", keys), "set keys.signatureAlgorithm, although it is deprecated")
	}
}
