package resolve_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cuelang.org/go/cue/token"
	"github.com/google/go-cmp/cmp"

	"kcue.dev/compiler/load"
	"kcue.dev/compiler/model"
	"kcue.dev/compiler/resolve"
	"kcue.dev/compiler/spec"
)

// randomBundle writes a bundle whose policies resolve: bases that extend each
// other, with settings and rules of their own, and overrides of what they
// inherit, which decide wherever bases disagree. It gives the bundle as JSON, and
// what the rules of composition, told once more on plain maps, make of each of
// its cluster policies.
func randomBundle(r *rand.Rand) (source string, want map[string]any) {
	values := 0
	fresh := func() string { values++; return fmt.Sprintf("v%d", values) }
	specs := map[string]map[string]any{} // resolved, before defaults
	bundle := map[string]any{"bases": map[string]any{}, "clusterPolicies": map[string]any{}}
	defaults := map[string]any{"category": fresh(), "labels": map[string]any{"l0": fresh(), "l9": fresh()}}
	bundle["defaults"] = defaults
	want = map[string]any{}
	var names []string
	for i := range 6 {
		name := fmt.Sprintf("p%d", i)
		var extends []any
		inherited := map[string]any{}
		conflicts := map[string]bool{}
		for _, base := range names {
			if r.IntN(3) > 0 {
				continue
			}
			extends = append(extends, base)
			for _, k := range flatKeys(specs[base]) {
				theirs, mine := at(specs[base], k), at(inherited, k)
				if mine == nil {
					put(inherited, k, theirs)
				} else if !cmp.Equal(mine, theirs) {
					conflicts[fmt.Sprint(k)] = true
				}
			}
		}
		written := map[string]any{}
		if extends != nil {
			written["extends"] = extends
		}
		result := copied(inherited).(map[string]any)
		for _, k := range [][]string{{"title"}, {"category"}, {"subject"}, {"labels", "l0"}, {"labels", "l1"}, {"rules", "r0"}, {"rules", "r1"}, {"rules", "r2"}} {
			own := any(fresh())
			if k[0] == "rules" {
				own = map[string]any{"title": fresh(), "validate": map[string]any{"message": fresh(), "pattern": map[string]any{"a": fresh(), "b": []any{fresh()}}}}
			}
			switch mine := at(inherited, k); {
			case r.IntN(3) > 0:
			case mine == nil || k[0] == "title":
				put(written, k, own)
				put(result, k, own)
				delete(conflicts, fmt.Sprint(k)) // who describes himself has decided
			case r.IntN(2) == 0:
				put(written, k, mine) // the same again
			}
		}
		overrides := map[string]any{}
		for _, k := range flatKeys(inherited) {
			old := at(inherited, k)
			isConflict := conflicts[fmt.Sprint(k)]
			rule, isRule := old.(map[string]any)
			switch n := r.IntN(8); {
			case !isConflict && n > 3:
			case n == 0 || isConflict && isRule:
				put(overrides, k, nil)
			case isRule:
				patch := map[string]any{"validate": map[string]any{"message": fresh(), "pattern": map[string]any{"c": map[string]any{"d": fresh()}}}}
				if _, ok := rule["title"]; ok && n > 1 {
					patch["title"] = nil
				}
				put(overrides, k, patch)
			default:
				put(overrides, k, fresh())
			}
		}
		if len(overrides) > 0 {
			written["overrides"] = overrides
		}
		specs[name] = mergePatch(result, overrides).(map[string]any)
		for _, k := range []string{"rules", "labels"} { // an empty map is none
			if m, ok := specs[name][k].(map[string]any); ok && len(m) == 0 {
				delete(specs[name], k)
			}
		}
		names = append(names, name)
		if r.IntN(2) == 0 {
			bundle["bases"].(map[string]any)[name] = written
			continue
		}
		bundle["clusterPolicies"].(map[string]any)[name] = written
		final := copied(specs[name]).(map[string]any)
		for _, k := range flatKeys(defaults) {
			if at(final, k) == nil {
				put(final, k, at(defaults, k))
			}
		}
		final["background"], final["failureAction"] = true, "Audit"
		want[name] = final
	}
	data, _ := json.Marshal(bundle)
	return string(data), want
}

// flatKeys lists the settings of a spec, and the members of rules and labels.
func flatKeys(s map[string]any) [][]string {
	var out [][]string
	for field, v := range s {
		if m, ok := v.(map[string]any); ok && (field == "rules" || field == "labels") {
			for name := range m {
				out = append(out, []string{field, name})
			}
			continue
		}
		out = append(out, []string{field})
	}
	slices.SortFunc(out, func(a, b []string) int { return slices.Compare(a, b) })
	return out
}

