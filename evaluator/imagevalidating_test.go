package evaluator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImageValidatingPolicy(t *testing.T) {
	const (
		key      = `attestors: [{name: key, cosign: {key: {data: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8nXRh950IZbRj8Ra/N9sbqOPZrfM\n5/KAQN0/KjHcorm/J5yctVd7iEcnessRQjU917hmKO6JWVGHpDguIyakZA==\n-----END PUBLIC KEY-----"}}}]`
		ours     = onPods + `, matchImageReferences: [{glob: "gcr.io/*"}], ` + key
		verifies = `, validations: [{expression: "images.containers.map(i, verifyImageSignatures(i, [attestors.key])).all(n, n > 0)", message: not signed}]`
		metadata = `, validationConfigurations: {required: false}, validations: [{expression: "images.containers.all(i, image.getMetadata(i).config.config.User == 'app')", message: runs as root}]`
		attests  = `, attestations: [{name: sbom, intoto: {type: "https://example.com/sbom"}}], validations: [{expression: "images.containers.map(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.key])).all(n, n > 0)"}, {expression: "images.containers.all(i, extractPayload(i, attestations.sbom).name == 'app')", message: another payload}]`
	)
	pinned := "@" + digest
	image := func(data map[string]any) Values {
		return Values{Images: map[string]map[string]any{"gcr.io/app:1": data}}
	}
	payload := func(name string) Values {
		return image(map[string]any{"verified": true, "attestations": map[string]any{"https://example.com/sbom": map[string]any{"name": name}}})
	}
	user := func(name string) Values {
		return image(map[string]any{"configData": map[string]any{"config": map[string]any{"User": name}}})
	}
	policy := func(spec string) string { return celPolicy("ImageValidatingPolicy", ours+spec) }
	deployment := workload("Deployment", `{containers: [{name: c, image: "gcr.io/app:1`+pinned+`"}]}`)
	pass := outcome{"", StatusPass, "Enforce", "success"}
	cases := []struct {
		name, policy, resource string
		values                 Values
		want                   []outcome
		image                  string // empty for the one that was asked for
	}{
		{"verified", policy(verifies), appImage(pinned), image(map[string]any{"verified": true}), []outcome{pass}, ""},
		{"pins the digest", policy(verifies), appImage(""), image(map[string]any{"verified": true, "digest": digest}), []outcome{pass}, "gcr.io/app:1" + pinned},
		{"not verified", policy(verifies), appImage(pinned), image(map[string]any{"verified": false}), []outcome{{"", StatusFail, "Enforce", "not signed"}}, ""},
		{"not told whether it is", policy(verifies), appImage(pinned), image(map[string]any{}), []outcome{{"", StatusError, "Enforce",
			"whether the signatures and attestations of image gcr.io/app:1" + pinned + ` are good is not given: give it as context.images["gcr.io/app:1` + pinned + `"].verified`}}, ""},
		{"nothing given", policy(verifies), appImage(pinned), Values{}, []outcome{{"", StatusError, "Enforce",
			"the data of image gcr.io/app:1" + pinned + ` is not given: give it as context.images["gcr.io/app:1` + pinned + `"]`}}, ""},
		{"no digest given", policy(verifies), appImage(""), image(map[string]any{"verified": true}), []outcome{
			{"", StatusError, "Enforce", `the digest of image gcr.io/app:1 is not given: give it as context.images["gcr.io/app:1"].digest`},
			{"", StatusFail, "Enforce", "image gcr.io/app:1 does not have a digest"}}, ""},
		{"another image", policy(verifies), pod(bad), Values{}, []outcome{pass}, ""},
		{"another kind", policy(verifies), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}", Values{}, []outcome{{Status: StatusUnmatched}}, ""},
		{"autogen", policy(verifies), deployment, image(map[string]any{"verified": true}), []outcome{{"autogen-defaults", StatusPass, "Enforce", "success"}}, ""},
		{"metadata", policy(metadata), appImage(pinned), user("app"), []outcome{pass}, ""},
		{"other metadata", policy(metadata), appImage(pinned), user("root"), []outcome{{"", StatusFail, "Enforce", "runs as root"}}, ""},
		{"verified by no expression", policy(strings.Replace(metadata, "required: false", "required: true", 1)), appImage(pinned), user("app"), []outcome{{"", StatusFail, "Enforce",
			"image gcr.io/app:1" + pinned + " is not verified: no policy performed a signature or attestation check on it"}}, ""},
		{"attestation", policy(attests), appImage(pinned), payload("app"), []outcome{pass}, ""},
		{"another attestation", policy(attests), appImage(pinned), payload("other"), []outcome{{"", StatusFail, "Enforce", "another payload"}}, ""},
		{"attestation that is not given", policy(attests), appImage(pinned), image(map[string]any{"verified": true}), []outcome{{"", StatusError, "Enforce",
			"failed to evaluate policy: failed to get payload: intoto attestation payload cannot be fetch before verifying intoto attestation: give it as attestations of the image in context.images"}}, ""},
		{"audit", policy(", validationActions: [Audit]" + verifies), appImage(pinned), image(map[string]any{"verified": false}), []outcome{{"", StatusFail, "Audit", "not signed"}}, ""},
		{"JSON mode", celPolicy("ImageValidatingPolicy", `evaluation: {mode: JSON}, matchImageReferences: [{glob: "gcr.io/*"}], images: [{name: containers, expression: "object.spec.containers.map(c, c.image)"}], `+key+verifies), appImage(pinned), image(map[string]any{"verified": false}), []outcome{{"", StatusFail, "Enforce", "not signed"}}, ""},
		{"namespaced, elsewhere", celPolicy("NamespacedImageValidatingPolicy", ours+verifies), strings.Replace(appImage(pinned), "team", "other", 1), Values{}, []outcome{{Status: StatusUnmatched}}, ""},
		{"exception", policy(verifies) + "---\napiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: kyverno}\nspec: {policyRefs: [{name: p, kind: ImageValidatingPolicy}], matchConditions: [{name: a, expression: \"true\"}]}\n",
			appImage(""), Values{}, []outcome{{"", StatusSkip, "Enforce", "rule is skipped due to policy exception: kyverno/e"}}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := object(t, c.resource)
			response := evaluate(t, c.policy, Request{Object: before, Values: c.values})
			if diff := cmp.Diff(c.want, outcomes(response.Results)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if before.GetKind() != "Pod" {
				return
			}
			want := containerImage(before)
			if c.image != "" {
				want = c.image
			}
			if got := containerImage(response.Patched); got != want {
				t.Errorf("the image is %s, want %s", got, want)
			}
		})
	}
	t.Run("another policy verifies what one requires", func(t *testing.T) {
		requires := strings.Replace(policy(strings.Replace(metadata, "required: false", "required: true", 1)), "{name: p}", "{name: a}", 1)
		values := user("app")
		values.Images["gcr.io/app:1"]["verified"] = true
		got := outcomes(evaluate(t, requires+"---\n"+policy(verifies), Request{Object: object(t, appImage(pinned)), Values: values}).Results)
		if diff := cmp.Diff([]outcome{pass, pass}, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}
