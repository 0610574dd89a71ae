package compiler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"kcue.dev/bench/fleet"
	"kcue.dev/compiler"
	"kcue.dev/compiler/emit"
	"kcue.dev/compiler/spec"
)

// BenchmarkBuild measures a whole build, from files to YAML, and what it costs
// per policy: the cost must not grow with their number.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "fleet.cue"), fleet.CUE(n), 0o666); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				result, err := compiler.Compile(compiler.Config{Dir: dir})
				if err != nil {
					b.Fatal(err)
				}
				objects := make([]*spec.Node, len(result.Objects))
				for i, o := range result.Objects {
					objects[i] = o.Node
				}
				if _, err := emit.YAML(objects, 2); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/policy")
		})
	}
}
