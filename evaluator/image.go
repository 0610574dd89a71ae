package evaluator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	imageverifycache "github.com/kyverno/kyverno/pkg/image/verification/cache"
	"github.com/kyverno/sdk/extensions/imagedataloader"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// imageData is what is given of an image, under the names of either kind of
// policy: those of a context entry (manifestList, configData) and those of CEL
// (imageIndex, config).
type imageData map[string]any

// image finds the data of an image, given under the reference as it is asked for
// or another spelling of it; of one with a digest, also under its tag.
func (l *lookups) image(ref string) (imageData, error) {
	if data := l.findImage(ref); data != nil {
		return data, nil
	}
	return nil, l.miss("the data of image "+ref, fmt.Sprintf("context.images[%q]", ref))
}

// findImage is image, for what can do without.
func (l *lookups) findImage(ref string) imageData {
	tagged, hash, _ := strings.Cut(ref, "@")
	for _, v := range l.values {
		if data, ok := v.Images[ref]; ok {
			return data
		}
		for _, key := range slices.Sorted(maps.Keys(v.Images)) {
			data := imageData(v.Images[key])
			switch given := data.digest(); {
			case canonical(key) == canonical(ref):
				return data
			case hash == "" || given != "" && given != hash:
			// Kyverno drops the tag of what has a digest.
			case canonical(key) == canonical(tagged), given == hash && repository(key) == repository(ref):
				return data
			}
		}
	}
	return nil
}

// repository is a reference without its tag and digest.
func repository(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ref
	}
	return parsed.Context().Name()
}

// canonical writes a reference out in full.
func canonical(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ref
	}
	return parsed.Name()
}

// verified tells whether the signatures and attestations of an image are given
// as found good.
func (l *lookups) verified(ref string) (verified, given bool) {
	verified, given = l.findImage(ref)["verified"].(bool)
	return verified, given
}

// unverified says why an image cannot be verified without its registry.
func (l *lookups) unverified(ref string) error {
	if _, given := l.verified(ref); given {
		return errors.New("image " + ref + " is given as not verified")
	}
	return l.miss("whether the signatures and attestations of image "+ref+" are good", fmt.Sprintf("context.images[%q].verified", ref))
}

// digest finds the digest of an image.
func (l *lookups) digest(ref string) (string, error) {
	data, err := l.image(ref)
	if err != nil {
		return "", err
	}
	if digest := data.digest(); digest != "" {
		return digest, nil
	}
	return "", l.miss("the digest of image "+ref, fmt.Sprintf("context.images[%q].digest", ref))
}

// verifications answers in the place of Kyverno's cache of verified images
// (imageverifycache.Client), which is where an engine looks before it asks a
// registry.
type verifications struct{ *lookups }

var _ imageverifycache.Client = verifications{}

// Get implements imageverifycache.Client. It notes the image, for which a
// registry is asked next where it is not verified.
func (v verifications) Get(_ context.Context, _ metav1.Object, _, ref string, _ bool) (bool, error) {
	v.lookups.verifying = ref
	verified, given := v.lookups.verified(ref)
	return verified && given, nil
}

// GetWithPayload implements imageverifycache.Client: the payloads of an image's
// attestations are those given by their types. For a policy that asks for none,
// there is an empty one.
func (v verifications) GetWithPayload(ctx context.Context, policy metav1.Object, rule, ref string, useCache bool) (bool, map[string][]byte, error) {
	found, err := v.Get(ctx, policy, rule, ref, useCache)
	if !found || err != nil {
		return false, nil, err
	}
	payloads := map[string][]byte{"": []byte("null")}
	attestations, _ := v.lookups.findImage(ref)["attestations"].(map[string]any)
	for predicate, payload := range attestations {
		if payloads[predicate], err = json.Marshal(payload); err != nil {
			return false, nil, fmt.Errorf("image %s: attestation %s: %w", ref, predicate, err)
		}
	}
	return true, payloads, nil
}

// Set implements imageverifycache.Client: nothing is kept.
func (verifications) Set(context.Context, metav1.Object, string, string, bool) (bool, error) {
	return false, nil
}

// SetWithPayload implements imageverifycache.Client.
func (verifications) SetWithPayload(context.Context, metav1.Object, string, string, bool, map[string][]byte) (bool, error) {
	return false, nil
}

// digest is what the image's tag is resolved to; empty where that is not given.
func (d imageData) digest() string {
	if digest, ok := d["digest"].(string); ok {
		return digest
	}
	resolved, _ := d["resolvedImage"].(string)
	_, digest, _ := strings.Cut(resolved, "@")
	return digest
}

// field is the first of the named fields that is there.
func (d imageData) field(names ...string) (any, bool) {
	for _, name := range names {
		if value, ok := d[name]; ok {
			return value, true
		}
	}
	return nil, false
}

// descriptor is the data as CEL sees it. What the reference itself says is
// filled in as Kyverno reads it.
func (d imageData) descriptor(ref string) map[string]any {
	out := map[string]any{}
	if parsed, err := imagedataloader.ParseImageReference(ref, nil); err == nil {
		if data, err := json.Marshal(parsed); err == nil {
			_ = json.Unmarshal(data, &out)
		}
	}
	maps.Copy(out, d)
	for name, other := range map[string]string{"config": "configData", "imageIndex": "manifestList"} {
		if value, ok := d.field(name, other); ok {
			out[name] = value
		}
	}
	return out
}
