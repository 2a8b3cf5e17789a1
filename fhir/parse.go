package fhir

import "strings"

// The functions here read JSON that the scan let through, and so check nothing
// again. A member's span is found by skipping, not by parsing.

func skipSpace(b string, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// skipString gives the position behind the string that begins at i, and
// whether it holds an escape.
func skipString(b string, i int) (end int, escaped bool) {
	i++
	q := strings.IndexByte(b[i:], '"')
	if strings.IndexByte(b[i:i+q], '\\') < 0 {
		return i + q + 1, false
	}
	// Walk to the quote that no backslash guards.
	for b[i] != '"' {
		if b[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1, true
}

// skipValue gives the position behind the value that begins at i.
func skipValue(b string, i int) int {
	switch b[i] {
	case '"':
		end, _ := skipString(b, i)
		return end
	case '{', '[':
		depth := 0
		for {
			switch b[i] {
			case '"':
				i, _ = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1
				}
			}
			i++
		}
	default:
		for i < len(b) {
			switch b[i] {
			case ',', '}', ']', ' ', '\n', '\t', '\r':
				return i
			}
			i++
		}
		return i
	}
}

// eachMember calls f with every member of the object b, in order, until f
// gives false.
func eachMember(b string, f func(name, value string) bool) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	i = skipSpace(b, i+1)
	for b[i] != '}' {
		end, escaped := skipString(b, i)
		name := b[i+1 : end-1]
		if escaped {
			name = unescape(name)
		}
		i = skipSpace(b, end) // colon
		i = skipSpace(b, i+1) // value
		end = skipValue(b, i) //
		value := b[i:end]     //
		i = skipSpace(b, end) // comma or brace
		if !f(name, value) {
			return
		}
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
}

// eachElement calls f with every element of the array b, in order, until f
// gives false.
func eachElement(b string, f func(value string) bool) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return
	}
	i = skipSpace(b, i+1)
	for b[i] != ']' {
		end := skipValue(b, i)
		value := b[i:end]
		i = skipSpace(b, end)
		if !f(value) {
			return
		}
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
}

// stringText decodes a JSON string; of any other value it gives "", false.
func stringText(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return unescape(value[1 : len(value)-1]), true
}

// treeParser builds the node tree of one document. Nodes come from slabs, so
// that a tree costs few allocations.
type treeParser struct {
	b    string
	i    int
	slab []Node
	// open holds the children of all objects that are being read.
	open []*Node
	kids []*Node
}

// parseTree reads the scanned document b.
func parseTree(b string, name string) *Node {
	// A node takes about 16 bytes of compact FHIR JSON; a guess that is too small
	// costs another slab.
	guess := min(max(len(b)/16, 8), 4096)
	p := treeParser{b: b, slab: make([]Node, 0, guess), kids: make([]*Node, 0, guess)}
	p.i = skipSpace(b, 0)
	return p.value(nil, name)
}

func (p *treeParser) node() *Node {
	if len(p.slab) == cap(p.slab) {
		p.slab = make([]Node, 0, min(2*cap(p.slab), 4096))
	}
	p.slab = p.slab[:len(p.slab)+1]
	return &p.slab[len(p.slab)-1]
}

// keep moves the open children from base on into the shared child slices.
func (p *treeParser) keep(base int) []*Node {
	n := len(p.open) - base
	if n == 0 {
		return nil
	}
	if cap(p.kids)-len(p.kids) < n {
		p.kids = make([]*Node, 0, max(min(2*cap(p.kids), 4096), n))
	}
	from := len(p.kids)
	p.kids = append(p.kids, p.open[base:]...)
	p.open = p.open[:base]
	return p.kids[from:len(p.kids):len(p.kids)]
}

// value reads the value at i as a node under parent.
func (p *treeParser) value(parent *Node, name string) *Node {
	n := p.node()
	n.parent, n.name, n.index = parent, name, -1
	start := p.i
	switch p.b[p.i] {
	case '{':
		n.kind = KindObject
		p.object(n)
	case '[':
		n.kind = KindArray
		p.array(n)
	case '"':
		n.kind = KindString
		end, escaped := skipString(p.b, p.i)
		n.text = p.b[p.i+1 : end-1]
		if escaped {
			n.text = unescape(n.text)
		}
		p.i = end
	case 't', 'f':
		n.kind = KindBool
		p.i = skipValue(p.b, p.i)
		n.text = p.b[start:p.i]
	case 'n':
		n.kind = KindNull
		p.i += len("null")
	default:
		n.kind = KindNumber
		p.i = skipValue(p.b, p.i)
		n.text = p.b[start:p.i]
	}
	n.raw = p.b[start:p.i]
	return n
}

// array reads an array as a node of its own: only an array within an array, or
// a document that is one, ends here. An array as a member's value is flattened
// into its object.
func (p *treeParser) array(n *Node) {
	base := len(p.open)
	p.elements(n, "")
	n.kids = p.keep(base)
}

func (p *treeParser) elements(parent *Node, name string) {
	p.i = skipSpace(p.b, p.i+1)
	for index := int32(0); p.b[p.i] != ']'; index++ {
		e := p.value(parent, name)
		e.index = index
		p.open = append(p.open, e)
		p.i = skipSpace(p.b, p.i)
		if p.b[p.i] == ',' {
			p.i = skipSpace(p.b, p.i+1)
		}
	}
	p.i++
}

func (p *treeParser) object(n *Node) {
	base := len(p.open)
	underscored := false
	p.i = skipSpace(p.b, p.i+1)
	for p.b[p.i] != '}' {
		end, escaped := skipString(p.b, p.i)
		name := p.b[p.i+1 : end-1]
		if escaped {
			name = unescape(name)
		}
		if len(name) > 1 && name[0] == '_' {
			underscored = true
		}
		p.i = skipSpace(p.b, skipSpace(p.b, end)+1)
		if p.b[p.i] == '[' {
			before := len(p.open)
			p.elements(n, name)
			n.hollow = n.hollow || len(p.open) == before
		} else {
			p.open = append(p.open, p.value(n, name))
		}
		p.i = skipSpace(p.b, p.i)
		if p.b[p.i] == ',' {
			p.i = skipSpace(p.b, p.i+1)
		}
	}
	p.i++
	if underscored {
		p.pair(n, base)
	}
	n.kids = p.keep(base)
}

// pair joins each _x with its x (R4, "JSON representation of primitive
// elements"): what _x holds becomes the children of x, element by element
// where x is an array. What does not fit stays as it came, under its own name,
// for the validator to name.
func (p *treeParser) pair(parent *Node, base int) {
	open := p.open[base:]
	for at := 0; at < len(open); {
		name := open[at].name
		end := at + 1
		for end < len(open) && open[end].name == name {
			end++
		}
		if len(name) < 2 || name[0] != '_' || !extras(open[at:end]) {
			at = end
			continue
		}
		group := append([]*Node(nil), open[at:end]...)
		x := name[1:]
		from, to := -1, -1
		for i, n := range open {
			if n.name == x {
				if from < 0 {
					from = i
				}
				to = i + 1
			}
		}
		if from >= 0 && !pairable(open[from:to], group) {
			at = end
			continue
		}
		if from < 0 {
			// Only _x is there: the elements exist without a value, where _x stood.
			for i, e := range group {
				open[at+i] = p.valueless(parent, x, e)
			}
			at = end
			continue
		}
		for i, e := range group {
			if i < to-from {
				adopt(open[from+i], e)
			}
		}
		var more []*Node
		for _, e := range group[min(len(group), to-from):] {
			more = append(more, p.valueless(parent, x, e))
		}
		// Take the group out where it stood, and put what is left behind x.
		rest := make([]*Node, 0, len(open))
		for i, n := range open {
			if i < at || i >= end {
				rest = append(rest, n)
			}
			if i == to-1 {
				rest = append(rest, more...)
			}
		}
		next := at
		if to <= at {
			next = at + len(more)
		}
		p.open = append(p.open[:base], rest...)
		open = p.open[base:]
		at = next
	}
}

// extras tells whether all nodes of a _x group are objects or null.
func extras(group []*Node) bool {
	for _, n := range group {
		if n.kind != KindObject && n.kind != KindNull {
			return false
		}
	}
	return true
}

// pairable tells whether x is primitive, and a list exactly when _x is one.
func pairable(x, extra []*Node) bool {
	for _, n := range x {
		if n.kind == KindObject || n.kind == KindArray {
			return false
		}
	}
	return x[0].index < 0 == (extra[0].index < 0)
}

func (p *treeParser) valueless(parent *Node, name string, extra *Node) *Node {
	n := p.node()
	n.parent, n.name, n.index, n.kind, n.raw = parent, name, extra.index, KindNull, "null"
	adopt(n, extra)
	return n
}

// adopt hangs the children of extra under the primitive n.
func adopt(n, extra *Node) {
	if extra.kind != KindObject {
		return
	}
	n.kids, n.extra = extra.kids, extra.raw
	for _, k := range n.kids {
		k.parent = n
	}
}
