package vettest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aptible/supercronic/cronexpr"
	kyvernov1 "github.com/kyverno/kyverno/api/kyverno/v1"
	"github.com/kyverno/kyverno/pkg/engine/anchor"
	"github.com/kyverno/kyverno/pkg/engine/pattern"
	"github.com/kyverno/kyverno/pkg/logging"
	"github.com/kyverno/kyverno/pkg/pss"
	pssutils "github.com/kyverno/kyverno/pkg/pss/utils"
	"github.com/robfig/cron"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/pod-security-admission/api"

	"kcue.dev/compiler/spec"
	"kcue.dev/compiler/vet"
	"kcue.dev/diag"
	"kcue.dev/evaluator/admission"
)

// structureCases is where the cases of compiler/vet's TestStructure stand.
const structureCases = "../../compiler/vet/testdata/structure/*.yaml"

// TestStructureRefused holds the cases of the checks of structure against
// Kyverno: it refuses those that say so, takes the others, and takes every
// mended one.
func TestStructureRefused(t *testing.T) {
	reviewer, err := admission.NewReviewer()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(structureCases)
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	refusals := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := spec.ParseYAML(file, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range docs {
			t.Run(doc.Get("name").Str(), func(t *testing.T) {
				refused := doc.Get("refused").IsTrue()
				switch err := reviewer.Accept(caseObject(t, doc, "bad")); {
				case refused && err == nil:
					t.Error("Kyverno takes the bad one")
				case !refused && err != nil:
					t.Errorf("Kyverno refuses the bad one: %v", err)
				case refused:
					refusals++
				}
				if err := reviewer.Accept(caseObject(t, doc, "good")); err != nil {
					t.Errorf("Kyverno refuses the mended one: %v", err)
				}
			})
		}
	}
	if refusals == 0 {
		t.Error("Kyverno refused nothing")
	}
}

// caseObject makes a whole object of a case's rule, spec or object.
func caseObject(t *testing.T, doc *spec.Node, which string) *unstructured.Unstructured {
	t.Helper()
	given := asMap(t, doc.Get(which))
	match := map[string]any{"any": []any{map[string]any{"resources": map[string]any{"kinds": []any{"Pod"}}}}}
	if m := doc.Get("match"); m != nil {
		match = asMap(t, m)
	}
	switch doc.Get("kind").Str() {
	case "object":
		return &unstructured.Unstructured{Object: given}
	case "":
		given["name"] = "case"
		if given["match"] == nil {
			given["match"] = match
		}
		given = map[string]any{"rules": []any{given}}
	}
	if given["rules"] == nil {
		given["rules"] = []any{map[string]any{"name": "case", "match": match, "validate": map[string]any{"deny": map[string]any{}}}}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": map[string]any{"name": "case"}, "spec": given,
	}}
}

func asMap(t *testing.T, n *spec.Node) map[string]any {
	t.Helper()
	data, err := n.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var u unstructured.Unstructured
	wrapped, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "x", "value": json.RawMessage(data)})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.UnmarshalJSON(wrapped); err != nil {
		t.Fatal(err)
	}
	return u.Object["value"].(map[string]any)
}

// has reports whether a check finds a code in an object.
func has(object *spec.Node, codes ...diag.Code) bool {
	for _, f := range vet.Object(object, vet.Options{}) {
		for _, code := range codes {
			if f.Code == code {
				return true
			}
		}
	}
	return false
}

func node(t *testing.T, format string, args ...any) *spec.Node {
	t.Helper()
	docs, err := spec.ParseYAML("text", fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatalf("%v\n%s", err, fmt.Sprintf(format, args...))
	}
	return docs[0]
}

