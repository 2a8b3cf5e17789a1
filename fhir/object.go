package fhir

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
)

// Object builds one JSON object of a resource: members in the order they were
// first set, hence the same bytes each time. It leaves out what FHIR forbids:
// empty strings, objects and arrays, and null. A nil *Object is empty. An
// Object is for one goroutine.
type Object struct {
	names  []string
	values map[string]*entry
}

// entry is the value of a member: one text, or the texts of an array.
type entry struct {
	texts []string
	list  bool
}

// NewObject gives an empty object.
func NewObject() *Object { return &Object{values: map[string]*entry{}} }

// NewResource gives an object with resourceType and, unless empty, id.
func NewResource(typ, id string) *Object {
	return NewObject().Set("resourceType", typ).Set("id", id)
}

// Object gives the members of n as they came, to be changed: members that are
// not set again keep their bytes, their order and their _x sibling. Of a node
// that is no object it is empty.
func (n *Node) Object() *Object {
	o := NewObject()
	if n.Kind() != KindObject {
		return o
	}
	eachMember(n.raw, func(name, value string) bool {
		e := o.slot(name)
		if value[0] != '[' {
			e.texts = []string{value}
			return true
		}
		e.list = true
		eachElement(value, func(element string) bool {
			e.texts = append(e.texts, element)
			return true
		})
		return true
	})
	return o
}

func (o *Object) slot(name string) *entry {
	e, ok := o.values[name]
	if !ok {
		e = &entry{}
		o.values[name] = e
		o.names = append(o.names, name)
	}
	return e
}

// Set gives the member a value, in place of what it had, and returns o. An
// empty value removes it. It takes string, bool, integers, apd.Decimal, Time,
// json.RawMessage and json.Number, *Object, *Node, *Resource, anything with an
// Object method (Coding, Quantity …), and slices of these; another type is a
// programmer's mistake and panics.
func (o *Object) Set(name string, value any) *Object {
	texts, list := encode(value)
	if len(texts) == 0 {
		o.Remove(name)
		return o
	}
	*o.slot(name) = entry{texts: texts, list: list}
	return o
}

// Append adds the value, or each element of a slice, to the array of that name,
// and returns o. An empty value is not added.
func (o *Object) Append(name string, value any) *Object {
	texts, _ := encode(value)
	if len(texts) == 0 {
		return o
	}
	e := o.slot(name)
	e.list = true
	e.texts = append(e.texts, texts...)
	return o
}

// Remove takes a member out and returns o.
func (o *Object) Remove(name string) *Object {
	if _, ok := o.values[name]; !ok {
		return o
	}
	delete(o.values, name)
	for i, n := range o.names {
		if n == name {
			o.names = append(o.names[:i:i], o.names[i+1:]...)
			break
		}
	}
	return o
}

// Has tells whether the member is set.
func (o *Object) Has(name string) bool {
	if o == nil {
		return false
	}
	_, ok := o.values[name]
	return ok
}

// Empty tells whether no member is set.
func (o *Object) Empty() bool { return o == nil || len(o.names) == 0 }

// JSON gives the object's bytes.
func (o *Object) JSON() []byte {
	if o == nil {
		return []byte("{}")
	}
	size := 2
	for name, e := range o.values {
		size += len(name) + 6
		for _, text := range e.texts {
			size += len(text) + 1
		}
	}
	b := append(make([]byte, 0, size), '{')
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		e := o.values[name]
		if !e.list {
			b = append(b, e.texts[0]...)
			continue
		}
		b = append(b, '[')
		for i, text := range e.texts {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, text...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// MarshalJSON gives the object's bytes.
func (o *Object) MarshalJSON() ([]byte, error) { return o.JSON(), nil }

// Resource reads what was built as a resource.
func (o *Object) Resource() (*Resource, error) { return ParseResource(o.JSON()) }

// objecter is what the datatypes of this package are.
type objecter interface{ Object() *Object }

// encode gives the JSON texts of value: none where it is empty, one, or those
// of a list.
func encode(value any) (texts []string, list bool) {
	one := func(text string) ([]string, bool) { return []string{text}, false }
	switch v := value.(type) {
	case nil:
		return nil, false
	case string:
		if v == "" {
			return nil, false
		}
		return one(string(appendString(nil, v)))
	case bool:
		return one(strconv.FormatBool(v))
	case int:
		return one(strconv.Itoa(v))
	case int64:
		return one(strconv.FormatInt(v, 10))
	case int32:
		return one(strconv.Itoa(int(v)))
	case apd.Decimal:
		return one(v.Text('f'))
	case *apd.Decimal:
		if v == nil {
			return nil, false
		}
		return one(v.Text('f'))
	case Time:
		return encode(v.String())
	case json.Number:
		if v == "" {
			return nil, false
		}
		return one(v.String())
	case json.RawMessage:
		if len(v) == 0 || string(v) == "null" {
			return nil, false
		}
		return one(string(v))
	case *Object:
		if v.Empty() {
			return nil, false
		}
		return one(string(v.JSON()))
	case *Node:
		if v.Empty() {
			return nil, false
		}
		return one(v.raw)
	case *Resource:
		if v == nil {
			return nil, false
		}
		return one(strings.TrimSpace(v.raw))
	case Canonical:
		return encode(v.String())
	case objecter:
		return encode(v.Object())
	case []string:
		return encodeAll(v)
	case []*Object:
		return encodeAll(v)
	case []*Node:
		return encodeAll(v)
	case []*Resource:
		return encodeAll(v)
	case []Coding:
		return encodeAll(v)
	case []CodeableConcept:
		return encodeAll(v)
	case []Reference:
		return encodeAll(v)
	case []any:
		return encodeAll(v)
	}
	panic(fmt.Sprintf("fhir: Object cannot hold a %T", value))
}

func encodeAll[T any](values []T) ([]string, bool) {
	var texts []string
	for _, v := range values {
		inner, _ := encode(v)
		texts = append(texts, inner...)
	}
	return texts, true
}

// appendString writes s as a JSON string. What JSON and PostgreSQL cannot hold
// (NUL, broken UTF-8) becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, s[start:i]...)
				b = append(b, "\ufffd"...)
				i++
				start = i
				continue
			}
			i += size
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case 0:
			b = append(b, "\ufffd"...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
