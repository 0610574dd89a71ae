package vettest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	gojmespath "github.com/kyverno/go-jmespath"
	"github.com/kyverno/kyverno/pkg/config"
	kyvernojmespath "github.com/kyverno/kyverno/pkg/engine/jmespath"

	"kcue.dev/compiler/jmespath"
)

// functionsFile is what package jmespath knows of Kyverno's functions.
const functionsFile = "../../compiler/jmespath/functions.json"

var updateFunctions = flag.Bool("update-functions", false, "write "+functionsFile)

// TestFunctions holds the table of functions to the linked Kyverno's.
func TestFunctions(t *testing.T) {
	want := encodeFunctions(t, kyvernoFunctions())
	if *updateFunctions {
		if err := os.WriteFile(functionsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(functionsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date: run go test ./evaluator/vettest -run TestFunctions -update-functions (-want +got):\n%s", functionsFile, diff)
	}
}

// kyvernoCaller gives what Kyverno calls functions with
// (pkg/engine/jmespath/new.go newImplementation).
func kyvernoCaller() *gojmespath.FunctionCaller {
	caller := gojmespath.NewFunctionCaller()
	for _, f := range kyvernojmespath.GetFunctions(config.NewDefaultConfiguration(false)) {
		caller.Register(f.FunctionEntry)
	}
	return caller
}

// kyvernoFunctions reads the functions out of Kyverno's caller, which keeps
// them, and whether an argument may be repeated, to itself.
func kyvernoFunctions() []jmespath.Function {
	own := map[string]kyvernojmespath.FunctionEntry{}
	for _, f := range kyvernojmespath.GetFunctions(config.NewDefaultConfiguration(false)) {
		own[f.Name] = f
	}
	var out []jmespath.Function
	table := reflect.ValueOf(kyvernoCaller()).Elem().FieldByName("functionTable")
	for entries := table.MapRange(); entries.Next(); {
		f := jmespath.Function{Name: entries.Key().String(), Note: own[entries.Key().String()].Note}
		for _, t := range own[f.Name].ReturnType {
			f.Returns = append(f.Returns, string(t))
		}
		arguments := entries.Value().FieldByName("Arguments")
		for i := range arguments.Len() {
			var a jmespath.Argument
			types := arguments.Index(i).FieldByName("Types")
			for j := range types.Len() {
				a.Types = append(a.Types, types.Index(j).String())
			}
			f.Variadic = arguments.Index(i).FieldByName("variadic").Bool()
			f.Arguments = append(f.Arguments, a)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b jmespath.Function) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// encodeFunctions writes a function a line, so that a difference shows which.
func encodeFunctions(t *testing.T, functions []jmespath.Function) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, f := range functions {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(f); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\t")
		b.Write(bytes.TrimRight(line.Bytes(), "\n"))
		if i < len(functions)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes()
}
