package importer

import (
	"slices"
	"strings"

	"kcue.dev/compiler/crd"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// verify compiles what is to be written, and compares what it builds with what
// was read. What is wrong is left out, and a diagnostic says why.
func verify(files []*output, options Options) diag.List {
	if options.Build == nil {
		return nil
	}
	var diags diag.List
	refused := map[*item]bool{}
	for _, batch := range batches(files) {
		for len(batch) > 0 {
			built, found := options.Build(batchSource(batch))
			if !found.HasErrors() {
				objects := map[spec.Identity]*spec.Node{}
				for _, o := range built {
					objects[spec.IdentityOf(o)] = o
				}
				for _, i := range batch {
					if d, ok := i.compare(objects[i.identity()], options.Schemas); !ok {
						diags = append(diags, d)
						refused[i] = true
					}
				}
				break
			}
			bad, more := blame(batch, errorsOf(found))
			diags = append(diags, more...)
			for _, i := range bad {
				refused[i] = true
			}
			batch = slices.DeleteFunc(batch, func(i *item) bool { return refused[i] })
		}
	}
	for _, f := range files {
		f.items = slices.DeleteFunc(f.items, func(i *item) bool { return refused[i] })
	}
	return diags
}

// batchSize bounds a batch: what CUE needs for a package grows faster than the
// package.
const batchSize = 1000

// batches groups items that may stand in one package: packages are compiled
// together as far as they have no object in common.
func batches(files []*output) [][]*item {
	var out [][]*item
	type key struct{ field, namespace, name string }
	var taken []map[key]bool
	var objects []map[spec.Identity]bool
	for _, f := range files {
		for _, i := range f.items {
			k := key{i.field, i.namespace, i.name}
			at := 0
			for at < len(out) && (len(out[at]) == batchSize || taken[at][k] || objects[at][i.identity()]) {
				at++
			}
			if at == len(out) {
				out, taken, objects = append(out, nil), append(taken, map[key]bool{}), append(objects, map[spec.Identity]bool{})
			}
			out[at] = append(out[at], i)
			taken[at][k], objects[at][i.identity()] = true, true
		}
	}
	return out
}

// batchSource writes items as a package of one file.
func batchSource(batch []*item) []byte {
	o := output{pkg: "policies", items: batch}
	text, _ := o.text()
	return []byte(text)
}

// blame finds the items that the diagnostics of a batch are about, and speaks
// of the files that these come from.
func blame(batch []*item, found diag.List) ([]*item, diag.List) {
	o := output{pkg: "policies", items: batch}
	_, lines := o.text()
	var bad []*item
	var out diag.List
	for _, d := range found {
		var about place
		if d.Pos.Line > 0 && d.Pos.Line <= len(lines) {
			about = lines[d.Pos.Line-1]
		}
		if about.item == nil {
			// Nobody knows where: none of the batch can be trusted.
			return batch, append(out, d)
		}
		d.Pos = position(about.item.object, about.value)
		d.Path = objectName(about.item.object.Node) + ": " + d.Path
		d.Related = nil
		out = append(out, d)
		bad = append(bad, about.item)
	}
	return bad, out
}

// compare holds the object that an item builds, if any, against the one that was
// read.
func (i *item) compare(built *spec.Node, schemas *crd.Schemas) (diag.Diagnostic, bool) {
	d := diag.Diagnostic{
		Code: diag.RoundTrip, Pos: position(i.object, i.object.Node), Path: objectName(i.object.Node),
		Message: "the spec would not build this object", Hint: "please report it with the object",
	}
	if built == nil {
		return d, false
	}
	if len(i.uses) > 0 {
		built = i.withoutControls(built)
	}
	differences := Equal(i.object.Node, built, schemas)
	if len(differences) == 0 {
		return d, true
	}
	d.Message = "the spec would build another object than this: " + strings.Join(differences[:min(len(differences), 3)], "; ")
	return d, false
}

// withoutControls gives an object without the annotation that patterns add to
// it, and notes the difference: the controls that they serve.
func (i *item) withoutControls(o *spec.Node) *spec.Node {
	m := o.Get("metadata")
	annotations := m.Get("annotations")
	controls := annotations.Get(spec.ControlsAnnotation)
	had := i.object.Node.Get("metadata").Get("annotations").Get(spec.ControlsAnnotation)
	if controls == nil || had != nil {
		return o
	}
	path := "metadata.annotations." + spec.Label(spec.ControlsAnnotation)
	pos := position(i.object, i.object.Node)
	i.differences = append(i.differences, Difference{
		File: pos.File, Line: pos.Line, Object: objectName(i.object.Node), Path: path, To: shown(controls), Why: "the controls that its patterns serve",
	})
	return o.With("metadata", m.With("annotations", annotations.Without(spec.ControlsAnnotation)))
}
