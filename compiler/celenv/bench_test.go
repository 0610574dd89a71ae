package celenv_test

import (
	"testing"

	"kcue.dev/compiler/celenv"
)

// BenchmarkEnvironment builds an environment of the table, which a process does
// once for each kind that it meets.
func BenchmarkEnvironment(b *testing.B) {
	for b.Loop() {
		envs, err := celenv.Decode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := envs.Env(celenv.Validating); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck checks an expression of ordinary size.
func BenchmarkCheck(b *testing.B) {
	scope := newScope(b, celenv.Validating)
	for b.Loop() {
		if problems := scope.Check(ordinary, celenv.Bool); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkPolicy checks a policy of one variable and one expression, whose
// scope is its own.
func BenchmarkPolicy(b *testing.B) {
	envs := load(b)
	for b.Loop() {
		scope, err := envs.Scope(celenv.Validating)
		if err != nil {
			b.Fatal(err)
		}
		if problems := scope.Declare("containers", "object.spec.containers"); len(problems) > 0 {
			b.Fatal(problems)
		}
		if problems := scope.Check("variables.containers.all(c, c.image != '')", celenv.Bool); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

const ordinary = `(object.spec.containers + object.spec.?initContainers.orValue([])).all(c, has(c.securityContext) && c.?securityContext.?privileged.orValue(false) == false && c.image.startsWith("ghcr.io/"))`

func load(t testing.TB) *celenv.Environments {
	t.Helper()
	envs, err := celenv.Load()
	if err != nil {
		t.Fatal(err)
	}
	return envs
}

func newScope(t testing.TB, kind celenv.Kind) *celenv.Scope {
	t.Helper()
	scope, err := load(t).Scope(kind)
	if err != nil {
		t.Fatal(err)
	}
	return scope
}
