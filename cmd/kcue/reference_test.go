package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The commands' own texts are the reference: docs/cli.md and the man pages are
// made from them, both by way of Markdown, and rewritten by
// go test ./cmd/kcue -update.

const (
	cliPage = repository + "/docs/cli.md"
	manDir  = repository + "/docs/man"
)

// exitStatus begins the paragraph of a command's text that says what its exit
// status means.
const exitStatus = "Exit status: "

// description parts a command's Long into its paragraphs and what it says of
// the exit status, "" where it says nothing of its own.
func description(c *cobra.Command) (paragraphs []string, exit string) {
	for p := range strings.SplitSeq(c.Long, "\n\n") {
		if rest, ok := strings.CutPrefix(p, exitStatus); ok {
			exit = rest
		} else {
			paragraphs = append(paragraphs, p)
		}
	}
	return paragraphs, exit
}

var (
	special = regexp.MustCompile("[\\\\`*_<>\\[\\]|~]")
	// leading is what begins a list or a heading where it begins a line.
	leading = regexp.MustCompile(`(?m)^([-+#]|\d+[.)])`)
)

// markdown makes text what Markdown takes literally.
func markdown(text string) string {
	text = special.ReplaceAllString(text, `\$0`)
	return leading.ReplaceAllStringFunc(text, func(m string) string { return m[:len(m)-1] + `\` + m[len(m)-1:] })
}

// writeParagraphs writes paragraphs as Markdown: an indented one stands as it
// is, as it does in --help.
func writeParagraphs(b *strings.Builder, paragraphs []string) {
	for _, p := range paragraphs {
		if strings.HasPrefix(p, " ") {
			writeCode(b, "text", p)
		} else {
			fmt.Fprintf(b, "%s\n\n", markdown(p))
		}
	}
}

var indentation = regexp.MustCompile("(?m)^  ")

func writeCode(b *strings.Builder, language, text string) {
	fmt.Fprintf(b, "```%s\n%s\n```\n\n", language, indentation.ReplaceAllString(text, ""))
}

// shownFlags lists the flags of a set that help shows.
func shownFlags(set *pflag.FlagSet) []*pflag.Flag {
	var out []*pflag.Flag
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Deprecated == "" && f.Name != "help" {
			out = append(out, f)
		}
	})
	return out
}

// ownFlags lists the flags of a command that are no flags of every command.
func ownFlags(c *cobra.Command) []*pflag.Flag { return shownFlags(c.LocalNonPersistentFlags()) }

// defaultOf is a flag's default as a user would write it, "" for none.
func defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"false", "[]", "0"}, f.DefValue) {
		return ""
	}
	return f.DefValue
}

// writeFlags writes flags as a table of Markdown.
func writeFlags(b *strings.Builder, flags []*pflag.Flag) {
	b.WriteString("| flag | default | |\n|---|---|---|\n")
	for _, f := range flags {
		value, usage := pflag.UnquoteUsage(f)
		name := "`" + strings.TrimSpace("--"+f.Name+" "+value) + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		def := defaultOf(f)
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, def, markdown(usage))
	}
	b.WriteByte('\n')
}