// TestStructureSchedules holds schedules against the parser of Kyverno's
// webhook and that of its controller.
func TestStructureSchedules(t *testing.T) {
	var schedules []string
	parts := []string{"*", "?", "0", "5", "05", "59", "60", "1-5", "5-1", "*/5", "*/05", "*/0", "*/60", "*/005", "7/2", "1-5/2", "1,2", ",", "1,", "1,,2", "jan", "MON", "sunday", "mon-fri", "L", "5L", "5#2", "15W", "*-5", "?/2", "1-2-3", "1/2/3", "-1", "+1", "7", "001", "31", "12", "24", "6", "fri-sun"}
	for i := range 5 {
		for _, part := range parts {
			fields := []string{"*", "*", "*", "*", "*"}
			fields[i] = part
			schedules = append(schedules, strings.Join(fields, " "))
		}
	}
	schedules = append(schedules, "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly", "@midnight", "@every 1h", "@every x", "@never", "@daily ",
		"* * * *", "* * * * * *", "* * * * * * *", " * * * * * ", "*  *\t* * *", "x",
		"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 29 2 *", "0 0 30 2 1", "0 0 30 2 */2", "0 0 31 2,3 *", "0 0 30-31 2 ?", "0 0 30,* 2 *")
	refused := 0
	for _, s := range schedules {
		_, webhook := cron.ParseStandard(s)
		expression, controller := cronexpr.Parse(s)
		bad := webhook != nil || controller != nil || expression.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero()
		if bad {
			refused++
		}
		object := node(t, "{apiVersion: kyverno.io/v2, kind: ClusterCleanupPolicy, metadata: {name: a}, spec: {schedule: %q, match: {any: [{resources: {kinds: [Pod]}}]}}}", s)
		if got := has(object, diag.Schedule); got != bad {
			t.Errorf("%q: found %t; the webhook says %v, the controller %v", s, got, webhook, controller)
		}
	}
	if refused == 0 || refused == len(schedules) {
		t.Errorf("%d of %d refused", refused, len(schedules))
	}
}

// patternPolicy is a ClusterPolicy with a pattern.
func patternPolicy(t *testing.T, format string, args ...any) *spec.Node {
	t.Helper()
	return node(t, "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {pattern: %s}}]}}", fmt.Sprintf(format, args...))
}

// TestStructureComparisons holds what is said to match nothing against
// Kyverno's own comparison, over values of many forms.
func TestStructureComparisons(t *testing.T) {
	operands := []string{"1", "1.5", ".5", "5.", "-1", "+1", "1Gi", "1gi", "1GB", "1G", "1k", "1K", "1m", "1ms", "1h30m", "1d", "1e3", "1E3", "1e", "1E", "1 Gi", "abc", "", "10%", "1.2.3", "v1", "2024-01-01", "0", "1n", "1u", "1us", "Infinity", "0x10", "1_000", ".", "+", "-.", "Gi", "m", "e3", ".Gi", "1.Gi", "1e+3", "1e3Gi", "1ki", "1Kib"}
	values := []any{nil, true, false, int64(0), int64(1), int64(1 << 40), int64(-5), 1.5, "", "0", "1", "2Gi", "1Mi", "3h", "1ms", "abc", "zzz", "!", "100m", "-10", "1.2.4", "2E", "1P", "0.001"}
	dead := 0
	for _, operator := range []string{">", ">=", "<", "<=", "> ", "<= "} {
		for _, operand := range operands {
			text := operator + operand
			matches := false
			for _, v := range values {
				matches = matches || pattern.Validate(logging.GlobalLogger(), v, text)
			}
			found := has(patternPolicy(t, "{spec: {a: %q}}", text), diag.DeadPattern)
			if found == matches && len(strings.TrimSpace(text)) > 1 {
				t.Errorf("%q: found %t, and Kyverno matches something %t", text, found, matches)
			}
			if found {
				dead++
			}
		}
	}
	if dead == 0 {
		t.Error("nothing was found")
	}
	for _, r := range []struct {
		text  string
		value any
		want  bool
	}{
		// Kyverno takes these for text, or for all but a text.
		{"!=10", int64(10), true}, {"==10", int64(10), false}, {"=>10", int64(10), false}, {"!1-3", int64(2), true},
		{">1 && <5", int64(3), false}, {"Always || Never", "", true}, {"10-1", int64(5), false}, {"10!-1", int64(5), true},
	} {
		if got := pattern.Validate(logging.GlobalLogger(), r.value, r.text); got != r.want {
			t.Errorf("Kyverno matches %v against %q: %t", r.value, r.text, got)
		}
		if !has(patternPolicy(t, "{spec: {a: %q}}", r.text), diag.DeadPattern, diag.LoosePattern) && r.text != "Always || Never" {
			t.Errorf("%q: nothing found", r.text)
		}
	}
}

