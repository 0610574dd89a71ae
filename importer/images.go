package importer

import (
	"fmt"
	"slices"

	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// images converts an entry of verifyImages.
func (c *converter) images(v *spec.Node, path string) {
	c.deprecatedImages(v, path)
	c.attestors(v, path)
	c.each(v, "attestations", path, func(a *spec.Node, at string) {
		if old := a.Get("predicateType"); old != nil {
			why := "Kyverno has deprecated it for type"
			if a.Get("type").Str() == "" {
				take(a, "type")
				rename(a, "predicateType", "type")
				c.differs(old, at+".predicateType", shown(old), "type: "+shown(old), why)
			} else {
				c.passAll(take(a, "predicateType"), a)
				c.differs(old, at+".predicateType", shown(old), "", why+", which is there")
			}
		}
		c.attestors(a, at)
		c.each(a, "conditions", at, func(entry *spec.Node, at string) {
			for _, form := range []string{"any", "all"} {
				c.each(entry, form, at, c.condition)
			}
		})
	})
	if validate := v.Get("validate"); validate != nil {
		c.conditions(validate.Get("deny"), "conditions", path+".validate.deny")
	}
}

// deprecatedImages converts what Kyverno converts itself whenever it reads the
// entry (api/kyverno/v1 ImageVerification.Convert).
func (c *converter) deprecatedImages(v *spec.Node, path string) {
	if old := take(v, "image"); old != nil {
		references := v.Get("imageReferences")
		if references == nil {
			references = spec.NewList(old.Pos)
			v.Fields = slices.Insert(v.Fields, 0, spec.Field{Name: "imageReferences", Value: references})
		}
		c.pass(old, references)
		if old.Str() != "" {
			references.Items = append(references.Items, old)
		}
		c.differs(old, path+".image", shown(old), "imageReferences", "Kyverno has deprecated it for imageReferences")
	}
	var old []string
	for _, name := range []string{"key", "issuer", "subject", "roots", "annotations", "additionalExtensions"} {
		if v.Has(name) {
			old = append(old, name)
		}
	}
	if len(old) == 0 {
		return
	}
	key, issuer := v.Get("key").Str(), v.Get("issuer").Str()
	if key == "" && issuer == "" || v.Has("additionalExtensions") || !isEmpty(v.Get("attestations")) || key != "" && len(old) > 1 && old[1] != "annotations" {
		c.refuse(diag.UnknownField, v.Get(old[0]), path+"."+old[0],
			fmt.Sprintf("Kyverno has deprecated %s for attestors, and reads it here in a way that attestors cannot say", old[0]),
			"write who must have signed under attestors")
		return
	}
	attestor := spec.NewStruct(v.Get(old[0]).Pos)
	if key != "" {
		set(attestor, "keys", spec.NewStruct(v.Get("key").Pos, spec.Field{Name: "publicKeys", Value: v.Get("key")}))
	} else {
		keyless := spec.NewStruct(v.Get("issuer").Pos)
		for _, name := range []string{"issuer", "subject", "roots"} {
			if part := v.Get(name); part != nil {
				set(keyless, name, part)
			}
		}
		set(attestor, "keyless", keyless)
	}
	if annotations := v.Get("annotations"); !isEmpty(annotations) {
		set(attestor, "annotations", annotations)
	}
	for _, name := range old {
		gone := take(v, name)
		c.differs(gone, path+"."+name, shown(gone), "attestors", "Kyverno has deprecated it for attestors")
	}
	list := v.Get("attestors")
	if list == nil {
		list = spec.NewList(attestor.Pos)
		set(v, "attestors", list)
	}
	entries := spec.NewList(attestor.Pos, attestor)
	list.Items = append(list.Items, spec.NewStruct(attestor.Pos, spec.Field{Name: "entries", Value: entries}))
}

// attestors converts the sets of attestors of a value, at any depth.
func (c *converter) attestors(v *spec.Node, path string) {
	c.each(v, "attestors", path, c.attestorSet)
}

func (c *converter) attestorSet(set *spec.Node, path string) {
	c.each(set, "entries", path, func(a *spec.Node, at string) {
		if algorithm := a.Get("keys").Get("signatureAlgorithm"); algorithm != nil {
			at := at + ".keys.signatureAlgorithm"
			if algorithm.Str() == "sha256" {
				// The CRD's default.
				c.passAll(take(a.Get("keys"), "signatureAlgorithm"), a)
			} else {
				c.refuse(diag.UnknownField, algorithm, at, "Kyverno has deprecated it for the attestor's signatureAlgorithm, which it does not read for keys",
					"sign with sha256, the default")
			}
		}
		if nested := a.Get("attestor"); nested != nil && nested.Kind == spec.Struct {
			c.attestorSet(nested, at+".attestor")
		}
	})
}
