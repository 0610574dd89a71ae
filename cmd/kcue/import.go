package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"kcue.dev/compiler"
	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
	"kcue.dev/importer"
)

type importFlags struct {
	pkg      string
	outDir   string
	force    bool
	patterns bool
	tests    bool
	report   bool
	format   string
}

func newImportCommand(s streams, global *globalFlags) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import files",
		Short: "Turn Kyverno's YAML into specs",
		Long: `Import turns policies and the objects beside them, in YAML or JSON, into specs
that build the same objects. Names become keys, filters are written flat, and
what Kyverno has deprecated gets today's spelling: --report lists each such
difference. Comments stay where they stand.

Files are files, directories or - for standard input. The specs are written to
standard output as one package, or with --out-dir a file for each that is read,
in the same layout. In directories, the files of tests, Kustomize and Helm are
passed over.

Each object is vetted first, and its spec compiled and compared with it. One that
is wrong, or that the authoring model cannot say, is left out with a diagnostic;
the others are imported.

Exit status: 1 where anything was left out, or a file is in the way.`,
		Example: `  kcue import policies/ --out-dir specs
  kcue import -p security policy.yaml > policy.cue
  kubectl get clusterpolicies -o yaml | kcue import -
  kcue import --patterns --tests --report policies/ --out-dir specs`,
		RunE: func(_ *cobra.Command, args []string) error { return runImport(s, global, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.pkg, "package", "p", "policies", "`name` of the package")
	flags.StringVar(&f.outDir, flagOutDir, "", "write a file for each that is read under `DIR`")
	flags.BoolVar(&f.force, "force", false, "overwrite files under --out-dir that hold something else")
	flags.BoolVar(&f.patterns, "patterns", false, "write a rule that is one of kcue's patterns as that pattern")
	flags.BoolVar(&f.tests, "tests", false, "make tests of the kyverno-test.yaml files in directories")
	flags.BoolVar(&f.report, "report", false, "print what is said in other words than before; without --out-dir instead of the specs")
	flags.StringVar(&f.format, flagFormat, "text", "`format` of the report: text or json")
	return cmd
}

func runImport(s streams, global *globalFlags, f importFlags, args []string) error {
	switch {
	case f.format != "text" && f.format != "json":
		return usagef("unknown format %q of --%s: expected text or json", f.format, flagFormat)
	case len(args) == 0:
		return usagef("nothing to import: expected files, directories or - for standard input")
	case !importer.IsPackageName(f.pkg):
		return usagef("%q is no name for a package: expected letters, digits and _, beginning with a letter", f.pkg)
	case f.force && f.outDir == "":
		return usagef("--force goes with --%s", flagOutDir)
	}
	schemas, err := crd.Load()
	if err != nil {
		return err
	}
	empty, err := os.MkdirTemp("", "kcue-import-")
	if err != nil {
		return fmt.Errorf("cannot make a temporary directory: %w", err)
	}
	defer os.RemoveAll(empty)
	sources := importer.Read(args, s.in)
	var objects []*spec.Node
	for _, file := range sources.Files {
		for _, o := range file.Objects {
			objects = append(objects, o.Node)
		}
	}
	vetter, err := compiler.NewVetter(objects)
	if err != nil {
		return err
	}
	result, err := importer.Import(sources, importer.Options{
		Package: f.pkg, Single: f.outDir == "", Patterns: f.patterns, Tests: f.tests, Schemas: schemas,
		Vet:   vetter.Object,
		Build: func(source []byte) ([]*spec.Node, diag.List) { return buildSource(empty, source) },
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if f.outDir == "" && !f.report {
		for _, file := range result.Files {
			out.Write(file.Data)
		}
	}
	var overwrites *importer.Overwrites
	written, err := []string(nil), error(nil)
	if f.outDir != "" {
		written, err = importer.Write(f.outDir, result.Files, f.force)
		if errors.As(err, &overwrites) {
			return findingError{fmt.Errorf("%w: use --force to overwrite", err)}
		}
		if err != nil {
			return outputError{err}
		}
	}
	if f.report {
		write := importer.WriteText
		if f.format == "json" {
			write = importer.WriteJSON
		}
		if err := write(&out, result.Differences); err != nil {
			return err
		}
	}
	if err := s.write(out.Bytes()); err != nil {
		return err
	}
	if global.verbose {
		for _, w := range written {
			fmt.Fprintln(s.err, w)
		}
	}
	if !global.quiet {
		fmt.Fprintln(s.err, importedText(sources, result))
	}
	if result.Diagnostics.HasErrors() {
		return result.Diagnostics
	}
	if len(result.Diagnostics) > 0 {
		global.warn(s, result.Diagnostics)
	}
	return nil
}

// importedText says how much was imported, and what was passed over.
func importedText(sources *importer.Sources, result *importer.Result) string {
	text := fmt.Sprintf("imported %d of %s", result.Objects, plural(result.Read, "object"))
	if result.Tests > 0 {
		text += " and " + plural(result.Tests, "test")
	}
	text += " from " + plural(len(sources.Files), "file")
	counts := map[string]int{}
	var reasons []string
	for _, p := range sources.PassedOver {
		if counts[p.Why]++; counts[p.Why] == 1 {
			reasons = append(reasons, p.Why)
		}
	}
	slices.Sort(reasons)
	for i, why := range reasons {
		if i == 0 {
			text += "; passed over "
		} else {
			text += ", "
		}
		text += plural(counts[why], "file") + " " + why
	}
	if n := len(result.Differences); n > 0 {
		text += "; " + plural(n, "difference") + " in words (--report)"
	}
	return text
}

// buildSource compiles a package of one file, in a directory that has nothing
// else.
func buildSource(dir string, source []byte) ([]*spec.Node, diag.List) {
	result, err := compiler.Compile(compiler.Config{Dir: dir, Args: []string{"-"}, Stdin: bytes.NewReader(source)})
	var diags diag.List
	if errors.As(err, &diags) {
		return nil, diags
	}
	if err != nil {
		return nil, diag.List{{Code: diag.Evaluation, Message: err.Error()}}
	}
	return nodes(result.Objects), nil
}
