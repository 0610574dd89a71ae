package kinds

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// described writes a mistake in one line: ! where it is certain, the message
// and what was meant.
func described(m *Mistake, meant string) string {
	if m == nil {
		return ""
	}
	certain := "? "
	if m.Certain {
		certain = "! "
	}
	if meant != "" {
		meant = " -> " + meant
	}
	return certain + m.Message + meant
}

func TestCheck(t *testing.T) {
	tests := []struct{ selector, want string }{
		{"Pod", ""},
		{"*", ""},
		{"Rollout", ""},
		{"cert-manager.io/v1/Certificate", ""},
		{"/v1/Pod", ""},
		{"Pod/exec", ""},

		{"Deploment", `! there is no kind "Deploment" -> Deployment`},
		{"apps/v1/Deploment", `! the group "apps" has no kind "Deploment" -> apps/v1/Deployment`},
		{"apps/v1/Gizmo", `! the group "apps" has no kind "Gizmo"`},
		{"pod", `! there is no kind "pod": the case of letters counts -> Pod`},
		{"pods", `! "pods" is a resource's plural, and no kind -> Pod`},
		{"networkpolicies", `! "networkpolicies" is a resource's plural, and no kind -> NetworkPolicy`},
		{"Pods/exec", `! "Pods" is a resource's plural, and no kind -> Pod/exec`},
		{"PodList", `! "PodList" is the kind of a list, which is never admitted -> Pod`},
		{"PodExecOptions", `! "PodExecOptions" is what a subresource takes, and no kind of its own -> Pod/exec`},
		{"Scale", `! "Scale" is what a subresource takes, and no kind of its own -> ReplicationController/scale`},
		{"apps/Deployment", `! "apps/Deployment" reads as the subresource "Deployment" of a kind "apps": expected group/version/kind -> apps/v1/Deployment`},
		{"authorization.openshift.io/Role", `! "authorization.openshift.io/Role" reads as the subresource "Role" of a kind "authorization.openshift.io": expected group/version/kind -> authorization.openshift.io/v1/Role`},
		{"deployments.apps", `! "deployments.apps" is kubectl's way to name a kind of a group: Kyverno expects group/version/kind -> apps/v1/Deployment`},
		{"Certificate.cert-manager.io", `! "Certificate.cert-manager.io" is kubectl's way to name a kind of a group: Kyverno expects group/version/kind -> cert-manager.io/v1/Certificate`},
		{"a/b/c/d/e", `! "a/b/c/d/e" selects nothing: expected a kind, or group/version/kind, or either with a subresource`},

		// What a custom resource may be.
		{"Gizmo", `? no kind "Gizmo" is known among those of Kubernetes, Kyverno and the well-known projects`},
		{"Release", `? no kind "Release" is known among those of Kubernetes, Kyverno and the well-known projects -> Lease`},
		{"Endpoint", `? no kind "Endpoint" is known among those of Kubernetes, Kyverno and the well-known projects -> Endpoints`},
		{"Pood", `? no kind "Pood" is known among those of Kubernetes, Kyverno and the well-known projects -> Pod`},
		{"Rolout", `? no kind "Rolout" is known among those of Kubernetes, Kyverno and the well-known projects -> Rollout`},
		{"Giz*", `? no known kind matches "Giz*"`},
		{"example.com/v1/Gizmo", `? no kind "Gizmo" is known among those of Kubernetes, Kyverno and the well-known projects`},
		{"example.com/v1/Deployment", `? no Deployment is known in the group "example.com", but in the group "apps" -> apps/v1/Deployment`},
		{"cert-manager.io/v1/Certficate", `? no kind "Certficate" is known in the group "cert-manager.io" -> cert-manager.io/v1/Certificate`},
		{"cert-manager.io/v9/Certificate", `? cert-manager.io/Certificate is not known at v9, but at v1 -> cert-manager.io/v1/Certificate`},
		{"Application/scale", `? Application has no subresources`},

		{"app/v1/Deployment", `! there is no group "app": Deployment is in the group "apps" -> apps/v1/Deployment`},
		{"networking/v1/Ingress", `! there is no group "networking": Ingress is in the group "networking.k8s.io" -> networking.k8s.io/v1/Ingress`},
		{"core/v1/Pod", `! there is no group "core": the core group, which has Pod, has no name -> v1/Pod`},
		{"apps/v1/Ingress", `! the group "apps" has no Ingress: it is in the group "networking.k8s.io" -> networking.k8s.io/v1/Ingress`},
		{"gizmos/v1/Gizmo", `! there is no group "gizmos": a custom resource's has a dot, and Kubernetes has no such group`},

		{"apps/v2/Deployment", `! Kubernetes 1.36 does not serve apps/Deployment at v2: expected v1 -> apps/v1/Deployment`},
		{"apps/v1bta1/Deployment", `! Kubernetes 1.36 does not serve apps/Deployment at v1bta1: expected v1 -> apps/v1/Deployment`},
		{"v3/HorizontalPodAutoscaler", `! Kubernetes 1.36 does not serve autoscaling/HorizontalPodAutoscaler at v3: expected v2 or v1 -> autoscaling/v2/HorizontalPodAutoscaler`},
		{"v1bta1/Deployment", `! "v1bta1/Deployment" reads as the subresource "Deployment" of a kind "v1bta1": expected group/version/kind -> apps/v1/Deployment`},
		{"internal.apiserver.k8s.io/v1/StorageVersion", `? Kubernetes 1.36 does not serve internal.apiserver.k8s.io/StorageVersion at v1: expected v1alpha1 -> internal.apiserver.k8s.io/v1alpha1/StorageVersion`},

		{"apps/v1beta1/Deployment", `? apps/Deployment at v1beta1 is not served since Kubernetes 1.16 -> apps/v1/Deployment`},
		{"extensions/v1beta1/Ingress", `? extensions/Ingress at v1beta1 is not served since Kubernetes 1.22 -> networking.k8s.io/v1/Ingress`},
		{"extensions/*/Ingress", `? extensions/Ingress is not served since Kubernetes 1.22 -> networking.k8s.io/v1/Ingress`},
		{"v1beta1/Ingress", `? extensions/Ingress at v1beta1 is not served since Kubernetes 1.22 -> networking.k8s.io/v1/Ingress`},
		{"PodSecurityPolicy", `? policy/PodSecurityPolicy is not served since Kubernetes 1.25`},
		{"karpenter.sh/v1alpha5/Provisioner", `? karpenter.sh/Provisioner at v1alpha5 is not served since Karpenter 0.33`},

		{"Pod/exce", `! Pod has no subresource "exce": expected attach, binding, ephemeralcontainers, eviction, exec, log, portforward, proxy, resize or status -> Pod/exec`},
		{"v1/Secret.status", `! Secret has no subresources`},
		{"*/statu", `? no known kind that matches has a subresource "statu"`},
	}
	tab := table(t)
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.selector, "/", "|"), func(t *testing.T) {
			found, m := tab.Check(tt.selector)
			meant := ""
			if m != nil {
				meant = m.Selector(tt.selector)
			}
			if diff := cmp.Diff(tt.want, described(m, meant)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (m == nil) != (len(found) > 0) {
				t.Errorf("%d kinds beside the mistake %v", len(found), m)
			}
			if m != nil && meant != "" {
				if _, again := tab.Check(meant); again != nil {
					t.Errorf("what was meant, %q, has a mistake too: %s", meant, again.Message)
				}
			}
		})
	}
}

