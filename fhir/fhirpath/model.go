package fhirpath

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"cdss/fhir"
)

//go:generate go run ./generate

//go:embed types.txt
var typesText string

// typeID names a type of the model; 0 is a type that is not known.
type typeID uint16

// typeKind tells primitive types from the others.
type typeKind uint8

const (
	kindPrimitive typeKind = iota + 1
	kindComplex
	kindResource
	kindBackbone
)

// typeDef is one FHIR type.
type typeDef struct {
	name     string
	base     typeID
	kind     typeKind
	abstract bool
	system   Kind // what a primitive's value is in FHIRPath
	elements []elementDef
}

// elementDef is an element that a type adds to its base.
type elementDef struct {
	name   string
	types  []typeID
	list   bool
	choice bool
}

// model is the table of R4's types. It is read once and never changed.
type model struct {
	types  []typeDef
	byName map[string]typeID
	// suffix finds the type of a choice element's name, "Quantity" or
	// "DateTime".
	suffix map[string]typeID

	resource, quantity, extension typeID
}

var r4 = sync.OnceValue(readModel)

// systemKinds of the primitive types; a derived type has that of its base.
var systemKinds = map[string]Kind{
	"boolean": Boolean, "string": String, "uri": String, "base64Binary": String, "xhtml": String,
	"integer": Integer, "decimal": Decimal, "date": Date, "dateTime": DateTime, "instant": DateTime, "time": Time,
}

func readModel() *model {
	m := &model{types: make([]typeDef, 1, 800), byName: make(map[string]typeID, 800), suffix: make(map[string]typeID, 100)}
	id := func(name string) typeID {
		t, ok := m.byName[name]
		if !ok {
			t = typeID(len(m.types))
			m.types = append(m.types, typeDef{name: name})
			m.byName[name] = t
		}
		return t
	}
	ids := func(names []string) []typeID {
		list := make([]typeID, len(names))
		for i, name := range names {
			list[i] = id(name)
		}
		return list
	}
	var open []typeID
	current := typeID(0)
	for line := range strings.Lines(typesText) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		words := strings.Fields(line)
		if line[0] != '\t' {
			if words[0] == "open" {
				open = ids(words[1:])
				continue
			}
			current = id(words[0])
			base := typeID(0)
			if words[1] != "-" {
				base = id(words[1])
			}
			def := &m.types[current]
			def.base = base
			switch words[2][0] {
			case 'p':
				def.kind = kindPrimitive
			case 'c':
				def.kind = kindComplex
			case 'r':
				def.kind = kindResource
			case 'b':
				def.kind = kindBackbone
			}
			def.abstract = strings.HasSuffix(words[2], "a")
			continue
		}
		e := elementDef{name: words[0]}
		e.name, e.list = strings.CutSuffix(e.name, "*")
		e.name, e.choice = strings.CutSuffix(e.name, "[x]")
		if words[1] == "open" {
			e.types = open
		} else {
			e.types = ids(words[1:])
		}
		m.types[current].elements = append(m.types[current].elements, e)
	}
	for i := range m.types {
		def := &m.types[i]
		slices.SortFunc(def.elements, func(a, b elementDef) int { return strings.Compare(a.name, b.name) })
		for t := typeID(i); t != 0 && def.kind == kindPrimitive && def.system == 0; t = m.types[t].base {
			def.system = systemKinds[m.types[t].name]
		}
		if def.kind == kindPrimitive || def.kind == kindComplex {
			m.suffix[strings.ToUpper(def.name[:1])+def.name[1:]] = typeID(i)
		}
	}
	m.resource, m.quantity, m.extension = id("Resource"), id("Quantity"), id("Extension")
	return m
}

// find gives the element of that name of t or of a base of t.
func (m *model) find(t typeID, name string) *elementDef {
	for ; t != 0; t = m.types[t].base {
		list := m.types[t].elements
		at, ok := slices.BinarySearchFunc(list, name, func(e elementDef, n string) int { return strings.Compare(e.name, n) })
		if ok {
			return &list[at]
		}
	}
	return nil
}

// is tells whether t is of, or derived from, base.
func (m *model) is(t, base typeID) bool {
	for ; t != 0; t = m.types[t].base {
		if t == base {
			return true
		}
	}
	return false
}

// publicName is the name that type() shows: a backbone's own name is not one.
func (m *model) publicName(t typeID) string {
	if t == 0 {
		return "Element"
	}
	def := &m.types[t]
	if def.kind == kindBackbone {
		return m.types[def.base].name
	}
	return def.name
}

// ofResource gives the type that resourceType names.
func (m *model) ofResource(n *fhir.Node) typeID {
	name := n.ResourceType()
	if name == "" {
		return 0
	}
	t := m.byName[name]
	if t != 0 && m.types[t].kind != kindResource {
		return 0
	}
	return t
}

// ofChild gives the type of n, a child of an element of type t.
func (m *model) ofChild(t typeID, n *fhir.Node) typeID {
	name := n.Name()
	if e := m.find(t, name); e != nil && !e.choice {
		return m.one(e, n)
	}
	// A choice element: the longest base name that the type knows.
	for cut := len(name) - 1; cut > 0; cut-- {
		if c := name[cut]; c < 'A' || c > 'Z' {
			continue
		}
		suffix, ok := m.suffix[name[cut:]]
		if !ok {
			continue
		}
		if e := m.find(t, name[:cut]); t == 0 || e != nil && e.choice {
			return suffix
		}
	}
	if n.Kind() == fhir.KindObject {
		return m.ofResource(n)
	}
	return 0
}

// one gives the type of a node of an element that is no choice.
func (m *model) one(e *elementDef, n *fhir.Node) typeID {
	t := e.types[0]
	if t == m.resource || m.types[t].abstract && m.types[t].kind == kindResource {
		return m.ofResource(n)
	}
	return t
}

// ofNode gives the type of any node, from the resource it stands in.
func (m *model) ofNode(n *fhir.Node) typeID {
	if n == nil {
		return 0
	}
	if t := m.ofResource(n); t != 0 {
		return t
	}
	parent := n.Parent()
	if parent == nil {
		return m.byName[n.Name()]
	}
	return m.ofChild(m.ofNode(parent), n)
}
