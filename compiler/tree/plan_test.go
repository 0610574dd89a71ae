package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/lower"
)

// policy gives an object whose file has the given text somewhere.
func policy(name, text string) lower.Object {
	o := object("kyverno.io/v1", "ClusterPolicy", "", name)
	o.Node = o.Node.With("spec", fields("text", text))
	return o
}

const (
	aName = "clusterpolicy.kyverno.io_a.yaml"
	bName = "clusterpolicy.kyverno.io_b.yaml"
	cName = "clusterpolicy.kyverno.io_c.yaml"
)

// contents gives the files of a directory, links as they are.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			out[e.Name()] = "-> " + to
			continue
		}
		if e.IsDir() {
			out[e.Name()] = "a directory"
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(data)
	}
	return out
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func mustBuild(t *testing.T, dir string, part bool, objects ...lower.Object) []string {
	t.Helper()
	plan, err := Build(dir, objects, part)
	if err != nil {
		t.Fatal(err)
	}
	return summary(plan)
}

func summary(p *Plan) []string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, string(c.Action)+" "+c.File)
	}
	return out
}

// fresh gives what a build into a new directory makes.
func fresh(t *testing.T, objects ...lower.Object) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fresh")
	mustBuild(t, dir, false, objects...)
	return contents(t, dir)
}

func TestBuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "deploy")
	got := mustBuild(t, dir, false, policy("b", "1"), policy("a", "1"))
	if diff := cmp.Diff([]string{"added " + aName, "added " + bName, "added kustomization.yaml", "added .kcue-manifest"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := map[string]string{
		aName:                "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: a\nspec:\n  text: \"1\"\n",
		bName:                "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: b\nspec:\n  text: \"1\"\n",
		"kustomization.yaml": mark + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - " + aName + "\n  - " + bName + "\n",
		".kcue-manifest":     manifestNote + "\nkcue-manifest v1\n" + aName + "\n" + bName + "\nkustomization.yaml\n",
	}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	// What holds the same bytes keeps its time.
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name := range want {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustBuild(t, dir, false, policy("a", "1"), policy("b", "1")); got != nil {
		t.Errorf("the second build made changes: %v", got)
	}
	if got := mustBuild(t, dir, false, policy("a", "2"), policy("b", "1")); !slices.Equal(got, []string{"changed " + aName}) {
		t.Errorf("the change of one object made changes: %v", got)
	}
	for name := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().Equal(old) != (name != aName) {
			t.Errorf("%s is of %s", name, info.ModTime())
		}
	}

	// What is no longer built goes; what kcue did not write stays.
	own := map[string]string{"README.md": "own", "own_a.yaml": "own: true\n", ".kcue-left": "own", ".kcue-0123456789abcdef-1.tmp.yaml": "own"}
	for name, text := range own {
		write(t, dir, name, text)
	}
	got = mustBuild(t, dir, false, policy("b", "1"))
	if diff := cmp.Diff([]string{"removed " + aName, "changed kustomization.yaml", "changed .kcue-manifest"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want = fresh(t, policy("b", "1"))
	for name, text := range own {
		want[name] = text
	}
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPlan holds New to what Build does, and to writing nothing.
func TestPlan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deploy")
	objects := []lower.Object{policy("a", "2"), policy("c", "1")}
	plan, err := New(dir, objects, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("New made the directory")
	}
	if got := summary(plan); len(got) != 4 {
		t.Errorf("the plan for no directory is %v", got)
	}
	mustBuild(t, dir, false, policy("a", "1"), policy("b", "1"))
	before := contents(t, dir)
	plan, err = New(dir, objects, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("New changed the directory (-before +after)\n%s", diff)
	}
	want := []string{"changed " + aName, "removed " + bName, "added " + cName, "changed kustomization.yaml", "changed .kcue-manifest"}
	if diff := cmp.Diff(want, summary(plan)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want, mustBuild(t, dir, false, objects...)); diff != "" {
		t.Errorf("Build differs (-want +got)\n%s", diff)
	}
}

// TestBuildRepairs holds the files that kcue wrote to what they should hold,
// whatever became of them and of the manifest.
func TestBuildRepairs(t *testing.T) {
	objects := []lower.Object{policy("a", "1"), policy("b", "1")}
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		left  map[string]string // besides what a fresh build has
	}{
		{"edited", func(t *testing.T, dir string) { write(t, dir, aName, "edited") }, nil},
		{"edited, with as many bytes", func(t *testing.T, dir string) {
			write(t, dir, aName, strings.Replace(contents(t, dir)[aName], `"1"`, `"2"`, 1))
		}, nil},
		{"deleted", func(t *testing.T, dir string) {
			for _, name := range []string{aName, kustomization} {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, nil},
		{"edited kustomization.yaml", func(t *testing.T, dir string) { write(t, dir, kustomization, "resources: []\n") }, nil},
		{"lost manifest, nothing else", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"a conflict of two branches", func(t *testing.T, dir string) {
			write(t, dir, cName, "of the other branch")
			write(t, dir, manifestName, manifestMark+"\n<<<<<<< HEAD\n"+aName+"\n"+bName+"\n=======\n"+cName+"\n>>>>>>> other\n"+kustomization+"\n")
			write(t, dir, kustomization, "<<<<<<< HEAD\n")
		}, nil},
		{"a file named twice and one that is gone", func(t *testing.T, dir string) {
			write(t, dir, manifestName, manifestMark+"\n"+cName+"\n"+aName+"\n"+aName+"\n"+bName+"\n"+kustomization+"\n")
		}, nil},
		{"what is no longer built is a directory", func(t *testing.T, dir string) {
			write(t, dir, manifestName, manifestMark+"\n"+cName+"\n"+aName+"\n"+bName+"\n"+kustomization+"\n")
			if err := os.Mkdir(filepath.Join(dir, cName), 0o777); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{cName: "a directory"}},
		{"leftovers of a killed build", func(t *testing.T, dir string) { write(t, dir, ".kcue-0123456789abcdef-12.tmp", "half") }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			mustBuild(t, dir, false, objects...)
			tt.spoil(t, dir)
			mustBuild(t, dir, false, objects...)
			want := fresh(t, objects...)
			for name, text := range tt.left {
				want[name] = text
			}
			if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestBuildRefuses holds the directory to what it was where a build cannot make
// it what it should be without touching what is not kcue's.
func TestBuildRefuses(t *testing.T) {
	link := func(to, name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, name))
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Skipf("no links here: %v", err)
			}
		}
	}
	file := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { write(t, dir, name, text) }
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		err   string // with DIR for the directory
	}{
		{"a foreign file", file(cName, "foreign"), "DIR/" + cName + " is not kcue's: DIR/.kcue-manifest does not name it, and it holds something else; nothing is written: choose another directory, or remove the file"},
		{"an empty foreign file", file(cName, ""), "DIR/" + cName + " is not kcue's"},
		{"a foreign kustomization.yaml", func(t *testing.T, dir string) {
			write(t, dir, kustomization, "resources: []\n")
			write(t, dir, manifestName, manifestMark+"\n"+aName+"\n"+bName+"\n")
		}, "DIR/kustomization.yaml is not kcue's"},
		{"a lost manifest", func(t *testing.T, dir string) {
			write(t, dir, aName, "older")
			os.Remove(filepath.Join(dir, manifestName))
		}, "DIR/" + aName + ", DIR/kustomization.yaml are not kcue's: DIR/.kcue-manifest does not name them"},
		{"a link in the place of a new file", link("../outside", cName), "DIR/" + cName + " is a link, and the build needs the name for a file; nothing is written: remove it"},
		{"a link in the place of its file", link("../outside", aName), "DIR/" + aName + " is a link"},
		{"a directory in the place of its file", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, aName))
			write(t, dir, aName+"/keep", "")
		}, "DIR/" + aName + " is a directory"},
		{"a link in the place of kustomization.yaml", link("../outside", kustomization), "DIR/kustomization.yaml is a link"},
		{"a link in the place of the manifest", link("../outside", manifestName), "DIR/.kcue-manifest is broken: it is a link; nothing is written: restore"},
		{"a directory in the place of the manifest", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, manifestName))
			write(t, dir, manifestName+"/keep", "")
		}, "DIR/.kcue-manifest is broken: it is a directory"},
		{"a manifest that names another's file", file(manifestName, manifestMark+"\n../outside\n"), `DIR/.kcue-manifest is broken: line 2: "../outside" is no name that kcue gives to a file`},
		{"an empty manifest", file(manifestName, ""), "DIR/.kcue-manifest is broken: it has no line"},
		{"a manifest without end", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, manifestName), maxManifest+1); err != nil {
				t.Fatal(err)
			}
		}, "DIR/.kcue-manifest is broken: it has 16777217 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "deploy")
			mustBuild(t, dir, false, policy("a", "1"), policy("b", "1"))
			write(t, top, "outside", "keep")
			tt.spoil(t, dir)
			before := contents(t, dir)
			objects := []lower.Object{policy("a", "2"), policy("c", "1")}
			_, planned := New(dir, objects, false)
			_, err := Build(dir, objects, false)
			want := strings.ReplaceAll(tt.err, "DIR", dir)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is\n%v, want\n%s", err, want)
			}
			if fmt.Sprint(planned) != fmt.Sprint(err) {
				t.Errorf("New says %v, and Build %v", planned, err)
			}
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Errorf("the directory changed (-before +after)\n%s", diff)
			}
			if got := contents(t, top)["outside"]; got != "keep" {
				t.Errorf("the file outside became %q", got)
			}
		})
	}
}