func TestCheckObject(t *testing.T) {
	tests := []struct{ apiVersion, kind, want string }{
		{"v1", "ConfigMap", ""},
		{"networking.k8s.io/v1", "NetworkPolicy", ""},
		{"apps/v1", "Deployment/scale", ""},
		{"v1", "NetworkPolicy", `! the core group has no NetworkPolicy: it is in the group "networking.k8s.io"`},
		{"v1", "Configmap", `! there is no kind "Configmap": the case of letters counts`},
		{"networking.k8s.io/v1beta1", "Ingress", `? networking.k8s.io/Ingress at v1beta1 is not served since Kubernetes 1.22`},
		{"example.com/v1", "Gizmo", `? no kind "Gizmo" is known among those of Kubernetes, Kyverno and the well-known projects`},
	}
	tab := table(t)
	for _, tt := range tests {
		_, m := tab.CheckObject(tt.apiVersion, tt.kind)
		if diff := cmp.Diff(tt.want, described(m, "")); diff != "" {
			t.Errorf("%s %s (-want +got)\n%s", tt.apiVersion, tt.kind, diff)
		}
	}
}

func TestCheckResource(t *testing.T) {
	list := strings.Fields
	tests := []struct {
		groups, versions []string
		resource, want   string
	}{
		{[]string{""}, list("v1"), "pods", ""},
		{list("*"), list("*"), "*", ""},
		{list("*"), list("*"), "*/*", ""},
		{list("*"), list("*"), "*/status", ""},
		{[]string{"", "apps"}, list("v1"), "deployments", ""},
		{list("apps"), list("v1"), "deployments/*", ""},
		{[]string{""}, list("v1"), "pods/exec", ""},
		{list("policy"), list("v1 v1beta1"), "poddisruptionbudgets", ""},

		{[]string{""}, list("v1"), "pod", `! there is no resource "pod": expected the plural in lower case -> pods`},
		{[]string{""}, list("v1"), "Pod", `! there is no resource "Pod": expected the plural in lower case -> pods`},
		{list("apps"), list("v1"), "Deployments", `! there is no resource "Deployments": expected the plural in lower case -> deployments`},
		{list("example.com"), list("v1"), "Gizmos", `! there is no resource "Gizmos": expected a plural in lower case`},
		{[]string{""}, list("v1"), "deployment", `! the core group has no resource "deployment" -> deployments`},
		{[]string{""}, list("v1"), "podss", `! the core group has no resource "podss" -> pods`},
		{list("*"), list("*"), "deploments", `! there is no resource "deploments" -> deployments`},
		{list("example.com"), list("v1"), "gizmos", `? no resource "gizmos" is known in the group "example.com"`},
		{list("example.com"), list("v1"), "*", `? no resource is known in the group "example.com"`},

		{[]string{""}, list("v1"), "deployments", `! the core group has no deployments: it is in the group "apps" -> deployments`},
		{list("core"), list("v1"), "pods", `! there is no group "core": the core group, which has pods, has no name -> pods`},
		{[]string{"", "batch"}, list("v1"), "deployments", `! the groups "", "batch" have no deployments: it is in the group "apps" -> deployments`},
		{[]string{"", "example.com"}, list("v1"), "deployments", `? the groups "", "example.com" have no deployments: it is in the group "apps" -> deployments`},
		{list("apps"), list("v2"), "deployments", `! Kubernetes 1.36 does not serve apps/Deployment at v2: expected v1 -> deployments`},
		{list("policy"), list("v1beta1"), "poddisruptionbudgets", `? policy/PodDisruptionBudget at v1beta1 is not served since Kubernetes 1.25 -> poddisruptionbudgets`},
		{[]string{""}, list("v1"), "pods/exe", `! Pod has no subresource "exe": expected attach, binding, ephemeralcontainers, eviction, exec, log, portforward, proxy, resize or status -> pods/exec`},
		{list("apps"), list("v3"), "*", `? no resource of the group "apps" is known to be served at v3`},
	}
	tab := table(t)
	for _, tt := range tests {
		found, m := tab.CheckResource(tt.groups, tt.versions, tt.resource)
		meant := ""
		if m != nil {
			meant = m.Resource()
		}
		if diff := cmp.Diff(tt.want, described(m, meant)); diff != "" {
			t.Errorf("%q %q %s (-want +got)\n%s", tt.groups, tt.versions, tt.resource, diff)
		}
		if (m == nil) != (len(found) > 0) {
			t.Errorf("%s: %d kinds beside the mistake %v", tt.resource, len(found), m)
		}
	}
}
