package spec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxBinaryDepth bounds the nesting of what DecodeBinary reads: twice what a
// spec may have.
const maxBinaryDepth = 1000

// AppendBinary adds the binary form of values to bytes: the texts that they hold,
// each once, and the values in their order. Positions are not kept. A value
// that is not valid has no binary form.
func AppendBinary(to []byte, values []*Node) ([]byte, error) {
	e := &binaryEncoder{index: map[string]uint64{}}
	for _, v := range values {
		if !v.IsValid() {
			return nil, errors.New("the value is not valid")
		}
		e.node(v)
	}
	for _, n := range []int{len(values), e.nodes, e.fields, e.items, len(e.texts)} {
		to = binary.AppendUvarint(to, uint64(n))
	}
	for _, t := range e.texts {
		to = binary.AppendUvarint(to, uint64(len(t)))
	}
	for _, t := range e.texts {
		to = append(to, t...)
	}
	return append(to, e.out...), nil
}

type binaryEncoder struct {
	index                map[string]uint64
	texts                []string
	nodes, fields, items int
	out                  []byte
}

func (e *binaryEncoder) text(t string) {
	i, ok := e.index[t]
	if !ok {
		i = uint64(len(e.texts))
		e.index[t] = i
		e.texts = append(e.texts, t)
	}
	e.out = binary.AppendUvarint(e.out, i)
}

func (e *binaryEncoder) node(n *Node) {
	e.nodes++
	e.out = append(e.out, byte(n.Kind))
	switch n.Kind {
	case Struct:
		e.fields += len(n.Fields)
		e.out = binary.AppendUvarint(e.out, uint64(len(n.Fields)))
		for _, f := range n.Fields {
			e.text(f.Name)
			e.node(f.Value)
		}
	case List:
		e.items += len(n.Items)
		e.out = binary.AppendUvarint(e.out, uint64(len(n.Items)))
		for _, item := range n.Items {
			e.node(item)
		}
	case Null:
	default:
		e.text(n.Text)
	}
}

// DecodeBinary reads what AppendBinary wrote, all of it. Whatever else it is
// given is an error.
func DecodeBinary(data []byte) ([]*Node, error) {
	d := &binaryDecoder{data: data}
	var sizes [5]int
	for i := range sizes {
		sizes[i] = d.size()
	}
	values, nodes, fields, items, texts := sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
	lengths := make([]int, texts)
	total := 0
	for i := range lengths {
		lengths[i] = d.size()
		if total += lengths[i]; total > len(data) {
			return nil, errTruncated
		}
	}
	if d.failed != nil || total > len(d.data) {
		return nil, errTruncated
	}
	blob := string(d.data[:total])
	d.data = d.data[total:]
	d.texts = make([]string, texts)
	for i, n := range lengths {
		d.texts[i], blob = blob[:n], blob[n:]
	}
	d.nodes, d.fields, d.items = make([]Node, nodes), make([]Field, fields), make([]*Node, items)
	out := make([]*Node, 0, values)
	for range values {
		out = append(out, d.node(0))
		if d.failed != nil {
			return nil, d.failed
		}
	}
	if len(d.data) > 0 {
		return nil, errors.New("bytes are left over")
	}
	return out, nil
}

var errTruncated = errors.New("the bytes end too early")

// binaryDecoder takes what it makes from slices of known sizes, so that a value
// of thousands of nodes takes a few allocations.
type binaryDecoder struct {
	data   []byte
	texts  []string
	nodes  []Node
	fields []Field
	items  []*Node
	failed error
}

// size reads a number of things, of which each takes a byte at least, so that
// no more is allocated than in proportion to the bytes.
func (d *binaryDecoder) size() int {
	n, width := binary.Uvarint(d.data)
	if width <= 0 || n > uint64(len(d.data)) {
		d.fail(errTruncated)
		return 0
	}
	d.data = d.data[width:]
	return int(n)
}

func (d *binaryDecoder) fail(err error) {
	if d.failed == nil {
		d.failed = err
	}
	d.data = nil
}

func (d *binaryDecoder) text() string {
	i, width := binary.Uvarint(d.data)
	if width <= 0 || i >= uint64(len(d.texts)) {
		d.fail(errTruncated)
		return ""
	}
	d.data = d.data[width:]
	return d.texts[i]
}

func (d *binaryDecoder) node(depth int) *Node {
	if len(d.data) == 0 || len(d.nodes) == 0 || depth > maxBinaryDepth {
		d.fail(errTruncated)
		return &Node{}
	}
	n := &d.nodes[0]
	d.nodes = d.nodes[1:]
	n.Kind = Kind(d.data[0])
	d.data = d.data[1:]
	switch n.Kind {
	case Struct:
		count := d.size()
		if count > len(d.fields) {
			d.fail(errTruncated)
			return n
		}
		n.Fields, d.fields = d.fields[:count:count], d.fields[count:]
		for i := range n.Fields {
			n.Fields[i].Name = d.text()
			n.Fields[i].Value = d.node(depth + 1)
		}
	case List:
		count := d.size()
		if count > len(d.items) {
			d.fail(errTruncated)
			return n
		}
		n.Items, d.items = d.items[:count:count], d.items[count:]
		for i := range n.Items {
			n.Items[i] = d.node(depth + 1)
		}
	case Null:
	case Bool, Number, String:
		n.Text = d.text()
	default:
		d.fail(fmt.Errorf("there is no kind %d", n.Kind))
	}
	return n
}
