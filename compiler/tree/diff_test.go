package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/lower"
)

func differences(t *testing.T, dir string, objects ...lower.Object) []Difference {
	t.Helper()
	plan, err := New(dir, objects, false)
	if err != nil {
		t.Fatal(err)
	}
	out, err := plan.Differences()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDifferencesOfStrangeFiles shows files that somebody else filled: a removed
// file is named by the object that it holds, if any.
func TestDifferencesOfStrangeFiles(t *testing.T) {
	tests := []struct {
		name, held string
		object     *Reference
		diff       string // after the headers
	}{
		{"another object", "kind: ConfigMap\nmetadata: {name: x, namespace: y}\n", &Reference{Kind: "ConfigMap", Namespace: "y", Name: "x"},
			"@@ -1,2 +0,0 @@\n-kind: ConfigMap\n-metadata: {name: x, namespace: y}\n"},
		{"no YAML", "{\n", nil, "@@ -1,1 +0,0 @@\n-{\n"},
		{"no object", "- a", nil, "@@ -1,1 +0,0 @@\n-- a\n\\ No newline at end of file\n"},
		{"aliases without end", "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b]\n" + strings.Repeat("d: [*c, *c]\n", 2), nil, "@@"},
		{"empty", "", nil, ""},
		{"binary", "a\x00b", nil, "Binary files differ\n"},
		{"large", strings.Repeat("x", maxShown+1), nil, "Binary files differ\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "deploy")
			mustBuild(t, dir, false, policy("a", "1"), policy("b", "1"))
			write(t, dir, aName, tt.held)
			got := differences(t, dir, policy("b", "1"))[0]
			if diff := cmp.Diff(tt.object, got.Object); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			path := strings.TrimPrefix(filepath.ToSlash(dir), "/") + "/" + aName
			if want := "--- a/" + path + "\n+++ /dev/null\n" + tt.diff; !strings.HasPrefix(got.Diff, want) {
				t.Errorf("the difference is\n%.300s, want\n%s", got.Diff, want)
			}
			if got.Change != Removed || got.File != filepath.ToSlash(filepath.Join(dir, aName)) {
				t.Errorf("%s is %s", got.File, got.Change)
			}
		})
	}
}

// TestText colours as git does, and lets nothing that a file or a spec holds
// command a terminal.
func TestText(t *testing.T) {
	list := []Difference{
		{Object: &Reference{Kind: "ConfigMap", Namespace: "n", Name: "a\x1b[2J\nb"}, File: "deploy/x.yaml", Change: Changed,
			Diff: "--- a/deploy/x.yaml\n+++ b/deploy/x.yaml\n@@ -1,2 +1,2 @@\n same\té\n--- old\x1b[2J\n+++ new\n"},
		{File: "deploy/kustomization.yaml", Change: Added, Diff: "--- /dev/null\n+++ b/deploy/kustomization.yaml\n"},
	}
	plain := `ConfigMap n/a\x1b[2J\nb changed
--- a/deploy/x.yaml
+++ b/deploy/x.yaml
@@ -1,2 +1,2 @@
 same	é
--- old` + "\x1b" + `[2J
+++ new
kustomization.yaml added
--- /dev/null
+++ b/deploy/kustomization.yaml
`
	if diff := cmp.Diff(plain, string(Text(list, Style{}))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	paint := strings.NewReplacer("<b>", "\x1b[1m", "<r>", "\x1b[31m", "<g>", "\x1b[32m", "<c>", "\x1b[36m", "</>", "\x1b[0m")
	painted := paint.Replace(`<b>ConfigMap n/a\x1b[2J\nb changed</>
<b>--- a/deploy/x.yaml</>
<b>+++ b/deploy/x.yaml</>
<c>@@ -1,2 +1,2 @@</>
 same	é
<r>--- old\x1b[2J</>
<g>+++ new</>
<b>kustomization.yaml added</>
<b>--- /dev/null</>
<b>+++ b/deploy/kustomization.yaml</>
`)
	if diff := cmp.Diff(painted, string(Text(list, Style{Color: true, Terminal: true}))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Text(nil, Style{Color: true}); len(got) > 0 {
		t.Errorf("no differences are %q", got)
	}
}

// TestDifferencesWriteNothing compares with a directory that is not there, and
// leaves one as it is.
func TestDifferencesWriteNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deploy")
	if got := differences(t, dir, policy("a", "1")); len(got) != 3 {
		t.Errorf("%d differences, want 3", len(got))
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made")
	}
	mustBuild(t, dir, false, policy("a", "1"))
	write(t, dir, ".kcue-0123456789abcdef-1.tmp", "left")
	before := contents(t, dir)
	got := differences(t, dir, policy("a", "2"))
	if len(got) != 1 || got[0].Change != Changed || fmt.Sprint(got[0].Object) != "ClusterPolicy a" {
		t.Errorf("the differences are %v", got)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the directory changed (-before +after)\n%s", diff)
	}
}