// TestStructureAnchors holds the reading of keys against Kyverno's.
func TestStructureAnchors(t *testing.T) {
	for _, key := range []string{"a", "(a)", "=(a)", "^(a)", "X(a)", "<(a)", "+(a)", "x(a)", "!(a)", "(a", "a)", "=(a", "(a))", "((a))", "==(a)", "()", "( )", "(a)b", "a(b)", " (a) ", "= (a)", "(a b)"} {
		parsed := anchor.Parse(key)
		// An anchor stands for a field of its key; any other key with
		// parentheses for a field that no resource has.
		sound := parsed != nil && !strings.ContainsAny(parsed.Key(), "()") && strings.TrimSpace(parsed.Key()) == parsed.Key() ||
			parsed == nil && !strings.ContainsAny(key, "()")
		found := false
		for _, f := range vet.Object(patternPolicy(t, "{spec: {%q: [{b: c}]}}", key), vet.Options{}) {
			found = found || f.Code == diag.Anchor && strings.Contains(f.Message, "is no anchor")
		}
		if found == sound {
			t.Errorf("%q: found %t, and Kyverno reads %v", key, found, parsed)
		}
	}
}

// TestStructureOperators holds the operators of conditions against Kyverno's.
func TestStructureOperators(t *testing.T) {
	names := map[string]bool{"Contains": false, "equals": false}
	for name := range kyvernov1.ConditionOperators {
		names[name] = true
	}
	for name, known := range names {
		object := node(t, `{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {deny: {conditions: {all: [{key: "{{ request.object.a }}", operator: %s, value: 1h}]}}}}]}}`, name)
		if has(object, diag.Condition) == known {
			t.Errorf("%s: known to Kyverno %t", name, known)
		}
	}
}

// podSecurityRule is a ClusterPolicy that excludes a control.
func podSecurityRule(t *testing.T, level, exclusion string) *spec.Node {
	t.Helper()
	return node(t, "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {podSecurity: {level: %s, exclude: [%s]}}}]}}", level, exclusion)
}

// TestStructurePodSecurity holds the table of controls against Kyverno's, and
// the fields that an exclusion can name against those that the checks report
// of a Pod that breaks each.
func TestStructurePodSecurity(t *testing.T) {
	contains := func(list []string, name string) bool {
		for _, s := range list {
			if s == name {
				return true
			}
		}
		return false
	}
	for name := range pssutils.PSS_control_name_to_ids {
		for _, level := range []string{"baseline", "restricted"} {
			for _, images := range []string{"", ", images: [x]"} {
				exclude := kyvernov1.PodSecurityStandard{ControlName: name}
				if images != "" {
					exclude.Images = []string{"x"}
				}
				rule := kyvernov1.Rule{Validation: &kyvernov1.Validation{PodSecurity: &kyvernov1.PodSecurity{Level: api.Level(level), Exclude: []kyvernov1.PodSecurityStandard{exclude}}}}
				refused := len(rule.ValidatePSaControlNames(nil)) > 0
				if got := has(podSecurityRule(t, level, fmt.Sprintf("{controlName: %q%s}", name, images)), diag.PodSecurity); got != refused {
					t.Errorf("%s of %s%s: found %t, and Kyverno refuses %t", name, level, images, got, refused)
				}
			}
		}
	}

	reported := map[string]int{}
	for _, version := range []string{"v1.19", "v1.23", "latest"} {
		for _, result := range brokenPod(t, version) {
			name := pssutils.PSSControlIDToName(result.ID)
			for _, e := range *result.CheckResult.ErrList {
				field := starred(e.Field)
				reported[name]++
				images := ""
				if contains(pssutils.PSS_container_level_control, name) {
					images = ", images: [x]"
				}
				object := podSecurityRule(t, "restricted", fmt.Sprintf("{controlName: %q, restrictedField: %q, values: [x]%s}", name, field, images))
				if has(object, diag.PodSecurity) {
					t.Errorf("%s reports %s, which the table does not have", name, field)
				}
			}
		}
	}
	for name := range pssutils.PSS_control_name_to_ids {
		if reported[name] == 0 {
			t.Errorf("the Pod does not break %q", name)
		}
	}
}

