package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// imageVariable names the directory that stands for the image to docker below.
const imageVariable = "KCUE_TEST_IMAGE"

// image makes a directory that holds what the image holds: the binary as it is
// released, and nothing else. Running it takes what only root may do.
func image(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("containers are made by chroot and a network namespace of their own: this needs root")
	}
	if testing.Short() {
		t.Skip("builds the binary")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "kcue"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// contain makes a command run in a container as a runtime would: its root is
// dir, which belongs to somebody else, it has the user's number, no
// capabilities and no network.
func contain(command *exec.Cmd, dir string, user uint32) {
	command.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     dir,
		Credential: &syscall.Credential{Uid: user, Gid: user},
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWPID,
	}
}

// mount copies a directory to where a container has it, for others to read.
func mount(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if entry.Name() == "kcue" {
			mode = 0o755
		}
		return os.WriteFile(filepath.Join(to, name), data, mode)
	})
}

// docker stands in for docker run as kustomize calls it (kyaml's
// fn/runtime/container). It refuses what kustomize does not say.
func docker() {
	status, err := dockerRun(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "docker: %v\n", err)
		os.Exit(125)
	}
	os.Exit(status)
}

func dockerRun(args []string) (int, error) {
	root, err := os.MkdirTemp("", "container")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(root)
	if err := mount(os.Getenv(imageVariable), root); err != nil {
		return 0, err
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return 0, err
	}
	if len(args) == 0 || args[0] != "run" {
		return 0, fmt.Errorf("unexpected command: %q", args)
	}
	isolated := map[string]bool{}
	var env []string
	args = args[1:]
	for len(args) > 1 {
		flag := args[0]
		args = args[1:]
		name, value, joined := strings.Cut(flag, "=")
		if flag == "--rm" || flag == "-i" {
			continue
		}
		if !joined {
			value, args = args[0], args[1:]
		}
		switch name {
		case "-a":
		case "-e":
			env = append(env, value)
		case "--network":
			isolated["network"] = value == "none"
		case "--user":
			isolated["user"] = value == "nobody"
		case "--security-opt":
			isolated["privileges"] = value == "no-new-privileges"
		case "--mount":
			options := map[string]string{}
			for option := range strings.SplitSeq(value, ",") {
				k, v, _ := strings.Cut(option, "=")
				options[k] = v
			}
			_, isolated["mount"] = options["readonly"]
			if options["type"] != "bind" {
				return 0, fmt.Errorf("the mount %q is no bind mount", value)
			}
			if err := mount(options["source"], filepath.Join(root, options["target"])); err != nil {
				return 0, err
			}
		default:
			return 0, fmt.Errorf("unexpected flag: %q", flag)
		}
	}
	for _, what := range []string{"network", "user", "privileges", "mount"} {
		if !isolated[what] {
			return 0, fmt.Errorf("the container is not isolated: %s", what)
		}
	}
	if len(args) != 1 || !strings.HasSuffix(args[0], "/kcue-krm:v0.1.0") {
		return 0, fmt.Errorf("unexpected image: %q", args)
	}
	// The entry point and the working directory of the image.
	command := exec.Command("/kcue", "krm")
	command.Dir, command.Env = "/work", env
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	const nobody = 65534
	contain(command, root, nobody)
	if err := command.Run(); err != nil && command.ProcessState == nil {
		return 0, err
	}
	return command.ProcessState.ExitCode(), nil
}

// TestContainer runs in containers what the document runs there.
func TestContainer(t *testing.T) {
	image := image(t)
	t.Run("kustomize", func(t *testing.T) { kustomizeContainer(t, image) })
	t.Run("Argo CD", func(t *testing.T) { argoCDSidecar(t, image) })
}

// kustomizeContainer runs the documented generator in a container, which
// kustomize starts by docker.
func kustomizeContainer(t *testing.T, image string) {
	kustomize := tool(t, "kustomize")
	files := documentFiles(t, gitops)
	dir := t.TempDir()
	writeFiles(t, dir, files, "policy.cue", "kustomization.yaml")
	files["generator.yaml"] = files["container.yaml"]
	writeFiles(t, dir, files, "generator.yaml")

	programs := bin(t)
	if err := os.Rename(filepath.Join(programs, "kcue"), filepath.Join(programs, "docker")); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + programs, imageVariable + "=" + image}
	build := func() finished {
		return process(t, dir, env, kustomize, "build", "--enable-alpha-plugins", ".")
	}
	r := build()
	if r.status != 0 || r.stderr != "" {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	differ(t, built(t, dir, "-t", "env=prod"), parsed(t, r.stdout))

	mistaken(t, dir)
	r = build()
	if r.status == 0 || r.stdout != "" || !strings.Contains(r.stderr, "policy.cue:9:2: KC204: ") || !strings.Contains(r.stderr, mistake) {
		t.Errorf("a mistake: status %d, %q\n%s", r.status, r.stdout, r.stderr)
	}
}

// argoCDSidecar runs the documented plugin in a container: as Argo CD's user,
// without a shell, a home directory, or anything else but the binary.
func argoCDSidecar(t *testing.T, image string) {
	root := t.TempDir()
	if err := mount(image, root); err != nil {
		t.Fatal(err)
	}
	files := documentFiles(t, gitops)
	if !strings.Contains(files["repo-server.yaml"], "runAsUser: 999\n") {
		t.Fatal("repo-server.yaml runs the plugin as another user than Argo CD's")
	}
	policies := filepath.Join(root, "tmp", "_cmp_server", "copy", "policies")
	if err := os.MkdirAll(policies, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, policies, files, "policy.cue")
	p := readPlugin(t, files["plugin.yaml"])
	args := slices.Concat(p.Spec.Generate.Command, p.Spec.Generate.Args)
	var stdout, stderr strings.Builder
	command := exec.Command(args[0], args[1:]...)
	command.Dir = "/tmp/_cmp_server/copy/policies"
	command.Env = []string{"PATH=/usr/bin:/bin", "ARGOCD_APP_NAME=policies"}
	command.Stdout, command.Stderr = &stdout, &stderr
	contain(command, root, 999)
	if err := command.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	differ(t, built(t, policies), parsed(t, stdout.String()))
}
