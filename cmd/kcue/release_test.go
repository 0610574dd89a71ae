package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// release is .goreleaser.yaml, with the fields that it uses and no others:
// what is misspelt there does not decode. goreleaser check knows all of them,
// and takes five minutes to compile.
type release struct {
	Version     int
	ProjectName string `yaml:"project_name"`
	Git         struct {
		IgnoreTags []string `yaml:"ignore_tags"`
	}
	Before struct{ Hooks []string }
	Builds []struct {
		ID, Dir, Main, Binary             string
		Env, Flags, Ldflags, Goos, Goarch []string
		Timestamp                         string `yaml:"mod_timestamp"`
	}
	Archives []struct {
		ID              string
		IDs             []string
		NameTemplate    string `yaml:"name_template"`
		Formats         []string
		FormatOverrides []struct {
			Goos    string
			Formats []string
		} `yaml:"format_overrides"`
		BuildsInfo struct{ Mtime string } `yaml:"builds_info"`
		Files      []struct {
			Src, Dst    string
			StripParent bool `yaml:"strip_parent"`
			Info        struct{ Mtime string }
		}
	}
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
	}
	SBOMs []struct {
		Artifacts, Cmd       string
		Documents, Args, Env []string
	}
	Krews []struct {
		Name, Homepage, Description, Caveats string
		IDs                                  []string
		ShortDescription                     string `yaml:"short_description"`
		SkipUpload                           string `yaml:"skip_upload"`
	}
	Changelog struct{ Disable bool }
	Snapshot  struct {
		VersionTemplate string `yaml:"version_template"`
	}
}

// gitFiles runs git in the repository and gives what it prints, sorted.
func gitFiles(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = repository
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("SKIPPED: git cannot say what is in the repository: %v", err)
	}
	return slices.Sorted(slices.Values(strings.Fields(string(out))))
}

// TestRelease holds .goreleaser.yaml to the repository: what it builds and packs
// is there, for every platform, in the same bytes each time.
func TestRelease(t *testing.T) {
	var r release
	dec := yaml.NewDecoder(strings.NewReader(readDocument(t, ".goreleaser.yaml")))
	dec.KnownFields(true)
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}

	binaries := map[string]string{}
	for _, b := range r.Builds {
		binaries[b.ID] = b.Binary
		if _, err := os.Stat(filepath.Join(repository, b.Dir, b.Main, "main.go")); err != nil {
			t.Errorf("%s builds what is not there: %v", b.ID, err)
		}
		if d := cmp.Diff([]string{"linux", "darwin", "windows"}, b.Goos); d != "" {
			t.Errorf("%s: %s", b.ID, d)
		}
		if d := cmp.Diff([]string{"amd64", "arm64"}, b.Goarch); d != "" {
			t.Errorf("%s: %s", b.ID, d)
		}
		// A static binary of one module, in the same bytes wherever it is
		// built, that knows its version.
		for _, want := range []string{"CGO_ENABLED=0", "GOWORK=off"} {
			if !slices.Contains(b.Env, want) {
				t.Errorf("%s is not built with %s: %q", b.ID, want, b.Env)
			}
		}
		for _, want := range []string{"-trimpath", "-buildvcs=true"} {
			if !slices.Contains(b.Flags, want) {
				t.Errorf("%s is not built with %s: %q", b.ID, want, b.Flags)
			}
		}
		if b.Timestamp != "{{ .CommitTimestamp }}" {
			t.Errorf("%s has the time of the machine: mod_timestamp is %q", b.ID, b.Timestamp)
		}
	}
	if d := cmp.Diff(map[string]string{"kcue": "kcue", engineName: engineName}, binaries); d != "" {
		t.Errorf("the builds and their binaries: %s", d)
	}

	made := "" // by the hooks, by shell
	for _, shell := range shells {
		made += " " + shell
	}
	if len(r.Before.Hooks) != 1 || !strings.Contains(r.Before.Hooks[0], "for s in"+made+"; do") {
		t.Errorf("the hooks do not make the completions of%s: %q", made, r.Before.Hooks)
	}
	packed := map[string][]string{}
	for _, a := range r.Archives {
		if len(a.IDs) != 1 || binaries[a.IDs[0]] == "" {
			t.Errorf("the archive %s is not of one build: %q", a.ID, a.IDs)
		}
		if a.BuildsInfo.Mtime != "{{ .CommitDate }}" {
			t.Errorf("the archive %s has the time of the machine: builds_info.mtime is %q", a.ID, a.BuildsInfo.Mtime)
		}
		for _, f := range a.Files {
			packed[a.ID] = append(packed[a.ID], f.Src)
			if f.Info.Mtime != "{{ .CommitDate }}" {
				t.Errorf("%s in the archive %s has the time of the machine", f.Src, a.ID)
			}
			if f.Src != "completions/*" && len(gitFiles(t, "ls-files", "--", f.Src)) == 0 {
				t.Errorf("the archive %s packs %s, which git does not know", a.ID, f.Src)
			}
		}
	}
	if d := cmp.Diff(map[string][]string{
		"kcue":     {"LICENSE", "README.md", "CHANGELOG.md", "docs/man/*.1", "completions/*"},
		engineName: {"LICENSE"},
	}, packed); d != "" {
		t.Errorf("the archives and their files: %s", d)
	}
	// What a release makes must not have Go call the binaries +dirty.
	if d := cmp.Diff([]string{"completions/kcue.bash", "dist/x"}, gitFiles(t, "check-ignore", "completions/kcue.bash", "dist/x")); d != "" {
		t.Errorf("git does not ignore what a release makes: %s", d)
	}

	// Krew takes an archive of one binary.
	if len(r.Krews) != 1 || !slices.Equal(r.Krews[0].IDs, []string{"kcue"}) {
		t.Errorf("the plugin of kubectl is not the archive kcue: %+v", r.Krews)
	}
	if pinned := regexp.MustCompile(`@v\d+\.\d+\.\d+$`); len(r.SBOMs) != 1 || !slices.ContainsFunc(r.SBOMs[0].Args, pinned.MatchString) {
		t.Errorf("the tool of the SBOMs is not pinned: %+v", r.SBOMs)
	}
}
