package fhir

import (
	"bytes"
	"strings"
	"sync"

	"cdss/fhir/issue"
)

// Resource is one FHIR resource: the bytes as they came, its type and id, and a
// tree that is parsed when first asked for.
type Resource struct {
	raw     string
	typ, id string
	entries int // limit for SplitBundle
	once    sync.Once
	root    *Node
}

// ParseResource scans raw (see Scan) with the default limits and reads
// resourceType and id. The resource keeps raw and shares its memory: the caller
// must not change it afterwards. Errors are of kind issue.Structure (no JSON,
// or no object), issue.Invalid (no resource) or issue.TooLong.
func ParseResource(raw []byte) (*Resource, error) {
	return ParseResourceWithin(raw, Limits{})
}

// ParseResourceWithin is ParseResource with other limits.
func ParseResourceWithin(raw []byte, limits Limits) (*Resource, error) {
	limits = limits.orDefault()
	if err := Scan(raw, limits); err != nil {
		return nil, err
	}
	return newResource(view(bytes.TrimSpace(raw)), view(raw), limits.Entries)
}

// newResource reads type and id of a scanned value. Raw is what Raw gives back.
func newResource(value, raw string, entries int) (*Resource, error) {
	if value == "" || value[0] != '{' {
		return nil, issue.New(issue.Structure, "read resource: the JSON is no object")
	}
	r := &Resource{raw: raw, entries: entries}
	var err error
	found := 0
	eachMember(value, func(name, text string) bool {
		switch name {
		case "resourceType":
			found++
			t, ok := stringText(text)
			if !ok || !isTypeName(t) {
				err = issue.New(issue.Invalid, "read resource: resourceType is no type name").At("resourceType")
				return false
			}
			r.typ = t
		case "id":
			found++
			id, ok := stringText(text)
			if !ok || id == "" {
				err = issue.New(issue.Invalid, "read resource: id is no string").At("id")
				return false
			}
			r.id = id
		}
		return found < 2
	})
	if err != nil {
		return nil, err
	}
	if r.typ == "" {
		return nil, issue.New(issue.Invalid, "read resource: resourceType is missing").At("resourceType")
	}
	return r, nil
}

func isTypeName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return true
}

// Type gives the resource type, for example "Observation".
func (r *Resource) Type() string {
	if r == nil {
		return ""
	}
	return r.typ
}

// ID gives the logical id, "" if there is none. It may break the syntax of ids;
// fhir/validate says so.
func (r *Resource) ID() string {
	if r == nil {
		return ""
	}
	return r.id
}

// Ref gives "Type/id", or "" without id.
func (r *Resource) Ref() string {
	if r == nil || r.id == "" {
		return ""
	}
	return r.typ + "/" + r.id
}

// Raw gives the bytes as they came. The slice is a copy.
func (r *Resource) Raw() []byte {
	if r == nil {
		return nil
	}
	return []byte(r.raw)
}

// Size gives the number of bytes of Raw.
func (r *Resource) Size() int {
	if r == nil {
		return 0
	}
	return len(r.raw)
}

// Root gives the tree, parsed at the first call.
func (r *Resource) Root() *Node {
	if r == nil {
		return nil
	}
	r.once.Do(func() { r.root = parseTree(r.raw, r.typ) })
	return r.root
}

// MarshalJSON gives the bytes as they came.
func (r *Resource) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	return r.Raw(), nil
}

// Resource reads the node, an object with a resourceType such as a contained
// resource or a parameter's, as a resource of its own.
func (n *Node) Resource() (*Resource, error) {
	if n == nil {
		return nil, issue.New(issue.Required, "read resource: there is none")
	}
	r, err := newResource(n.raw, n.raw, DefaultLimits.Entries)
	if err != nil {
		return nil, withLocation(err, n.Location())
	}
	return r, nil
}

// ParseJSON scans any JSON document and gives its tree, for messages that are
// no resource.
func ParseJSON(raw []byte, limits Limits) (*Node, error) {
	if err := Scan(raw, limits); err != nil {
		return nil, err
	}
	return parseTree(view(raw), ""), nil
}

// withLocation puts a location before those that err names.
func withLocation(err error, location string) error {
	e, ok := err.(*issue.Error)
	if !ok || location == "" {
		return err
	}
	if len(e.Expression) == 0 {
		return e.At(location)
	}
	for i, x := range e.Expression {
		e.Expression[i] = location + "." + strings.TrimPrefix(x, ".")
	}
	return e
}
