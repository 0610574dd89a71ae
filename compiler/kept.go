package compiler

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"

	"kcue.dev/compiler/cache"
	"kcue.dev/compiler/config"
	"kcue.dev/compiler/load"
	"kcue.dev/compiler/lower"
	"kcue.dev/compiler/parallel"
	"kcue.dev/compiler/spec"
	"kcue.dev/diag"
)

// kept is what the cache has of the packages of a run.
type kept struct {
	store *cache.Store // nil where nothing is kept
	keys  []cache.Key  // by a package's number; zero for one that is not kept
	// packages holds what packages compile to, nil until they are compiled.
	packages []*compiledPackage
	stored   atomic.Bool // whether anything was put
}

// kept looks in the cache for the packages of a plan.
func (c *compilation) kept(cfg Config, plan *load.Plan) *kept {
	k := &kept{packages: make([]*compiledPackage, plan.Len()), keys: make([]cache.Key, plan.Len())}
	// The kinds that files declare are no part of a package.
	if cfg.Cache == nil || len(cfg.CRDs) > 0 {
		return k
	}
	binary, err := cache.Binary()
	if err != nil {
		return k // as well as no cache
	}
	k.store = cfg.Cache
	parallel.Each(plan.Len(), c.parallel, func(i int) {
		digest, ok := plan.Digest(i)
		if !ok {
			return
		}
		k.keys[i] = sha256.Sum256(fmt.Appendf(nil, "%q %q %t %x", binary, cfg.Target, cfg.BestPractices, digest))
		data, ok := k.store.Get(k.keys[i])
		if !ok {
			return
		}
		if p, err := decodeCompiled(data); err == nil {
			k.packages[i] = p
		}
	})
	return k
}

// put keeps what a package compiled to, if it is without mistakes. A cache that
// cannot be written is none.
func (k *kept) put(i int) {
	p := k.packages[i]
	if k.store == nil || k.keys[i] == (cache.Key{}) || p.diags.HasErrors() {
		return
	}
	data, err := p.encode()
	if err == nil && k.store.Put(k.keys[i], data) == nil {
		k.stored.Store(true)
	}
}

// trim bounds the cache, if anything was put there.
func (k *kept) trim() {
	if k.stored.Load() {
		k.store.Trim() // what cannot be removed stays
	}
}

// compiledHeader is what the cache holds of a package besides its objects.
type compiledHeader struct {
	Objects    []objectHeader    `json:"objects,omitempty"`
	Attributes []attributeHeader `json:"attributes,omitempty"`
	Warnings   diag.List         `json:"warnings,omitempty"`
}

type objectHeader struct {
	Path  spec.Path     `json:"path"`
	Place diag.Position `json:"place"`
}

type attributeHeader struct {
	Off       []config.Suppression `json:"off"`
	WholeFile bool                 `json:"wholeFile"`
	From      diag.Position        `json:"from"`
	To        diag.Position        `json:"to"`
}

// encode gives the form in which the cache holds a package that has no
// mistakes.
func (p *compiledPackage) encode() ([]byte, error) {
	header := compiledHeader{Warnings: p.diags}
	var nodes []*spec.Node
	for _, o := range p.objects {
		header.Objects = append(header.Objects, objectHeader{o.Path, o.place})
		nodes = append(nodes, o.Node)
	}
	for _, a := range p.attributes {
		header.Attributes = append(header.Attributes, attributeHeader{a.off, a.wholeFile, a.from, a.to})
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	data := binary.AppendUvarint(nil, uint64(len(text)))
	return spec.AppendBinary(append(data, text...), nodes)
}

// decodeCompiled reads what encode wrote.
func decodeCompiled(data []byte) (*compiledPackage, error) {
	size, width := binary.Uvarint(data)
	if width <= 0 || size > uint64(len(data)-width) {
		return nil, io.ErrUnexpectedEOF
	}
	text, rest := data[width:width+int(size)], data[width+int(size):]
	var header compiledHeader
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, err
	}
	nodes, err := spec.DecodeBinary(rest)
	if err != nil {
		return nil, err
	}
	if len(nodes) != len(header.Objects) {
		return nil, fmt.Errorf("%d objects and %d places", len(nodes), len(header.Objects))
	}
	p := &compiledPackage{kept: true, diags: header.Warnings}
	for i := range p.diags {
		p.diags[i].Severity = diag.Warning // of what is kept, all are
	}
	for i, o := range header.Objects {
		p.objects = append(p.objects, placedObject{lower.Object{Node: nodes[i], Path: o.Path}, o.Place})
	}
	for _, a := range header.Attributes {
		p.attributes = append(p.attributes, &attribute{off: a.Off, wholeFile: a.WholeFile, from: a.From, to: a.To})
	}
	return p, nil
}