// cliReference is docs/cli.md.
func cliReference(root *cobra.Command, all []*cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n")
	b.WriteString("<!-- Made from the commands' own texts: go test ./cmd/kcue -update rewrites it. -->\n\n")
	paragraphs, exit := description(root)
	writeParagraphs(&b, paragraphs)
	b.WriteString("| command | |\n|---|---|\n")
	for _, c := range all {
		anchor := strings.ReplaceAll(c.CommandPath(), " ", "-")
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.CommandPath(), anchor, markdown(c.Short))
	}
	b.WriteString("\nThe same texts are printed by `kcue COMMAND --help`, and are the [man pages](man).\n\n")
	b.WriteString("## Flags of every command\n\n")
	writeFlags(&b, shownFlags(root.PersistentFlags()))
	fmt.Fprintf(&b, "## Exit status\n\n%s\n\n", markdown(exit))
	for _, c := range all {
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n", c.CommandPath(), markdown(c.Short))
		writeCode(&b, "text", c.UseLine())
		paragraphs, exit := description(c)
		writeParagraphs(&b, paragraphs)
		if flags := ownFlags(c); len(flags) > 0 {
			writeFlags(&b, flags)
		}
		if c.HasExample() {
			writeCode(&b, "sh", c.Example)
		}
		if exit == "" {
			exit = "as for [every command](#exit-status)."
		} else {
			exit = markdown(exit)
		}
		fmt.Fprintf(&b, "Exit status: %s\n\n", exit)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// manName is the page of a command, without its section.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is a command's man page. It bears no date, so that the same texts
// give the same page.
func manPage(c *cobra.Command) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%% \"%s\" \"1\" \"\" \"kcue\" \"kcue\"\n", strings.ToUpper(manName(c)))
	synopsis := c.UseLine()
	if c.HasAvailableSubCommands() {
		synopsis = c.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&b, "# NAME\n\n%s - %s\n\n# SYNOPSIS\n\n**%s**\n\n", manName(c), markdown(c.Short), markdown(synopsis))
	paragraphs, exit := description(c)
	b.WriteString("# DESCRIPTION\n\n")
	writeParagraphs(&b, paragraphs)
	if flags := ownFlags(c); len(flags) > 0 {
		b.WriteString("# OPTIONS\n\n")
		writeDefinitions(&b, flags)
	}
	if flags := shownFlags(c.Root().PersistentFlags()); len(flags) > 0 {
		b.WriteString("# OPTIONS OF EVERY COMMAND\n\n")
		writeDefinitions(&b, flags)
	}
	b.WriteString("# EXIT STATUS\n\n")
	if exit != "" && c.HasParent() {
		fmt.Fprintf(&b, "%s\n\nAs for every command: ", markdown(exit))
	}
	_, general := description(c.Root())
	fmt.Fprintf(&b, "%s\n\n", markdown(general))
	if c.HasExample() {
		b.WriteString("# EXAMPLES\n\n")
		writeCode(&b, "", c.Example)
	}
	b.WriteString("# SEE ALSO\n\n")
	var also []string
	if c.HasParent() {
		also = append(also, manName(c.Parent()))
	}
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			also = append(also, manName(child))
		}
	}
	for i, name := range also {
		also[i] = "**" + name + "**(1)"
	}
	b.WriteString(strings.Join(also, ", ") + "\n")
	return md2man.Render([]byte(b.String()))
}

// writeDefinitions writes flags as a list of definitions.
func writeDefinitions(b *strings.Builder, flags []*pflag.Flag) {
	for _, f := range flags {
		value, usage := pflag.UnquoteUsage(f)
		if f.Shorthand != "" {
			fmt.Fprintf(b, "**-%s**, ", f.Shorthand)
		}
		fmt.Fprintf(b, "**--%s**", f.Name)
		if value != "" {
			fmt.Fprintf(b, " *%s*", markdown(value))
		}
		fmt.Fprintf(b, "\n: %s", markdown(usage))
		if def := defaultOf(f); def != "" {
			fmt.Fprintf(b, " (default %s)", markdown(def))
		}
		b.WriteString("\n\n")
	}
}

// shownCommands lists the commands that help shows.
func shownCommands(t *testing.T) []*cobra.Command {
	return slices.DeleteFunc(commands(t), func(c *cobra.Command) bool { return !c.IsAvailableCommand() })
}

// TestCLIReference holds docs/cli.md to what the commands say of themselves.
func TestCLIReference(t *testing.T) {
	all := shownCommands(t)
	want := cliReference(all[0].Root(), all)
	got, err := os.ReadFile(cliPage)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	if *update {
		if err := os.WriteFile(cliPage, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("docs/cli.md is not what the commands say: run go test ./cmd/kcue -update (-page +commands):\n%s", cmp.Diff(string(got), want))
}

// TestManPages holds docs/man to one page for each command, with each of its
// flags, and no other.
func TestManPages(t *testing.T) {
	all := shownCommands(t)
	all = append([]*cobra.Command{all[0].Root()}, all...)
	unescape := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fI`, "", `\fP`, "")
	var names []string
	for _, c := range all {
		name := manName(c) + ".1"
		names = append(names, name)
		t.Run(name, func(t *testing.T) {
			want := manPage(c)
			plain := unescape.Replace(string(want))
			if title := `.TH "` + strings.ToUpper(manName(c)) + `" "1" ""`; !strings.Contains(plain, title) {
				t.Errorf("the page has no title %s", title)
			}
			for _, f := range append(ownFlags(c), shownFlags(c.Root().PersistentFlags())...) {
				if !strings.Contains(plain, "--"+f.Name) {
					t.Errorf("the page does not have the flag --%s", f.Name)
				}
			}
			path := filepath.Join(manDir, name)
			if *update {
				if err := os.MkdirAll(manDir, 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, want, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v: run go test ./cmd/kcue -update", err)
			}
			if d := cmp.Diff(string(got), string(want)); d != "" {
				t.Errorf("the page is not what the command says: run go test ./cmd/kcue -update (-page +command):\n%s", d)
			}
		})
	}
	entries, err := os.ReadDir(manDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			t.Errorf("docs/man/%s is the page of no command: remove it", e.Name())
		}
	}
}
