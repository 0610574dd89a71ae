package evaluator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// appImage makes a Pod of the image "gcr.io/app:1" and a suffix.
func appImage(suffix string) string {
	return pod(`{containers: [{name: c, image: "gcr.io/app:1` + suffix + `"}]}`)
}

func containerImage(o *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
	image, _, _ := unstructured.NestedString(containers[0].(map[string]any), "image")
	return image
}

func TestVerifyImages(t *testing.T) {
	rule := func(rest string) string {
		return clusterPolicy(matching("Pod", `verifyImages: [{imageReferences: ["gcr.io/*"], failureAction: Enforce, attestors: [{entries: [{keys: {publicKeys: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8nXRh950IZbRj8Ra/N9sbqOPZrfM\n5/KAQN0/KjHcorm/J5yctVd7iEcnessRQjU917hmKO6JWVGHpDguIyakZA==\n-----END PUBLIC KEY-----"}}]}]`+rest+`}]`))
	}
	images := func(data map[string]any) Values {
		return Values{Images: map[string]map[string]any{"gcr.io/app:1": data}}
	}
	pinned := "@" + digest
	cases := []struct {
		name, policy, resource string
		values                 Values
		want                   []string
		image                  string
	}{
		{"verified and pinned", rule(""), appImage(""), images(map[string]any{"verified": true, "digest": digest}), []string{"pass verified from cache", "pass image verified"}, "gcr.io/app:1" + pinned},
		{"already pinned", rule(""), appImage(pinned), images(map[string]any{"verified": true, "digest": digest}), []string{"pass verified from cache", "pass image verified"}, "gcr.io/app:1" + pinned},
		{"another spelling", strings.ReplaceAll(rule(""), "gcr.io", "docker.io"), strings.ReplaceAll(appImage(pinned), "gcr.io/", ""),
			Values{Images: map[string]map[string]any{"docker.io/library/app:1": {"verified": true, "resolvedImage": "docker.io/library/app@" + digest}}}, []string{"pass verified from cache", "pass image verified"}, "app:1" + pinned},
		{"not verified", rule(""), appImage(pinned), images(map[string]any{"verified": false, "digest": digest}), []string{
			"fail failed to verify image gcr.io/app" + pinned + ": .attestors[0].entries[0].keys: constructing cosign remote options: image gcr.io/app" + pinned + " is given as not verified",
			"fail unverified image gcr.io/app" + pinned}, "gcr.io/app:1" + pinned},
		{"not told whether it is", rule(""), appImage(pinned), Values{}, []string{
			"error whether the signatures and attestations of image gcr.io/app" + pinned + ` are good is not given: give it as context.images["gcr.io/app` + pinned + `"].verified`,
			"fail unverified image gcr.io/app" + pinned}, "gcr.io/app:1" + pinned},
		{"no digest", rule(""), appImage(""), images(map[string]any{"verified": true}), []string{
			`error the digest of image gcr.io/app:1 is not given: give it as context.images["gcr.io/app:1"].digest`, "pass verified from cache", "fail missing digest for gcr.io/app:1"}, "gcr.io/app:1"},
		{"another image", rule(""), pod(bad), Values{}, []string{"unmatched "}, "docker.io/a:1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response := evaluate(t, c.policy, Request{Object: object(t, c.resource), Values: c.values})
			var got []string
			for _, r := range response.Results {
				got = append(got, string(r.Status)+" "+r.Message)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if got := containerImage(response.Patched); got != c.image {
				t.Errorf("the image is %s, want %s", got, c.image)
			}
		})
	}
	t.Run("two policies that require it", func(t *testing.T) {
		second := strings.Replace(rule(""), "{name: p}", "{name: q}", 1)
		response := evaluate(t, rule("")+"\n---\n"+second, Request{Object: object(t, appImage("")), Values: images(map[string]any{"verified": true, "digest": digest})})
		for _, r := range response.Results {
			if r.Status != StatusPass {
				t.Errorf("%s: %s: %s", r.Policy.Name, r.Status, r.Message)
			}
		}
	})
}
