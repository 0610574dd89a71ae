package evaluator

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestCompileForms(t *testing.T) {
	gives := func(form string) func() (string, error) { return func() (string, error) { return form, nil } }
	fails := func(message string) func() (string, error) {
		return func() (string, error) { return "", errors.New(message) }
	}
	panics := func() (string, error) { panic("nil client") }
	type forms = []func() (string, error)
	for name, tt := range map[string]struct {
		own     func() (string, error)
		autogen forms
		failure error // of autogen
		want    []string
		err     string // how the error begins
	}{
		"alone":            {gives("own"), nil, nil, []string{"own"}, ""},
		"in order":         {gives("own"), forms{gives("a"), gives("b")}, nil, []string{"own", "a", "b"}, ""},
		"own first":        {fails("own"), forms{fails("a")}, errors.New("autogen"), nil, "own"},
		"autogen":          {gives("own"), nil, errors.New("autogen"), nil, "autogen"},
		"the first form":   {gives("own"), forms{gives("a"), fails("b"), fails("c")}, nil, nil, "b"},
		"a panic":          {gives("own"), forms{panics}, nil, nil, "panic: nil client"},
		"a panic, the own": {panics, forms{fails("a")}, nil, nil, "panic: nil client"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compileForms(tt.own, func() (forms, error) { return tt.autogen, tt.failure })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (err != nil) != (tt.err != "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// Forms that wait for each other all end, and none is left behind by an error.
func TestCompileFormsRunsThemBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meet := make(chan struct{})
		ended := 0
		_, err := compileForms(
			func() (int, error) { meet <- struct{}{}; return 0, errors.New("own") },
			func() ([]func() (int, error), error) {
				return []func() (int, error){func() (int, error) { <-meet; ended++; return 0, nil }}, nil
			})
		if err == nil || ended != 1 {
			t.Errorf("error %v, and %d forms have ended", err, ended)
		}
	})
}
