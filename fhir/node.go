package fhir

import (
	"iter"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Kind tells what JSON a node is.
type Kind uint8

// The kinds of a node. A nil node has KindNone.
const (
	KindNone Kind = iota
	KindObject
	KindArray // only an array within an array, or a whole document
	KindString
	KindNumber
	KindBool
	KindNull // also a primitive element that has extensions and no value
)

// Node is one element of a resource: an object, or a primitive with what its
// _x sibling holds as children. An array is no node: its elements are nodes of
// the same name, each with its index. All methods take a nil node and give
// nothing for it.
type Node struct {
	parent *Node
	kids   []*Node
	name   string
	text   string // of a primitive
	raw    string // the value as it came
	extra  string // the _x object as it came, or ""
	index  int32  // in its array, or -1
	kind   Kind
	hollow bool // a member is an empty array, which leaves no node
}

// Name gives the member's name, for a root its resource type or "".
func (n *Node) Name() string {
	if n == nil {
		return ""
	}
	return n.name
}

// Kind gives the JSON kind of the node's value.
func (n *Node) Kind() Kind {
	if n == nil {
		return KindNone
	}
	return n.kind
}

// Parent gives the node that holds this one, nil for a root.
func (n *Node) Parent() *Node {
	if n == nil {
		return nil
	}
	return n.parent
}

// Index gives the position in the array the node came from, -1 if it came from
// none.
func (n *Node) Index() int {
	if n == nil {
		return -1
	}
	return int(n.index)
}

// Empty tells whether there is neither a value nor a child: a nil node, a JSON
// null without extensions, an empty object.
func (n *Node) Empty() bool {
	if n == nil {
		return true
	}
	return len(n.kids) == 0 && (n.kind == KindNull || n.kind == KindObject || n.kind == KindArray)
}

// HasValue tells whether the node is a primitive with a value.
func (n *Node) HasValue() bool {
	if n == nil {
		return false
	}
	return n.kind == KindString || n.kind == KindNumber || n.kind == KindBool
}

// Child gives the first child of that name, or nil.
func (n *Node) Child(name string) *Node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// Children gives all children of that name: the elements of an array, or the
// one value. The slice is shared and must not be changed.
func (n *Node) Children(name string) []*Node {
	if n == nil {
		return nil
	}
	for i, k := range n.kids {
		if k.name == name {
			end := i + 1
			for end < len(n.kids) && n.kids[end].name == name {
				end++
			}
			return n.kids[i:end:end]
		}
	}
	return nil
}

// All gives all children in the order of the document. The slice is shared and
// must not be changed.
func (n *Node) All() []*Node {
	if n == nil {
		return nil
	}
	return n.kids
}

// Fields walks the members in the order of the document: each name once, with
// all its nodes.
func (n *Node) Fields() iter.Seq2[string, []*Node] {
	return func(yield func(string, []*Node) bool) {
		if n == nil {
			return
		}
		for i := 0; i < len(n.kids); {
			end := i + 1
			for end < len(n.kids) && n.kids[end].name == n.kids[i].name {
				end++
			}
			if !yield(n.kids[i].name, n.kids[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// Get follows the first children of these names.
func (n *Node) Get(path ...string) *Node {
	for _, name := range path {
		n = n.Child(name)
	}
	return n
}

// Choice gives the choice element of that base name and the type its name
// ends with: Choice("value") gives valueQuantity and "Quantity".
func (n *Node) Choice(base string) (*Node, string) {
	if n == nil {
		return nil, ""
	}
	for _, k := range n.kids {
		if len(k.name) > len(base) && strings.HasPrefix(k.name, base) {
			if c := k.name[len(base)]; c >= 'A' && c <= 'Z' {
				return k, k.name[len(base):]
			}
		}
	}
	return nil, ""
}

// String gives the text of a primitive: of a string its characters, of a number
// the digits as written; "" for all else.
func (n *Node) String() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Strings gives the texts of all children of that name that have one.
func (n *Node) Strings(name string) []string {
	var list []string
	for _, k := range n.Children(name) {
		if k.HasValue() {
			list = append(list, k.text)
		}
	}
	return list
}

// Bool gives the value of a JSON boolean.
func (n *Node) Bool() (value, ok bool) {
	if n.Kind() != KindBool {
		return false, false
	}
	return n.text == "true", true
}

// Decimal gives the exact value of a JSON number of at most 64 digits and an
// exponent within ±128; more is no clinical value, and computing with it could
// take the machine's memory.
func (n *Node) Decimal() (apd.Decimal, bool) {
	if n.Kind() != KindNumber {
		return apd.Decimal{}, false
	}
	return ParseDecimal(n.text)
}

// ParseDecimal reads a decimal as FHIR writes it, within the bounds of
// Node.Decimal.
func ParseDecimal(text string) (apd.Decimal, bool) {
	var d apd.Decimal
	if len(text) == 0 || len(text) > 256 || strings.TrimLeft(text, "+-.0123456789eE") != "" {
		return apd.Decimal{}, false
	}
	if _, _, err := d.SetString(text); err != nil || d.Form != apd.Finite {
		return apd.Decimal{}, false
	}
	if d.NumDigits() > 64 || d.Exponent > 128 || d.Exponent < -128 {
		return apd.Decimal{}, false
	}
	return d, true
}

// Int gives the value of a JSON number without fraction or exponent.
func (n *Node) Int() (int, bool) {
	if n.Kind() != KindNumber {
		return 0, false
	}
	v, err := strconv.Atoi(n.text)
	return v, err == nil
}

// JSON gives the node's value as it came; of a primitive without the _x
// sibling. The bytes are a copy.
func (n *Node) JSON() []byte {
	if n == nil {
		return nil
	}
	return []byte(n.raw)
}

// EmptyLists names the members that are empty arrays. FHIR forbids them, and
// they leave no node in the tree.
func (n *Node) EmptyLists() []string {
	if n == nil || !n.hollow {
		return nil
	}
	var names []string
	eachMember(n.raw, func(name, value string) bool {
		if value[0] == '[' && value[skipSpace(value, 1)] == ']' {
			names = append(names, name)
		}
		return true
	})
	return names
}

// ResourceType gives the resourceType of an object that is a resource, else "".
func (n *Node) ResourceType() string {
	if n == nil || n.kind != KindObject {
		return ""
	}
	return n.Child("resourceType").String()
}

// Location gives where the node stands, as FHIRPath:
// "Observation.component[1].code". A list's element carries its index.
func (n *Node) Location() string {
	if n == nil {
		return ""
	}
	var parts []string
	for ; n != nil; n = n.parent {
		part := n.name
		if n.index >= 0 {
			part += "[" + strconv.Itoa(int(n.index)) + "]"
		}
		parts = append(parts, part)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if b.Len() > 0 && !strings.HasPrefix(parts[i], "[") {
			b.WriteByte('.')
		}
		b.WriteString(parts[i])
	}
	return b.String()
}

// Extension gives the first extension of that url, or nil.
func (n *Node) Extension(url string) *Node {
	for _, e := range n.Children("extension") {
		if e.Child("url").String() == url {
			return e
		}
	}
	return nil
}

// Extensions gives all extensions of that url.
func (n *Node) Extensions(url string) []*Node {
	var list []*Node
	for _, e := range n.Children("extension") {
		if e.Child("url").String() == url {
			list = append(list, e)
		}
	}
	return list
}
