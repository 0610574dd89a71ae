package cache

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBinaryIsTheBuildID holds what identifies an executable to what the go
// command says of it, in every format of an executable that kcue is built for.
func TestBinaryIsTheBuildID(t *testing.T) {
	if testing.Short() {
		t.Skip("builds executables for other systems: left out with -short")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, system := range []string{"linux/amd64", "darwin/arm64", "windows/amd64"} {
		t.Run(system, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(system, "/")
			name := filepath.Join(dir, goos+goarch)
			build := exec.Command("go", "build", "-o", name, source)
			build.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want, err := exec.Command("go", "tool", "buildid", name).Output()
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := identify(f)
			if err != nil || got != strings.TrimSpace(string(want)) {
				t.Errorf("identified by %q, %v: want the build ID %q", got, err, want)
			}
		})
	}
}

// TestBinaryWithoutBuildID has executables that say nothing of themselves.
func TestBinaryWithoutBuildID(t *testing.T) {
	long := bytes.Repeat([]byte("code"), beginning)
	other := bytes.Clone(long)
	other[len(other)-1]++
	first, err := identify(bytes.NewReader(long))
	if err != nil {
		t.Fatal(err)
	}
	second, err := identify(bytes.NewReader(other))
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("two executables that differ in their last byte are the same")
	}
	if _, err := identify(strings.NewReader("")); err == nil {
		t.Error("an empty executable is identified")
	}
	cut := "\x7fELF\x00\x00\x00\x00\xff\xff\x00\x00" + string(elfNote)
	if got, err := identify(strings.NewReader(cut)); err != nil || len(got) != 32 {
		t.Errorf("a note that is cut short gives %q, %v", got, err)
	}
}