func at(s map[string]any, path []string) any {
	v := s[path[0]]
	if len(path) == 1 {
		return v
	}
	m, _ := v.(map[string]any)
	return m[path[1]]
}

func put(s map[string]any, path []string, value any) {
	if len(path) > 1 {
		if s[path[0]] == nil {
			s[path[0]] = map[string]any{}
		}
		s = s[path[0]].(map[string]any)
	}
	s[path[len(path)-1]] = value
}

func copied(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, v := range m {
		out[k] = copied(v)
	}
	return out
}

// mergePatch is RFC 7386's own pseudocode.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := copied(target).(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for k, v := range p {
		if v == nil {
			delete(t, k)
		} else {
			t[k] = mergePatch(t[k], v)
		}
	}
	return t
}

// TestExplainRandom holds Explain to what is so: its entries, put together, are
// the resolved spec; the words that it names stand where it says; its changes
// lead from the first words to the value; and each way through bases is one.
func TestExplainRandom(t *testing.T) {
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for seed := range uint64(300) {
		source, want := randomBundle(rand.New(rand.NewPCG(seed, 6)))
		b := bundle(t, source)
		policies, diags := resolve.Bundle(b, m, &load.Files{Dir: "/"})
		if len(diags) > 0 {
			t.Fatalf("seed %d: %v\n%s", seed, diags, source)
		}
		for _, p := range policies {
			var got any
			if err := json.Unmarshal([]byte(text(t, p.Resolved)), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want[p.Name], got); d != "" {
				t.Fatalf("seed %d: %s resolves to something else (-want +got):\n%s\n%s", seed, p.Name, d, source)
			}
			whole, ok := resolve.Explain(b, p.Policy, m, &load.Files{Dir: "/"})
			if !ok {
				t.Fatalf("seed %d: %s is not explained", seed, p.Name)
			}
			if d := cmp.Diff(text(t, p.Resolved), text(t, together(whole.Entries))); d != "" {
				t.Errorf("seed %d: the entries of %s are not its spec (-spec +entries):\n%s", seed, p.Name, d)
			}
		}
		for _, p := range slices.Concat(b.Bases, b.Policies) {
			whole, ok := resolve.Explain(b, p, m, &load.Files{Dir: "/"})
			if !ok {
				t.Fatalf("seed %d: %s is not explained", seed, p.Name)
			}
			for _, e := range slices.Concat(whole.Entries, whole.Dropped) {
				checkEntry(t, b, p, e)
				counts["entries"]++
				counts["changes"] += len(e.Changes)
				counts["also"] += len(e.Also)
				counts["via"] += len(e.First.Via)
				for _, w := range e.Also {
					if w.Policy != p {
						counts["also of bases"]++
					}
				}
			}
			counts["dropped"] += len(whole.Dropped)
			for _, e := range whole.Dropped {
				if e.Counts().Policy != p {
					counts["dropped by bases"]++
				}
				if e.Value != nil || len(e.Changes) == 0 {
					t.Errorf("seed %d: %s: %s is told as dropped, and is not", seed, p.Name, e.Path)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, source)
		}
	}
	for _, what := range []string{"entries", "changes", "also", "also of bases", "via", "dropped", "dropped by bases"} {
		if counts[what] < 50 {
			t.Errorf("the bundles have %d %s: too few to show anything", counts[what], what)
		}
	}
}

// together makes a spec of entries.
func together(entries []resolve.Entry) *spec.Node {
	n := spec.NewStruct(token.NoPos)
	for _, e := range entries {
		n = set(n, e.Path, e.Value)
	}
	return n
}

// set gives the node with a value at a path; nil removes.
func set(n *spec.Node, path spec.Path, value *spec.Node) *spec.Node {
	if len(path) == 0 {
		return value
	}
	if n == nil {
		n = spec.NewStruct(token.NoPos)
	}
	inner := set(n.Get(path[0]), path[1:], value)
	if inner == nil {
		return n.Without(path[0])
	}
	return n.With(path[0], inner)
}

func get(n *spec.Node, path spec.Path) *spec.Node {
	for _, name := range path {
		n = n.Get(name)
	}
	return n
}

// checkEntry holds one entry of p's to the words that it names.
func checkEntry(t *testing.T, b *spec.Bundle, p *spec.Policy, e resolve.Entry) {
	t.Helper()
	value := e.First.Value
	for _, c := range e.Changes {
		if d := get(value, c.Path); d != c.Was && !spec.Equal(d, c.Was) {
			t.Errorf("%s: %s: the change of %s was not what is told", p.Name, e.Path, c.Path)
		}
		value = set(value, c.Path, c.Now)
	}
	if value != e.Value && !spec.Equal(value, e.Value) {
		t.Errorf("%s: %s: the changes lead to something else than its value", p.Name, e.Path)
	}
	words := append([]resolve.Words{e.First}, e.Also...)
	for _, c := range e.Changes {
		words = append(words, c.Words)
	}
	for i, w := range words {
		checkWords(t, p, e, w)
		in := []*spec.Node{b.Defaults, nil}
		if w.Policy != nil {
			in = []*spec.Node{w.Policy.Spec, w.Policy.Spec.Get("overrides")}
		}
		place := in[0]
		path := e.Path
		if w.Origin == resolve.Overrides {
			place = in[1]
		}
		if i > len(e.Also) {
			path = path.Child(e.Changes[i-1-len(e.Also)].Path...)
		}
		isAlso := i > 0 && i <= len(e.Also)
		if isAlso && w.Value.Kind == spec.String && !spec.Equal(get(place, path), w.Value) {
			t.Errorf("%s: %s: what is told of others is not where it is told to be: %v", p.Name, e.Path, w)
		}
		if w.Origin != resolve.KcueDefaults && !isAlso && get(place, path) != w.Value {
			t.Errorf("%s: %s: the words are not where they are told to be: %v", p.Name, e.Path, w)
		}
	}
}

// checkWords holds that the way of words leads from name to name in extends.
func checkWords(t *testing.T, p *spec.Policy, e resolve.Entry, w resolve.Words) {
	t.Helper()
	at := p
	way := w.Via
	if w.Policy != nil && w.Policy != p {
		way = append(slices.Clone(way), w.Policy)
	}
	if w.Policy == nil && len(way) > 0 || w.Policy == p && len(way) > 0 {
		t.Errorf("%s: %s: its own words and defaults come by no way", p.Name, e.Path)
	}
	for _, next := range way {
		if !slices.Contains(at.Spec.Get("extends").Strings(), next.Ref()) {
			t.Errorf("%s: %s: %s does not extend %s", p.Name, e.Path, at.Name, next.Name)
		}
		at = next
	}
}

// TestExplainSharedBases holds the cost of a lattice, in which each level has
// two bases that both extend both of the level below, to something: the ways
// through it double with each level.
func TestExplainSharedBases(t *testing.T) {
	source := "bases:\n  a0: {severity: low}\n  b0: {severity: low}\n"
	const levels = 60
	for i := 1; i <= levels; i++ {
		source += fmt.Sprintf("  a%d: {extends: [a%d, b%d]}\n  b%d: {extends: [a%d, b%d]}\n", i, i-1, i-1, i, i-1, i-1)
	}
	source += fmt.Sprintf("clusterPolicies: {p: {extends: [a%d, b%d]}}\n", levels, levels)
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	b := bundle(t, source)
	whole, ok := resolve.Explain(b, b.Policies[0], m, &load.Files{Dir: "/"})
	if !ok || len(whole.Bases) != 2*levels+2 {
		t.Errorf("explained: %v, with %d bases, expected %d", ok, len(whole.Bases), 2*levels+2)
	}
	severity := whole.Entries[0]
	if got := len(severity.First.Via); severity.First.Policy.Name != "a0" || got != levels {
		t.Errorf("severity is of %s through %d bases, expected a0 through %d", severity.First.Policy.Name, got, levels)
	}
}

// TestExplainAlso holds that every base which brings an entry is told.
func TestExplainAlso(t *testing.T) {
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	b := bundle(t, `{bases: {a: {severity: low}, b: {severity: low}, c: {severity: high}}, clusterPolicies: {p: {extends: [a, b, c], overrides: {severity: medium}}}}`)
	whole, ok := resolve.Explain(b, b.Policies[0], m, &load.Files{Dir: "/"})
	if !ok {
		t.Fatal("not explained")
	}
	got := whole.Entries[0].First.Policy.Name
	for _, w := range whole.Entries[0].Also {
		got += " " + w.Policy.Name + ":" + w.Value.Str()
	}
	if want := "a b:low c:high"; got != want {
		t.Errorf("severity is of %s, expected %s", got, want)
	}
}
