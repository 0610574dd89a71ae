package tree

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseManifest(t *testing.T) {
	head := manifestNote + "\n" + manifestMark + "\n"
	tests := []struct {
		name, text string
		want       []string
		err        string
	}{
		{"as written", string(manifestText([]string{"a_b.yaml", kustomization})), []string{"a_b.yaml", kustomization}, ""},
		{"no names", head, nil, ""},
		{"not in order, twice, CRLF, no last newline", strings.ReplaceAll(head, "\n", "\r\n") + "b_b.yaml\r\na_b.yaml\r\n\r\nb_b.yaml", []string{"a_b.yaml", "b_b.yaml"}, ""},
		{"a merge conflict", head + "a_a.yaml\n<<<<<<< HEAD\na_b.yaml\n||||||| base\na_c.yaml\n=======\na_d.yaml\n>>>>>>> branch\n", []string{"a_a.yaml", "a_b.yaml", "a_c.yaml", "a_d.yaml"}, ""},
		{"empty", "", nil, `it has no line "kcue-manifest v1"`},
		{"another version", "kcue-manifest v2\na_b.yaml\n", nil, `line 1 is "kcue-manifest v2", expected "kcue-manifest v1"`},
		{"something else", "{\"files\": []}\n", nil, `line 1 is "{\"files\": []}", expected`},
		{"much of something else", strings.Repeat("é", 1000), nil, "…, expected"},
		{"above", head + "../victim_a.yaml\n", nil, `line 3: "../victim_a.yaml" is no name`},
		{"below", head + "sub/victim_a.yaml\n", nil, "line 3: "},
		{"backslash", head + `sub\victim_a.yaml` + "\n", nil, "line 3: "},
		{"absolute", head + "/victim_a.yaml\n", nil, "line 3: "},
		{"drive", head + "c:victim_a.yaml\n", nil, "line 3: "},
		{"dots", head + "..\n", nil, "line 3: "},
		{"no YAML", head + "notes_a.txt\n", nil, "line 3: "},
		{"another's YAML", head + "values.yaml\n", nil, "line 3: "},
		{"hidden", head + ".hidden_a.yaml\n", nil, "line 3: "},
		{"capitals", head + "README_A.yaml\n", nil, "line 3: "},
		{"too long", head + strings.Repeat("a", 250) + "_.yaml\n", nil, "line 3: "},
		{"NUL", head + "a_b\x00.yaml\n", nil, "line 3: "},
		{"blanks", head + " a_b.yaml\n", nil, "line 3: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseManifest([]byte(tt.text))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("the error is %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// FuzzParseManifest holds what any manifest names to names inside of the
// directory, and what was parsed to be parsed again from what is written of it.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifestMark + "\na_b.yaml\n../c_d.yaml\n"))
	f.Add([]byte("<<<<<<< \n" + manifestMark + "\r\nkustomization.yaml\n=======\n%2e%2e_a~.yaml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := parseManifest(data)
		if err != nil {
			return
		}
		for _, name := range names {
			if !filepath.IsLocal(name) || name != filepath.Base(name) || strings.ContainsAny(name, `/\:`) || !strings.HasSuffix(name, ".yaml") {
				t.Errorf("%q is no file name", name)
			}
		}
		again, err := parseManifest(manifestText(names))
		if err != nil || !slices.Equal(names, again) {
			t.Errorf("%q became %q, %v", names, again, err)
		}
	})
}
