package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// table gathers kinds by group and name.
type table map[groupKind]*entry

type groupKind struct{ group, kind string }

type entry struct {
	plural       string
	namespaced   bool
	versions     map[string]string // to the release that removed it, "" while it is served
	subresources map[string]string // to the kind that it takes
}

func (t table) entry(group, kind string) *entry {
	key := groupKind{group, kind}
	if t[key] == nil {
		t[key] = &entry{versions: map[string]string{}, subresources: map[string]string{}}
	}
	return t[key]
}

// section writes the kinds below a heading, sorted by group and name.
func (t table) section(b *bytes.Buffer, heading string) error {
	fmt.Fprintf(b, "\n[%s]\n", heading)
	keys := slices.SortedFunc(maps.Keys(t), func(a, b groupKind) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.kind, b.kind))
	})
	for _, key := range keys {
		e := t[key]
		if e.plural == "" || len(e.versions) == 0 {
			return fmt.Errorf("%s/%s: nothing says its plural, or a version", key.group, key.kind)
		}
		scope := "cluster"
		if e.namespaced {
			scope = "namespaced"
		}
		var versions, subresources []string
		for _, v := range slices.Sorted(maps.Keys(e.versions)) {
			if removed := e.versions[v]; removed != "" {
				v += "@" + removed
			}
			versions = append(versions, v)
		}
		for _, s := range slices.Sorted(maps.Keys(e.subresources)) {
			if kind := e.subresources[s]; kind != key.kind {
				s += "=" + kind
			}
			subresources = append(subresources, s)
		}
		columns := []string{cmp.Or(key.group, "-"), key.kind, e.plural, scope, strings.Join(versions, ",")}
		if len(subresources) > 0 {
			columns = append(columns, strings.Join(subresources, ","))
		}
		fmt.Fprintln(b, strings.Join(columns, " "))
	}
	return nil
}
