package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	repository = "../../.."
	scriptDir  = repository + "/testdata/script-engine"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/script-engine")

// TestMain makes the test binary serve as kcue-engine in the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kcue-engine": main})
}

// buildKcue builds the light binary and gives the directory that holds it.
func buildKcue(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "./cmd/kcue")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// TestScript runs kcue test and kcue eval as users do, with an engine in PATH.
// Each script begins with a comment that says why it exists.
func TestScript(t *testing.T) {
	bin := buildKcue(t)
	scripts, err := filepath.Glob(scriptDir + "/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatalf("no scripts in %s", scriptDir)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 scriptDir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			// A script is to see nothing of the machine that it runs on.
			env.Setenv("CUE_CACHE_DIR", env.WorkDir+"/.cache")
			env.Setenv("CUE_REGISTRY", "none")
			env.Setenv("KCUE_ENGINE", "")
			env.Setenv("NO_COLOR", "")
			return nil
		},
	})
}

// status runs a command and demands its exit status: "status 2 kcue nonsense".
// Its output can be compared afterwards, as with exec.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// TestRun holds kcue-engine by itself to saying what it is.
func TestRun(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
	}{
		{[]string{"version"}, 0},
		{nil, 2},
		{[]string{"version", "extra"}, 2},
		{[]string{"test"}, 2},
	} {
		t.Run(fmt.Sprint(tt.args), func(t *testing.T) {
			if got := run(tt.args); got != tt.want {
				t.Errorf("exit status %d, want %d", got, tt.want)
			}
		})
	}
}
