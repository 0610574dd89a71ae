package vet

import (
	"fmt"
	"strings"

	"kcue.dev/compiler/lazyregexp"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// verifyImages checks the entries of a verifyImages rule
// (api/kyverno/v1/image_verification_types.go).
func (c *checker) verifyImages(r value) {
	audit := c.root.down("spec", "validationFailureAction").Str() != "Enforce" && c.root.down("spec", "validationFailureAction").Str() != "enforce"
	mutatesDigest := false
	for _, v := range r.get("verifyImages").items() {
		// What an entry says counts for the entries after it too.
		if action := v.get("failureAction"); action.exists() {
			audit = action.Str() != "Enforce"
		}
		digest := v.get("mutateDigest")
		if !isFalse(digest) {
			mutatesDigest = true
			if audit {
				message := "mutateDigest is true unless it is said to be false, and needs failureAction Enforce: Kyverno refuses it in Audit"
				if digest.exists() {
					message = "mutateDigest needs failureAction Enforce: Kyverno refuses it in Audit"
				}
				c.error(diag.DigestInAudit, digest, message, `set failureAction: "Enforce", or mutateDigest: false`)
			}
		}
		c.imageReferences(v)
		c.repository(v.get("repository"))
		c.attestors(v)
		c.publicKeys(v.get("key"))
		for _, a := range v.get("attestations").items() {
			c.attestation(v, a)
		}
		c.conditions(v.down("validate", "deny", "conditions"))
	}
	c.imageExtractors(r, mutatesDigest)
}

func (c *checker) imageReferences(v value) {
	references := v.get("imageReferences")
	if len(references.items()) == 0 && v.get("image").Str() == "" {
		c.error(diag.ImageReference, references, "no image is named: expected at least one reference", `such as imageReferences: ["ghcr.io/acme/*"]`)
	}
	for _, r := range append(references.items(), v.get("skipImageReferences").items()...) {
		c.imageReference(r)
	}
	if image := v.get("image"); image.Str() != "" {
		c.imageReference(image)
	}
}

// imageReference checks a pattern for images. Kyverno matches it against
// registry/path:tag, or registry/path@digest, with the default registry and
// the tag latest filled in (pkg/utils/image ImageInfo.String,
// pkg/engine/utils/image.go ImageMatches).
func (c *checker) imageReference(at value) {
	text := at.Str()
	if text == "" || isVariable(text) {
		if at.exists() && text == "" {
			c.error(diag.ImageReference, at, "the reference is empty", "")
		}
		return
	}
	registry, path, hasRegistry := strings.Cut(text, "/")
	tail := text[strings.LastIndex(text, "/")+1:]
	_, digest, hasDigest := strings.Cut(tail, "@")
	name, _, hasTag := strings.Cut(strings.SplitN(tail, "@", 2)[0], ":")
	switch {
	case strings.Contains(text, "://"):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q has a scheme, which no image has", text), fmt.Sprintf("did you mean %q?", text[strings.Index(text, "://")+3:]))
	case strings.ContainsAny(text, " \t\n"):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q has spaces, which no image has", text), "")
	case hasRegistry && strings.ToLower(imagePath(path)) != imagePath(path):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q has capital letters in the path, which no image has", text), fmt.Sprintf("did you mean %q?", registry+"/"+strings.Replace(path, imagePath(path), strings.ToLower(imagePath(path)), 1)))
	case hasDigest && hasTag && !isWildcard(name):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q has a tag and a digest: where an image has a digest, Kyverno matches it without its tag", text), "leave the tag out")
	case hasDigest && !isWildcard(digest) && !digestForm.MatchString(digest):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q ends with no digest: expected sha256: and 64 hexadecimal digits", text), "")
	case !hasDigest && !hasTag && !isWildcard(tail):
		c.error(diag.ImageReference, at, fmt.Sprintf("%q has no tag, and Kyverno matches images with theirs: it never matches", text), fmt.Sprintf("did you mean %q?", text+":*"))
	case namesNoRegistry(text):
		c.warn(diag.LooseImageReference, at, fmt.Sprintf("%q names no registry, and Kyverno matches images with theirs: it matches only where Kyverno is set up to add none", text), fmt.Sprintf("did you mean %q?", "docker.io/"+text))
	}
}

// namesNoRegistry reports whether a pattern begins with what Kyverno takes for
// a path, and not for a registry (pkg/utils/image addDefaultRegistry).
func namesNoRegistry(text string) bool {
	if registry, _, ok := strings.Cut(text, "/"); ok {
		return !isWildcard(registry) && !strings.ContainsAny(registry, ".:") && registry != "localhost" && strings.ToLower(registry) == registry
	}
	literal := text
	if i := strings.IndexAny(text, "*?"); i >= 0 {
		literal = text[:i]
	}
	name, _, _ := strings.Cut(literal, ":")
	return name != "" && !strings.Contains(name, ".") && !strings.HasPrefix("localhost", name)
}

var digestForm = lazyregexp.New(`^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`)

// imagePath gives the path of what follows the registry, without tag and
// digest.
func imagePath(rest string) string {
	rest, _, _ = strings.Cut(rest, "@")
	if i := strings.LastIndex(rest, ":"); i > strings.LastIndex(rest, "/") {
		rest = rest[:i]
	}
	return rest
}

// repositoryForm is the name of a repository, with its registry or without
// (github.com/google/go-containerregistry, pkg/name NewRepository).
var repositoryForm = lazyregexp.New(`^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9_./-]+$`)

// repository checks where signatures are kept.
func (c *checker) repository(at value) {
	text := at.Str()
	if text == "" || isVariable(text) || repositoryForm.MatchString(text) {
		return
	}
	hint := ""
	if strings.ContainsAny(text, ":@") {
		hint = "leave out scheme, tag and digest"
	}
	c.error(diag.ImageReference, at, fmt.Sprintf("%q is no repository: expected a registry and a path, such as ghcr.io/acme/signatures", text), hint)
}

// attestation checks an attestation of an image. Kyverno's verifier fails
// without a type (pkg/engine/internal/imageverifier.go verifyAttestations).
func (c *checker) attestation(v, a value) {
	if a.get("type").Str() == "" && a.get("predicateType").Str() == "" {
		c.error(diag.Attestation, a.get("type"), "the attestation has no type, without which Kyverno never finds it", `such as type: "https://slsa.dev/provenance/v1"`)
	}
	if v.get("type").Str() == "Notary" && len(a.get("attestors").items()) == 0 {
		c.error(diag.Attestation, a.get("attestors"), "the attestation has no attestors, without which Kyverno's verifier of Notary crashes", "")
	}
	for _, block := range a.get("conditions").items() {
		c.conditions(block)
	}
}

// imageExtractors checks where images stand in custom resources
// (api/kyverno/v1/rule_types.go ValidateRuleType, pkg/validation/policy/validate.go
// validateRuleImageExtractorsJMESPath, pkg/utils/api/image.go).
func (c *checker) imageExtractors(r value, mutatesDigest bool) {
	extractors := r.get("imageExtractors")
	if !extractors.exists() {
		return
	}
	if !r.Has("verifyImages") {
		c.error(diag.ImageExtractor, extractors, "stands in a rule without verifyImages: Kyverno refuses it", "")
		return
	}
	for _, kind := range extractors.members() {
		for _, e := range kind.items() {
			if path := e.get("path"); path.exists() && path.Kind == spec.String && strings.Trim(path.Text, "/ ") == "" {
				c.error(diag.ImageExtractor, path, fmt.Sprintf("the path %q leads nowhere, and Kyverno crashes there", path.Text), `such as path: "/spec/steps/*/image"`)
			}
			if jmesPath := e.get("jmesPath"); jmesPath.Str() != "" && mutatesDigest {
				c.error(diag.ImageExtractor, jmesPath, "jmesPath changes what stands in the resource, so that mutateDigest cannot write it back: Kyverno refuses both", "set mutateDigest: false")
			}
		}
	}
}
