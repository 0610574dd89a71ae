// Package reference makes the reference pages of the manual, docs/schema.md and
// docs/patterns.md, from the CUE that kcue embeds: in go the syntax trees of
// schema, patterns and libraries, out comes Markdown.
//
// A doc comment of a definition or a field is the one place where it is
// explained: the comment is what an editor shows on hover, and what the page
// says. A definition or a field without one is an error, and so is CUE for
// whose type the page would have no words.
package reference

import (
	"embed"
	"errors"
	"fmt"
	"strings"

	"kcue.dev/libraries"
	"kcue.dev/patterns"
	"kcue.dev/schema"
)

// section is a part of a page: the definitions of some files, under a heading.
type section struct {
	title string
	files []string
}

var (
	schemaSections = []section{
		{"The bundle", []string{"bundle.cue"}},
		{"Policies and their settings", []string{"policy.cue", "metadata.cue"}},
		{"Rules", []string{"rule.cue"}},
		{"Which resources", []string{"match.cue"}},
		{"Values and conditions", []string{"context.cue", "conditions.cue"}},
		{"Rules that validate", []string{"validate.cue"}},
		{"Rules that mutate", []string{"mutate.cue"}},
		{"Rules that generate", []string{"generate.cue"}},
		{"Rules that verify images", []string{"verifyimages.cue"}},
		{"Tests of policies", []string{"tests.cue"}},
		{"Exceptions", []string{"exception.cue"}},
		{"Scheduled deletions", []string{"cleanup.cue"}},
		{"Policies in CEL", []string{"cel.cue"}},
	}
	patternsSections = []section{
		{"Rules that validate", []string{"image_registry.cue", "resource_limits.cue", "security_context.cue", "privileged.cue", "pod_security_standard.cue"}},
		{"Rules that mutate", []string{"image_pull_policy.cue", "default_labels.cue"}},
		{"Rules that generate", []string{"network_policy.cue", "rbac_resources.cue"}},
	}
	librariesSections = []section{
		{"", []string{"security_baseline.cue", "compliance_suite.cue", "cost_optimization.cue", "best_practices.cue"}},
	}
)

const made = "<!-- Made from the doc comments of %s by go test ./reference -update. Do not edit. -->\n\n"

// Schema gives docs/schema.md: every definition of kcue.dev/schema with its
// fields, in the order of the source.
func Schema() (string, error) {
	pkg, err := parse("schema", schema.Files, "bundle.cue", schemaSections)
	if err != nil {
		return "", err
	}
	p := newPage("cue other", pkg)
	p.add("# Schema reference\n\n"+made, "schema/")
	p.prose(pkg.doc)
	p.add("[authoring.md](authoring.md) goes through it in the order in which one writes. Where a field's text says \"Unset\", kcue fills it in so; where it says \"Kyverno's default\", the field is left to Kyverno. A field that is `required` must be written wherever what holds it is.\n\n")
	for _, s := range pkg.sections {
		p.add("## %s\n\n", s.title)
		for _, d := range s.definitions {
			p.definition(d)
			p.prose(d.doc)
			p.fields(d)
		}
	}
	return p.text()
}

// Patterns gives docs/patterns.md: every pattern with its parameters, and every
// library with its rules.
func Patterns() (string, error) {
	rules, err := parse("patterns", patterns.Files, "patterns.cue", patternsSections)
	if err != nil {
		return "", err
	}
	sets, err := parse("libraries", libraries.Files, "libraries.cue", librariesSections)
	if err != nil {
		return "", err
	}
	p := newPage("cue fragment", rules, sets)
	p.add("# Patterns and libraries\n\n"+made, "patterns/ and libraries/")
	p.prose(rules.doc)
	for _, s := range rules.sections {
		p.add("## %s\n\n", s.title)
		for _, d := range s.definitions {
			p.pattern(d)
		}
	}
	p.add("## Libraries\n\n")
	p.prose(sets.doc)
	for _, s := range sets.sections {
		for _, d := range s.definitions {
			p.library(d, rules)
		}
	}
	return p.text()
}

// Examples gives the examples of all patterns and libraries as the policies of
// one package, so that they can be built and tested.
func Examples() (string, error) {
	var b strings.Builder
	b.WriteString("// Made from the examples of patterns/ and libraries/ by go test ./reference -update.\n// Do not edit; the tests beside it are written by hand.\npackage examples\n\n")
	b.WriteString("import (\n\t\"kcue.dev/libraries\"\n\t\"kcue.dev/patterns\"\n)\n")
	for _, source := range []struct {
		name, main string
		files      embed.FS
		sections   []section
	}{
		{"patterns", "patterns.cue", patterns.Files, patternsSections},
		{"libraries", "libraries.cue", libraries.Files, librariesSections},
	} {
		pkg, err := parse(source.name, source.files, source.main, source.sections)
		if err != nil {
			return "", err
		}
		for _, s := range pkg.sections {
			for _, d := range s.definitions {
				if d.field("params") == nil {
					continue
				}
				examples := d.doc.examples()
				if len(examples) == 0 {
					return "", fmt.Errorf("%s: %s has no example", d.pos, d.name)
				}
				for _, text := range examples {
					b.WriteString("\n" + text)
				}
			}
		}
	}
	return b.String(), nil
}

// Example is an example of a doc comment in the schema.
type Example struct {
	// Definition is the definition that the comment is of, such as "#Rule".
	Definition string
	// Field is the path of the field that the comment is of, empty where it is
	// the definition's own.
	Field string
	// Source is the example.
	Source string
}

// SchemaExamples gives the examples of the schema's doc comments.
func SchemaExamples() ([]Example, error) {
	pkg, err := parse("schema", schema.Files, "bundle.cue", schemaSections)
	if err != nil {
		return nil, err
	}
	var out []Example
	var errs []error
	for _, s := range pkg.sections {
		for _, d := range s.definitions {
			for _, text := range d.doc.examples() {
				out = append(out, Example{Definition: d.name, Source: text})
			}
			rows, err := d.rows()
			errs = append(errs, err)
			for _, r := range rows {
				for _, text := range r.doc.examples() {
					out = append(out, Example{d.name, r.path, text})
				}
			}
		}
	}
	return out, errors.Join(errs...)
}

// SchemaFields gives the names of all fields of the schema, each once, in the
// order of the source.
func SchemaFields() ([]string, error) {
	pkg, err := parse("schema", schema.Files, "bundle.cue", schemaSections)
	if err != nil {
		return nil, err
	}
	var out []string
	var errs []error
	seen := map[string]bool{}
	for _, s := range pkg.sections {
		for _, d := range s.definitions {
			rows, err := d.rows()
			errs = append(errs, err)
			for _, r := range rows {
				name := r.path[strings.LastIndex(r.path, ".")+1:]
				if !seen[name] {
					seen[name] = true
					out = append(out, name)
				}
			}
		}
	}
	return out, errors.Join(errs...)
}
