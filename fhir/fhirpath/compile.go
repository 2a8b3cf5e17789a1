package fhirpath

import (
	"strings"
)

type compiler struct {
	src  string
	vars []string
	sets []string
}

func (c *compiler) fail(pos int, format string, a ...any) error {
	return positioned(c.src, pos, format, a...)
}

// slot gives the index of a variable.
func (c *compiler) slot(name string) int {
	for i, v := range c.vars {
		if v == name {
			return i
		}
	}
	c.vars = append(c.vars, name)
	return len(c.vars) - 1
}

func (c *compiler) compile(e *expr) (eval, error) {
	switch e.op {
	case opLiteral:
		s := set{items: e.value}
		return func(*evaluation, *frame) (set, error) { return s, nil }, nil
	case opThis:
		return func(_ *evaluation, f *frame) (set, error) { return f.this, nil }, nil
	case opIndexVar:
		return func(ev *evaluation, f *frame) (set, error) {
			if f.index < 0 {
				return set{}, ev.fail(e.pos, "$index has no meaning here")
			}
			return ev.one(FromInt(int64(f.index))), nil
		}, nil
	case opTotal:
		return func(ev *evaluation, f *frame) (set, error) {
			if f.total == nil {
				return set{}, ev.fail(e.pos, "$total has no meaning here")
			}
			return *f.total, nil
		}, nil
	case opVariable:
		return c.variable(e), nil
	case opMember:
		return c.member(e)
	case opFunction:
		return c.function(e)
	case opIndexer:
		return c.indexer(e)
	case opSign:
		return c.sign(e)
	case opType:
		return c.typeOperator(e, e.args[0])
	}
	return c.binary(e)
}

// input compiles what an invocation works on: what stands before the point,
// else $this.
func (c *compiler) input(e *expr) (eval, error) {
	if e == nil {
		return func(_ *evaluation, f *frame) (set, error) { return f.this, nil }, nil
	}
	return c.compile(e)
}

// variable compiles %name: those of the specifications first, then the
// caller's (R4, "FHIRPath", Variables).
func (c *compiler) variable(e *expr) eval {
	constant := func(s string) eval {
		v := set{items: Collection{FromString(s)}}
		return func(*evaluation, *frame) (set, error) { return v, nil }
	}
	switch name := e.name; {
	case name == "resource":
		return func(ev *evaluation, _ *frame) (set, error) { return set{items: FromNode(ev.resource())}, nil }
	case name == "rootResource":
		return func(ev *evaluation, _ *frame) (set, error) { return set{items: FromNode(ev.rootResource())}, nil }
	case name == "context":
		return func(ev *evaluation, _ *frame) (set, error) { return set{items: ev.focus}, nil }
	case name == "ucum":
		return constant("http://unitsofmeasure.org")
	case name == "sct":
		return constant("http://snomed.info/sct")
	case name == "loinc":
		return constant("http://loinc.org")
	case strings.HasPrefix(name, "vs-"):
		return constant("http://hl7.org/fhir/ValueSet/" + name[len("vs-"):])
	case strings.HasPrefix(name, "ext-"):
		return constant("http://hl7.org/fhir/StructureDefinition/" + name[len("ext-"):])
	}
	i := c.slot(e.name)
	return func(ev *evaluation, _ *frame) (set, error) { return ev.variable(i, e.pos) }
}

func (c *compiler) member(e *expr) (eval, error) {
	name := e.name
	if e.args[0] != nil {
		in, err := c.compile(e.args[0])
		if err != nil {
			return nil, err
		}
		return func(ev *evaluation, f *frame) (set, error) {
			s, err := in(ev, f)
			if err != nil {
				return set{}, err
			}
			return ev.member(s, name)
		}, nil
	}
	// At the start of a path a type's name stands for the context itself.
	root := typeID(0)
	if name[0] >= 'A' && name[0] <= 'Z' {
		root = r4().byName[name]
	}
	return func(ev *evaluation, f *frame) (set, error) {
		if root != 0 {
			out := set{unknown: f.this.unknown}
			for i, v := range f.this.items {
				if v.kind == Element && ev.model.is(v.typ, root) {
					if len(f.this.items) == 1 {
						return f.this, nil
					}
					out.items = append(out.items, f.this.items[i])
				}
			}
			if len(out.items) > 0 {
				return out, nil
			}
		}
		return ev.member(f.this, name)
	}, nil
}

// member gives the children of that name of all items.
func (ev *evaluation) member(in set, name string) (set, error) {
	if err := ev.touch(len(in.items)); err != nil {
		return set{}, err
	}
	out := set{unknown: in.unknown}
	for _, v := range in.items {
		out.items = ev.model.children(&ev.pool, out.items, v, name)
	}
	return out, ev.fits(out.items)
}

