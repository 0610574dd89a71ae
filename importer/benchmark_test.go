package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kcue.dev/importer"
)

// BenchmarkImport imports 300 policies of five rules from 300 files, vets them,
// compiles what comes out and compares the objects.
func BenchmarkImport(b *testing.B) {
	dir := b.TempDir()
	for n := range 300 {
		var text strings.Builder
		fmt.Fprintf(&text, "# Policy %d.\napiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: policy-%d\n  annotations:\n    policies.kyverno.io/title: Policy %d\nspec:\n  validationFailureAction: Enforce\n  rules:\n", n, n, n)
		for r := range 5 {
			fmt.Fprintf(&text, `  - name: rule-%d
    match:
      any:
      - resources:
          kinds: [Pod]
    preconditions:
      all:
      - key: "{{ request.operation || 'BACKGROUND' }}"
        operator: AnyIn
        value: [CREATE, UPDATE]
    validate:
      message: Label %d, please.
      pattern:
        metadata:
          labels:
            # any value
            label-%d: "?*"
`, r, r, r)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("policy-%d.yaml", n)), []byte(text.String()), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	o := options(b)
	o.Single = false
	for b.Loop() {
		result, err := importer.Import(importer.Read([]string{dir}, nil), o)
		if err != nil {
			b.Fatal(err)
		}
		if result.Objects != 300 || len(result.Diagnostics) > 0 {
			b.Fatalf("%d objects were imported: %v", result.Objects, result.Diagnostics)
		}
	}
}
