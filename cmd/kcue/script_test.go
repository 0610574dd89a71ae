package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	cue "cuelang.org/go/cmd/cue/cmd"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expectations of testdata/script")

func TestMain(m *testing.M) {
	// No test is to see, or to leave, what the user's cache holds.
	if _, set := os.LookupEnv("KCUE_CACHE"); !set {
		os.Setenv("KCUE_CACHE", "off")
	}
	testscript.Main(m, map[string]func(){
		"kcue":     main,
		"docker":   docker,
		pluginName: main,
		"cue":      func() { os.Exit(cue.Main()) },
	})
}

// TestScript runs the command as users do. Each script of testdata/script
// begins with a comment that says why it exists; `status N kcue ...` runs the
// command and demands the exit status, `cue` is the command of the CUE that kcue
// is built with; module_test.go has the commands about its modules.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   status,
			"registry": registry,
			"checkout": checkout,
			"lighter":  lighter,
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "checkout":
				return isCheckout(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Setup: func(env *testscript.Env) error {
			// A script is to see nothing of the machine that it runs on.
			env.Setenv("CUE_CACHE_DIR", env.WorkDir+"/.cache")
			env.Setenv("CUE_REGISTRY", "none")
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
