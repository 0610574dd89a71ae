package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/lower"
)

// faulty are files whose operation number at, from 1, comes to grief, as fail
// says. Operations that only read count too.
type faulty struct {
	files
	at   int
	n    int
	fail func(f *faulty, create string, data []byte) error
}

// next counts an operation; create is the file that it would write.
func (f *faulty) next(create string, data []byte) error {
	f.n++
	if f.n == f.at {
		return f.fail(f, create, data)
	}
	return nil
}

func (f *faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.next("", nil); err != nil {
		return nil, err
	}
	return f.files.Lstat(name)
}

func (f *faulty) ReadFile(name string) ([]byte, error) {
	if err := f.next("", nil); err != nil {
		return nil, err
	}
	return f.files.ReadFile(name)
}

func (f *faulty) ReadDir() ([]fs.DirEntry, error) {
	if err := f.next("", nil); err != nil {
		return nil, err
	}
	return f.files.ReadDir()
}

func (f *faulty) Create(name string, data []byte, sync bool) error {
	if err := f.next(name, data); err != nil {
		return err
	}
	return f.files.Create(name, data, sync)
}

func (f *faulty) Rename(from, to string) error {
	if err := f.next("", nil); err != nil {
		return err
	}
	return f.files.Rename(from, to)
}

func (f *faulty) Remove(name string) error {
	if err := f.next("", nil); err != nil {
		return err
	}
	return f.files.Remove(name)
}

// buildFaulty builds with the files of a directory made faulty, and gives how
// many operations there were.
func buildFaulty(dir string, objects []lower.Object, part bool, at int, fail func(*faulty, string, []byte) error) (int, error) {
	want, err := contentOf(objects)
	if err != nil {
		return 0, err
	}
	d, err := open(dir)
	if err != nil {
		return 0, err
	}
	defer d.close()
	f := &faulty{files: d.files, at: at, fail: fail}
	d.files = f
	_, err = d.build(want, part)
	return f.n, err
}

// A transition is what a build makes of what an earlier one left.
type transition struct {
	before, after []lower.Object
}

var transitions = map[string]transition{
	"first":   {nil, []lower.Object{policy("a", "1"), policy("b", "1")}},
	"changes": {[]lower.Object{policy("a", "1"), policy("b", "1")}, []lower.Object{policy("a", "2"), policy("b", "2")}},
	"all":     {[]lower.Object{policy("a", "1"), policy("b", "1"), policy("c", "1")}, []lower.Object{policy("a", "2"), policy("b", "1"), policy("d", "1"), policy("e", "1")}},
	"fewer":   {[]lower.Object{policy("a", "1"), policy("b", "1"), policy("c", "1")}, []lower.Object{policy("b", "1")}},
}

var foreign = map[string]string{"README.md": "keep", "values.yaml": "keep: true\n", "own_a.yaml": "keep: true\n"}

// prepare makes the directory that a transition begins with, with files of
// somebody else.
func prepare(t *testing.T, tr transition) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deploy")
	if tr.before != nil {
		mustBuild(t, dir, false, tr.before...)
	}
	for name, text := range foreign {
		write(t, dir, name, text)
	}
	return dir
}

// sound holds a directory that a build was stopped in to what every moment must
// be: each file as before or as after, none of somebody else's changed, each that
// is kcue's named by the manifest, and kustomization.yaml naming no missing one.
func sound(t *testing.T, dir string, before, after map[string]string) {
	t.Helper()
	got := contents(t, dir)
	own, err := parseManifest([]byte(got[manifestName]))
	if err != nil && (got[manifestName] != "" || len(before) > 0) {
		t.Errorf("the manifest is broken: %v", err)
	}
	for name, text := range got {
		_, old := before[name]
		_, new := after[name]
		switch {
		case foreign[name] == text, temporary.MatchString(name):
		case name == manifestName:
		case old && text == before[name], new && text == after[name]:
			if !slices.Contains(own, name) {
				t.Errorf("%s is there, and the manifest does not name it", name)
			}
		default:
			t.Errorf("%s holds neither what it held nor what it should:\n%s", name, text)
		}
	}
	for name := range before {
		if _, there := got[name]; after[name] != "" && !there {
			t.Errorf("%s is gone", name)
		}
	}
	for line := range strings.Lines(got[kustomization]) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok && got[name] == "" {
			t.Errorf("kustomization.yaml lists %s, which is not there", name)
		}
	}
	for name := range foreign {
		if got[name] != foreign[name] {
			t.Errorf("%s became %q", name, got[name])
		}
	}
}

// repaired builds again and holds the directory to a fresh one.
func repaired(t *testing.T, dir string, tr transition) {
	t.Helper()
	mustBuild(t, dir, false, tr.after...)
	want := fresh(t, tr.after...)
	maps.Copy(want, foreign)
	if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
		t.Errorf("the next build leaves (-fresh +got)\n%s", diff)
	}
}

// everyOperation runs check for each operation of a transition's build, with a
// directory of its own.
func everyOperation(t *testing.T, check func(t *testing.T, dir string, tr transition, at int, before, after map[string]string)) {
	for name, tr := range transitions {
		count, err := buildFaulty(prepare(t, tr), tr.after, false, 0, nil)
		if err != nil || count < 10 {
			t.Fatalf("%d operations, %v", count, err)
		}
		for at := 1; at <= count; at++ {
			t.Run(fmt.Sprintf("%s %d", name, at), func(t *testing.T) {
				dir := prepare(t, tr)
				before := contents(t, dir)
				for name := range foreign {
					delete(before, name)
				}
				check(t, dir, tr, at, before, fresh(t, tr.after...))
			})
		}
	}
}