// children appends the children of that name of v.
func (m *model) children(p *pool, out Collection, v Value, name string) Collection {
	switch v.kind {
	case Element:
	case Quantity:
		switch name {
		case "value":
			return append(out, FromDecimal(*v.dec()))
		case "unit", "code":
			return append(out, FromString(v.text))
		}
		return out
	case TypeInfo:
		namespace, own, _ := strings.Cut(v.text, ".")
		switch name {
		case "namespace":
			return append(out, FromString(namespace))
		case "name":
			return append(out, FromString(own))
		}
		return out
	default:
		return out
	}
	e := m.find(v.typ, name)
	switch {
	case e != nil && e.choice:
		for _, k := range v.node.All() {
			own := k.Name()
			if len(own) <= len(name) || own[:len(name)] != name || k.Empty() {
				continue
			}
			if t, ok := m.suffix[own[len(name):]]; ok {
				out = append(out, Value{kind: Element, typ: t, node: k})
			}
		}
		return out
	case e != nil:
		kids := v.node.Children(name)
		if len(kids) == 0 {
			return out
		}
		if out == nil {
			out = p.take(len(kids))
		}
		t := e.types[0]
		resource := m.types[t].kind == kindResource
		for _, k := range kids {
			if k.Empty() {
				continue
			}
			if resource {
				t = m.ofResource(k)
			}
			out = append(out, Value{kind: Element, typ: t, node: k})
		}
		return out
	case name == "resourceType":
		return out
	case name == "value" && v.node.HasValue() && len(v.node.Children(name)) == 0:
		return append(out, v.system())
	}
	// No definition names it: an element of another version, or a choice
	// element by its full name.
	kids := v.node.Children(name)
	for _, k := range kids {
		if !k.Empty() {
			out = append(out, Value{kind: Element, typ: m.ofChild(v.typ, k), node: k})
		}
	}
	if len(kids) == 0 && v.typ == 0 {
		if k, suffix := v.node.Choice(name); k != nil && !k.Empty() {
			if t, ok := m.suffix[suffix]; ok {
				out = append(out, Value{kind: Element, typ: t, node: k})
			}
		}
	}
	return out
}

func (c *compiler) indexer(e *expr) (eval, error) {
	in, err := c.compile(e.args[0])
	if err != nil {
		return nil, err
	}
	index, err := c.compile(e.args[1])
	if err != nil {
		return nil, err
	}
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		at, err := index(ev, f)
		if err != nil {
			return set{}, err
		}
		if unknown := s.unknown | at.unknown; unknown != 0 {
			return undetermined(unknown), nil
		}
		i, ok, err := ev.integer(at, e.pos, "the index")
		if err != nil || !ok {
			return set{}, err
		}
		if i < 0 || i >= int64(len(s.items)) {
			return set{}, nil
		}
		return set{items: s.items[i : i+1 : i+1]}, nil
	}, nil
}

// single gives the one item of s as a value of FHIRPath's own types; false
// where s is empty; an error where there are more.
func (ev *evaluation) single(s set, pos int, what string) (Value, bool, error) {
	switch len(s.items) {
	case 0:
		return Value{}, false, nil
	case 1:
		return s.items[0].system(), true, nil
	}
	return Value{}, false, ev.fail(pos, "%s is a list of %d, and one is needed", what, len(s.items))
}

func (ev *evaluation) integer(s set, pos int, what string) (int64, bool, error) {
	v, ok, err := ev.single(s, pos, what)
	if err != nil || !ok {
		return 0, false, err
	}
	if v.kind != Integer {
		return 0, false, ev.fail(pos, "%s is no Integer but a %s", what, v.kind)
	}
	return v.num, true, nil
}

func (ev *evaluation) str(s set, pos int, what string) (string, bool, error) {
	v, ok, err := ev.single(s, pos, what)
	if err != nil || !ok {
		return "", false, err
	}
	if v.kind != String {
		return "", false, ev.fail(pos, "%s is no String but a %s", what, v.kind)
	}
	return v.text, true, nil
}

// typeRef is a type specifier that was looked up.
type typeRef struct {
	fhir   typeID
	system Kind
	any    bool
}

// lookUp resolves a type specifier; without namespace FHIR goes before System,
// and a name that both have means both.
func (c *compiler) lookUp(t typeName, pos int) (typeRef, error) {
	var ref typeRef
	if t.namespace == "" || t.namespace == "FHIR" {
		ref.fhir = r4().byName[t.name]
	}
	if t.namespace == "" || t.namespace == "System" {
		for k, name := range kindNames {
			if name == t.name && Kind(k) != Element {
				ref.system = Kind(k)
			}
		}
		ref.any = t.name == "Any"
	}
	if ref == (typeRef{}) && t.namespace != "System" {
		return ref, c.fail(pos, "no type %s", clip(t.String()))
	}
	return ref, nil
}

// matches tells whether v is of the type. Exact takes a primitive's own type
// only, as as() and ofType() do.
func (ev *evaluation) matches(v Value, ref typeRef, exact bool) bool {
	if ref.any {
		return true
	}
	if v.kind != Element {
		return v.kind == ref.system
	}
	if ref.fhir == 0 {
		return false
	}
	if exact && ev.model.types[ref.fhir].kind == kindPrimitive {
		return v.typ == ref.fhir
	}
	return ev.model.is(v.typ, ref.fhir)
}

// typeOperator compiles is and as, as operators and as functions.
func (c *compiler) typeOperator(e *expr, input *expr) (eval, error) {
	in, err := c.input(input)
	if err != nil {
		return nil, err
	}
	ref, err := c.lookUp(e.typ, e.pos)
	if err != nil {
		return nil, err
	}
	keep := e.name == "as"
	return func(ev *evaluation, f *frame) (set, error) {
		s, err := in(ev, f)
		if err != nil {
			return set{}, err
		}
		if s.unknown != 0 {
			return undetermined(s.unknown), nil
		}
		if len(s.items) > 1 {
			return set{}, ev.fail(e.pos, "%s works on one item, not on %d", e.name, len(s.items))
		}
		if len(s.items) == 0 {
			return set{}, nil
		}
		ok := ev.matches(s.items[0], ref, keep)
		switch {
		case !keep:
			return boolean(ok), nil
		case ok:
			return s, nil
		}
		return set{}, nil
	}, nil
}
