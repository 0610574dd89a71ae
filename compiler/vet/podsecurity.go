package vet

import (
	"fmt"
	"slices"
	"strings"

	"kcue.dev/diag"
)

// control is one of the Pod Security Standards' controls, as podSecurity
// excludes it.
type control struct {
	name string
	// restricted is set for those that the level baseline does not have
	// (pkg/pss/utils/mapping.go PSS_restricted_control_names); a control of
	// both levels counts as baseline.
	restricted bool
	// images says whether an exclusion names images: it must for a control of
	// containers, and must not for one of the Pod
	// (PSS_container_level_control, PSS_pod_level_control).
	images presence
	// fields are what restrictedField can name: the paths that the checks
	// report (github.com/kyverno/pod-security-admission, policy/check_*.go,
	// with * for each number, as pkg/pss/evaluate.go has it). A path that ends
	// with [ is a beginning.
	fields []string
}

type presence int

const (
	optional presence = iota
	required
	forbidden
)

// inContainers gives a field's path in each list of containers.
func inContainers(field string) []string {
	return []string{"spec.containers[*]." + field, "spec.initContainers[*]." + field, "spec.ephemeralContainers[*]." + field}
}

// inPodAndContainers gives the path of a field of the security context in the
// Pod and in each list of containers.
func inPodAndContainers(fields ...string) []string {
	var out []string
	for _, f := range fields {
		out = append(append(out, "spec.securityContext."+f), inContainers("securityContext."+f)...)
	}
	return out
}

// restrictedVolumes lists the sources of volumes that the level restricted
// does not allow (check_restrictedVolumes.go).
var restrictedVolumes = []string{
	"hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume",
	"cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk",
	"portworxVolume", "scaleIO", "storageos", "unknown",
}

func volumeFields() []string {
	out := make([]string, len(restrictedVolumes))
	for i, source := range restrictedVolumes {
		out[i] = "spec.volumes[*]." + source
	}
	return out
}

var controls = []control{
	{"HostProcess", false, optional, inPodAndContainers("windowsOptions.hostProcess")},
	{"Host Namespaces", false, forbidden, []string{"spec.hostNetwork", "spec.hostPID", "spec.hostIPC"}},
	{"Privileged Containers", false, required, inContainers("securityContext.privileged")},
	{"Capabilities", false, required, append(inContainers("securityContext.capabilities.add"), inContainers("securityContext.capabilities.drop")...)},
	{"HostPath Volumes", false, forbidden, []string{"spec.volumes[*].hostPath"}},
	{"Host Ports", false, required, inContainers("ports[*].hostPort")},
	{"AppArmor", false, optional, append(inPodAndContainers("appArmorProfile.type"), "metadata.annotations[")},
	{"SELinux", false, optional, inPodAndContainers("seLinuxOptions.type", "seLinuxOptions.user", "seLinuxOptions.role")},
	{"/proc Mount Type", false, required, inContainers("securityContext.procMount")},
	{"Seccomp", false, optional, append(inPodAndContainers("seccompProfile.type"), "metadata.annotations[")},
	{"Sysctls", false, forbidden, []string{"spec.securityContext.sysctls[*].name"}},
	{"Volume Types", true, forbidden, volumeFields()},
	{"Privilege Escalation", true, required, inContainers("securityContext.allowPrivilegeEscalation")},
	{"Running as Non-root", true, optional, inPodAndContainers("runAsNonRoot")},
	{"Running as Non-root user", true, optional, inPodAndContainers("runAsUser")},
}

// podSecurity checks validate.podSecurity (api/kyverno/v1/rule_types.go
// ValidatePSaControlNames).
func (c *checker) podSecurity(p value) {
	level := p.get("level")
	switch level.Str() {
	case "":
		c.error(diag.PodSecurity, level, "podSecurity has no level: expected baseline or restricted", "")
	case "privileged":
		c.error(diag.PodSecurity, level, "the level privileged allows everything, and Kyverno 1.19 makes every check of restricted there (pkg/pss/evaluate.go)", "drop the rule, or set the level baseline or restricted")
	}
	for _, e := range p.get("exclude").items() {
		c.exclusion(e, level.Str())
	}
}

// exclusion checks a control that podSecurity, or an exception, leaves out
// (api/kyverno/v1/common_types.go PodSecurityStandard).
func (c *checker) exclusion(e value, level string) {
	name, images, field, values := e.get("controlName"), e.get("images"), e.get("restrictedField"), e.get("values")
	i := slices.IndexFunc(controls, func(c control) bool { return c.name == name.Str() })
	if i < 0 {
		return // the CRD's business
	}
	if controls[i].restricted && level == "baseline" {
		c.error(diag.PodSecurity, name, fmt.Sprintf("the level baseline has no control %q: it is of restricted", name.Text), "leave the exclusion out, or set the level restricted")
	}
	switch has := len(images.items()) > 0; {
	case !has && controls[i].images == required:
		c.error(diag.PodSecurity, images, fmt.Sprintf("the control %q is of containers: expected the images to leave out", name.Text), `such as images: ["ghcr.io/acme/*"]`)
	case has && controls[i].images == forbidden:
		c.error(diag.PodSecurity, images, fmt.Sprintf("the control %q is of the Pod, and takes no images", name.Text), "leave the images out")
	}
	switch {
	case field.Str() != "" && len(values.items()) == 0:
		c.error(diag.PodSecurity, values, "restrictedField needs values: expected those of the field that are allowed", "")
	case field.Str() == "" && len(values.items()) > 0:
		c.error(diag.PodSecurity, field, "values needs restrictedField: expected the field that may have them", fmt.Sprintf("such as restrictedField: %q", controls[i].fields[0]))
	}
	if field.Str() != "" && !slices.ContainsFunc(controls[i].fields, func(f string) bool {
		return f == field.Text || strings.HasSuffix(f, "[") && strings.HasPrefix(field.Text, f)
	}) {
		hint := didYouMean(field.Text, controls[i].fields)
		if hint == "" {
			hint = "its fields are " + strings.Join(controls[i].fields, ", ")
		}
		c.error(diag.PodSecurity, field, fmt.Sprintf("the control %q reports no field %q, so that nothing is left out", name.Text, field.Text), hint)
	}
}