// starred writes a field as Kyverno compares it (pkg/pss/evaluate.go).
func starred(field string) string {
	var b strings.Builder
	digits := false
	for _, r := range field {
		if r >= '0' && r <= '9' {
			if !digits {
				b.WriteByte('*')
			}
			digits = true
			continue
		}
		digits = false
		b.WriteRune(r)
	}
	return b.String()
}

// brokenPod evaluates a Pod that breaks every control, as a whole and in each
// sort of container.
func brokenPod(t *testing.T, version string) []pssutils.PSSCheckResult {
	t.Helper()
	container := `{"name": "a", "image": "x", "ports": [{"hostPort": 1}], "securityContext": {"privileged": true, "procMount": "Unmasked",
		"allowPrivilegeEscalation": true, "runAsNonRoot": false, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"], "drop": ["KILL"]},
		"seLinuxOptions": {"type": "x", "user": "x", "role": "x"}, "seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"},
		"windowsOptions": {"hostProcess": true}}}`
	var pod corev1.Pod
	if err := json.Unmarshal([]byte(`{"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/a": "unconfined", "seccomp.security.alpha.kubernetes.io/pod": "unconfined"}},
		"spec": {"hostNetwork": true, "hostPID": true, "hostIPC": true,
		"securityContext": {"runAsNonRoot": false, "runAsUser": 0, "seLinuxOptions": {"type": "x", "user": "x", "role": "x"}, "seccompProfile": {"type": "Unconfined"},
			"appArmorProfile": {"type": "Unconfined"}, "windowsOptions": {"hostProcess": true}, "sysctls": [{"name": "kernel.sem", "value": "1"}]},
		"volumes": [{"name": "a", "hostPath": {"path": "/"}}, {"name": "b", "nfs": {"server": "a", "path": "/"}}],
		"containers": [`+container+`], "initContainers": [`+container+`], "ephemeralContainers": [`+container+`]}}`), &pod); err != nil {
		t.Fatal(err)
	}
	level, err := pss.ParseVersion(api.LevelRestricted, version)
	if err != nil {
		t.Fatal(err)
	}
	allowed, results := pss.EvaluatePod(level, nil, &pod)
	if allowed {
		t.Fatal("the Pod is allowed")
	}
	return results
}

// TestStructurePrivileged shows that Kyverno 1.19 makes the checks of
// restricted at the level privileged.
func TestStructurePrivileged(t *testing.T) {
	level, err := pss.ParseVersion(api.LevelPrivileged, "latest")
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "b"}}}}
	if allowed, _ := pss.EvaluatePod(level, nil, pod); allowed {
		t.Error("Kyverno allows a plain Pod at the level privileged: the finding KC471 of it is out of date")
	}
	if !has(node(t, "{apiVersion: kyverno.io/v1, kind: ClusterPolicy, metadata: {name: a}, spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, validate: {podSecurity: {level: privileged}}}]}}"), diag.PodSecurity) {
		t.Error("nothing found")
	}
}