// TestBuildFails has each operation of a build fail, as on a full disk.
func TestBuildFails(t *testing.T) {
	full := errors.New("no space left on device")
	everyOperation(t, func(t *testing.T, dir string, tr transition, at int, before, after map[string]string) {
		creating := false
		_, err := buildFaulty(dir, tr.after, false, at, func(_ *faulty, create string, _ []byte) error {
			creating = create != ""
			return &fs.PathError{Op: "write", Path: "x", Err: full}
		})
		if !errors.Is(err, full) || !strings.Contains(err.Error(), dir) {
			t.Errorf("the error is %v", err)
		}
		sound(t, dir, before, after)
		got := contents(t, dir)
		for name := range got {
			if temporary.MatchString(name) {
				t.Errorf("%s is left", name)
			}
		}
		for name := range foreign {
			delete(got, name)
		}
		if diff := cmp.Diff(before, got); creating && diff != "" {
			t.Errorf("a failure to write changed the directory (-before +after)\n%s", diff)
		}
		repaired(t, dir, tr)
	})
}

const (
	killedDir = "KCUE_TREE_TEST_DIR"
	killedAt  = "KCUE_TREE_TEST_AT"
	killedHow = "KCUE_TREE_TEST_TRANSITION"
)

// TestMain lets the test's own binary be the build that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	at, err := strconv.Atoi(os.Getenv(killedAt))
	if err != nil {
		panic(err)
	}
	_, err = buildFaulty(dir, transitions[os.Getenv(killedHow)].after, false, at, func(f *faulty, create string, data []byte) error {
		if create != "" {
			if err := f.files.Create(create, data[:len(data)/2], false); err != nil {
				panic(err)
			}
		}
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Kill()
		}
		time.Sleep(time.Minute)
		return err
	})
	fmt.Println("not killed:", err)
	os.Exit(3)
}

// TestBuildKilled kills a process with SIGKILL at each operation of a build, in
// the midst of those that write.
func TestBuildKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some hundred processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	everyOperation(t, func(t *testing.T, dir string, tr transition, at int, before, after map[string]string) {
		how := strings.Split(strings.TrimPrefix(t.Name(), "TestBuildKilled/"), "_")[0]
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killedDir+"="+dir, killedAt+"="+strconv.Itoa(at), killedHow+"="+how)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() == 3 {
			t.Fatalf("the build was not killed: %v\n%s", err, out)
		}
		for name := range contents(t, dir) {
			if temporary.MatchString(name) {
				left++
			}
		}
		sound(t, dir, before, after)
		repaired(t, dir, tr)
	})
	if left == 0 {
		t.Error("no build was killed while it wrote")
	}
}

// TestBuildBeside has builds write into one directory at the same time: the tree
// is one of theirs in the end.
func TestBuildBeside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deploy")
	var sets [][]lower.Object
	for i := range 4 {
		var objects []lower.Object
		for j := range 20 {
			objects = append(objects, policy(fmt.Sprintf("p-%d", j*(i+1)), strconv.Itoa(i)))
		}
		sets = append(sets, objects)
	}
	var wg sync.WaitGroup
	for range 5 {
		for _, objects := range sets {
			wg.Go(func() {
				if _, err := Build(dir, objects, false); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	got := contents(t, dir)
	for _, objects := range sets {
		if cmp.Equal(fresh(t, objects...), got) {
			return
		}
	}
	t.Errorf("the tree is none of theirs: %v", slices.Sorted(maps.Keys(got)))
}

// TestSweepUnlocked leaves to a build that may still run what it needs, where
// directories cannot be locked.
func TestSweepUnlocked(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".kcue-0123456789abcdef-1.tmp", "of now")
	write(t, dir, ".kcue-0123456789abcdef-2.tmp", "of yesterday")
	old := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, ".kcue-0123456789abcdef-2.tmp"), old, old); err != nil {
		t.Fatal(err)
	}
	d, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.sweep(false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{".kcue-0123456789abcdef-1.tmp": "of now"}, contents(t, dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func benchmark(b *testing.B, each func(i int, dir string, objects []lower.Object)) {
	var objects []lower.Object
	for i := range 1000 {
		objects = append(objects, policy(fmt.Sprintf("policy-%05d", i), strings.Repeat("x", 4000)))
	}
	dir := b.TempDir()
	if _, err := Build(filepath.Join(dir, "same"), objects, false); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		each(i, dir, objects)
		i++
	}
}

// BenchmarkBuild builds a thousand objects of 4 kB into a new directory.
func BenchmarkBuild(b *testing.B) {
	benchmark(b, func(i int, dir string, objects []lower.Object) {
		if _, err := Build(filepath.Join(dir, strconv.Itoa(i)), objects, false); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkBuildSame builds them into a directory that holds them.
func BenchmarkBuildSame(b *testing.B) {
	benchmark(b, func(_ int, dir string, objects []lower.Object) {
		if p, err := Build(filepath.Join(dir, "same"), objects, false); err != nil || len(p.Changes) > 0 {
			b.Fatal(p, err)
		}
	})
}
