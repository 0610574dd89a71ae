package lazyregexp

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// TestAllCompile compiles every expression of the repository: one that is wrong
// would be seen only by whoever first needs it.
func TestAllCompile(t *testing.T) {
	files, err := exec.Command("git", "-C", "../..", "ls-files", "compiler/*.go", "importer/*.go").Output()
	if err != nil {
		t.Skipf("SKIPPED: the repository's files are listed by git: %v", err)
	}
	call := regexp.MustCompile("lazyregexp\\.New\\((`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\")\\)")
	n := 0
	for _, name := range regexp.MustCompile(`\S+`).FindAllString(string(files), -1) {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(data), -1) {
			text, err := strconv.Unquote(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := regexp.Compile(text); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			n++
		}
	}
	if n < 50 {
		t.Errorf("%d expressions: there are more", n)
	}
}

func TestRegexp(t *testing.T) {
	r := New(`a(b*)`)
	for what, got := range map[string]bool{
		"String":               r.String() == `a(b*)`,
		"MatchString":          r.MatchString("xabb") && !r.MatchString("x"),
		"FindString":           r.FindString("xabb") == "abb",
		"FindStringSubmatch":   r.FindStringSubmatch("xabb")[1] == "bb",
		"FindAllString":        len(r.FindAllString("a ab", -1)) == 2,
		"FindAllStringIndex":   r.FindAllStringIndex("a ab", -1)[1][0] == 2,
		"ReplaceAllString":     r.ReplaceAllString("abba", "x") == "xx",
		"ReplaceAllStringFunc": r.ReplaceAllStringFunc("ab", func(s string) string { return s + "!" }) == "ab!",
	} {
		if !got {
			t.Errorf("%s is not that of the expression", what)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression is used")
		}
	}()
	New(`(`).MatchString("")
}