// TestManifestOfAStranger removes nothing but regular files of the directory
// itself, whatever a manifest names.
func TestManifestOfAStranger(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "deploy")
	mustBuild(t, dir, false, policy("a", "1"))
	write(t, top, "outside_a.yaml", "keep")
	write(t, dir, "dir_a.yaml/inner_a.yaml", "keep")
	if err := os.Symlink("../outside_a.yaml", filepath.Join(dir, "link_a.yaml")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if err := os.Symlink(top, filepath.Join(dir, "up_a.yaml")); err != nil {
		t.Fatal(err)
	}
	want := contents(t, dir)
	write(t, dir, manifestName, manifestMark+"\n"+aName+"\ndir_a.yaml\nkustomization.yaml\nlink_a.yaml\nup_a.yaml\n")
	mustBuild(t, dir, false, policy("a", "1"))
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := contents(t, top)["outside_a.yaml"]; got != "keep" {
		t.Errorf("the file outside became %q", got)
	}
	if got := contents(t, filepath.Join(dir, "dir_a.yaml"))["inner_a.yaml"]; got != "keep" {
		t.Errorf("the file in the directory became %q", got)
	}
}

// TestBuildDirectory tells what is wrong with the directory itself.
func TestBuildDirectory(t *testing.T) {
	top := t.TempDir()
	write(t, top, "file", "keep")
	if err := os.Symlink(t.TempDir(), filepath.Join(top, "link")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if err := os.Symlink("nowhere", filepath.Join(top, "broken")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"file":       "is a file, and the objects go into a directory: choose another name",
		"file/below": "not a directory",
		"link":       "is a link, which is not followed, since it may lead anywhere: name the directory itself",
		"link/":      "is a link",
		"broken":     "is a link",
	} {
		for how, f := range map[string]func(string, []lower.Object, bool) (*Plan, error){"New": New, "Build": Build} {
			_, err := f(filepath.Join(top, "x", "..")+"/"+name, []lower.Object{policy("a", "1")}, false)
			if err == nil || !strings.Contains(err.Error(), filepath.Join(top, name)) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %s: the error is %v, want %q", how, name, err, want)
			}
		}
	}
	if diff := cmp.Diff("keep", contents(t, top)["file"]); diff != "" {
		t.Error(diff)
	}
	if entries := contents(t, filepath.Join(top, "link")); len(entries) > 0 {
		t.Errorf("the link was followed: %v", entries)
	}
}

// TestBuildPart builds a part over the whole: nothing is removed, and everything
// that is there stays listed.
func TestBuildPart(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, false, policy("a", "1"), policy("b", "1"), policy("c", "1"))
	before := contents(t, dir)
	if got := mustBuild(t, dir, true, policy("a", "1")); got != nil {
		t.Errorf("a part of what is there made changes: %v", got)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	// kustomization.yaml must not list what somebody removed.
	if err := os.Remove(filepath.Join(dir, bName)); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, dir, true, policy("a", "2"))
	if diff := cmp.Diff(fresh(t, policy("a", "2"), policy("c", "1")), contents(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestBuildOneFile refuses objects of one file name: the later would win.
func TestBuildOneFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deploy")
	_, err := Build(dir, []lower.Object{object("v1", "ConfigMap", "", "a"), object("v1", "Configmap", "", "a")}, false)
	if err == nil || !strings.Contains(err.Error(), "would both be configmap_a.yaml") {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory was made")
	}
}
